import type { Clock, Log, Random } from '../base/index.ts'
import { prometheusMetrics } from '../client/index.ts'
import { builtinControllers, runControllers } from '../controllers/index.ts'
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
export async function startLoops(options: LoopOptions): Promise<Loops> {
  const { server, clock, random, log, signal, podCidr, rootCa } = options
  const api = server.apiFor.bind(server)
  const controllers = builtinControllers({ clock, podCidr, rootCa })
  const running = runControllers({
    api,
    controllers,
    clock,
    random,
    log: log.child({ part: 'controllers' }),
    signal,
    metrics: prometheusMetrics(server.metrics.registry),
  })
  return { ready: running.ready, stopped: running.stopped }
}
