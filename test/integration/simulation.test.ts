import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Api,
  Deployment,
  EndpointSlice,
  Endpoints,
  isApiError,
  type Key,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  Service,
  type Taint,
} from '../../src/api/index.ts'
import { type Random, seededRandom } from '../../src/base/index.ts'
import { deployment } from '../../src/controllers/testing/harness.ts'
import { BROKEN, isReady, VirtualCluster } from './virtual-cluster.ts'

/**
 * A cluster in turmoil, from a seed: Deployments are changed and deleted, pods and ReplicaSets are taken away from them,
 * nodes fall silent and are deleted, namespaces go. Then it is left in peace, and all has to come right.
 */

const SEEDS = Number(process.env.DHOW_SIMULATION_SEEDS ?? 3)
const FIRST = Number(process.env.DHOW_SIMULATION_SEED ?? 1)
const STEPS = 80
const NODES = ['n1', 'n2', 'n3', 'n4']
const SPACES = ['one', 'two']

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`whatever is done to the cluster, it comes right in the end (seed ${seed})`, () => simulate(seed))
}

async function simulate(seed: number): Promise<void> {
  const random = seededRandom(seed, 'turmoil')
  const cluster = await VirtualCluster.start(seed)
  const { api } = cluster
  try {
    for (const name of NODES) await cluster.during(cluster.join(name))
    for (const name of SPACES) await settle(cluster, createNamespace(api, name))
    for (let step = 0; step < STEPS; step++) {
      await cluster.during(disturb(cluster, random))
      await cluster.pass(5 * Math.floor(random.next() * 8))
    }
    await cluster.during(makePeace(cluster))
    await cluster.pass(1500)
    await assertConverged(api)
    assert.deepEqual(cluster.problems, [], 'what the control plane logged as warnings')
    const { resourceVersion } = (await api.list(Pod)).metadata
    cluster.alive.clear()
    await cluster.clock.advance(30_000)
    assert.equal(
      (await api.list(Pod)).metadata.resourceVersion,
      resourceVersion,
      'at rest nothing is written',
    )
  } finally {
    await cluster.close()
  }
}

async function settle(cluster: VirtualCluster, work: Promise<unknown>): Promise<void> {
  await cluster.during(work)
  await cluster.pass(5)
}

async function createNamespace(api: Api, name: string): Promise<void> {
  await api.create(Namespace, { metadata: { name } })
  const selector = { app: 'web' }
  await api.create(Service, {
    metadata: { namespace: name, name: 'web' },
    spec: { selector, ports: [{ port: 80 }] },
  })
  await api.create(PodDisruptionBudget, {
    metadata: { namespace: name, name: 'web' },
    spec: { selector: { matchLabels: selector }, maxUnavailable: '50%' },
  })
}

type Disturbance = (cluster: VirtualCluster, namespace: string, random: Random) => Promise<unknown>

const pick = <T>(items: readonly T[], random: Random): T | undefined =>
  items[Math.floor(random.next() * items.length)]
const web = (namespace: string): Key => ({ namespace, name: 'web' })
const change = (api: Api, namespace: string, spec: object) =>
  api.patch(Deployment, web(namespace), { type: 'strategic', body: { spec } })
const imageOf = (image: string) => ({ template: { spec: { containers: [{ name: 'c', image }] } } })
const podOf = async (api: Api, namespace: string, random: Random) =>
  pick((await api.list(Pod, { namespace })).items, random)?.metadata

