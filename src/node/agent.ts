import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Api, Pod, type Secret, Service, ServiceAccount } from '../api/index.ts'
import { type Clock, type Log, type Random, sleep } from '../base/index.ts'
import { EventRecorder, Informers } from '../client/index.ts'
import { linuxCgroups, noCgroups } from './cgroups.ts'
import { Checkpoints } from './checkpoints.ts'
import { criClient } from './cri/index.ts'
import { type Host, linuxHost } from './host.ts'
import { ImagePuller } from './images/puller.ts'
import { type NodeMetrics, noNodeMetrics } from './metrics.ts'
import { Probes } from './probes/probes.ts'
import { criRuntime } from './runtime/cri-runtime.ts'
import type { Runtime } from './runtime/runtime.ts'
import { type NodeNaming, parseResolver } from './spec/names.ts'
import { References } from './volumes/references.ts'
import { Tokens } from './volumes/tokens.ts'
import { Volumes } from './volumes/volumes.ts'
import { Pods } from './workers/pods.ts'
import type { Machine, PodServices } from './workers/services.ts'
import { StatusWriter } from './workers/status-writer.ts'

export interface NodeAgentOptions {
  readonly api: Api
  readonly nodeName: string
  /** Addresses of the node, the first its InternalIP. */
  readonly nodeIPs: readonly string[]
  /** The socket of the container runtime; or `runtime`, where one is simulated. */
  readonly criSocket?: string
  readonly runtime?: Runtime
  /** Pods' files and the agent's own state. */
  readonly rootDir: string
  /** The top of the node's cgroups below each hierarchy, '' for a node without cgroups. */
  readonly cgroupBase: string
  readonly clusterDNS: readonly string[]
  readonly clusterDomain: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly host?: Host
  readonly resolvConf?: string
}

export interface NodeAgent {
  /** Stops looking after the node; what runs goes on running. */
  stop(): Promise<void>
}

/** Starts the agent of one node; resolves once it looks after its pods. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { api, clock, random, log, nodeName, rootDir } = options
  const stop = new AbortController()
  const { signal } = stop
  const client = options.runtime
    ? undefined
    : criClient(options.criSocket ?? '/run/containerd/containerd.sock', clock)
  const runtime = options.runtime ?? criRuntime(client!)
  const host = options.host ?? linuxHost()
  const metrics: NodeMetrics = noNodeMetrics
  const cgroups =
    options.cgroupBase === ''
      ? noCgroups
      : await linuxCgroups(options.cgroupBase, undefined, (ms) => sleep(clock, ms))
  const memoryDir = join(rootDir, 'memory')
  await mkdir(memoryDir, { recursive: true, mode: 0o755 })
  if (!(await host.isMounted(memoryDir)))
    await host.mount(['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', memoryDir])

  const informers = new Informers({ api, clock, random, log, signal })
  const podInformer = informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` })
  const serviceInformer = informers.for(Service)
  const recorder = new EventRecorder({ api, clock, random, log, component: 'kubelet', host: nodeName })
  const checkpoints = new Checkpoints(join(rootDir, 'checkpoints'), clock, log)
  const machine = await readMachine(cgroups.version)
  const pods = new Pods({
    informer: podInformer,
    runtime,
    clock,
    log,
    checkpoints,
    signal,
    admit: () => undefined,
  })
  const event: PodServices['event'] = (pod, note) => recorder.record(pod, note)
  const probes = new Probes({
    runtime,
    clock,
    random,
    onChange: (uid) => pods.get(uid)?.kick(),
    onUnhealthy: (pod, container, reason, message) =>
      event(pod, { type: 'Warning', reason, message, fieldPath: `spec.containers{${container.name}}` }),
    onResult: (type, result, pod, container) =>
      metrics.probe(type, result, pod.metadata.namespace ?? '', pod.metadata.name, container.name),
  })
  const references = new References({ api, clock, random, log, signal }, (uid) =>
    pods.get(uid)?.refreshVolumes(),
  )
  const services: PodServices = {
    api,
    clock,
    log,
    runtime,
    volumes: new Volumes({ host, podsDir: join(rootDir, 'pods'), memoryDir }),
    references,
    tokens: new Tokens({ api, clock, random }),
    puller: new ImagePuller(runtime, clock),
    probes,
    statuses: new StatusWriter({ api, clock, log, signal }),
    cgroups,
    metrics,
    naming: await readNaming(options),
    hostIPs: options.nodeIPs,
    machine,
    seccompRoot: join(rootDir, 'seccomp'),
    services: async (pod) => {
      if (!serviceInformer.hasSynced)
        await serviceInformer.whenSynced(AbortSignal.any([signal, timeLimit(clock, 5000)]))
      return [
        ...serviceInformer.cache.list(pod.metadata.namespace),
        ...apiService(serviceInformer.cache.get({ namespace: 'default', name: 'kubernetes' })),
      ]
    },
    pullSecrets: async (pod) => {
      const { namespace = '', uid } = pod.metadata
      const found = await Promise.all(
        (pod.spec.imagePullSecrets ?? []).map((s) => references.secret(uid, namespace, s.name ?? '')),
      )
      return found.filter((s): s is Secret => s !== undefined)
    },
    event,
    forgotten: (uid) => pods.forgotten(uid),
  }
  void ServiceAccount
  await pods.start(services)
  return {
    async stop() {
      pods.stop()
      probes.stop()
      await checkpoints.flush()
      stop.abort()
      client?.close()
    },
  }
}

const apiService = (s: Service | undefined): readonly Service[] => (s ? [s] : [])

function timeLimit(clock: Clock, ms: number): AbortSignal {
  const late = new AbortController()
  clock.after(ms, () => late.abort(new Error('timed out waiting for the condition')))
  return late.signal
}

async function readMachine(cgroupVersion: 1 | 2): Promise<Machine> {
  const { availableParallelism, totalmem } = await import('node:os')
  const cpuMilli = availableParallelism() * 1000
  const memoryCapacity = totalmem()
  return {
    cpuMilli,
    memoryCapacity,
    cgroupVersion,
    allocatable: { cpuMilli, memoryBytes: memoryCapacity, ephemeralBytes: 0 },
  }
}

async function readNaming(options: NodeAgentOptions): Promise<NodeNaming> {
  const text = await readFile(options.resolvConf ?? '/etc/resolv.conf', 'utf8').catch(() => '')
  return {
    nodeName: options.nodeName,
    clusterDNS: options.clusterDNS,
    clusterDomain: options.clusterDomain,
    hostResolver: parseResolver(text),
    hostHosts: await readFile('/etc/hosts', 'utf8').catch(() => ''),
  }
}
