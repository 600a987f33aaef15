import { type Duplex, duplexPair } from 'node:stream'
import { createWebSocketStream } from 'ws'
import type { Clock } from '../../base/index.ts'
import type { StreamOptions } from '../runtime/runtime.ts'
import type { StreamContext, StreamHandler } from '../server.ts'
import { acceptWebSocket, ChannelSocket, type Connection } from './channel-socket.ts'
import {
  chooseSubprotocol,
  EXEC_SUBPROTOCOLS,
  PORT_SUBPROTOCOLS,
  SPDY_PORT_FORWARD,
  type Subprotocol,
  TUNNEL_SUBPROTOCOL,
} from './channels.ts'
import { chooseSpdyProtocol, spdyEnds, switchTo } from './client-spdy.ts'
import { webSocketEnds } from './client-websocket.ts'
import { processEnds, runtimeEnds } from './container-ends.ts'
import { locateContainer, locateSandbox } from './locate.ts'
import { canEnterNetworks } from './port-connection.ts'
import { runPortSession } from './port-session.ts'
import { servePortStreams } from './port-streams.ts'
import {
  type ContainerStreamRequest,
  type PortRequest,
  parseStreamRequest,
  StreamRefusal,
} from './request.ts'
import { offered, openRuntimeStream, type RuntimeStream, tunnel } from './runtime-stream.ts'
import { type ClientEnds, type ContainerEnds, runSession, statusText } from './session.ts'
import { SpdyConnection } from './spdy/connection.ts'
import { failure } from './status.ts'

export interface Streams {
  readonly handler: StreamHandler
  /** Ends all streams, telling those clients that can be told. */
  close(): Promise<void>
}

/** How long clients have to hear that the agent stops. */
const GOODBYE_MS = 1_000

/** A command that looks at its terminal at once should find the right size; clients that know it say so at once. */
const FIRST_SIZE_MS = 200

/** Exec, attach and port-forward: leads the clients' connections to the container runtime. */
export function createStreams(clock: Clock): Streams {
  const stop = new AbortController()
  const running = new Map<Duplex, Promise<void>>()
  return {
    handler(request, socket, head, context) {
      const connection: Connection = { request, socket, head, answered: false }
      const done = serve(connection, context, stop.signal)
        .catch((error: unknown) => {
          if (!(error instanceof StreamRefusal))
            context.log.warn({ path: request.url?.split('?')[0], error: String(error) }, 'cannot stream')
          if (connection.answered) socket.destroy()
          else refuse(socket, error)
        })
        .finally(() => running.delete(socket))
      running.set(socket, done)
    },
    async close() {
      stop.abort()
      const late = Promise.withResolvers<void>()
      const cancel = clock.after(GOODBYE_MS, late.resolve)
      await Promise.race([Promise.all(running.values()), late.promise])
      cancel()
      for (const socket of running.keys()) socket.destroy()
    },
  }
}

async function serve(connection: Connection, context: StreamContext, stopping: AbortSignal): Promise<void> {
  const wanted = parseStreamRequest(connection.request.url ?? '/')
  const upgrade = String(connection.request.headers.upgrade ?? '').toLowerCase()
  const webSocket = upgrade === 'websocket'
  if (!webSocket && !upgrade.startsWith('spdy/'))
    throw new StreamRefusal(
      400,
      `cannot stream over ${JSON.stringify(upgrade)}: expected SPDY/3.1 or websocket`,
    )
  if (wanted.type !== 'portForward') return serveContainer(connection, wanted, webSocket, context, stopping)
  return servePorts(connection, wanted, webSocket, context, stopping)
}

/** Exec and attach: the client's streams end here, and the container's begin. */
async function serveContainer(
  connection: Connection,
  wanted: ContainerStreamRequest,
  webSocket: boolean,
  context: StreamContext,
  stopping: AbortSignal,
): Promise<void> {
  const { clock } = context
  const { container, streams } = locateContainer(wanted, context)
  const { headers } = connection.request
  const protocol = webSocket
    ? agree(offered(headers, 'sec-websocket-protocol'), EXEC_SUBPROTOCOLS)
    : chooseSpdyProtocol(offered(headers, 'x-stream-protocol-version'))
  const open = await containerOpener(wanted, container, streams, context)
  try {
    const client =
      typeof protocol === 'string'
        ? await spdyEnds(connection, protocol, streams, clock)
        : webSocketEnds(
            new ChannelSocket(await acceptWebSocket(connection, protocol.name), protocol, clock),
            streams,
          )
    const ends = await open.start(client).catch((error: Error) => error)
    if (ends instanceof Error) await client.finish(statusText(cannotStart(ends)), false)
    else await runSession(client, ends, clock, stopping)
  } finally {
    open.close()
  }
}

