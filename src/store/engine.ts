import type { Change, Entry } from './store.ts'

/**
 * What differs between engines: where the bytes are and how they get there. `EngineStore` makes a `Store` of it
 * (queueing, watches, expiry, compaction policy), so an engine knows nothing of those. Every call is bounded in
 * time and memory, calls are carried out one after the other in the order they were made, and an answer shows
 * durable state only.
 */
export interface Engine {
  /**
   * Carries out `commits` in order, each with its own revision, in one durable step: when it rejects with
   * `StoreUnavailableError`, none of them happened.
   */
  write(commits: readonly EngineCommit[], options: { previous: boolean }): Promise<WriteReply>
  /** The first entries of a range, as far as the bounds go. */
  page(request: PageRequest): Promise<Page>
  /** The first changes after a revision, whole revisions only, as far as the bounds go. */
  log(request: LogRequest): Promise<LogSlice>
  /** Up to `limit` keys whose time is over at `now`, and when the next one's will be. */
  due(now: number, limit: number): Promise<Due>
  /** Makes `revision` the oldest readable one and removes one bounded piece of what came before it. */
  compact(revision: number): Promise<{ readonly done: boolean }>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

/** What an engine holds when it is opened. */
export interface EngineState {
  readonly revision: number
  /** The oldest revision that can be read. */
  readonly compacted: number
  /** Everything before this revision has been removed; lower than `compacted` after a crash in between. */
  readonly swept: number
  /** Milliseconds since 1970 at which the first key expires, or null. */
  readonly nextExpiry: number | null
}

export type EngineCommit = readonly EngineWrite[]

export interface EngineWrite {
  readonly key: string
  readonly value: Uint8Array | null
  readonly expect: number | undefined
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
}

export interface WriteReply {
  /** The newest revision after all of it. */
  readonly revision: number
  /** One for each commit. */
  readonly outcomes: readonly Outcome[]
}

export type Outcome =
  | { readonly ok: true; readonly revision: number; readonly effects: readonly (Effect | null)[] }
  | { readonly ok: false; readonly revision: number; readonly key: string; readonly current: Entry | null }

/** What a write did; null where it changed nothing. `previous` is present only when it was asked for. */
export interface Effect {
  readonly createRevision: number
  readonly previous?: Entry | null
}

export interface PageRequest {
  readonly start: string
  readonly end: string | undefined
  /** undefined: the newest. */
  readonly revision: number | undefined
  readonly maxEntries: number
  readonly maxBytes: number
  /** Whether `count` is wanted. */
  readonly count: boolean
}

export interface Page {
  readonly entries: readonly Entry[]
  /** The newest revision at the time of reading. */
  readonly revision: number
  /** False when the range ends with this page. */
  readonly more: boolean
  /** Keys in the whole range; 0 when not wanted. */
  readonly count: number
}

export interface LogRequest {
  readonly start: string
  readonly end: string | undefined
  readonly after: number
  readonly maxChanges: number
  readonly maxBytes: number
}

export interface LogSlice {
  readonly changes: readonly Change[]
  /** Every change up to this revision is in the slice. */
  readonly upTo: number
}

export interface Due {
  readonly keys: readonly { readonly key: string; readonly modRevision: number }[]
  /** When the next key expires that is not in `keys`; null: none has a time to live. */
  readonly next: number | null
}
