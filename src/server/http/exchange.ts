import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Readable, Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { ApiError } from '../../api/index.ts'
import type { RequestFacts } from '../contracts.ts'

export type Headers = Readonly<Record<string, string | readonly string[]>>

/** One request and its answer, the same over HTTP/1.1 and HTTP/2. */
export interface Exchange extends RequestFacts {
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** A certificate was offered and does not verify. */
  readonly badCertificate: boolean
  readonly remoteAddress: string
  readonly body: Readable
  /** The whole body is here already and only has to be taken. */
  readonly bodyArrived: boolean
  /** Whether an answer was begun. */
  readonly answered: boolean
  /** Of the answer; 0 before there is one. */
  readonly status: number
  /** The whole answer. */
  send(status: number, headers: Headers, body: Uint8Array | string): void
  /** The head of an answer whose body follows on the stream. */
  open(status: number, headers: Headers): Writable
  /** Calls `fn` once when the connection or stream is gone or the answer is finished. */
  onClose(fn: () => void): void
  /** Drops the request and, where the protocol shares nothing, the connection. */
  abort(): void
}

interface Peer {
  readonly certificate: Uint8Array | undefined
  readonly bad: boolean
}

const NO_PEER: Peer = { certificate: undefined, bad: false }
const peers = new WeakMap<object, Peer>()

/** What TLS knows of the other side; looked up once a connection. */
function peerOf(socket: Partial<TLSSocket>): Peer {
  const known = peers.get(socket)
  if (known) return known
  const offered = socket.getPeerX509Certificate?.()
  const peer = offered
    ? { certificate: socket.authorized ? offered.raw : undefined, bad: !socket.authorized }
    : NO_PEER
  peers.set(socket, peer)
  return peer
}

export class Http1Exchange implements Exchange {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly path: string

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req
    this.#res = res
    this.path = pathOf(req.url ?? '/')
  }

  get method() {
    return this.#req.method ?? 'GET'
  }
  get target() {
    return this.#req.url ?? '/'
  }
  get headers() {
    return this.#req.headers
  }
  get peerCertificate() {
    return peerOf(this.#req.socket as TLSSocket).certificate
  }
  get badCertificate() {
    return peerOf(this.#req.socket as TLSSocket).bad
  }
  get remoteAddress() {
    return this.#req.socket.remoteAddress ?? ''
  }
  get body() {
    return this.#req
  }
  get bodyArrived() {
    return this.#req.complete
  }
  get answered() {
    return this.#res.headersSent
  }
  get status() {
    return this.#res.headersSent ? this.#res.statusCode : 0
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name]
    return typeof value === 'string' || value === undefined ? value : value.join(', ')
  }

  send(status: number, headers: Headers, body: Uint8Array | string): void {
    if (this.#res.headersSent) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
    // An unread body would be taken for the next request: the connection ends with this answer.
    const unread = !this.#req.complete
    if (unread) this.#req.resume()
    const all: Record<string, unknown> = {
      ...headers,
      'content-length': length,
      ...(unread ? { connection: 'close' } : {}),
    }
    this.#res.writeHead(status, all as Record<string, string | string[]>)
    this.#res.end(this.method === 'HEAD' ? undefined : body)
  }

  open(status: number, headers: Headers): Writable {
    this.#res.writeHead(status, headers as Record<string, string | string[]>)
    this.#res.flushHeaders()
    return this.#res
  }

  onClose(fn: () => void): void {
    this.#res.once('close', () => fn())
  }

  abort(): void {
    this.#req.socket.destroy()
  }
}

/** Headers that HTTP/2 forbids. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
])

export class Http2Exchange implements Exchange {
  readonly #stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly path: string

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream
    this.headers = headers
    this.path = pathOf(this.target)
  }

  get method() {
    return this.headers[':method'] ?? 'GET'
  }
  get target() {
    return this.headers[':path'] ?? '/'
  }
  get peerCertificate() {
    return peerOf(this.#socket).certificate
  }
  get badCertificate() {
    return peerOf(this.#socket).bad
  }
  get remoteAddress() {
    return this.#socket.remoteAddress ?? ''
  }
  get body() {
    return this.#stream
  }
  get bodyArrived() {
    return false
  }
  get answered() {
    return this.#stream.headersSent
  }
  get status() {
    return Number(this.#stream.sentHeaders?.[':status'] ?? 0)
  }
  get #socket(): Partial<TLSSocket> {
    return (this.#stream.session?.socket ?? {}) as Partial<TLSSocket>
  }

  header(name: string): string | undefined {
    const value = this.headers[name]
    return typeof value === 'string' || value === undefined ? value : value.join(', ')
  }

  send(status: number, headers: Headers, body: Uint8Array | string): void {
    const stream = this.#stream
    if (stream.destroyed || stream.headersSent) return
    const empty = this.method === 'HEAD' || body.length === 0
    stream.respond({ ':status': status, ...(headers as Record<string, string>) }, { endStream: empty })
    if (!empty) stream.end(body)
    // A body that nobody reads: the client may stop sending it.
    if (!stream.endAfterHeaders && !stream.readableEnded) {
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
    }
  }

  open(status: number, headers: Headers): Writable {
    const allowed = Object.entries(headers).filter(([name]) => !CONNECTION_HEADERS.has(name.toLowerCase()))
    if (!this.#stream.destroyed) this.#stream.respond({ ':status': status, ...Object.fromEntries(allowed) })
    return this.#stream
  }

  onClose(fn: () => void): void {
    this.#stream.once('close', () => fn())
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }
}

function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** The whole body, or 413 as soon as it is longer than `limit`. */
export async function readBody(exchange: Exchange, limit: number): Promise<Buffer> {
  const { body } = exchange
  const announced = Number(exchange.header('content-length') ?? 0)
  if (announced > limit || body.readableLength > limit) throw tooLarge(limit)
  if (exchange.bodyArrived && !body.readableEnded) return (body.read() as Buffer | null) ?? NO_BODY
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let isDone = false
    const broken = (cause?: unknown) => {
      if (isDone) return
      isDone = true
      reject(new ApiError('BadRequest', 'cannot read the body: the client went away', undefined, { cause }))
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) {
        chunks.push(chunk)
        return
      }
      isDone = true
      body.off('data', onData)
      body.pause()
      reject(tooLarge(limit))
    }
    body.on('data', onData)
    body.once('end', () => {
      if (isDone) return
      isDone = true
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    })
    body.once('error', broken)
    exchange.onClose(broken)
  })
}

const NO_BODY = Buffer.alloc(0)

function tooLarge(limit: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)
}
