import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Api,
  ApiError,
  Deployment,
  EndpointSlice,
  isApiError,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from '../api/index.ts'
import { type Random, seededRandom, silentLog, timestamp, VirtualClock } from '../base/index.ts'
import { UnreachableError } from '../client/index.ts'
import { type Call, MemoryApi } from '../client/testing/index.ts'
import { builtinControllers } from './index.ts'
import { runControllers } from './runtime/index.ts'
import { deployment, setPod } from './testing/harness.ts'

/**
 * Everything at once, from a seed: a Deployment is changed while pods die, requests fail before or after they took
 * effect, watches break and history is forgotten. Then the faults end, and all has to come right.
 */

const SEEDS = Number(process.env.DHOW_SIMULATION_SEEDS ?? 12)
const FIRST = Number(process.env.DHOW_SIMULATION_SEED ?? 1)

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`whatever fails on the way, the cluster comes right in the end (seed ${seed})`, () => simulate(seed))
}

async function simulate(seed: number): Promise<void> {
  const random = seededRandom(seed, 'events')
  const clock = new VirtualClock()
  const memory = new MemoryApi({ clock, random: seededRandom(seed, 'names') })
  const faulty = { rate: 0 }
  const api = unreliable(memory, seededRandom(seed, 'faults'), faulty)
  const stop = new AbortController()
  const running = runControllers({
    api: () => api,
    controllers: builtinControllers({ clock }),
    clock,
    random: seededRandom(seed, 'controllers'),
    log: silentLog,
    signal: stop.signal,
  })
  await running.ready
  await memory.create(Node, { metadata: { name: 'n' } })
  await memory.patch(
    Node,
    { name: 'n' },
    { type: 'merge', body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } } },
    { subresource: 'status' },
  )
  await memory.create(Service, {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      selector: { app: 'web' },
      clusterIP: '10.0.0.1',
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    },
  })
  await memory.create(Deployment, deployment('web', { replicas: 4 }))

  faulty.rate = 0.25
  for (let step = 0; step < 60; step++) {
    await disturb(memory, random)
    await kubelet(memory, clock, random)
    await clock.advance(Math.floor(random.next() * 2000))
  }
  faulty.rate = 0
  for (let step = 0; step < 60; step++) {
    await kubelet(memory, clock, random)
    await clock.advance(5000)
  }
  await assertConverged(memory)
  stop.abort()
  await running.stopped
}

/** Requests that fail before or after they took effect. */
function unreliable(memory: MemoryApi, random: Random, faulty: { rate: number }): Api {
  const writes = new Set(['create', 'update', 'patch', 'delete'])
  memory.fault = (call: Call) => {
    const background = call.verb === 'watch' || call.verb === 'list'
    if (random.next() < faulty.rate * (background ? 0.3 : 0.5) && !outside.active) {
      throw new ApiError(random.next() < 0.5 ? 'ServiceUnavailable' : 'Conflict', 'injected')
    }
  }
  const outside = outsideOf(memory)
  return new Proxy(memory, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (!writes.has(String(name))) return value.bind(target)
      return async (...args: unknown[]) => {
        const result = await value.apply(target, args)
        if (random.next() < faulty.rate * 0.2)
          throw new UnreachableError('injected', { cause: 'after', unsent: false })
        return result
      }
    },
  })
}

/** The story itself is not disturbed: only what the controllers ask for fails. */
const actors = new WeakMap<MemoryApi, { active: boolean }>()
function outsideOf(memory: MemoryApi): { active: boolean } {
  const known = actors.get(memory) ?? { active: false }
  actors.set(memory, known)
  return known
}

async function outside<T>(memory: MemoryApi, fn: () => Promise<T>): Promise<T | undefined> {
  const actor = outsideOf(memory)
  actor.active = true
  try {
    return await fn()
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Conflict')) return undefined
    throw error
  } finally {
    actor.active = false
  }
}

