import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Clock, sleep, systemClock } from '../../base/index.ts'
import {
  CompactedError,
  FutureRevisionError,
  type Store,
  StoreClosedError,
  StoreLimitError,
  type WatchBatch,
  type WatchQuery,
  type Write,
} from '../store.ts'

/** How the suite gets stores. Every `open` gives an empty store unless `reopen` is given and used. */
export interface StoreHarness {
  open(clock: Clock): Promise<Store>
  /** Opens what the last `open` made, after it was closed. Absent on engines that forget. */
  reopen?(clock: Clock): Promise<Store>
  /** Removes what `open` made. */
  cleanUp?(): Promise<void>
}

export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value)
const put = (key: string, value = key): Write => ({ key, value: bytes(value) })
const remove = (key: string): Write => ({ key, value: null })

/** The tests every engine passes: `storeContract('memory', harness)` in the engine's own test file. */
export function storeContract(name: string, makeHarness: () => StoreHarness): void {
  describe(`the store contract on ${name}`, () => {
    const harness = makeHarness()
    const clock = systemClock()
    let store: Store
    const fresh = (title: string, test: () => Promise<void>) =>
      it(title, async () => {
        store = await harness.open(clock)
        try {
          await test()
        } finally {
          await store.close()
          await harness.cleanUp?.()
        }
      })

    describe('writing', () => {
      fresh('starts at revision 1 and counts transactions that change something', async () => {
        assert.equal(store.revision(), 1)
        assert.deepEqual(await store.commit([put('a'), put('b')]), { ok: true, revision: 2 })
        assert.deepEqual(await store.commit([remove('absent')]), { ok: true, revision: 2 })
        assert.deepEqual(await store.commit([]), { ok: true, revision: 2 })
        assert.deepEqual(await store.commit([remove('a')]), { ok: true, revision: 3 })
        assert.equal(store.revision(), 3)
      })

      fresh('keeps the revision of creation through updates and renews it after a deletion', async () => {
        await store.commit([put('a', 'one')])
        await store.commit([put('a', 'two')])
        assert.deepEqual(await read(store, 'a'), { value: 'two', createRevision: 2, modRevision: 3 })
        await store.commit([remove('a')])
        await store.commit([put('a', 'three')])
        assert.deepEqual(await read(store, 'a'), { value: 'three', createRevision: 5, modRevision: 5 })
      })

      fresh('compares revisions and changes nothing when one differs', async () => {
        await store.commit([put('a', 'one')])
        const failed = await store.commit([put('b'), { ...put('a', 'two'), expect: 1 }])
        assert.ok(!failed.ok)
        assert.equal(failed.key, 'a')
        assert.equal(text(failed.current?.value), 'one')
        assert.equal(failed.revision, 2)
        assert.equal(await read(store, 'b'), undefined)
        assert.equal(store.revision(), 2)
        const absent = await store.commit([{ ...put('c'), expect: 7 }])
        assert.deepEqual(absent, { ok: false, key: 'c', current: null, revision: 2 })
        assert.equal((await store.commit([{ ...put('a'), expect: 0 }])).ok, false)
        assert.deepEqual(await store.commit([{ ...put('a', 'two'), expect: 2 }]), { ok: true, revision: 3 })
        assert.deepEqual(await store.commit([{ ...remove('a'), expect: 3 }]), { ok: true, revision: 4 })
        assert.deepEqual(await store.commit([{ ...put('a'), expect: 0 }]), { ok: true, revision: 5 })
      })

      fresh('lets exactly one of many rivals win', async () => {
        const rivals = Array.from({ length: 50 }, (_, i) =>
          store.commit([{ ...put('lock', `${i}`), expect: 0 }]),
        )
        const won = (await Promise.all(rivals)).filter((r) => r.ok)
        assert.equal(won.length, 1)
        assert.equal(store.revision(), 2)
      })

      fresh('gives concurrent commits a revision each', async () => {
        const results = await Promise.all(Array.from({ length: 300 }, (_, i) => store.commit([put(`k${i}`)])))
        assert.deepEqual(new Set(results.map((r) => r.revision)).size, 300)
        assert.equal(store.revision(), 301)
      })

      fresh('shows a write to every read that starts after its acknowledgement', async () => {
        for (let i = 0; i < 20; i++) {
          const { revision } = await store.commit([put('a', `${i}`)])
          assert.ok(store.revision() >= revision)
          assert.equal((await read(store, 'a'))?.value, `${i}`)
        }
      })

      fresh('refuses what is malformed or too large, whole', async () => {
        const cases: [string, Write[]][] = [
          ['an empty key', [put('')]],
          ['a key with NUL', [put('a\0b')]],
          ['half a surrogate pair', [put('a\ud800')]],
          ['a key that is too long', [put('k'.repeat(2000))]],
          ['a key twice', [put('a'), put('a')]],
          ['a value above 8 MiB', [{ key: 'a', value: new Uint8Array(8 * 1024 * 1024 + 1) }]],
          ['too many writes', Array.from({ length: 129 }, (_, i) => put(`k${i}`))],
          ['a negative revision', [{ ...put('a'), expect: -1 }]],
          ['a time to live of nothing', [{ ...put('a'), ttlMs: 0 }]],
          ['a time to live on a deletion', [{ ...remove('a'), ttlMs: 1000 }]],
        ]
        for (const [what, writes] of cases) {
          await assert.rejects(store.commit([put('ok'), ...writes]), StoreLimitError, what)
        }
        assert.equal(store.revision(), 1)
        await store.commit(Array.from({ length: 128 }, (_, i) => put(`k${i}`)))
        await store.commit([{ key: 'big', value: new Uint8Array(8 * 1024 * 1024).fill(7) }])
        const [big] = (await store.range({ start: 'big' })).entries
        assert.equal(big?.value.byteLength, 8 * 1024 * 1024)
        assert.equal(big?.value.at(-1), 7)
      })

      fresh('keeps empty values, and values that are a view on a larger buffer', async () => {
        const pool = bytes('xxhelloyy')
        await store.commit([{ key: 'empty', value: new Uint8Array() }])
        await store.commit([{ key: 'view', value: pool.subarray(2, 7) }])
        assert.equal((await read(store, 'empty'))?.value, '')
        assert.equal((await read(store, 'view'))?.value, 'hello')
      })
    })

    describe('ranges', () => {
      fresh("are in the order of the keys' bytes, with the end outside", async () => {
        const keys = ['a', 'a/', 'a/b', 'ab', 'b', 'é', '\uffee', '\u{1f600}']
        for (const key of keys.toReversed()) await store.commit([put(key)])
        const all = await store.range({ start: '', end: '\u{10ffff}' })
        assert.deepEqual(
          all.entries.map((e) => e.key),
          keys,
        )
        assert.equal(all.count, keys.length)
        assert.equal(all.revision, store.revision())
        assert.deepEqual(await keysOf(store, { start: 'a/', end: 'a0' }), ['a/', 'a/b'])
        assert.deepEqual(await keysOf(store, { start: 'a', end: 'b' }), ['a', 'a/', 'a/b', 'ab'])
        assert.deepEqual(await keysOf(store, { start: 'a\0', end: 'b' }), ['a/', 'a/b', 'ab'])
        assert.deepEqual(await keysOf(store, { start: 'a' }), ['a'])
        assert.deepEqual(await keysOf(store, { start: 'b', end: 'a' }), [])
      })

      fresh('stop at the limit but count everything', async () => {
        await store.commit(['a', 'b', 'c', 'd'].map((k) => put(k)))
        const two = await store.range({ start: 'a', end: 'z', limit: 2 })
        assert.deepEqual(
          two.entries.map((e) => e.key),
          ['a', 'b'],
        )
        assert.equal(two.count, 4)
        const none = await store.range({ start: 'b', end: 'z', countOnly: true })
        assert.deepEqual([none.entries, none.count], [[], 3])
        assert.equal((await store.range({ start: 'a', countOnly: true })).count, 1)
        assert.equal((await store.range({ start: 'a', end: 'z', limit: 9 })).count, 4)
      })

      fresh('read the past as it was', async () => {
        await store.commit([put('a', '1'), put('b', '1')])
        await store.commit([put('a', '2')])
        await store.commit([remove('b')])
        await store.commit([put('b', '3'), put('c', '3')])
        const at = async (revision: number) => {
          const r = await store.range({ start: 'a', end: 'z', revision })
          assert.equal(r.count, r.entries.length)
          assert.equal(r.revision, revision)
          return r.entries
            .map((e) => `${e.key}=${text(e.value)}@${e.createRevision}/${e.modRevision}`)
            .join(' ')
        }
        assert.equal(await at(1), '')
        assert.equal(await at(2), 'a=1@2/2 b=1@2/2')
        assert.equal(await at(3), 'a=2@2/3 b=1@2/2')
        assert.equal(await at(4), 'a=2@2/3')
        assert.equal(await at(5), 'a=2@2/3 b=3@5/5 c=3@5/5')
        assert.equal(text((await store.range({ start: 'a', revision: 2 })).entries[0]?.value), '1')
        assert.deepEqual((await store.range({ start: 'b', revision: 4 })).entries, [])
        const limited = await store.range({ start: 'a', end: 'z', revision: 2, limit: 1 })
        assert.deepEqual([limited.entries.length, limited.count], [1, 2])
        await assert.rejects(store.range({ start: 'a', revision: 6 }), FutureRevisionError)
      })

      fresh('read the past of the largest transaction whole', async () => {
        const keys = Array.from({ length: 128 }, (_, i) => `k${String(i).padStart(3, '0')}`)
        await store.commit(keys.map((key) => put(key, 'old')))
        await store.commit(keys.map((key) => put(key, 'new')))
        const then = await store.range({ start: 'k', end: 'l', revision: 2 })
        assert.deepEqual(new Set(then.entries.map((e) => text(e.value))), new Set(['old']))
        assert.deepEqual([then.entries.length, then.count], [128, 128])
        await store.compact(3)
        assert.equal((await store.range({ start: 'k', end: 'l', revision: 3 })).entries.length, 128)
      })

      fresh('of many pages are one moment, whatever is written meanwhile', async () => {
        for (let i = 0; i < 25; i++) {
          await store.commit(
            Array.from({ length: 100 }, (_, j) => put(`k${String(i * 100 + j).padStart(5, '0')}`, 'old')),
          )
        }
        const revision = store.revision()
        const reading = store.range({ start: 'k', end: 'l' })
        const writing: Promise<unknown>[] = []
        for (let i = 0; i < 2500; i += 25) {
          writing.push(
            store.commit([
              put(`k${String(i).padStart(5, '0')}`, 'new'),
              put(`k${String(i).padStart(5, '0')}x`),
            ]),
          )
          if (i % 500 === 0) await Promise.resolve()
        }
        const compacting = Promise.all(writing).then(() => store.compact(store.revision()))
        const { entries, count, revision: at } = await reading
        assert.ok(at >= revision)
        assert.ok(entries.every((e) => e.modRevision <= at))
        assert.equal(entries.length, count)
        await compacting
      })
    })

    describe('watches', () => {
      fresh('deliver every later change once, a transaction at a time', async () => {
        const watch = startWatch(store, { start: 'a', end: 'b' })
        await store.commit([put('a1'), put('other'), put('a2')])
        await store.commit([put('other')])
        await store.commit([put('a1', 'again')])
        await store.commit([remove('a1')])
        const batches = await watch.take(3)
        assert.deepEqual(batches.map(show), ['2: a1=a1 a2=a2', '4: a1=again<a1', '5: a1 gone<again'])
        await watch.stop()
      })

      fresh('start after a revision in the past and go on without a seam', async () => {
        for (let i = 0; i < 1500; i++) void store.commit([put(`a${i % 7}`, `${i}`)])
        await store.commit([put('a', 'x')])
        const watch = startWatch(store, { start: 'a', end: 'b', after: 1 })
        const writer = (async () => {
          for (let i = 0; i < 300; i++) await store.commit([put(`a${i % 7}`, `later ${i}`)])
        })()
        const batches = await watch.take(1801)
        await writer
        assert.deepEqual(
          batches.map((b) => b.revision),
          Array.from({ length: 1801 }, (_, i) => i + 2),
        )
        assert.equal(show(batches[8]!), '10: a1=8<1')
        await watch.stop()
      })

      fresh('of a single key see that key alone', async () => {
        const watch = startWatch(store, { start: 'a', after: 1 })
        await store.commit([put('ab')])
        await store.commit([put('a')])
        assert.deepEqual((await watch.take(1)).map(show), ['3: a=a'])
        await watch.stop()
      })

      fresh('see a commit that was under way when they started', async () => {
        for (let turns = 0; turns < 8; turns++) {
          const committing = store.commit([put('a', `${turns}`)])
          for (let i = 0; i < turns; i++) await Promise.resolve()
          const watch = startWatch(store, { start: 'a', end: 'b', after: turns + 1 })
          const [batch] = await watch.take(1)
          assert.equal(show(batch!), turns === 0 ? '2: a=0' : `${turns + 2}: a=${turns}<${turns - 1}`)
          await committing
          await watch.stop()
        }
      })

      fresh('wait for a revision in the future', async () => {
        const watch = startWatch(store, { start: 'a', end: 'b', after: 3 })
        for (const value of ['2', '3', '4']) await store.commit([put('a', value)])
        assert.deepEqual((await watch.take(1)).map(show), ['4: a=4<3'])
        await watch.stop()
      })

      fresh('catch up after their consumer was slow, without a gap', async () => {
        const abort = new AbortController()
        const iterator = store.watch({ start: 'a', end: 'b', signal: abort.signal })[Symbol.asyncIterator]()
        await store.commit([put('a', 'first')])
        await iterator.next()
        for (let i = 0; i < 3000; i++) void store.commit([put(`a${i % 5}`)])
        await store.commit([put('a', 'last')])
        for (let expected = 3; expected <= store.revision(); ) {
          const { value } = await iterator.next()
          if (value!.changes.length === 0) continue
          assert.equal(value!.revision, expected++)
        }
        abort.abort()
        assert.equal((await iterator.next()).done, true)
      })

      fresh('tell how far they are when nothing in their range changes', async () => {
        const watch = startWatch(store, { start: 'a', end: 'b' })
        await store.commit([put('x')])
        await store.commit([put('y')])
        assert.equal((await watch.notice()).revision, 3)
        await watch.stop()
        const late = startWatch(store, { start: 'a', end: 'b', after: 1 })
        assert.equal((await late.notice()).revision, 3)
        await late.stop()
      })

      fresh('end when their signal aborts, at once and for good', async () => {
        const abort = new AbortController()
        const iterator = store.watch({ start: 'a', end: 'b', signal: abort.signal })[Symbol.asyncIterator]()
        const next = iterator.next()
        abort.abort()
        assert.equal((await next).done, true)
        const aborted = store.watch({ start: 'a', end: 'b', signal: abort.signal })
        for await (const _ of aborted) assert.fail('an aborted watch delivers nothing')
      })
    })

    describe('compaction', () => {
      fresh('forgets history before its revision and keeps the present', async () => {
        await store.commit([put('a', '1'), put('b', '1'), put('c', '1')])
        await store.commit([put('a', '2')])
        await store.commit([remove('b')])
        await store.commit([put('a', '3')])
        await store.compact(4)
        assert.equal((await store.stats()).compacted, 4)
        await assert.rejects(store.range({ start: 'a', revision: 3 }), (e: CompactedError) => {
          assert.ok(e instanceof CompactedError)
          assert.deepEqual([e.requested, e.compacted], [3, 4])
          return true
        })
        const then = await store.range({ start: 'a', end: 'z', revision: 4 })
        assert.deepEqual(
          then.entries.map((e) => `${e.key}=${text(e.value)}`),
          ['a=2', 'c=1'],
        )
        assert.equal((await read(store, 'a'))?.value, '3')
        assert.equal((await read(store, 'c'))?.createRevision, 2)
        await store.compact(2)
        assert.equal((await store.stats()).compacted, 4)
        await assert.rejects(store.compact(6), FutureRevisionError)
      })

      fresh('ends watches that start before it and leaves the others alone', async () => {
        for (let i = 2; i <= 6; i++) await store.commit([put('a', `${i}`)])
        const live = startWatch(store, { start: 'a', end: 'b' })
        await store.compact(5)
        const old = startWatch(store, { start: 'a', end: 'b', after: 4 })
        await assert.rejects(old.take(1), CompactedError)
        const kept = startWatch(store, { start: 'a', end: 'b', after: 5 })
        assert.deepEqual((await kept.take(1)).map(show), ['6: a=6<5'])
        await store.compact(6)
        await store.commit([put('a', '7')])
        assert.deepEqual((await live.take(1)).map(show), ['7: a=7<6'])
        await live.stop()
        await kept.stop()
      })

      fresh('of a deletion forgets the key and not the revision', async () => {
        await store.commit([put('a')])
        await store.commit([remove('a')])
        await store.compact(3)
        assert.deepEqual(await keysOf(store, { start: 'a', end: 'z' }), [])
        assert.deepEqual(await keysOf(store, { start: 'a', end: 'z', revision: 3 }), [])
        await store.commit([put('a')])
        assert.deepEqual(await read(store, 'a'), { value: 'a', createRevision: 4, modRevision: 4 })
      })
    })

    describe('time to live', () => {
      fresh('deletes a key as an ordinary change', async () => {
        const watch = startWatch(store, { start: 'a', end: 'b' })
        await store.commit([{ ...put('a'), ttlMs: 50 }, put('a-stays')])
        assert.deepEqual((await watch.take(2)).map(show), ['2: a=a a-stays=a-stays', '3: a gone<a'])
        assert.deepEqual(await keysOf(store, { start: 'a', end: 'b' }), ['a-stays'])
        await watch.stop()
      })

      fresh('ends with the next write of the key', async () => {
        const watch = startWatch(store, { start: 'a', end: 'c' })
        await store.commit([{ ...put('a'), ttlMs: 40 }])
        await store.commit([put('a', 'for good')])
        await store.commit([{ ...put('b'), ttlMs: 80 }])
        assert.equal(show((await watch.take(4))[3]!), '5: b gone<b')
        assert.equal((await read(store, 'a'))?.value, 'for good')
        await watch.stop()
      })

      fresh('holds for many keys', async () => {
        const keys = Array.from({ length: 300 }, (_, i) => `a${i}`)
        await Promise.all(keys.map((key) => store.commit([{ ...put(key), ttlMs: 30 }])))
        await until(async () => (await store.range({ start: 'a', end: 'b', countOnly: true })).count === 0)
        assert.equal(store.revision(), 601)
      })
    })

    describe('closing', () => {
      fresh('finishes what was accepted and refuses the rest', async () => {
        const watch = startWatch(store, { start: 'a', end: 'b' })
        const accepted = store.commit([put('x')])
        const closing = store.close()
        assert.deepEqual(await accepted, { ok: true, revision: 2 })
        await closing
        await store.close()
        await assert.rejects(store.commit([put('a')]), StoreClosedError)
        await assert.rejects(store.range({ start: 'a' }), StoreClosedError)
        await assert.rejects(store.compact(1), StoreClosedError)
        await assert.rejects(store.stats(), StoreClosedError)
        await assert.rejects(watch.take(1), StoreClosedError)
        await assert.rejects(startWatch(store, { start: 'a' }).take(1), StoreClosedError)
      })
    })

    if (harness.reopen) describe('opening again', () => reopening(harness, clock))
  })
}

