import { seededRandom } from '../../base/index.ts'
import { Decider } from '../decide.ts'
import { defaultPlugins } from '../plugins/index.ts'
import { podObject, snapshotOf, type TestPod } from './objects.ts'
import type { SimulatedNode } from './simulated-nodes.ts'

/** What kind of pods: `different` ones have nothing to share, as if each had a ReplicaSet of its own. */
export type Workload = 'plain' | 'spread' | 'anti-affinity' | 'preferred-affinity' | 'different'

const selector = { labelSelector: { matchLabels: { app: 'web' } } }
const SPECS: Readonly<Record<Workload, TestPod['spec']>> = {
  plain: {},
  different: {},
  spread: {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        ...selector,
      },
      { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', ...selector },
    ],
  },
  'anti-affinity': {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', ...selector },
        ],
      },
    },
  },
  'preferred-affinity': {
    affinity: {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 10, podAffinityTerm: { topologyKey: 'topology.kubernetes.io/zone', ...selector } },
        ],
      },
    },
  },
}

/** Milliseconds to give `count` pods a node, one after the other, each counting for the next. */
export function decideAll(nodes: readonly SimulatedNode[], workload: Workload, count: number): number {
  const snapshot = snapshotOf(nodes)
  snapshot.related.setService('default', 'web', { app: 'web' })
  const decider = new Decider(defaultPlugins, seededRandom(1))
  const pods = Array.from({ length: count }, (_, i) =>
    podObject({
      name: `web-${i}`,
      labels: workload === 'different' ? { app: 'web', own: String(i) } : { app: 'web' },
      requests: { cpu: workload === 'different' ? `${100 + (i % 1000)}m` : '100m', memory: '200Mi' },
      spec: SPECS[workload]!,
    }),
  )
  const start = performance.now()
  for (const pod of pods) {
    const decision = decider.decide(snapshot, pod)
    if (decision.outcome === 'node') snapshot.place(pod, decision.node)
  }
  return performance.now() - start
}
