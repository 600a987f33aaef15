import { BAD, isDropped, isFilled, readScalar, sortedMap, zeroOf } from './scalars.ts'
import type { AnyType, Field, StructType } from './type.ts'

/** Set when something is unknown or does not fit: the interpreter then finds out what. */
export interface DecodeState {
  odd: boolean
  depth: number
}

export type Decoder = (raw: unknown, state: DecodeState) => unknown

const MAX_DEPTH = 1000
const compiled = new WeakMap<AnyType, Decoder>()

/** A closure that does what `interpret` does for a type; made once a type. */
export function compileDecoder(type: AnyType): Decoder {
  let decoder = compiled.get(type)
  if (!decoder) {
    const body = compile(type)
    const zero = () => zeroOf(type)
    decoder = (raw, state) => (raw === null || raw === undefined ? zero() : body(raw, state))
    compiled.set(type, decoder)
  }
  return decoder
}

function odd(state: DecodeState): undefined {
  state.odd = true
  return undefined
}

/** The decoders below see no null. */
function compile(type: AnyType): Decoder {
  switch (type.form) {
    case 'scalar': {
      const { scalar } = type
      if (scalar === 'string') return decodeString
      if (scalar === 'bool') return (raw, state) => (typeof raw === 'boolean' ? raw : odd(state))
      if (scalar === 'json' || scalar === 'rawObject') return (raw) => raw
      return (raw, state) => {
        const value = readScalar(scalar, raw)
        return value === BAD ? odd(state) : value
      }
    }
    case 'enum':
      return decodeString
    case 'list':
      return compileList(type.item)
    case 'map': {
      const item = compileDecoder(type.value)
      return (raw, state) => {
        if (typeof raw !== 'object' || Array.isArray(raw)) return odd(state)
        const map = raw as Record<string, unknown>
        return sortedMap(map, (key) => item(map[key], state))
      }
    }
    case 'schemaOr': {
      const { other } = type
      return (raw, state) => {
        if (other === 'bool' && typeof raw === 'boolean') return raw
        const schema = compileDecoder(type.schema)
        if (!Array.isArray(raw)) return schema(raw, state)
        if (other === 'list') return raw.map((item) => schema(item, state))
        return other === 'strings' && raw.every((s) => typeof s === 'string') ? raw : odd(state)
      }
    }
    case 'struct':
      return compileStruct(type)
    default:
      return type satisfies never
  }
}

function decodeString(raw: unknown, state: DecodeState): unknown {
  return typeof raw === 'string' ? raw : odd(state)
}

function compileList(itemType: AnyType): Decoder {
  const item = compileDecoder(itemType)
  return (raw, state) => {
    if (!Array.isArray(raw)) return odd(state)
    const out: unknown[] = new Array(raw.length)
    for (let i = 0; i < raw.length; i++) out[i] = item(raw[i], state)
    return out
  }
}

interface FieldPlan {
  readonly index: number
  readonly decode: Decoder
}

interface StructPlan {
  readonly byName: ReadonlyMap<string, FieldPlan>
  readonly names: readonly string[]
  readonly fillers: readonly (() => unknown)[]
}

function compileStruct(type: StructType): Decoder {
  let plan: StructPlan | undefined // made at the first use: a type may contain itself
  return (raw, state) => {
    if (typeof raw !== 'object' || Array.isArray(raw) || state.depth > MAX_DEPTH) return odd(state)
    plan ??= planStruct(type)
    const { byName, names, fillers } = plan
    const source = raw as Record<string, unknown>
    const slots: unknown[] = new Array(names.length).fill(undefined)
    state.depth++
    for (const key in source) {
      const field = byName.get(key)
      if (field === undefined) {
        state.odd = true
        continue
      }
      const given = source[key]
      if (given !== null && given !== undefined) slots[field.index] = field.decode(given, state)
    }
    state.depth--
    const out: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const slot = slots[i]
      const value = slot === undefined ? fillers[i]!() : slot
      if (value !== undefined) out[names[i]!] = value
    }
    return out
  }
}

const nothing = () => undefined

function planStruct(type: StructType): StructPlan {
  const byName = new Map<string, FieldPlan>()
  type.fields.forEach((f, index) => {
    byName.set(f.name, { index, decode: compileField(f) })
  })
  return { byName, names: type.fields.map((f) => f.name), fillers: type.fields.map(filler) }
}

/** A field's decoder, which also gives undefined for what is left out. */
function compileField(f: Field): Decoder {
  const decoder = compileDecoder(f.type)
  if (isFilled(f) || f.pointer) return decoder
  if (f.type.form === 'struct') return decoder
  return (raw, state) => {
    const value = decoder(raw, state)
    return isDropped(f, value) ? undefined : value
  }
}

function filler(f: Field): () => unknown {
  if (!isFilled(f)) return nothing
  const zero = zeroOf(f.type)
  if (zero === undefined || zero === null) return nothing
  if (typeof zero !== 'object') return () => zero
  if (Array.isArray(zero)) return () => []
  // Objects are never changed, so one empty object serves all.
  const shared = Object.keys(zero).length === 0 ? Object.freeze(zero) : undefined
  return shared ? () => shared : () => zeroOf(f.type)
}
