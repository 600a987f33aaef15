import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Api,
  Deployment,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
  ServiceAccount,
} from '../../src/api/index.ts'
import { type Log, microTimestamp, timestamp, VirtualClock } from '../../src/base/index.ts'
import { startTestCluster, type TestCluster } from '../../src/cluster/testing/index.ts'
import { deployment } from '../../src/controllers/testing/harness.ts'
import type { Input } from '../../src/schema/index.ts'

/**
 * What takes minutes: the whole control plane, the real server with its validation and rights, under a clock that the
 * test owns. The test plays the nodes.
 */

const clock = new VirtualClock()
const LEASES = 'kube-node-lease'
const alive = new Set<string>()
const problems: string[] = []
let cluster: TestCluster
let api: Api

before(async () => {
  const note = (fields: object, message: string) => {
    const { err } = fields as { err?: Error }
    const texts = [message, err?.message, (err?.cause as Error | undefined)?.message]
    problems.push(texts.filter(Boolean).join(': '))
  }
  const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log }
  cluster = await during(startTestCluster({ clock, log }))
  api = cluster.api
})
after(() => during(cluster.close()))

/** Lets all that is due happen until the promise is settled. */
async function during<T>(promise: Promise<T>): Promise<T> {
  let over = false
  const settled = promise.finally(() => {
    over = true
  })
  settled.catch(() => {})
  while (!over) await clock.advance(1)
  return settled
}

/** Lets seconds pass, in which the living nodes give signs of life and run their pods. */
async function pass(seconds: number): Promise<void> {
  for (let t = 0; t < seconds; t += 5) {
    await during(playNodes())
    await clock.advance(5000)
    await clock.advance(0)
  }
  await during(playNodes())
}

async function playNodes(): Promise<void> {
  for (const name of alive) {
    const body = { spec: { renewTime: microTimestamp(clock.now()) } }
    await api.patch(Lease, { namespace: LEASES, name }, { type: 'merge', body })
  }
  for (const pod of (await api.list(Pod)).items) {
    if (!alive.has(pod.spec.nodeName ?? '')) continue
    if (pod.metadata.deletionTimestamp) await api.delete(Pod, pod.metadata, { gracePeriodSeconds: 0 })
    else if (!isReady(pod) && pod.spec.containers[0]?.image !== 'broken') await setReady(pod)
  }
}

let serial = 0
async function setReady(pod: Pod): Promise<void> {
  const podIP = pod.status.podIP ?? `10.244.0.${++serial}`
  const lastTransitionTime = timestamp(clock.now())
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }]
  const body = { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions } }
  await api.patch(Pod, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
}

async function join(name: string): Promise<void> {
  await api.create(Node, { metadata: { name } })
  await api.create(Lease, { metadata: { namespace: LEASES, name }, spec: { holderIdentity: name } })
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(clock.now()) }]
  const status = { conditions, allocatable: { cpu: '8', memory: '8Gi', pods: '50' } }
  await api.patch(Node, { name }, { type: 'merge', body: { status } }, { subresource: 'status' })
  alive.add(name)
}

const isReady = (pod: Pod) =>
  pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
const podsIn = async (namespace: string) => (await api.list(Pod, { namespace })).items
const names = (pods: readonly Pod[]) => pods.map((p) => p.metadata.name).sort()

async function makeNamespace(name: string): Promise<void> {
  await api.create(Namespace, { metadata: { name } })
  await pass(5)
}

async function make(namespace: string, spec: Input<Deployment['spec']> = {}): Promise<void> {
  const made = deployment('web', { replicas: 6, ...spec })
  await api.create(Deployment, { ...made, metadata: { namespace, name: 'web' } })
  await pass(10)
}

async function addresses(namespace: string): Promise<string[]> {
  const slices = (await api.list(EndpointSlice, { namespace })).items
  return slices
    .flatMap((s) => s.endpoints.filter((e) => e.conditions.ready).flatMap((e) => e.addresses))
    .sort()
}

