import type { Affinity } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import type { TestPod } from '../testing/objects.ts'
import type { SimulatedNode } from '../testing/simulated-nodes.ts'
import { affinity, gpu, spec, table } from '../testing/table.ts'

const ZONES: readonly SimulatedNode[] = ['a1', 'a2', 'b1'].map((name) => ({
  name,
  labels: { zone: name[0]! },
}))
const spread = (more = {}, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway' = 'DoNotSchedule') =>
  spec({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable,
        labelSelector: { matchLabels: { app: 'web' } },
        ...more,
      },
    ],
  })
const web = (on?: string, more: Partial<TestPod> = {}): TestPod => ({
  labels: { app: 'web' },
  ...(on ? { on } : {}),
  ...more,
})
const UNEVEN = "node(s) didn't match pod topology spread constraints"

table('PodTopologySpread', [
  {
    name: 'the zone with fewer',
    nodes: ZONES,
    pods: [web('a1')],
    pod: web(undefined, { spec: spread() }),
    expect: 'b1',
  },
  {
    name: 'pods that are being deleted do not count',
    nodes: ZONES,
    pods: [web('a1'), web('b1', { terminating: true })],
    pod: web(undefined, { spec: spread() }),
    expect: 'b1',
  },
  {
    name: 'pods of other namespaces do not count',
    nodes: ZONES,
    pods: [web('a1'), web('b1', { namespace: 'x' })],
    pod: web(undefined, { spec: spread() }),
    expect: 'b1',
  },
  {
    name: 'nodes without the label are no choice',
    nodes: [{ name: 'x' }, { name: 'y' }],
    pod: web(undefined, { spec: spread() }),
    expect: `0/2 nodes are available: 2 ${UNEVEN} (missing required label).`,
  },
  {
    name: 'too few domains count as one that is empty',
    nodes: [{ name: 'a1', labels: { zone: 'a' } }],
    pods: [web('a1')],
    pod: web(undefined, { spec: spread({ minDomains: 2 }) }),
    expect: `0/1 nodes are available: 1 ${UNEVEN}.`,
  },
  {
    name: 'a zone the pod may not enter does not hold it back',
    nodes: [...ZONES, { name: 'c1', labels: { zone: 'c' } }],
    pods: [web('a1'), web('b1')],
    pod: web(undefined, { spec: { ...spread(), ...affinity('zone', 'In', ['a']) } }),
    expect: 'a2',
  },
  {
    name: 'nodeAffinityPolicy Ignore: it does',
    nodes: [...ZONES, { name: 'c1', labels: { zone: 'c' } }],
    pods: [web('a1'), web('b1')],
    pod: web(undefined, {
      spec: { ...spread({ nodeAffinityPolicy: 'Ignore' }), ...affinity('zone', 'In', ['a']) },
    }),
    expect: `0/4 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 2 ${UNEVEN}.`,
  },
  {
    name: 'a tainted zone holds it back',
    nodes: [
      { name: 'a1', labels: { zone: 'a' } },
      { name: 'c1', labels: { zone: 'c' }, taints: [gpu] },
    ],
    pods: [web('a1')],
    pod: web(undefined, { spec: spread() }),
    expect: `0/2 nodes are available: 1 ${UNEVEN}, 1 node(s) had untolerated taint(s).`,
  },
  {
    name: 'nodeTaintsPolicy Honor: it does not',
    nodes: [
      { name: 'a1', labels: { zone: 'a' } },
      { name: 'c1', labels: { zone: 'c' }, taints: [gpu] },
    ],
    pods: [web('a1')],
    pod: web(undefined, { spec: spread({ nodeTaintsPolicy: 'Honor' }) }),
    expect: 'a1',
  },
  {
    name: 'matchLabelKeys: only pods of the same revision count',
    nodes: ZONES,
    pods: [web('b1', { labels: { app: 'web', rev: '1' } }), web('a1', { labels: { app: 'web', rev: '2' } })],
    pod: web(undefined, { labels: { app: 'web', rev: '2' }, spec: spread({ matchLabelKeys: ['rev'] }) }),
    expect: 'b1',
  },
  {
    name: 'soft constraints weigh',
    nodes: ZONES,
    pods: [web('a1'), web('a2')],
    pod: web(undefined, { spec: spread({}, 'ScheduleAnyway') }),
    expect: 'b1',
  },
])

const term = (topologyKey: string, more = {}) => ({
  topologyKey,
  labelSelector: { matchLabels: { app: 'web' } },
  ...more,
})
const near = (...terms: object[]) =>
  ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } }) as Input<Affinity>
const far = (...terms: object[]) =>
  ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } }) as Input<Affinity>
