import { Duplex } from 'node:stream'
import { dataHeader, encodeFrame, type Frame, FrameReader, RST, SpdyError, type SynStream } from './frames.ts'
import { HeaderReader, HeaderWriter, type StreamHeaders } from './headers.ts'

export interface SpdyOptions {
  readonly role: 'client' | 'server'
  /** What was read from the socket already. */
  readonly head?: Buffer
  /** Streams that the other side opens; without it they are refused. */
  readonly onStream?: (stream: SpdyStream) => void
}

/** Frames of the other side's that wait for one slow stream stop all the others: more than this many streams are refused. */
const MAX_STREAMS = 1000
const MAX_FRAME_BYTES = 32 * 1024

/**
 * One SPDY/3.1 connection in the dialect of container runtimes: there is no flow control per stream (neither side sends
 * or minds WINDOW_UPDATE), so a stream whose reader is slow stops the whole connection, and with it the sender. A stream
 * that the other side resets reads as ended; `resetStatus` tells. `closed` resolves when the connection is over,
 * to the error if it broke.
 */
export class SpdyConnection {
  readonly closed: Promise<Error | undefined>
  readonly #socket: Duplex
  readonly #options: SpdyOptions
  readonly #streams = new Map<number, SpdyStream>()
  readonly #writer = new HeaderWriter()
  readonly #reader = new HeaderReader()
  #nextId: number
  #lastPeerId = 0
  #goingAway = false

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket
    this.#options = options
    this.#nextId = options.role === 'client' ? 1 : 2
    socket.on('error', () => socket.destroy())
    this.closed = this.#run().then(
      () => undefined,
      (error: Error) => error,
    )
  }

  /** Opens a stream; both sides may write at once. */
  open(headers: StreamHeaders): SpdyStream {
    const id = this.#nextId
    this.#nextId += 2
    const stream = new SpdyStream(id, headers, this)
    this.#add(stream)
    this.#send({
      type: 'synStream',
      id,
      associated: 0,
      priority: 0,
      fin: false,
      unidirectional: false,
      block: this.#writer.write(headers),
    })
    return stream
  }

  /** Ends the connection; streams that are still open end unfinished. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Says goodbye and ends our side. */
  goAway(): void {
    if (!this.#goingAway) this.#send({ type: 'goAway', lastId: this.#lastPeerId, status: 0 })
    this.#goingAway = true
    this.#socket.end()
  }

  /** For streams only. */
  sendData(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (!this.#socket.writable) {
      done(new SpdyError('the connection is closed'))
      return
    }
    this.#socket.cork()
    let at = 0
    do {
      const piece = data.subarray(at, at + MAX_FRAME_BYTES)
      at += piece.length
      const last = at >= data.length
      this.#socket.write(dataHeader(id, piece.length, fin && last))
      if (last) this.#socket.write(piece, done)
      else this.#socket.write(piece)
    } while (at < data.length)
    this.#socket.uncork()
  }

  /** For streams only. */
  forget(stream: SpdyStream, reset: boolean): void {
    if (this.#streams.get(stream.id) !== stream) return
    this.#streams.delete(stream.id)
    if (reset) this.#send({ type: 'rst', id: stream.id, status: RST.cancel })
  }

  #add(stream: SpdyStream): void {
    this.#streams.set(stream.id, stream)
    stream.once('close', () => this.forget(stream, stream.resetStatus === undefined && !stream.complete))
  }

  #send(frame: Frame): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(frame))
  }

  async #run(): Promise<void> {
    const frames = new FrameReader()
    try {
      for (const frame of frames.read(this.#options.head ?? Buffer.alloc(0))) await this.#receive(frame)
      for await (const chunk of this.#socket) {
        for (const frame of frames.read(chunk as Buffer)) await this.#receive(frame)
      }
    } finally {
      for (const stream of this.#streams.values()) stream.lost()
      this.#streams.clear()
      this.#reader.close()
      this.#socket.destroy()
    }
  }

  async #receive(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'synStream':
        return this.#accept(frame)
      case 'synReply':
      case 'headers':
        // What they say is of no use here, but the next block builds on them.
        await this.#reader.read(frame.block)
        if (frame.fin) this.#streams.get(frame.id)?.ended()
        return
      case 'data': {
        const stream = this.#streams.get(frame.id)
        if (frame.data.length > 0) await stream?.deliver(frame.data)
        if (frame.fin) stream?.ended()
        return
      }
      case 'rst': {
        const stream = this.#streams.get(frame.id)
        this.#streams.delete(frame.id)
        stream?.reset(frame.status)
        return
      }
      case 'ping':
        // Ours are odd on the client's side: an answer to one of them needs none.
        if ((frame.id % 2 === 1) !== (this.#options.role === 'client')) this.#send(frame)
        return
      case 'goAway':
      case 'settings':
      case 'windowUpdate':
        return
      default:
        return frame satisfies never
    }
  }

  async #accept(frame: SynStream): Promise<void> {
    const headers = await this.#reader.read(frame.block)
    const { onStream, role } = this.#options
    const theirs = role === 'client' ? 0 : 1
    if (frame.id % 2 !== theirs || frame.id <= this.#lastPeerId)
      throw new SpdyError(`cannot open stream ${frame.id}: expected an id above ${this.#lastPeerId}`)
    this.#lastPeerId = frame.id
    if (!onStream || this.#goingAway || this.#streams.size >= MAX_STREAMS)
      return this.#send({ type: 'rst', id: frame.id, status: RST.refusedStream })
    const stream = new SpdyStream(frame.id, headers, this)
    this.#add(stream)
    this.#send({ type: 'synReply', id: frame.id, fin: false, block: this.#writer.write({}) })
    if (frame.fin) stream.ended()
    onStream(stream)
  }
}

/** One stream of a connection. Its two directions end each by itself: `end()` is the half-close. */
export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: StreamHeaders
  /** The other side's reason for breaking the stream off; undefined while it has not. */
  resetStatus: number | undefined
  readonly #connection: SpdyConnection
  #wanted: (() => void) | undefined
  #received = false
  #sent = false

  constructor(id: number, headers: StreamHeaders, connection: SpdyConnection) {
    super({ allowHalfOpen: true })
    this.id = id
    this.headers = headers
    this.#connection = connection
    this.on('error', () => {})
  }

  /** The other side has sent all that it will. */
  get remoteDone(): boolean {
    return this.#received
  }

  /** Both sides have said that they are done. */
  get complete(): boolean {
    return this.#received && this.#sent
  }

  /** Resolves once there is room for more. */
  async deliver(data: Buffer): Promise<void> {
    if (this.destroyed || this.#received || this.push(data)) return
    await new Promise<void>((resolve) => {
      this.#wanted = resolve
    })
  }

  ended(): void {
    if (this.#received) return
    this.#received = true
    this.push(null)
  }

  reset(status: number): void {
    this.resetStatus = status
    this.ended()
    // What was written is not wanted any more; what was read before still is.
    this.#sent = true
    this.end()
  }

  /** The connection is gone: what came whole can still be read. */
  lost(): void {
    if (!this.#received) return void this.destroy(new SpdyError('the connection was lost'))
    this.#sent = true
    this.end()
  }

  override _read(): void {
    this.#wanted?.()
    this.#wanted = undefined
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#sent) done()
    else this.#connection.sendData(this.id, chunk, false, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#sent) {
      done()
      return
    }
    this.#sent = true
    this.#connection.sendData(this.id, Buffer.alloc(0), true, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wanted?.()
    this.#wanted = undefined
    done(error)
  }
}
