import type { Random } from '../base/index.ts'

export interface BackoffOptions {
  readonly baseMs: number
  readonly maxMs: number
  /** Share of the delay that is random, 0 to 1: 0.5 spreads 1 s over 0.5 s to 1 s. */
  readonly jitter?: number
}

/** The delay before attempt `failures` (1 after the first failure): doubling, bounded, jittered downwards. */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(40, Math.max(0, failures - 1)))
  return full * (1 - (options.jitter ?? 0) * random.next())
}
