import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, ClusterRole, ConfigMap, Deployment, Event, Pod, ReplicaSet } from '../../api/index.ts'
import { lagging } from '../../client/testing/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { type Harness, harness } from '../testing/harness.ts'
import { garbageCollector } from './index.ts'

const start = () => harness([garbageCollector()])

function owner(object: KubeObject, options: { block?: boolean; uid?: string } = {}) {
  const { apiVersion, kind, metadata } = object
  const { block = true, uid = metadata.uid } = options
  return { apiVersion, kind, name: metadata.name, uid, controller: true, blockOwnerDeletion: block }
}

async function make<T extends KubeObject>(
  h: Harness,
  kind: Kind<T>,
  name: string,
  ownerReferences: object[] = [],
  more: object = {},
) {
  const metadata = {
    namespace: 'd',
    name,
    ...(ownerReferences.length > 0 ? { ownerReferences } : {}),
    ...more,
  }
  return h.api.create(kind, { metadata } as never)
}

/** A Deployment that owns a ReplicaSet that owns three pods. */
async function family(h: Harness) {
  const top = await make(h, Deployment, 'top')
  const middle = await make(h, ReplicaSet, 'middle', [owner(top)])
  for (const name of ['a', 'b', 'c']) await make(h, Pod, name, [owner(middle)])
  await h.settle()
  return { top, middle }
}

async function left(h: Harness) {
  const all = await Promise.all(
    [Deployment, ReplicaSet, Pod, ConfigMap].map((k) => h.api.list(k as typeof Pod)),
  )
  return all.flatMap((l) => l.items.map((o) => o.metadata.name)).sort()
}

test('in the background, the owner goes at once and all below it follow', async () => {
  const h = await start()
  await family(h)
  await h.api.delete(Deployment, { namespace: 'd', name: 'top' }, { propagationPolicy: 'Background' })
  await h.settle()
  assert.deepEqual(await left(h), [])
  await h.end()
})

test('in the foreground, the owner goes last', async () => {
  const h = await start()
  const { top } = await family(h)
  const stays = await make(h, Pod, 'held', [owner(top)], { finalizers: ['example.com/hold'] })
  await h.settle()
  const order: string[] = []
  h.api.fault = async ({ verb, kind }) => {
    if (verb === 'delete' || (verb === 'patch' && kind !== 'Event')) order.push(`${verb} ${kind}`)
  }
  await h.api.delete(Deployment, { namespace: 'd', name: 'top' }, { propagationPolicy: 'Foreground' })
  await h.settle()
  assert.deepEqual(await left(h), ['held', 'top'])
  assert.deepEqual(
    h.waits().map((w) => w.waits),
    [['the end of Pod held']],
  )
  await h.api.patch(Pod, stays.metadata, { type: 'merge', body: { metadata: { finalizers: null } } })
  await h.settle()
  assert.deepEqual(await left(h), [])
  assert.equal(order.indexOf('delete Deployment'), 0)
  assert.ok(order.lastIndexOf('delete Pod') < order.indexOf('patch ReplicaSet'), order.join())
  await h.end()
})

test('orphaned, what is below stays and forgets its owner', async () => {
  const h = await start()
  await family(h)
  await h.api.delete(Deployment, { namespace: 'd', name: 'top' }, { propagationPolicy: 'Orphan' })
  await h.settle()
  assert.deepEqual(await left(h), ['a', 'b', 'c', 'middle'])
  const middle = await h.api.get(ReplicaSet, { namespace: 'd', name: 'middle' })
  assert.equal(middle.metadata.ownerReferences, undefined)
  await h.end()
})

test('an object with another owner that lives only loses the reference', async () => {
  const h = await start()
  const one = await make(h, ConfigMap, 'one')
  const two = await make(h, ConfigMap, 'two')
  await make(h, Pod, 'p', [owner(one), { ...owner(two), controller: false }])
  await h.api.delete(ConfigMap, one.metadata)
  await h.settle()
  const pod = await h.api.get(Pod, { namespace: 'd', name: 'p' })
  assert.deepEqual(
    pod.metadata.ownerReferences?.map((r) => r.name),
    ['two'],
  )
  await h.end()
})

test('an owner that never existed, or that is another life of the name, counts as gone', async () => {
  const h = await start()
  const real = await make(h, ConfigMap, 'real')
  await make(h, Pod, 'p', [owner(real, { uid: '11111111-1111-4111-8111-111111111111' })])
  await make(h, Pod, 'q', [{ ...owner(real), name: 'never', uid: '21111111-1111-4111-8111-111111111111' }])
  await h.settle()
  assert.deepEqual(await left(h), ['real'])
  await h.end()
})

test('an owner in another namespace is no owner', async () => {
  const h = await start()
  const far = await h.api.create(ConfigMap, { metadata: { namespace: 'far', name: 'x' } })
  await make(h, Pod, 'p', [owner(far)])
  await h.settle()
  assert.deepEqual(await left(h), ['x'])
  await h.end()
})

test('an owner that the cache does not show yet is asked for, and its dependents stay', async () => {
  const h = await harness([garbageCollector()], undefined, (api, clock) =>
    lagging(api, clock, 60_000, ConfigMap),
  )
  const young = await make(h, ConfigMap, 'young')
  await make(h, Pod, 'p', [owner(young)])
  await h.settle(1000)
  assert.deepEqual(await left(h), ['p', 'young'])
  await h.end()
})

test('while the server cannot tell whether the owner exists, nothing is deleted', async () => {
  const h = await start()
  h.api.fault = ({ verb }) => {
    if (verb === 'get') throw new ApiError('ServiceUnavailable', 'away')
  }
  const reference = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'x',
    uid: '31111111-1111-4111-8111-111111111111',
  }
  await make(h, Pod, 'p', [reference])
  await h.settle(10_000)
  assert.deepEqual(await left(h), ['p'])
  h.api.fault = undefined
  await h.settle(120_000)
  assert.deepEqual(await left(h), [])
  await h.end()
})

test('an owner of a kind nobody knows is left to those who do', async () => {
  const h = await start()
  await make(h, Pod, 'p', [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: 'u' }])
  await h.settle(10_000)
  assert.deepEqual(await left(h), ['p'])
  await h.end()
})

test('a namespaced owner of something cluster-scoped is refused with a warning', async () => {
  const h = await start()
  const map = await make(h, ConfigMap, 'map')
  await h.api.create(ClusterRole, { metadata: { name: 'role', ownerReferences: [owner(map)] } })
  await h.settle()
  await h.api.delete(ConfigMap, map.metadata)
  await h.settle()
  await h.api.get(ClusterRole, { name: 'role' })
  assert.ok((await h.api.list(Event)).items.some((e) => e.reason === 'OwnerRefInvalidNamespace'))
  await h.end()
})

test('a circle of owners is deleted in the foreground without a deadlock', async () => {
  const h = await start()
  const one = await make(h, ConfigMap, 'one')
  const two = await make(h, ConfigMap, 'two', [owner(one)])
  await h.api.patch(ConfigMap, one.metadata, {
    type: 'merge',
    body: { metadata: { ownerReferences: [owner(two)] } },
  })
  await h.settle()
  await h.api.delete(ConfigMap, one.metadata, { propagationPolicy: 'Foreground' })
  await h.settle(1000)
  assert.deepEqual(await left(h), [])
  await h.end()
})
