import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { VirtualClock } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { type ClientEnds, type ContainerEnds, runSession } from './session.ts'

const HOUR = 3_600_000

function ends() {
  const status = Promise.withResolvers<string>()
  const gone = Promise.withResolvers<void>()
  const client = { stdin: new PassThrough(), stdout: new PassThrough(), finished: [] as [string, boolean][] }
  const container = { stdin: new PassThrough(), stdout: new PassThrough(), released: false }
  const clientEnds: ClientEnds = {
    ...client,
    stderr: undefined,
    sizes: undefined,
    gone: gone.promise,
    async finish(...how) {
      client.finished.push(how)
    },
  }
  const containerEnds: ContainerEnds = {
    ...container,
    stderr: undefined,
    resize: undefined,
    status: status.promise,
    release() {
      container.released = true
    },
  }
  return { client, container, clientEnds, containerEnds, status, gone }
}

test('the status comes after all output, however early the command ended', async () => {
  const { client, container, clientEnds, containerEnds, status } = ends()
  const done = runSession(clientEnds, containerEnds, new VirtualClock(), new AbortController().signal)
  status.resolve('ended')
  container.stdout.write('late')
  await eventually('the output', () => client.stdout.read()?.toString() === 'late')
  assert.deepEqual(client.finished, [])
  container.stdout.end()
  client.stdout.resume()
  await done
  assert.deepEqual(client.finished, [['ended', false]])
  assert.ok(container.released)
})

test('the end of the input reaches the container, and not the other way round', async () => {
  const { client, container, clientEnds, containerEnds, gone } = ends()
  const done = runSession(clientEnds, containerEnds, new VirtualClock(), new AbortController().signal)
  client.stdin.end('x')
  container.stdin.resume()
  await eventually('its end', () => container.stdin.readableEnded)
  assert.equal(container.stdout.writableEnded, false)
  gone.resolve()
  await done
  assert.deepEqual([client.finished, container.released], [[], true])
})

test('four hours without a byte end a session; any byte starts them anew', async () => {
  const clock = new VirtualClock()
  const { client, container, clientEnds, containerEnds } = ends()
  const done = runSession(clientEnds, containerEnds, clock, new AbortController().signal)
  client.stdout.resume()
  await clock.advance(3 * HOUR)
  container.stdout.write('tick')
  await eventually('the byte', () => container.stdout.readableLength === 0)
  await clock.advance(3 * HOUR)
  assert.equal(client.finished.length, 0)
  await clock.advance(1 * HOUR)
  await done
  assert.match(client.finished[0]![0], /nothing came or went for four hours/)
})

test('an agent that stops ends its sessions with that reason', async () => {
  for (const before of [true, false]) {
    const stop = new AbortController()
    const { client, clientEnds, containerEnds } = ends()
    if (before) stop.abort()
    const done = runSession(clientEnds, containerEnds, new VirtualClock(), stop.signal)
    stop.abort()
    await done
    assert.match(client.finished[0]![0], /the node agent is stopping/)
    assert.equal(client.finished[0]![1], true)
  }
})
