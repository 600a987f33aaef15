/** A whole cluster on this machine (root): `up`, pods, replacement of a deleted pod, and what it costs when idle. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Deployment, Pod } from '../src/api/index.ts'
import type { HttpsApi } from '../src/client/index.ts'
import { adminApi, adminIdentity } from '../src/cluster/index.ts'
import { startCluster, type TestCluster } from '../test/e2e/harness.ts'
import { type Result, report, spreadOf, timed } from './lib.ts'

const UP_ROUNDS = 5
const PODS = 50
const REPLACEMENTS = 15
const SETTLE_SECONDS = 60
const IDLE_WINDOWS = 3
const WINDOW_SECONDS = 10
const EXAMPLES = join(import.meta.dirname, '../examples')

type Spec = { readonly containers: readonly object[]; readonly terminationGracePeriodSeconds: number }
const spec: Spec = {
  containers: [{ name: 'web', image: 'example/web:1.0' }],
  terminationGracePeriodSeconds: 1,
}

async function bringUp(cluster: TestCluster): Promise<Result> {
  const times: number[] = []
  for (let i = 0; i < UP_ROUNDS; i++) {
    await cluster.dhow('down')
    times.push((await timed(() => cluster.dhow('up', '--no-kubeconfig'))) / 1000)
  }
  return {
    name: '`dhow up` to node Ready',
    unit: 's',
    spread: spreadOf(times),
    target: { is: '<=', value: 2 },
  }
}

/** Resolves with the pod as soon as a watch shows one that `isIt` accepts; `isGone` after it was deleted. */
async function seen(
  api: HttpsApi,
  labelSelector: string,
  isIt: (pod: Pod, isGone: boolean) => boolean,
): Promise<Pod> {
  const stop = new AbortController()
  for await (const event of api.watch(Pod, {
    namespace: 'default',
    labelSelector,
    resourceVersion: '0',
    signal: stop.signal,
  })) {
    if (event.type === 'BOOKMARK' || !isIt(event.object, event.type === 'DELETED')) continue
    stop.abort()
    return event.object
  }
  throw new Error('the watch ended')
}

async function startPods(api: HttpsApi): Promise<Result[]> {
  const times: number[] = []
  for (let i = 0; i <= PODS; i++) {
    const name = `pod-${i}`
    const running = seen(api, `one=${name}`, (pod) => pod.status.phase === 'Running')
    const ms = await timed(async () => {
      await api.create(Pod, {
        metadata: { name, namespace: 'default', labels: { one: name } },
        spec,
      } as object)
      await running
    })
    if (i > 0) times.push(ms)
    // One at a time: the last one is gone from the node before the next is made.
    const gone = seen(api, `one=${name}`, (_, isGone) => isGone)
    await api.delete(Pod, { namespace: 'default', name })
    await gone
  }
  const sorted = times.toSorted((a, b) => a - b)
  const p99 = sorted[Math.floor(0.99 * sorted.length)]!
  return [
    {
      name: 'pod created to Running, one at a time',
      unit: 'ms',
      spread: spreadOf(times),
      target: { is: '<=', value: 250 },
    },
    { name: 'the same, p99', unit: 'ms', spread: spreadOf([p99]), target: { is: '<=', value: 800 } },
  ]
}

async function replacePods(api: HttpsApi): Promise<Result> {
  const labels = { app: 'replaced' }
  await api.create(Deployment, {
    metadata: { name: 'replaced', namespace: 'default' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  } as object)
  const isReady = (pod: Pod) =>
    !pod.metadata.deletionTimestamp &&
    pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
  const known = new Set<string>()
  const next = () =>
    seen(api, 'app=replaced', (pod, isGone) => !isGone && isReady(pod) && !known.has(pod.metadata.uid))
  let victim = await next()
  known.add(victim.metadata.uid)
  known.add((await next()).metadata.uid)
  const times: number[] = []
  for (let i = 0; i < REPLACEMENTS; i++) {
    const replaced = next()
    times.push(
      await timed(async () => {
        await api.delete(Pod, { namespace: 'default', name: victim.metadata.name })
        victim = await replaced
      }),
    )
    known.add(victim.metadata.uid)
  }
  await api.delete(Deployment, { namespace: 'default', name: 'replaced' })
  return {
    name: 'ready pod deleted to replacement ready',
    unit: 'ms',
    spread: spreadOf(times),
    target: { is: '<=', value: 600 },
  }
}

const ticksOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
const residentMb = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

async function idle(cluster: TestCluster, what: string): Promise<Result[]> {
  const parts = ['server', 'agent-node1', 'containerd-node1', 'supervisor'].map((name) => {
    return { name, pid: cluster.pidOf(name), cpu: [] as number[] }
  })
  await pause(SETTLE_SECONDS)
  for (let i = 0; i < IDLE_WINDOWS; i++) {
    const before = parts.map(({ pid }) => ticksOf(pid))
    await pause(WINDOW_SECONDS)
    // A tick is a hundredth of a second: ticks a second are per cent of a core.
    parts.forEach(({ pid, cpu }, j) => {
      cpu.push((ticksOf(pid) - before[j]!) / WINDOW_SECONDS)
    })
  }
  return parts.flatMap(({ name, pid, cpu }): Result[] => {
    const goal = { server: 150, 'agent-node1': 120 }[name]
    const target = (value: number) => ({ target: { is: '<=' as const, value } })
    return [
      {
        name: `${name}, ${what}: memory`,
        unit: 'MB',
        spread: spreadOf([residentMb(pid)]),
        ...(goal ? target(goal) : {}),
      },
      {
        name: `${name}, ${what}: CPU`,
        unit: '% of a core',
        spread: spreadOf(cpu),
        // containerd is not ours.
        ...(name.startsWith('containerd') ? {} : target(1)),
      },
    ]
  })
}

const cluster = await startCluster()
try {
  await cluster.dhow('image', 'build', join(EXAMPLES, 'web/images/images.yaml'))
  const results = [await bringUp(cluster), ...(await idle(cluster, 'idle'))]
  const api = adminApi(cluster.layout, await adminIdentity(cluster.layout))
  results.push(...(await startPods(api)), await replacePods(api))
  api.close()
  await cluster.dhow('up', '--no-kubeconfig', '-f', join(EXAMPLES, 'shop'))
  results.push(...(await idle(cluster, 'with the shop')))
  report('cluster', results)
} finally {
  await cluster.remove()
}
