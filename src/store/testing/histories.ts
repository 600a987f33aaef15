import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { type Clock, systemClock } from '../../base/index.ts'
import {
  type Change,
  CompactedError,
  FutureRevisionError,
  type RangeQuery,
  type Store,
  type WatchBatch,
  type Write,
} from '../store.ts'
import { bytes, type StoreHarness, until } from './contract.ts'
import { emptyModel, type Model, modelCommit, modelCompact, modelRange, modelWatch } from './model.ts'

/** Revisions in steps are counted back from the newest (negative: in the future), so that most of them exist. */
type Step =
  | { do: 'commit'; commits: { key: string; value: string | null; expectBack: number | undefined }[][] }
  | {
      do: 'range'
      start: string
      end: string | undefined
      limit: number
      back: number | undefined
      countOnly: boolean
    }
  | { do: 'compact'; back: number }
  | { do: 'watch'; start: string; end: string | undefined; back: number | undefined }
  | { do: 'reopen' }

const key = fc.constantFrom('a', 'a/', 'a/b', 'a/c', 'b', 'é', '\uffee', '\u{1f600}')
const bound = fc.oneof(key, fc.constantFrom('', 'a\0', 'a0', '\u{10ffff}'))
const end = fc.option(bound, { nil: undefined, freq: 4 })
const back = fc.option(fc.integer({ min: -1, max: 12 }), { nil: undefined })
const write = fc.record({
  key,
  value: fc.option(fc.string({ maxLength: 8 }), { freq: 3 }),
  expectBack: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 2 }),
})
const commit = fc.uniqueArray(write, { selector: (w) => w.key, maxLength: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('commit' as const), commits: fc.array(commit, { maxLength: 8 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      start: bound,
      end,
      limit: fc.integer({ min: 0, max: 3 }),
      back,
      countOnly: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.integer({ min: -1, max: 8 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), start: bound, end, back }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'reopen' }) },
)

/** Random histories on an engine and on the model side by side: every answer must be the same. */
export function storeHistories(name: string, makeHarness: () => StoreHarness, numRuns: number): void {
  it(`${name} answers every random history as the model does`, async () => {
    const harness = makeHarness()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const run = new Run(harness, systemClock())
        try {
          await run.start()
          for (const one of steps) await run.step(one)
          await run.settle()
        } finally {
          await run.finish()
        }
      }),
      { numRuns },
    )
  })
}

interface Watching {
  readonly start: string
  readonly end: string | undefined
  readonly after: number
  readonly abort: AbortController
  readonly got: Change[]
  upTo: number
  failed: unknown
  done: Promise<void>
}

class Run {
  readonly #harness: StoreHarness
  readonly #clock: Clock
  #store!: Store
  #model: Model = emptyModel
  #watching: Watching[] = []

  constructor(harness: StoreHarness, clock: Clock) {
    this.#harness = harness
    this.#clock = clock
  }

  async start(): Promise<void> {
    this.#store = await this.#harness.open(this.#clock)
  }

  async finish(): Promise<void> {
    for (const watching of this.#watching) watching.abort.abort()
    await this.#store.close()
    await this.#harness.cleanUp?.()
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'commit':
        return this.#commit(step.commits)
      case 'range':
        return this.#range(step)
      case 'compact':
        return this.#compact(this.#revision(step.back))
      case 'watch':
        return this.#watch(step)
      case 'reopen':
        return this.#reopen()
      default:
        return step satisfies never
    }
  }

  #revision(back: number): number {
    return Math.max(0, this.#model.revision - back)
  }

