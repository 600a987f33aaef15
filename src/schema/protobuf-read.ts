import { type Plan, planOf } from './protobuf-plan.ts'
import { zeroOf } from './scalars.ts'
import { formatDuration, formatMicroTime, formatTime } from './time.ts'
import type { AnyType, Field, ScalarName, StructType } from './type.ts'
import { BYTES, FIXED64, type Reader, VARINT, WireError } from './wire.ts'

const tagOf = (number: number) => number * 8 + BYTES
const MAX_DEPTH = 1000

/** What a message holds, as loose JSON that `decode` then brings into normal form. Throws WireError. */
export function readStruct(reader: Reader, plan: Plan, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  readInto(out, reader, plan, depth)
  return out
}

function readInto(out: Record<string, unknown>, reader: Reader, plan: Plan, depth: number): void {
  if (depth > MAX_DEPTH) throw new WireError(`the message nests deeper than ${MAX_DEPTH} levels`)
  while (!reader.done) {
    const tag = reader.tag()
    const member = plan.byNumber.get(Math.floor(tag / 8))
    const wireType = tag & 7
    if (!member) reader.skip(wireType)
    else if (member.inlined) {
      expect(wireType, BYTES)
      readInto(out, reader.message(), member.inlined, depth + 1)
    } else readField(out, reader, member.field, wireType, depth)
  }
}

function readField(
  out: Record<string, unknown>,
  reader: Reader,
  { name, type }: Field,
  wireType: number,
  depth: number,
): void {
  if (type.form === 'list' && !type.boxed) {
    const list = (out[name] as unknown[] | undefined) ?? []
    out[name] = list
    if (wireType === BYTES && wireTypeOf(type.item) === VARINT) {
      const packed = reader.message()
      while (!packed.done) list.push(readValue(packed, type.item, VARINT, depth))
    } else list.push(readValue(reader, type.item, wireType, depth))
  } else if (type.form === 'map') {
    expect(wireType, BYTES)
    const map = (out[name] as Record<string, unknown> | undefined) ?? {}
    out[name] = map
    readEntry(map, reader.message(), type.value, depth)
  } else {
    out[name] = readValue(reader, type, wireType, depth)
  }
}

function readEntry(map: Record<string, unknown>, entry: Reader, type: AnyType, depth: number): void {
  let key = ''
  let value: unknown
  while (!entry.done) {
    const tag = entry.tag()
    if (tag === tagOf(1)) key = entry.text()
    else if (Math.floor(tag / 8) === 2) value = readValue(entry, type, tag & 7, depth)
    else entry.skip(tag & 7)
  }
  const filled = value === undefined ? zeroOf(type) : value
  Object.defineProperty(map, key, { value: filled, enumerable: true, writable: true, configurable: true })
}

function wireTypeOf(type: AnyType): number {
  if (type.form !== 'scalar') return BYTES
  if (type.scalar === 'float64') return FIXED64
  return type.scalar === 'bool' || type.scalar === 'int32' || type.scalar === 'int64' ? VARINT : BYTES
}

function expect(actual: number, expected: number): void {
  if (actual !== expected) throw new WireError(`wire type ${actual} where ${expected} belongs`)
}

function readValue(reader: Reader, type: AnyType, wireType: number, depth: number): unknown {
  expect(wireType, wireTypeOf(type))
  switch (type.form) {
    case 'scalar':
      return readScalarValue(reader, type.scalar)
    case 'enum':
      return reader.text()
    case 'struct':
      return readStruct(reader.message(), planOf(type), depth + 1)
    case 'list': {
      const items: unknown[] = []
      const message = reader.message()
      while (!message.done) {
        const tag = message.tag()
        if (Math.floor(tag / 8) === 1) items.push(readValue(message, type.item, tag & 7, depth + 1))
        else message.skip(tag & 7)
      }
      return items
    }
    case 'schemaOr':
      return readSchemaOr(reader.message(), type.schema, type.other, depth + 1)
    case 'map':
      throw new WireError('a map stands where protobuf allows none')
    default:
      return type satisfies never
  }
}

function readSchemaOr(
  reader: Reader,
  schema: StructType,
  other: 'bool' | 'list' | 'strings',
  depth: number,
): unknown {
  let single: unknown
  let allows = false
  const items: unknown[] = []
  while (!reader.done) {
    const tag = reader.tag()
    const number = Math.floor(tag / 8)
    if (other === 'bool' && tag === 8 + VARINT) allows = reader.varint() !== 0
    else if (tag === tagOf(other === 'bool' ? 2 : 1))
      single = readStruct(reader.message(), planOf(schema), depth)
    else if (tag === tagOf(2)) {
      items.push(other === 'strings' ? reader.text() : readStruct(reader.message(), planOf(schema), depth))
    } else {
      if (number === 0) throw new WireError('field number 0 is none')
      reader.skip(tag & 7)
    }
  }
  return single ?? (other === 'bool' ? allows : items)
}

function readInt64(reader: Reader): number {
  const value = reader.varint()
  if (Number.isSafeInteger(value)) return value
  throw new WireError(`expected an int64 up to ${Number.MAX_SAFE_INTEGER}, got a larger one`)
}

function readScalarValue(reader: Reader, scalar: ScalarName): unknown {
  switch (scalar) {
    case 'string':
      return reader.text()
    case 'bool':
      return reader.varint() !== 0
    case 'int32':
      return reader.varint() | 0
    case 'int64':
      return readInt64(reader)
    case 'float64':
      return reader.double()
    case 'bytes':
      return reader.bytes().toString('base64')
    case 'time':
      return readTime(reader.message(), formatTime)
    case 'microTime':
      return readTime(reader.message(), formatMicroTime)
    case 'duration':
      return formatDuration(BigInt(numbers(reader.message())[1] ?? 0))
    case 'quantity':
      return numbersAndTexts(reader.message()).texts[1] ?? '0'
    case 'intOrString': {
      const { ints, texts } = numbersAndTexts(reader.message())
      return ints[1] ? (texts[3] ?? '') : (ints[2] ?? 0)
    }
    case 'rawObject':
    case 'json':
    case 'fieldsV1':
      return readRaw(numbersAndTexts(reader.message()).texts[1])
    default:
      return scalar satisfies never
  }
}

/** The small messages' members by number. */
function numbersAndTexts(reader: Reader): { ints: Record<number, number>; texts: Record<number, string> } {
  const ints: Record<number, number> = {}
  const texts: Record<number, string> = {}
  while (!reader.done) {
    const tag = reader.tag()
    if ((tag & 7) === VARINT) ints[Math.floor(tag / 8)] = reader.varint()
    else if ((tag & 7) === BYTES) texts[Math.floor(tag / 8)] = reader.text()
    else reader.skip(tag & 7)
  }
  return { ints, texts }
}

const numbers = (reader: Reader) => numbersAndTexts(reader).ints

function readTime(
  reader: Reader,
  format: (instant: { seconds: number; nanos: number }) => string | undefined,
): string | undefined {
  if (reader.done) return undefined
  const ints = numbers(reader)
  const text = format({ seconds: ints[1] ?? 0, nanos: ints[2] ?? 0 })
  if (text === undefined) throw new WireError('a time is out of range')
  return text === '' ? undefined : text
}

function readRaw(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new WireError('an embedded object is not JSON', { cause })
  }
}
