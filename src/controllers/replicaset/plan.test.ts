import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, Event, Pod, ReplicaSet } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import { harness, podsOf, setPod } from '../testing/harness.ts'
import { replicaSets } from './index.ts'
import { leastMissed } from './rank.ts'

const key = { namespace: 'default', name: 'web' }
const owned = {
  metadata: { ...key },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
}

async function running(spec: object = {}) {
  const h = await harness([replicaSets])
  const made = await h.api.create(ReplicaSet, { ...owned, spec: { ...owned.spec, ...spec } })
  await h.settle()
  const status = async () => (await h.api.get(ReplicaSet, key)).status
  return { ...h, made, status }
}

test('it makes as many pods as asked for, owned by it, with the labels of the template', async () => {
  const h = await running()
  const pods = await podsOf(h)
  assert.equal(pods.length, 3)
  for (const pod of pods) {
    assert.match(pod.metadata.name, /^web-[a-z0-9]{5}$/)
    assert.deepEqual(pod.metadata.labels, { app: 'web' })
    assert.deepEqual(pod.metadata.ownerReferences, [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'web',
        uid: h.made.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ])
  }
  assert.deepEqual(await h.status(), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    terminatingReplicas: 0,
    observedGeneration: 1,
  })
  const events = (await h.api.list(Event)).items
  assert.deepEqual(
    events.map((e) => e.reason),
    ['SuccessfulCreate', 'SuccessfulCreate', 'SuccessfulCreate'],
  )
  assert.match(events[0]!.message!, /^Created pod: web-/)
  await h.end()
})

test('a deleted or failed pod is replaced at once', async () => {
  const h = await running()
  const [first, second] = await podsOf(h)
  await h.api.delete(Pod, { namespace: 'default', name: first!.metadata.name })
  await setPod(h, second!, { phase: 'Failed' })
  await h.settle()
  const alive = (await podsOf(h)).filter((p) => p.status.phase !== 'Failed')
  assert.equal(alive.length, 3)
  await h.end()
})

test('a terminating pod no longer counts, and shows as terminating', async () => {
  const h = await running()
  const [first] = await podsOf(h)
  await setPod(h, first!, { nodeName: 'n', ready: true })
  await h.api.delete(Pod, { namespace: 'default', name: first!.metadata.name })
  await h.settle()
  assert.equal((await podsOf(h)).length, 4)
  assert.equal((await h.status()).terminatingReplicas, 1)
  assert.equal((await h.status()).replicas, 3)
  await h.end()
})

test('a pod is available only after minReadySeconds, without anybody touching it', async () => {
  const h = await running({ replicas: 1, minReadySeconds: 30 })
  const [pod] = await podsOf(h)
  await setPod(h, pod!, { ready: true })
  await h.settle()
  assert.deepEqual([(await h.status()).readyReplicas, (await h.status()).availableReplicas], [1, undefined])
  await h.settle(29_000)
  assert.equal((await h.status()).availableReplicas, undefined)
  await h.settle(2000)
  assert.equal((await h.status()).availableReplicas, 1)
  await h.end()
})

test('it takes in what it selects and nobody controls, and lets go what it no longer selects', async () => {
  const h = await harness([replicaSets])
  await h.api.create(Pod, {
    metadata: { namespace: 'default', name: 'stray', labels: { app: 'web' } },
    spec: { containers: [] },
  })
  await h.api.create(Pod, {
    metadata: { namespace: 'other', name: 'stray', labels: { app: 'web' } },
    spec: { containers: [] },
  })
  await h.api.create(ReplicaSet, owned)
  await h.settle()
  assert.equal((await podsOf(h)).length, 3)
  const stray = await h.api.get(Pod, { namespace: 'default', name: 'stray' })
  assert.equal(stray.metadata.ownerReferences?.[0]?.name, 'web')
  assert.equal((await podsOf(h, 'other'))[0]?.metadata.ownerReferences, undefined)
  await h.api.patch(
    Pod,
    { namespace: 'default', name: 'stray' },
    { type: 'merge', body: { metadata: { labels: { app: 'debug' } } } },
  )
  await h.settle()
  assert.equal(
    (await h.api.get(Pod, { namespace: 'default', name: 'stray' })).metadata.ownerReferences,
    undefined,
  )
  assert.equal((await podsOf(h)).length, 4)
  await h.end()
})

