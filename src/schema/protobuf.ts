import { compileDecoder } from './decode-compiled.ts'
import { zeroOf } from './scalars.ts'
import { formatDuration, formatMicroTime, formatTime, parseDuration, parseTime } from './time.ts'
import type { AnyType, Field, ListType, ScalarName, StructType } from './type.ts'
import { BYTES, FIXED64, Reader, ReverseWriter, VARINT, WireError } from './wire.ts'

/**
 * Kubernetes' protobuf encoding, derived from the declarations. Fields by ascending number; scalars and structs
 * that are no pointers are always written, pointers, lists and maps only when set; map entries sorted by key.
 */
export function encodeMessage<T>(type: StructType<T>, value: T): Buffer {
  const writer = new ReverseWriter()
  writeStruct(writer, planOf(type), value as Record<string, unknown>)
  return writer.finish()
}

/** The object that a message holds, in normal form. Unknown fields are skipped. Throws WireError. */
export function decodeMessage<T>(type: StructType<T>, bytes: Uint8Array): T {
  const loose = readStruct(new Reader(asBuffer(bytes)), planOf(type), 0)
  const state = { odd: false, depth: 0 }
  const value = compileDecoder(type as unknown as AnyType)(loose, state)
  if (state.odd) throw new WireError(`the message holds a value that ${type.name} does not allow`)
  return value as T
}

// --- the envelope ---

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

export interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  /** The object's message. */
  readonly raw: Buffer
}

/** What is sent and stored: `k8s\0`, then the type and the message. The type is the value's own where it has one. */
export function encodeProtobuf<T>(type: StructType<T>, value: T): Buffer {
  const writer = new ReverseWriter()
  writer.varint(0)
  writer.tag(4, BYTES)
  writer.varint(0)
  writer.tag(3, BYTES)
  const raw = writer.length
  writeStruct(writer, planOf(type), value as Record<string, unknown>)
  writer.delimit(2, raw)
  const { apiVersion, kind } = typeMetaOf(type, value)
  const meta = writer.length
  writeText(writer, 2, kind)
  writeText(writer, 1, apiVersion)
  writer.delimit(1, meta)
  writer.raw(MAGIC)
  return writer.finish()
}

function typeMetaOf(type: StructType, value: unknown): { apiVersion: string; kind: string } {
  const own = value as { readonly apiVersion?: string; readonly kind?: string }
  const { group = '', version = '', kind = '' } = type.apiKind ?? {}
  const apiVersion = group === '' ? version : `${group}/${version}`
  return { apiVersion: own.apiVersion ?? apiVersion, kind: own.kind ?? kind }
}

/** Opens an envelope. Throws WireError. */
export function openEnvelope(bytes: Uint8Array): Envelope {
  const buffer = asBuffer(bytes)
  if (!buffer.subarray(0, 4).equals(MAGIC)) throw new WireError('the body does not begin with k8s\\0')
  const reader = new Reader(buffer, 4)
  let apiVersion = ''
  let kind = ''
  let raw: Buffer = Buffer.alloc(0)
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === tagOf(1)) {
      const meta = reader.message()
      while (!meta.done) {
        const metaTag = meta.tag()
        if (metaTag === tagOf(1)) apiVersion = meta.text()
        else if (metaTag === tagOf(2)) kind = meta.text()
        else meta.skip(metaTag & 7)
      }
    } else if (tag === tagOf(2)) raw = reader.bytes()
    else if (tag === tagOf(3)) {
      const encoding = reader.text()
      if (encoding !== '')
        throw new WireError(`content encoding ${JSON.stringify(encoding)} is not supported`)
    } else reader.skip(tag & 7)
  }
  return { apiVersion, kind, raw }
}

/** An enveloped object of a known type, with apiVersion and kind as the envelope has them. Throws WireError. */
export function decodeProtobuf<T>(type: StructType<T>, bytes: Uint8Array): T {
  const { apiVersion, kind, raw } = openEnvelope(bytes)
  const value = decodeMessage(type, raw) as Record<string, unknown>
  if (!type.apiKind) return value as T
  return { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}), ...value } as T
}

