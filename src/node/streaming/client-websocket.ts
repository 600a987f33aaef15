import { Readable, Writable } from 'node:stream'
import type { StreamOptions } from '../runtime/runtime.ts'
import type { ChannelSocket } from './channel-socket.ts'
import { CHANNEL } from './channels.ts'
import type { ClientEnds } from './session.ts'
import { TerminalSizes } from './sizes.ts'
import { statusMessage } from './status.ts'

const NORMAL = 1000
const GOING_AWAY = 1001

/** A WebSocket client's channels as streams. */
export function webSocketEnds(client: ChannelSocket, options: StreamOptions): ClientEnds {
  const stdin = options.stdin ? new ChannelReader(client) : undefined
  const resize = options.tty ? new ChannelReader(client) : undefined
  const inputs: Readonly<Record<number, ChannelReader | undefined>> = {
    [CHANNEL.stdin]: stdin,
    [CHANNEL.resize]: resize,
  }
  client.onMessage((message) => {
    // Input that nobody asked for goes nowhere.
    if (message.type === 'close') inputs[message.channel]?.end()
    else if (message.type === 'data') inputs[message.channel]?.deliver(message.data)
  })
  // Clients wait for a first message to know that the streams are there.
  void client.send(
    options.stdout ? CHANNEL.stdout : options.stderr ? CHANNEL.stderr : CHANNEL.error,
    Buffer.alloc(0),
  )
  return {
    stdin,
    sizes: resize && new TerminalSizes(resize),
    stdout: options.stdout ? channelWriter(client, CHANNEL.stdout) : undefined,
    stderr: options.stderr ? channelWriter(client, CHANNEL.stderr) : undefined,
    gone: client.closed,
    async finish(status, early) {
      const text = client.protocol.status ? status : statusMessage(status)
      if (text !== '') await client.send(CHANNEL.error, Buffer.from(text))
      client.close(early ? GOING_AWAY : NORMAL)
      await client.closed
    },
  }
}

/** What the client sends on one channel. While nobody takes it, the client's messages wait. */
class ChannelReader extends Readable {
  readonly #client: ChannelSocket
  #room: (() => void) | undefined
  #ended = false

  constructor(client: ChannelSocket) {
    super()
    this.#client = client
    this.on('error', () => {})
  }

  deliver(data: Buffer): void {
    if (this.#ended || this.destroyed || data.length === 0) return
    if (this.push(data) || this.#room) return
    this.#client.pauseUntil(
      new Promise((resolve) => {
        this.#room = resolve
      }),
    )
  }

  end(): void {
    if (this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
  }

  override _read(): void {
    this.#room?.()
    this.#room = undefined
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read()
    done(error)
  }
}

export function channelWriter(client: ChannelSocket, channel: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      void client.send(channel, chunk).then(() => done())
    },
  })
}
