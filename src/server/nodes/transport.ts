import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { ApiError, type Reason } from '../../api/index.ts'
import { type Clock, http } from '../../base/index.ts'
import type { PlainExchange, UpgradedConnection } from '../contracts.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** Of an error's text, more than this is not shown. */
const MAX_ERROR_BYTES = 16 * 1024

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** One request to somebody behind the server. */
export interface Upstream {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
  /** Who that is and what to check when it does not answer: `node "a" at 10.0.0.1:10250`. */
  readonly what: string
  readonly hint: string
  readonly tls?: ConnectionOptions
  readonly agent?: Agent | undefined
}

export interface ForwardOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Answers of 400 and more become ApiErrors with the text that came; otherwise they are handed on as they are. */
  readonly errorsAsStatus: boolean
  /** Rewrites a `Location` header. */
  readonly location?: (location: string) => string
}

/** Headers that belong to one connection, not to the message (RFC 9110 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The client's headers without its credentials and without what concerns its connection to us only. */
function forwardedHeaders(headers: Headers): Record<string, string | string[]> {
  const named = new Set(
    String(headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  const out: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || HOP_BY_HOP.has(name) || named.has(name)) continue
    if (name === 'host' || name === 'authorization' || name.startsWith('impersonate-')) continue
    out[name] = typeof value === 'string' ? value : [...value]
  }
  return out
}

/** Sends the request on and its answer back, both as streams. */
export async function forwardPlain(
  upstream: Upstream,
  exchange: PlainExchange,
  options: ForwardOptions,
): Promise<void> {
  const safe = upstream.method === 'GET' || upstream.method === 'HEAD'
  const attempt = (to: Upstream): Promise<Answer> => {
    const request = open(to, forwardedHeaders(to.headers))
    const answer = answerOf(request, to, options, () => {
      if (safe) request.end()
      else pipeline(exchange.body, request).catch(() => {})
    })
    // A connection that waited for use may be closed by the other side at the very moment we use it.
    return answer.catch((error) => {
      if (!safe || !request.reusedSocket || options.signal.aborted) throw error
      return attempt({ ...to, agent: undefined })
    })
  }
  const response = await attempt(upstream)
  if (response.type === 'upgrade') {
    response.socket.destroy()
    throw new ApiError(
      'InternalError',
      `cannot proxy to ${upstream.what}: it changed the protocol though nobody asked for it`,
    )
  }
  const { message } = response
  if (options.errorsAsStatus && message.statusCode! >= 400) throw await statusError(message, upstream)
  const answer = exchange.respond(message.statusCode!, answerHeaders(message, options))
  // The head is out. When either side goes now, pipeline has cut the other off: nothing is left to say.
  await pipeline(message, answer, { signal: options.signal }).catch(() => {})
}

/**
 * Sends an upgrade request on. Only once the other side has agreed (101) do bytes flow, both ways, as they are:
 * before that it could be made to read the client's next bytes as requests of ours.
 */
export async function forwardUpgrade(
  upstream: Upstream,
  connection: UpgradedConnection,
  options: ForwardOptions,
): Promise<void> {
  const headers = {
    ...forwardedHeaders(upstream.headers),
    connection: 'Upgrade',
    upgrade: String(upstream.headers.upgrade ?? ''),
  }
  const raw = connect({ host: upstream.host, port: upstream.port, allowHalfOpen: true, noDelay: true })
  const request = open(upstream, headers, raw)
  const response = await answerOf(request, upstream, options, () => request.end())
  if (response.type === 'answer') {
    const { message } = response
    if (options.errorsAsStatus) throw await statusError(message, upstream)
    return relayRefusal(message, connection.socket, options)
  }
  const { socket: client } = connection
  const { message, socket, head } = response
  client.write(serializeHead(message.statusCode!, message.statusMessage ?? '', message.rawHeaders))
  if (head.length > 0) client.write(head)
  if (connection.head.length > 0) socket.write(connection.head)
  await tunnel(client, socket, options.signal, () => raw.resetAndDestroy())
}

/**
 * Bytes both ways until both sides have ended. The end of one direction is handed on and the other goes on: that is
 * how `cat file | kubectl exec -i` ends. When one side breaks, so does the other: `reset` tells b so, for whom a mere
 * close would look like an end.
 */
export function tunnel(a: Duplex, b: Duplex, signal: AbortSignal, reset: () => void): Promise<void> {
  return new Promise((resolve) => {
    let open = 2
    const finish = () => {
      signal.removeEventListener('abort', broken)
      a.destroy()
      b.destroy()
      resolve()
    }
    const broken = () => {
      if (!b.destroyed) reset()
      finish()
    }
    const closed = () => {
      if (--open === 0) finish()
    }
    // Listeners hand out sockets that answer an end with an end; this one must not any more.
    a.allowHalfOpen = true
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.on('error', broken)
      from.once('close', () => (from.readableEnded && from.writableFinished ? closed() : broken()))
      from.pipe(to)
    }
    if (signal.aborted || a.destroyed || b.destroyed) broken()
    else signal.addEventListener('abort', broken, { once: true })
  })
}

