import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../base/index.ts'
import { Decider } from '../decide.ts'
import { podObject, snapshotOf, type TestPod } from '../testing/objects.ts'
import { affinity, gpu, spec, table } from '../testing/table.ts'
import { defaultPlugins } from './index.ts'

table('cluster', [
  { name: 'without nodes', nodes: [], pod: {}, expect: 'no nodes available to schedule pods' },
  {
    name: 'each node gives its first reason, and reasons are counted and sorted',
    nodes: [{ name: 'a', unschedulable: true }, { name: 'b', taints: [gpu] }, { name: 'c' }, { name: 'd' }],
    pod: { requests: { cpu: '5', memory: '9Gi' } },
    expect:
      '0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu, 2 Insufficient memory.',
  },
])

table('NodeName', [
  {
    name: 'the node that is named',
    nodes: [{ name: 'a' }, { name: 'b' }],
    pod: { spec: { nodeName: 'b' } },
    expect: 'b',
  },
  {
    name: 'which does not exist',
    nodes: [{ name: 'a' }],
    pod: { spec: { nodeName: 'b' } },
    expect: "0/1 nodes are available: 1 node(s) didn't match the requested node name.",
  },
])

table('NodeUnschedulable', [
  {
    name: 'cordoned nodes take nothing',
    nodes: [{ name: 'a', unschedulable: true }],
    pod: {},
    expect: '0/1 nodes are available: 1 node(s) were unschedulable.',
  },
  {
    name: 'except for pods that tolerate it',
    nodes: [{ name: 'a', unschedulable: true }],
    pod: { spec: spec({ tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }) },
    expect: 'a',
  },
])

table('TaintToleration', [
  ...(
    [
      [[{ key: 'gpu', operator: 'Equal', value: 'yes' }], 'a'],
      [[{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }], 'a'],
      [[{ key: 'gpu', operator: 'Exists' }], 'a'],
      [[{ operator: 'Exists' }], 'a'],
      [[{ key: 'gpu', value: 'no' }], undefined],
      [[{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }], undefined],
      [[{ key: 'other', operator: 'Exists' }], undefined],
    ] as const
  ).map(([tolerations, expect]) => ({
    name: `of ${JSON.stringify(tolerations)}`,
    nodes: [{ name: 'a', taints: [gpu] }],
    pod: { spec: spec({ tolerations }) },
    expect: expect ?? '0/1 nodes are available: 1 node(s) had untolerated taint(s).',
  })),
  {
    name: 'a taint that prefers no pods only weighs',
    nodes: [{ name: 'a', taints: [{ key: 'x', effect: 'PreferNoSchedule' }] }, { name: 'b' }],
    pods: [{ on: 'b', requests: { cpu: '1' } }],
    pod: {},
    expect: 'b',
  },
])

const GENERATIONS = [
  { name: 'a', labels: { gen: '3', disk: 'ssd' } },
  { name: 'b', labels: { gen: '7' } },
]
const NO_AFFINITY = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."

table('NodeAffinity', [
  {
    name: 'nodeSelector',
    nodes: GENERATIONS,
    pod: { spec: spec({ nodeSelector: { disk: 'ssd' } }) },
    expect: 'a',
  },
  {
    name: 'nodeSelector without a match',
    nodes: GENERATIONS,
    pod: { spec: spec({ nodeSelector: { disk: 'hdd' } }) },
    expect: NO_AFFINITY,
  },
  { name: 'In', nodes: GENERATIONS, pod: { spec: affinity('gen', 'In', ['7', '8']) }, expect: 'b' },
  {
    name: 'NotIn takes nodes without the label',
    nodes: GENERATIONS,
    pod: { spec: affinity('disk', 'NotIn', ['ssd']) },
    expect: 'b',
  },
  { name: 'Exists', nodes: GENERATIONS, pod: { spec: affinity('disk', 'Exists') }, expect: 'a' },
  { name: 'DoesNotExist', nodes: GENERATIONS, pod: { spec: affinity('disk', 'DoesNotExist') }, expect: 'b' },
  { name: 'Gt', nodes: GENERATIONS, pod: { spec: affinity('gen', 'Gt', ['3']) }, expect: 'b' },
  { name: 'Lt', nodes: GENERATIONS, pod: { spec: affinity('gen', 'Lt', ['7']) }, expect: 'a' },
  {
    name: 'a prototype property is no label',
    nodes: GENERATIONS,
    pod: { spec: affinity('constructor', 'Exists') },
    expect: NO_AFFINITY,
  },
  {
    name: 'a node by its name, as DaemonSets ask: the other nodes are not looked at',
    nodes: [{ name: 'a', unschedulable: true }, { name: 'b' }],
    pod: {
      requests: { cpu: '9' },
      spec: spec({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }],
            },
          },
        },
      }),
    },
    expect: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  },
  {
    name: 'preferences add up',
    nodes: GENERATIONS,
    pod: {
      spec: spec({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } },
              {
                weight: 20,
                preference: { matchExpressions: [{ key: 'gen', operator: 'Gt', values: ['5'] }] },
              },
            ],
          },
        },
      }),
    },
    expect: 'b',
  },
])

