import type { Agent, AgentOptions, IncomingMessage } from 'node:http'
import https from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { type Clock, http } from '../base/index.ts'

/** What proves who the client and the server are. PEM text or bytes. */
export interface TlsMaterial {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** The name the server's certificate must carry, where it differs from the host in the address. */
  readonly serverName?: string
  /** Does not check the server's certificate. Only ever because a user asked for it. */
  readonly insecure?: boolean
}

export interface HttpRequest {
  readonly method: string
  /** Path and query, from the root of the server. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** Long requests (watches, logs) have connections of their own, so that they never hold up short ones. */
  readonly long?: boolean
  /** Until the response's headers are here; and for a short request, its whole body. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The server could not be reached, or went away in the middle. `cause` says how. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  /** True when the request cannot have been processed: repeating it is safe, whatever it was. */
  readonly unsent: boolean
  constructor(message: string, options: { cause: unknown; unsent: boolean }) {
    super(message, { cause: options.cause })
    this.unsent = options.unsent
  }
}

/** Answers bigger than this are refused rather than held in memory. */
export const MAX_BODY_BYTES = 512 * 1024 * 1024

const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'])

/**
 * Keep-alive pools to one server. When the TLS material changes (a renewed certificate), new requests use new
 * connections and the old ones drain.
 */
export class HttpTransport {
  readonly #origin: URL
  readonly #tls: () => TlsMaterial
  readonly #clock: Clock
  #material: TlsMaterial | undefined
  #short: Agent | undefined
  #long: Agent | undefined

  constructor(server: string, tls: () => TlsMaterial, clock: Clock) {
    const origin = URL.parse(server)
    if (!origin || !/^https?:$/.test(origin.protocol)) {
      throw new Error(`cannot use server address "${server}": expected https://host:port`)
    }
    this.#origin = origin
    this.#tls = tls
    this.#clock = clock
  }

  get origin(): URL {
    return this.#origin
  }

  /** The options of a TLS connection to the server, for those who open one themselves (WebSockets). */
  tlsOptions(): ConnectionOptions {
    const { ca, cert, key, serverName, insecure } = this.#tls()
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(insecure ? { rejectUnauthorized: false } : {}),
    }
  }

  close(): void {
    this.#short?.destroy()
    this.#long?.destroy()
    this.#short = undefined
    this.#long = undefined
  }

  /** Resolves with the response once its headers are here; its body is still to be read. */
  send(request: HttpRequest): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const secure = this.#origin.protocol === 'https:'
    const prefix = this.#origin.pathname.replace(/\/$/, '')
    const outgoing = (secure ? https : http).request({
      protocol: this.#origin.protocol,
      hostname: this.#origin.hostname.replace(/^\[|\]$/g, ''),
      port: this.#origin.port || (secure ? 443 : 80),
      method: request.method,
      path: `${prefix}${request.path}`,
      agent: this.#agent(request.long ?? false, secure),
      headers: request.body ? { ...request.headers, 'content-length': request.body.length } : request.headers,
      ...(request.signal ? { signal: request.signal } : {}),
    })
    let connected = false
    const cancelTimer = this.#clock.after(request.timeoutMs, () => {
      const text = `no answer within ${request.timeoutMs} ms`
      outgoing.destroy(Object.assign(new Error(text), { code: 'ETIMEDOUT' }))
      // The road may be cut: the next request must not find the connections that were left on it.
      this.#dropIdle()
    })
    outgoing.on('socket', (socket) => {
      // A peer that vanished without a word is noticed within half a minute.
      socket.setKeepAlive(true, 15_000)
      socket.setNoDelay(true)
      if (!socket.connecting) connected = true
      else socket.once(secure ? 'secureConnect' : 'connect', () => (connected = true))
    })
    outgoing.on('response', (response) => {
      if (request.long) cancelTimer()
      else response.once('close', cancelTimer)
      resolve(response)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      cancelTimer()
      if (request.signal?.aborted) return reject(request.signal.reason)
      const unsent = !connected || UNSENT.has(error.code ?? '')
      reject(new UnreachableError(`cannot reach ${this.#origin.origin}`, { cause: error, unsent }))
    })
    outgoing.end(request.body)
    return promise
  }

  #dropIdle(): void {
    for (const sockets of Object.values(this.#short?.freeSockets ?? {})) {
      for (const socket of sockets ?? []) socket.destroy()
    }
  }

  #agent(long: boolean, secure: boolean): Agent {
    const material = this.#tls()
    if (material !== this.#material) {
      this.#material = material
      // Requests under way keep their sockets: those of the old agents close when they end.
      const agent = (options: AgentOptions) =>
        secure ? new https.Agent({ ...options, ...this.tlsOptions() }) : new http.Agent(options)
      this.#short = agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 4, scheduling: 'lifo' })
      this.#long = agent({ keepAlive: false })
    }
    return (long ? this.#long : this.#short)!
  }
}

/** The whole body, refused when it is bigger than `maxBytes`. */
export async function readBody(response: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw new Error(`expected an answer of at most ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (cause) {
    throw new UnreachableError('the answer ended early', { cause, unsent: false })
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}
