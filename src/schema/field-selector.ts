import { MAX_SELECTOR_LENGTH, SelectorError } from './selector.ts'

export interface FieldRequirement {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}

/** `status.phase!=Running,spec.nodeName=a`; `\\`, `\,` and `\=` stand for themselves in values. Throws SelectorError. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  if (text.length > MAX_SELECTOR_LENGTH) throw new SelectorError('field selector is too long')
  return splitTerms(text)
    .filter((term) => term !== '')
    .map(parseTerm)
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function parseTerm(term: string): FieldRequirement {
  for (let i = 0; i < term.length; i++) {
    const two = term.slice(i, i + 2)
    if (term[i] === '\\') {
      i++
    } else if (two === '!=' || two === '==') {
      return { field: term.slice(0, i), equal: two === '==', value: unescapeValue(term.slice(i + 2)) }
    } else if (term[i] === '=') {
      return { field: term.slice(0, i), equal: true, value: unescapeValue(term.slice(i + 1)) }
    }
  }
  throw new SelectorError(`invalid selector: '${term}'; can't understand '${term}'`)
}

function unescapeValue(value: string): string {
  let out = ''
  for (let i = 0; i < value.length; i++) {
    const c = value[i]!
    if (c === '=' || c === ',')
      throw new SelectorError(`invalid field selector: unescaped '${c}' in value '${value}'`)
    if (c !== '\\') {
      out += c
      continue
    }
    const escaped = value[++i]
    if (escaped === undefined || !'\\,='.includes(escaped)) {
      throw new SelectorError(`invalid field selector: invalid escape sequence in value '${value}'`)
    }
    out += escaped
  }
  return out
}

/** `get` gives a field's value as text, '' when it is unset. */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  get: (field: string) => string,
): boolean {
  return requirements.every((r) => (get(r.field) === r.value) === r.equal)
}
