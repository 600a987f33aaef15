import type { Duplex } from 'node:stream'
import { createWebSocketStream } from 'ws'
import type { Clock } from '../../base/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import type { StreamContext, StreamHandler } from '../server.ts'
import { acceptWebSocket, ChannelSocket, type Connection } from './channel-socket.ts'
import {
  chooseSubprotocol,
  EXEC_SUBPROTOCOLS,
  PORT_SUBPROTOCOLS,
  type Subprotocol,
  TUNNEL_PREFIX,
  TUNNEL_SUBPROTOCOL,
} from './channels.ts'
import { runExecSession } from './exec-session.ts'
import { runPortSession } from './port-session.ts'
import { parseStreamRequest, StreamRefusal, type StreamRequest } from './request.ts'
import { offered, openRuntimeStream, type RuntimeStream, tunnel } from './runtime-stream.ts'
import { SpdyConnection } from './spdy/connection.ts'

export interface Streams {
  readonly handler: StreamHandler
  /** Ends all streams, telling those clients that can be told. */
  close(): Promise<void>
}

/** How long clients have to hear that the agent stops. */
const GOODBYE_MS = 1_000

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
  if (upgrade === 'websocket') return overWebSocket(connection, wanted, context, stopping)
  if (upgrade.startsWith('spdy/')) return overSpdy(connection, wanted, context, stopping)
  throw new StreamRefusal(
    400,
    `cannot stream over ${JSON.stringify(upgrade)}: expected SPDY/3.1 or websocket`,
  )
}

/** SPDY is what the runtime speaks: it and the client agree with each other, and bytes pass as they are. */
async function overSpdy(
  connection: Connection,
  wanted: StreamRequest,
  context: StreamContext,
  stopping: AbortSignal,
): Promise<void> {
  const { request, socket, head } = connection
  const { target } = await locate(wanted, context)
  const runtime = await openRuntimeStream(
    target,
    offered(request.headers, 'x-stream-protocol-version'),
    context.clock,
  )
  connection.answered = true
  socket.write(answerHead(runtime))
  if (runtime.head.length > 0) socket.write(runtime.head)
  if (head.length > 0) runtime.socket.write(head)
  await tunnel(socket, runtime.socket, stopping)
}

function answerHead({ answer }: RuntimeStream): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`]
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2)
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function overWebSocket(
  connection: Connection,
  wanted: StreamRequest,
  context: StreamContext,
  stopping: AbortSignal,
): Promise<void> {
  const { request } = connection
  const offers = offered(request.headers, 'sec-websocket-protocol')
  if (wanted.type === 'portForward' && offers.includes(TUNNEL_SUBPROTOCOL))
    return overTunnel(connection, wanted, context, stopping)
  const known = wanted.type === 'portForward' ? PORT_SUBPROTOCOLS : EXEC_SUBPROTOCOLS
  const protocol = chooseSubprotocol(offers, known)
  if (!protocol) throw unknownProtocol(offers, known)
  if (wanted.type === 'portForward' && wanted.ports.length === 0)
    throw new StreamRefusal(400, 'query parameter "port" is required')
  const { target, streams } = await locate(wanted, context)
  const spdyProtocol = wanted.type === 'portForward' ? 'portforward.k8s.io' : 'v4.channel.k8s.io'
  const runtime = await openRuntimeStream(target, [spdyProtocol], context.clock)
  try {
    const ws = await acceptWebSocket(connection, protocol.name)
    const client = new ChannelSocket(ws, protocol, context.clock)
    const spdy = new SpdyConnection(runtime.socket, { role: 'client', head: runtime.head })
    if (wanted.type === 'portForward') await runPortSession(client, spdy, wanted.ports, stopping)
    else await runExecSession(client, spdy, streams, stopping)
  } finally {
    runtime.socket.destroy()
  }
}

function unknownProtocol(offers: readonly string[], known: readonly Subprotocol[]): StreamRefusal {
  const names = known.map((k) => k.name).filter((n) => n !== '')
  return new StreamRefusal(
    400,
    `cannot agree on a subprotocol: expected one of ${names.join(', ')}, got ${offers.join(', ').slice(0, 200)}`,
  )
}

/** WebSocket messages whose payload is a SPDY connection's bytes. */
async function overTunnel(
  connection: Connection,
  wanted: StreamRequest,
  context: StreamContext,
  stopping: AbortSignal,
): Promise<void> {
  const { target } = await locate(wanted, context)
  const inner = TUNNEL_SUBPROTOCOL.slice(TUNNEL_PREFIX.length)
  const runtime = await openRuntimeStream(target, [inner], context.clock)
  try {
    const ws = await acceptWebSocket(connection, TUNNEL_SUBPROTOCOL)
    const bytes = createWebSocketStream(ws)
    if (runtime.head.length > 0) bytes.write(runtime.head)
    await tunnel(bytes, runtime.socket, stopping)
  } finally {
    runtime.socket.destroy()
  }
}

interface Located {
  readonly target: string
  readonly streams: {
    readonly stdin: boolean
    readonly stdout: boolean
    readonly stderr: boolean
    readonly tty: boolean
  }
}

/** Where the runtime serves what is wanted, and which streams that has. Refuses what is not there. */
async function locate(wanted: StreamRequest, { view, runtime }: StreamContext): Promise<Located> {
  const found = view.find(wanted.namespace, wanted.pod)
  if (!found || (wanted.uid !== undefined && found.pod.metadata.uid !== wanted.uid))
    throw new StreamRefusal(404, `pod "${wanted.namespace}/${wanted.pod}" is not on this node`)
  const { pod, observed } = found
  if (wanted.type === 'portForward') {
    const sandbox = observed.sandboxes.find((s) => s.ready)
    if (!sandbox)
      throw new StreamRefusal(
        500,
        `cannot forward ports of pod "${wanted.namespace}/${wanted.pod}": its sandbox is not ready`,
      )
    const target = await runtime.portForwardUrl(sandbox.id, wanted.ports)
    return { target, streams: { stdin: false, stdout: false, stderr: false, tty: false } }
  }
  const container: ObservedContainer | undefined = observed.containers.find(
    (c) => c.name === wanted.container && c.state === 'running',
  )
  if (!container) throw new StreamRefusal(500, `container not found ("${wanted.container}")`)
  if (wanted.type === 'exec') {
    const target = await runtime.execUrl(container.id, wanted.command, wanted.streams)
    return { target, streams: wanted.streams }
  }
  // Whether a running process has a terminal was decided when it was started.
  const spec = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ].find((c) => c.name === wanted.container)
  const tty = spec?.tty ?? false
  const streams = { ...wanted.streams, tty, stderr: wanted.streams.stderr && !tty }
  return { target: await runtime.attachUrl(container.id, streams), streams }
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
