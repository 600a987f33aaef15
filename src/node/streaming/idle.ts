import type { Clock } from '../../base/index.ts'

/** As the container runtime's own for the streams that it serves. */
const IDLE_MS = 4 * 3_600_000

/** Calls `onIdle` once nothing was touched for four hours. */
export class Idle {
  readonly #clock: Clock
  readonly #onIdle: () => void
  #last: number
  #cancel: () => void

  constructor(clock: Clock, onIdle: () => void) {
    this.#clock = clock
    this.#onIdle = onIdle
    this.#last = clock.monotonic()
    this.#cancel = clock.after(IDLE_MS, () => this.#check())
  }

  touch(): void {
    this.#last = this.#clock.monotonic()
  }

  cancel(): void {
    this.#cancel()
  }

  /** One timer however much comes: it looks at what has passed since the last bytes, and sleeps for the rest. */
  #check(): void {
    const left = this.#last + IDLE_MS - this.#clock.monotonic()
    if (left <= 0) this.#onIdle()
    else this.#cancel = this.#clock.after(left, () => this.#check())
  }
}
