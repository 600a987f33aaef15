import type { Item } from './item.ts'

/** A change as watchers see it. */
export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: number
  /** The new state; for DELETED the last state at the revision of the deletion. */
  readonly item: Item
  readonly previous: Item | undefined
  /** What a watcher is told whose selection the object has left; made when first needed. */
  gone: Item | undefined
  /** When it was applied (clock milliseconds). */
  readonly at: number
  /** Encoded frames by media type and event type, shared by all watchers. */
  frames: Map<string, Uint8Array> | undefined
}

export interface HistoryLimits {
  readonly maxEvents: number
  readonly maxAgeMs: number
  /** This many are kept whatever their age. */
  readonly minEvents: number
}

export const HISTORY_LIMITS: HistoryLimits = { maxEvents: 10_000, maxAgeMs: 5 * 60_000, minEvents: 100 }

/**
 * The last events of one resource, addressed by a sequence number that only grows. Watchers hold positions in it
 * and no queues of their own: a slow one costs nothing, and ends when its position is forgotten.
 */
export class History {
  readonly #limits: HistoryLimits
  #events: CacheEvent[] = []
  /** How many at the front of `#events` are forgotten already. */
  #skip = 0
  #firstSeq = 0
  #startRevision: number

  /** Knows every event after `startRevision`. */
  constructor(startRevision: number, limits: HistoryLimits = HISTORY_LIMITS) {
    this.#startRevision = startRevision
    this.#limits = limits
  }

  /** A watch can start after this revision and after every later one. */
  get startRevision(): number {
    return this.#startRevision
  }

  get firstSeq(): number {
    return this.#firstSeq
  }

  /** The sequence number the next event will get. */
  get nextSeq(): number {
    return this.#firstSeq + this.#events.length - this.#skip
  }

  /** undefined when it has been forgotten or has not happened. */
  at(seq: number): CacheEvent | undefined {
    const index = seq - this.#firstSeq
    return index < 0 ? undefined : this.#events[this.#skip + index]
  }

  append(event: CacheEvent): void {
    this.#events.push(event)
    const { maxEvents, maxAgeMs, minEvents } = this.#limits
    while (
      this.#length > maxEvents ||
      (this.#length > minEvents && this.#events[this.#skip]!.at < event.at - maxAgeMs)
    ) {
      this.#forgetFirst()
    }
  }

  /** The position of the first event after `revision`, or undefined when some of those are forgotten. */
  seqAfter(revision: number): number | undefined {
    if (revision < this.#startRevision) return undefined
    let low = this.#skip
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.revision > revision) high = middle
      else low = middle + 1
    }
    return this.#firstSeq + low - this.#skip
  }

  /** How many more events fit in front. */
  get room(): number {
    return Math.max(0, this.#limits.maxEvents - this.#length)
  }

  /** Puts back what happened before the first event; the history then starts after `startRevision`. */
  prepend(events: readonly CacheEvent[], startRevision: number): void {
    this.#events = [...events, ...this.#events.slice(this.#skip)]
    this.#skip = 0
    this.#firstSeq -= events.length
    this.#startRevision = startRevision
  }

  get #length(): number {
    return this.#events.length - this.#skip
  }

  #forgetFirst(): void {
    this.#startRevision = this.#events[this.#skip]!.revision
    this.#skip++
    this.#firstSeq++
    if (this.#skip > 256 && this.#skip * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#skip)
      this.#skip = 0
    }
  }
}