/** Each with how often it comes. */
const disturbances: readonly (readonly [weight: number, Disturbance])[] = [
  [
    6,
    ({ api }, namespace, random) => {
      const made = deployment('web', {
        replicas: Math.floor(random.next() * 8),
        revisionHistoryLimit: 3,
        minReadySeconds: pick([0, 0, 20], random)!,
        progressDeadlineSeconds: pick([60, 600], random)!,
        strategy: random.next() < 0.2 ? { type: 'Recreate' } : { type: 'RollingUpdate' },
      })
      return api.create(Deployment, { ...made, metadata: web(namespace) as { name: string } })
    },
  ],
  [6, ({ api }, namespace, random) => change(api, namespace, { replicas: Math.floor(random.next() * 8) })],
  [
    6,
    ({ api }, namespace, random) =>
      change(api, namespace, imageOf(pick(['one', 'two', 'three', BROKEN], random)!)),
  ],
  [2, ({ api }, namespace, random) => change(api, namespace, { paused: random.next() < 0.5 })],
  [
    2,
    ({ api }, namespace, random) => {
      const propagationPolicy = pick(['Orphan', 'Background', 'Foreground'] as const, random)!
      return api.delete(Deployment, web(namespace), { propagationPolicy })
    },
  ],
  [
    3,
    async ({ api }, namespace, random) => {
      const victim = await podOf(api, namespace, random)
      return victim && api.delete(Pod, victim)
    },
  ],
  [
    3,
    async ({ api }, namespace, random) => {
      const victim = await podOf(api, namespace, random)
      const body = { kind: 'Eviction', apiVersion: 'policy/v1', metadata: victim! }
      return victim && api.call(Pod, victim, { subresource: 'eviction', method: 'POST', body })
    },
  ],
  [
    2,
    async ({ api }, namespace, random) => {
      const victim = await podOf(api, namespace, random)
      const conditions = [{ type: 'Ready', status: 'False' }]
      const patch = { type: 'strategic', body: { status: { phase: 'Failed', conditions } } } as const
      return victim && api.patch(Pod, victim, patch, { subresource: 'status' })
    },
  ],
  [
    2,
    async ({ api }, namespace, random) => {
      const pod = await podOf(api, namespace, random)
      const labels = { app: random.next() < 0.5 ? 'astray' : 'web' }
      return pod && api.patch(Pod, pod, { type: 'merge', body: { metadata: { labels } } })
    },
  ],
  [
    1,
    async ({ api }, namespace, random) => {
      const victim = pick((await api.list(ReplicaSet, { namespace })).items, random)
      return victim && api.delete(ReplicaSet, victim.metadata)
    },
  ],
  [
    1,
    async ({ api }, namespace, random) => {
      const kind = pick([EndpointSlice, Endpoints] as const, random) as typeof EndpointSlice
      const victim = pick((await api.list(kind, { namespace })).items, random)
      return victim && api.delete(kind, victim.metadata)
    },
  ],
  [
    2,
    async ({ alive }, _, random) => {
      if (alive.size > 1) alive.delete(pick([...alive], random)!)
    },
  ],
  [3, (cluster, _, random) => revive(cluster, pick(NODES, random)!)],
  [
    1,
    ({ api, alive }, _, random) => {
      const name = pick(NODES, random)!
      alive.delete(name)
      return api.delete(Node, { name })
    },
  ],
  [
    2,
    ({ api }, _, random) => {
      const body = { spec: { unschedulable: random.next() < 0.4 } }
      return api.patch(Node, { name: pick(NODES, random)! }, { type: 'merge', body })
    },
  ],
  [
    2,
    async ({ api }, _, random) => {
      const node = pick((await api.list(Node)).items, random)
      const effect = pick(['NoExecute', 'NoSchedule', 'PreferNoSchedule'] as const, random)!
      return node && setTaints(api, node, [{ key: OWN_TAINT, value: 'x', effect }])
    },
  ],
  [1, ({ api }, namespace) => api.delete(Namespace, { name: namespace })],
  [2, ({ api }, namespace) => createNamespace(api, namespace)],
]

const OWN_TAINT = 'example.com/trouble'

/** Others set theirs at the same time: a conflict is part of the turmoil. */
async function setTaints(api: Api, { metadata, spec }: Node, own: readonly Taint[]): Promise<void> {
  const taints = [...(spec.taints ?? []).filter((t) => t.key !== OWN_TAINT), ...own]
  const { name, resourceVersion } = metadata
  await api.patch(
    Node,
    { name },
    { type: 'merge', body: { metadata: { resourceVersion }, spec: { taints } } },
  )
}

async function disturb(cluster: VirtualCluster, random: Random): Promise<void> {
  const total = disturbances.reduce((sum, [weight]) => sum + weight, 0)
  let at = random.next() * total
  const [, act] = disturbances.find(([weight]) => {
    at -= weight
    return at < 0
  })!
  try {
    await act(cluster, pick(SPACES, random)!, random)
  } catch (error) {
    // What is not there cannot be changed, what is there cannot be made: that is part of the turmoil.
    if (!isApiError(error, 'NotFound', 'AlreadyExists', 'Conflict', 'Forbidden', 'TooManyRequests'))
      throw error
  }
}

async function revive(cluster: VirtualCluster, name: string): Promise<void> {
  if (cluster.alive.has(name)) return
  await cluster.wake(name).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error
    return cluster.join(name)
  })
}

