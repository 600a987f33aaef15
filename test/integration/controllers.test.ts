import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Api,
  ConfigMap,
  Deployment,
  EndpointSlice,
  isApiError,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
  ServiceAccount,
} from '../../src/api/index.ts'
import { type Log, systemClock, timestamp } from '../../src/base/index.ts'
import { eventually } from '../../src/client/testing/index.ts'
import { startTestCluster, type TestCluster } from '../../src/cluster/testing/index.ts'
import { deployment } from '../../src/controllers/testing/harness.ts'

/** The controllers under the real server: its defaults, its validation, its RBAC, on objects that are frozen. */

let cluster: TestCluster
let api: Api
const problems: string[] = []
const clock = systemClock()

before(async () => {
  const note = (fields: object, message: string) => {
    const { err } = fields as { err?: Error }
    problems.push(
      [message, err?.message, (err?.cause as Error | undefined)?.message].filter(Boolean).join(': '),
    )
  }
  const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log }
  cluster = await startTestCluster({ log })
  api = cluster.api
})
after(async () => {
  await cluster.close()
  assert.deepEqual(problems, [], 'what the control plane logged as warnings')
})

let serial = 0
async function inNamespace(): Promise<string> {
  const name = `story-${++serial}`
  await api.create(Namespace, { metadata: { name } })
  await eventually('the default account', () => api.get(ServiceAccount, { namespace: name, name: 'default' }))
  return name
}

async function makeReady(pod: Pod): Promise<void> {
  const n = ++serial
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp(clock.now()) }]
  const podIP = `10.244.${n >> 8}.${n & 255}`
  const status = { phase: 'Running', conditions, podIP, podIPs: [{ ip: podIP }] }
  await api.patch(Pod, pod.metadata, { type: 'merge', body: { status } }, { subresource: 'status' })
}

const isReady = (pod: Pod) =>
  pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
const podsIn = async (namespace: string) => (await api.list(Pod, { namespace })).items

/** Plays the nodes until the Deployment is rolled out; returns the fewest ready pods there were on the way. */
async function rollOut(namespace: string, name: string): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY
  await eventually(`${name} to roll out`, async () => {
    const pods = await podsIn(namespace)
    fewest = Math.min(fewest, pods.filter((p) => isReady(p) && !p.metadata.deletionTimestamp).length)
    for (const pod of pods)
      if (!isReady(pod) && !pod.metadata.deletionTimestamp) await makeReady(pod).catch(() => {})
    const { spec, status, metadata } = await api.get(Deployment, { namespace, name })
    return (
      status.observedGeneration === metadata.generation &&
      status.updatedReplicas === spec.replicas &&
      status.replicas === spec.replicas &&
      status.availableReplicas === spec.replicas
    )
  })
  return fewest
}

const create = (namespace: string, replicas: number) => {
  const object = deployment('web', {
    replicas,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  })
  return api.create(Deployment, { ...object, metadata: { namespace, name: 'web' } })
}
const setImage = (namespace: string, image: string) =>
  api.patch(
    Deployment,
    { namespace, name: 'web' },
    { type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } } },
  )

test('a Deployment rolls forward and back without ever having fewer ready pods than wanted', async () => {
  const namespace = await inNamespace()
  await create(namespace, 5)
  await rollOut(namespace, 'web')
  for (const image of ['two', 'three', 'one']) {
    await setImage(namespace, image)
    assert.ok((await rollOut(namespace, 'web')) >= 5)
  }
  const sets = (await api.list(ReplicaSet, { namespace })).items
  const revision = (rs: ReplicaSet) => rs.metadata.annotations?.['deployment.kubernetes.io/revision']
  const byImage = Object.fromEntries(
    sets.map((rs) => [rs.spec.template.spec?.containers[0]?.image, [rs.spec.replicas, revision(rs)]]),
  )
  assert.deepEqual(byImage, { one: [5, '4'], two: [0, '2'], three: [0, '3'] })
})

test('a pod that is deleted or fails is replaced, and the Service follows', async () => {
  const namespace = await inNamespace()
  await api.create(Service, {
    metadata: { namespace, name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  await create(namespace, 3)
  await rollOut(namespace, 'web')
  const addresses = async () => {
    const slices = (await api.list(EndpointSlice, { namespace })).items
    return slices
      .flatMap((s) => s.endpoints.filter((e) => e.conditions.ready).flatMap((e) => e.addresses))
      .sort()
  }
  const expected = async () =>
    (await podsIn(namespace))
      .filter(isReady)
      .map((p) => p.status.podIP)
      .sort()
  await eventually('the Service to have all pods', async () => (await addresses()).length === 3)
  const [victim] = await podsIn(namespace)
  await api.delete(Pod, victim!.metadata)
  await eventually(
    'a replacement',
    async () =>
      (await podsIn(namespace)).filter((p) => p.metadata.name !== victim!.metadata.name).length === 3,
  )
  await rollOut(namespace, 'web')
  await eventually(
    'the Service to follow',
    async () => (await addresses()).join() === (await expected()).join(),
  )
})

test('deleting a Deployment deletes what is below it, orphaning keeps it', async () => {
  const namespace = await inNamespace()
  await create(namespace, 3)
  await rollOut(namespace, 'web')
  await api.delete(Deployment, { namespace, name: 'web' }, { propagationPolicy: 'Orphan' })
  await eventually('the Deployment to go', () => isGone(Deployment, { namespace, name: 'web' }))
  assert.equal((await podsIn(namespace)).length, 3)
  const names = (await podsIn(namespace)).map((p) => p.metadata.name).sort()
  await create(namespace, 3)
  await rollOut(namespace, 'web')
  assert.deepEqual(
    (await podsIn(namespace)).map((p) => p.metadata.name).sort(),
    names,
    'the new one takes the old pods in',
  )
  await api.delete(Deployment, { namespace, name: 'web' }, { propagationPolicy: 'Foreground' })
  await eventually(
    'everything to go',
    async () =>
      (await podsIn(namespace)).length === 0 && (await isGone(Deployment, { namespace, name: 'web' })),
  )
})

async function isGone(
  kind: typeof Deployment | typeof Namespace,
  key: { namespace?: string; name: string },
): Promise<boolean> {
  try {
    await api.get(kind as typeof Deployment, key)
    return false
  } catch (error) {
    if (isApiError(error, 'NotFound')) return true
    throw error
  }
}

test('a namespace with content of many kinds empties itself and goes', async () => {
  const namespace = await inNamespace()
  await create(namespace, 3)
  await api.create(Service, {
    metadata: { namespace, name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  for (let i = 0; i < 30; i++) await api.create(ConfigMap, { metadata: { namespace, name: `m${i}` } })
  await api.delete(Namespace, { name: namespace })
  await eventually('the namespace to go', () => isGone(Namespace, { name: namespace }), 10_000)
  assert.deepEqual((await api.list(ConfigMap, { namespace })).items, [])
})

test('a node gets its range of pod addresses, and loses its not-ready taint when it is ready', async () => {
  await api.create(Node, { metadata: { name: 'n1' } })
  const node = await eventually('a range', async () => {
    const now = await api.get(Node, { name: 'n1' })
    return now.spec.podCIDR ? now : undefined
  })
  assert.equal(node.spec.podCIDR, '10.244.0.0/24')
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(clock.now()) }]
  await api.patch(
    Node,
    { name: 'n1' },
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  )
  await eventually(
    'no taint',
    async () => ((await api.get(Node, { name: 'n1' })).spec.taints ?? []).length === 0,
  )
})
