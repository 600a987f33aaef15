import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CacheEvent, History } from './history.ts'

const event = (revision: number, at = 0): CacheEvent =>
  ({
    type: 'ADDED',
    revision,
    at,
    item: undefined,
    previous: undefined,
    frames: undefined,
  }) as unknown as CacheEvent

test('a position after any kept revision gives the next event', () => {
  const h = new History(10)
  for (const r of [12, 15, 20]) h.append(event(r))
  for (const [after, next] of [
    [10, 12],
    [11, 12],
    [12, 15],
    [14, 15],
    [15, 20],
    [19, 20],
  ] as const) {
    assert.equal(h.at(h.seqAfter(after)!)?.revision, next)
  }
  assert.equal(h.seqAfter(20), h.nextSeq)
  assert.equal(h.seqAfter(9), undefined)
})

test('the oldest events are forgotten beyond the count, and positions stay valid', () => {
  const h = new History(0, { maxEvents: 1000, maxAgeMs: 1e9, minEvents: 1 })
  const seq = h.seqAfter(0)!
  for (let r = 1; r <= 5000; r++) h.append(event(r))
  assert.equal(h.at(seq), undefined)
  assert.equal(h.startRevision, 4000)
  assert.equal(h.seqAfter(3999), undefined)
  assert.equal(h.at(h.seqAfter(4000)!)?.revision, 4001)
  assert.equal(h.at(h.nextSeq - 1)?.revision, 5000)
})

test('old events are forgotten by age, a few are kept whatever their age', () => {
  const h = new History(0, { maxEvents: 1000, maxAgeMs: 50, minEvents: 3 })
  for (let r = 1; r <= 6; r++) h.append(event(r, r))
  h.append(event(7, 1000))
  assert.equal(h.startRevision, 4)
})

test('what is put back in front is found, and positions taken before stay valid', () => {
  const h = new History(10)
  h.append(event(12))
  const seq = h.seqAfter(10)!
  h.prepend([event(4), event(7)], 3)
  assert.equal(h.startRevision, 3)
  assert.equal(h.at(seq)?.revision, 12)
  for (const [after, next] of [
    [3, 4],
    [4, 7],
    [6, 7],
    [7, 12],
  ] as const) {
    assert.equal(h.at(h.seqAfter(after)!)?.revision, next)
  }
  h.append(event(15))
  assert.equal(h.at(seq + 1)?.revision, 15)
  assert.equal(h.seqAfter(2), undefined)
})
