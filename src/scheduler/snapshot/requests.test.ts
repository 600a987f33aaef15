import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/index.ts'
import { podRequests, scoredRequests } from './requests.ts'
import { Shapes } from './shape.ts'

const asking = (name: string, cpu: string, more: object = {}) => ({
  name,
  image: 'i',
  resources: { requests: { cpu } },
  ...more,
})
const sidecar = (name: string, cpu: string) => asking(name, cpu, { restartPolicy: 'Always' })
const has = (name: string, allocated: string, actual = allocated) => ({
  name,
  allocatedResources: { cpu: allocated },
  resources: { requests: { cpu: actual } },
})
const infeasible = { type: 'PodResizePending', status: 'True', reason: 'Infeasible' }
const deferred = { ...infeasible, reason: 'Deferred' }

const pod = (spec: object, status: object = {}) =>
  ({ metadata: { namespace: 'n', name: 'p' }, spec, status }) as unknown as Pod

const cases: readonly [what: string, spec: object, status: object, milliCpu: number][] = [
  ['containers add up', { containers: [asking('a', '1'), asking('b', '250m')] }, {}, 1250],
  [
    'an init container counts where it needs more than all that run later',
    { containers: [asking('a', '1')], initContainers: [asking('i', '3'), asking('j', '2')] },
    {},
    3000,
  ],
  [
    'a sidecar runs beside the containers, and beside the init containers after it',
    { containers: [asking('a', '1')], initContainers: [sidecar('s', '1'), asking('i', '2')] },
    {},
    3000,
  ],
  [
    'not beside the init containers before it',
    { containers: [asking('a', '1')], initContainers: [asking('i', '2'), sidecar('s', '1')] },
    {},
    2000,
  ],
  [
    'sidecars that start one after the other',
    { containers: [], initContainers: [sidecar('s', '1'), asking('i', '2'), sidecar('t', '3')] },
    {},
    4000,
  ],
  ['overhead comes on top', { containers: [asking('a', '1')], overhead: { cpu: '100m' } }, {}, 1100],
  [
    'what the whole pod asks for takes the place of the sum',
    { containers: [asking('a', '1')], resources: { requests: { cpu: '5' } }, overhead: { cpu: '1' } },
    {},
    6000,
  ],
  [
    'while it shrinks, what it still has',
    { nodeName: 'x', containers: [asking('a', '1')] },
    { containerStatuses: [has('a', '1', '2')] },
    2000,
  ],
  [
    'also in a sidecar, and in a container with a restart policy of its own',
    { nodeName: 'x', containers: [sidecar('a', '1')], initContainers: [sidecar('s', '1')] },
    { containerStatuses: [has('a', '2')], initContainerStatuses: [has('s', '3')] },
    5000,
  ],
  [
    'while it grows, what it asks for, also when it has to wait',
    { nodeName: 'x', containers: [asking('a', '4')] },
    { containerStatuses: [has('a', '1')], conditions: [deferred] },
    4000,
  ],
  [
    'what its node can never give does not count',
    { nodeName: 'x', containers: [asking('a', '400'), asking('b', '1')] },
    { containerStatuses: [has('a', '2', '1'), has('b', '1')], conditions: [infeasible] },
    3000,
  ],
]

for (const [what, spec, status, milliCpu] of cases) {
  test(what, () => assert.equal(podRequests(pod(spec, status)).get('cpu'), milliCpu))
}

test('a pod that asks for nothing counts with a little in scores', () => {
  const idle = pod({ containers: [{ name: 'a', image: 'i' }] })
  assert.equal(podRequests(idle).get('cpu'), undefined)
  assert.deepEqual(
    [scoredRequests(idle).get('cpu'), scoredRequests(idle).get('memory')],
    [100, 200 * 1024 * 1024],
  )
})

test('a pod whose resize turns out to be impossible has another shape', () => {
  const spec = { nodeName: 'x', containers: [asking('a', '400')] }
  const containerStatuses = [has('a', '1')]
  const shapes = new Shapes()
  const before = shapes.of(pod(spec, { containerStatuses }), true)
  const after = shapes.of(pod(spec, { containerStatuses, conditions: [infeasible] }), true)
  assert.deepEqual([before.requests.get('cpu'), after.requests.get('cpu')], [400_000, 1000])
})