function reopening(harness: StoreHarness, clock: Clock): void {
  let store: Store
  const reopen = async () => {
    await store.close()
    store = await harness.reopen!(clock)
  }
  before(async () => {
    store = await harness.open(clock)
  })
  after(async () => {
    await store.close()
    await harness.cleanUp?.()
  })

  it('finds values, history and revision as they were', async () => {
    await store.commit([put('a', '1')])
    await store.commit([put('a', '2'), put('b', '2')])
    await store.commit([remove('b')])
    await reopen()
    assert.equal(store.revision(), 4)
    assert.deepEqual(await read(store, 'a'), { value: '2', createRevision: 2, modRevision: 3 })
    assert.deepEqual(await keysOf(store, { start: 'a', end: 'z', revision: 3 }), ['a', 'b'])
    const watch = startWatch(store, { start: 'a', end: 'z', after: 1 })
    assert.deepEqual((await watch.take(3)).map(show), ['2: a=1', '3: a=2<1 b=2', '4: b gone<2'])
    await watch.stop()
  })

  it('remembers what was compacted, and the revision though nothing of it is left', async () => {
    await store.commit([put('last')])
    const { revision } = await store.commit([remove('last')])
    await store.compact(revision)
    await reopen()
    assert.equal(store.revision(), revision)
    assert.equal((await store.stats()).compacted, revision)
    await assert.rejects(store.range({ start: 'a', revision: revision - 1 }), CompactedError)
    assert.equal((await store.commit([put('next')])).revision, revision + 1)
  })

  it('deletes what expired meanwhile, and later what expires later', async () => {
    await store.commit([{ ...put('short'), ttlMs: 20 }, put('stays')])
    await store.commit([{ ...put('longer'), ttlMs: 300 }])
    await reopen()
    await until(async () => (await read(store, 'short')) === undefined)
    await until(async () => (await read(store, 'longer')) === undefined)
    assert.ok(await read(store, 'stays'))
  })
}

