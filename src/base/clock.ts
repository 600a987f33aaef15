import { flat } from './text.ts'

/**
 * Time as an argument. Nothing outside this file and the process shells reads the global clock or sets
 * a global timer, so a whole cluster can run under a virtual clock.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z (UTC wall clock; may step). */
  now(): number
  /** Milliseconds from an arbitrary start; never steps back. Use it for durations. */
  monotonic(): number
  /** Runs `fn` once after `delayMs` (0 or more); the returned function cancels it, also after it ran. */
  after(delayMs: number, fn: () => void): () => void
}

/** The machine's clock. Its timers do not keep the process alive when `background` is true. */
export function systemClock(options: { background?: boolean } = {}): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, fn) {
      const timer = setTimeout(fn, Math.min(Math.max(0, delayMs), 2 ** 31 - 1))
      if (options.background) timer.unref()
      return () => clearTimeout(timer)
    },
  }
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Resolves after `delayMs`, or as soon as the signal aborts: for loops that look at the signal themselves. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return sleep(clock, delayMs, signal).catch(() => {})
}

/** Lets whatever else is ready run first: for long work, which must not hold the event loop (DESIGN, decision 13). */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const SLICE_MS = 4

/**
 * Long work, given as a generator that yields between short steps: whenever some milliseconds are used up, everything
 * else gets a turn. Resolves to what the generator returns.
 */
export async function inSlices<T>(steps: Generator<void, T>, clock: Clock): Promise<T> {
  let until = clock.monotonic() + SLICE_MS
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (clock.monotonic() < until) continue
    await nextTurn()
    until = clock.monotonic() + SLICE_MS
  }
}

/** The same at once, for who has the time. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** An RFC 3339 timestamp in whole seconds, as Kubernetes' `Time` is written: `2026-11-21T08:30:00Z`. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastSecond) {
    lastText = flat(`${new Date(ms).toISOString().slice(0, 19)}Z`)
    lastSecond = second
  }
  return lastText
}

/** Thousands of objects are made within one second. */
let lastSecond = Number.NaN
let lastText = ''

/** An RFC 3339 timestamp in microseconds, as Kubernetes' `MicroTime` is written. */
export function microTimestamp(ms: number): string {
  return flat(`${new Date(ms).toISOString().slice(0, 23)}000Z`)
}