const port = (hostPort: number, more = {}) =>
  spec({ containers: [{ name: 'c', image: 'web', ports: [{ containerPort: 80, hostPort, ...more }] }] })
const NO_PORT = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."

table('NodePorts', [
  {
    name: 'a taken port',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80) }],
    pod: { spec: port(80) },
    expect: NO_PORT,
  },
  {
    name: 'another port',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80) }],
    pod: { spec: port(81) },
    expect: 'a',
  },
  {
    name: 'another protocol',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80) }],
    pod: { spec: port(80, { protocol: 'UDP' }) },
    expect: 'a',
  },
  {
    name: 'another address',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80, { hostIP: '10.0.0.1' }) }],
    pod: { spec: port(80, { hostIP: '10.0.0.2' }) },
    expect: 'a',
  },
  {
    name: 'every address against one',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80, { hostIP: '10.0.0.1' }) }],
    pod: { spec: port(80) },
    expect: NO_PORT,
  },
  {
    name: 'one address against every',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', spec: port(80) }],
    pod: { spec: port(80, { hostIP: '10.0.0.1' }) },
    expect: NO_PORT,
  },
])

const container = (cpu: string, more = {}) => ({
  name: 'c',
  image: 'web',
  resources: { requests: { cpu } },
  ...more,
})

table('NodeResourcesFit', [
  {
    name: 'exactly what is left',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', requests: { cpu: '1500m' } }],
    pod: { requests: { cpu: '2500m' } },
    expect: 'a',
  },
  {
    name: 'a thousandth too much',
    nodes: [{ name: 'a' }],
    pods: [{ on: 'a', requests: { cpu: '1500m' } }],
    pod: { requests: { cpu: '2501m' } },
    expect: '0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    name: 'a full node takes no pod that asks for nothing',
    nodes: [{ name: 'a', allocatable: { cpu: '4', memory: '1Gi', pods: '1' } }],
    pods: [{ on: 'a' }],
    pod: {},
    expect: '0/1 nodes are available: 1 Too many pods.',
  },
  {
    name: 'an extended resource nobody has',
    nodes: [{ name: 'a' }],
    pod: { requests: { 'example.com/gpu': '1' } },
    expect: '0/1 nodes are available: 1 Insufficient example.com/gpu.',
  },
  {
    name: 'an extended resource that is used up',
    nodes: [{ name: 'a', allocatable: { cpu: '4', memory: '1Gi', pods: '9', 'example.com/gpu': '2' } }],
    pods: [{ on: 'a', requests: { 'example.com/gpu': '2' } }],
    pod: { requests: { 'example.com/gpu': '1' } },
    expect: '0/1 nodes are available: 1 Insufficient example.com/gpu.',
  },
  {
    name: 'the largest init container counts when it is more than the containers',
    nodes: [{ name: 'a' }],
    pod: { spec: spec({ containers: [container('1')], initContainers: [container('5', { name: 'i' })] }) },
    expect: '0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    name: 'sidecars run beside the containers',
    nodes: [{ name: 'a' }],
    pod: {
      spec: spec({
        containers: [container('2')],
        initContainers: [container('2500m', { name: 'i', restartPolicy: 'Always' })],
      }),
    },
    expect: '0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    name: 'an init container runs beside the sidecars before it only',
    nodes: [{ name: 'a' }],
    pod: {
      spec: spec({
        containers: [container('1')],
        initContainers: [
          container('3', { name: 'i' }),
          container('2', { name: 's', restartPolicy: 'Always' }),
        ],
      }),
    },
    expect: 'a',
  },
  {
    name: 'overhead on top is too much',
    nodes: [{ name: 'a' }],
    pod: { spec: spec({ containers: [container('4')], overhead: { cpu: '1m' } }) },
    expect: '0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    name: 'the emptier node',
    nodes: [{ name: 'a' }, { name: 'b' }],
    pods: [{ on: 'a', requests: { cpu: '1', memory: '2Gi' } }],
    pod: { requests: { cpu: '1', memory: '2Gi' } },
    expect: 'b',
  },
])

