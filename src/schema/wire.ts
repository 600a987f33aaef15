/** The protobuf wire format (protobuf.dev/programming-guides/encoding), as far as Kubernetes' messages use it. */

export class WireError extends Error {
  override readonly name = 'WireError'
}

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

/** Up to this length a loop over the characters beats a native call. */
const SHORT = 32

/**
 * Writes a message from its end to its beginning: the length of an embedded message is then known when its tag is
 * due, and nothing is measured first. So: last field first, and for each the value before the tag.
 */
export class ReverseWriter {
  #buffer: Buffer
  #start: number

  constructor(size = 4096) {
    this.#buffer = Buffer.allocUnsafe(size)
    this.#start = size
  }

  /** How many bytes are written. */
  get length(): number {
    return this.#buffer.length - this.#start
  }

  #room(size: number): number {
    if (size > this.#start) {
      const used = this.length
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + size + 1024))
      this.#buffer.copy(grown, grown.length - used, this.#start)
      this.#buffer = grown
      this.#start = grown.length - used
    }
    this.#start -= size
    return this.#start
  }

  varint(value: number): void {
    if (value < 0 || value > 0x7fffffff) {
      this.bigVarint(BigInt(value))
      return
    }
    let size = 1
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
    let at = this.#room(size)
    let rest = value
    while (rest > 0x7f) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[at] = rest
  }

  bigVarint(value: bigint): void {
    const bytes: number[] = []
    let rest = BigInt.asUintN(64, value)
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    this.raw(Uint8Array.from(bytes))
  }

  double(value: number): void {
    const at = this.#room(8) // may replace the buffer
    this.#buffer.writeDoubleLE(value, at)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#buffer.set(bytes, at)
  }

  text(value: string): void {
    const length = value.length
    if (length <= SHORT && this.#ascii(value, length)) return
    const size = Buffer.byteLength(value)
    const at = this.#room(size)
    this.#buffer.write(value, at, size, 'utf8')
  }

  /** Short ASCII is copied here: calling into the runtime costs more. False, and nothing written, when it is not ASCII. */
  #ascii(value: string, length: number): boolean {
    const at = this.#room(length)
    const buffer = this.#buffer
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i)
      if (c > 0x7f) {
        this.#start += length
        return false
      }
      buffer[at + i] = c
    }
    return true
  }

  base64(value: string): void {
    this.raw(Buffer.from(value, 'base64'))
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType)
  }

  /** Closes what was written since `length` was `mark` as the body of field `number`. */
  delimit(number: number, mark: number): void {
    this.varint(this.length - mark)
    this.tag(number, BYTES)
  }

  finish(): Buffer {
    return this.#buffer.subarray(this.#start)
  }
}

/** Reads one message; every length is checked against what is there. Throws WireError. */
export class Reader {
  readonly #buffer: Buffer
  #at: number
  readonly #end: number

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer
    this.#at = start
    this.#end = end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** A varint as a signed 64 bit number; beyond 2^53 it loses precision. */
  varint(): number {
    let result = 0
    let shift = 0
    for (; shift < 28; shift += 7) {
      const b = this.#byte()
      result |= (b & 0x7f) << shift
      if (b < 0x80) return result
    }
    const fifth = this.#byte()
    const sum = result + (fifth & 0x7f) * 2 ** 28
    if (fifth < 0x80) return sum
    let big = BigInt(sum)
    for (let at = 35n; at < 70n; at += 7n) {
      const b = this.#byte()
      big |= BigInt(b & 0x7f) << at
      if (b < 0x80) return Number(BigInt.asIntN(64, big))
    }
    throw new WireError('a varint is longer than ten bytes')
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new WireError('the message ends in the middle of a number')
    return this.#buffer[this.#at++]!
  }

  /** Field number times eight plus wire type. */
  tag(): number {
    const tag = this.varint()
    if (tag < 8) throw new WireError(`field number ${tag >> 3} is none`)
    return tag
  }

  double(): number {
    this.#need(8)
    const value = this.#buffer.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  bytes(): Buffer {
    const size = this.varint()
    this.#need(size)
    const bytes = this.#buffer.subarray(this.#at, this.#at + size)
    this.#at += size
    return bytes
  }

  text(): string {
    const size = this.varint()
    this.#need(size)
    const start = this.#at
    this.#at += size
    return this.#buffer.toString('utf8', start, this.#at)
  }

  message(): Reader {
    const size = this.varint()
    this.#need(size)
    const start = this.#at
    this.#at += size
    return new Reader(this.#buffer, start, this.#at)
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint()
    else if (wireType === FIXED64) this.#advance(8)
    else if (wireType === BYTES) this.bytes()
    else if (wireType === FIXED32) this.#advance(4)
    else throw new WireError(`wire type ${wireType} is not supported`)
  }

  #advance(size: number): void {
    this.#need(size)
    this.#at += size
  }

  #need(size: number): void {
    if (size < 0 || size > this.#end - this.#at) throw new WireError('a field is longer than its message')
  }
}
