import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/index.ts'
import { compactionTarget, type HistoryPolicy, type Mark, neededMarks } from './history.ts'
import { openMemoryStore } from './memory.ts'
import { bytes, keysOf } from './testing/contract.ts'

const marks: Mark[] = [
  { atMs: 0, revision: 10 },
  { atMs: 60, revision: 20 },
  { atMs: 120, revision: 30 },
]

describe('the history policy', () => {
  const cases: [string, number, number, HistoryPolicy, number][] = [
    ['forgets nothing while everything is young', 50, 31, { keepMs: 100, keepRevisions: 1000 }, 0],
    ['forgets up to the newest mark that is old enough', 165, 31, { keepMs: 100, keepRevisions: 1000 }, 20],
    ['forgets what is too much, however young', 50, 500, { keepMs: 100, keepRevisions: 100 }, 400],
    ['forgets by age when that is more', 220, 31, { keepMs: 100, keepRevisions: 25 }, 30],
  ]
  for (const [title, now, revision, policy, expected] of cases) {
    it(title, () => assert.equal(compactionTarget(marks, now, revision, policy), expected))
  }

  it('keeps the marks it will need', () => {
    const policy = { keepMs: 100, keepRevisions: 1 }
    assert.deepEqual(neededMarks(marks, 90, policy), marks)
    assert.deepEqual(neededMarks(marks, 165, policy), marks.slice(1))
    assert.deepEqual(neededMarks(marks, 900, policy), marks.slice(2))
  })
})

describe('a store with a history policy', () => {
  it('forgets by age, and sets no timer once nothing is left to forget', async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock, history: { keepMs: 300_000 } })
    await store.commit([{ key: 'a', value: bytes('1') }])
    await clock.advance(100_000)
    await store.commit([{ key: 'a', value: bytes('2') }])
    await clock.advance(240_000)
    assert.equal((await store.stats()).compacted, 1)
    await clock.advance(25_000)
    assert.equal((await store.stats()).compacted, 2)
    await clock.advance(120_000)
    assert.equal((await store.stats()).compacted, 3)
    assert.deepEqual(await keysOf(store, { start: 'a' }), ['a'])
    assert.equal(clock.nextTimerAt(), undefined)
    await store.close()
  })

  it('forgets by number as it writes', async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock, history: { keepRevisions: 100 } })
    for (let i = 0; i < 1000; i++) await store.commit([{ key: 'a', value: bytes(`${i}`) }])
    await clock.advance(0)
    const { compacted } = await store.stats()
    assert.ok(
      compacted >= store.revision() - 130 && compacted <= store.revision() - 100,
      `compacted ${compacted}`,
    )
    await store.close()
    assert.equal(clock.nextTimerAt(), undefined)
  })
})
