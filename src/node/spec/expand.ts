/**
 * `$(NAME)` in commands, arguments and variables: replaced where the variable is known, kept as written where it is
 * not, and `$$(NAME)` stands for a literal `$(NAME)`.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = ''
  let at = 0
  for (;;) {
    const next = text.indexOf('$', at)
    if (next < 0 || next + 1 >= text.length) return out + text.slice(at)
    out += text.slice(at, next)
    const after = text[next + 1]
    if (after === '$') {
      out += '$'
      at = next + 2
    } else if (after === '(') {
      const end = text.indexOf(')', next + 2)
      if (end < 0) return `${out}${text.slice(next)}`
      const name = text.slice(next + 2, end)
      out += lookup(name) ?? `$(${name})`
      at = end + 1
    } else {
      out += `$${after}`
      at = next + 2
    }
  }
}
