import { type Clock, type Log, silentLog } from '../base/index.ts'
import type { Effect, Engine, EngineState, EngineWrite, Outcome, Page } from './engine.ts'
import {
  compactionTarget,
  DEFAULT_HISTORY,
  type HistoryPolicy,
  type Mark,
  markIntervalMs,
  neededMarks,
} from './history.ts'
import { keyAfter } from './keys.ts'
import { checkCommit, checkRange, limits } from './limits.ts'
import {
  type Change,
  type CommitResult,
  CompactedError,
  type Entry,
  FutureRevisionError,
  type RangeQuery,
  type RangeResult,
  type Store,
  StoreClosedError,
  StoreUnavailableError,
  type WatchBatch,
  type WatchQuery,
  type Write,
} from './store.ts'
import { type Transaction, WatchHub } from './watch-hub.ts'

export interface StoreOptions {
  readonly clock: Clock
  readonly log?: Log
  /** What history is kept; false keeps all until `compact` is called. Default: five minutes, 200,000 revisions. */
  readonly history?: Partial<HistoryPolicy> | false
}

/** What one step of an engine may carry: a write batch, a page of a range. */
const STEP = { commits: 512, writeBytes: 4 * 1024 * 1024, entries: 1000, readBytes: 1024 * 1024 }
const EXPIRE_AT_ONCE = 128
const LONGEST_SLEEP_MS = 10 * 60_000
const RETRY_MS = 1000

interface Pending {
  readonly writes: readonly EngineWrite[]
  readonly bytes: number
  readonly resolve: (result: CommitResult) => void
  readonly reject: (error: unknown) => void
}

/** A `Store` on an `Engine`: what all engines have in common. */
export class EngineStore implements Store {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #log: Log
  readonly #hub: WatchHub
  readonly #policy: HistoryPolicy

  readonly #queue: Pending[] = []
  #queuedBytes = 0
  #writing = false
  #pumpPlanned = false
  #idle: (() => void)[] = []

  #compacted: number
  #sweeping: Promise<void> = Promise.resolve()
  #swept: number
  #compacting = false
  #marks: readonly Mark[]
  #stopMarks: (() => void) | undefined
  /** Revisions that a range of several pages is still read at. */
  readonly #pinned = new Map<number, number>()
  #unpinned: (() => void)[] = []

