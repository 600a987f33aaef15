/**
 * The frames of SPDY/3.1 as values, and back to bytes. Nothing here knows of streams or sockets, and header blocks stay
 * as they are (headers.ts opens them). Layout: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1
 */
export type Frame =
  | SynStream
  | { readonly type: 'synReply'; readonly id: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'rst'; readonly id: number; readonly status: number }
  | { readonly type: 'settings'; readonly entries: readonly Setting[] }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goAway'; readonly lastId: number; readonly status: number }
  | { readonly type: 'headers'; readonly id: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'windowUpdate'; readonly id: number; readonly delta: number }
  /** A part of a data frame's payload; `fin` comes with the last part only. */
  | { readonly type: 'data'; readonly id: number; readonly fin: boolean; readonly data: Buffer }

export interface SynStream {
  readonly type: 'synStream'
  readonly id: number
  readonly associated: number
  readonly priority: number
  readonly fin: boolean
  readonly unidirectional: boolean
  readonly block: Buffer
}

export interface Setting {
  readonly flags: number
  readonly id: number
  readonly value: number
}

/** Why a stream was reset. */
export const RST = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const

export class SpdyError extends Error {
  override readonly name = 'SpdyError'
}

const VERSION = 3
const HEADER_BYTES = 8
const FIN = 0x01
const UNIDIRECTIONAL = 0x02
/** No control frame of a stream of containers comes near; whoever sends more is refused before it is kept. */
export const MAX_CONTROL_BYTES = 64 * 1024
const MAX_DATA_BYTES = 0xffffff

const TYPES = {
  synStream: 1,
  synReply: 2,
  rst: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const

/** The frame's bytes. A data frame's payload may have up to 16,777,215 bytes. */
export function encodeFrame(frame: Frame): Buffer {
  switch (frame.type) {
    case 'data':
      return Buffer.concat([dataHeader(frame.id, frame.data.length, frame.fin), frame.data])
    case 'synStream': {
      const fixed = words(frame.id, frame.associated, 0)
      fixed[8] = frame.priority << 5
      const flags = (frame.fin ? FIN : 0) | (frame.unidirectional ? UNIDIRECTIONAL : 0)
      return control(TYPES.synStream, flags, fixed.subarray(0, 10), frame.block)
    }
    case 'synReply':
      return control(TYPES.synReply, frame.fin ? FIN : 0, words(frame.id), frame.block)
    case 'headers':
      return control(TYPES.headers, frame.fin ? FIN : 0, words(frame.id), frame.block)
    case 'rst':
      return control(TYPES.rst, 0, words(frame.id, frame.status))
    case 'settings': {
      const flat = frame.entries.flatMap((e) => [((e.flags << 24) | e.id) >>> 0, e.value])
      return control(TYPES.settings, 0, words(frame.entries.length, ...flat))
    }
    case 'ping':
      return control(TYPES.ping, 0, words(frame.id))
    case 'goAway':
      return control(TYPES.goAway, 0, words(frame.lastId, frame.status))
    case 'windowUpdate':
      return control(TYPES.windowUpdate, 0, words(frame.id, frame.delta))
    default:
      return frame satisfies never
  }
}

/** The eight bytes before a payload of `length` bytes. */
export function dataHeader(id: number, length: number, fin: boolean): Buffer {
  if (length > MAX_DATA_BYTES) throw new SpdyError(`cannot send ${length} bytes in one frame`)
  return words(id, ((fin ? FIN : 0) * 0x1000000 + length) >>> 0)
}

function control(type: number, flags: number, ...payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0)
  const head = words(((0x8000 | VERSION) * 0x10000 + type) >>> 0, ((flags << 24) | length) >>> 0)
  return Buffer.concat([head, ...payload])
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => {
    out.writeUInt32BE(value, i * 4)
  })
  return out
}

/** Bytes in any pieces become frames; what is not a whole control frame yet is kept, at most 64 KiB. */
export class FrameReader {
  #kept: Buffer = Buffer.alloc(0)
  /** The data frame whose payload is coming. */
  #data: { readonly id: number; readonly fin: boolean; left: number } | undefined;