const prefer = (kind: 'podAffinity' | 'podAntiAffinity', t: object) =>
  ({
    [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: t }] },
  }) as Input<Affinity>
const TEAMS = { default: {}, blue: { team: 'blue' }, red: { team: 'red' } }

table('InterPodAffinity', [
  {
    name: 'near what it wants',
    nodes: ZONES,
    pods: [web('b1')],
    pod: { spec: spec({ affinity: near(term('zone')) }) },
    expect: 'b1',
  },
  {
    name: 'nothing to be near to',
    nodes: ZONES,
    pod: { spec: spec({ affinity: near(term('zone')) }) },
    expect: "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
  },
  {
    name: 'the first of a group that wants to be together',
    nodes: [ZONES[2]!],
    pod: web(undefined, { spec: spec({ affinity: near(term('zone')) }) }),
    expect: 'b1',
  },
  {
    name: 'not where the label is missing',
    nodes: [{ name: 'x' }],
    pod: web(undefined, { spec: spec({ affinity: near(term('zone')) }) }),
    expect: "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
  },
  {
    name: 'far from what it avoids',
    nodes: ZONES,
    pods: [web('a1')],
    pod: { spec: spec({ affinity: far(term('zone')) }) },
    expect: 'b1',
  },
  {
    name: 'nowhere left',
    nodes: ZONES,
    pods: [web('a1'), web('b1')],
    pod: { spec: spec({ affinity: far(term('zone')) }) },
    expect: "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
  },
  {
    name: 'pods on nodes are asked too',
    nodes: ZONES,
    pods: [{ on: 'a1', spec: spec({ affinity: far(term('zone')) }) }],
    pod: web(),
    expect: 'b1',
  },
  {
    name: 'and may leave no node',
    nodes: ZONES,
    pods: [
      { on: 'a1', spec: spec({ affinity: far(term('zone')) }) },
      { on: 'b1', spec: spec({ affinity: far(term('zone')) }) },
    ],
    pod: web(),
    expect: "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
  {
    name: 'its own namespace only',
    nodes: ZONES,
    pods: [web('a1', { namespace: 'blue' }), web('b1')],
    pod: { spec: spec({ affinity: near(term('zone')) }) },
    expect: 'b1',
  },
  {
    name: 'named namespaces',
    nodes: ZONES,
    pods: [web('a1'), web('b1', { namespace: 'blue' })],
    pod: { spec: spec({ affinity: near(term('zone', { namespaces: ['blue'] })) }) },
    expect: 'b1',
  },
  {
    name: 'namespaces by their labels',
    nodes: ZONES,
    namespaces: TEAMS,
    pods: [web('a1', { namespace: 'red' }), web('b1', { namespace: 'blue' })],
    pod: {
      spec: spec({ affinity: near(term('zone', { namespaceSelector: { matchLabels: { team: 'blue' } } })) }),
    },
    expect: 'b1',
  },
  {
    name: 'an empty namespaceSelector means all',
    nodes: ZONES,
    namespaces: TEAMS,
    pods: [web('a1', { namespace: 'red' })],
    pod: { spec: spec({ affinity: far(term('zone', { namespaceSelector: {} })) }) },
    expect: 'b1',
  },
  {
    name: 'matchLabelKeys',
    nodes: ZONES,
    pods: [web('a1', { labels: { app: 'web', rev: '1' } }), web('b1', { labels: { app: 'web', rev: '2' } })],
    pod: { labels: { rev: '2' }, spec: spec({ affinity: near(term('zone', { matchLabelKeys: ['rev'] })) }) },
    expect: 'b1',
  },
  {
    name: 'mismatchLabelKeys',
    nodes: ZONES,
    pods: [web('a1', { labels: { app: 'web', rev: '1' } }), web('b1', { labels: { app: 'web', rev: '2' } })],
    pod: {
      labels: { rev: '1' },
      spec: spec({ affinity: near(term('zone', { mismatchLabelKeys: ['rev'] })) }),
    },
    expect: 'b1',
  },
  {
    name: 'preferences attract',
    nodes: ZONES,
    pods: [web('b1', { requests: { cpu: '1' } })],
    pod: { spec: spec({ affinity: prefer('podAffinity', term('zone')) }) },
    expect: 'b1',
  },
  {
    name: 'preferences repel',
    nodes: ZONES,
    pods: [web('a1')],
    pod: { spec: spec({ affinity: prefer('podAntiAffinity', term('zone')) }) },
    expect: 'b1',
  },
  {
    name: 'pods on nodes attract',
    nodes: ZONES,
    pods: [
      { on: 'b1', requests: { cpu: '1' }, spec: spec({ affinity: prefer('podAffinity', term('zone')) }) },
    ],
    pod: web(),
    expect: 'b1',
  },
])
