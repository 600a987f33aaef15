import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Node, Pod, PodAffinityTerm } from '../api/index.ts'
import { seededRandom } from '../base/index.ts'
import { Decider, notAvailable } from './decide.ts'
import { defaultPlugins } from './plugins/index.ts'
import { Snapshot } from './snapshot/snapshot.ts'
import { podObject, type TestPod, testNode } from './testing/objects.ts'
import { oracle } from './testing/oracle.ts'
import type { SimulatedNode } from './testing/simulated-nodes.ts'

const opt = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined })
const some = <T>(arb: fc.Arbitrary<T>, maxLength = 2) => fc.array(arb, { maxLength })
const KEYS = ['zone', 'rack', 'kubernetes.io/hostname']

const taint = fc.record({
  key: fc.constantFrom('k', 'l'),
  value: fc.constantFrom('1', '2'),
  effect: fc.constantFrom('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
})
const toleration = fc.record({
  key: fc.constantFrom('k', 'l'),
  operator: fc.constantFrom('Exists', 'Equal'),
  value: fc.constantFrom('1', '2'),
  effect: opt(fc.constantFrom('NoSchedule', 'PreferNoSchedule')),
})
const nodeArb = fc.record({
  labels: fc
    .record({ zone: opt(fc.constantFrom('a', 'b')), rack: opt(fc.constantFrom('1', '2', '3')) })
    .map(defined),
  taints: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(taint) }) as never,
  unschedulable: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  allocatable: fc
    .record({
      cpu: fc.constantFrom('2', '3500m', '8'),
      memory: fc.constantFrom('1Gi', '4Gi'),
      pods: fc.constantFrom('3', '10'),
      'example.com/gpu': opt(fc.constantFrom('1', '2')),
    })
    .map(defined),
})

const selector = fc.oneof(
  fc.constantFrom('x', 'y').map((app) => ({ matchLabels: { app } })),
  fc.constant({}),
  fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist').map((operator) => ({
    matchExpressions: [{ key: 'app', operator, values: operator.includes('In') ? ['x'] : [] }],
  })),
)
const term = fc
  .record({
    topologyKey: fc.constantFrom(...KEYS),
    labelSelector: opt(selector),
    namespaces: opt(fc.constant(['other'])),
    namespaceSelector: opt(fc.constantFrom({}, { matchLabels: { team: 'red' } })),
  })
  .map(defined) as fc.Arbitrary<PodAffinityTerm>
const weighted = fc.record({ weight: fc.integer({ min: 1, max: 100 }), podAffinityTerm: term })
const rules = fc.record({
  requiredDuringSchedulingIgnoredDuringExecution: some(term),
  preferredDuringSchedulingIgnoredDuringExecution: some(weighted),
})
const expression = fc.record({
  key: fc.constantFrom('zone', 'rack'),
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'),
  values: fc.constantFrom(['1'], ['2']),
})
const nodeRules = fc
  .record({
    requiredDuringSchedulingIgnoredDuringExecution: opt(
      fc.record({
        nodeSelectorTerms: fc.array(
          fc.record({ matchExpressions: fc.array(expression, { minLength: 1, maxLength: 2 }) }),
          { minLength: 1, maxLength: 2 },
        ),
      }),
    ),
    preferredDuringSchedulingIgnoredDuringExecution: some(
      fc.record({
        weight: fc.integer({ min: 1, max: 9 }),
        preference: fc.record({ matchExpressions: fc.array(expression, { minLength: 1, maxLength: 1 }) }),
      }),
    ),
  })
  .map(defined)
const constraint = fc
  .record({
    maxSkew: fc.integer({ min: 1, max: 2 }),
    topologyKey: fc.constantFrom(...KEYS),
    whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'ScheduleAnyway'),
    labelSelector: opt(selector),
    minDomains: opt(fc.integer({ min: 1, max: 3 })),
    nodeAffinityPolicy: opt(fc.constantFrom('Honor', 'Ignore')),
    nodeTaintsPolicy: opt(fc.constantFrom('Honor', 'Ignore')),
  })
  .map(defined)
const rarely = <T>(arb: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: arb })

