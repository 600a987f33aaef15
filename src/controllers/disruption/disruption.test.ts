import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment, Event, Pod, PodDisruptionBudget } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import type { Input } from '../../schema/index.ts'
import { deployments } from '../deployment/index.ts'
import { replicaSets } from '../replicaset/index.ts'
import { deployment, type Harness, harness, podsOf, setPod } from '../testing/harness.ts'
import { disruptionBudgets, sparedPods } from './index.ts'

const key = { namespace: 'default', name: 'guard' }
type Spec = Input<PodDisruptionBudget['spec']>

/** Five pods of a Deployment, the first `ready` of them ready, guarded by a budget. */
async function guarded(spec: Spec, ready = 5) {
  const h = await harness([deployments, replicaSets, disruptionBudgets, sparedPods])
  await h.api.create(Deployment, deployment('web', { replicas: 5 }))
  await h.settle()
  for (const pod of (await podsOf(h)).slice(0, ready)) await setPod(h, pod, { ready: true })
  const selector = { matchLabels: { app: 'web' } }
  await h.api.create(PodDisruptionBudget, { metadata: key, spec: { selector, ...spec } })
  await h.settle()
  const status = async () => (await h.api.get(PodDisruptionBudget, key)).status
  return { ...h, status }
}

const events = async ({ api }: Harness, reason: string) =>
  (await api.list(Event)).items.filter((e) => e.reason === reason)

test('the status counts in the way of Kubernetes', async (t) => {
  const table: readonly [spec: Spec, ready: number, desired: number, allowed: number][] = [
    [{ minAvailable: 3 }, 5, 3, 2],
    [{ minAvailable: 5 }, 5, 5, 0],
    [{ minAvailable: 9 }, 5, 9, 0],
    [{ minAvailable: '50%' }, 5, 3, 2],
    [{ minAvailable: '100%' }, 5, 5, 0],
    [{ minAvailable: 0 }, 5, 0, 5],
    [{ maxUnavailable: 1 }, 5, 4, 1],
    [{ maxUnavailable: 1 }, 4, 4, 0],
    [{ maxUnavailable: 0 }, 5, 5, 0],
    [{ maxUnavailable: '30%' }, 5, 3, 2],
    [{ maxUnavailable: 9 }, 5, 0, 5],
    [{ maxUnavailable: 2 }, 2, 3, 0],
  ]
  for (const [spec, ready, desiredHealthy, disruptionsAllowed] of table) {
    await t.test(`${JSON.stringify(spec)} with ${ready} of 5 ready`, async () => {
      const h = await guarded(spec, ready)
      const status = await h.status()
      const { currentHealthy, expectedPods, observedGeneration } = status
      assert.deepEqual(
        { currentHealthy, expectedPods, observedGeneration },
        { currentHealthy: ready, expectedPods: 5, observedGeneration: 1 },
      )
      assert.equal(status.desiredHealthy, desiredHealthy)
      assert.equal(status.disruptionsAllowed, disruptionsAllowed)
      const { type, status: is, reason } = status.conditions![0]!
      assert.deepEqual(
        { type, is, reason },
        disruptionsAllowed > 0
          ? { type: 'DisruptionAllowed', is: 'True', reason: 'SufficientPods' }
          : { type: 'DisruptionAllowed', is: 'False', reason: 'InsufficientPods' },
      )
      await h.end()
    })
  }
})

test('it follows pods that become ready, leave and come back, and the size of their Deployment', async () => {
  const h = await guarded({ maxUnavailable: 1 }, 4)
  assert.equal((await h.status()).disruptionsAllowed, 0)
  const unready = (await podsOf(h)).find((p) => p.status.phase !== 'Running')!
  await setPod(h, unready, { ready: true })
  await h.settle()
  assert.equal((await h.status()).disruptionsAllowed, 1)
  await h.api.delete(Pod, { namespace: 'default', name: unready.metadata.name })
  await h.settle()
  assert.equal((await h.status()).disruptionsAllowed, 0)
  const body = { spec: { replicas: 4 } }
  await h.api.patch(Deployment, { namespace: 'default', name: 'web' }, { type: 'merge', body })
  await h.settle()
  const { expectedPods, desiredHealthy, disruptionsAllowed } = await h.status()
  assert.deepEqual([expectedPods, desiredHealthy, disruptionsAllowed], [4, 3, 1])
  await h.end()
})

