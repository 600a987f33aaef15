import { canonicalQuantity } from './quantity.ts'
import { formatDuration, normalMicroTime, normalTime, parseDuration } from './time.ts'
import type { AnyType, Field, ScalarName } from './type.ts'

/** What `readScalar` returns for a value that does not fit. */
export const BAD: unique symbol = Symbol('bad')

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** The normal form of a JSON value (not null) of a scalar type, or BAD. The zero time is undefined: it is as absent. */
export function readScalar(scalar: ScalarName, raw: unknown): unknown {
  switch (scalar) {
    case 'string':
      return typeof raw === 'string' ? raw : BAD
    case 'bool':
      return typeof raw === 'boolean' ? raw : BAD
    case 'int32':
      return isInt32(raw) ? raw : BAD
    case 'int64':
      // A larger one would come back as another number, which Go's clients cannot even read.
      return Number.isSafeInteger(raw) ? (raw as number) + 0 : BAD
    case 'float64':
      return typeof raw === 'number' && Number.isFinite(raw) ? raw : BAD
    case 'bytes':
      return typeof raw === 'string' ? readBase64(raw) : BAD
    case 'time':
      return typeof raw === 'string' ? readTime(normalTime(raw)) : BAD
    case 'microTime':
      return typeof raw === 'string' ? readTime(normalMicroTime(raw)) : BAD
    case 'duration':
      return typeof raw === 'string' ? readDuration(raw) : BAD
    case 'quantity':
      return typeof raw === 'string' || typeof raw === 'number' ? readQuantity(String(raw)) : BAD
    case 'intOrString':
      return typeof raw === 'string' || isInt32(raw) ? raw : BAD
    case 'fieldsV1':
      return typeof raw === 'object' && !Array.isArray(raw) ? raw : BAD
    case 'rawObject':
    case 'json':
      return raw
    default:
      return scalar satisfies never
  }
}

function isInt32(raw: unknown): raw is number {
  return typeof raw === 'number' && (raw | 0) === raw
}

function readBase64(raw: string): string | typeof BAD {
  const text = raw.includes('\n') || raw.includes('\r') ? raw.replace(/[\r\n]/g, '') : raw
  return text.length % 4 === 0 && BASE64.test(text) ? text : BAD
}

function readTime(normal: string | undefined): string | undefined | typeof BAD {
  return normal === undefined ? BAD : normal === '' ? undefined : normal
}

function readDuration(raw: string): string | typeof BAD {
  const nanos = parseDuration(raw)
  return nanos === undefined ? BAD : formatDuration(nanos)
}

function readQuantity(raw: string): string | typeof BAD {
  try {
    return canonicalQuantity(raw.trim())
  } catch {
    return BAD
  }
}

/** What stands for nothing: the value of a required field that is missing, or of a null in a list. */
export function zeroOf(type: AnyType): unknown {
  switch (type.form) {
    case 'enum':
      return ''
    case 'list':
      return []
    case 'map':
      return {}
    case 'schemaOr':
      return type.other === 'bool' ? false : type.other === 'list' ? [] : {}
    case 'struct':
      return zeroStruct(type.fields)
    case 'scalar':
      return zeroScalar(type.scalar)
    default:
      return type satisfies never
  }
}

function zeroScalar(scalar: ScalarName): unknown {
  switch (scalar) {
    case 'string':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString':
      return 0
    case 'quantity':
      return '0'
    case 'duration':
      return '0s'
    case 'json':
    case 'rawObject':
      return null
    case 'time':
    case 'microTime':
    case 'fieldsV1':
      return undefined
    default:
      return scalar satisfies never
  }
}

function zeroStruct(fields: readonly Field[]): object {
  const out: Record<string, unknown> = {}
  for (const f of fields) {
    const zero = isFilled(f) ? zeroOf(f.type) : undefined
    if (zero !== undefined && zero !== null) out[f.name] = zero
  }
  return out
}

/** A field that every decoded object has, so that a missing one is filled with zero. */
export function isFilled(f: Field): boolean {
  return f.always || (f.type.form === 'struct' && !f.pointer)
}

/** Whether a decoded value is left out: zero where zero means absent. */
export function isDropped(f: Field, value: unknown): boolean {
  if (value === undefined) return true
  if (isFilled(f) || f.pointer) return false
  if (typeof value !== 'object') return value === '' || value === 0 || value === false
  if (value === null) return f.type.form !== 'scalar'
  if (Array.isArray(value)) return value.length === 0 && f.type.form === 'list'
  if (f.type.form !== 'map') return false
  for (const _ in value) return false
  return true
}

/** The type in an error message. */
export function typeName(type: AnyType): string {
  switch (type.form) {
    case 'scalar':
      return SCALAR_WORDS[type.scalar]
    case 'enum':
      return 'string'
    case 'list':
      return 'array'
    case 'map':
    case 'struct':
      return 'object'
    case 'schemaOr':
      return `object or ${type.other === 'bool' ? 'bool' : 'array'}`
    default:
      return type satisfies never
  }
}

const SCALAR_WORDS: Record<ScalarName, string> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: `int64 up to ${Number.MAX_SAFE_INTEGER}`,
  float64: 'number',
  bytes: 'base64 string',
  time: 'RFC 3339 time',
  microTime: 'RFC 3339 time',
  duration: 'duration such as 1h2m3s',
  quantity: 'quantity such as 500m or 1Gi',
  intOrString: 'int32 or string',
  rawObject: 'object',
  json: 'any value',
  fieldsV1: 'object',
}

/** Keys in order, `__proto__` kept as an ordinary key. */
export function sortedMap(raw: Readonly<Record<string, unknown>>, read: (key: string) => unknown): object {
  const keys = Object.keys(raw)
  for (let i = 1; i < keys.length; i++) {
    if (keys[i]! < keys[i - 1]!) {
      keys.sort()
      break
    }
  }
  const out: Record<string, unknown> = {}
  for (const key of keys) {
    const value = read(key)
    if (value === undefined) continue
    if (key === '__proto__') {
      Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true })
    } else {
      out[key] = value
    }
  }
  return out
}
