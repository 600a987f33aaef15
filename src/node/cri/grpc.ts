import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { createConnection, type Socket } from 'node:net'
import type { Clock } from '../../base/index.ts'

/**
 * A gRPC client over a unix socket, for unary and server-streaming calls: one HTTP/2 connection, made on the first
 * call and made again after it broke. Small because the general library costs 20 MB and twice the time a call.
 */
export interface GrpcChannel {
  /** Rejects with `GrpcError`; code 14 (unavailable) when the server cannot be reached. */
  unary(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>
  /** Ends when the server ends it or `signal` aborts. */
  stream(path: string, request: Uint8Array, signal: AbortSignal): AsyncIterable<Uint8Array>
  close(): void
}

export interface CallOptions {
  /** Milliseconds; undefined waits as long as the call takes. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Further headers of the call. */
  readonly metadata?: Readonly<Record<string, string>>
}

export const GRPC_CANCELLED = 1
export const GRPC_DEADLINE_EXCEEDED = 4
export const GRPC_NOT_FOUND = 5
export const GRPC_UNIMPLEMENTED = 12
export const GRPC_UNAVAILABLE = 14

export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: number
  constructor(code: number, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

const MAX_MESSAGE = 64 * 1024 * 1024

export function grpcOverUnix(socketPath: string, clock: Clock): GrpcChannel {
  return grpcChannel(socketPath, () => createConnection(socketPath), clock)
}

/** `peer` is how errors name the other side. */
export function grpcChannel(peer: string, dial: () => Socket, clock: Clock): GrpcChannel {
  let session: ClientHttp2Session | undefined
  let closed = false

  function connected(): ClientHttp2Session {
    if (closed) throw new GrpcError(GRPC_CANCELLED, `the connection to ${peer} is closed`)
    if (session && !session.closed && !session.destroyed) return session
    const fresh = connect('http://localhost', { createConnection: dial })
    // Calls see the failure themselves; without a listener it would end the process.
    fresh.on('error', () => {})
    fresh.on('close', () => {
      if (session === fresh) session = undefined
    })
    session = fresh
    return fresh
  }

  function open(path: string, request: Uint8Array, metadata = {}): ClientHttp2Stream {
    const call = connected().request({
      ...metadata,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'dhow',
    })
    const head = Buffer.alloc(5)
    head.writeUInt32BE(request.length, 1)
    call.end(Buffer.concat([head, request]))
    return call
  }

  return {
    unary: (path, request, options = {}) =>
      new Promise((resolve, reject) => {
        if (options.signal?.aborted) return reject(new GrpcError(GRPC_CANCELLED, `${path} was cancelled`))
        let call: ClientHttp2Stream
        try {
          call = open(path, request, options.metadata)
        } catch (error) {
          return reject(unreachable(peer, error))
        }
        const frames = new Frames()
        let answer: Uint8Array | undefined
        let failure: GrpcError | undefined
        const stop = (error: GrpcError) => {
          failure ??= error
          call.close(constants.NGHTTP2_CANCEL)
        }
        const onAbort = () => stop(new GrpcError(GRPC_CANCELLED, `${path} was cancelled`))
        options.signal?.addEventListener('abort', onAbort, { once: true })
        const cancelTimer =
          options.timeoutMs === undefined
            ? undefined
            : clock.after(options.timeoutMs, () =>
                stop(
                  new GrpcError(GRPC_DEADLINE_EXCEEDED, `${path} took longer than ${options.timeoutMs} ms`),
                ),
              )
        watchStatus(call, (error) => {
          failure ??= error
        })
        call.on('data', (chunk: Buffer) => {
          try {
            for (const frame of frames.push(chunk)) answer = frame
          } catch (error) {
            stop(new GrpcError(13, String(error)))
          }
        })
        call.on('error', (error) => {
          failure ??= unreachable(peer, error)
        })
        call.on('close', () => {
          cancelTimer?.()
          options.signal?.removeEventListener('abort', onAbort)
          if (failure) reject(failure)
          else if (answer) resolve(answer)
          else reject(unreachable(peer, new Error('the connection ended before an answer')))
        })
      }),

    async *stream(path, request, signal) {
      if (signal.aborted) return
      let call: ClientHttp2Stream
      try {
        call = open(path, request)
      } catch (error) {
        throw unreachable(peer, error)
      }
      let failure: GrpcError | undefined
      let finished = false
      watchStatus(
        call,
        (error) => {
          failure ??= error
        },
        () => {
          finished = true
        },
      )
      const onAbort = () => call.close(constants.NGHTTP2_CANCEL)
      signal.addEventListener('abort', onAbort, { once: true })
      const frames = new Frames()
      try {
        for await (const chunk of call) for (const frame of frames.push(chunk as Buffer)) yield frame
      } catch (error) {
        if (!signal.aborted) throw failure ?? unreachable(peer, error)
      } finally {
        signal.removeEventListener('abort', onAbort)
        call.close(constants.NGHTTP2_CANCEL)
      }
      if (failure && !signal.aborted) throw failure
      if (!finished && !signal.aborted) throw unreachable(peer, new Error('the connection ended'))
    },

    close() {
      closed = true
      session?.destroy()
    },
  }
}

/** The outcome arrives in the trailers, or in the headers when there is no answer at all. */
function watchStatus(
  call: ClientHttp2Stream,
  failed: (error: GrpcError) => void,
  succeeded: () => void = () => {},
): void {
  const look = (headers: Record<string, unknown>) => {
    const status = headers['grpc-status']
    if (status === undefined) return
    if (status === '0') return succeeded()
    failed(
      new GrpcError(Number(status), decodeText(String(headers['grpc-message'] ?? `gRPC status ${status}`))),
    )
  }
  call.on('response', (headers) => {
    if (headers[':status'] !== 200)
      failed(new GrpcError(GRPC_UNAVAILABLE, `the server answered HTTP ${headers[':status']}`))
    look(headers)
  })
  call.on('trailers', look)
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function unreachable(peer: string, cause: unknown): GrpcError {
  if (cause instanceof GrpcError) return cause
  return new GrpcError(GRPC_UNAVAILABLE, `cannot reach ${peer}`, { cause })
}

/** Cuts a stream of bytes into gRPC messages: a flag byte, a length of four bytes, the message. */
class Frames {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Uint8Array[] {
    const frames: Uint8Array[] = []
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (data.length >= 5) {
      const length = data.readUInt32BE(1)
      if (data[0] !== 0) throw new Error('cannot read a gRPC message: it is compressed, expected plain')
      if (length > MAX_MESSAGE)
        throw new Error(`cannot read a gRPC message: it has ${length} bytes, expected at most ${MAX_MESSAGE}`)
      if (data.length < 5 + length) break
      frames.push(data.subarray(5, 5 + length))
      data = data.subarray(5 + length)
    }
    this.#rest = data
    return frames
  }
}
