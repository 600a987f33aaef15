import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import {
  cgroupHierarchies,
  findProcesses,
  type Layout,
  mountsBelow,
  runCommand,
} from '../../src/cluster/index.ts'
import { type AppOptions, app, appClient, appScripts } from './app.ts'
import {
  keptConnections,
  longConnections,
  newConnections,
  type RunningTraffic,
  type Traffic,
} from './connections.ts'

import { type TestCluster, until } from './harness.ts'

/** What the tests of survival need to know of a pod. */
export interface PodView {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly {
      readonly containerID?: string
      readonly restartCount: number
      readonly ready: boolean
    }[]
  }
}

export async function apply(cluster: TestCluster, objects: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const result = await cluster.tryKubectl(['apply', '-f', '-'], { input })
  assert.equal(result.code, 0, result.stderr)
}

export async function podsOf(cluster: TestCluster, selector: string): Promise<PodView[]> {
  const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-l', selector, '-o', 'json'))
  return items
}

export const rolledOut = (cluster: TestCluster, name: string) =>
  cluster.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=110s')

export const isWell = (cluster: TestCluster, seconds = 120) =>
  until('all to be well', async () => (await cluster.dhow('status')).includes('all is well'), seconds)

/** By pod: which container runs in which life. Equal before and after: nothing was restarted. */
export async function lives(cluster: TestCluster, selector: string): Promise<Record<string, string>> {
  const pods = await podsOf(cluster, selector)
  return Object.fromEntries(
    pods.map(({ metadata, status }) => {
      const containers = status.containerStatuses ?? []
      return [metadata.name, containers.map((c) => `${c.containerID} restarts ${c.restartCount}`).join()]
    }),
  )
}

/** Its processes on this machine, found by their cgroup: also while containerd is gone. */
export function processesOf(containerId: string): number[] {
  const id = containerId.replace('containerd://', '')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id)
      } catch {
        return false // ended meanwhile
      }
    })
    .map(Number)
}

/** What a machine loses with its power: processes, containers, mounts, cgroups, links and rules; the disk stays. */
export async function cutPower({ config, cgroupRoot }: Layout): Promise<void> {
  const { dataDir, slot } = config
  const processes = async () => [
    ...(await findProcesses((args) => args.some((arg) => arg.includes(dataDir)))).map((p) => p.pid),
    ...processesOf(`${cgroupRoot}/`),
  ]
  await until('all processes to be gone', async () => {
    const pids = await processes()
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    return pids.length === 0
  })
  for (const mount of mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), dataDir))
    await runCommand(['umount', '-l', mount])
  for (const link of readdirSync('/sys/class/net')) {
    if (new RegExp(`^dhow${slot}([a-z].*)?$`).test(link)) await runCommand(['ip', 'link', 'delete', link])
  }
  const tables = (await runCommand(['nft', 'list', 'tables'])).stdout.split('\n')
  for (const table of tables) {
    if (table.includes(`dhow${slot}_`)) await runCommand(['nft', 'delete', ...table.split(' ')])
  }
  for (const hierarchy of cgroupHierarchies())
    await runCommand(['find', join(hierarchy, cgroupRoot), '-depth', '-type', 'd', '-delete'])
}

/** Takes all the room there is. */
export async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const size of [1_000_000, 1_000]) {
      const block = Buffer.alloc(size)
      for (;;) if ((await file.write(block)).bytesWritten < size) break
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    await file.close()
  }
}

/** SIGKILL for the newest process of a pod's only container. */
export function killContainer(pod: PodView): void {
  const id = pod.status.containerStatuses![0]!.containerID!
  const pids = processesOf(id)
  assert.ok(pids.length > 0, `${pod.metadata.name} runs`)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}

/** An app with its Service, a pod that asks it by name, and connections of every kind to it. */
export class Hall {
  readonly #cluster: TestCluster
  readonly name: string
  #httpPort = 0
  #echoPort = 0
  #clusterIp = ''

