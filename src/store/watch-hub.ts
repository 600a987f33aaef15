import type { Clock } from '../base/index.ts'
import type { Engine } from './engine.ts'
import { inRange } from './keys.ts'
import { type Change, CompactedError, type WatchBatch, type WatchQuery } from './store.ts'

/** A committed transaction, with what each key held before. */
export interface Transaction {
  readonly revision: number
  readonly changes: readonly Change[]
}

/** One range that somebody watches. What falls into it is picked out once for all of its watchers. */
interface Group {
  readonly id: string
  readonly start: string
  readonly end: string | undefined
  readonly watchers: Set<Watcher>
}

/**
 * A watcher is live (transactions are pushed into its queue) or behind: then `readTo` says up to where it
 * has been given everything, and it reads on from the engine's log, at its own pace, once its queue is empty.
 */
interface Watcher {
  readonly group: Group
  readonly after: number
  readonly queue: WatchBatch[]
  queuedBytes: number
  readTo: number
  behind: boolean
  /** The newest revision the consumer has been told of. */
  told: number
  ended: { readonly error: Error | undefined } | undefined
  wake: () => void
}

/** What a live watcher may hold back before it has to read from the log. */
const QUEUE_BATCHES = 1000
const QUEUE_BYTES = 4 * 1024 * 1024
const SLICE = { maxChanges: 500, maxBytes: 1024 * 1024 }
const PROGRESS_MS = 1000

/** Hands committed transactions to watchers: in order, without gap or repetition, in bounded memory. */
export class WatchHub {
  readonly #engine: Pick<Engine, 'log'>
  readonly #clock: Clock
  readonly #compacted: () => number
  readonly #groups = new Map<string, Group>()
  #revision: number
  #ended: Error | undefined
  #stopProgress: (() => void) | undefined

  constructor(engine: Pick<Engine, 'log'>, clock: Clock, revision: number, compacted: () => number) {
    this.#engine = engine
    this.#clock = clock
    this.#revision = revision
    this.#compacted = compacted
  }

  get revision(): number {
    return this.#revision
  }

  /** Whether transactions have to carry what was there before. */
  get watched(): boolean {
    return this.#groups.size > 0
  }

  /** Moves on to `revision`. Without `transactions` (nobody watched when they were made) watchers read the log. */
  publish(revision: number, transactions: readonly Transaction[] | undefined): void {
    if (revision <= this.#revision) return
    const before = this.#revision
    this.#revision = revision
    if (this.#groups.size === 0) return
    for (const group of this.#groups.values()) {
      if (!transactions) for (const watcher of group.watchers) fallBehind(watcher, before)
      else for (const transaction of transactions) offer(group, transaction)
    }
    this.#armProgress()
  }

  /** Ends every watch with `error`, and every later one. */
  end(error: Error): void {
    this.#ended = error
    this.#disarmProgress()
    for (const group of this.#groups.values()) for (const watcher of group.watchers) end(watcher, error)
  }

  /** Starts at once, so that no change from now on is missed, though the caller iterates later. */
  watch(query: WatchQuery): AsyncIterable<WatchBatch> {
    const { signal } = query
    const watcher = this.#add(query)
    if (this.#ended) end(watcher, this.#ended)
    const onAbort = () => {
      end(watcher, undefined)
      this.#remove(watcher)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return this.#deliver(watcher, () => signal.removeEventListener('abort', onAbort))
  }

  async *#deliver(watcher: Watcher, done: () => void): AsyncGenerator<WatchBatch, void, void> {
    try {
      for (;;) {
        if (watcher.ended?.error) throw watcher.ended.error
        if (watcher.ended) return
        const batch = watcher.queue.shift()
        if (batch) {
          watcher.queuedBytes -= bytesOf(batch)
          watcher.told = batch.revision
          yield batch
        } else if (watcher.behind) await this.#catchUp(watcher)
        else await new Promise<void>((resolve) => (watcher.wake = resolve))
      }
    } finally {
      this.#remove(watcher)
      done()
    }
  }

  async #catchUp(watcher: Watcher): Promise<void> {
    if (watcher.readTo >= this.#revision) {
      watcher.behind = false
      return
    }
    const compacted = this.#compacted()
    if (watcher.readTo < compacted) throw new CompactedError(watcher.readTo, compacted)
    const { start, end: endKey } = watcher.group
    const slice = await this.#engine.log({ start, end: endKey, after: watcher.readTo, ...SLICE })
    for (const batch of batches(slice.changes)) push(watcher, batch)
    watcher.readTo = Math.max(watcher.readTo, slice.upTo)
    if (watcher.readTo < this.#revision) return
    watcher.behind = false
    const last = watcher.queue.at(-1)?.revision ?? watcher.told
    if (last < watcher.readTo) push(watcher, { revision: watcher.readTo, changes: [] })
  }

  #add(query: WatchQuery): Watcher {
    const id = JSON.stringify([query.start, query.end])
    let group = this.#groups.get(id)
    if (!group) {
      group = { id, start: query.start, end: query.end, watchers: new Set() }
      this.#groups.set(id, group)
    }
    const after = query.after ?? this.#revision
    const watcher: Watcher = {
      group,
      after,
      queue: [],
      queuedBytes: 0,
      readTo: after,
      behind: after < this.#revision,
      told: after,
      ended: undefined,
      wake: () => {},
    }
    group.watchers.add(watcher)
    return watcher
  }

  #remove(watcher: Watcher): void {
    const { group } = watcher
    if (!group.watchers.delete(watcher) || group.watchers.size > 0) return
    this.#groups.delete(group.id)
    if (this.#groups.size === 0) this.#disarmProgress()
  }

  #armProgress(): void {
    this.#stopProgress ??= this.#clock.after(PROGRESS_MS, () => {
      this.#stopProgress = undefined
      if (this.#sendProgress()) this.#armProgress()
    })
  }

  #disarmProgress(): void {
    this.#stopProgress?.()
    this.#stopProgress = undefined
  }

