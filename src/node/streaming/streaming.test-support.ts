import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { silentLog, systemClock } from '../../base/index.ts'
import { type KubeletServer, type KubeletView, serveKubelet } from '../server.ts'
import { testAuthority } from '../testing/certificates.ts'
import { createStreams, type Streams } from './index.ts'
import { SpdyConnection, type SpdyStream } from './spdy/connection.ts'
import type { StreamStatus } from './status.ts'

const RawWebSocket = WebSocket as unknown as new (
  address: null,
  protocols: undefined,
  options: object,
) => WebSocket & {
  _isServer: boolean
  setSocket(socket: Duplex, head: Buffer, options: object): void
}

/** An agent's server with streams, and clients that it takes for the API server. */
export class StreamServer {
  readonly #server: KubeletServer
  readonly #streams: Streams
  readonly #tls: { readonly ca: string; readonly cert: string; readonly key: string }

  static async start(
    view: Pick<KubeletView, 'find'>,
    runtime: Parameters<typeof serveKubelet>[0]['runtime'],
  ): Promise<StreamServer> {
    const authority = await testAuthority()
    const serving = await authority.issue('CN=system:node:n1,O=system:nodes')
    const client = await authority.issue('CN=kube-apiserver-kubelet-client,O=system:masters')
    const streams = createStreams(systemClock())
    const server = await serveKubelet({
      tls: () => ({ ...serving, clientCA: authority.cert }),
      host: '127.0.0.1',
      port: 0,
      view: view as KubeletView,
      streams: streams.handler,
      runtime,
      clock: systemClock(),
      log: silentLog,
    })
    return new StreamServer(server, streams, { ca: authority.cert, ...client })
  }

  constructor(
    server: KubeletServer,
    streams: Streams,
    tls: { readonly ca: string; readonly cert: string; readonly key: string },
  ) {
    this.#server = server
    this.#streams = streams
    this.#tls = tls
  }

  stopStreams(): Promise<void> {
    return this.#streams.close()
  }

  async close(): Promise<void> {
    await this.#streams.close()
    await this.#server.close()
  }

  /** Rejects with the status and the words of a refusal. */
  async spdy(path: string, protocols: readonly string[]): Promise<{ socket: Duplex; protocol: string }> {
    const { socket, headers } = await this.#upgrade(path, 'POST', {
      Upgrade: 'SPDY/3.1',
      'X-Stream-Protocol-Version': protocols.join(', '),
    })
    return { socket, protocol: String(headers['x-stream-protocol-version']) }
  }

  /** A WebSocket whose messages are a SPDY connection; `ws` would not ask for such a protocol. */
  async tunnel(path: string): Promise<{ socket: Duplex; protocol: string }> {
    const { socket, headers } = await this.#upgrade(path, 'GET', {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io',
    })
    const ws = new RawWebSocket(null, undefined, {})
    ws._isServer = false
    ws.setSocket(socket, Buffer.alloc(0), { maxPayload: 0, allowSynchronousEvents: true })
    return { socket: createWebSocketStream(ws), protocol: String(headers['sec-websocket-protocol']) }
  }

  async #upgrade(
    path: string,
    method: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ socket: Duplex; headers: IncomingMessage['headers'] }> {
    const req = request({
      host: '127.0.0.1',
      port: this.#server.port,
      path,
      method,
      agent: false,
      ...this.#tls,
      headers: { Connection: 'Upgrade', ...headers },
    })
    req.end()
    return new Promise((resolve, reject) => {
      req.on('error', reject)
      req.on('response', (res: IncomingMessage) => {
        let text = ''
        res.on('data', (chunk: Buffer) => {
          text += chunk
        })
        res.on('end', () => reject(new Error(`${res.statusCode}: ${text.trim()}`)))
      })
      req.on('upgrade', (res, socket) => resolve({ socket, headers: res.headers }))
    })
  }

  async spdyExec(
    path: string,
    types: readonly string[],
    protocols = ['v4.channel.k8s.io'],
  ): Promise<SpdyExec> {
    const { socket } = await this.spdy(path, protocols)
    return new SpdyExec(new SpdyConnection(socket, { role: 'client' }), types)
  }

  async webSocket(path: string, protocols: string[]): Promise<WebSocketExec> {
    const ws = new WebSocket(`wss://127.0.0.1:${this.#server.port}${path}`, protocols, { ...this.#tls })
    const refused = once(ws, 'unexpected-response').then(async ([, res]) => {
      const chunks: Buffer[] = []
      for await (const chunk of res as IncomingMessage) chunks.push(chunk)
      throw new Error(`${res.statusCode}: ${Buffer.concat(chunks).toString().trim()}`)
    })
    // The messages may come together with the answer.
    const exec = new WebSocketExec(ws)
    await Promise.race([once(ws, 'open'), refused])
    refused.catch(() => {})
    return exec
  }
}

/** What kubectl up to 1.30 does. */
export class SpdyExec {
  readonly connection: SpdyConnection
  readonly streams: Readonly<Record<string, SpdyStream>>
  readonly #output: Readonly<Record<string, Promise<Buffer>>>

  constructor(connection: SpdyConnection, types: readonly string[]) {
    this.connection = connection
    this.streams = Object.fromEntries(types.map((t) => [t, connection.open({ streamtype: [t] })]))
    this.#output = Object.fromEntries(
      ['stdout', 'stderr', 'error']
        .filter((t) => types.includes(t))
        .map((t) => [t, collect(this.streams[t]!)]),
    )
  }

  async output(type = 'stdout'): Promise<string> {
    return (await this.#output[type]!).toString()
  }

  bytes(): Promise<Buffer> {
    return this.#output.stdout!
  }

  async status(): Promise<StreamStatus> {
    const status = JSON.parse(await this.output('error')) as StreamStatus
    this.connection.destroy()
    return status
  }
}

function collect(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const done = () => resolve(Buffer.concat(chunks))
    stream
      .on('data', (chunk) => chunks.push(chunk))
      .once('end', done)
      .once('close', done)
  })
}

/** What kubectl since 1.31, and browsers, do. */
export class WebSocketExec {
  readonly ws: WebSocket
  readonly #chunks = new Map<number, Buffer[]>()
  readonly closed: Promise<number>

  constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('error', () => {})
    ws.on('message', (data: Buffer, binary) => {
      const channel = binary ? data[0]! : data[0]! - 0x30
      const chunk = binary ? data.subarray(1) : Buffer.from(data.subarray(1).toString(), 'base64')
      this.#chunks.set(channel, [...(this.#chunks.get(channel) ?? []), chunk])
    })
    this.closed = once(ws, 'close').then(([code]) => code as number)
  }

  send(channel: number, data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]), (error) =>
        error ? reject(error) : resolve(),
      )
    })
  }

  /** What has come on a channel so far. */
  bytes(channel: number): Buffer {
    return Buffer.concat(this.#chunks.get(channel) ?? [])
  }

  text(channel: number): string {
    return this.bytes(channel).toString()
  }

  async status(): Promise<StreamStatus> {
    await this.closed
    return JSON.parse(this.text(3)) as StreamStatus
  }
}