test('at rest it writes nothing', async () => {
  const h = await guarded({ minAvailable: 3 })
  const before = h.api.revision
  await h.settle(600_000)
  assert.equal(h.api.revision, before)
  await h.end()
})

test('a pod that was evicted does not count, until it turns out to stay', async () => {
  const h = await guarded({ minAvailable: 3 })
  const [pod] = await podsOf(h)
  const { name } = pod!.metadata
  const status = { disruptionsAllowed: 1, disruptedPods: { [name]: timestamp(h.clock.now()) } }
  const patch = { type: 'merge', body: { status } } as const
  await h.api.patch(PodDisruptionBudget, key, patch, { subresource: 'status' })
  await h.settle(60_000)
  assert.deepEqual(await h.status().then((s) => [s.currentHealthy, s.disruptionsAllowed]), [4, 1])
  await h.settle(61_000)
  assert.deepEqual(await h.status().then((s) => [s.currentHealthy, s.disruptionsAllowed]), [5, 2])
  assert.equal((await h.status()).disruptedPods, undefined)
  const [event] = await events(h, 'NotDeleted')
  assert.equal(event?.message, "Pod was expected by PDB default/guard to be deleted but it wasn't")
  await h.end()
})

test('without pods it allows nothing and says so once', async () => {
  const h = await guarded({ minAvailable: 0, selector: { matchLabels: { app: 'other' } } })
  assert.equal((await h.status()).disruptionsAllowed, 0)
  assert.deepEqual(
    (await events(h, 'NoPods')).map((e) => e.message),
    ['No matching pods found'],
  )
  await h.end()
})

const lone = (name: string, ownerReferences?: Input<Pod['metadata']>['ownerReferences']): Input<Pod> => ({
  metadata: { ...key, name, labels: { app: 'lone' }, ...(ownerReferences ? { ownerReferences } : {}) },
  spec: { containers: [{ name: 'c', image: 'i' }] },
})

test('pods without controller count for a fixed number, and are complained about for a share', async () => {
  const h = await guarded({ minAvailable: 1, selector: { matchLabels: { app: 'lone' } } })
  for (const name of ['a', 'b'])
    await setPod(h, (await h.api.create(Pod, lone(name))) as Pod, { ready: true })
  await h.settle()
  assert.deepEqual(await h.status().then((s) => [s.expectedPods, s.disruptionsAllowed]), [2, 1])
  const body = { spec: { minAvailable: '50%' } }
  await h.api.patch(PodDisruptionBudget, key, { type: 'merge', body })
  await h.settle()
  assert.deepEqual(await h.status().then((s) => [s.expectedPods, s.disruptionsAllowed]), [0, 0])
  assert.equal((await events(h, 'UnmanagedPods')).length, 1)
  await h.end()
})

test('while nobody says how many pods there should be, nothing is allowed', async () => {
  const h = await guarded({ maxUnavailable: 1, selector: { matchLabels: { app: 'lone' } } })
  const owner = { apiVersion: 'example.com/v1', kind: 'Thing', name: 't', uid: 'u', controller: true }
  await setPod(h, (await h.api.create(Pod, lone('a', [owner]))) as Pod, { ready: true })
  await h.settle()
  const { disruptionsAllowed, conditions } = await h.status()
  assert.equal(disruptionsAllowed, 0)
  assert.deepEqual(
    conditions?.map((c) => [c.status, c.reason, c.message]),
    [['False', 'SyncFailed', 'found no controllers for pod "a"']],
  )
  await h.end()
})

test('a pod that was spared says so after two minutes', async () => {
  const h = await guarded({ minAvailable: 3 })
  const [pod] = await podsOf(h)
  const mark = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    lastTransitionTime: timestamp(h.clock.now()),
  }
  const conditions = [...pod!.status.conditions!, mark]
  const podKey = { namespace: 'default', name: pod!.metadata.name }
  const patch = { type: 'merge', body: { status: { conditions } } } as const
  await h.api.patch(Pod, podKey, patch, { subresource: 'status' })
  const marked = async () =>
    (await h.api.get(Pod, podKey)).status.conditions?.find((c) => c.type === 'DisruptionTarget')?.status
  await h.settle(119_000)
  assert.equal(await marked(), 'True')
  await h.settle(2000)
  assert.equal(await marked(), 'False')
  await h.end()
})
