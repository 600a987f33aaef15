import { type Clock, type Labels, type Log, type Metrics, noMetrics, type Random } from '../base/index.ts'
import { backoffMs } from './backoff.ts'

/** What a pass over a key ended with. An exception counts as `retry` with that error. */
export type Outcome =
  | { readonly next: 'forget' }
  /** Look again after a delay that doubles with each failure in a row, up to `maxMs` if that is less than usual. */
  | { readonly next: 'retry'; readonly error: unknown; readonly maxMs?: number }
  /** Look again after exactly this long; failures are forgotten. */
  | { readonly next: 'again'; readonly afterMs: number }

export interface WorkQueueOptions {
  /** The `name` label of the metrics. */
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly process: (key: string, signal: AbortSignal) => Promise<Outcome>
  /** Keys in work at the same time; default 1. One key is never in work twice. */
  readonly concurrency?: number
  /** Back-off of a failing key; default 5 ms doubling to 60 s. */
  readonly baseMs?: number
  readonly maxMs?: number
  readonly metrics?: Metrics
}

/**
 * Keys that need a look, each at most once. A key added while it is in work runs once more afterwards;
 * a key added with a delay runs at the earliest of its times. Order is first in, first out.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #metrics: Metrics
  readonly #labels: Labels
  readonly #ready = new Map<string, number>()
  readonly #working = new Set<string>()
  readonly #dirty = new Set<string>()
  readonly #delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>()
  readonly #failures = new Map<string, number>()
  readonly #abort = new AbortController()
  #idleWaiters: (() => void)[] = []
  #pumping = false

  constructor(options: WorkQueueOptions) {
    this.#options = options
    this.#metrics = options.metrics ?? noMetrics
    this.#labels = { name: options.name }
  }

  /** Keys that are ready or in work; delayed ones do not count. */
  get depth(): number {
    return this.#ready.size + this.#working.size
  }

  add(key: string): void {
    if (this.#abort.signal.aborted) return
    this.#cancelDelay(key)
    if (this.#working.has(key)) {
      this.#dirty.add(key)
      return
    }
    if (this.#ready.has(key)) return
    this.#ready.set(key, this.#options.clock.monotonic())
    this.#metrics.increment('workqueue_adds_total', this.#labels)
    this.#metrics.set('workqueue_depth', this.#labels, this.#ready.size)
    this.#pump()
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#abort.signal.aborted) return
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const at = this.#options.clock.monotonic() + delayMs
    const waiting = this.#delayed.get(key)
    if (waiting && waiting.at <= at) return
    waiting?.cancel()
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { at, cancel })
  }

  /** How often in a row the key has failed. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** Takes no more keys, aborts the signal of those in work, and resolves when they have ended. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error(`work queue ${this.#options.name} was stopped`))
    this.#ready.clear()
    this.#dirty.clear()
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    if (this.#working.size > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel()
    this.#delayed.delete(key)
  }

  /** Starts work in a microtask, so that what is added together is seen together. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#start()
    })
  }

  #start(): void {
    const limit = this.#options.concurrency ?? 1
    while (this.#working.size < limit) {
      const next = this.#ready.entries().next()
      if (next.done) return
      const [key, addedAt] = next.value
      this.#ready.delete(key)
      this.#working.add(key)
      const waitedMs = this.#options.clock.monotonic() - addedAt
      this.#metrics.set('workqueue_depth', this.#labels, this.#ready.size)
      this.#metrics.observe('workqueue_queue_duration_seconds', this.#labels, waitedMs / 1000)
      void this.#work(key)
    }
  }

  async #work(key: string): Promise<void> {
    const { clock } = this.#options
    const started = clock.monotonic()
    let outcome: Outcome
    try {
      outcome = await this.#options.process(key, this.#abort.signal)
    } catch (error) {
      outcome = { next: 'retry', error }
    }
    this.#metrics.observe(
      'workqueue_work_duration_seconds',
      this.#labels,
      (clock.monotonic() - started) / 1000,
    )
    this.#working.delete(key)
    this.#settle(key, outcome)
    if (this.#working.size === 0 && this.#abort.signal.aborted) {
      for (const resolve of this.#idleWaiters) resolve()
      this.#idleWaiters = []
    }
    this.#pump()
  }

  #settle(key: string, outcome: Outcome): void {
    if (this.#abort.signal.aborted) return
    const again = this.#dirty.delete(key)
    switch (outcome.next) {
      case 'forget':
        this.#failures.delete(key)
        break
      case 'again':
        this.#failures.delete(key)
        if (!again) this.addAfter(key, outcome.afterMs)
        break
      case 'retry': {
        const { random, log, baseMs = 5 } = this.#options
        const maxMs = Math.min(this.#options.maxMs ?? 60_000, outcome.maxMs ?? Number.POSITIVE_INFINITY)
        const failures = this.failures(key) + 1
        this.#failures.set(key, failures)
        this.#metrics.increment('workqueue_retries_total', this.#labels)
        const delayMs = backoffMs(failures, { baseMs, maxMs, jitter: 0.2 }, random)
        log.debug({ key, failures, delayMs, err: outcome.error }, 'will retry')
        if (!again) this.addAfter(key, delayMs)
        break
      }
      default:
        outcome satisfies never
    }
    if (again) this.add(key)
  }
}