// --- what tests of stores need ---

export async function read(store: Store, key: string) {
  const [entry] = (await store.range({ start: key })).entries
  if (!entry) return undefined
  assert.equal(entry.key, key)
  return { value: text(entry.value), createRevision: entry.createRevision, modRevision: entry.modRevision }
}

export async function keysOf(store: Store, query: { start: string; end?: string; revision?: number }) {
  return (await store.range(query)).entries.map((e) => e.key)
}

/** Follows a watch from the moment of the call. `take` skips progress notices; `notice` waits for one. */
export function startWatch(store: Store, query: Omit<WatchQuery, 'signal'>) {
  const abort = new AbortController()
  const iterator = store.watch({ ...query, signal: abort.signal })[Symbol.asyncIterator]()
  const next = async (): Promise<WatchBatch> => {
    const late = Promise.withResolvers<never>()
    const cancel = systemClock().after(20_000, () => late.reject(new Error('no batch in 20 s')))
    try {
      const { value, done } = await Promise.race([iterator.next(), late.promise])
      if (done) throw new Error('the watch ended')
      return value
    } finally {
      cancel()
    }
  }
  return {
    async take(count: number): Promise<WatchBatch[]> {
      const batches: WatchBatch[] = []
      while (batches.length < count) {
        const batch = await next()
        if (batch.changes.length > 0) batches.push(batch)
      }
      return batches
    },
    async notice(): Promise<WatchBatch> {
      for (;;) {
        const batch = await next()
        if (batch.changes.length === 0) return batch
      }
    },
    async stop(): Promise<void> {
      abort.abort()
      while (!(await iterator.next()).done);
    },
  }
}

/** `5: a=new<old b gone<old`: a batch in one line. */
export function show({ revision, changes }: WatchBatch): string {
  const parts = changes.map((c) => {
    assert.equal(c.revision, revision)
    assert.equal(c.entry?.modRevision ?? revision, revision)
    const now = c.entry ? `${c.key}=${text(c.entry.value)}` : `${c.key} gone`
    return c.previous ? `${now}<${text(c.previous.value)}` : now
  })
  return `${revision}: ${parts.join(' ')}`
}

export async function until(condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const clock = systemClock()
  const deadline = clock.monotonic() + timeoutMs
  while (!(await condition())) {
    if (clock.monotonic() > deadline) throw new Error(`not so after ${timeoutMs} ms: ${condition}`)
    await sleep(clock, 5)
  }
}