async function makePeace(cluster: VirtualCluster): Promise<void> {
  const { api } = cluster
  for (const name of NODES) {
    await revive(cluster, name)
    const node = await api.patch(Node, { name }, { type: 'merge', body: { spec: { unschedulable: null } } })
    await setTaints(api, node, [])
  }
  for (const { metadata } of (await api.list(Deployment)).items) {
    await change(api, metadata.namespace!, { paused: false, ...imageOf('last') }).catch(() => {})
  }
  // Nobody mends those whose Deployment left them alone.
  for (const { spec, metadata } of (await api.list(ReplicaSet)).items) {
    if (spec.template.spec?.containers[0]?.image === BROKEN && !metadata.ownerReferences?.length)
      await api.delete(ReplicaSet, metadata)
  }
}

async function assertConverged(api: Api): Promise<void> {
  const pods = (await api.list(Pod)).items.filter((p) => p.status.phase !== 'Failed')
  const sets = (await api.list(ReplicaSet)).items
  const deployments = (await api.list(Deployment)).items
  const nodes = new Set((await api.list(Node)).items.map((n) => n.metadata.name))
  const owners = new Set([...sets, ...deployments].map((o) => o.metadata.uid))
  const nameOf = ({ namespace, name }: Key) => `${namespace}/${name}`
  for (const object of [...pods, ...sets, ...deployments, ...(await api.list(Namespace)).items]) {
    const { metadata } = object
    assert.equal(metadata.deletionTimestamp, undefined, `${object.kind} ${nameOf(metadata)} does not end`)
    for (const owner of metadata.ownerReferences ?? [])
      assert.ok(owners.has(owner.uid), `${object.kind} ${nameOf(metadata)} outlived ${owner.name}`)
  }
  for (const pod of pods) {
    assert.ok(nodes.has(pod.spec.nodeName ?? ''), `${nameOf(pod.metadata)} is on no node`)
    assert.ok(
      isReady(pod) || pod.spec.containers[0]!.image === BROKEN,
      `${nameOf(pod.metadata)} is not ready`,
    )
  }
  for (const rs of sets) {
    const own = pods.filter((p) => p.metadata.ownerReferences?.some((r) => r.uid === rs.metadata.uid))
    assert.equal(own.length, rs.spec.replicas, `pods of ReplicaSet ${nameOf(rs.metadata)}`)
    assert.equal(rs.status.replicas, rs.spec.replicas, `status of ReplicaSet ${nameOf(rs.metadata)}`)
    assert.equal(rs.status.terminatingReplicas ?? 0, 0)
  }
  for (const d of deployments) {
    const { spec, status } = d
    const wanted = spec.replicas ?? 0
    const counts = [status.replicas, status.updatedReplicas, status.availableReplicas].map((n) => n ?? 0)
    assert.deepEqual(counts, [wanted, wanted, wanted], `Deployment ${nameOf(d.metadata)}`)
    assert.equal(status.observedGeneration, d.metadata.generation)
    const own = sets.filter((rs) => rs.metadata.ownerReferences?.some((r) => r.uid === d.metadata.uid))
    assert.ok(own.length <= 4, `Deployment ${nameOf(d.metadata)} has ${own.length} ReplicaSets`)
  }
  for (const service of (await api.list(Service)).items) {
    if (!service.spec.selector) continue
    const key = { namespace: service.metadata.namespace!, name: service.metadata.name }
    const { namespace } = key
    const selected = pods.filter(
      (p) => p.metadata.namespace === namespace && p.metadata.labels?.app === 'web',
    )
    const ready = selected.filter(isReady)
    const expected = ready.map((p) => p.status.podIP).sort()
    const slices = (await api.list(EndpointSlice, { namespace })).items
    const inSlices = slices.flatMap((s) =>
      s.endpoints.filter((e) => e.conditions.ready).flatMap((e) => e.addresses),
    )
    assert.deepEqual(inSlices.sort(), expected, `slices of ${nameOf(key)}`)
    const { subsets = [] } = await api.get(Endpoints, key)
    const addresses = subsets.flatMap((s) => (s.addresses ?? []).map((a) => a.ip))
    assert.deepEqual(addresses.sort(), expected, `endpoints of ${nameOf(key)}`)
    const { status } = await api.get(PodDisruptionBudget, key)
    assert.equal(status.currentHealthy, ready.length, `budget ${nameOf(key)}`)
    assert.deepEqual(status.disruptedPods ?? {}, {})
  }
}
