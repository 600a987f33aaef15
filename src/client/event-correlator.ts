import { LruMap } from './lru.ts'

/**
 * Keeps Events few, by Kubernetes' rules (client-go tools/record): the same text again counts up, many different
 * texts of one reason become one "combined" Event, and a source that never stops is cut to one Event in five minutes.
 */
export class EventCorrelator {
  readonly #similar = new LruMap<string, { readonly texts: Set<string>; lastMs: number }>(CACHE_SIZE)
  readonly #seen = new LruMap<string, SeenEvent>(CACHE_SIZE)
  readonly #buckets = new LruMap<string, { tokens: number; atMs: number }>(CACHE_SIZE)

  /** What to do about an occurrence; undefined: drop it. */
  correlate(occurrence: Occurrence, nowMs: number): Correlated | undefined {
    const group = [occurrence.source, occurrence.about, occurrence.type, occurrence.reason].join('\n')
    const combined = this.#isTooVaried(group, occurrence.message, nowMs)
    const message = combined ? `(combined from similar events): ${occurrence.message}` : occurrence.message
    const id = combined ? group : `${group}\n${occurrence.message}`
    const seen = this.#seen.get(id)
    const count = (seen?.count ?? 0) + 1
    const next: SeenEvent = { count, firstMs: seen?.firstMs ?? nowMs, name: seen?.name }
    this.#seen.set(id, next)
    if (!this.#takeToken(`${occurrence.source}\n${occurrence.about}`, nowMs)) return undefined
    return { id, message, count, firstMs: next.firstMs }
  }

  /** Remembers under which name the Event was written, so that the next one like it counts that up. */
  written(id: string, name: string): void {
    const seen = this.#seen.get(id)
    if (seen) this.#seen.set(id, { ...seen, name })
  }

  nameOf(id: string): string | undefined {
    return this.#seen.get(id)?.name
  }

  #isTooVaried(group: string, message: string, nowMs: number): boolean {
    let entry = this.#similar.get(group)
    if (!entry || nowMs - entry.lastMs > SIMILAR_WINDOW_MS) {
      entry = { texts: new Set(), lastMs: nowMs }
      this.#similar.set(group, entry)
    }
    entry.lastMs = nowMs
    if (entry.texts.size < MAX_SIMILAR) entry.texts.add(message)
    return entry.texts.size >= MAX_SIMILAR
  }

  #takeToken(bucketKey: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(bucketKey) ?? { tokens: SPAM_BURST, atMs: nowMs }
    const tokens = Math.min(SPAM_BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * SPAM_PER_SECOND)
    const allowed = tokens >= 1
    this.#buckets.set(bucketKey, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs })
    return allowed
  }
}

const CACHE_SIZE = 4096
const MAX_SIMILAR = 10
const SIMILAR_WINDOW_MS = 600_000
const SPAM_BURST = 25
const SPAM_PER_SECOND = 1 / 300

export interface Occurrence {
  readonly source: string
  /** The object it is about, identity included. */
  readonly about: string
  readonly type: string
  readonly reason: string
  readonly message: string
}

export interface Correlated {
  readonly id: string
  readonly message: string
  /** 1: a new Event. More: it has been seen before, and may have been written (`nameOf`). */
  readonly count: number
  readonly firstMs: number
}

interface SeenEvent {
  readonly count: number
  readonly firstMs: number
  readonly name: string | undefined
}
