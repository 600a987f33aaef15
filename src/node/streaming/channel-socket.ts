import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../base/index.ts'
import { type ChannelMessage, decodeMessage, encodeMessage, type Subprotocol } from './channels.ts'

/** A connection that the API server handed on. */
export interface Connection {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  /** From here on a failure can only end the connection. */
  answered: boolean
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const GOODBYE_MS = 5_000
const PONG_MS = 15_000

/** Agrees to WebSocket on a connection that asked for it; '' is for clients that name no subprotocol. */
export function acceptWebSocket(connection: Connection, subprotocol: string): Promise<WebSocket> {
  const { request, socket, head } = connection
  connection.answered = true
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  })
  // The library takes tokens only, and "SPDY/3.1+portforward.k8s.io" is none.
  delete request.headers['sec-websocket-protocol']
  server.on('headers', (lines) => {
    if (subprotocol !== '') lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`)
  })
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client is gone')))
    server.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => ws.terminate())
      resolve(ws)
    })
  })
}

/** A WebSocket that carries channels. */
export class ChannelSocket {
  readonly protocol: Subprotocol
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  readonly #ws: WebSocket
  readonly #clock: Clock
  #pauses = 0
  #cancelPong = () => {}

  constructor(ws: WebSocket, protocol: Subprotocol, clock: Clock) {
    this.#ws = ws
    this.protocol = protocol
    this.#clock = clock
    this.closed = new Promise((resolve) => {
      if (ws.readyState === ws.CLOSED) return resolve()
      ws.once('close', () => {
        this.#cancelPong()
        resolve()
      })
    })
  }

  onMessage(listener: (message: ChannelMessage) => void): void {
    this.#ws.on('message', (data) => listener(decodeMessage(this.protocol, asBuffer(data))))
  }

  /** Resolves once the bytes are on their way, or the connection is over. */
  send(channel: number, data: Buffer): Promise<void> {
    if (this.#ws.readyState !== this.#ws.OPEN) return Promise.resolve()
    return new Promise((resolve) => {
      this.#ws.send(encodeMessage(this.protocol, channel, data), () => resolve())
    })
  }

  /** No message is handed out until `until` has resolved; other pauses may overlap. */
  pauseUntil(until: Promise<void>): void {
    this.#pauses++
    if (this.#pauses === 1) this.#cancelPong = this.#pongLater()
    this.#ws.pause()
    void until.then(() => {
      this.#pauses--
      if (this.#pauses > 0) return
      this.#cancelPong()
      this.#ws.resume()
    })
  }

  /** The client's pings wait behind its messages; kubectl gives up on who does not answer them for a minute. */
  #pongLater(): () => void {
    return this.#clock.after(PONG_MS, () => {
      if (this.#ws.readyState !== this.#ws.OPEN) return
      this.#ws.pong()
      this.#cancelPong = this.#pongLater()
    })
  }

  close(code: number, reason = ''): void {
    this.#ws.close(code, Buffer.from(reason).subarray(0, 120).toString())
    // A closing handshake needs the other side; a client that does not answer is cut off.
    this.#ws.resume()
    const cancel = this.#clock.after(GOODBYE_MS, () => this.#ws.terminate())
    void this.closed.then(cancel)
  }
}

function asBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : Buffer.from(data)
}
