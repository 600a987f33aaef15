import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { apiVersionOf, decode, type Kind, type KubeObject } from '../schema/index.ts'
import { arbitraryOf } from '../schema/testing.ts'
import * as api from './index.ts'
import { servedKinds } from './kinds.ts'
import { strategyFor } from './strategies.ts'
import { tableColumns, tableRow } from './tables.ts'
import { created } from './validation.test-support.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

/** Runs an object through everything a strategy and a table do with it. */
function exercise(kind: Kind, decoded: KubeObject): void {
  const object = { ...decoded, metadata: { ...decoded.metadata, name: decoded.metadata.name || 'x' } }
  const strategy = strategyFor(kind)
  const defaulted = strategy.defaults(object)
  assert.equal(strategy.defaults(defaulted), defaulted, 'defaulting twice changes something')
  const born = strategy.prepareForCreate(defaulted)
  strategy.validate(born)
  strategy.warnings(born, undefined)
  const again = strategy.prepareForUpdate(born, born, '')
  assert.deepEqual(again, born, 'an update without a change changes something')
  for (const subresource of ['', ...Object.keys(kind.resource.subresources)]) {
    const updated = strategy.prepareForUpdate(defaulted, born, subresource)
    strategy.validateUpdate(updated, born, subresource)
  }
  for (const read of Object.values(strategy.selectableFields)) assert.equal(typeof read(born), 'string')
  strategy.gracePeriodSeconds(born, undefined)
  assert.ok(tableRow(kind, born, NOW).length >= tableColumns(kind).length)
}

for (const kind of servedKinds) {
  test(`no ${kind.name} makes its strategy or table fail`, () => {
    const anything = arbitraryOf(kind, { depth: 5 })
    fc.assert(
      fc.property(anything, (json) => exercise(kind, decode(kind, json).value as KubeObject)),
      { numRuns: 25 },
    )
  })
}

const VECTORS = new URL('../../../shared/api-facts/vectors/', import.meta.url)

test('objects with every field set pass through', {
  skip: existsSync(VECTORS) ? false : 'no API facts here',
}, () => {
  for (const kind of servedKinds) {
    const { group, version, kind: name } = kind.resource
    const file = new URL(`${group || 'core'}.${version}.${name}.json`, VECTORS)
    if (!existsSync(file)) continue
    exercise(kind, decode(kind, JSON.parse(readFileSync(file, 'utf8'))).value as KubeObject)
  }
})

const pod = (spec: object = {}) =>
  created(api.Pod, {
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  } as never)

test('a new pod is pending and knows its quality of service', () => {
  const quality = (resources: object) =>
    pod({ containers: [{ name: 'c', image: 'i', resources }] }).status.qosClass
  assert.equal(pod().status.phase, 'Pending')
  assert.equal(quality({}), 'BestEffort')
  assert.equal(quality({ requests: { cpu: '1' } }), 'Burstable')
  assert.equal(quality({ limits: { cpu: '1' } }), 'Burstable')
  assert.equal(quality({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed')
  assert.equal(
    quality({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }),
    'Guaranteed',
  )
  assert.equal(quality({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }), 'Burstable')
})

test('a pod is defaulted as Kubernetes does it', () => {
  const { spec } = pod({
    hostNetwork: true,
    serviceAccount: 'robot',
    containers: [
      {
        name: 'c',
        image: 'registry:5000/web',
        ports: [{ containerPort: 80 }],
        resources: { limits: { cpu: '1' } },
      },
    ],
    volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }],
  })
  assert.deepEqual(spec, {
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
    ],
    containers: [
      {
        name: 'c',
        image: 'registry:5000/web',
        ports: [{ containerPort: 80, protocol: 'TCP', hostPort: 80 }],
        resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'Always',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'robot',
    serviceAccount: 'robot',
    hostNetwork: true,
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  })
})

for (const [image, policy] of [
  ['web', 'Always'],
  ['web:latest', 'Always'],
  ['web:1', 'IfNotPresent'],
  ['host:5000/web', 'Always'],
  ['host:5000/web:1', 'IfNotPresent'],
  ['web@sha256:abc', 'IfNotPresent'],
] as const) {
  test(`the image ${image} is pulled ${policy}`, () => {
    assert.equal(pod({ containers: [{ name: 'c', image }] }).spec.containers[0]?.imagePullPolicy, policy)
  })
}

test('amounts finer than a thousandth are rounded up', () => {
  const limits = { cpu: '1500u', memory: '1Gi', 'example.com/a': '1n' }
  const { resources } = pod({ containers: [{ name: 'c', image: 'i', resources: { limits } }] }).spec
    .containers[0]!
  assert.deepEqual(resources.limits, { cpu: '2m', memory: '1Gi', 'example.com/a': '1m' })
})

test('a deployment is defaulted as Kubernetes does it', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const { spec, status, metadata } = created(api.Deployment, {
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  })
  assert.equal(metadata.generation, 1)
  assert.deepEqual(status, {})
  const { template: _, selector: __, ...rest } = spec
  assert.deepEqual(rest, {
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  })
})

test('the status of a new replica set counts zero replicas', () => {
  assert.deepEqual(created(api.ReplicaSet, { status: { replicas: 7 } }).status, { replicas: 0 })
})

test('a service is defaulted as Kubernetes does it', () => {
  assert.deepEqual(created(api.Service, { spec: { ports: [{ port: 80 }], selector: { a: 'b' } } }).spec, {
    ports: [{ protocol: 'TCP', port: 80, targetPort: 80 }],
    selector: { a: 'b' },
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ipFamilyPolicy: 'SingleStack',
    ipFamilies: ['IPv4'],
  })
})

test('a namespace gets its name as a label, a finalizer and a phase', () => {
  const namespace = created(api.Namespace, { metadata: { name: 'team' } })
  assert.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'team' })
  assert.deepEqual(namespace.spec, { finalizers: ['kubernetes'] })
  assert.deepEqual(namespace.status, { phase: 'Active' })
})

