/** The scheduler: how many decisions a second on large clusters, and pods a second from creation to binding. */
import { Pod } from '../src/api/index.ts'
import { seededRandom, silentLog, systemClock } from '../src/base/index.ts'
import { Informers } from '../src/client/index.ts'
import { startScheduler } from '../src/scheduler/index.ts'
import { decideAll, type Workload } from '../src/scheduler/testing/load.ts'
import { createNodes, type SimulatedNode } from '../src/scheduler/testing/simulated-nodes.ts'
import { createApiServer } from '../src/server/index.ts'
import { openSecurity } from '../src/server/testing.ts'
import { openMemoryStore } from '../src/store/index.ts'
import { measure, quantile, type Result, report, spreadOf, timed } from './lib.ts'

const ROUNDS = 3
const ADMIN = { username: 'admin', groups: ['system:masters'] }

function nodes(count: number): SimulatedNode[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `node-${i}`,
    labels: { 'topology.kubernetes.io/zone': `zone-${i % 10}` },
    allocatable: { cpu: '32', memory: '128Gi', pods: '110' },
  }))
}

async function cluster(size: number) {
  const clock = systemClock()
  const random = seededRandom(1)
  const log = silentLog
  const store = await openMemoryStore({ clock })
  const network = { serviceCidr: '10.96.0.0/16', nodePorts: { from: 30_000, to: 32_767 } }
  const server = await createApiServer({ store, clock, random, log, network, security: () => openSecurity() })
  const api = server.apiFor(ADMIN)
  await createNodes(api, nodes(size))
  const stop = new AbortController()
  const informers = new Informers({ api, clock, random, log, signal: stop.signal })
  const scheduler = startScheduler({ api, informers, clock, random, log, signal: stop.signal })
  await scheduler.ready
  const close = async () => {
    stop.abort()
    await scheduler.stopped
    await server.close(0)
    await store.close()
  }
  return { api, informers, close }
}

const pod = (name: string) => ({
  metadata: { name, namespace: 'default', labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'c', image: 'web', resources: { requests: { cpu: '100m', memory: '200Mi' } } }],
  },
})

/** Creates pods, and resolves to the milliseconds until all are bound and those each took. */
async function bindAll(size: number, pods: number, atOnce: number) {
  const { api, informers, close } = await cluster(size)
  const created = new Map<string, number>()
  const took: number[] = []
  let done = () => {}
  const all = new Promise<void>((resolve) => (done = resolve))
  informers.for(Pod).on(({ object }) => {
    const start = created.get(object.metadata.name)
    if (start === undefined || !object.spec.nodeName) return
    created.delete(object.metadata.name)
    took.push(performance.now() - start)
    if (took.length === pods) done()
  })
  let next = 0
  const ms = await timed(async () => {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (next < pods) {
          const name = `web-${next++}`
          created.set(name, performance.now())
          await api.create(Pod, pod(name))
          if (atOnce === 1) await new Promise((resolve) => setTimeout(resolve, 2))
        }
      }),
    )
    await all
  })
  await close()
  return { ms, took }
}

const results: Result[] = []
const WORKLOADS: readonly Workload[] = ['plain', 'spread', 'anti-affinity', 'preferred-affinity', 'different']
for (const size of [1000, 5000]) {
  for (const workload of WORKLOADS) {
    const pods = workload === 'plain' ? 10_000 : 1000
    const spread = await measure(ROUNDS, async () => (pods / decideAll(nodes(size), workload, pods)) * 1000)
    results.push({ name: `decisions, ${size} nodes, ${workload} pods`, unit: 'pods/s', spread })
  }
}
for (const size of [1000, 5000]) {
  const spread = await measure(ROUNDS, async () => (5000 / (await bindAll(size, 5000, 50)).ms) * 1000)
  results.push({ name: `created and bound, ${size} nodes, 50 clients`, unit: 'pods/s', spread })
  const { took } = await bindAll(size, 500, 1)
  results.push({ name: `created to bound, ${size} nodes, idle, p50`, unit: 'ms', spread: spreadOf(took) })
  const p99 = quantile(took, 0.99)
  results.push({
    name: `created to bound, ${size} nodes, idle, p99`,
    unit: 'ms',
    spread: { median: p99, min: p99, max: p99, rounds: 1 },
    target: { is: '<=', value: 10 },
  })
}
report('scheduler', results)
