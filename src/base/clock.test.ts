import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  atOnce,
  inSlices,
  microTimestamp,
  nextTurn,
  pause,
  seededRandom,
  sleep,
  timestamp,
  VirtualClock,
} from './index.ts'

test('a virtual clock runs timers in the order they fall due, and not before', async () => {
  const clock = new VirtualClock(1_000)
  const ran: string[] = []
  clock.after(20, () => ran.push(`second at ${clock.now()}`))
  clock.after(10, () => ran.push(`first at ${clock.now()}`))
  clock.after(10, () => ran.push('same time, later set'))
  await clock.advance(9)
  assert.deepEqual(ran, [])
  await clock.advance(11)
  assert.deepEqual(ran, ['first at 1010', 'same time, later set', 'second at 1020'])
  assert.equal(clock.now(), 1_020)
  assert.equal(clock.monotonic(), 20)
})

test('a timer that a timer sets runs in the same advance when it falls due in it', async () => {
  const clock = new VirtualClock(0)
  const ran: number[] = []
  clock.after(5, () => clock.after(5, () => ran.push(clock.now())))
  await clock.advance(10)
  assert.deepEqual(ran, [10])
})

test('a cancelled timer does not run', async () => {
  const clock = new VirtualClock(0)
  let ran = false
  const cancel = clock.after(1, () => {
    ran = true
  })
  cancel()
  await clock.advance(5)
  assert.equal(ran, false)
  assert.equal(clock.nextTimerAt(), undefined)
})

test('sleep ends early with the reason of its signal', async () => {
  const clock = new VirtualClock(0)
  const abort = new AbortController()
  const sleeping = sleep(clock, 1_000, abort.signal)
  abort.abort(new Error('enough'))
  await assert.rejects(sleeping, /enough/)
  assert.equal(clock.nextTimerAt(), undefined)
})

test('a sleep whose signal has aborted already sets no timer', async () => {
  const clock = new VirtualClock(0)
  await assert.rejects(sleep(clock, 1_000, AbortSignal.abort(new Error('before'))), /before/)
  assert.equal(clock.nextTimerAt(), undefined)
})

test('a sleep that has ended no longer listens to its signal', async () => {
  const clock = new VirtualClock(0)
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--
    removeEventListener.apply(signal, args)
  }
  const sleeping = sleep(clock, 10, signal)
  assert.equal(listeners, 1)
  await clock.advance(10)
  await sleeping
  assert.equal(listeners, 0)
})

test('a pause ends after its time or with its signal, and never fails', async () => {
  const clock = new VirtualClock(0)
  const abort = new AbortController()
  let ended = false
  const whole = pause(clock, 10, abort.signal).then(() => {
    ended = true
  })
  await clock.advance(9)
  assert.equal(ended, false)
  await clock.advance(1)
  await whole
  const cut = pause(clock, 1_000, abort.signal)
  abort.abort(new Error('enough'))
  await cut
  assert.equal(clock.nextTimerAt(), undefined)
})

test('what was ready before runs before the next turn', async () => {
  const ran: string[] = []
  setImmediate(() => ran.push('ready'))
  void Promise.resolve().then(() => ran.push('promised'))
  await nextTurn()
  assert.deepEqual(ran, ['promised', 'ready'])
})

test('timestamps are written as Kubernetes writes them', () => {
  const ms = Date.UTC(2026, 10, 21, 8, 30, 5, 678)
  assert.equal(timestamp(ms), '2026-11-21T08:30:05Z')
  assert.equal(microTimestamp(ms), '2026-11-21T08:30:05.678000Z')
})

test('a seeded stream repeats itself, and another name is another stream', () => {
  const take = (seed: number, name: string) => {
    const r = seededRandom(seed, name)
    return [r.next(), r.suffix(5), r.uuid()]
  }
  assert.deepEqual(take(7, 'names'), take(7, 'names'))
  assert.notDeepEqual(take(7, 'names'), take(7, 'jitter'))
  assert.match(
    String(take(7, 'x')[2]),
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
})

test('long work in slices lets others have a turn every few milliseconds', async () => {
  let now = 0
  const clock = { ...new VirtualClock(0), now: () => now, monotonic: () => now } as VirtualClock
  function* work() {
    for (let i = 0; i < 20; i++) {
      now++
      yield
    }
    return 'done'
  }
  let turns = 0
  let isOver = false
  const others = (async () => {
    for (; !isOver; turns++) await nextTurn()
  })()
  assert.equal(await inSlices(work(), clock), 'done')
  isOver = true
  await others
  assert.ok(turns >= 3 && turns < 20, `${turns} turns`)
  assert.equal(atOnce(work()), 'done')
})
