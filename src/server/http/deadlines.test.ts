import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../base/index.ts'
import { Deadlines } from './deadlines.ts'

test('each is told when its own time is up, and not after it was over', async () => {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock, 60_000)
  const told: string[] = []
  deadlines.start(() => told.push(`first at ${clock.monotonic()}`))
  await clock.advance(10_000)
  const over = deadlines.start(() => told.push('the one that ended'))
  deadlines.start(() => told.push(`last at ${clock.monotonic()}`))
  over()
  await clock.advance(49_999)
  assert.deepEqual(told, [])
  await clock.advance(1)
  assert.deepEqual(told, ['first at 60000'])
  await clock.advance(10_000)
  assert.deepEqual(told, ['first at 60000', 'last at 70000'])
})

test('goes on after a pause in which nobody waited', async () => {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock, 1_000)
  let told = 0
  deadlines.start(() => told++)()
  await clock.advance(5_000)
  deadlines.start(() => told++)
  await clock.advance(999)
  assert.equal(told, 0)
  await clock.advance(1)
  assert.equal(told, 1)
})
