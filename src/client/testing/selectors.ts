/** What the fake needs of selectors: equality, sets and existence on labels; equality on fields. */
export function matchesLabels(
  selector: string | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  if (!selector) return true
  return splitTopLevel(selector).every((term) => matchesTerm(term.trim(), labels))
}

function matchesTerm(term: string, labels: Readonly<Record<string, string>>): boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term)
  if (set) {
    const values = set[3]!.split(',').map((v) => v.trim())
    return (set[2] === 'in') === values.includes(labels[set[1]!] ?? '\0')
  }
  const equal = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (equal) return (equal[2] !== '!=') === (labels[equal[1]!] === equal[3])
  return term.startsWith('!') ? !(term.slice(1) in labels) : term in labels
}

function splitTopLevel(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/)
}

export function matchesFields(selector: string | undefined, object: object): boolean {
  if (!selector) return true
  return selector.split(',').every((term) => {
    const parts = /^([^=!]+)(==|=|!=)(.*)$/.exec(term)
    if (!parts) throw new Error(`cannot parse field selector "${term}"`)
    const value = parts[1]!
      .split('.')
      .reduce<unknown>((o, name) => (o as Record<string, unknown>)?.[name], object)
    return (parts[2] !== '!=') === (String(value ?? '') === parts[3])
  })
}