const podArb = fc.record({
  namespace: fc.constantFrom('default', 'other'),
  labels: opt(fc.record({ app: fc.constantFrom('x', 'y') })),
  terminating: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  requests: fc
    .record({
      cpu: opt(fc.constantFrom('100m', '1', '1500m')),
      memory: opt(fc.constantFrom('128Mi', '1Gi')),
      'example.com/gpu': rarely(fc.constant('1')),
    })
    .map(defined),
  hostPort: rarely(fc.constantFrom(80, 81)),
  tolerations: some(toleration),
  nodeSelector: rarely(fc.constant({ zone: 'a' })),
  nodeAffinity: rarely(nodeRules),
  podAffinity: rarely(rules),
  podAntiAffinity: rarely(rules),
  spread: rarely(
    fc.uniqueArray(constraint, {
      maxLength: 2,
      selector: (c) => `${(c as { topologyKey?: string }).topologyKey}`,
    }),
  ),
})
type RandomPod = typeof podArb extends fc.Arbitrary<infer T> ? T : never

function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as T
}

function podOf(pod: RandomPod, name: string, on?: string): Pod {
  const { nodeAffinity, podAffinity, podAntiAffinity, requests, hostPort } = pod
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort }]
  const spec = defined({
    containers: [{ name: 'c', image: 'web', resources: { requests }, ports }],
    tolerations: pod.tolerations,
    nodeSelector: pod.nodeSelector,
    affinity: defined({ nodeAffinity, podAffinity, podAntiAffinity }),
    topologySpreadConstraints: pod.spread,
  }) as NonNullable<TestPod['spec']>
  const { namespace, labels, terminating } = pod
  return podObject(
    defined({
      name,
      namespace,
      labels,
      terminating: on === undefined ? false : terminating,
      on,
      spec,
    }) as TestPod,
  )
}

/** Pods of four kinds only, so that what was remembered of one is used for the next. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('node' as const), i: fc.nat(5), node: nodeArb }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), i: fc.nat(5) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('place' as const), i: fc.nat(9), at: fc.nat(5), kind: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('displace' as const), i: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('team' as const), red: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), kind: fc.nat(3) }) },
)

const DEEP = Number(process.env.DHOW_TEST_RUNS ?? 400)

test('whatever happens to a cluster, what is remembered gives the answers of the plain rules', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.array(podArb, { minLength: 4, maxLength: 4 }),
      (steps, kinds) => {
        const snapshot = new Snapshot()
        const decider = new Decider(defaultPlugins, seededRandom(1))
        const nodes = new Map<string, Node>()
        const pods = new Map<string, Pod>()
        const namespaces: Record<string, Record<string, string>> = { default: {}, other: { team: 'red' } }
        for (const [name, labels] of Object.entries(namespaces)) snapshot.setNamespace(name, labels)
        for (const s of steps) {
          if (s.do === 'node') {
            const node = testNode({ name: `n${s.i}`, ...s.node } as SimulatedNode)
            nodes.set(node.metadata.name, node)
            snapshot.putNode(node)
          } else if (s.do === 'drop') {
            nodes.delete(`n${s.i}`)
            snapshot.removeNode(`n${s.i}`)
          } else if (s.do === 'place') {
            const pod = podOf(kinds[s.kind]!, `p${s.i}`, `n${s.at}`)
            for (const namespace of ['default', 'other']) {
              pods.delete(`${namespace}/p${s.i}`)
              if (namespace !== pod.metadata.namespace) snapshot.displace(`${namespace}/p${s.i}`)
            }
            pods.set(pod.metadata.uid, pod)
            snapshot.place(pod, `n${s.at}`)
          } else if (s.do === 'displace') {
            for (const namespace of ['default', 'other']) {
              pods.delete(`${namespace}/p${s.i}`)
              snapshot.displace(`${namespace}/p${s.i}`)
            }
          } else if (s.do === 'team') {
            namespaces.default = s.red ? { team: 'red' } : {}
            snapshot.setNamespace('default', namespaces.default)
          } else {
            const pod = podOf(kinds[s.kind]!, 'asked')
            const world = { nodes: [...nodes.values()], pods: [...pods.values()], namespaces }
            const byName = (a: { node: string }, b: { node: string }) => (a.node < b.node ? -1 : 1)
            const want = oracle(pod, world).toSorted(byName)
            assert.deepEqual(decider.explain(snapshot, pod).toSorted(byName), want)
            const decision = decider.decide(snapshot, pod)
            const best = Math.max(...want.map((w) => ('score' in w ? w.score : -1)))
            if (decision.outcome === 'node') {
              const chosen = want.find((w) => w.node === decision.node)!
              assert.equal('score' in chosen && chosen.score, best)
            } else if (nodes.size > 0) {
              const reasons = new Map<string, number>()
              for (const w of want) {
                for (const r of 'reasons' in w ? w.reasons : ['fits'])
                  reasons.set(r, (reasons.get(r) ?? 0) + 1)
              }
              assert.equal(decision.failure.message, notAvailable(nodes.size, reasons))
            }
          }
        }
      },
    ),
    { numRuns: DEEP },
  )
})
