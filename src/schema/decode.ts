import { compileDecoder } from './decode-compiled.ts'
import { BAD, isDropped, isFilled, readScalar, sortedMap, typeName, zeroOf } from './scalars.ts'
import type { AnyType, StructType, Type } from './type.ts'

/** One thing about an object that cannot be taken as its type. */
export interface DecodeProblem {
  readonly what: 'type' | 'unknown' | 'duplicate'
  /** `spec.containers[0].image` */
  readonly field: string
  /** `unknown field "spec.foo"`; `spec.replicas: expected int32, got string "three"` */
  readonly text: string
}

export interface Decoded<T> {
  /** In normal form, without what is unknown or of the wrong type. */
  readonly value: T
  /** Why the value must be refused: wrong types; with `strict` unknown fields too. */
  readonly problems: readonly DecodeProblem[]
  /** With `warn`: the texts to send as warnings. */
  readonly warnings: readonly string[]
}

export type UnknownFields = 'strict' | 'warn' | 'ignore'

const MAX_PROBLEMS = 100
const MAX_DEPTH = 1000

/**
 * Parsed JSON (or YAML) to an object of `type` in its one normal form: properties in the order of the declaration,
 * map keys sorted, null as absent, zero values left out or filled in as the declaration says, quantities and times
 * canonical. Unknown fields are dropped and reported; values that do not fit are dropped and are problems.
 * Input is not changed; parts of it (untyped JSON) may be shared with the result.
 */
export function decode<T>(
  type: Type<T>,
  json: unknown,
  options: { readonly unknown: UnknownFields } = { unknown: 'ignore' },
): Decoded<T> {
  const state = { odd: false, depth: 0 }
  const value = compileDecoder(type as unknown as AnyType)(json, state)
  if (!state.odd) return { value: value as T, problems: [], warnings: [] }
  return interpret(type, json, options)
}

/** The same, slowly and with the paths of what is wrong: the meaning of `decode`, and its oracle in tests. */
export function interpret<T>(
  type: Type<T>,
  json: unknown,
  options: { readonly unknown: UnknownFields },
): Decoded<T> {
  const found: DecodeProblem[] = []
  const report = (problem: DecodeProblem) => {
    if (found.length < MAX_PROBLEMS) found.push(problem)
  }
  const any = type as unknown as AnyType
  const value = read(any, json, '', 0, report) ?? zeroOf(any)
  const unknown = found.filter((p) => p.what === 'unknown')
  return {
    value: value as T,
    problems: options.unknown === 'strict' ? found : found.filter((p) => p.what === 'type'),
    warnings: options.unknown === 'warn' ? unknown.map((p) => p.text) : [],
  }
}

type Report = (problem: DecodeProblem) => void

function read(type: AnyType, raw: unknown, path: string, depth: number, report: Report): unknown {
  if (raw === null || raw === undefined) return zeroOf(type)
  if (depth > MAX_DEPTH) {
    report({ what: 'type', field: path, text: `${path || 'object'}: nested deeper than ${MAX_DEPTH} levels` })
    return zeroOf(type)
  }
  switch (type.form) {
    case 'scalar': {
      const value = readScalar(type.scalar, raw)
      return value === BAD ? mismatch(type, raw, path, report) : value
    }
    case 'enum':
      return typeof raw === 'string' ? raw : mismatch(type, raw, path, report)
    case 'list':
      if (!Array.isArray(raw)) return mismatch(type, raw, path, report)
      return raw
        .map((item, i) => read(type.item, item, `${path}[${i}]`, depth + 1, report))
        .filter((item) => item !== undefined)
    case 'map':
      if (!isObject(raw)) return mismatch(type, raw, path, report)
      return sortedMap(raw, (key) => read(type.value, raw[key], join(path, key), depth + 1, report))
    case 'schemaOr':
      if (type.other === 'bool' && typeof raw === 'boolean') return raw
      if (type.other === 'list' && Array.isArray(raw)) {
        return raw
          .map((item, i) => read(type.schema, item, `${path}[${i}]`, depth + 1, report))
          .filter((item) => item !== undefined)
      }
      if (type.other === 'strings' && Array.isArray(raw) && raw.every((s) => typeof s === 'string'))
        return raw
      if (!isObject(raw)) return mismatch(type, raw, path, report)
      return read(type.schema, raw, path, depth + 1, report)
    case 'struct':
      if (!isObject(raw)) return mismatch(type, raw, path, report)
      return readStruct(type, raw, path, depth, report)
    default:
      return type satisfies never
  }
}

function readStruct(
  type: StructType,
  raw: Readonly<Record<string, unknown>>,
  path: string,
  depth: number,
  report: Report,
) {
  for (const key of Object.keys(raw)) {
    if (type.field.has(key)) continue
    const field = join(path, key)
    report({ what: 'unknown', field, text: `unknown field ${JSON.stringify(field)}` })
  }
  const out: Record<string, unknown> = {}
  for (const f of type.fields) {
    const given = Object.hasOwn(raw, f.name) ? raw[f.name] : undefined
    const there = given !== undefined && given !== null
    const value = there ? read(f.type, given, join(path, f.name), depth + 1, report) : undefined
    const kept = value === undefined && isFilled(f) ? zeroOf(f.type) : value
    if (kept === undefined || (kept === null && !there) || isDropped(f, kept)) continue
    out[f.name] = kept
  }
  return out
}

function mismatch(type: AnyType, raw: unknown, path: string, report: Report): unknown {
  const where = path === '' ? '' : `${path}: `
  report({ what: 'type', field: path, text: `${where}expected ${typeName(type)}, got ${shown(raw)}` })
  return undefined
}

function shown(raw: unknown): string {
  if (Array.isArray(raw)) return 'array'
  if (typeof raw === 'object') return 'object'
  if (typeof raw === 'boolean') return `bool ${raw}`
  if (typeof raw !== 'string') return `number ${raw}`
  return `string ${JSON.stringify(raw.length > 64 ? `${raw.slice(0, 64)}…` : raw)}`
}

function isObject(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/**
 * The message of the 400 that refuses the object, as kubectl users know it:
 * `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"`.
 */
export function decodeErrorText(
  resource: { readonly kind: string; readonly version: string },
  problems: readonly DecodeProblem[],
): string {
  const wrong = problems.filter((p) => p.what === 'type')
  const why =
    wrong.length > 0
      ? wrong.map((p) => p.text).join(', ')
      : `strict decoding error: ${problems.map((p) => p.text).join(', ')}`
  return `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${why}`
}
