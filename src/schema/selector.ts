/** A selector cannot be read. `message` says where. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

export type Operator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  /** One for = != gt lt, none for exists and !, any number for in and notin; sorted. */
  readonly values: readonly string[]
}

export type Labels = Readonly<Record<string, string>> | undefined

/** Requirements that must all hold; none: everything matches. */
export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Matches no object at all, as an absent LabelSelector does. */
  readonly nothing: boolean
}

export const EVERYTHING: Selector = { requirements: [], nothing: false }
export const NOTHING: Selector = { requirements: [], nothing: true }

export const MAX_SELECTOR_LENGTH = 64 * 1024

export function matchesLabels(selector: Selector, labels: Labels): boolean {
  if (selector.nothing) return false
  for (const r of selector.requirements) if (!holds(r, labels)) return false
  return true
}

function holds(r: Requirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, r.key) ? labels[r.key] : undefined
  switch (r.operator) {
    case '=':
    case 'in':
      return value !== undefined && r.values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !r.values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'gt':
      return value !== undefined && isInteger(value) && BigInt(value) > BigInt(r.values[0]!)
    case 'lt':
      return value !== undefined && isInteger(value) && BigInt(value) < BigInt(r.values[0]!)
    default:
      return r.operator satisfies never
  }
}

const isInteger = (text: string) => /^-?[0-9]{1,19}$/.test(text)

// --- the LabelSelector object ---

export interface LabelSelectorLike {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined
  readonly matchExpressions?:
    | readonly {
        readonly key: string
        readonly operator: string
        readonly values?: readonly string[] | undefined
      }[]
    | undefined
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

/** Absent: nothing. Empty: everything. Throws SelectorError for an operator that does not exist. */
export function selectorOf(selector: LabelSelectorLike | undefined): Selector {
  if (selector === undefined) return NOTHING
  const requirements = labelRequirements(selector.matchLabels)
  for (const e of selector.matchExpressions ?? []) {
    const operator = Object.hasOwn(OPERATORS, e.operator) ? OPERATORS[e.operator] : undefined
    if (operator === undefined) {
      throw new SelectorError(`${JSON.stringify(e.operator)} is not a valid label selector operator`)
    }
    const values = operator === 'exists' || operator === '!' ? [] : [...(e.values ?? [])].sort()
    requirements.push({ key: e.key, operator, values })
  }
  return { requirements, nothing: false }
}

/** A plain map, as in a Service or a ReplicationController: empty matches everything. */
export function selectorOfLabels(labels: Labels): Selector {
  return { requirements: labelRequirements(labels), nothing: false }
}

function labelRequirements(labels: Labels): Requirement[] {
  return Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] }))
}

// --- the string form ---

/** `app=web,tier in (a,b),!canary,gen>3`. Throws SelectorError. */
export function parseLabelSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_LENGTH) throw new SelectorError('label selector is too long')
  const tokens = lex(text)
  if (tokens.length === 0) return EVERYTHING
  const requirements: Requirement[] = []
  let at = 0
  for (;;) {
    const [requirement, next] = parseRequirement(tokens, at)
    requirements.push(requirement)
    at = next
    if (at === tokens.length) break
    if (tokens[at] !== ',') throw outOfPlace(tokens[at], "',' or 'end of string'")
    at++
    if (at === tokens.length) throw outOfPlace(undefined, "identifier after ','")
  }
  return { requirements, nothing: false }
}

const SPECIAL = '(),!=<>'

/** Words and the signs `( ) , ! = == != < >`. */
function lex(text: string): string[] {
  const tokens: string[] = []
  for (let i = 0; i < text.length; ) {
    const c = text[i]!
    if (/\s/.test(c)) {
      i++
    } else if ((c === '=' || c === '!') && text[i + 1] === '=') {
      tokens.push(`${c}=`)
      i += 2
    } else if (SPECIAL.includes(c)) {
      tokens.push(c)
      i++
    } else {
      let end = i
      while (end < text.length && !SPECIAL.includes(text[end]!) && !/\s/.test(text[end]!)) end++
      tokens.push(text.slice(i, end))
      i = end
    }
  }
  return tokens
}

function parseRequirement(tokens: readonly string[], start: number): [Requirement, number] {
  let at = start
  const negated = tokens[at] === '!'
  if (negated) at++
  const key = tokens[at]
  if (key === undefined || isSign(key)) throw unexpected(key, '!, identifier')
  checkKey(key)
  at++
  if (negated) return [{ key, operator: '!', values: [] }, at]
  const sign = tokens[at]
  switch (sign) {
    case undefined:
    case ',':
      return [{ key, operator: 'exists', values: [] }, at]
    case '=':
    case '==':
    case '!=': {
      const [value, next] = parseValue(tokens, at + 1)
      return [{ key, operator: sign === '!=' ? '!=' : '=', values: [checkValue(key, value)] }, next]
    }
    case '>':
    case '<': {
      const [value, next] = parseValue(tokens, at + 1)
      if (!isInteger(value)) {
        throw new SelectorError(
          `values[0][${key}]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
        )
      }
      return [{ key, operator: sign === '>' ? 'gt' : 'lt', values: [value] }, next]
    }
    case 'in':
    case 'notin': {
      const [values, next] = parseValues(tokens, at + 1)
      return [{ key, operator: sign, values: values.map((v) => checkValue(key, v)).sort() }, next]
    }
    default:
      throw unexpected(sign, 'in, notin, =, ==, !=, gt, lt')
  }
}

function parseValue(tokens: readonly string[], at: number): [string, number] {
  const token = tokens[at]
  if (token === undefined || token === ',') return ['', at]
  if (isSign(token)) throw unexpected(token, 'identifier')
  return [token, at + 1]
}

function parseValues(tokens: readonly string[], start: number): [string[], number] {
  let at = start
  if (tokens[at] !== '(') throw unexpected(tokens[at], "'('")
  at++
  const values: string[] = []
  for (;;) {
    const token = tokens[at]
    if (token === undefined) throw unexpected(token, "',', ')' or identifier")
    if (token === ',' || token === ')') values.push('')
    else if (isSign(token)) throw unexpected(token, "',', ')' or identifier")
    else {
      values.push(token)
      at++
    }
    if (tokens[at] === ')') return [[...new Set(values)], at + 1]
    if (tokens[at] !== ',') throw unexpected(tokens[at], "',' or ')'")
    at++
  }
}

function isSign(token: string): boolean {
  return SPECIAL.includes(token[0]!)
}

/** Between two requirements. */
function outOfPlace(token: string | undefined, expected: string): SelectorError {
  return new SelectorError(`found '${token ?? ''}', expected: ${expected}`)
}

function unexpected(token: string | undefined, expected: string): SelectorError {
  return new SelectorError(`unable to parse requirement: found '${token ?? ''}', expected: ${expected}`)
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

function checkKey(key: string): void {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  const prefixOk = prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix))
  if (prefixOk && NAME.test(name)) return
  throw new SelectorError(
    `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key.slice(0, 400))}: expected a label key such as 'app' or 'example.com/app'`,
  )
}

function checkValue(key: string, value: string): string {
  if (value === '' || NAME.test(value)) return value
  throw new SelectorError(
    `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value.slice(0, 100))}: a label value is at most 63 letters, digits, '-', '_' or '.', and begins and ends with a letter or digit`,
  )
}

/** The string form, as `kubectl scale` reads it from status.selector. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',')
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case '=':
    case '!=':
      return `${key}${operator}${values[0]}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'gt':
      return `${key}>${values[0]}`
    case 'lt':
      return `${key}<${values[0]}`
    default:
      return operator satisfies never
  }
}