table('NodeResourcesBalancedAllocation', [
  {
    name: 'prefers the node on which CPU and memory are used alike',
    nodes: [{ name: 'a' }, { name: 'b' }],
    pods: [
      { on: 'a', requests: { cpu: '2' } },
      { on: 'b', requests: { memory: '4Gi' } },
    ],
    pod: { requests: { cpu: '2', memory: '10Mi' } },
    expect: 'b',
  },
])

const image = (name: string, megabytes: number) => ({ names: [name], sizeBytes: megabytes * 1024 * 1024 })

table('ImageLocality', [
  {
    name: 'prefers the node that has the image',
    nodes: [{ name: 'a' }, { name: 'b', images: [image('docker.io/library/big:latest', 900)] }],
    pod: { spec: spec({ containers: [{ name: 'c', image: 'docker.io/library/big' }] }) },
    expect: 'b',
  },
])

const web = (on?: string, more: Partial<TestPod> = {}): TestPod => ({
  labels: { app: 'web' },
  ...(on ? { on } : {}),
  ...more,
})
test('VolumeBinding: a pod waits for its claims to be bound', () => {
  const decider = new Decider(defaultPlugins, seededRandom(1))
  const snapshot = snapshotOf([{ name: 'a' }, { name: 'b', labels: { disk: 'here' } }])
  const pod = podObject({ spec: { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }] } })
  const answer = () => {
    const decision = decider.decide(snapshot, pod)
    return decision.outcome === 'node' ? decision.node : decision.failure.message
  }
  const claim = (volumeName?: string, phase = 'Pending') => {
    const metadata = { name: 'data', namespace: 'default', uid: 'c' }
    snapshot.volumes.setClaim({ metadata, spec: { volumeName }, status: { phase } } as never)
    snapshot.volumesChanged()
  }
  assert.equal(answer(), '0/2 nodes are available: persistentvolumeclaim "data" not found.')
  claim()
  assert.equal(answer(), '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.')
  claim('v', 'Bound')
  assert.equal(answer(), '0/2 nodes are available: persistentvolume "v" not found.')
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }] }
  snapshot.volumes.setVolume({ metadata: { name: 'v' }, spec: { nodeAffinity: { required } } } as never)
  snapshot.volumesChanged()
  assert.equal(answer(), 'b')
})

test('pods of a Service or a ReplicaSet are spread without being told', () => {
  const snapshot = snapshotOf([{ name: 'a' }, { name: 'b' }], [web('a')])
  const decider = new Decider(defaultPlugins, seededRandom(1))
  const scores = (pod: TestPod) =>
    Array.from({ length: 20 }, () => {
      const decision = decider.decide(snapshot, podObject(pod))
      return decision.outcome === 'node' ? decision.node : ''
    })
  const busy = { on: 'b', requests: { cpu: '100m', memory: '200Mi' } }
  snapshot.place(podObject(busy), 'b')
  assert.deepEqual(new Set(scores(web())), new Set(['a', 'b']), 'alike without a Service')
  snapshot.related.setService('default', 'web', { app: 'web' })
  assert.deepEqual(new Set(scores(web())), new Set(['b']))
  snapshot.related.setService('default', 'web', undefined)
  snapshot.related.setOwner('ReplicaSet', 'default', 'web-1', { matchLabels: { app: 'web' } })
  assert.deepEqual(
    new Set(scores(web(undefined, { owner: { kind: 'ReplicaSet', name: 'web-1' } }))),
    new Set(['b']),
  )
})

test('equally good nodes are chosen equally often, and a better one always', () => {
  const snapshot = snapshotOf(['a', 'b', 'c', 'd'].map((name) => ({ name })))
  const decider = new Decider(defaultPlugins, seededRandom(5))
  const counts: Record<string, number> = {}
  const choose = () => {
    const decision = decider.decide(snapshot, podObject())
    return decision.outcome === 'node' ? decision.node : ''
  }
  for (let i = 0; i < 4000; i++) {
    const node = choose()
    counts[node] = (counts[node] ?? 0) + 1
  }
  for (const node of ['a', 'b', 'c', 'd'])
    assert.ok(Math.abs(counts[node]! - 1000) < 150, JSON.stringify(counts))
  for (const node of ['a', 'b', 'd']) snapshot.place(podObject({ requests: { cpu: '1' } }), node)
  for (let i = 0; i < 50; i++) assert.equal(choose(), 'c')
})
