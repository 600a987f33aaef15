import type { Clock, Log, Random } from '../base/index.ts'
import type { ApiServer } from '../server/index.ts'

export interface LoopOptions {
  readonly server: ApiServer
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  readonly podCidr: string
  readonly rootCa: string
}

export interface Loops {
  readonly ready: Promise<void>
  readonly stopped: Promise<void>
}

/** The control loops of a cluster on the in-process API: the controllers, and the scheduler. */
export async function startLoops(_options: LoopOptions): Promise<Loops> {
  return { ready: Promise.resolve(), stopped: Promise.resolve() }
}
