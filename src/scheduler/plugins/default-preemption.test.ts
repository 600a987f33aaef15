import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PodDisruptionBudget } from '../../api/index.ts'
import { seededRandom } from '../../base/index.ts'
import { Decider } from '../decide.ts'
import { podObject, snapshotOf, type TestPod } from '../testing/objects.ts'
import type { SimulatedNode } from '../testing/simulated-nodes.ts'
import { defaultPlugins } from './index.ts'

const NODES: readonly SimulatedNode[] = [{ name: 'a' }, { name: 'b' }]
const on = (node: string, name: string, cpu: string, priority = 0, more: Partial<TestPod> = {}): TestPod => ({
  on: node,
  name,
  requests: { cpu },
  priority,
  startTime: '2026-01-01T00:00:00Z',
  ...more,
})
const important: TestPod = { name: 'important', requests: { cpu: '3' }, priority: 100 }
const budget = (allowed: number) =>
  ({
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed: allowed },
  }) as unknown as PodDisruptionBudget
const labels = { app: 'web' }

interface Case {
  readonly name: string
  readonly nodes?: readonly SimulatedNode[]
  readonly pods: readonly TestPod[]
  readonly pod?: TestPod
  readonly budget?: PodDisruptionBudget
  /** `node: victims` or the message. */
  readonly expect: string
}

const cases: readonly Case[] = [
  { name: 'the less important pods go', pods: [on('a', 'x', '4'), on('b', 'y', '4', 100)], expect: 'a: x' },
  {
    name: 'no more than needed',
    pods: [on('a', 'x', '1'), on('a', 'y', '1', 1), on('a', 'z', '2', 2), on('b', 'w', '4', 100)],
    expect: 'a: z,x',
  },
  {
    name: 'a node whose victims matter less',
    pods: [on('a', 'x', '4', 10), on('b', 'y', '4', 5)],
    expect: 'b: y',
  },
  {
    name: 'a node with fewer victims',
    pods: [on('a', 'x', '2'), on('a', 'y', '2'), on('b', 'z', '4')],
    expect: 'b: z',
  },
  {
    name: 'pods that have run for less time',
    pods: [on('a', 'x', '4'), on('b', 'y', '4', 0, { startTime: '2026-01-02T00:00:00Z' })],
    expect: 'b: y',
  },
  {
    name: 'a budget that would be broken is spared',
    pods: [on('a', 'x', '4', 0, { labels }), on('b', 'y', '4', 50)],
    budget: budget(0),
    expect: 'b: y',
  },
  {
    name: 'a budget that allows it is not',
    pods: [on('a', 'x', '4', 0, { labels }), on('b', 'y', '4', 50)],
    budget: budget(1),
    expect: 'a: x',
  },
  {
    name: 'nobody is less important',
    pods: [on('a', 'x', '4', 100), on('b', 'y', '4', 100)],
    expect: 'preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
  },
  {
    name: 'where it cannot run anyway nobody goes',
    nodes: [
      { name: 'a', unschedulable: true },
      { name: 'b', allocatable: { cpu: '2', memory: '1Gi', pods: '9' } },
    ],
    pods: [on('a', 'x', '4'), on('b', 'y', '2')],
    expect: 'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  },
  {
    name: 'less important pods are not enough',
    pods: [on('a', 'x', '2', 100), on('a', 'y', '2'), on('b', 'z', '4', 100)],
    expect:
      'preemption: 0/2 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod.',
  },
  {
    name: 'preemptionPolicy Never',
    pods: [on('a', 'x', '4'), on('b', 'y', '4')],
    pod: { ...important, spec: { preemptionPolicy: 'Never' } },
    expect: 'preemption: not eligible due to preemptionPolicy=Never.',
  },
  {
    name: 'a port is freed too',
    pods: [
      on('a', 'x', '1', 0, {
        spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1, hostPort: 80 }] }] },
      }),
      on('b', 'y', '4', 100),
    ],
    pod: {
      name: 'important',
      priority: 100,
      spec: {
        containers: [
          {
            name: 'c',
            image: 'i',
            ports: [{ containerPort: 1, hostPort: 80 }],
            resources: { requests: { cpu: '1' } },
          },
        ],
      },
    },
    expect: 'a: x',
  },
]

