import type { Writable } from 'node:stream'
import { constants, createGzip, gzip } from 'node:zlib'
import { dump } from 'js-yaml'
import type { ApiError } from '../../api/index.ts'
import { nextTurn } from '../../base/index.ts'
import type { Exchange, Headers } from './exchange.ts'

const GZIP_THRESHOLD = 128 * 1024
const GZIP = { level: constants.Z_BEST_SPEED }

/** Each is a header of its own, of which some clients take a hundred. */
const MAX_WARNINGS = 50

/** What a request adds to its answer's head: `Warning:` headers, the audit id. */
export class AnswerContext {
  readonly #warnings: string[] = []
  #warningBytes = 0

  /** Repeated and overlong warnings are left out, as clients show each one. */
  warn(text: string): void {
    if (this.#warnings.length >= MAX_WARNINGS) return
    const bounded = text.slice(0, 1024)
    if (this.#warnings.includes(bounded) || this.#warningBytes + bounded.length > 4096) return
    this.#warnings.push(bounded)
    this.#warningBytes += bounded.length
  }

  headers(contentType: string): Headers {
    if (this.#warnings.length === 0)
      return { 'content-type': contentType, 'cache-control': 'no-cache, private' }
    return {
      'content-type': contentType,
      'cache-control': 'no-cache, private',
      warning: this.#warnings.map((w) => `299 - ${quoted(w)}`),
    }
  }
}

/** RFC 7234 warn-text: a quoted string; control characters are left out. */
function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a header
  const plain = text.replace(/[\x00-\x1f\x7f]/g, ' ').replace(/[\\"]/g, '\\$&')
  return `"${Buffer.from(plain, 'utf8').toString('latin1')}"`
}

export function sendBytes(exchange: Exchange, status: number, headers: Headers, body: Buffer): void {
  if (body.length < GZIP_THRESHOLD || !acceptsGzip(exchange)) {
    exchange.send(status, headers, body)
    return
  }
  gzip(body, GZIP, (error, packed) => {
    if (error) exchange.send(status, headers, body)
    else exchange.send(status, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }, packed)
  })
}

/** Sends the parts one after the other as the client takes them, packed when they are many and it can. */
export async function sendParts(
  exchange: Exchange,
  status: number,
  headers: Headers,
  totalBytes: number | undefined,
  parts: Iterable<Buffer>,
): Promise<void> {
  const packed = (totalBytes ?? GZIP_THRESHOLD) >= GZIP_THRESHOLD && acceptsGzip(exchange)
  const known = totalBytes === undefined ? {} : { 'content-length': String(totalBytes) }
  const coding = packed ? { 'content-encoding': 'gzip', vary: 'Accept-Encoding' } : known
  const out = exchange.open(status, { ...headers, ...coding })
  const sink = packed ? createGzip(GZIP) : out
  if (packed) sink.pipe(out)
  for (const part of parts) {
    if (out.destroyed) return
    // What the kernel takes at once is drained in the same turn of the event loop.
    if (!sink.write(part)) await drained(sink, out)
    await nextTurn()
  }
  sink.end()
}

/** Resolves when `sink` takes more, or `out` is gone. */
function drained(sink: Writable, out: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sink.off('drain', done)
      out.off('close', done)
      resolve()
    }
    sink.once('drain', done)
    out.once('close', done)
  })
}

function acceptsGzip(exchange: Exchange): boolean {
  const accepted = exchange.header('accept-encoding')
  return accepted !== undefined && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(accepted)
}

export function sendJson(
  exchange: Exchange,
  status: number,
  value: unknown,
  context = new AnswerContext(),
): void {
  sendBytes(exchange, status, context.headers('application/json'), Buffer.from(JSON.stringify(value)))
}

export function sendText(exchange: Exchange, status: number, text: string, headers: Headers = {}): void {
  exchange.send(
    status,
    { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers },
    text,
  )
}

/** YAML as people and clients read it back. */
export function yamlOf(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true })
}

/** The Status of an error. Once an answer has begun nothing can be said any more: the request is dropped. */
export function sendError(exchange: Exchange, error: ApiError, context = new AnswerContext()): void {
  if (exchange.answered) {
    exchange.abort()
    return
  }
  const retryAfter = error.details?.retryAfterSeconds
  const headers: Headers = {
    ...context.headers('application/json'),
    ...(retryAfter ? { 'retry-after': String(retryAfter) } : {}),
    ...(error.code === 401 ? { 'www-authenticate': 'Bearer realm="kubernetes"' } : {}),
  }
  exchange.send(error.code, headers, `${JSON.stringify(error.status)}\n`)
}
