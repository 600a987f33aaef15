import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/index.ts'
import { Idle } from './idle.ts'
import { connectInside } from './port-connection.ts'
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts'

/** A connection to be: the client opens its two streams one after the other. */
interface Pair {
  error?: SpdyStream
  data?: SpdyStream
}

const PAIR_TIMEOUT_MS = 30_000

/**
 * The server's side of portforward.k8s.io: each connection is a stream of data and one of errors, told by a request id.
 * The client's headers: `streamtype` (data or error), `port`, `requestid`. Nothing for four hours ends it all.
 */
export function servePortStreams(socket: Duplex, netns: string, pod: string, clock: Clock): void {
  const pairs = new Map<string, Pair>()
  const spdy = new SpdyConnection(socket, {
    role: 'server',
    onStream(stream) {
      const type = stream.headers.streamtype?.[0] ?? ''
      const port = Number(stream.headers.port?.[0])
      const id = `${port}/${stream.headers.requestid?.[0] ?? ''}`
      if (type !== 'data' && type !== 'error') return stream.destroy()
      if (!Number.isInteger(port) || port < 1 || port > 65535) return stream.destroy()
      const pair = pairs.get(id) ?? {}
      if (pair[type]) return stream.destroy()
      pair[type] = stream
      if (!pair.data || !pair.error) {
        pairs.set(id, pair)
        const cancel = clock.after(PAIR_TIMEOUT_MS, () => {
          if (pairs.get(id) === pair) pairs.delete(id)
          if (!pair.data || !pair.error) stream.destroy()
        })
        stream.once('close', cancel)
        return
      }
      pairs.delete(id)
      void forward(pair.data, pair.error, { netns, pod, port, clock, idle })
    },
  })
  const idle = new Idle(clock, () => spdy.destroy())
  void spdy.closed.then(() => idle.cancel())
}

interface Target {
  readonly netns: string
  readonly pod: string
  readonly port: number
  readonly clock: Clock
  readonly idle: Idle
}

async function forward(data: SpdyStream, error: SpdyStream, to: Target): Promise<void> {
  // Nothing comes here; its end has to be read all the same.
  error.resume()
  try {
    const connection = await connectInside(to.netns, to.port, to.clock)
    if (data.destroyed) return connection.close()
    for (const stream of [data, connection.output]) stream.on('data', () => to.idle.touch())
    data.pipe(connection.input)
    // What nobody takes any more must not stop the other connections.
    connection.input.once('close', () => data.resume())
    connection.output.pipe(data)
    data.once('close', () => connection.close())
    connection.output.once('close', () => {
      if (!data.writableEnded) data.destroy()
      error.end()
    })
  } catch (cause) {
    error.end(`error forwarding port ${to.port} to pod "${to.pod}": ${(cause as Error).message}`)
    data.end()
    data.resume()
  }
}
