import type { Writable } from 'node:stream'
import type { ChannelSocket } from './channel-socket.ts'

import { channelWriter } from './client-websocket.ts'
import { copy } from './session.ts'
import type { SpdyConnection, SpdyStream } from './spdy/connection.ts'

/**
 * Port-forward over channels: the n-th port has channel 2n for its bytes and 2n+1 for errors, and one connection. The
 * first message of each channel is the port's number (16 bits, low byte first). Resolves when it is over.
 */
export async function runPortSession(
  client: ChannelSocket,
  runtime: SpdyConnection,
  ports: readonly number[],
  stopping: AbortSignal,
): Promise<void> {
  const data: SpdyStream[] = []
  const ends: Promise<void>[] = []
  for (const [i, port] of ports.entries()) {
    const open = (streamType: string) =>
      runtime.open({ streamtype: [streamType], port: [String(port)], requestid: [String(i)] })
    const error = open('error')
    error.end()
    const stream = open('data')
    data.push(stream)
    const number = Buffer.from([port & 0xff, port >> 8])
    void client.send(2 * i, number)
    void client.send(2 * i + 1, number)
    ends.push(copy(stream, channelWriter(client, 2 * i)), copy(error, channelWriter(client, 2 * i + 1)))
  }
  client.onMessage((message) => {
    if (message.type !== 'data' || message.channel % 2 !== 0) return
    const stream = data[message.channel / 2]
    if (!stream?.writable || message.data.length === 0) return
    if (!stream.write(message.data)) client.pauseUntil(roomIn(stream))
  })
  const stopped = new Promise<void>((resolve) => {
    if (stopping.aborted) resolve()
    else stopping.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([Promise.all(ends), client.closed, stopped])
  if (stopping.aborted) client.close(1001, 'the node agent is stopping')
  else client.close(1000)
  runtime.destroy()
}

/** Resolves when the stream takes more, or will not take anything any more. */
function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('finish', done)
      resolve()
    }
    stream.once('drain', done).once('close', done).once('finish', done)
  })
}
