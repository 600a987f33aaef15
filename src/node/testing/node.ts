import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Event, isApiError, Pod, type PodStatus } from '../../api/index.ts'
import { type Clock, seededRandom, silentLog, systemClock } from '../../base/index.ts'
import { eventually, MemoryApi } from '../../client/testing/index.ts'
import type { Input } from '../../schema/index.ts'
import { type NodeAgent, type NodeAgentOptions, startNodeAgent } from '../agent.ts'
import { noCgroups } from '../cgroups.ts'
import { criClient } from '../cri/index.ts'
import { linuxHost } from '../host.ts'
import { Housekeeping } from '../housekeeping/housekeeping.ts'
import { nodeMetricStore, nodeMetrics } from '../metrics.ts'
import { criRuntime } from '../runtime/cri-runtime.ts'
import type { ExecResult, ObservedPod, Runtime } from '../runtime/runtime.ts'
import { Volumes } from '../volumes/volumes.ts'
import type { PodWorker } from '../workers/pod-worker.ts'
import { startContainerd, type TestContainerd } from './containerd.ts'
import { BUSYBOX_IMAGE } from './image-archive.ts'

/** Tokens, which the fake API does not give. */
class NodeApi extends MemoryApi {
  tokens = 0
  override async call<B extends object, R extends object>(
    ...[kind, key, request]: Parameters<MemoryApi['call']>
  ): Promise<R> {
    if (request.subresource !== 'token') return super.call<B, R>(kind, key, request as never)
    this.tokens++
    const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString()
    return { status: { token: `token-${this.tokens} of ${key.name}`, expirationTimestamp } } as unknown as R
  }
}

export type PodInput = NonNullable<Input<Pod>['spec']>

/** A node with real containers whose server is in memory. */
export class TestNode {
  readonly api = new NodeApi({ clock: systemClock() })
  readonly containerd: TestContainerd
  readonly cgroupBase: string
  agent!: NodeAgent

  static async start(options: Partial<NodeAgentOptions> = {}): Promise<TestNode> {
    const node = new TestNode(await startContainerd())
    try {
      await node.startAgent(options)
    } catch (error) {
      await node.containerd.close()
      throw error
    }
    return node
  }

  constructor(containerd: TestContainerd) {
    this.containerd = containerd
    this.cgroupBase = containerd.dir.split('/').at(-1)!
  }

  async startAgent(options: Partial<NodeAgentOptions> = {}): Promise<void> {
    this.agent = await startNodeAgent({
      api: this.api,
      nodeName: 'n1',
      nodeIPs: ['127.0.0.1'],
      criSocket: this.containerd.socket,
      rootDir: join(this.containerd.dir, 'agent'),
      cgroupBase: this.cgroupBase,
      clusterDNS: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      clock: systemClock(),
      random: seededRandom(1, 'agent'),
      log: silentLog,
      ...options,
    })
  }

  /** Creates a pod of this node; its containers run busybox unless they say otherwise. */
  async create(name: string, spec: PodInput, metadata: object = {}): Promise<Pod> {
    const filled = (list: PodInput['containers']) =>
      list?.map((c) => ({ image: BUSYBOX_IMAGE, name: 'a', resources: {}, ...c }))
    return this.api.create<Pod>(Pod, {
      metadata: { namespace: 'default', name, ...metadata },
      spec: {
        nodeName: 'n1',
        terminationGracePeriodSeconds: 1,
        serviceAccountName: 'default',
        ...spec,
        containers: filled(spec.containers),
        ...(spec.initContainers ? { initContainers: filled(spec.initContainers) } : {}),
      },
    } as Input<Pod>)
  }

  async status(name: string): Promise<PodStatus> {
    return (await this.api.get(Pod, { namespace: 'default', name })).status
  }

