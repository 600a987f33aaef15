import { constants, createInflate, type Inflate } from 'node:zlib'
import { nextTurn } from '../../../base/index.ts'
import { DICTIONARY } from './dictionary.ts'
import { SpdyError } from './frames.ts'

/** Names in lower case; a name that comes several times has several values. */
export type StreamHeaders = Readonly<Record<string, readonly string[]>>

/** More than any block has that fits into a control frame and was made in good faith. */
const MAX_BLOCK_BYTES = 64 * 1024
const MAX_PAIRS = 256

/** The block before compression: count, then name and value of each, all with 32-bit lengths; values joined by NUL. */
export function encodeHeaders(headers: StreamHeaders): Buffer {
  const pairs = Object.entries(headers)
  const parts = [uint32(pairs.length)]
  for (const [name, values] of pairs) {
    for (const text of [name.toLowerCase(), values.join('\0')]) {
      const bytes = Buffer.from(text)
      parts.push(uint32(bytes.length), bytes)
    }
  }
  return Buffer.concat(parts)
}

export function decodeHeaders(block: Buffer): StreamHeaders {
  let at = 0
  const take = (bytes: number): Buffer => {
    if (bytes > block.length - at) throw new SpdyError('cannot read a header block: it ends too early')
    at += bytes
    return block.subarray(at - bytes, at)
  }
  const text = () => take(take(4).readUInt32BE(0)).toString()
  const count = take(4).readUInt32BE(0)
  if (count > MAX_PAIRS)
    throw new SpdyError(`cannot read a header block: expected at most ${MAX_PAIRS} headers, got ${count}`)
  const headers: Record<string, readonly string[]> = Object.create(null)
  for (let i = 0; i < count; i++) {
    const name = text()
    const value = text()
    if (name === '' || name in headers)
      throw new SpdyError(`cannot read a header block: header ${JSON.stringify(name)} is empty or repeated`)
    headers[name] = value.split('\0')
  }
  return headers
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value)
  return out
}

/**
 * Header blocks as the compressed stream of one direction. They are stored, not squeezed: valid zlib for every reader,
 * and a few hundred bytes a connection are not worth a compressor's state.
 */
export class HeaderWriter {
  #started = false

  write(headers: StreamHeaders): Buffer {
    const plain = encodeHeaders(headers)
    // CMF and FLG of zlib: deflate, a window of 32 KiB, no preset dictionary. Once a connection.
    const parts: Buffer[] = this.#started ? [] : [Buffer.from([0x78, 0x01])]
    this.#started = true
    for (let at = 0; at < plain.length; at += 0xffff) {
      const piece = plain.subarray(at, at + 0xffff)
      const head = Buffer.alloc(5)
      head.writeUInt16LE(piece.length, 1)
      head.writeUInt16LE(~piece.length & 0xffff, 3)
      parts.push(head, piece)
    }
    // What a compressor's flush looks like: readers hand out what they have at an empty block.
    parts.push(Buffer.from([0, 0, 0, 0xff, 0xff]))
    return Buffer.concat(parts)
  }
}

/** Opens the header blocks of one direction, in their order: each needs what came before it. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({
    dictionary: DICTIONARY,
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
  })
  #out: Buffer[] = []
  #size = 0
  #error: Error | undefined

  constructor() {
    this.#inflate.on('error', (error) => {
      this.#error ??= new SpdyError(`cannot read a header block: ${error.message}`)
    })
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#size += chunk.length
      if (this.#size <= MAX_BLOCK_BYTES) this.#out.push(chunk)
      else this.#inflate.destroy(new Error(`expected at most ${MAX_BLOCK_BYTES} bytes`))
    })
  }

  async read(block: Buffer): Promise<StreamHeaders> {
    this.#out = []
    this.#size = 0
    // A write whose stream is destroyed never calls back; its close says so.
    await new Promise<void>((resolve) => {
      if (this.#error || this.#inflate.destroyed) return resolve()
      this.#inflate.once('close', resolve)
      this.#inflate.write(block, () => {
        this.#inflate.off('close', resolve)
        resolve()
      })
    })
    // What was inflated is handed out in the turn after.
    await nextTurn()
    if (this.#error) throw this.#error
    return decodeHeaders(Buffer.concat(this.#out))
  }

  close(): void {
    this.#inflate.destroy()
  }
}