  /** All commits of a step are made at once; the store has to carry them out in the order they were made. */
  async #commit(commits: (Step & { do: 'commit' })['commits']): Promise<void> {
    const planned = commits.map((writes) =>
      writes.map(
        ({ key, value, expectBack }): Write => ({
          key,
          value: value === null ? null : bytes(value),
          ...(expectBack === undefined ? {} : { expect: this.#revision(expectBack) }),
        }),
      ),
    )
    const results = await Promise.all(planned.map((writes) => this.#store.commit(writes)))
    planned.forEach((writes, i) => {
      const { model, result } = modelCommit(this.#model, writes)
      this.#model = model
      assert.deepEqual(plain(results[i]), plain(result))
    })
    assert.equal(this.#store.revision(), this.#model.revision)
  }

  async #range(step: Step & { do: 'range' }): Promise<void> {
    const query: RangeQuery = {
      start: step.start,
      ...(step.end === undefined ? {} : { end: step.end }),
      ...(step.back === undefined ? {} : { revision: this.#revision(step.back) }),
      limit: step.limit,
      countOnly: step.countOnly,
    }
    const got = await this.#store.range(query).catch(outcome)
    assert.deepEqual(plain(got), plain(modelRange(this.#model, query)))
  }

  async #compact(revision: number): Promise<void> {
    const got = await this.#store.compact(revision).catch(outcome)
    const model = modelCompact(this.#model, revision)
    assert.equal(got, model === 'future' ? 'future' : undefined)
    if (model !== 'future') this.#model = model
    assert.equal((await this.#store.stats()).compacted, this.#model.compacted)
  }

  #watch({ start, end, back }: Step & { do: 'watch' }): void {
    const abort = new AbortController()
    const after = back === undefined ? this.#model.revision : this.#revision(back)
    const query = { start, ...(end === undefined ? {} : { end }), signal: abort.signal }
    const batches = this.#store.watch(back === undefined ? query : { ...query, after })
    const watching: Watching = {
      start,
      end,
      after,
      abort,
      got: [],
      upTo: after,
      failed: undefined,
      done: Promise.resolve(),
    }
    watching.done = follow(watching, batches)
    this.#watching.push(watching)
  }

  async #reopen(): Promise<void> {
    if (!this.#harness.reopen) return
    await this.settle()
    await this.#store.close()
    this.#store = await this.#harness.reopen(this.#clock)
    assert.equal(this.#store.revision(), this.#model.revision)
  }

  /** Waits until every watcher has seen a last write, then compares what each was given. */
  async settle(): Promise<void> {
    if (this.#watching.length === 0) return
    const keys = [...new Set(this.#watching.map((w) => w.start))].filter((k) => k !== '' && !k.includes('\0'))
    await this.#commit([
      [...keys, 'a']
        .filter((k, i, all) => all.indexOf(k) === i)
        .map((key) => ({ key, value: 'end', expectBack: undefined })),
    ])
    for (const watching of this.#watching) {
      const expected = modelWatch(this.#model, watching.start, watching.end, watching.after)
      const last = expected.at(-1)?.revision ?? 0
      await until(async () => watching.upTo >= last || watching.failed !== undefined)
      watching.abort.abort()
      await watching.done
      if (watching.failed) {
        assert.ok(watching.failed instanceof CompactedError, String(watching.failed))
        assert.ok(watching.after < this.#model.compacted)
        expected.length = watching.got.length
      }
      assert.deepEqual(plain(watching.got), plain(expected))
    }
    this.#watching = []
  }
}

async function follow(watching: Watching, batches: AsyncIterable<WatchBatch>): Promise<void> {
  try {
    for await (const batch of batches) {
      assert.ok(batch.revision > watching.upTo, 'revisions of batches grow')
      assert.ok(batch.changes.every((c) => c.revision === batch.revision))
      watching.got.push(...batch.changes)
      watching.upTo = batch.revision
    }
  } catch (error) {
    watching.failed = error
  }
}

function outcome(error: unknown): 'compacted' | 'future' {
  if (error instanceof CompactedError) return 'compacted'
  if (error instanceof FutureRevisionError) return 'future'
  throw error
}

/** Bytes as text and absent fields gone, so that only what the contract says is compared. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? Buffer.from(v).toString() : v)) ?? 'null',
  )
}
