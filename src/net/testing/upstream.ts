import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { type Answer, decode, encode, type Packet, streamEncode } from 'dns-packet'

export type Reply =
  | {
      readonly answers?: Answer[]
      readonly authorities?: Answer[]
      readonly rcode?: number
      readonly truncate?: boolean
    }
  /** No answer at all. */
  | 'silence'

/** A resolver on the loopback that says what a test wants, and counts what it was asked. */
export class FakeUpstream {
  readonly asked: string[] = []
  reply: (name: string, type: string) => Reply
  readonly #udp: Socket = createSocket('udp4')
  readonly #tcp: Server

  constructor(reply: (name: string, type: string) => Reply) {
    this.reply = reply
    this.#udp.on('message', (message, from) => {
      const response = this.#respond(message, false)
      if (response) this.#udp.send(encode(response), from.port, from.address)
    })
    this.#tcp = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (chunk: Buffer) => {
        const response = this.#respond(chunk.subarray(2), true)
        if (response) socket.end(streamEncode(response))
      })
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#udp.bind(0, '127.0.0.1', () => resolve()))
    const { port } = this.#udp.address()
    await new Promise<void>((resolve) => this.#tcp.listen(port, '127.0.0.1', () => resolve()))
    return port
  }

  close(): void {
    this.#udp.close()
    this.#tcp.close()
  }

  #respond(message: Buffer, isTcp: boolean): Packet | undefined {
    const query = decode(message)
    const question = query.questions![0]!
    this.asked.push(`${question.name} ${question.type}${isTcp ? ' tcp' : ''}`)
    const reply = this.reply(question.name, question.type)
    if (reply === 'silence') return undefined
    const isCut = reply.truncate && !isTcp
    return {
      type: 'response',
      id: query.id,
      flags: 0x0180 | (isCut ? 0x0200 : 0) | (reply.rcode ?? 0),
      questions: query.questions,
      answers: isCut ? [] : (reply.answers ?? []),
      authorities: reply.authorities ?? [],
    }
  }
}