  #nextExpiry: number | null
  #stopExpiry: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(engine: Engine, state: EngineState, options: StoreOptions) {
    this.#engine = engine
    this.#clock = options.clock
    this.#log = options.log ?? silentLog
    this.#policy =
      options.history === false
        ? { keepMs: Number.POSITIVE_INFINITY, keepRevisions: Number.POSITIVE_INFINITY }
        : { ...DEFAULT_HISTORY, ...options.history }
    this.#compacted = state.compacted
    this.#swept = state.swept
    this.#hub = new WatchHub(engine, options.clock, state.revision, () => this.#compacted)
    this.#marks = [{ atMs: this.#clock.monotonic(), revision: state.revision }]
    this.#nextExpiry = state.nextExpiry
    this.#armExpiry()
    this.#armMarks()
  }

  revision(): number {
    return this.#hub.revision
  }

  // --- reading ---

  async range(query: RangeQuery): Promise<RangeResult> {
    this.#refuseIfClosed()
    checkRange(query)
    const { revision } = query
    if (revision === undefined) return this.#readRange(query)
    if (revision < this.#compacted) throw new CompactedError(revision, this.#compacted)
    this.#pin(revision, 1)
    try {
      return await this.#readRange(query)
    } finally {
      this.#pin(revision, -1)
    }
  }

  async #readRange(query: RangeQuery): Promise<RangeResult> {
    const wanted = query.countOnly ? 0 : query.limit || Number.POSITIVE_INFINITY
    const first = await this.#page(query, query.start, query.revision, wanted, true)
    const revision = query.revision ?? first.revision
    if (revision > first.revision) throw new FutureRevisionError(revision, first.revision)
    if (!first.more || first.entries.length >= wanted)
      return { entries: first.entries, revision, count: first.count }
    const entries = [...first.entries]
    this.#pin(revision, 1)
    try {
      for (let more: boolean = first.more; more && entries.length < wanted; ) {
        this.#refuseIfClosed()
        const start = keyAfter(entries.at(-1)!.key)
        const page = await this.#page(query, start, revision, wanted - entries.length, false)
        for (const entry of page.entries) entries.push(entry)
        more = page.more
      }
    } finally {
      this.#pin(revision, -1)
    }
    return { entries, revision, count: first.count }
  }

  #page(
    query: RangeQuery,
    start: string,
    revision: number | undefined,
    wanted: number,
    count: boolean,
  ): Promise<Page> {
    const maxEntries = Math.min(wanted, STEP.entries)
    return this.#engine.page({ start, end: query.end, revision, maxEntries, maxBytes: STEP.readBytes, count })
  }

  watch(query: WatchQuery): AsyncIterable<WatchBatch> {
    checkRange(query)
    return this.#hub.watch(query)
  }

  async stats(): Promise<{ sizeBytes: number; compacted: number }> {
    this.#refuseIfClosed()
    return { sizeBytes: await this.#engine.sizeBytes(), compacted: this.#compacted }
  }

  // --- writing ---

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    this.#refuseIfClosed()
    const bytes = checkCommit(writes)
    if (this.#queuedBytes + bytes > limits.queuedBytes) {
      throw new StoreUnavailableError(
        `cannot commit: ${this.#queue.length} commits (${this.#queuedBytes} bytes) already wait for the disk`,
      )
    }
    return this.#enqueue(writes, bytes)
  }

  #enqueue(writes: readonly Write[], bytes: number): Promise<CommitResult> {
    const now = this.#clock.now()
    const engineWrites = writes.map(({ key, value, expect, ttlMs }) => ({
      key,
      value,
      expect,
      expiresAt: ttlMs === undefined ? undefined : now + ttlMs,
    }))
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes: engineWrites, bytes, resolve, reject })
      this.#queuedBytes += bytes
      this.#planPump()
    })
  }

  /** Waits for the end of the turn, so that commits made in the same one share a transaction. */
  #planPump(): void {
    if (this.#writing || this.#pumpPlanned) return
    this.#pumpPlanned = true
    queueMicrotask(() => {
      this.#pumpPlanned = false
      void this.#pump()
    })
  }

  async #pump(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch()
      const previous = this.#hub.watched
      try {
        const reply = await this.#engine.write(
          batch.map((p) => p.writes),
          { previous },
        )
        this.#settle(batch, reply.outcomes, reply.revision, previous)
      } catch (error) {
        for (const pending of batch) pending.reject(error)
      }
    }
    this.#writing = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #takeBatch(): Pending[] {
    let bytes = 0
    let taken = 0
    for (const pending of this.#queue) {
      bytes += pending.bytes
      if (taken > 0 && (taken >= STEP.commits || bytes > STEP.writeBytes)) break
      taken++
      this.#queuedBytes -= pending.bytes
    }
    return this.#queue.splice(0, taken)
  }

  #settle(
    batch: readonly Pending[],
    outcomes: readonly Outcome[],
    revision: number,
    previous: boolean,
  ): void {
    let expiry = Number.POSITIVE_INFINITY
    const transactions: Transaction[] = []
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok) return
      const { writes } = batch[i]!
      for (const write of writes) expiry = Math.min(expiry, write.expiresAt ?? expiry)
      if (!previous) return
      const changes = changesOf(writes, outcome.revision, outcome.effects)
      if (changes.length > 0) transactions.push({ revision: outcome.revision, changes })
    })
    // A gap: a commit that a failing disk reported as lost was found there after all. The log has it.
    const complete = previous && transactions.length === revision - this.#hub.revision
    this.#hub.publish(revision, complete ? transactions : undefined)
    outcomes.forEach((outcome, i) => {
      const { resolve } = batch[i]!
      if (outcome.ok) resolve({ ok: true, revision: outcome.revision })
      else resolve(outcome)
    })
    if (expiry < (this.#nextExpiry ?? Number.POSITIVE_INFINITY)) {
      this.#nextExpiry = expiry
      this.#armExpiry()
    }
    this.#armMarks()
    if (revision - this.#compacted > this.#policy.keepRevisions * 1.25) this.#compactByPolicy()
  }

  // --- expiry ---

  #armExpiry(delayMs?: number): void {
    this.#stopExpiry?.()
    this.#stopExpiry = undefined
    if (this.#nextExpiry === null || this.#closed) return
    const delay = delayMs ?? Math.min(Math.max(0, this.#nextExpiry - this.#clock.now()), LONGEST_SLEEP_MS)
    this.#stopExpiry = this.#clock.after(delay, () => {
      this.#expire().then(
        () => this.#armExpiry(),
        (error) => {
          if (this.#closed) return
          this.#log.warn({ error }, 'cannot delete expired keys; trying again')
          this.#armExpiry(RETRY_MS)
        },
      )
    })
  }

  /** Deletes what is due as ordinary commits; a key that was written again meanwhile stays. */
  async #expire(): Promise<void> {
    for (;;) {
      if (this.#closed) return
      const due = await this.#engine.due(this.#clock.now(), EXPIRE_AT_ONCE)
      if (due.keys.length === 0) {
        this.#nextExpiry = due.next
        return
      }
      if (this.#closed) return
      const deletions = due.keys.map(({ key, modRevision }) =>
        this.#enqueue([{ key, value: null, expect: modRevision }], key.length),
      )
      await Promise.all(deletions)
    }
  }

  // --- history ---

  async compact(revision: number): Promise<void> {
    this.#refuseIfClosed()
    if (revision > this.revision()) throw new FutureRevisionError(revision, this.revision())
    if (revision <= this.#swept) return
    this.#compacted = Math.max(this.#compacted, revision)
    const run = this.#sweeping.then(() => this.#sweep(revision))
    this.#sweeping = run.catch(() => {})
    return run
  }

  async #sweep(revision: number): Promise<void> {
    while ([...this.#pinned.keys()].some((pinned) => pinned < revision)) {
      await new Promise<void>((resolve) => this.#unpinned.push(resolve))
    }
    for (let done = false; !done; ) {
      this.#refuseIfClosed()
      done = (await this.#engine.compact(revision)).done
    }
    this.#swept = Math.max(this.#swept, revision)
  }

  #pin(revision: number, by: 1 | -1): void {
    const count = (this.#pinned.get(revision) ?? 0) + by
    if (count > 0) this.#pinned.set(revision, count)
    else this.#pinned.delete(revision)
    if (by < 0) for (const resolve of this.#unpinned.splice(0)) resolve()
  }

  /** Takes marks only while there is history to forget: an idle store sets no timer. */
  #armMarks(): void {
    if (this.#stopMarks || this.#closed || this.#policy.keepMs === Number.POSITIVE_INFINITY) return
    if (this.#swept >= this.revision()) return
    this.#stopMarks = this.#clock.after(markIntervalMs(this.#policy), () => {
      this.#stopMarks = undefined
      const now = this.#clock.monotonic()
      this.#marks = neededMarks([...this.#marks, { atMs: now, revision: this.revision() }], now, this.#policy)
      this.#compactByPolicy()
      this.#armMarks()
    })
  }

  #compactByPolicy(): void {
    const target = compactionTarget(this.#marks, this.#clock.monotonic(), this.revision(), this.#policy)
    if (this.#compacting || target <= this.#swept) return
    this.#compacting = true
    this.compact(target)
      .catch((error) =>
        this.#log.warn({ error, revision: target }, 'cannot compact the store; trying again later'),
      )
      .finally(() => {
        this.#compacting = false
        this.#armMarks()
      })
  }

  // --- the end ---

  #refuseIfClosed(): void {
    if (this.#closed) throw new StoreClosedError()
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  async #finish(): Promise<void> {
    this.#stopMarks?.()
    this.#stopExpiry?.()
    if (this.#writing || this.#queue.length > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#hub.end(new StoreClosedError())
    await this.#engine.close()
  }
}

function changesOf(
  writes: readonly EngineWrite[],
  revision: number,
  effects: readonly (Effect | null)[],
): Change[] {
  const changes: Change[] = []
  writes.forEach(({ key, value }, i) => {
    const effect = effects[i]
    if (!effect) return
    const entry: Entry | null =
      value === null ? null : { key, value, createRevision: effect.createRevision, modRevision: revision }
    changes.push({ revision, key, entry, previous: effect.previous ?? null })
  })
  return changes
}