  constructor(cluster: TestCluster, name: string) {
    this.#cluster = cluster
    this.name = name
  }

  async open(options: Omit<AppOptions, 'name'>): Promise<this> {
    const cluster = this.#cluster
    await apply(cluster, [appScripts('default'), ...app('default', { ...options, name: this.name })])
    await rolledOut(cluster, this.name)
    const service = JSON.parse(await cluster.kubectl('get', 'service', this.name, '-o', 'json'))
    const portOf = (name: string) =>
      service.spec.ports.find((p: { name: string }) => p.name === name).nodePort
    this.#httpPort = portOf('http')
    this.#echoPort = portOf('echo')
    this.#clusterIp = service.spec.clusterIP
    return this
  }

  get url(): string {
    return `http://${this.#cluster.layout.nodes[0]!.ip}:${this.#httpPort}/`
  }

  pods(): Promise<PodView[]> {
    return podsOf(this.#cluster, `app=${this.name}`)
  }

  lives(): Promise<Record<string, string>> {
    return lives(this.#cluster, `app=${this.name}`)
  }

  newConnections(): RunningTraffic {
    return newConnections(this.url)
  }

  keptConnections(): RunningTraffic {
    return keptConnections(`http://${this.#clusterIp}/`)
  }

  async longConnections(): Promise<RunningTraffic> {
    const nodeIp = this.#cluster.layout.nodes[0]!.ip
    const [byNode, byService] = await Promise.all([
      longConnections(nodeIp, this.#echoPort, 3),
      longConnections(this.#clusterIp, 7000, 3),
    ])
    return together([byNode, byService])
  }

  /** Starts a pod that asks by name. */
  async inside(): Promise<RunningTraffic> {
    const name = `${this.name}-client`
    await apply(this.#cluster, [appClient('default', name, `http://${this.name}.default.svc.cluster.local/`)])
    const read = async () => {
      const lines = (await this.#cluster.kubectl('logs', name)).split('\n')
      const counts = lines.filter((line) => line.startsWith('requests '))
      const exchanges = Number(counts.at(-1)?.split(' ')[1] ?? 0)
      return { exchanges, failures: lines.filter((line) => line.startsWith('failed ')) }
    }
    await until('the client inside to ask', async () => (await read()).exchanges > 0)
    let last = await read()
    const end = async () => {
      const before = last.exchanges
      last = await until('the client inside to go on', async () => {
        const now = await read()
        return now.exchanges > before && now
      })
      await this.#cluster.kubectl('delete', 'pod', name, '--wait=false')
      return last
    }
    let ending: Promise<Traffic> | undefined
    return {
      traffic: () => last,
      stop: () => {
        ending ??= end()
        return ending
      },
    }
  }
}

function together(all: readonly RunningTraffic[]): RunningTraffic {
  const sum = (parts: readonly { exchanges: number; failures: readonly string[] }[]) => ({
    exchanges: parts.reduce((n, t) => n + t.exchanges, 0),
    failures: parts.flatMap((t) => t.failures),
  })
  return {
    traffic: () => sum(all.map((t) => t.traffic())),
    stop: async () => sum(await Promise.all(all.map((t) => t.stop()))),
  }
}

/** Never fails: for when something else did. */
export async function stopAll(running: Readonly<Record<string, RunningTraffic>>): Promise<void> {
  await Promise.allSettled(Object.values(running).map((traffic) => traffic.stop()))
}

/** Stops them all and asserts that each went on and none lost anything. */
export async function lostNothing(
  running: Readonly<Record<string, RunningTraffic>>,
  afterMs = 0,
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  const results = await Promise.all(
    Object.entries(running).map(async ([name, traffic]) => ({ name, ...(await traffic.stop()) })),
  )
  const failures = results.flatMap(({ name, failures }) => failures.map((line) => `${name}: ${line}`))
  assert.deepEqual(failures, [])
  for (const { name, exchanges } of results) assert.ok(exchanges > 20, `${name}: ${exchanges} exchanges`)
}
