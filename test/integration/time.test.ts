import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Api,
  Deployment,
  EndpointSlice,
  Event,
  Namespace,
  Node,
  Pod,
  PriorityClass,
  ReplicaSet,
  Service,
  ServiceAccount,
} from '../../src/api/index.ts'
import { timestamp } from '../../src/base/index.ts'
import { deployment } from '../../src/controllers/testing/harness.ts'
import type { Input } from '../../src/schema/index.ts'
import { BROKEN, isReady, VirtualCluster } from './virtual-cluster.ts'

/** What takes minutes, in seconds. */

let cluster: VirtualCluster
let api: Api

before(async () => {
  cluster = await VirtualCluster.start()
  api = cluster.api
})
after(() => cluster.close())

const pass = (seconds: number) => cluster.pass(seconds)
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
  await cluster.during(Promise.all(['a', 'b', 'c'].map((name) => cluster.join(name))))
  await makeNamespace('lost')
  await api.create(Service, {
    metadata: { namespace: 'lost', name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  await make('lost')
  assert.equal((await addresses('lost')).length, 6)
  const onA = (await podsIn('lost')).filter((p) => p.spec.nodeName === 'a')
  assert.equal(onA.length, 2)

  cluster.alive.delete('a')
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
  cluster.alive.delete('b')
  await pass(60)
  const taints = [...((await api.get(Node, { name: 'b' })).spec.taints ?? [])]
  taints.push({ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' })
  await api.patch(Node, { name: 'b' }, { type: 'merge', body: { spec: { taints } } })
  await pass(15)
  const now = await podsIn('out')
  assert.equal(now.length, 6)
  assert.ok(now.every((p) => p.spec.nodeName === 'c'))
  await cluster.during(cluster.join('d'))
})

test('a rollout that does not move says so after its deadline, and goes on when it can', async () => {
  await makeNamespace('late')
  const broken = { spec: { containers: [{ name: 'c', image: BROKEN }] } }
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
  const lastTransitionTime = timestamp(cluster.clock.now())
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

test('an important pod takes the room of less important ones, which leave in their own time', async () => {
  await makeNamespace('full')
  const resources = { requests: { cpu: '3' } }
  const asking = (name: string, more: object): Input<Pod> => ({
    metadata: { namespace: 'full', name },
    spec: {
      terminationGracePeriodSeconds: 20,
      containers: [{ name: 'c', image: 'one', resources }],
      ...more,
    },
  })
  await api.create(PriorityClass, { metadata: { name: 'important' }, value: 1000 })
  const usual = ['u1', 'u2', 'u3', 'u4']
  for (const name of usual) await api.create(Pod, asking(name, {}))
  await pass(10)
  assert.ok((await podsIn('full')).every(isReady))
  // They ask for a while whether they may end: nobody plays their node.
  const heard = [...cluster.alive]
  cluster.alive.clear()
  await api.create(Pod, asking('vip', { priorityClassName: 'important' }))
  await pass(10)
  const vip = await api.get(Pod, { namespace: 'full', name: 'vip' })
  const going = (await podsIn('full')).filter((p) => p.metadata.deletionTimestamp)
  assert.equal(going.length, 1)
  assert.equal(vip.status.nominatedNodeName, going[0]!.spec.nodeName)
  const target = going[0]!.status.conditions?.find((c) => c.type === 'DisruptionTarget')
  assert.deepEqual(
    [target?.status, target?.reason, target?.message],
    ['True', 'PreemptionByScheduler', 'default-scheduler: preempting to accommodate a higher priority pod'],
  )
  assert.equal(target?.observedGeneration, 1)
  const told = (await api.list(Event, { namespace: 'full' })).items.map((e) => `${e.reason}: ${e.message}`)
  assert.ok(
    told.includes(`Preempted: Preempted by pod ${vip.metadata.uid} on node ${going[0]!.spec.nodeName}`),
  )
  assert.ok(
    told.includes(
      'FailedScheduling: 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.',
    ),
    told.join('\n'),
  )
  for (const name of heard) cluster.alive.add(name)
  await pass(10)
  const placed = await api.get(Pod, vip.metadata)
  assert.equal(placed.spec.nodeName, going[0]!.spec.nodeName)
  assert.equal(placed.status.nominatedNodeName, undefined)
  const scheduled = placed.status.conditions?.find((c) => c.type === 'PodScheduled')
  assert.deepEqual([scheduled?.status, scheduled?.observedGeneration], ['True', 1])
  assert.ok(isReady(placed))
})

test('at rest nothing is written but the signs of life of the nodes', async () => {
  await pass(60)
  const before = (await api.list(Node)).metadata.resourceVersion
  const [silent] = [...cluster.alive]
  for (const name of [...cluster.alive]) cluster.alive.delete(name)
  await cluster.clock.advance(30_000)
  assert.equal((await api.list(Node)).metadata.resourceVersion, before)
  cluster.alive.add(silent!)
})

test('nothing went wrong that somebody would have to look at', () => {
  const expected = /serviceaccount "robot" not found/
  assert.deepEqual(
    cluster.problems.filter((p) => !expected.test(p)),
    [],
  )
})
