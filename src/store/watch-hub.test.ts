import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../base/index.ts'
import type { LogRequest, LogSlice } from './engine.ts'
import type { Change, WatchBatch } from './store.ts'
import { WatchHub } from './watch-hub.ts'

const change = (revision: number, key = 'a', size = 10): Change => ({
  revision,
  key,
  entry: { key, value: new Uint8Array(size), createRevision: revision, modRevision: revision },
  previous: null,
})

/** A hub on a log that holds every change it was given, and counts how often it is read. */
function setUp() {
  const log: Change[] = []
  const reads: LogRequest[] = []
  const clock = new VirtualClock()
  const engine = {
    async log(request: LogRequest): Promise<LogSlice> {
      reads.push(request)
      const changes = log.filter((c) => c.revision > request.after).slice(0, request.maxChanges)
      return { changes, upTo: changes.at(-1)?.revision ?? log.at(-1)?.revision ?? 0 }
    },
  }
  const hub = new WatchHub(engine, clock, 1, () => 1)
  const publish = (...changes: Change[]) => {
    log.push(...changes)
    hub.publish(
      changes.at(-1)!.revision,
      changes.map((c) => ({ revision: c.revision, changes: [c] })),
    )
  }
  const abort = new AbortController()
  const watch = () => hub.watch({ start: 'a', end: 'b', signal: abort.signal })[Symbol.asyncIterator]()
  return { hub, clock, reads, publish, watch, abort }
}

describe('watches', () => {
  it('of a slow consumer hold back a bounded number of changes, and read the rest from the log', async () => {
    const { reads, publish, watch } = setUp()
    const iterator = watch()
    for (let revision = 2; revision <= 5001; revision++) publish(change(revision))
    for (let revision = 2; revision <= 5001; revision++) {
      assert.equal(((await iterator.next()).value as WatchBatch).revision, revision)
      if (revision <= 1001) assert.equal(reads.length, 0)
    }
    assert.equal(reads[0]?.after, 1001)
    assert.equal(reads.length, 8)
  })

  it('of a slow consumer hold back a bounded number of bytes', async () => {
    const { reads, publish, watch } = setUp()
    const iterator = watch()
    for (let revision = 2; revision <= 21; revision++) publish(change(revision, 'a', 1024 * 1024))
    for (let revision = 2; revision <= 21; revision++) {
      assert.equal(((await iterator.next()).value as WatchBatch).revision, revision)
    }
    assert.equal(reads[0]?.after, 4)
  })

  it('tell of progress once a second at most, and set no timer when there is none to tell', async () => {
    const { clock, publish, watch, abort } = setUp()
    const iterator = watch()
    publish(change(2, 'elsewhere'))
    publish(change(3, 'elsewhere'))
    const notice = iterator.next()
    await clock.advance(999)
    publish(change(4, 'elsewhere'))
    await clock.advance(1)
    assert.deepEqual((await notice).value, { revision: 4, changes: [] })
    assert.equal(clock.nextTimerAt(), undefined)
    publish(change(5, 'elsewhere'))
    abort.abort()
    assert.equal((await iterator.next()).done, true)
    assert.equal(clock.nextTimerAt(), undefined)
  })

  it('share what they deliver when they watch the same range', async () => {
    const { publish, watch } = setUp()
    const [one, two] = [watch(), watch()]
    publish(change(2))
    assert.equal((await one.next()).value, (await two.next()).value)
  })
})