async function disturb(memory: MemoryApi, random: Random): Promise<void> {
  const key = { namespace: 'default', name: 'web' }
  const patch = (body: object) =>
    outside(memory, () => memory.patch(Deployment, key, { type: 'merge', body }))
  const pods = (await outside(memory, () => memory.list(Pod)))?.items ?? []
  const any = pods[Math.floor(random.next() * pods.length)]
  switch (Math.floor(random.next() * 9)) {
    case 0:
      await patch({ spec: { replicas: Math.floor(random.next() * 9) } })
      break
    case 1:
      await patch({
        spec: {
          template: { spec: { containers: [{ name: 'c', image: `v${Math.floor(random.next() * 4)}` }] } },
        },
      })
      break
    case 2:
      await patch({ spec: { paused: random.next() < 0.3 } })
      break
    case 3:
      if (any) await outside(memory, () => memory.delete(Pod, any.metadata))
      break
    case 4:
      if (any)
        await outside(memory, () =>
          memory.patch(
            Pod,
            any.metadata,
            { type: 'merge', body: { status: { phase: 'Failed' } } },
            { subresource: 'status' },
          ),
        )
      break
    case 5:
      if (any)
        await outside(memory, () =>
          memory.patch(Pod, any.metadata, {
            type: 'merge',
            body: { metadata: { labels: { app: 'stray' } } },
          }),
        )
      break
    case 6:
      memory.dropWatches()
      break
    case 7:
      memory.compact()
      memory.dropWatches()
      break
    default:
  }
}

/** Starts pods, makes them ready, and ends those that are to end. */
async function kubelet(memory: MemoryApi, clock: VirtualClock, random: Random): Promise<void> {
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(clock.now()) }]
  const status = { type: 'merge', body: { status: { conditions } } } as const
  await outside(memory, () => memory.patch(Node, { name: 'n' }, status, { subresource: 'status' }))
  const pods = (await outside(memory, () => memory.list(Pod)))?.items ?? []
  for (const pod of pods) {
    if (random.next() < 0.3 || pod.status.phase === 'Failed') continue
    if (pod.metadata.deletionTimestamp)
      await outside(memory, () => memory.delete(Pod, pod.metadata, { gracePeriodSeconds: 0 }))
    else if (!pod.status.conditions) {
      const n = Number(pod.metadata.resourceVersion)
      await outside(memory, () =>
        setPod({ api: memory, clock }, pod, { nodeName: 'n', ready: true, ip: `10.1.${n >> 8}.${n & 255}` }),
      )
    }
  }
}

async function assertConverged(memory: MemoryApi): Promise<void> {
  const d = await memory.get(Deployment, { namespace: 'default', name: 'web' })
  const sets = (await memory.list(ReplicaSet)).items
  const pods = (await memory.list(Pod)).items.filter((p) => p.status.phase !== 'Failed')
  const mine = pods.filter((p) => p.metadata.labels?.app === 'web')
  const want = d.spec.replicas ?? 1
  assert.deepEqual(
    pods.filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name),
    [],
  )
  if (!d.spec.paused) {
    assert.equal(mine.length, want, 'pods')
    assert.equal(
      sets.filter((rs) => (rs.spec.replicas ?? 0) > 0).length,
      want > 0 ? 1 : 0,
      'active ReplicaSets',
    )
    const images = new Set(mine.map((p) => p.spec.containers[0]?.image))
    assert.deepEqual([...images], want > 0 ? [d.spec.template.spec?.containers[0]?.image] : [])
    assert.equal(d.status.updatedReplicas ?? 0, want)
    const revisions = sets.map((rs) => Number(rs.metadata.annotations?.['deployment.kubernetes.io/revision']))
    assert.equal(new Set(revisions).size, revisions.length, 'revisions are distinct')
  }
  assert.equal(d.status.observedGeneration, d.metadata.generation)
  assert.equal(d.status.availableReplicas ?? 0, mine.length)
  const slices = (await memory.list(EndpointSlice)).items
  const addresses = slices.flatMap((s) => s.endpoints.flatMap((e) => e.addresses)).sort()
  assert.deepEqual(addresses, mine.map((p) => p.status.podIP).sort())
}
