/** The text is no JSON, or more than a server should read. `message` is for the person who sent it. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

export interface ParsedJson {
  readonly value: unknown
  /** `duplicate field "spec.replicas"`, a text a field that is given twice (the last one counts). */
  readonly duplicates: readonly string[]
}

/** Deeper nesting is refused: everything that walks an object may then do so recursively. */
export const MAX_JSON_DEPTH = 1000
const MAX_DUPLICATES = 100

/**
 * Parses JSON, with a bound on the depth. With `duplicates` it also finds keys that an object has twice, which
 * JSON.parse alone does not tell; that costs a second pass only where there are any. Throws JsonError.
 */
export function parseJson(
  input: string | Uint8Array,
  options: { readonly duplicates: boolean } = { duplicates: false },
): ParsedJson {
  const text = typeof input === 'string' ? input : decodeUtf8(input)
  const keys = scan(text)
  const value = parse(text)
  const repeated = options.duplicates && keys !== countKeys(value)
  return { value, duplicates: repeated ? findDuplicates(text) : [] }
}

const utf8 = new TextDecoder('utf-8')

function decodeUtf8(bytes: Uint8Array): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('utf8') : utf8.decode(bytes)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new JsonError(cause instanceof Error ? cause.message : 'not JSON', { cause })
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** How many keys the text has, as colons outside of strings; throws when it nests too deep. */
function scan(text: string): number {
  let depth = 0
  let keys = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case COLON:
        keys++
        break
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > MAX_JSON_DEPTH) throw new JsonError(`nested deeper than ${MAX_JSON_DEPTH} levels`)
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
    }
  }
  return keys
}

/** The index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let keys = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') keys += countKeys(item)
    return keys
  }
  for (const key in value) {
    keys++
    const item = (value as Record<string, unknown>)[key]
    if (typeof item === 'object') keys += countKeys(item)
  }
  return keys
}

interface Level {
  readonly path: string
  /** The keys so far; undefined in an array. */
  readonly keys: Set<string> | undefined
  index: number
  key: string
}

/** Walks text that is known to be JSON, and reports each key that its object has had before. */
function findDuplicates(text: string): string[] {
  const found: string[] = []
  const reported = new Set<string>()
  const stack: Level[] = []
  const here = () => {
    const top = stack.at(-1)
    if (!top) return ''
    if (!top.keys) return `${top.path}[${top.index}]`
    return top.path === '' ? top.key : `${top.path}.${top.key}`
  }
  for (let i = 0; i < text.length && found.length < MAX_DUPLICATES; i++) {
    const c = text.charCodeAt(i)
    const top = stack.at(-1)
    if (c === QUOTE) {
      const end = endOfString(text, i)
      const next = nextVisible(text, end + 1)
      if (top?.keys && text.charCodeAt(next) === COLON) {
        top.key = JSON.parse(text.slice(i, end + 1)) as string
        if (top.keys.has(top.key) && !reported.has(here())) {
          reported.add(here())
          found.push(`duplicate field ${JSON.stringify(here())}`)
        }
        top.keys.add(top.key)
      }
      i = end
    } else if (c === 0x7b) stack.push({ path: here(), keys: new Set(), index: 0, key: '' })
    else if (c === 0x5b) stack.push({ path: here(), keys: undefined, index: 0, key: '' })
    else if (c === 0x7d || c === 0x5d) stack.pop()
    else if (c === 0x2c && top && !top.keys) top.index++
  }
  return found
}

function nextVisible(text: string, from: number): number {
  let i = from
  while (' \t\r\n'.includes(text.charAt(i)) && i < text.length) i++
  return i
}
