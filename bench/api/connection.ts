import { connect, type TLSSocket } from 'node:tls'

export interface Target {
  readonly port: number
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/**
 * One HTTP/1.1 connection that costs the machine as little as possible: the bench shares its two cores with the
 * server. It understands answers with a Content-Length, and the chunks of a watch.
 */
export class Connection {
  readonly #socket: TLSSocket
  #pending: Buffer[] = []
  #size = 0
  #need = 0
  #resolve: ((answer: { status: number; body: Buffer }) => void) | undefined
  #onData: ((chunk: Buffer) => void) | undefined

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => (this.#onData ? this.#onData(chunk) : this.#take(chunk)))
    socket.on('error', (error) => {
      throw error
    })
  }

  static open(target: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const { port, ca, cert, key } = target
      const socket = connect({ host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['http/1.1'] }, () =>
        resolve(new Connection(socket)),
      )
      socket.once('error', reject)
      socket.setNoDelay()
    })
  }

  request(method: string, path: string, body = ''): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#socket.write(head(method, path, body))
    })
  }

  /** The answer's bytes as they come, for a watch. */
  stream(path: string, onData: (chunk: Buffer) => void): void {
    this.#onData = onData
    this.#socket.write(head('GET', path, ''))
  }

  close(): void {
    this.#socket.removeAllListeners('error')
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#size += chunk.length
    if (this.#need === 0) {
      const joined = Buffer.concat(this.#pending)
      this.#pending = [joined]
      const end = joined.indexOf('\r\n\r\n')
      if (end < 0) return
      const headers = joined.toString('latin1', 0, end)
      const length = Number(/content-length: (\d+)/i.exec(headers)?.[1])
      if (!Number.isFinite(length)) throw new Error(`expected a Content-Length, got ${headers}`)
      this.#need = end + 4 + length
    }
    if (this.#size < this.#need) return
    const whole = Buffer.concat(this.#pending)
    const status = Number(whole.toString('latin1', 9, 12))
    const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4)
    this.#pending = []
    this.#size = 0
    this.#need = 0
    this.#resolve?.({ status, body })
  }
}

function head(method: string, path: string, body: string): string {
  const length = Buffer.byteLength(body)
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`
}
