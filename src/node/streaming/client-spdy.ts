import type { Clock } from '../../base/index.ts'
import type { StreamOptions } from '../runtime/runtime.ts'
import type { Connection } from './channel-socket.ts'
import { StreamRefusal } from './request.ts'
import type { ClientEnds } from './session.ts'
import { TerminalSizes } from './sizes.ts'
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts'
import { statusMessage } from './status.ts'

/** Of the SPDY subprotocols of exec and attach, what the later ones added. */
const PROTOCOLS: Readonly<Record<string, { readonly resize: boolean; readonly status: boolean }>> = {
  'v4.channel.k8s.io': { resize: true, status: true },
  'v3.channel.k8s.io': { resize: true, status: false },
  'v2.channel.k8s.io': { resize: false, status: false },
  'channel.k8s.io': { resize: false, status: false },
}

const STREAMS_TIMEOUT_MS = 30_000
const GOODBYE_MS = 5_000

/** The client's first choice among what is known. */
export function chooseSpdyProtocol(offers: readonly string[]): string {
  const found = (offers.length === 0 ? ['channel.k8s.io'] : offers).find((name) =>
    Object.hasOwn(PROTOCOLS, name),
  )
  if (!found)
    throw new StreamRefusal(
      403,
      `unable to upgrade: unable to negotiate protocol: client supports [${offers.join(' ').slice(0, 200)}], server accepts [${Object.keys(PROTOCOLS).join(' ')}]`,
    )
  return found
}

/** The answer that agrees to SPDY. */
export const switchTo = (protocol: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`

/** Agrees to SPDY; resolves once the client has opened all the streams that it asked for. */
export async function spdyEnds(
  client: Connection,
  protocol: string,
  options: StreamOptions,
  clock: Clock,
): Promise<ClientEnds> {
  const { resize, status } = PROTOCOLS[protocol]!
  const wanted = [
    'error',
    ...(options.stdin ? ['stdin'] : []),
    ...(options.stdout ? ['stdout'] : []),
    ...(options.stderr ? ['stderr'] : []),
    ...(options.tty && resize ? ['resize'] : []),
  ]
  const { socket, head } = client
  client.answered = true
  socket.write(switchTo(protocol))
  const streams = new Map<string, SpdyStream>()
  const complete = Promise.withResolvers<void>()
  const connection = new SpdyConnection(socket, {
    role: 'server',
    head,
    onStream(stream) {
      const type = stream.headers.streamtype?.[0] ?? ''
      if (!wanted.includes(type) || streams.has(type)) return stream.destroy()
      streams.set(type, stream)
      if (streams.size === wanted.length) complete.resolve()
    },
  })
  const cancel = clock.after(STREAMS_TIMEOUT_MS, () =>
    complete.reject(new StreamRefusal(408, 'timed out waiting for client to create streams')),
  )
  void connection.closed.then(() => complete.reject(new StreamRefusal(400, 'the client is gone')))
  await complete.promise.finally(cancel)
  const error = streams.get('error')!
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    sizes: sizesOf(streams.get('resize')),
    gone: connection.closed.then(() => {}),
    async finish(text) {
      // Clients read all output before they ask how it ended.
      streams.get('stdout')?.end()
      streams.get('stderr')?.end()
      const words = status ? text : statusMessage(text)
      if (words !== '') error.write(words)
      error.end()
      // No input is wanted any more. The client ends the connection once it has read all this.
      streams.get('stdin')?.destroy()
      const cancelGoodbye = clock.after(GOODBYE_MS, () => connection.destroy())
      await connection.closed.finally(cancelGoodbye)
    },
  }
}

const sizesOf = (stream: SpdyStream | undefined) => stream && new TerminalSizes(stream)
