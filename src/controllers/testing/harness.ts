import { type Api, type Deployment, Pod } from '../../api/index.ts'
import { type Log, seededRandom, silentLog, timestamp, VirtualClock } from '../../base/index.ts'
import { MemoryApi } from '../../client/testing/index.ts'
import type { Input } from '../../schema/index.ts'
import { type Controller, runControllers } from '../runtime/index.ts'

export interface Harness {
  readonly api: MemoryApi
  readonly clock: VirtualClock
  /** Lets everything that is due happen; then moves on by `ms` and does so again. */
  settle(ms?: number): Promise<void>
  waits(): readonly { controller: string; key: string; waits: readonly string[] }[]
  end(): Promise<void>
}

/** Controllers on the fake API under a virtual clock. */
export async function harness(
  made: readonly Controller[] | ((clock: VirtualClock) => readonly Controller[]),
  log: Log = silentLog,
  /** What the controllers reach the API through. */
  through: (api: Api, clock: VirtualClock) => Api = (api) => api,
): Promise<Harness> {
  const clock = new VirtualClock()
  const controllers = typeof made === 'function' ? made(clock) : made
  const api = new MemoryApi({ clock })
  const stop = new AbortController()
  const random = seededRandom(7)
  const reach = through(api, clock)
  const running = runControllers({ api: () => reach, controllers, clock, random, log, signal: stop.signal })
  await running.ready
  const settle = async (ms = 0) => {
    for (let turn = 0, last = -1; turn < 200 && (api.revision !== last || turn < 3); turn++) {
      last = api.revision
      await clock.advance(0)
    }
    if (ms > 0) {
      await clock.advance(ms)
      await settle()
    }
  }
  await settle()
  const end = async () => {
    stop.abort()
    await running.stopped
  }
  return { api, clock, settle, waits: running.waits, end }
}

type PodChange = {
  ready?: boolean
  phase?: string
  nodeName?: string
  ip?: string
  podIPs?: readonly { ip: string }[]
}

/** Plays the node: runs the pod, and says since when it is ready. */
export async function setPod(
  { api, clock }: Pick<Harness, 'api' | 'clock'>,
  pod: Pod,
  change: PodChange,
): Promise<void> {
  const { ready = false, phase = 'Running', nodeName, ip } = change
  const { namespace, name } = pod.metadata
  if (nodeName !== undefined) {
    const target = { kind: 'Node', name: nodeName }
    await api.call(Pod, { namespace, name }, { subresource: 'binding', method: 'POST', body: { target } })
  }
  const lastTransitionTime = timestamp(clock.now())
  const status = {
    phase,
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
  }
  await api.patch(Pod, { namespace, name }, { type: 'merge', body: { status } }, { subresource: 'status' })
}

export async function podsOf({ api }: Pick<Harness, 'api'>, namespace = 'default'): Promise<readonly Pod[]> {
  return (await api.list(Pod, { namespace })).items
}

export function deployment(name: string, spec: Input<Deployment['spec']> = {}): Input<Deployment> {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'c', image: 'one' }] },
      },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
  }
}