const cannotStart = (error: Error) =>
  failure(
    `Internal error occurred: error executing command in container: failed to exec in container: ${error.message}`,
  )

interface Opener {
  /** Once the client is ready. */
  start(client: ClientEnds): Promise<ContainerEnds>
  close(): void
}

async function containerOpener(
  wanted: ContainerStreamRequest,
  id: string,
  streams: StreamOptions,
  { runtime, clock }: StreamContext,
): Promise<Opener> {
  if (wanted.type === 'exec' && runtime.startProcess) {
    return {
      async start(client) {
        const size = await client.sizes?.first(clock, FIRST_SIZE_MS)
        return processEnds(await runtime.startProcess!(id, wanted.command, streams, size), streams.tty)
      },
      close: () => {},
    }
  }
  const url =
    wanted.type === 'exec'
      ? await runtime.execUrl(id, wanted.command, streams)
      : await runtime.attachUrl(id, streams)
  const stream = await openRuntimeStream(url, ['v4.channel.k8s.io'], clock)
  return {
    async start() {
      const spdy = new SpdyConnection(stream.socket, { role: 'client', head: stream.head })
      return runtimeEnds(spdy, streams, wanted.type)
    },
    close: () => stream.socket.destroy(),
  }
}

/** Port-forward: into the pod's network ourselves where that can be done, else through the runtime. */
async function servePorts(
  connection: Connection,
  wanted: PortRequest,
  webSocket: boolean,
  context: StreamContext,
  stopping: AbortSignal,
): Promise<void> {
  const { headers } = connection.request
  const { clock, runtime } = context
  const sandbox = locateSandbox(wanted, context)
  const offers = offered(headers, webSocket ? 'sec-websocket-protocol' : 'x-stream-protocol-version')
  const tunnelled = webSocket && offers.includes(TUNNEL_SUBPROTOCOL)
  const channels = webSocket && !tunnelled ? agree(offers, PORT_SUBPROTOCOLS) : undefined
  if (channels && wanted.ports.length === 0)
    throw new StreamRefusal(400, 'query parameter "port" is required')
  const stream =
    runtime.sandboxNetwork && (await canEnterNetworks())
      ? ownPortStream(await runtime.sandboxNetwork(sandbox), `${wanted.namespace}/${wanted.pod}`, clock)
      : await openRuntimeStream(
          await runtime.portForwardUrl(sandbox, wanted.ports),
          [SPDY_PORT_FORWARD],
          clock,
        )
  try {
    if (!webSocket) {
      if (!offers.includes(SPDY_PORT_FORWARD))
        throw new StreamRefusal(
          403,
          `unable to upgrade: expected protocol ${SPDY_PORT_FORWARD}, got ${offers.join(', ').slice(0, 200)}`,
        )
      connection.answered = true
      connection.socket.write(switchTo(SPDY_PORT_FORWARD))
      if (connection.head.length > 0) stream.socket.write(connection.head)
      return await join(connection.socket, stream, stopping)
    }
    const ws = await acceptWebSocket(connection, channels?.name ?? TUNNEL_SUBPROTOCOL)
    if (!channels) return await join(createWebSocketStream(ws), stream, stopping)
    const spdy = new SpdyConnection(stream.socket, { role: 'client', head: stream.head })
    await runPortSession(new ChannelSocket(ws, channels, clock), spdy, wanted.ports, stopping)
  } finally {
    stream.socket.destroy()
  }
}

function ownPortStream(netns: string, pod: string, clock: Clock): RuntimeStream {
  const [ours, inner] = duplexPair()
  servePortStreams(inner as Duplex, netns, pod, clock)
  return { socket: ours as Duplex, head: Buffer.alloc(0) }
}

function join(client: Duplex, runtime: RuntimeStream, stopping: AbortSignal): Promise<void> {
  if (runtime.head.length > 0) client.write(runtime.head)
  return tunnel(client, runtime.socket, stopping)
}

function agree(offers: readonly string[], known: readonly Subprotocol[]): Subprotocol {
  const found = chooseSubprotocol(offers, known)
  if (found) return found
  const names = known.map((k) => k.name).filter((n) => n !== '')
  throw new StreamRefusal(
    400,
    `cannot agree on a subprotocol: expected one of ${names.join(', ')}, got ${offers.join(', ').slice(0, 200)}`,
  )
}

/** Before the client was answered: an HTTP answer. After that there is only the end. */
function refuse(socket: Duplex, error: unknown): void {
  const status = error instanceof StreamRefusal ? error.status : 500
  const body = Buffer.from(`${error instanceof Error ? error.message : String(error)}\n`)
  if (socket.destroyed) return
  socket.end(
    `HTTP/1.1 ${status} ${status === 404 ? 'Not Found' : status === 400 ? 'Bad Request' : 'Internal Server Error'}\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}
