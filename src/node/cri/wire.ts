/**
 * Protocol buffers for the few messages the agent speaks with a container runtime. A message is a table of
 * fields; its static type, its encoder and its decoder come from that table. Written here because a general
 * library costs 9 MB of an agent that may use 120.
 *
 *     const PodIP = message({ ip: str(1) })
 *     decode(PodIP, encode(PodIP, { ip: '10.0.0.1' })).ip
 *
 * 64-bit integers are JavaScript numbers: exact up to 2^53, and nanoseconds since 1970 are rounded to about
 * 256 ns, which is finer than anything the agent decides on.
 */
export type Scalar = 'string' | 'bytes' | 'bool' | 'int' | 'double'

export interface Field<T = unknown, I = unknown> {
  readonly number: number
  readonly scalar: Scalar | 'message' | 'map'
  readonly repeated: boolean
  readonly message?: Message
  /** Only for the type checker. */
  readonly decoded?: T
  readonly encoded?: I
}

type Fields = Readonly<Record<string, Field>>

export interface Message<F extends Fields = Fields> {
  readonly fields: F
  readonly byNumber: ReadonlyMap<number, readonly [string, Field]>
}

/** What decoding gives: absent scalars are '' / 0 / false, absent messages undefined, absent lists empty. */
export type Decoded<M> =
  M extends Message<infer F>
    ? { readonly [K in keyof F]: F[K] extends { readonly decoded?: infer T } ? T : never }
    : never
/** What encoding takes: everything optional, at every depth. */
export type Encodable<M> =
  M extends Message<infer F>
    ? { readonly [K in keyof F]?: (F[K] extends { readonly encoded?: infer I } ? I : never) | undefined }
    : never

const field = <T, I = T>(
  number: number,
  scalar: Field['scalar'],
  repeated = false,
  inner?: Message,
): Field<T, I> => ({
  number,
  scalar,
  repeated,
  ...(inner ? { message: inner } : {}),
})

export const str = (n: number) => field<string>(n, 'string')
export const bytes = (n: number) => field<Uint8Array>(n, 'bytes')
export const bool = (n: number) => field<boolean>(n, 'bool')
/** int32, int64, uint32, uint64 and enums: the same varint. */
export const int = (n: number) => field<number>(n, 'int')
export const strs = (n: number) => field<readonly string[]>(n, 'string', true)
export const ints = (n: number) => field<readonly number[]>(n, 'int', true)
/** map<string, string>. */
export const map = (n: number) => field<Readonly<Record<string, string>>>(n, 'map')
export const msg = <M extends Message>(n: number, m: M) =>
  field<Decoded<M> | undefined, Encodable<M> | undefined>(n, 'message', false, m)
export const msgs = <M extends Message>(n: number, m: M) =>
  field<readonly Decoded<M>[], readonly Encodable<M>[]>(n, 'message', true, m)

export function message<F extends Fields>(fields: F): Message<F> {
  return {
    fields,
    byNumber: new Map(Object.entries(fields).map(([name, f]) => [f.number, [name, f] as const])),
  }
}

export function encode<M extends Message>(type: M, value: Encodable<M>): Uint8Array {
  const out = new Writer()
  writeMessage(out, type, value as Readonly<Record<string, unknown>>)
  return out.done()
}

export function decode<M extends Message>(type: M, data: Uint8Array): Decoded<M> {
  return readMessage(new Reader(data), data.length, type, 0) as Decoded<M>
}

class Writer {
  #buffer: Buffer = Buffer.allocUnsafe(512)
  #length = 0

  #room(n: number): void {
    if (this.#length + n <= this.#buffer.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + n))
    this.#buffer.copy(bigger, 0, 0, this.#length)
    this.#buffer = bigger
  }

  varint(value: number): void {
    this.#room(10)
    if (value < 0) {
      let big = BigInt.asUintN(64, BigInt(value))
      while (big > 127n) {
        this.#buffer[this.#length++] = Number(big & 127n) | 128
        big >>= 7n
      }
      this.#buffer[this.#length++] = Number(big)
      return
    }
    let rest = value
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.#length++] = rest
  }

  bytes(data: Uint8Array): void {
    this.varint(data.length)
    this.#room(data.length)
    this.#buffer.set(data, this.#length)
    this.#length += data.length
  }

  done(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }
}

function writeMessage(out: Writer, type: Message, value: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(value)) {
    const f = type.fields[name]
    const v = value[name]
    if (!f) throw new Error(`cannot encode a message: it has no field "${name}"`)
    if (v === undefined || v === null) continue
    if (f.scalar === 'map') {
      for (const [key, text] of Object.entries(v as Record<string, string>)) {
        out.varint(f.number * 8 + 2)
        out.bytes(encode(MapEntry, { key, value: text }))
      }
    } else if (f.repeated) {
      for (const item of v as readonly unknown[]) writeOne(out, f, item)
    } else if (!(v === '' || v === 0 || v === false)) {
      writeOne(out, f, v)
    }
  }
}

