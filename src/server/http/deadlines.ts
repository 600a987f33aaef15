import type { Clock } from '../../base/index.ts'

interface Waiting {
  readonly atMs: number
  readonly fn: () => void
}

/** One time limit for many: as all wait equally long, they end in the order they came, and one timer serves them. */
export class Deadlines {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #waiting = new Set<Waiting>()
  #disarm: (() => void) | undefined

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /** Calls `fn` when the time is up, unless what it returns was called before. */
  start(fn: () => void): () => void {
    const waiting = { atMs: this.#clock.monotonic() + this.#limitMs, fn }
    this.#waiting.add(waiting)
    if (!this.#disarm) this.#arm(this.#limitMs)
    return () => {
      this.#waiting.delete(waiting)
      if (this.#waiting.size === 0) this.#stop()
    }
  }

  #arm(delayMs: number): void {
    this.#disarm = this.#clock.after(delayMs, () => this.#look())
  }

  #look(): void {
    const now = this.#clock.monotonic()
    for (const waiting of this.#waiting) {
      if (waiting.atMs > now) {
        this.#arm(waiting.atMs - now)
        return
      }
      this.#waiting.delete(waiting)
      waiting.fn()
    }
    this.#disarm = undefined
  }

  #stop(): void {
    this.#disarm?.()
    this.#disarm = undefined
  }
}
