import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { type Log, type Metrics, noMetrics } from '../../base/index.ts'
import { typeName } from './records.ts'
import type { Responder } from './responder.ts'
import { MAX_TCP_BYTES, parseQuery, udpLimit } from './wire.ts'

export interface ListenerOptions {
  readonly address: string
  /** 0: any free one. */
  readonly port: number
  /** Somebody else has the TCP port. */
  readonly udpOnly?: boolean
  readonly responder: Responder
  readonly log: Log
  readonly metrics?: Metrics
}

const TCP_IDLE_MS = 10_000
const MAX_CONNECTIONS = 200
const MAX_PIPELINED = 64

/** UDP and TCP sockets on one address and port. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #udp: UdpSocket
  readonly #tcp: Server

  private constructor(options: ListenerOptions, udp: UdpSocket, tcp: Server) {
    this.#options = options
    this.#udp = udp
    this.#tcp = tcp
  }

  /** Rejects when the address is not this machine's, or somebody else listens there. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { address } = options
    const udp = createSocket('udp4')
    const tcp = createServer()
    const listener = new Listener(options, udp, tcp)
    try {
      const port = await new Promise<number>((resolve, reject) => {
        udp.once('error', reject)
        udp.bind({ address, port: options.port, exclusive: true }, () => resolve(udp.address().port))
      })
      if (options.udpOnly !== true)
        await new Promise<void>((resolve, reject) => {
          tcp.once('error', reject)
          tcp.listen({ host: address, port, exclusive: true }, () => resolve())
        })
    } catch (error) {
      udp.close()
      tcp.close()
      throw error
    }
    listener.#serve()
    return listener
  }

  get port(): number {
    return this.#udp.address().port
  }

  close(): void {
    this.#udp.close()
    this.#tcp.close()
  }

  #serve(): void {
    const { log } = this.#options
    for (const socket of [this.#udp, this.#tcp]) {
      socket.removeAllListeners('error')
      socket.on('error', (error) => log.error({ err: error }, 'a DNS socket failed'))
    }
    this.#udp.on('message', (message, from) => {
      void this.#answer(message, 'udp').then((response) => {
        // The client may be gone, or the socket closed meanwhile.
        if (response) this.#udp.send(response, from.port, from.address, () => {})
      }, ignoreClosed)
    })
    this.#tcp.maxConnections = MAX_CONNECTIONS
    this.#tcp.on('connection', (socket) => this.#serveTcp(socket))
  }

  /** Each message is preceded by its length (RFC 7766); answers may come in another order. */
  #serveTcp(socket: Socket): void {
    let received: Buffer = Buffer.alloc(0)
    let open = 0
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    const take = () => {
      while (received.length >= 2 && open < MAX_PIPELINED) {
        const length = received.readUInt16BE(0)
        if (received.length < 2 + length) break
        const message = received.subarray(2, 2 + length)
        received = received.subarray(2 + length)
        open++
        void this.#answer(message, 'tcp').then((response) => {
          open--
          if (!response) return socket.destroy()
          const prefix = Buffer.alloc(2)
          prefix.writeUInt16BE(response.length)
          socket.write(Buffer.concat([prefix, response]))
          take()
          if (open < MAX_PIPELINED) socket.resume()
        })
      }
      if (open >= MAX_PIPELINED) socket.pause()
    }
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      take()
    })
  }

  async #answer(message: Buffer, proto: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const { responder, log, metrics = noMetrics } = this.#options
    const parsed = parseQuery(message)
    if (parsed.is === 'noise') return undefined
    if (parsed.is === 'refused') return parsed.response
    const { query } = parsed
    metrics.increment('coredns_dns_requests_total', { proto, type: typeName(query.type) })
    try {
      const response = await responder.respond(query, proto === 'udp' ? udpLimit(query) : MAX_TCP_BYTES)
      metrics.increment('coredns_dns_responses_total', { rcode: String(response.readUInt16BE(2) & 0xf) })
      return response
    } catch (error) {
      log.error({ err: error, name: query.name, type: query.type }, 'cannot answer a DNS question')
      return undefined
    }
  }
}

function ignoreClosed(): void {}
