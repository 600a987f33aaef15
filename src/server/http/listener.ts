import type { IncomingMessage, Server, ServerOptions } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Clock, http } from '../../base/index.ts'
import { type Exchange, Http1Exchange, Http2Exchange } from './exchange.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Verifies client certificates. */
  readonly clientCa: string
}

export interface Handlers {
  request(exchange: Exchange): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface Listener {
  readonly port: number
  /** New connections use these from now on. */
  renew(tls: TlsFiles): void
  /** Takes no new connections, lets running requests end for up to `graceMs`, then cuts what is left. */
  close(clock: Clock, graceMs: number): Promise<void>
}

const HTTP1: ServerOptions = {
  maxHeaderSize: 64 * 1024,
  headersTimeout: 30_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 180_000,
  noDelay: true,
}

const LOOK_MS = 20

const HTTP2 = {
  settings: { maxConcurrentStreams: 250, initialWindowSize: 256 * 1024, maxHeaderListSize: 64 * 1024 },
  maxSessionMemory: 64,
}

/** HTTP/1.1 and HTTP/2 on one port, over TLS when `tls` is given (client certificates are asked for, not required). */
export async function listen(
  options: { readonly host: string; readonly port: number; readonly tls?: TlsFiles | undefined },
  handlers: Handlers,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const sessions = new Set<Http2Session>()
  const server = options.tls ? secureServer(options.tls, handlers, sessions) : http.createServer(HTTP1)
  server.on('request', (req, res) => {
    res.on('error', () => {})
    handlers.request(new Http1Exchange(req, res))
  })
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) =>
    handlers.upgrade(req, socket, head),
  )
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => resolve())
  })
  return {
    port: (server.address() as AddressInfo).port,
    renew(tls) {
      ;(server as { setSecureContext?: (o: object) => void }).setSecureContext?.({
        cert: tls.cert,
        key: tls.key,
        ca: tls.clientCa,
      })
    },
    async close(clock, graceMs) {
      const startedMs = clock.monotonic()
      let isClosed = false
      const closed = new Promise<void>((resolve) => server.close(() => resolve())).then(() => {
        isClosed = true
      })
      for (const session of sessions) session.close()
      // A connection turns idle when its last answer is out; from then on nothing keeps it.
      const look = () => {
        if (isClosed) return
        if (clock.monotonic() - startedMs >= graceMs) for (const socket of sockets) socket.destroy()
        else server.closeIdleConnections()
        clock.after(Math.min(LOOK_MS, graceMs), look)
      }
      look()
      await closed
    },
  }
}

function secureServer(tls: TlsFiles, handlers: Handlers, sessions: Set<Http2Session>): Server {
  const server = createHttpsServer({
    ...HTTP1,
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: 20_000,
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  const http2 = createHttp2Server(HTTP2)
  http2.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  http2.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    handlers.request(new Http2Exchange(stream, headers))
  })
  // The HTTPS server speaks HTTP/1.1 on every connection it gets; those that agreed on h2 are for the other one.
  const speakHttp1 = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {})
    if (socket.alpnProtocol === 'h2') http2.emit('connection', socket)
    else for (const speak of speakHttp1) speak.call(server, socket)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}
