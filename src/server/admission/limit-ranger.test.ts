import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitRange, PersistentVolumeClaim, Pod } from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { FakeObjects } from '../auth/fake-objects.test-support.ts'
import type { AdmissionRequest } from '../contracts.ts'
import { limitRanger } from './limit-ranger.ts'

function pluginWith(...limits: object[]) {
  const objects = new FakeObjects()
  objects.put(LimitRange, { metadata: { namespace: 'shop', name: 'limits' }, spec: { limits } })
  objects.put(LimitRange, {
    metadata: { namespace: 'other', name: 'limits' },
    spec: { limits: [{ type: 'Pod', max: { cpu: '1n' } }] },
  })
  return limitRanger(objects)
}

const warnings: string[] = []

function creation(kind: Kind, object: object): AdmissionRequest {
  const user = { username: 'ann', groups: [] }
  const warn = (text: string) => void warnings.push(text)
  return {
    operation: 'CREATE',
    kind,
    subresource: '',
    namespace: 'shop',
    name: 'web',
    object: object as KubeObject,
    old: undefined,
    user,
    dryRun: false,
    warn,
  }
}

const container = (name: string, requests?: object, limits?: object, more: object = {}) => ({
  name,
  ...(requests || limits
    ? { resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) } }
    : {}),
  ...more,
})
const podOf = (containers: object[], initContainers?: object[]) =>
  ({
    metadata: { namespace: 'shop', name: 'web' },
    spec: { containers, ...(initContainers ? { initContainers } : {}) },
  }) as unknown as Pod

test('containers that say nothing get the defaults, and the pod a note', () => {
  const plugin = pluginWith({
    type: 'Container',
    default: { cpu: '500m', memory: '1Gi' },
    defaultRequest: { cpu: '100m' },
  })
  const pod = podOf(
    [container('a'), container('b', { cpu: '1' }, { cpu: '2', memory: '2Gi' })],
    [container('i', { cpu: '1', memory: '1Mi' })],
  )
  const admitted = plugin.admit!(creation(Pod, pod)) as Pod
  assert.deepEqual(admitted.spec.containers[0]?.resources, {
    limits: { cpu: '500m', memory: '1Gi' },
    requests: { cpu: '100m', memory: '1Gi' },
  })
  assert.deepEqual(admitted.spec.containers[1]?.resources, {
    limits: { cpu: '2', memory: '2Gi' },
    requests: { cpu: '1', memory: '1Gi' },
  })
  assert.equal(
    admitted.metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; memory request for container b; cpu, memory limit for init container i',
  )
  assert.equal(plugin.admit!(creation(Pod, admitted)), admitted)
})

test('a pod that runs may not be given more than a new one', () => {
  const plugin = pluginWith({ type: 'Container', max: { cpu: '1' } })
  const pod = podOf([container('a', { cpu: '2' }, { cpu: '2' })])
  const asked = (subresource: string) =>
    ({ ...creation(Pod, pod), operation: 'UPDATE', subresource, old: pod }) as AdmissionRequest
  assert.throws(
    () => plugin.validate!(asked('resize')),
    /maximum cpu usage per Container is 1, but limit is 2/,
  )
  // What it has had before the rule was made stays.
  plugin.validate!(asked('status'))
  plugin.validate!(asked(''))
})

test('a maximum is the default too, and a minimum the default request', () => {
  const plugin = pluginWith({ type: 'Container', min: { cpu: '50m' }, max: { memory: '1Gi' } })
  const admitted = plugin.admit!(creation(Pod, podOf([container('a')]))) as Pod
  assert.deepEqual(admitted.spec.containers[0]?.resources, {
    limits: { memory: '1Gi' },
    requests: { cpu: '50m', memory: '1Gi' },
  })
})

test('what is out of bounds', () => {
  const full = (cpu: string) => container('a', { cpu }, { cpu })
  const sidecar = { restartPolicy: 'Always' }
  const cases: [object, Pod, string | undefined][] = [
    [{ type: 'Container', max: { cpu: '1' } }, podOf([full('1')]), undefined],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf([full('1001m')]),
      'maximum cpu usage per Container is 1, but limit is 1001m',
    ],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf([container('a', { cpu: '1001m' }, { cpu: '1' })]),
      'maximum cpu usage per Container is 1, but request is 1001m',
    ],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf([container('a')]),
      'maximum cpu usage per Container is 1.  No limit is specified',
    ],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf([full('1')], [full('2')]),
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    [
      { type: 'Container', min: { memory: '10Mi' } },
      podOf([container('a', { memory: '1e6' })]),
      'minimum memory usage per Container is 10Mi, but request is 1e6',
    ],
    [
      { type: 'Container', min: { memory: '10Mi' } },
      podOf([container('a')]),
      'minimum memory usage per Container is 10Mi.  No request is specified',
    ],
    [
      { type: 'Container', min: { cpu: '1' }, max: { cpu: '2' } },
      podOf([full('3'), full('500m')]),
      '[maximum cpu usage per Container is 2, but limit is 3, minimum cpu usage per Container is 1, but request is 500m]',
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      podOf([container('a', { cpu: '1' }, { cpu: '2' })]),
      undefined,
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      podOf([container('a', { cpu: '1' }, { cpu: '2500m' })]),
      'cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000',
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      podOf([container('a')]),
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [{ type: 'Pod', max: { cpu: '1' } }, podOf([full('600m'), full('400m')]), undefined],
    [
      { type: 'Pod', max: { cpu: '1' } },
      podOf([full('600m'), full('500m')]),
      'maximum cpu usage per Pod is 1, but limit is 1100m',
    ],
    [{ type: 'Pod', max: { cpu: '1' } }, podOf([full('600m')], [full('1')]), undefined],
    [
      { type: 'Pod', max: { cpu: '1' } },
      podOf([full('600m')], [container('s', { cpu: '500m' }, { cpu: '500m' }, sidecar)]),
      'maximum cpu usage per Pod is 1, but limit is 1100m',
    ],
    [
      { type: 'Pod', max: { cpu: '1' } },
      podOf([full('100m')], [container('s', { cpu: '500m' }, { cpu: '500m' }, sidecar), full('600m')]),
      'maximum cpu usage per Pod is 1, but limit is 1100m',
    ],
  ]
  for (const [limit, pod, expected] of cases) {
    const run = () => pluginWith(limit).validate!(creation(Pod, pod))
    if (expected === undefined) run()
    else
      assert.throws(
        run,
        { message: `pods "web" is forbidden: ${expected}` },
        JSON.stringify([limit, pod.spec]),
      )
  }
})

test('claims have bounds too', () => {
  const plugin = pluginWith({
    type: 'PersistentVolumeClaim',
    min: { storage: '1Gi' },
    max: { storage: '5Gi' },
  })
  const claim = (storage: string) =>
    creation(PersistentVolumeClaim, {
      metadata: { name: 'web' },
      spec: { resources: { requests: { storage } } },
    })
  plugin.validate!(claim('2Gi'))
  assert.throws(
    () => plugin.validate!(claim('6Gi')),
    /maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi/,
  )
  assert.throws(
    () => plugin.validate!(claim('1Mi')),
    /minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi/,
  )
})
