import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Api,
  type ApiError,
  Deployment,
  type Eviction,
  isApiError,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  ServiceAccount,
} from '../../src/api/index.ts'
import { systemClock, timestamp } from '../../src/base/index.ts'
import { eventually } from '../../src/client/testing/index.ts'
import { startTestCluster, type TestCluster } from '../../src/cluster/testing/index.ts'
import { deployment } from '../../src/controllers/testing/harness.ts'
import type { Input } from '../../src/schema/index.ts'

/** Disruption budgets, the whole of them: the controller that counts, and the evictions that spend. */

let cluster: TestCluster
let api: Api
const clock = systemClock()
const namespace = 'guarded'

before(async () => {
  cluster = await startTestCluster({})
  api = cluster.api
  await api.create(Namespace, { metadata: { name: namespace } })
  await eventually('the default account', () => api.get(ServiceAccount, { namespace, name: 'default' }))
  await api.create(Node, { metadata: { name: 'worker' } })
  const status = {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '8', memory: '8Gi', pods: '50' },
  }
  await api.patch(Node, { name: 'worker' }, { type: 'merge', body: { status } }, { subresource: 'status' })
})
after(() => cluster.close())

const podsOf = async (app: string) =>
  (await api.list(Pod, { namespace, labelSelector: `app=${app}` })).items.filter(
    (p) => p.metadata.deletionTimestamp === undefined,
  )

async function setReady(pod: Pod, ready: boolean): Promise<void> {
  const lastTransitionTime = timestamp(clock.now())
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }]
  const body = { status: { phase: 'Running', conditions } }
  await api.patch(Pod, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
}

/** Three ready pods of a Deployment, on a node, and a budget over them. */
async function guarded(app: string, spec: Input<PodDisruptionBudget['spec']>, ready = 3): Promise<void> {
  const made = deployment(app)
  await api.create(Deployment, { ...made, metadata: { ...made.metadata, namespace } })
  const pods = await eventually('three pods on a node', async () => {
    const found = (await podsOf(app)).filter((p) => p.spec.nodeName)
    return found.length === 3 ? found : undefined
  })
  for (const [i, pod] of pods.entries()) await setReady(pod, i < ready)
  const selector = { matchLabels: { app } }
  await api.create(PodDisruptionBudget, { metadata: { namespace, name: app }, spec: { selector, ...spec } })
  await counted(app, ready)
}

const statusOf = async (name: string) => (await api.get(PodDisruptionBudget, { namespace, name })).status
const counted = (app: string, healthy: number) =>
  eventually('the budget to be counted', async () => {
    const status = await statusOf(app)
    return status.observedGeneration === 1 && status.currentHealthy === healthy ? status : undefined
  })

async function evict(pod: Pod, deleteOptions: object = {}): Promise<void> {
  const { name } = pod.metadata
  const body = {
    kind: 'Eviction',
    apiVersion: 'policy/v1',
    metadata: { namespace, name },
    deleteOptions,
  } as Input<Eviction>
  await api.call(Pod, { namespace, name }, { subresource: 'eviction', method: 'POST', body })
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  assert.ok(isApiError(error), `expected a refusal, got ${error}`)
  return error
}

test('evictions go on as replacements become ready, and wait while they are not', async () => {
  await guarded('web', { minAvailable: 2 })
  assert.equal((await statusOf('web')).disruptionsAllowed, 1)
  const [first, second] = await podsOf('web')
  await evict(first!, { gracePeriodSeconds: 30 })
  const going = await api.get(Pod, first!.metadata)
  const { type, status, reason, message } = going.status.conditions!.find(
    (c) => c.type === 'DisruptionTarget',
  )!
  assert.deepEqual(
    { type, status, reason, message },
    {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
    },
  )
  await counted('web', 2)
  const refused = await refusal(evict(second!))
  assert.equal(refused.code, 429)
  assert.equal(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.")
  assert.deepEqual(refused.details?.causes, [
    {
      reason: 'DisruptionBudget',
      message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
    },
  ])
  const replacement = await eventually('a replacement on a node', async () =>
    (await podsOf('web')).find((p) => p.spec.nodeName && p.status.phase === 'Pending'),
  )
  await setReady(replacement, true)
  await eventually('room for one more', async () => (await statusOf('web')).disruptionsAllowed === 1)
  await evict(second!)
})

test('a pod that is not ready goes while the budget is met, and not below it', async () => {
  await guarded('sick', { minAvailable: 2 }, 2)
  const sick = (await podsOf('sick')).find((p) => p.status.conditions?.some((c) => c.status === 'False'))!
  assert.equal((await statusOf('sick')).disruptionsAllowed, 0)
  await evict(sick)
  assert.deepEqual((await statusOf('sick')).disruptedPods ?? {}, {})
  await guarded('sicker', { minAvailable: 3 }, 2)
  const other = (await podsOf('sicker')).find((p) => p.status.conditions?.some((c) => c.status === 'False'))!
  assert.equal((await refusal(evict(other))).code, 429)
  const body = { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } }
  await api.patch(PodDisruptionBudget, { namespace, name: 'sicker' }, { type: 'merge', body })
  await evict(other)
})

test('a budget that was just made or changed lets nobody go before it is counted', async () => {
  await guarded('new', { minAvailable: 1 })
  const name = 'new'
  const changed = { status: { observedGeneration: 0 } }
  // As the server sees it before the controller has come by.
  const refused = await eventually('the moment before', async () => {
    await api.patch(
      PodDisruptionBudget,
      { namespace, name },
      { type: 'merge', body: changed },
      { subresource: 'status' },
    )
    const [pod] = await podsOf('new')
    return evict(pod!, { dryRun: ['All'] }).then(
      () => undefined,
      (error: unknown) => error as ApiError,
    )
  })
  assert.equal(refused.code, 429)
  assert.equal(refused.details?.retryAfterSeconds, 10)
  assert.deepEqual(refused.details?.causes, [
    {
      reason: 'DisruptionBudget',
      message: 'The disruption budget new is still being processed by the server.',
    },
  ])
})

test('a pod that waits for its start is evicted whatever the budget says', async () => {
  await guarded('full', { minAvailable: 3 })
  const [pod] = await podsOf('full')
  const body = { status: { phase: 'Pending' } }
  await api.patch(Pod, pod!.metadata, { type: 'merge', body }, { subresource: 'status' })
  await evict(pod!)
})
