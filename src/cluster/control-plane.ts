import type { Clock, Log, Random } from '../base/index.ts'
import type { KubeObject } from '../schema/index.ts'
import {
  type ApiServer,
  type ApiServerOptions,
  createApiServer,
  createSecurity,
  type SecurityOptions,
} from '../server/index.ts'
import type { Store } from '../store/index.ts'
import { startLoops } from './loops.ts'

export interface ControlPlaneOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly security: SecurityOptions
  readonly serviceCidr: string
  readonly podCidr: string
  /** Where Services of type LoadBalancer get their addresses; undefined: nowhere. */
  readonly nodeCidr?: string
  readonly advertise?: { readonly address: string; readonly port: number }
  /** For the ConfigMap kube-root-ca.crt. */
  readonly rootCa: string
  readonly onObject?: (object: KubeObject) => void
}

export interface ControlPlane {
  readonly server: ApiServer
  /** Resolves when every controller and the scheduler work. */
  readonly ready: Promise<void>
  /** Loops end first, then the server; the store is left open. */
  close(graceMs?: number): Promise<void>
}

/** The API server, the controllers and the scheduler, on a store, in this process. Nothing listens yet. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, random, log } = options
  let areReady = false
  const serverOptions: ApiServerOptions = {
    store,
    clock,
    random,
    log,
    security: (context) => createSecurity(context, options.security),
    network: { serviceCidr: options.serviceCidr, nodePorts: { from: 30_000, to: 32_767 } },
    ...(options.advertise ? { advertise: options.advertise } : {}),
    ...(options.onObject ? { onObject: options.onObject } : {}),
    healthChecks: [
      {
        name: 'control-loops',
        readinessOnly: true,
        check() {
          if (!areReady) throw new Error('the controllers and the scheduler are starting')
        },
      },
    ],
  }
  const server = await createApiServer(serverOptions)
  const stopping = new AbortController()
  const { podCidr, nodeCidr, rootCa } = options
  const loops = await startLoops({
    server,
    clock,
    random,
    log,
    signal: stopping.signal,
    podCidr,
    nodeCidr,
    rootCa,
  })
  const ready = loops.ready.then(() => {
    areReady = true
  })
  ready.catch(() => {})
  return {
    server,
    ready,
    async close(graceMs) {
      stopping.abort()
      await loops.stopped
      await server.close(graceMs)
    },
  }
}
