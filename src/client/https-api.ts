import type { IncomingMessage } from 'node:http'
import {
  type Api,
  ApiError,
  type CreateOptions,
  type DeleteOptions,
  type GetOptions,
  type Key,
  type List,
  type ListOptions,
  type Patch,
  type StatusObject,
  type SubresourceCall,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '../api/index.ts'
import { type Clock, type Random, sleep, systemClock, systemRandom } from '../base/index.ts'
import { apiVersionOf, type Input, type Kind, type KubeObject } from '../schema/index.ts'
import { HttpTransport, readBody, type TlsMaterial, UnreachableError } from './http.ts'
import { lines } from './lines.ts'
import {
  collectionPath,
  deleteBody,
  getQuery,
  listQuery,
  objectPath,
  query,
  watchQuery,
  writeQuery,
} from './paths.ts'

export interface HttpsApiOptions {
  /** `https://10.0.0.1:6443`. */
  readonly server: string
  /** A function is asked before each request, and may return renewed material (a new object then). */
  readonly tls?: TlsMaterial | (() => TlsMaterial)
  /** A bearer token; a function is asked before each request (see `tokenFromFile`). */
  readonly token?: string | (() => string)
  readonly userAgent: string
  /** Of a short request, in milliseconds; default 60,000. */
  readonly timeoutMs?: number
  /** Told what the server warns of beside its answer: deprecated versions, unknown fields, what has no effect. */
  readonly onWarning?: (text: string) => void
  readonly clock?: Clock
  readonly random?: Random
}

/** A request that has no method of its own: discovery, logs, `/readyz`. */
export interface RawRequest {
  readonly method?: string
  /** Path and query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** The body may take for ever (a followed log); the time limit is then the signal's alone. */
  readonly long?: boolean
  readonly signal?: AbortSignal
}

export interface RawResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: IncomingMessage
}

/** The API over HTTPS, plus what only a connection has. */
export interface HttpsApi extends Api {
  /** Rejects with `ApiError` for every status of 400 and above. */
  request(request: RawRequest): Promise<RawResponse>
  /** What a connection of one's own (a WebSocket) needs. */
  connection(): { url: URL; headers: Record<string, string>; tls: object }
  close(): void
}

const PATCH_TYPES: Record<Patch['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

const TRIES = 8
const MAX_RETRY_AFTER_MS = 30_000

export function httpsApi(options: HttpsApiOptions): HttpsApi {
  return new HttpsBinding(options)
}

interface Exchange {
  readonly method: string
  readonly path: string
  readonly body?: object
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
}

class HttpsBinding implements HttpsApi {
  readonly #options: HttpsApiOptions
  readonly #transport: HttpTransport
  readonly #clock: Clock
  readonly #random: Random

  constructor(options: HttpsApiOptions) {
    this.#options = options
    const tls = options.tls ?? {}
    this.#clock = options.clock ?? systemClock()
    this.#random = options.random ?? systemRandom()
    this.#transport = new HttpTransport(
      options.server,
      typeof tls === 'function' ? tls : () => tls,
      this.#clock,
    )
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: Key, options: GetOptions = {}): Promise<T> {
    const path = objectPath(kind.resource, key, options.subresource) + getQuery(options)
    return (await this.#exchange({ method: 'GET', path, signal: options.signal })) as T
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<List<T>> {
    const path = collectionPath(kind.resource, options.namespace) + listQuery(options)
    const list = (await this.#exchange({ method: 'GET', path, signal: options.signal })) as List<T>
    // Items of a list carry no type of their own on the wire.
    const apiVersion = apiVersionOf(kind.resource)
    const items = (list.items ?? []).map((item) =>
      item.kind ? item : { ...item, apiVersion, kind: kind.resource.kind },
    )
    return { ...list, items }
  }

  async *watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const path = collectionPath(kind.resource, options.namespace) + watchQuery(options)
    const { signal } = options
    try {
      const response = await this.#retrying({ method: 'GET', path, signal }, true)
      for await (const line of lines(response)) yield* watchEvents<T>(line)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiError || error instanceof UnreachableError) throw error
      throw new UnreachableError(`cannot watch ${kind.resource.plural}: the stream broke`, {
        cause: error,
        unsent: false,
      })
    }
  }

  async create<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: CreateOptions = {},
  ): Promise<T> {
    const path = collectionPath(kind.resource, metadataOf(object).namespace) + writeQuery(options)
    return (await this.#exchange({
      method: 'POST',
      path,
      body: typed(kind, object),
      signal: options.signal,
    })) as T
  }

  async update<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const { namespace, name = '' } = metadataOf(object)
    const path = objectPath(kind.resource, { namespace, name }, options.subresource) + writeQuery(options)
    return (await this.#exchange({
      method: 'PUT',
      path,
      body: typed(kind, object),
      signal: options.signal,
    })) as T
  }

  async patch<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    return (await this.#exchange({
      method: 'PATCH',
      path: objectPath(kind.resource, key, options.subresource) + writeQuery(options),
      body: patch.body,
      contentType: PATCH_TYPES[patch.type],
      signal: options.signal,
    })) as T
  }

  async delete<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    const body = deleteBody(options)
    const path = objectPath(kind.resource, key)
    const answer = await this.#exchange({
      method: 'DELETE',
      path,
      ...(body ? { body } : {}),
      signal: options.signal,
    })
    const { kind: answered } = answer as { kind?: string }
    return answered === 'Status' ? undefined : (answer as T)
  }

  async call<B extends object, R extends object>(
    kind: Kind,
    key: Key,
    request: SubresourceCall<B>,
  ): Promise<R> {
    return (await this.#exchange({
      method: request.method,
      path:
        objectPath(kind.resource, key, request.subresource) +
        query({ dryRun: request.dryRun ? 'All' : undefined }),
      ...(request.body ? { body: request.body } : {}),
      signal: request.signal,
    })) as R
  }

  async request(request: RawRequest): Promise<RawResponse> {
    const { method = 'GET', path, signal, long = false } = request
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body
    const headers = { ...this.#headers(), ...request.headers }
    const response = await this.#transport.send({
      method,
      path,
      headers,
      long,
      timeoutMs: this.#timeoutMs,
      ...(body ? { body } : {}),
      ...(signal ? { signal } : {}),
    })
    if (response.statusCode! >= 400) throw await errorOf(response)
    return { status: response.statusCode!, headers: response.headers, body: response }
  }

  connection(): { url: URL; headers: Record<string, string>; tls: object } {
    return { url: this.#transport.origin, headers: this.#headers(), tls: this.#transport.tlsOptions() }
  }

  close(): void {
    this.#transport.close()
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 60_000
  }

  #headers(): Record<string, string> {
    const { token, userAgent } = this.#options
    const bearer = typeof token === 'function' ? token() : token
    return {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    }
  }

  async #exchange(exchange: Exchange): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#retrying(exchange, false)
      this.#passWarnings(response)
      try {
        return parsed(await readBody(response))
      } catch (error) {
        if (exchange.signal?.aborted) throw exchange.signal.reason
        // An answer cut short: only a read may simply be asked for again.
        if (exchange.method !== 'GET' || attempt >= 3) throw error
      }
    }
  }

  #passWarnings({ headers: { warning } }: IncomingMessage): void {
    const { onWarning } = this.#options
    if (!onWarning || warning === undefined) return
    for (const [, text = ''] of String(warning).matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g))
      onWarning(text.replaceAll(/\\(.)/g, '$1'))
  }

  /** Sends until the server takes it: repeats what was refused with Retry-After, and reads that broke off. */
  async #retrying(exchange: Exchange, long: boolean): Promise<IncomingMessage> {
    const { method, path, signal } = exchange
    const body = exchange.body === undefined ? undefined : Buffer.from(JSON.stringify(exchange.body))
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted()
      let delayMs: number
      try {
        const response = await this.#transport.send({
          method,
          path,
          headers: {
            ...this.#headers(),
            ...(body ? { 'content-type': exchange.contentType ?? 'application/json' } : {}),
          },
          long,
          timeoutMs: this.#timeoutMs,
          ...(body ? { body } : {}),
          ...(signal ? { signal } : {}),
        })
        if (response.statusCode! < 400) return response
        const error = await errorOf(response)
        const after = retryAfterMs(response, error)
        if (after === undefined || attempt >= TRIES) throw error
        delayMs = after * (1 + 0.2 * this.#random.next())
      } catch (error) {
        const again =
          error instanceof UnreachableError && !error.unsent && method === 'GET' && !long && attempt < 3
        if (!again) throw error
        delayMs = 50 * attempt
      }
      await sleep(this.#clock, delayMs, signal ?? undefined)
    }
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new UnreachableError('the answer is not JSON', { cause, unsent: false })
  }
}

