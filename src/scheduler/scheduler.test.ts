import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Api, Event, Namespace, Node, Pod, PriorityClass } from '../api/index.ts'
import { type Metrics, seededRandom, silentLog, systemClock } from '../base/index.ts'
import { Informers } from '../client/index.ts'
import { eventually } from '../client/testing/index.ts'
import type { Input } from '../schema/index.ts'
import { createApiServer } from '../server/index.ts'
import { openSecurity } from '../server/testing.ts'
import { openMemoryStore } from '../store/index.ts'
import { FITS, type Plugin, type SchedulerOptions, startScheduler } from './index.ts'
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
  assert.match(
    await refused(api, 'late'),
    /^0\/2 nodes are available: 2 Insufficient cpu\. no new claims to deallocate, preemption: 0\/2 nodes are available: 2 No preemption victims found for incoming pod\.$/,
  )
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

test('without nodes a pod is told just that', async (t) => {
  const { api } = await cluster(t, [])
  await api.create(Pod, pod('early'))
  assert.equal(await refused(api, 'early'), 'no nodes available to schedule pods')
  await createNodes(api, [{ name: 'a' }])
  assert.equal(await placed(api, 'early'), 'a')
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

test('an important pod takes the place of another, which is asked to leave', async (t) => {
  const { api } = await cluster(t, [{ name: 'a' }])
  await api.create(PriorityClass, { metadata: { name: 'high' }, value: 1000 })
  await api.create(Pod, pod('small'))
  await api.create(
    Pod,
    pod('victim', { containers: [{ name: 'c', image: 'web', resources: { requests: { cpu: '3' } } }] }),
  )
  await placed(api, 'small')
  await placed(api, 'victim')
  const seen: string[] = []
  const stop = new AbortController()
  const watching = (async () => {
    const watch = api.watch(Pod, { namespace: 'default', resourceVersion: '0', signal: stop.signal })
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') continue
      const { status, metadata } = event.object
      for (const c of status.conditions ?? [])
        if (c.type === 'DisruptionTarget') seen.push(`${metadata.name} ${c.message}`)
      if (status.nominatedNodeName) seen.push(`${metadata.name} on ${status.nominatedNodeName}`)
    }
  })()
  await api.create(
    Pod,
    pod('urgent', {
      priority: 1000,
      containers: [{ name: 'c', image: 'web', resources: { requests: { cpu: '2' } } }],
    }),
  )
  assert.equal(await placed(api, 'urgent'), 'a')
  stop.abort()
  await watching
  assert.ok(
    seen.includes('victim default-scheduler: preempting to accommodate a higher priority pod'),
    String(seen),
  )
  assert.ok(seen.includes('urgent on a'), String(seen))
  assert.equal((await get(api, 'small')).spec.nodeName, 'a', 'not more than needed')
})

test('a refused binding is tried again, and the room is given back meanwhile', async (t) => {
  let refusals = 1
  const flaky: Plugin = {
    name: 'Flaky',
    async preBind() {
      if (refusals-- > 0) throw new Error('not now')
    },
  }
  const { api } = await cluster(t, [{ name: 'a', allocatable: { cpu: '1', memory: '1Gi', pods: '9' } }], {
    plugins: [flaky],
  })
  await api.create(Pod, pod('web'))
  await eventually('first refusal', () => refusals < 1)
  assert.equal(await placed(api, 'web'), 'a')
})

test('a plugin in a few lines adds a rule', async (t) => {
  const onlySsd: Plugin = {
    name: 'OnlySsd',
    preFilter(cycle) {
      const no = cycle.reject(onlySsd, ['node(s) had no SSD'])
      const { nodes } = cycle.snapshot
      return { filter: (slot) => (nodes.node(slot)?.metadata.labels?.disk === 'ssd' ? FITS : no) }
    },
  }
  const { api } = await cluster(t, [{ name: 'a' }, { name: 'b' }], { plugins: [onlySsd] })
  await api.create(Pod, pod('web'))
  assert.match(await refused(api, 'web'), /^0\/2 nodes are available: 2 node\(s\) had no SSD\./)
  await api.patch(Node, { name: 'b' }, { type: 'merge', body: { metadata: { labels: { disk: 'ssd' } } } })
  assert.equal(await placed(api, 'web'), 'b')
})

test('what it does is counted under the names of kube-scheduler', async (t) => {
  const seen = new Map<string, number>()
  const line = (name: string, labels: object) => `${name} ${Object.values(labels).join(' ')}`.trim()
  const metrics: Metrics = {
    increment: (name, labels, by = 1) =>
      seen.set(line(name, labels), (seen.get(line(name, labels)) ?? 0) + by),
    set: (name, labels, value) => seen.set(line(name, labels), value),
    observe: (name, labels) => seen.set(line(name, labels), (seen.get(line(name, labels)) ?? 0) + 1),
  }
  const { api } = await cluster(t, [{ name: 'a' }], { metrics })
  await api.create(Pod, pod('web'))
  const large = [{ name: 'c', image: 'x', resources: { requests: { cpu: '9' } } }]
  await api.create(Pod, pod('large', { containers: large }))
  await placed(api, 'web')
  await refused(api, 'large')
  for (const [name, value] of [
    ['scheduler_schedule_attempts_total scheduled default-scheduler', 1],
    ['scheduler_schedule_attempts_total unschedulable default-scheduler', 1],
    ['scheduler_pending_pods unschedulable', 1],
    ['scheduler_cache_size nodes', 1],
    ['scheduler_queue_incoming_pods_total active PodAdd', 2],
    ['scheduler_pod_scheduling_sli_duration_seconds 1', 1],
    ['scheduler_preemption_attempts_total', 1],
  ] as const) {
    await eventually(`${name} ${value}`, () => seen.get(name) === value)
  }
})