  /** Tells the live watchers that have nothing to read how far they are; true when others have to wait for it. */
  #sendProgress(): boolean {
    const notice: WatchBatch = { revision: this.#revision, changes: [] }
    let others = false
    for (const group of this.#groups.values()) {
      for (const watcher of group.watchers) {
        if (watcher.behind || watcher.told >= notice.revision) continue
        if (watcher.queue.length === 0) push(watcher, notice)
        else if (watcher.queue.at(-1)!.revision < notice.revision) others = true
      }
    }
    return others
  }
}

function offer(group: Group, transaction: Transaction): void {
  const changes = transaction.changes.filter((c) => inRange(c.key, group.start, group.end))
  if (changes.length === 0) return
  const batch: WatchBatch = { revision: transaction.revision, changes }
  const bytes = bytesOf(batch)
  for (const watcher of group.watchers) {
    if (watcher.behind || batch.revision <= watcher.after) continue
    const full =
      watcher.queue.length >= QUEUE_BATCHES ||
      (watcher.queue.length > 0 && watcher.queuedBytes + bytes > QUEUE_BYTES)
    if (full) fallBehind(watcher, batch.revision - 1)
    else push(watcher, batch)
  }
}

function fallBehind(watcher: Watcher, readTo: number): void {
  if (watcher.behind) return
  watcher.behind = true
  watcher.readTo = Math.max(readTo, watcher.after)
  watcher.wake()
}

function push(watcher: Watcher, batch: WatchBatch): void {
  watcher.queue.push(batch)
  watcher.queuedBytes += bytesOf(batch)
  watcher.wake()
}

function end(watcher: Watcher, error: Error | undefined): void {
  watcher.ended ??= { error }
  watcher.queue.length = 0
  watcher.wake()
}

function bytesOf(batch: WatchBatch): number {
  let bytes = 0
  for (const { entry, previous } of batch.changes) {
    bytes += 100 + (entry?.value.byteLength ?? 0) + (previous?.value.byteLength ?? 0)
  }
  return bytes
}

/** Changes in revision order, a batch for each revision. */
function batches(changes: readonly Change[]): WatchBatch[] {
  const found: { revision: number; changes: Change[] }[] = []
  for (const change of changes) {
    const last = found.at(-1)
    if (last?.revision === change.revision) last.changes.push(change)
    else found.push({ revision: change.revision, changes: [change] })
  }
  return found
}
