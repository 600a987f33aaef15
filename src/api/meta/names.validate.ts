/**
 * The alphabets of names (Kubernetes' apimachinery pkg/util/validation). Each check returns what is wrong with a
 * value as clients know the words; an empty list, always the same one, when nothing is. They run on every name of
 * every object, so they walk the characters once and use no regular expressions.
 */
export type Check = (value: string) => readonly string[]
/** A check of an object's name; with `prefix` the value is a generateName, to which more will be appended. */
export type NameCheck = (value: string, prefix: boolean) => readonly string[]

const NONE: readonly string[] = []
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'

const tooLong = (max: number) => `must be no more than ${max} characters`
const EMPTY = 'must be non-empty'

/** A message with its examples, spaced as Kubernetes spaces it. */
function regexMessage(text: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`
  return `${text} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`
}

const isLower = (c: number) => c >= 97 && c <= 122
const isUpper = (c: number) => c >= 65 && c <= 90
const isDigit = (c: number) => c >= 48 && c <= 57
const isAlphanumeric = (c: number) => isLower(c) || isDigit(c) || isUpper(c)
const DASH = 45
const DOT = 46
const UNDERSCORE = 95

/** Lower-case letters, digits and '-' within, from `start` to `end`. */
function isDnsLabel(value: string, start: number, end: number, letterFirst = false): boolean {
  if (start >= end) return false
  for (let i = start; i < end; i++) {
    const c = value.charCodeAt(i)
    if (isLower(c)) continue
    if (isDigit(c) ? letterFirst && i === start : c !== DASH || i === start || i === end - 1) return false
  }
  return true
}

function isSubdomain(value: string): boolean {
  let start = 0
  for (;;) {
    const dot = value.indexOf('.', start)
    if (!isDnsLabel(value, start, dot < 0 ? value.length : dot)) return false
    if (dot < 0) return true
    start = dot + 1
  }
}

const SUBDOMAIN_MESSAGE = regexMessage(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  `${LABEL}(\\.${LABEL})*`,
  'example.com',
)
const LABEL_MESSAGE = regexMessage(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  'my-name',
  '123-abc',
)
const LABEL_1035_MESSAGE = regexMessage(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  'my-name',
  'abc-123',
)

export const dnsSubdomain: Check = (value) => {
  if (value.length <= 253 && isSubdomain(value)) return NONE
  const messages = value.length > 253 ? [tooLong(253)] : []
  if (!isSubdomain(value)) messages.push(SUBDOMAIN_MESSAGE)
  return messages
}

const UNDERSCORE_SUBDOMAIN_MESSAGE = regexMessage(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  '[a-z0-9_]([-_a-z0-9]*[a-z0-9])?(\\.[a-z0-9_]([-_a-z0-9]*[a-z0-9])?)*',
  'example.com',
)

export const dnsSubdomainWithUnderscore: Check = (value) => {
  const ok = value.split('.').every((part) => /^[a-z0-9_]([-_a-z0-9]*[a-z0-9])?$/.test(part))
  if (value.length <= 253 && ok) return NONE
  return [...(value.length > 253 ? [tooLong(253)] : []), ...(ok ? [] : [UNDERSCORE_SUBDOMAIN_MESSAGE])]
}

export const dnsLabel: Check = (value) => {
  if (value.length <= 63 && isDnsLabel(value, 0, value.length)) return NONE
  const messages = value.length > 63 ? [tooLong(63)] : []
  if (!isDnsLabel(value, 0, value.length))
    messages.push(isSubdomain(value) ? 'must not contain dots' : LABEL_MESSAGE)
  return messages
}

export const dns1035Label: Check = (value) => {
  if (value.length <= 63 && isDnsLabel(value, 0, value.length, true)) return NONE
  const messages = value.length > 63 ? [tooLong(63)] : []
  if (!isDnsLabel(value, 0, value.length, true)) messages.push(LABEL_1035_MESSAGE)
  return messages
}

export const wildcardSubdomain: Check = (value) => {
  if (value.length <= 253 && value.startsWith('*.') && isSubdomain(value.slice(2))) return NONE
  return [
    ...(value.length > 253 ? [tooLong(253)] : []),
    regexMessage(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      `\\*\\.${LABEL}(\\.${LABEL})*`,
      '*.example.com',
    ),
  ]
}

const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const QUALIFIED_MESSAGE = regexMessage(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED,
  'MyName',
  'my.name',
  '123-abc',
)

/** Letters, digits, '-', '_' and '.' within, from `start` on; not empty. */
function isWord(value: string, start: number): boolean {
  const end = value.length
  if (start >= end) return false
  for (let i = start; i < end; i++) {
    const c = value.charCodeAt(i)
    if (isAlphanumeric(c)) continue
    if ((c !== DASH && c !== UNDERSCORE && c !== DOT) || i === start || i === end - 1) return false
  }
  return true
}

/** `name` or `prefix.example.com/name`: the keys of labels and annotations, finalizers, condition types. */
export const qualifiedName: Check = (value) => {
  const slash = value.indexOf('/')
  const name = slash + 1
  if (value.length - name <= 63 && isWord(value, name)) {
    if (slash < 0) return NONE
    if (slash > 0 && slash <= 253 && isSubdomain(value.slice(0, slash))) return NONE
  }
  return qualifiedNameMessages(value)
}

function qualifiedNameMessages(value: string): readonly string[] {
  const parts = value.split('/')
  if (parts.length > 2) {
    return [
      `a qualified name ${QUALIFIED_MESSAGE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const messages: string[] = []
  if (parts.length === 2) {
    const prefix = parts[0]!
    if (prefix === '') messages.push(`prefix part ${EMPTY}`)
    else for (const message of dnsSubdomain(prefix)) messages.push(`prefix part ${message}`)
  }
  const name = parts[parts.length - 1]!
  if (name === '') messages.push(`name part ${EMPTY}`)
  else if (name.length > 63) messages.push(`name part ${tooLong(63)}`)
  if (!isWord(name, 0)) messages.push(`name part ${QUALIFIED_MESSAGE}`)
  return messages
}

const LABEL_VALUE_MESSAGE = regexMessage(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
  'MyValue',
  'my_value',
  '12345',
)

export const labelValue: Check = (value) => {
  if (value === '' || (value.length <= 63 && isWord(value, 0))) return NONE
  const messages = value.length > 63 ? [tooLong(63)] : []
  if (!isWord(value, 0)) messages.push(LABEL_VALUE_MESSAGE)
  return messages
}

/** Anything that can stand in a URL path as one segment: names of RBAC objects and the like. */
export const pathSegment: Check = (value) => {
  if (value === '.') return ["may not be '.'"]
  if (value === '..') return ["may not be '..'"]
  const messages = pathSegmentPrefix(value)
  return messages
}

const pathSegmentPrefix = (value: string): readonly string[] => {
  if (!value.includes('/') && !value.includes('%')) return NONE
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`)
}

const CONFIG_KEY_MESSAGE = regexMessage(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  '[-._a-zA-Z0-9]+',
  'key.name',
  'KEY_NAME',
  'key-name',
)

/** A key of a ConfigMap or Secret, which becomes a file name. */
export const configMapKey: Check = (value) => {
  const messages: string[] = []
  if (value.length > 253) messages.push(tooLong(253))
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) messages.push(CONFIG_KEY_MESSAGE)
  if (value === '.') messages.push("must not be '.'")
  else if (value === '..') messages.push("must not be '..'")
  else if (value.startsWith('..')) messages.push("must not start with '..'")
  return messages.length === 0 ? NONE : messages
}

/** Printable ASCII without '='. */
export const envVarName: Check = (value) => {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c < 32 || c > 126 || c === 61) {
      return [
        regexMessage(
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
          '[ -<>-~]+',
        ),
      ]
    }
  }
  return NONE
}

const PORT_NAME_LETTER = 'must contain at least one letter (a-z)'

/** An IANA service name: what ports are called. */
export const portName: Check = (value) => {
  const messages: string[] = []
  if (value.length > 15) messages.push(tooLong(15))
  if (!/^[-a-z0-9]+$/.test(value))
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) messages.push(PORT_NAME_LETTER)
  if (value.includes('--')) messages.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen')
  return messages.length === 0 ? NONE : messages
}

export const portNumber = (value: number): readonly string[] =>
  value >= 1 && value <= 65535 ? NONE : ['must be between 1 and 65535, inclusive']

export const httpHeaderName: Check = (value) =>
  /^[-A-Za-z0-9]+$/.test(value)
    ? NONE
    : [
        regexMessage(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          '[-A-Za-z0-9]+',
          'X-Header-Name',
        ),
      ]

export const domainPath = (value: string): readonly string[] => {
  const slash = value.indexOf('/')
  if (value === '') return [EMPTY]
  if (slash < 1 || slash === value.length - 1)
    return ['must be a domain-prefixed path (such as "acme.io/foo")']
  const messages = [...dnsSubdomain(value.slice(0, slash))]
  const path = value.slice(slash + 1)
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path)) {
    messages.push(regexMessage('Invalid path', "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"))
  }
  return messages
}

const UID_LIMIT = 2 ** 31 - 1
export const userId = (value: number): readonly string[] =>
  value >= 0 && value <= UID_LIMIT ? NONE : [`must be between 0 and ${UID_LIMIT}, inclusive`]

/** A name check from a value check: a prefix may end in '-', because more follows. */
export function nameCheck(check: Check): NameCheck {
  return (value, prefix) =>
    check(prefix && value.length > 1 && value.endsWith('-') ? `${value.slice(0, -2)}a` : value)
}

export const subdomainName = nameCheck(dnsSubdomain)
export const labelName = nameCheck(dnsLabel)
export const label1035Name = nameCheck(dns1035Label)
export const pathSegmentName: NameCheck = (value, prefix) =>
  prefix ? pathSegmentPrefix(value) : pathSegment(value)