function metadataOf(object: unknown): { name?: string; namespace?: string } {
  return (object as { metadata?: { name?: string; namespace?: string } }).metadata ?? {}
}

function typed(kind: Kind, object: object): object {
  return { ...object, apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind }
}

interface WireEvent {
  readonly type: string
  readonly object: unknown
}

function* watchEvents<T>(line: string): Generator<WatchEvent<T>> {
  const event = JSON.parse(line) as WireEvent
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      yield { type: event.type, object: event.object as T }
      return
    case 'BOOKMARK': {
      const { metadata } = event.object as {
        metadata: { resourceVersion: string; annotations?: Record<string, string> }
      }
      const initialEventsEnd = metadata.annotations?.['k8s.io/initial-events-end'] === 'true'
      yield { type: 'BOOKMARK', resourceVersion: metadata.resourceVersion, initialEventsEnd }
      return
    }
    case 'ERROR':
      throw ApiError.from(event.object as StatusObject)
    default:
      throw new Error(`expected a watch event, got type ${JSON.stringify(event.type)}`)
  }
}

/** The error that an answer of 400 and above stands for. */
async function errorOf(response: IncomingMessage): Promise<ApiError> {
  const text = (await readBody(response, 4 * 1024 * 1024)).toString('utf8')
  try {
    const status = JSON.parse(text) as StatusObject
    if (status.kind === 'Status')
      return ApiError.from({ ...status, code: status.code ?? response.statusCode! })
  } catch {
    // Not JSON: something in between answered.
  }
  const message = `the server answered ${response.statusCode} ${response.statusMessage ?? ''}: ${text.slice(0, 500)}`
  return ApiError.from({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: REASONS[response.statusCode!] ?? 'InternalError',
    code: response.statusCode!,
  })
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** How long the server asks to wait before the same request again; undefined: it does not ask. */
function retryAfterMs(response: IncomingMessage, error: ApiError): number | undefined {
  if (error.code !== 429 && error.code !== 503 && error.code !== 500) return undefined
  const seconds = Number(response.headers['retry-after'])
  if (!Number.isFinite(seconds) || response.headers['retry-after'] === undefined) return undefined
  return Math.min(Math.max(seconds * 1000, 100), MAX_RETRY_AFTER_MS)
}