test('pods of a node that falls silent lose their traffic after 50 s, and their place five minutes later', async () => {
  await during(Promise.all(['a', 'b', 'c'].map(join)))
  await makeNamespace('lost')
  await api.create(Service, {
    metadata: { namespace: 'lost', name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  await make('lost')
  assert.equal((await addresses('lost')).length, 6)
  const onA = (await podsIn('lost')).filter((p) => p.spec.nodeName === 'a')
  assert.equal(onA.length, 2)

  alive.delete('a')
  await pass(40)
  assert.equal((await addresses('lost')).length, 6)
  await pass(20)
  const a = await api.get(Node, { name: 'a' })
  assert.deepEqual(
    a.status.conditions?.filter((c) => c.type === 'Ready').map((c) => [c.status, c.reason, c.message]),
    [['Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.']],
  )
  assert.deepEqual(
    a.spec.taints?.map((t) => `${t.key}:${t.effect}`).sort(),
    ['NoExecute', 'NoSchedule'].map((effect) => `node.kubernetes.io/unreachable:${effect}`),
  )
  assert.equal((await addresses('lost')).length, 4)

  await pass(280)
  assert.equal((await podsIn('lost')).filter((p) => p.metadata.deletionTimestamp).length, 0)
  await pass(40)
  const leaving = (await podsIn('lost')).filter((p) => p.metadata.deletionTimestamp)
  assert.deepEqual(names(leaving), names(onA))
  for (const pod of leaving) {
    const target = pod.status.conditions?.find((c) => c.type === 'DisruptionTarget')
    assert.deepEqual([target?.status, target?.reason], ['True', 'DeletionByTaintManager'])
  }
  assert.equal((await addresses('lost')).length, 6)
  assert.equal((await api.get(Deployment, { namespace: 'lost', name: 'web' })).status.availableReplicas, 6)
})

test('the pods that a deleted node leaves behind are removed after its quarantine', async () => {
  assert.equal((await podsIn('lost')).length, 8)
  await api.delete(Node, { name: 'a' })
  await pass(30)
  assert.equal((await podsIn('lost')).length, 8)
  await pass(20)
  const left = await podsIn('lost')
  assert.equal(left.length, 6)
  assert.ok(left.every((p) => p.spec.nodeName !== 'a'))
})

test('pods of a node that is out of service do not wait for it', async () => {
  await makeNamespace('out')
  await make('out')
  const onB = (await podsIn('out')).filter((p) => p.spec.nodeName === 'b')
  assert.ok(onB.length > 0)
  alive.delete('b')
  await pass(60)
  const taints = [...((await api.get(Node, { name: 'b' })).spec.taints ?? [])]
  taints.push({ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' })
  await api.patch(Node, { name: 'b' }, { type: 'merge', body: { spec: { taints } } })
  await pass(15)
  const now = await podsIn('out')
  assert.equal(now.length, 6)
  assert.ok(now.every((p) => p.spec.nodeName === 'c'))
  await during(join('d'))
})

test('a rollout that does not move says so after its deadline, and goes on when it can', async () => {
  await makeNamespace('late')
  const broken = { spec: { containers: [{ name: 'c', image: 'broken' }] } }
  const template = { metadata: { labels: { app: 'web' } }, ...broken }
  await make('late', { replicas: 2, template, progressDeadlineSeconds: 60 })
  const progressing = async () => {
    const { status } = await api.get(Deployment, { namespace: 'late', name: 'web' })
    const found = status.conditions?.find((c) => c.type === 'Progressing')
    return [found?.status, found?.reason, found?.message?.replace(/web-[a-z0-9]+/, 'web-…')]
  }
  await pass(30)
  assert.deepEqual(await progressing(), ['True', 'ReplicaSetUpdated', 'ReplicaSet "web-…" is progressing.'])
  await pass(60)
  assert.deepEqual(await progressing(), [
    'False',
    'ProgressDeadlineExceeded',
    'ReplicaSet "web-…" has timed out progressing.',
  ])
  const body = { spec: { template: { spec: { containers: [{ name: 'c', image: 'one' }] } } } }
  await api.patch(Deployment, { namespace: 'late', name: 'web' }, { type: 'strategic', body })
  await pass(20)
  assert.deepEqual(await progressing(), [
    'True',
    'NewReplicaSetAvailable',
    'ReplicaSet "web-…" has successfully progressed.',
  ])
})

test('pods that cannot be made are told of and tried again, and are made once they can', async () => {
  await makeNamespace('bare')
  const spec = { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'one' }] }
  await make('bare', { replicas: 3, template: { metadata: { labels: { app: 'web' } }, spec } })
  await pass(60)
  assert.deepEqual(await podsIn('bare'), [])
  const [replicaSet] = (await api.list(ReplicaSet, { namespace: 'bare' })).items
  const failure = replicaSet?.status.conditions?.find((c) => c.type === 'ReplicaFailure')
  assert.deepEqual([failure?.status, failure?.reason], ['True', 'FailedCreate'])
  assert.match(failure?.message ?? '', /serviceaccount "robot" not found/)
  const { status } = await api.get(Deployment, { namespace: 'bare', name: 'web' })
  assert.equal(status.conditions?.find((c) => c.type === 'ReplicaFailure')?.reason, 'FailedCreate')
  const told = (await api.list(Event, { namespace: 'bare' })).items.filter((e) => e.reason === 'FailedCreate')
  assert.equal(told.length, 1, 'one event, counted up')
  assert.match(told[0]?.message ?? '', /^Error creating: pods "web-[a-z0-9]+-" is forbidden/)

  await api.create(ServiceAccount, { metadata: { namespace: 'bare', name: 'robot' } })
  await pass(120)
  assert.equal((await podsIn('bare')).filter(isReady).length, 3)
  const healed = await api.get(Deployment, { namespace: 'bare', name: 'web' })
  assert.equal(
    healed.status.conditions?.find((c) => c.type === 'ReplicaFailure'),
    undefined,
  )
})

test('a pod that was marked for a disruption and spared says so after two minutes', async () => {
  const [pod] = await podsIn('bare')
  const lastTransitionTime = timestamp(clock.now())
  const mark = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    lastTransitionTime,
  }
  const patch = { type: 'strategic', body: { status: { conditions: [mark] } } } as const
  await api.patch(Pod, pod!.metadata, patch, { subresource: 'status' })
  await pass(130)
  const now = await api.get(Pod, pod!.metadata)
  assert.equal(now.status.conditions?.find((c) => c.type === 'DisruptionTarget')?.status, 'False')
  assert.ok(isReady(now))
})

test('at rest nothing is written but the signs of life of the nodes', async () => {
  await pass(60)
  const before = (await api.list(Node)).metadata.resourceVersion
  const [silent] = [...alive]
  for (const name of [...alive]) alive.delete(name)
  await clock.advance(30_000)
  assert.equal((await api.list(Node)).metadata.resourceVersion, before)
  alive.add(silent!)
})

test('nothing went wrong that somebody would have to look at', () => {
  const expected = /serviceaccount "robot" not found/
  assert.deepEqual(
    problems.filter((p) => !expected.test(p)),
    [],
  )
})
