import type { Clock, Log, Random } from '../base/index.ts'
import { builtinControllers, runControllers } from '../controllers/index.ts'
import { SCHEDULER, startScheduler } from '../scheduler/index.ts'
import type { ApiServer } from '../server/index.ts'
import { loadBalancers } from './load-balancers.ts'

export interface LoopOptions {
  readonly server: ApiServer
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  readonly podCidr: string
  readonly rootCa: string
  /** Of this machine's nodes: load balancers get their addresses there; undefined: none do. */
  readonly nodeCidr?: string | undefined
}

export interface Loops {
  readonly ready: Promise<void>
  readonly stopped: Promise<void>
}

/** The control loops of a cluster on the in-process API: the controllers, and the scheduler. */
export async function startLoops(options: LoopOptions): Promise<Loops> {
  const { server, clock, random, log, signal, podCidr, rootCa } = options
  const api = server.apiFor.bind(server)
  const controllers = [
    ...builtinControllers({ clock, podCidr, rootCa }),
    ...(options.nodeCidr ? [loadBalancers(options.nodeCidr)] : []),
  ]
  const metrics = server.metrics.store
  const running = runControllers({
    api,
    controllers,
    clock,
    random,
    log: log.child({ part: 'controllers' }),
    signal,
    metrics,
  })
  const scheduler = startScheduler({
    api: api(SCHEDULER),
    informers: running.informers,
    clock,
    random,
    log: log.child({ part: 'scheduler' }),
    signal,
    metrics,
  })
  const both = (a: Promise<void>, b: Promise<void>) => Promise.all([a, b]).then(() => {})
  return {
    ready: both(running.ready, scheduler.ready),
    stopped: both(running.stopped, scheduler.stopped),
  }
}
