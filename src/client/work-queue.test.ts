import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { type Outcome, WorkQueue } from './work-queue.ts'

function setup(process: (key: string) => Promise<Outcome>, concurrency = 1) {
  const clock = new VirtualClock()
  const queue = new WorkQueue({
    name: 'q',
    clock,
    random: seededRandom(1),
    log: silentLog,
    concurrency,
    process,
  })
  return { clock, queue }
}

const forget: Outcome = { next: 'forget' }

test('a key added many times before it runs, runs once', async () => {
  const ran: string[] = []
  const { clock, queue } = setup(async (key) => {
    ran.push(key)
    return forget
  })
  for (const key of ['a', 'a', 'b', 'a']) queue.add(key)
  await clock.advance(0)
  assert.deepEqual(ran, ['a', 'b'])
})

test('a key added while it is in work runs once more afterwards, never twice at a time', async () => {
  let inWork = 0
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const { clock, queue } = setup(async () => {
    assert.equal(++inWork, 1)
    runs++
    await gate.promise
    inWork--
    return forget
  }, 4)
  queue.add('a')
  await clock.advance(0)
  queue.add('a')
  queue.add('a')
  gate.resolve()
  await clock.advance(0)
  assert.equal(runs, 2)
})

test('no more keys are in work than the concurrency allows', async () => {
  let inWork = 0
  let most = 0
  const { clock, queue } = setup(async () => {
    most = Math.max(most, ++inWork)
    await Promise.resolve()
    inWork--
    return forget
  }, 3)
  for (let i = 0; i < 20; i++) queue.add(`k${i}`)
  await clock.advance(0)
  assert.equal(most, 3)
})

test('a failing key backs off, doubling, and starts over after success', async () => {
  const at: number[] = []
  let fail = true
  const { clock, queue } = setup(async () => {
    at.push(clock.monotonic())
    if (fail) throw new Error('no')
    return forget
  })
  queue.add('a')
  await clock.advance(70)
  const gaps = at.slice(1).map((t, i) => t - at[i]!)
  assert.equal(gaps.length >= 3, true)
  for (const [i, gap] of gaps.entries()) assert.ok(gap <= 5 * 2 ** i && gap >= 4 * 2 ** i, `${gap} at ${i}`)
  assert.ok(queue.failures('a') >= 4)
  fail = false
  queue.add('a')
  await clock.advance(0)
  assert.equal(queue.failures('a'), 0)
})

test('a failure that is soon over waits no longer than it says', async () => {
  const at: number[] = []
  const { clock, queue } = setup(async () => {
    at.push(clock.monotonic())
    return { next: 'retry', error: 'conflict', maxMs: 20 }
  })
  queue.add('a')
  await clock.advance(1000)
  assert.ok(at.slice(1).every((t, i) => t - at[i]! <= 20))
  assert.ok(at.length > 50)
})

test('of several delays the earliest counts, and an add at once overtakes it', async () => {
  const at: number[] = []
  const { clock, queue } = setup(async () => {
    at.push(clock.monotonic())
    return forget
  })
  queue.addAfter('a', 100)
  queue.addAfter('a', 50)
  queue.addAfter('a', 80)
  await clock.advance(200)
  assert.deepEqual(at, [50])
  queue.addAfter('a', 100)
  queue.add('a')
  await clock.advance(200)
  assert.deepEqual(at, [50, 200])
})

test('stop waits for what is in work and runs nothing afterwards', async () => {
  const gate = Promise.withResolvers<void>()
  const ran: string[] = []
  const { clock, queue } = setup(async (key) => {
    ran.push(key)
    await gate.promise
    return { next: 'again', afterMs: 1 }
  })
  queue.add('a')
  queue.add('b')
  queue.addAfter('c', 5)
  await clock.advance(0)
  let stopped = false
  const stop = queue.stop().then(() => {
    stopped = true
  })
  await clock.advance(10)
  assert.equal(stopped, false)
  gate.resolve()
  await stop
  await clock.advance(100)
  assert.deepEqual(ran, ['a'])
})
