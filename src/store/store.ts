/**
 * The contract of the store: etcd's, cut down to what the API server needs. One global revision counts
 * committed transactions; every engine (sqlite, memory, later etcd) passes the suite in contract.ts.
 *
 * Guarantees
 * - A write resolves only once it is durable, and no read, range or watch shows it earlier.
 * - Revisions only grow, also across a crash; each committed transaction that changes something takes the next one.
 * - A watch delivers every change after its start exactly once, in revision order, a transaction at a time,
 *   or ends with `CompactedError`: never a gap.
 */
export interface Store {
  /** The newest durable revision. 1 in an empty store, as in etcd. */
  revision(): number
  /** Keys in byte order. Rejects with `CompactedError` or `FutureRevisionError` when `revision` is out of reach. */
  range(query: RangeQuery): Promise<RangeResult>
  /**
   * All of `writes` in one revision, or none of them. At most one write a key. The bytes of a value are handed over:
   * they are shown to watchers and must not be changed afterwards. Commits are carried out in the order of the calls.
   */
  commit(writes: readonly Write[]): Promise<CommitResult>
  /**
   * Changes after revision `after`, until the signal aborts (the iteration then ends) or the start is compacted.
   * It holds from the call on, also when it is iterated later, and is iterated once. `after` may lie in the future.
   * A consumer may be as slow as it likes: a bounded queue is kept for it, and the rest is read from the history,
   * so that it fails with `CompactedError` only when it is slower than history is kept.
   */
  watch(query: WatchQuery): AsyncIterable<WatchBatch>
  /**
   * Forgets history before `revision`: ranges at `revision` and watches after it still work. Resolves when the space
   * is free again. A revision that is compacted already changes nothing; one in the future is refused.
   */
  compact(revision: number): Promise<void>
  /** The size on disk (or in memory) in bytes, and the oldest revision that can still be read. */
  stats(): Promise<{ sizeBytes: number; compacted: number }>
  /** Finishes what was accepted, then refuses everything with `StoreClosedError`. */
  close(): Promise<void>
}

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** Revision at which the key was created (this life of it). */
  readonly createRevision: number
  /** Revision of its newest change. */
  readonly modRevision: number
}

export interface RangeQuery {
  /** First key, inclusive. */
  readonly start: string
  /** End, exclusive; undefined reads the single key `start`. */
  readonly end?: string
  /** 0 or undefined: no limit. */
  readonly limit?: number
  /** Read as of this revision; undefined: the newest. */
  readonly revision?: number
  /** Count only: `entries` stays empty. */
  readonly countOnly?: boolean
}

export interface RangeResult {
  readonly entries: readonly Entry[]
  /** The revision the answer is true at. */
  readonly revision: number
  /** How many keys the range holds in all, whatever the limit. */
  readonly count: number
}

export interface Write {
  readonly key: string
  /** null deletes. Deleting an absent key without `expect` changes nothing. */
  readonly value: Uint8Array | null
  /** Compare: the key's modRevision must be this; 0: the key must not exist; undefined: no condition. */
  readonly expect?: number
  /** The key is deleted this long after the write, in milliseconds (seconds precision), unless written again. */
  readonly ttlMs?: number
}

export type CommitResult =
  | { readonly ok: true; readonly revision: number }
  /** Nothing was written: `key` is the first whose condition failed, `current` what it holds (null: absent). */
  | { readonly ok: false; readonly key: string; readonly current: Entry | null; readonly revision: number }

export interface WatchQuery {
  readonly start: string
  readonly end?: string
  /** Changes with a revision greater than this; the newest revision when undefined. */
  readonly after?: number
  readonly signal: AbortSignal
}

export interface WatchBatch {
  /** Everything up to this revision has been delivered with this batch. */
  readonly revision: number
  /**
   * Empty for a progress notice: sent when a watch has caught up with the history, and when revisions passed
   * without a change in the range (at most once a second).
   */
  readonly changes: readonly Change[]
}

export interface Change {
  readonly revision: number
  readonly key: string
  /** null: the key was deleted. */
  readonly entry: Entry | null
  /** What the key held just before; null: nothing. */
  readonly previous: Entry | null
}

/** The history that was asked for is gone. The caller starts over from a fresh range. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError'
  readonly requested: number
  readonly compacted: number
  constructor(requested: number, compacted: number) {
    super(`cannot read revision ${requested}: history before ${compacted} was compacted`)
    this.requested = requested
    this.compacted = compacted
  }
}

/** The revision that was asked for has not happened yet. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError'
  readonly requested: number
  readonly current: number
  constructor(requested: number, current: number) {
    super(`cannot read revision ${requested}: the newest is ${current}`)
    this.requested = requested
    this.current = current
  }
}

export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError'
  constructor() {
    super('the store is closed')
  }
}

/** The disk refused: full, read-only or broken. Nothing of the write is kept; retrying is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}

/** The call itself breaks a bound of `limits.ts` (a value too large, a malformed key, …). Retrying cannot help. */
export class StoreLimitError extends Error {
  override readonly name = 'StoreLimitError'
}

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}
