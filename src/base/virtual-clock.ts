import { type Clock, nextTurn } from './clock.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly fn: () => void
}

/** A clock the test owns: time moves only when `advance` is called. */
export class VirtualClock implements Clock {
  #now: number
  #order = 0
  readonly #start: number
  readonly #timers = new Set<Timer>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs
    this.#start = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#start
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, fn }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves time on by `ms`, running every timer that falls due in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await nextTurn()
      const next = this.#next()
      if (!next || next.at > end) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
    }
    this.#now = end
    await nextTurn()
  }

  /** When the next timer falls due (milliseconds since 1970), or undefined when none is set. */
  nextTimerAt(): number | undefined {
    return this.#next()?.at
  }

  #next(): Timer | undefined {
    let first: Timer | undefined
    for (const t of this.#timers) {
      if (!first || t.at < first.at || (t.at === first.at && t.order < first.order)) first = t
    }
    return first
  }
}