function writeOne(out: Writer, f: Field, v: unknown): void {
  switch (f.scalar) {
    case 'int':
    case 'bool':
      out.varint(f.number * 8)
      out.varint(Number(v))
      return
    case 'string':
      out.varint(f.number * 8 + 2)
      out.bytes(Buffer.from(v as string))
      return
    case 'bytes':
      out.varint(f.number * 8 + 2)
      out.bytes(v as Uint8Array)
      return
    case 'message':
      out.varint(f.number * 8 + 2)
      out.bytes(encode(f.message!, v as object))
      return
    default:
      throw new Error(`cannot encode a field of type ${f.scalar}`)
  }
}

const MapEntry = message({ key: str(1), value: str(2) })
const MAX_DEPTH = 32

class Reader {
  readonly data: Uint8Array
  at = 0

  constructor(data: Uint8Array) {
    this.data = data
  }

  varint(): number {
    const start = this.at
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const b = this.data[this.at++]
      if (b === undefined) throw new Error('cannot decode a message: it ends within a number')
      // Only a negative number takes ten bytes.
      if (i === 9) return this.#negative(start)
      value += (b & 127) * scale
      if (b < 128) return value
      scale *= 128
    }
    throw new Error('cannot decode a message: a number is longer than ten bytes')
  }

  #negative(start: number): number {
    let value = 0n
    for (let i = 9; i >= 0; i--) value = (value << 7n) | BigInt(this.data[start + i]! & 127)
    return Number(BigInt.asIntN(64, value))
  }

  bytes(): Uint8Array {
    const length = this.varint()
    const end = this.at + length
    if (length < 0 || end > this.data.length)
      throw new Error('cannot decode a message: a field is longer than the message')
    const slice = this.data.subarray(this.at, end)
    this.at = end
    return slice
  }

  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.at += 8
    else if (wire === 2) this.bytes()
    else if (wire === 5) this.at += 4
    else throw new Error(`cannot decode a message: wire type ${wire} is unknown`)
  }
}

function emptyOf(type: Message): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, f] of Object.entries(type.fields)) {
    if (f.repeated) value[name] = []
    else if (f.scalar === 'map') value[name] = {}
    else if (f.scalar === 'message') value[name] = undefined
    else
      value[name] =
        f.scalar === 'string' ? '' : f.scalar === 'bool' ? false : f.scalar === 'bytes' ? new Uint8Array() : 0
  }
  return value
}

function readMessage(reader: Reader, end: number, type: Message, depth: number): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new Error('cannot decode a message: it is nested too deeply')
  const value = emptyOf(type)
  while (reader.at < end) {
    const tag = reader.varint()
    const known = type.byNumber.get(Math.floor(tag / 8))
    const wire = tag % 8
    if (!known) {
      reader.skip(wire)
      continue
    }
    const [name, f] = known
    if (f.scalar === 'map') {
      const entry = decode(MapEntry, reader.bytes())
      // Defined rather than assigned: a key may be called __proto__.
      const property = { value: entry.value, enumerable: true, writable: true, configurable: true }
      Object.defineProperty(value[name] as object, entry.key, property)
    } else if (f.repeated && f.scalar === 'int' && wire === 2) {
      const packed = new Reader(reader.bytes())
      while (packed.at < packed.data.length) (value[name] as unknown[]).push(packed.varint())
    } else {
      const one = readOne(reader, f, wire, depth)
      if (f.repeated) (value[name] as unknown[]).push(one)
      else value[name] = one
    }
  }
  return value
}

function readOne(reader: Reader, f: Field, wire: number, depth: number): unknown {
  const expected = f.scalar === 'int' || f.scalar === 'bool' ? 0 : f.scalar === 'double' ? 1 : 2
  if (wire !== expected)
    throw new Error(`cannot decode a message: field ${f.number} has wire type ${wire}, expected ${expected}`)
  switch (f.scalar) {
    case 'int':
      return reader.varint()
    case 'bool':
      return reader.varint() !== 0
    case 'string':
      return Buffer.from(reader.bytes()).toString('utf8')
    case 'bytes':
      return Uint8Array.from(reader.bytes())
    case 'message': {
      const inner = reader.bytes()
      return readMessage(new Reader(inner), inner.length, f.message!, depth + 1)
    }
    default:
      throw new Error(`cannot decode a field of type ${f.scalar}`)
  }
}