for (const { name, nodes = NODES, pods, pod = important, budget, expect } of cases) {
  test(`preemption: ${name}`, () => {
    const snapshot = snapshotOf(nodes, pods)
    if (budget) snapshot.budgets.set('default/web', budget)
    const decider = new Decider(defaultPlugins, seededRandom(3))
    const incoming = podObject(pod)
    const shape = snapshot.shapes.of(incoming)
    const decision = decider.decide(snapshot, incoming, shape)
    assert.equal(decision.outcome, 'none')
    if (decision.outcome !== 'none') return
    const before = [...snapshot.nodes.requested[0]!]
    const answer = decider.rescue(snapshot, incoming, shape, decision.failure)!
    const text =
      'message' in answer
        ? answer.message.replace(/^no new claims to deallocate, /, '')
        : `${answer.nominate}: ${answer.evict.map((v) => v.pod.metadata.name).join(',')}`
    assert.equal(text, expect)
    assert.deepEqual([...snapshot.nodes.requested[0]!], before, 'the snapshot is as it was')
    assert.deepEqual(decider.decide(snapshot, incoming, shape), decision)
  })
}

test('a pod leaves the room to a more important one that was promised it, and that one takes it', () => {
  const snapshot = snapshotOf([{ name: 'a' }])
  const decider = new Decider(defaultPlugins, seededRandom(3))
  const promised = podObject({ ...important, nominated: 'a' })
  snapshot.nominations.set(promised, snapshot.shapes.of(promised), 'a')
  const other = decider.decide(snapshot, podObject({ requests: { cpu: '2' } }))
  assert.equal(
    other.outcome === 'none' && other.failure.message,
    '0/1 nodes are available: 1 Insufficient cpu.',
  )
  assert.equal(decider.decide(snapshot, podObject({ requests: { cpu: '1' } })).outcome, 'node', 'beside it')
  assert.equal(decider.decide(snapshot, podObject({ requests: { cpu: '2' }, priority: 200 })).outcome, 'node')
  assert.equal(decider.decide(snapshot, promised).outcome, 'node')
})

test('when a pod that was promised room goes away, those that left it to it are tried with what is there', () => {
  const snapshot = snapshotOf([{ name: 'a' }])
  const decider = new Decider(defaultPlugins, seededRandom(3))
  const promised = podObject({ ...important, nominated: 'a' })
  snapshot.nominations.set(promised, snapshot.shapes.of(promised), 'a')
  const small = podObject({ requests: { cpu: '2' } })
  assert.equal(decider.decide(snapshot, small).outcome, 'none')
  assert.equal(decider.decide(snapshot, small).outcome, 'none')
  snapshot.nominations.delete(promised.metadata.uid)
  assert.equal(decider.decide(snapshot, small).outcome, 'node')
})

test('a search in vain is not repeated for pods alike until something changes', () => {
  const snapshot = snapshotOf(NODES, [on('a', 'x', '4', 100), on('a', 'low', '0', 1), on('b', 'y', '4', 100)])
  let searches = 0
  const plugins = defaultPlugins.map((p) =>
    p.name === 'DefaultPreemption'
      ? {
          ...p,
          postFilter: (...args: Parameters<NonNullable<typeof p.postFilter>>) => {
            searches++
            return p.postFilter!(...args)
          },
        }
      : p,
  )
  const decider = new Decider(plugins, seededRandom(3))
  const ask = () => {
    const pod = podObject({ ...important, name: `p${searches}` })
    const shape = snapshot.shapes.of(pod)
    const decision = decider.decide(snapshot, pod, shape)
    assert.ok(decision.outcome === 'none')
    decider.rescue(snapshot, pod, shape, decision.failure)
  }
  for (let i = 0; i < 5; i++) ask()
  assert.equal(searches, 1)
  snapshot.displace('default/low')
  ask()
  assert.equal(searches, 2)
})