/** A frame of a watch: its length, then a WatchEvent message whose object is `envelope` (see encodeProtobuf). */
export function watchFrame(eventType: string, envelope: Uint8Array): Buffer {
  const writer = new ReverseWriter(envelope.length + 64)
  const object = writer.length
  writer.raw(envelope)
  writer.delimit(1, object)
  writer.delimit(2, object)
  writeText(writer, 1, eventType)
  const message = writer.length
  const size = Buffer.allocUnsafe(4)
  size.writeUInt32BE(message)
  writer.raw(size)
  return writer.finish()
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const tagOf = (number: number) => number * 8 + BYTES

// --- plans: a message's members by number ---

/** A message: fields, and messages that JSON merges into this object. */
interface Plan {
  readonly members: readonly Member[]
  readonly byNumber: ReadonlyMap<number, Member>
}

type Member =
  | { readonly number: number; readonly field: Field; readonly inlined?: undefined }
  | { readonly number: number; readonly field?: undefined; readonly inlined: Plan }

const plans = new WeakMap<StructType, Plan>()

function planOf(type: StructType): Plan {
  let plan = plans.get(type)
  if (!plan) {
    plan = makePlan(type.fields, 0)
    plans.set(type, plan)
  }
  return plan
}

function makePlan(fields: readonly Field[], level: number): Plan {
  const inlined = new Map<number, Field[]>()
  const members: Member[] = []
  for (const f of fields) {
    const inside = f.within[level]
    if (inside === undefined) {
      if (f.number > 0) members.push({ number: f.number, field: f })
    } else {
      const group = inlined.get(inside) ?? []
      group.push(f)
      inlined.set(inside, group)
    }
  }
  for (const [number, group] of inlined) members.push({ number, inlined: makePlan(group, level + 1) })
  members.sort((a, b) => a.number - b.number)
  return { members, byNumber: new Map(members.map((m) => [m.number, m])) }
}

// --- writing (backwards) ---

function writeStruct(w: ReverseWriter, plan: Plan, value: Readonly<Record<string, unknown>>): void {
  for (let i = plan.members.length - 1; i >= 0; i--) {
    const member = plan.members[i]!
    if (member.inlined) {
      const mark = w.length
      writeStruct(w, member.inlined, value)
      w.delimit(member.number, mark)
    } else {
      writeField(w, member.field, value[member.field.name])
    }
  }
}

function writeField(w: ReverseWriter, f: Field, given: unknown): void {
  const { type, number } = f
  if (given === undefined || given === null) {
    if (f.pointer || type.form === 'list' || type.form === 'map') return
    if (type.form === 'schemaOr' || (type.form === 'scalar' && type.scalar === 'fieldsV1')) return
    if (type.form === 'scalar' && type.scalar === 'bytes') return
    if (type.form === 'enum') {
      writeText(w, number, '')
      return
    }
    writeValue(w, number, type, type.form === 'struct' ? {} : zeroOf(type))
    return
  }
  if (type.form === 'list' && !type.boxed) {
    writeItems(w, number, type, given as readonly unknown[])
    return
  }
  if (type.form === 'map') {
    writeMap(w, number, type.value, given as Readonly<Record<string, unknown>>)
    return
  }
  // An empty byte slice is as absent as a nil one.
  if (type.form === 'scalar' && type.scalar === 'bytes' && given === '' && !f.always) return
  writeValue(w, number, type, given)
}

function writeItems(w: ReverseWriter, number: number, type: ListType, items: readonly unknown[]): void {
  for (let i = items.length - 1; i >= 0; i--) writeValue(w, number, type.item, items[i])
}

function writeMap(
  w: ReverseWriter,
  number: number,
  type: AnyType,
  map: Readonly<Record<string, unknown>>,
): void {
  const keys = Object.keys(map).sort(compareUtf8)
  for (let i = keys.length - 1; i >= 0; i--) {
    const mark = w.length
    writeValue(w, 2, type, map[keys[i]!])
    writeText(w, 1, keys[i]!)
    w.delimit(number, mark)
  }
}

function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function writeText(w: ReverseWriter, number: number, text: string): void {
  const mark = w.length
  w.text(text)
  w.delimit(number, mark)
}

function writeVarint(w: ReverseWriter, number: number, value: number): void {
  w.varint(value)
  w.tag(number, VARINT)
}

function writeValue(w: ReverseWriter, number: number, type: AnyType, value: unknown): void {
  switch (type.form) {
    case 'scalar':
      writeScalar(w, number, type.scalar, value)
      return
    case 'enum':
      writeText(w, number, value as string)
      return
    case 'struct':
    case 'list':
    case 'map':
    case 'schemaOr': {
      const mark = w.length
      if (type.form === 'struct') writeStruct(w, planOf(type), value as Record<string, unknown>)
      else if (type.form === 'list') writeItems(w, 1, type, value as readonly unknown[])
      else if (type.form === 'map') writeMap(w, 1, type.value, value as Record<string, unknown>)
      else writeSchemaOr(w, type.schema, type.other, value)
      w.delimit(number, mark)
      return
    }
    default: {
      never(type)
    }
  }
}

function writeSchemaOr(
  w: ReverseWriter,
  schema: StructType,
  other: 'bool' | 'list' | 'strings',
  value: unknown,
): void {
  const single = typeof value === 'object' && !Array.isArray(value)
  if (other === 'bool') {
    if (single) writeValue(w, 2, schema, value)
    // A schema implies that anything it admits is allowed.
    writeVarint(w, 1, single || value === true ? 1 : 0)
  } else if (single) {
    writeValue(w, 1, schema, value)
  } else {
    const items = value as readonly unknown[]
    for (let i = items.length - 1; i >= 0; i--) {
      if (other === 'list') writeValue(w, 2, schema, items[i])
      else writeText(w, 2, items[i] as string)
    }
  }
}

function writeScalar(w: ReverseWriter, number: number, scalar: ScalarName, value: unknown): void {
  const mark = w.length
  switch (scalar) {
    case 'string':
      writeText(w, number, value as string)
      return
    case 'bool':
      writeVarint(w, number, value ? 1 : 0)
      return
    case 'int32':
    case 'int64':
      writeVarint(w, number, value as number)
      return
    case 'float64':
      w.double(value as number)
      w.tag(number, FIXED64)
      return
    case 'bytes':
      w.base64(value as string)
      w.delimit(number, mark)
      return
    case 'time':
    case 'microTime':
      writeTime(w, value as string | undefined)
      w.delimit(number, mark)
      return
    case 'duration':
      w.bigVarint(parseDuration(value as string) ?? 0n)
      w.tag(1, VARINT)
      w.delimit(number, mark)
      return
    case 'quantity':
      writeText(w, 1, value as string)
      w.delimit(number, mark)
      return
    case 'intOrString':
      writeText(w, 3, typeof value === 'string' ? value : '')
      writeVarint(w, 2, typeof value === 'number' ? value : 0)
      writeVarint(w, 1, typeof value === 'string' ? 1 : 0)
      w.delimit(number, mark)
      return
    case 'rawObject':
    case 'json':
    case 'fieldsV1':
      if (value !== null && value !== undefined) writeText(w, 1, JSON.stringify(value))
      w.delimit(number, mark)
      return
    default:
      never(scalar)
  }
}

function never(value: never): never {
  throw new TypeError(`no such form: ${String(value)}`)
}

function writeTime(w: ReverseWriter, value: string | undefined): void {
  const instant = value === undefined ? undefined : parseTime(value)
  if (!instant) return
  writeVarint(w, 2, instant.nanos)
  writeVarint(w, 1, instant.seconds)
}

// --- reading ---

const MAX_DEPTH = 1000

function readStruct(reader: Reader, plan: Plan, depth: number): Record<string, unknown> {
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

function readScalarValue(reader: Reader, scalar: ScalarName): unknown {
  switch (scalar) {
    case 'string':
      return reader.text()
    case 'bool':
      return reader.varint() !== 0
    case 'int32':
      return reader.varint() | 0
    case 'int64':
      return reader.varint()
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
