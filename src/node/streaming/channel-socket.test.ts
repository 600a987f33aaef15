import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { WebSocket } from 'ws'
import { VirtualClock } from '../../base/index.ts'
import { ChannelSocket } from './channel-socket.ts'
import { EXEC_SUBPROTOCOLS } from './channels.ts'

/** A connection that notes what is done to it. */
class FakeWebSocket extends EventEmitter {
  readonly OPEN = 1
  readonly CLOSED = 3
  readyState = 1
  readonly done: string[] = []
  pause = () => void this.done.push('pause')
  resume = () => void this.done.push('resume')
  pong = () => void this.done.push('pong')
  close = () => void this.done.push('close')
  terminate = () => void this.done.push('terminate')
}

function fake() {
  const clock = new VirtualClock()
  const ws = new FakeWebSocket()
  return { clock, ws, socket: new ChannelSocket(ws as unknown as WebSocket, EXEC_SUBPROTOCOLS[0]!, clock) }
}

test('a client whose messages wait hears that the connection lives', async () => {
  const { clock, ws, socket } = fake()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  socket.pauseUntil(first.promise)
  socket.pauseUntil(second.promise)
  await clock.advance(31_000)
  first.resolve()
  await clock.advance(15_000)
  second.resolve()
  await clock.advance(60_000)
  assert.deepEqual(ws.done, ['pause', 'pause', 'pong', 'pong', 'pong', 'resume'])
})

test('a client that does not answer a close is cut off', async () => {
  const { clock, ws, socket } = fake()
  socket.close(1000)
  await clock.advance(5_000)
  assert.deepEqual(ws.done, ['close', 'resume', 'terminate'])
})
