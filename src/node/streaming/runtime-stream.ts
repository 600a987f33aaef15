import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, http } from '../../base/index.ts'
import { StreamRefusal } from './request.ts'

/** A connection to the container runtime's streaming server, after both sides have agreed on SPDY. */
export interface RuntimeStream {
  readonly socket: Duplex
  /** What the runtime sent after its answer. */
  readonly head: Buffer
}

const ANSWER_TIMEOUT_MS = 30_000
const MAX_REFUSAL_BYTES = 16 * 1024

/** Asks the runtime for SPDY in one of the given protocols; it takes the first it knows. Rejects with `StreamRefusal`. */
export function openRuntimeStream(
  target: string,
  protocols: readonly string[],
  clock: Clock,
): Promise<RuntimeStream> {
  const request = http.request(target, {
    method: 'POST',
    agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'SPDY/3.1',
      // A line each: runtimes do not split lists.
      ...(protocols.length > 0 ? { 'X-Stream-Protocol-Version': [...protocols] } : {}),
      'Content-Length': 0,
    },
  })
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_TIMEOUT_MS, () =>
      request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    )
    request.on('socket', (socket) => socket.setNoDelay(true).setKeepAlive(true, 30_000))
    request.on('upgrade', (_answer, socket, head) => {
      cancel()
      socket.on('error', () => socket.destroy())
      resolve({ socket, head })
    })
    request.on('response', async (message) => {
      const text = await firstBytes(message).catch(() => '')
      cancel()
      reject(new StreamRefusal(statusOf(message.statusCode), text.trim() || 'the container runtime refused'))
    })
    request.on('error', (cause) => {
      cancel()
      reject(
        new StreamRefusal(502, `cannot reach the container runtime's streaming server: ${cause.message}`, {
          cause,
        }),
      )
    })
    request.end()
  })
}

const statusOf = (code = 500) => (code >= 400 ? code : 500)

async function firstBytes(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_REFUSAL_BYTES) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES).toString()
}

/** The protocols that a client offers, in its order; lists and repeated lines mean the same. */
export function offered(headers: IncomingHttpHeaders, name: string): string[] {
  const value = headers[name]
  return (Array.isArray(value) ? value : [value ?? ''])
    .flatMap((line) => line.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

/**
 * Bytes both ways until both directions have ended, each by itself; a side that breaks takes the other with it,
 * and `stopping` both. Slow readers stop the writer.
 */
export function tunnel(a: Duplex, b: Duplex, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let open = 2
    const broken = () => {
      a.destroy()
      b.destroy()
      stopping.removeEventListener('abort', broken)
      resolve()
    }
    const closed = () => {
      open--
      if (open === 0) broken()
    }
    a.allowHalfOpen = true
    b.allowHalfOpen = true
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.on('error', broken)
      from.once('close', () => (from.readableEnded && from.writableFinished ? closed() : broken()))
      from.pipe(to)
    }
    if (stopping.aborted || a.destroyed || b.destroyed) broken()
    else stopping.addEventListener('abort', broken, { once: true })
  })
}