test('pods that cannot be created show as ReplicaFailure until they can', async () => {
  const h = await harness([replicaSets])
  h.api.fault = ({ verb, kind }) => {
    if (verb === 'create' && kind === 'Pod') throw new ApiError('Forbidden', 'exceeded quota: q')
  }
  await h.api.create(ReplicaSet, owned)
  await h.settle(100)
  const failed = (await h.api.get(ReplicaSet, key)).status.conditions
  assert.equal(failed?.length, 1)
  assert.deepEqual(
    [failed[0]?.type, failed[0]?.status, failed[0]?.reason, failed[0]?.message],
    ['ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota: q'],
  )
  await h.settle(10_000)
  assert.deepEqual(
    (await h.api.get(ReplicaSet, key)).status.conditions,
    failed,
    'further failures write nothing',
  )
  h.api.fault = undefined
  await h.settle(60_000)
  assert.equal((await podsOf(h)).length, 3)
  assert.equal((await h.api.get(ReplicaSet, key)).status.conditions, undefined)
  await h.end()
})

test('more pods than a burst are made in several passes, exactly as many as asked for', async () => {
  const h = await running({ replicas: 1203 })
  await h.settle(100)
  assert.equal((await podsOf(h)).length, 1203)
  await h.api.patch(ReplicaSet, key, { type: 'merge', body: { spec: { replicas: 5 } } })
  await h.settle(100)
  assert.equal((await podsOf(h)).length, 5)
  await h.end()
})

test('one that is being deleted makes and deletes nothing', async () => {
  const h = await running()
  await h.api.delete(ReplicaSet, key, { propagationPolicy: 'Foreground' })
  const [first] = await podsOf(h)
  await h.api.delete(Pod, { namespace: 'default', name: first!.metadata.name })
  await h.settle()
  assert.equal((await podsOf(h)).length, 2)
  await h.end()
})

test('a pod that appears later and fits is taken in, and one too many is deleted', async () => {
  const h = await running()
  const metadata = { namespace: 'default', name: 'stray', labels: { app: 'web' } }
  await h.api.create(Pod, { metadata, spec: { containers: [] } })
  await h.settle()
  const pods = await podsOf(h)
  assert.equal(pods.length, 3)
  assert.ok(pods.every((p) => p.metadata.ownerReferences?.[0]?.uid === h.made.metadata.uid))
  await h.end()
})

test('a pod on its way out is not taken in', async () => {
  const h = await harness([replicaSets])
  const metadata = {
    namespace: 'default',
    name: 'stray',
    labels: { app: 'web' },
    finalizers: ['example.com/hold'],
  }
  await h.api.create(Pod, { metadata, spec: { containers: [] } })
  await h.api.delete(Pod, metadata)
  await h.api.create(ReplicaSet, owned)
  await h.settle()
  assert.equal((await podsOf(h)).length, 4)
  assert.equal((await h.api.get(Pod, metadata)).metadata.ownerReferences, undefined)
  await h.end()
})

// --- which pods go first ---

const now = Date.UTC(2026, 0, 2)
let serial = 0
function pod(
  name: string,
  o: {
    node?: string
    phase?: string
    readyAgoMs?: number
    cost?: string
    restarts?: number
    ageMs?: number
  } = {},
): Pod {
  const { node = 'n', phase = 'Running', readyAgoMs, cost, restarts = 0, ageMs = 3_600_000 } = o
  return {
    metadata: {
      name,
      uid: String(serial++),
      creationTimestamp: timestamp(now - ageMs),
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], ...(node ? { nodeName: node } : {}) },
    status: {
      phase,
      containerStatuses: [{ restartCount: restarts }],
      conditions:
        readyAgoMs === undefined
          ? []
          : [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp(now - readyAgoMs) }],
    },
  } as unknown as Pod
}
const ready = { readyAgoMs: 3_600_000 }

for (const [rule, first, second] of [
  ['without a node before with', pod('a', { node: '', phase: 'Pending' }), pod('b', { phase: 'Pending' })],
  ['pending before running', pod('a', { phase: 'Pending' }), pod('b')],
  ['not ready before ready', pod('a'), pod('b', ready)],
  ['cheap before dear', pod('a', { ...ready, cost: '-5' }), pod('b', ready)],
  ['ready for a short time before long', pod('a', { readyAgoMs: 1000 }), pod('b', ready)],
  ['restarted often before seldom', pod('a', { ...ready, restarts: 4 }), pod('b', ready)],
  ['young before old', pod('a', { ...ready, ageMs: 1000 }), pod('b', ready)],
  ['of the same magnitude by uid', pod('a', { readyAgoMs: 3_500_000 }), pod('b', { readyAgoMs: 3_400_000 })],
] as const) {
  test(`of two pods the first to go is the one ${rule}`, () => {
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      assert.equal(leastMissed(order, order, 1, now)[0]?.metadata.name, 'a')
    }
  })
}

test('the node with the most siblings loses a pod first', () => {
  const pods = [pod('x', { ...ready, node: 'm' }), pod('a', ready), pod('b', ready)]
  assert.notEqual(leastMissed(pods, pods, 1, now)[0]?.metadata.name, 'x')
})
