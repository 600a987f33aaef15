import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Api, Event, Namespace, Pod } from '../api/index.ts'
import { seededRandom, silentLog, systemClock } from '../base/index.ts'
import { Informers } from '../client/index.ts'
import { eventually } from '../client/testing/index.ts'
import type { Input } from '../schema/index.ts'
import { createApiServer } from '../server/index.ts'
import { openSecurity } from '../server/testing.ts'
import { openMemoryStore } from '../store/index.ts'
import { type SchedulerOptions, startScheduler } from './index.ts'
import { createNodes, playNodes, type SimulatedNode } from './testing/simulated-nodes.ts'

const ADMIN = { username: 'admin', groups: ['system:masters'] }

async function cluster(
  t: TestContext,
  nodes: readonly SimulatedNode[],
  options: Partial<SchedulerOptions> = {},
) {
  const clock = systemClock({ background: true })
  const random = seededRandom(1)
  const log = silentLog
  const store = await openMemoryStore({ clock })
  const network = { serviceCidr: '10.96.0.0/16', nodePorts: { from: 30_000, to: 32_767 } }
  const server = await createApiServer({ store, clock, random, log, network, security: () => openSecurity() })
  const api = server.apiFor(ADMIN)
  await createNodes(api, nodes)
  const stop = new AbortController()
  const informers = new Informers({ api, clock, random, log, signal: stop.signal })
  const scheduler = startScheduler({ api, informers, clock, random, log, signal: stop.signal, ...options })
  playNodes({ api, informers, clock })
  await scheduler.ready
  t.after(async () => {
    stop.abort()
    await scheduler.stopped
    await server.close(0)
    await store.close()
  })
  return { api, scheduler, informers }
}

function pod(name: string, spec: Input<Pod['spec']> = {}, labels: Record<string, string> = {}): Input<Pod> {
  return {
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'c', image: 'web', resources: { requests: { cpu: '1' } } }], ...spec },
  }
}

const get = (api: Api, name: string) => api.get(Pod, { namespace: 'default', name })

async function placed(api: Api, name: string): Promise<string> {
  return eventually(`${name} on a node`, async () => (await get(api, name)).spec.nodeName || undefined)
}

async function refused(api: Api, name: string): Promise<string> {
  return eventually(`${name} refused`, async () => {
    const condition = (await get(api, name)).status.conditions?.find((c) => c.type === 'PodScheduled')
    return condition?.reason === 'Unschedulable' ? condition.message : undefined
  })
}

test('pods are bound to nodes that have room, and told why when none has', async (t) => {
  const { api } = await cluster(t, [{ name: 'a' }, { name: 'b' }])
  for (let i = 0; i < 8; i++) await api.create(Pod, pod(`web-${i}`))
  const where = []
  for (let i = 0; i < 8; i++) where.push(await placed(api, `web-${i}`))
  assert.deepEqual(Object.groupBy(where, (n) => n).a?.length, 4)
  await api.create(Pod, pod('late'))
  assert.match(await refused(api, 'late'), /^0\/2 nodes are available: 2 Insufficient cpu\./)
  await api.delete(Pod, { namespace: 'default', name: 'web-0' })
  await placed(api, 'late')
  const events = await eventually('events', async () => {
    const { items } = await api.list(Event, { namespace: 'default' })
    const about = items.filter((e) => e.involvedObject.name === 'late').map((e) => [e.reason, e.message])
    return about.length >= 2 ? about : undefined
  })
  assert.match(JSON.stringify(events), /FailedScheduling.*Insufficient cpu/)
  assert.match(JSON.stringify(events), /"Scheduled","Successfully assigned default\/late to [ab]"/)
})

test('a pod is bound within milliseconds of its creation', async (t) => {
  const { api, informers } = await cluster(t, [{ name: 'a' }])
  await informers.whenSynced()
  const start = performance.now()
  const seen = new Promise<void>((resolve) => {
    informers.for(Pod).on((e) => {
      if (e.object.spec.nodeName) resolve()
    })
  })
  await api.create(Pod, pod('quick'))
  await seen
  t.diagnostic(`bound after ${(performance.now() - start).toFixed(1)} ms`)
  assert.equal((await get(api, 'quick')).spec.nodeName, 'a')
})

test('a gated pod waits, and a pod of another scheduler is left alone', async (t) => {
  const { api, scheduler } = await cluster(t, [{ name: 'a' }])
  await api.create(Namespace, { metadata: { name: 'other' } })
  await api.create(Pod, pod('gated', { schedulingGates: [{ name: 'example.com/quota' }] }))
  await api.create(Pod, pod('foreign', { schedulerName: 'mine' }))
  await api.create(Pod, pod('usual'))
  await placed(api, 'usual')
  const waiting = await eventually('one pod waiting', () => {
    const counts = scheduler.waiting()
    return counts.inFlight === 0 && counts
  })
  assert.deepEqual(waiting, { active: 0, backoff: 0, unschedulable: 0, gated: 1, inFlight: 0 })
  await api.patch(
    Pod,
    { namespace: 'default', name: 'gated' },
    { type: 'merge', body: { spec: { schedulingGates: null } } },
  )
  await placed(api, 'gated')
  assert.equal((await get(api, 'foreign')).spec.nodeName, undefined)
})
