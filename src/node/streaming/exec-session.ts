import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { StreamOptions } from '../runtime/runtime.ts'
import type { ChannelSocket } from './channel-socket.ts'
import { CHANNEL } from './channels.ts'
import type { SpdyConnection, SpdyStream } from './spdy/connection.ts'
import { failure, statusMessage } from './status.ts'

const MAX_STATUS_BYTES = 64 * 1024
const GOING_AWAY = 1001

/**
 * One exec or attach of a WebSocket client: its channels are the runtime's SPDY streams (v4.channel.k8s.io there).
 * Each side's bytes wait for the other side to take them. Resolves when it is over.
 */
export async function runExecSession(
  client: ChannelSocket,
  runtime: SpdyConnection,
  options: StreamOptions,
  stopping: AbortSignal,
): Promise<void> {
  const open = (type: string) => runtime.open({ streamtype: [type] })
  const error = open('error')
  const stdin = options.stdin ? open('stdin') : undefined
  const stdout = options.stdout ? open('stdout') : undefined
  const stderr = options.stderr ? open('stderr') : undefined
  const resize = options.tty ? open('resize') : undefined

  forwardInput(client, { [CHANNEL.stdin]: stdin, [CHANNEL.resize]: resize })
  // Clients wait for a first message to know that the streams are there.
  void client.send(options.stdout ? CHANNEL.stdout : options.stderr ? CHANNEL.stderr : CHANNEL.error, EMPTY)
  const outcome = statusOf(error)
  const outputs = Promise.all([pump(stdout, client, CHANNEL.stdout), pump(stderr, client, CHANNEL.stderr)])
  const stopped = stopping.aborted ? Promise.resolve() : once(stopping, 'abort')
  const end = await Promise.race([
    outputs.then(() => outcome),
    client.closed.then(() => 'gone' as const),
    stopped.then(() => 'stopping' as const),
  ])
  if (end !== 'gone') {
    const status =
      end === 'stopping'
        ? JSON.stringify(failure('the node agent is stopping; the container goes on running'))
        : (end ?? JSON.stringify(failure('the connection to the container runtime was lost')))
    const text = client.protocol.status ? status : statusMessage(status)
    if (text !== '') await client.send(CHANNEL.error, Buffer.from(text))
    client.close(end === 'stopping' ? GOING_AWAY : 1000)
  }
  runtime.destroy()
}

const EMPTY = Buffer.alloc(0)

function forwardInput(client: ChannelSocket, streams: Readonly<Record<number, Writable | undefined>>): void {
  client.onMessage((message) => {
    if (message.type === 'nothing') return
    const stream = streams[message.channel]
    // Input that nobody asked for goes nowhere.
    if (!stream?.writable) return
    if (message.type === 'close') stream.end()
    else if (message.data.length > 0 && !stream.write(message.data)) client.pauseUntil(roomIn(stream))
  })
}

/** Resolves when the stream takes more, or will not take anything any more. */
export function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('finish', done)
      resolve()
    }
    stream.once('drain', done).once('close', done).once('finish', done)
  })
}

async function pump(stream: SpdyStream | undefined, client: ChannelSocket, channel: number): Promise<void> {
  if (!stream) return
  try {
    for await (const chunk of stream) await client.send(channel, chunk as Buffer)
  } catch {
    // The connection is lost; the error channel says so.
  }
}

/** What the runtime says at the end; undefined when it could not. */
async function statusOf(stream: SpdyStream): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += (chunk as Buffer).length
      if (size <= MAX_STATUS_BYTES) chunks.push(chunk as Buffer)
    }
  } catch {
    // What came may be whole all the same.
  }
  return size === 0 ? undefined : Buffer.concat(chunks).toString()
}