/** Over the connection `raw`, or one of the agent's. */
function open(upstream: Upstream, headers: OutgoingHttpHeaders, raw?: Socket): ClientRequest {
  const { host, port, method, path, tls = {}, scheme } = upstream
  const options = { host, port, method, path, headers }
  if (raw) {
    // A name is shown to the other side; an address must not be (RFC 6066).
    const secured = () =>
      connectTls({ ...tls, socket: raw, ...(isIP(host) ? { host } : { host, servername: host }) })
    return http.request({ ...options, createConnection: scheme === 'https' ? secured : () => raw })
  }
  if (scheme === 'http') return http.request({ ...options, agent: upstream.agent ?? false })
  return https.request({ ...options, ...tls, agent: upstream.agent ?? false })
}

type Answer =
  | { readonly type: 'answer'; readonly message: IncomingMessage }
  | {
      readonly type: 'upgrade'
      readonly message: IncomingMessage
      readonly socket: Duplex
      readonly head: Buffer
    }

function answerOf(
  request: ClientRequest,
  upstream: Upstream,
  options: ForwardOptions,
  send: () => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let connected = false
    const abort = () => request.destroy(new Error('the client is gone'))
    const cancelTimeout = options.clock.after(CONNECT_TIMEOUT_MS, () => {
      if (!connected) request.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`))
    })
    const settle = () => {
      cancelTimeout()
      options.signal.removeEventListener('abort', abort)
    }
    const ready = () => {
      connected = true
      cancelTimeout()
    }
    request.once('socket', (socket) => {
      if (request.reusedSocket) ready()
      else socket.once(upstream.scheme === 'https' ? 'secureConnect' : 'connect', ready)
    })
    request.once('response', (message) => {
      settle()
      options.signal.addEventListener('abort', () => message.destroy(), { once: true })
      resolve({ type: 'answer', message })
    })
    request.once('upgrade', (message, socket, head) => {
      settle()
      resolve({ type: 'upgrade', message, socket, head })
    })
    request.on('error', (cause) => {
      settle()
      reject(unreachable(upstream, cause))
    })
    if (options.signal.aborted) abort()
    else options.signal.addEventListener('abort', abort, { once: true })
    send()
  })
}

/** 503 with who did not answer, why, and what to check. */
export function unreachable(upstream: Pick<Upstream, 'what' | 'hint'>, cause: Error): ApiError {
  const code = (cause as NodeJS.ErrnoException).code
  const why =
    code === 'ECONNREFUSED'
      ? 'connection refused'
      : code === 'EHOSTUNREACH' || code === 'ENETUNREACH'
        ? 'no route to it'
        : code === 'ECONNRESET'
          ? 'it closed the connection'
          : cause.message
  return new ApiError(
    'ServiceUnavailable',
    `cannot reach ${upstream.what}: ${why}; ${upstream.hint}`,
    undefined,
    { cause },
  )
}

const REASONS: Readonly<Record<number, Reason>> = {
  400: 'BadRequest',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** What the other side answered, as an error of ours. */
async function statusError(message: IncomingMessage, upstream: Upstream): Promise<ApiError> {
  const code = message.statusCode!
  const text = (await readText(message)).trim()
  if (code === 401 || code === 403) {
    return new ApiError(
      'InternalError',
      `${upstream.what} refused the server's client certificate: ${text || code}`,
    )
  }
  if (code < 400)
    return new ApiError('InternalError', `${upstream.what} did not change the protocol: it answered ${code}`)
  return new ApiError(
    REASONS[code] ?? 'InternalError',
    text || `${upstream.what} answered ${code}`,
    undefined,
    { code },
  )
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= MAX_ERROR_BYTES) break
    }
  } catch {
    // What arrived is still better than nothing.
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES).toString()
}

function answerHeaders(message: IncomingMessage, options: ForwardOptions): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) out[name] = value
  }
  if (typeof out.location === 'string' && options.location) out.location = options.location(out.location)
  return out
}

/** The other side would not upgrade: the client gets its answer, and the connection ends with it. */
async function relayRefusal(
  message: IncomingMessage,
  client: Duplex,
  options: ForwardOptions,
): Promise<void> {
  const headers = Object.entries({ ...answerHeaders(message, options), connection: 'close' })
  const lines = headers.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((v) => [name, v]),
  )
  client.write(serializeHead(message.statusCode!, message.statusMessage ?? '', lines))
  // The head is out: whatever goes wrong from here on can only end the connection.
  await pipeline(message, client, { signal: options.signal }).catch(() => client.destroy())
}

/** `raw` alternates names and values, as they came: the parser has refused line breaks in them. */
function serializeHead(status: number, text: string, raw: readonly string[]): string {
  let head = `HTTP/1.1 ${status} ${text}\r\n`
  for (let i = 0; i + 1 < raw.length; i += 2) head += `${raw[i]}: ${raw[i + 1]}\r\n`
  return `${head}\r\n`
}