  until(
    name: string,
    what: string,
    check: (s: PodStatus) => unknown,
    deadlineMs = 60_000,
  ): Promise<PodStatus> {
    let last: PodStatus | undefined
    return eventually(
      `pod ${name} ${what}`,
      async () => {
        last = await this.status(name)
        return check(last) ? last : undefined
      },
      deadlineMs,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it was ${JSON.stringify(last)}`, { cause: error })
    })
  }

  running(name: string): Promise<PodStatus> {
    return this.until(name, 'running', (s) => s.phase === 'Running')
  }

  done(name: string): Promise<PodStatus> {
    return this.until(name, 'done', (s) => s.phase === 'Succeeded' || s.phase === 'Failed')
  }

  async delete(name: string, gracePeriodSeconds?: number): Promise<void> {
    await this.api.delete(
      Pod,
      { namespace: 'default', name },
      gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
    )
  }

  gone(name: string, deadlineMs = 20_000): Promise<unknown> {
    return eventually(
      `pod ${name} gone`,
      () =>
        this.status(name).then(
          () => false,
          (error) => isApiError(error, 'NotFound'),
        ),
      deadlineMs,
    )
  }

  /** What a container wrote, without the runtime's prefixes. */
  async log(name: string, container = 'a', attempt = 0): Promise<string> {
    const { uid } = (await this.api.get(Pod, { namespace: 'default', name })).metadata
    const text = await readFile(join(this.podDir(uid), 'logs', container, `${attempt}.log`), 'utf8')
    return text
      .split('\n')
      .map((l) => l.split(' ').slice(3).join(' '))
      .join('\n')
  }

  async #withCri<T>(fn: (runtime: Runtime) => Promise<T>): Promise<T> {
    const client = criClient(this.containerd.socket, systemClock())
    try {
      return await fn(criRuntime(client))
    } finally {
      client.close()
    }
  }

  exec(containerId: string, command: readonly string[]): Promise<ExecResult> {
    return this.#withCri((r) => r.exec(containerId, command, 10_000))
  }

  /** The first process of a container. */
  async pidOf(containerId: string): Promise<number> {
    const { stdout } = await promisify(execFile)('ctr', [
      '-a',
      this.containerd.socket,
      '-n',
      'k8s.io',
      'tasks',
      'ls',
    ])
    return Number(
      stdout
        .split('\n')
        .find((l) => l.startsWith(containerId))
        ?.split(/\s+/)[1],
    )
  }

  async signal(containerId: string, name: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    process.kill(await this.pidOf(containerId), name)
  }

  observe(uid: string): Promise<ObservedPod> {
    return this.#withCri((r) => r.observePod(uid))
  }

  containerIds(): Promise<string[]> {
    return this.#withCri(async (r) =>
      [...(await r.observe()).values()].flatMap((p) => p.containers.map((c) => c.id)),
    )
  }

  /** Keeps house beside the agent, for these pods alone, with a clock of its own. */
  housekeep(uids: readonly string[], clock: Clock, fn: (it: Housekeeping) => Promise<void>): Promise<void> {
    return this.#withCri(async (runtime) => {
      const agentDir = join(this.containerd.dir, 'agent')
      const [podsDir, memoryDir] = [join(agentDir, 'pods'), join(agentDir, 'memory')]
      const observed = await Promise.all(uids.map((uid) => runtime.observePod(uid)))
      const workers = observed.map(
        (o) => ({ uid: o.uid, observed: o, settled: true }) as unknown as PodWorker,
      )
      await fn(
        new Housekeeping({
          runtime,
          clock,
          log: silentLog,
          signal: new AbortController().signal,
          volumes: new Volumes({ host: linuxHost(), podsDir, memoryDir }),
          cgroups: noCgroups,
          metrics: nodeMetrics(nodeMetricStore()),
          podsDir,
          memoryDir,
          workers: () => workers,
          complete: () => false,
          pressure: () => ({ memory: false, disk: false, pid: false }),
          event: () => {},
        }),
      )
    })
  }

  podDir(uid: string): string {
    return join(this.containerd.dir, 'agent', 'pods', uid)
  }

  async events(name: string): Promise<string[]> {
    const { items } = await this.api.list(Event, { namespace: 'default' })
    return items
      .filter((e) => e.involvedObject.name === name)
      .map((e) => `${e.type} ${e.reason}: ${e.message}`)
  }

  async close(): Promise<void> {
    await this.agent.stop().catch(() => {})
    await this.containerd.close()
  }
}