const ranges: [object, object][] = [
  [{ podCIDR: '10.1.0.0/24' }, { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] }],
  [
    { podCIDRs: ['10.1.0.0/24', 'fd::/64'] },
    { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd::/64'] },
  ],
  [{ podCIDRs: [''] }, { podCIDRs: [''] }],
  [{}, {}],
]
for (const [given, expected] of ranges) {
  test(`a node that says ${JSON.stringify(given)} of its pods' addresses says it in both forms`, () => {
    assert.deepEqual({ ...created(api.Node, { metadata: { name: 'n' }, spec: given }).spec }, expected)
  })
}

test('the texts of a secret become its data', () => {
  const secret = created(api.Secret, { data: { a: 'eA==', b: 'eA==' }, stringData: { b: 'ü' } })
  assert.deepEqual(secret.data, { a: 'eA==', b: 'w7w=' })
  assert.equal('stringData' in secret, false)
})

test('a job selects its pods by its uid', () => {
  const strategy = strategyFor(api.Job)
  const template = { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } }
  const json = { metadata: { name: 'j', uid: 'u1', namespace: 'default' }, spec: { template } }
  const job = strategy.prepareForCreate(strategy.defaults(decode(api.Job, json).value))
  assert.deepEqual(job.spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } })
  assert.deepEqual(strategy.validate(job), [])
})

test('generation counts changes of the specification and nothing else', () => {
  const strategy = strategyFor(api.Deployment)
  const old = { ...created(api.Deployment, { spec: { replicas: 1 } }), status: { replicas: 1 } }
  const labelled = { ...old, metadata: { ...old.metadata, labels: { a: 'b' }, generation: 9 } }
  assert.equal(strategy.prepareForUpdate(labelled, old, '').metadata.generation, 1)
  const scaled = { ...old, spec: { ...old.spec, replicas: 2 }, status: {} }
  const next = strategy.prepareForUpdate(scaled, old, '')
  assert.equal(next.metadata.generation, 2)
  assert.deepEqual(next.status, { replicas: 1 }, 'the main resource does not change the status')
  const reported = strategy.prepareForUpdate({ ...scaled, status: { replicas: 5 } }, old, 'status')
  assert.deepEqual(
    [reported.status, reported.spec.replicas, reported.metadata.generation],
    [{ replicas: 5 }, 1, 1],
  )
})

test('an update that leaves out what the server set keeps it', () => {
  const strategy = strategyFor(api.ConfigMap)
  const made = created(api.ConfigMap, { data: { a: '1' } })
  const old = { ...made, metadata: { ...made.metadata, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' } }
  const sent = {
    ...old,
    metadata: { name: 'x', namespace: 'default', uid: '', creationTimestamp: '', resourceVersion: '' },
  }
  const next = strategy.prepareForUpdate(sent, old, '')
  assert.deepEqual(strategy.validateUpdate(next, old, ''), [])
  assert.equal(next.metadata.uid, 'u')
})

for (const [name, change, requested, expected] of [
  ['that was never bound goes at once', {}, undefined, 0],
  ['that runs has its grace', { spec: { nodeName: 'n' } }, undefined, 30],
  ['that runs has the grace it is given', { spec: { nodeName: 'n' } }, 5, 5],
  ['that has ended goes at once', { spec: { nodeName: 'n' }, status: { phase: 'Succeeded' } }, 30, 0],
] as const) {
  test(`a pod ${name}`, () => {
    const made = pod('spec' in change ? change.spec : {})
    const object = 'status' in change ? { ...made, status: change.status } : made
    assert.equal(strategyFor(api.Pod).gracePeriodSeconds(object, requested), expected)
  })
}

test('pods are selected by the fields that clients know', () => {
  const fields = Object.keys(strategyFor(api.Pod).selectableFields)
  for (const name of [
    'metadata.name',
    'metadata.namespace',
    'spec.nodeName',
    'status.phase',
    'status.podIP',
  ]) {
    assert.ok(fields.includes(name), name)
  }
  assert.equal(apiVersionOf(api.Pod.resource), 'v1')
})
