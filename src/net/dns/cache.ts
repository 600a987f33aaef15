import type { ResponseShape } from './message.ts'

export interface Cached {
  readonly response: Buffer
  readonly shape: ResponseShape
  /** Monotonic milliseconds. */
  readonly storedAt: number
  readonly expiresAt: number
}

const MAX_TTL_SECONDS = 300
const MAX_NEGATIVE_TTL_SECONDS = 30
/** Names without a word on how long they are missing. */
const UNKNOWN_NEGATIVE_TTL_SECONDS = 5
const FAILURE_TTL_SECONDS = 1

/** For how long a response may be given again, seconds; 0: not at all. */
export function cacheSeconds(shape: ResponseShape): number {
  if (shape.isTruncated) return 0
  const hasAnswer = shape.rcode === 0 && shape.answerEnds.length > 1
  if (hasAnswer) return Math.min(MAX_TTL_SECONDS, shape.minTtl ?? 0)
  if (shape.rcode === 0 || shape.rcode === 3)
    return Math.min(MAX_NEGATIVE_TTL_SECONDS, shape.negativeTtl ?? UNKNOWN_NEGATIVE_TTL_SECONDS)
  return FAILURE_TTL_SECONDS
}

/** Responses of upstreams. Those not used for longest go first when it is full. */
export class ResponseCache {
  readonly #entries = new Map<string, Cached>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes = 4 * 1024 * 1024) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string, now: number): Cached | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#remove(key, entry)
    if (entry.expiresAt <= now) return undefined
    this.#add(key, entry)
    return entry
  }

  put(key: string, response: Buffer, shape: ResponseShape, now: number): void {
    const seconds = cacheSeconds(shape)
    if (seconds <= 0) return
    const existing = this.#entries.get(key)
    if (existing) this.#remove(key, existing)
    this.#add(key, { response, shape, storedAt: now, expiresAt: now + seconds * 1000 })
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest, entry)
    }
  }

  #add(key: string, entry: Cached): void {
    this.#entries.set(key, entry)
    this.#bytes += sizeOf(key, entry)
  }

  #remove(key: string, entry: Cached): void {
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, entry)
  }
}

/** With what the entry costs besides its bytes, roughly. */
const sizeOf = (key: string, entry: Cached) => entry.response.length + key.length + 400