  /** Throws `SpdyError` at the first byte that cannot be part of a frame. Data is handed out as slices of `chunk`. */
  *read(chunk: Buffer): Generator<Frame> {
    let rest = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk])
    this.#kept = Buffer.alloc(0)
    for (;;) {
      if (this.#data) {
        const { id, fin, left } = this.#data
        if (rest.length === 0 && left > 0) return
        const data = rest.subarray(0, left)
        rest = rest.subarray(data.length)
        this.#data.left -= data.length
        const last = this.#data.left === 0
        if (last) this.#data = undefined
        yield { type: 'data', id, fin: fin && last, data }
        continue
      }
      if (rest.length < HEADER_BYTES) break
      const length = rest.readUIntBE(5, 3)
      if ((rest[0]! & 0x80) === 0) {
        this.#data = { id: id31(rest, 0), fin: (rest[4]! & FIN) !== 0, left: length }
        rest = rest.subarray(HEADER_BYTES)
        continue
      }
      checkControl(rest, length)
      if (rest.length < HEADER_BYTES + length) break
      const frame = parseControl(
        rest.readUInt16BE(2),
        rest[4]!,
        rest.subarray(HEADER_BYTES, HEADER_BYTES + length),
      )
      rest = rest.subarray(HEADER_BYTES + length)
      if (frame) yield frame
    }
    // A copy, so that a few bytes do not hold on to a whole chunk.
    this.#kept = Buffer.from(rest)
  }
}

function id31(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & 0x7fffffff
}

function checkControl(head: Buffer, length: number): void {
  const version = head.readUInt16BE(0) & 0x7fff
  if (version !== VERSION) throw new SpdyError(`cannot read a frame: expected SPDY version 3, got ${version}`)
  if (length > MAX_CONTROL_BYTES)
    throw new SpdyError(
      `cannot read a control frame: expected at most ${MAX_CONTROL_BYTES} bytes, got ${length}`,
    )
}

/** undefined: a type that nobody here uses, which the format says to skip. */
function parseControl(type: number, flags: number, body: Buffer): Frame | undefined {
  const fin = (flags & FIN) !== 0
  const need = (bytes: number, exact: boolean) => {
    if (exact ? body.length !== bytes : body.length < bytes)
      throw new SpdyError(
        `cannot read a control frame of type ${type}: expected ${exact ? '' : 'at least '}${bytes} bytes, got ${body.length}`,
      )
  }
  switch (type) {
    case TYPES.synStream:
      need(10, false)
      return {
        type: 'synStream',
        id: id31(body, 0),
        associated: id31(body, 4),
        priority: body[8]! >> 5,
        fin,
        unidirectional: (flags & UNIDIRECTIONAL) !== 0,
        block: body.subarray(10),
      }
    case TYPES.synReply:
      need(4, false)
      return { type: 'synReply', id: id31(body, 0), fin, block: body.subarray(4) }
    case TYPES.headers:
      need(4, false)
      return { type: 'headers', id: id31(body, 0), fin, block: body.subarray(4) }
    case TYPES.rst:
      need(8, true)
      return { type: 'rst', id: id31(body, 0), status: body.readUInt32BE(4) }
    case TYPES.settings: {
      need(4, false)
      const count = body.readUInt32BE(0)
      need(4 + count * 8, true)
      const entries = Array.from({ length: count }, (_, i) => ({
        flags: body[4 + i * 8]!,
        id: body.readUIntBE(5 + i * 8, 3),
        value: body.readUInt32BE(8 + i * 8),
      }))
      return { type: 'settings', entries }
    }
    case TYPES.ping:
      need(4, true)
      return { type: 'ping', id: body.readUInt32BE(0) }
    case TYPES.goAway:
      need(8, true)
      return { type: 'goAway', lastId: id31(body, 0), status: body.readUInt32BE(4) }
    case TYPES.windowUpdate:
      need(8, true)
      return { type: 'windowUpdate', id: id31(body, 0), delta: id31(body, 4) }
    default:
      return undefined
  }
}
