import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Api, type Node, Pod, type Secret, Service } from '../api/index.ts'
import { type Clock, type Log, type MetricStore, type Random, sleep } from '../base/index.ts'
import { EventRecorder, Informers } from '../client/index.ts'
import { type Cgroups, linuxCgroups, noCgroups } from './cgroups.ts'
import { Checkpoints } from './checkpoints.ts'
import { type CriClient, criClient } from './cri/index.ts'
import { type Host, linuxHost } from './host.ts'
import type { ImageGcOptions } from './housekeeping/garbage.ts'
import { Housekeeping } from './housekeeping/housekeeping.ts'
import { ImagePuller } from './images/puller.ts'
import { PullRecords } from './images/records.ts'
import type { RotationOptions } from './logs/rotate.ts'
import { nodeMetricStore, nodeMetrics } from './metrics.ts'
import { Probes } from './probes/probes.ts'
import { criRuntime } from './runtime/cri-runtime.ts'
import type { Runtime } from './runtime/runtime.ts'
import { admitPod, resizeProblem } from './self/admission.ts'
import { keepLease } from './self/lease.ts'
import { type MachineFacts, type Pressure, readMachine, readUsage } from './self/machine.ts'
import { nodeNews } from './self/news.ts'
import { allocatableEphemeral, allocatableMemory } from './self/node-object.ts'
import { Registration } from './self/registration.ts'
import {
  type KubeletServer,
  type KubeletView,
  type ServingTls,
  type StreamHandler,
  serveKubelet,
} from './server.ts'
import { Slots } from './slots.ts'
import { containerLogPath } from './spec/labels.ts'
import { type NodeNaming, parseResolver } from './spec/names.ts'
import { CpuRates, type NodeSample, resourceMetrics, statsSummary } from './stats.ts'
import { createStreams, type Streams } from './streaming/index.ts'
import { References } from './volumes/references.ts'
import { Tokens } from './volumes/tokens.ts'
import { Volumes } from './volumes/volumes.ts'
import { Pods } from './workers/pods.ts'
import type { PodServices } from './workers/services.ts'
import { StatusWriter } from './workers/status-writer.ts'

const KUBELET_VERSION = 'v1.36.0'
const DEFAULT_PORT = 10250

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
  /** The certificate of the HTTPS endpoint; without it, nothing is served. */
  readonly tls?: () => ServingTls
  /** Of the HTTPS endpoint: 10250 when left out, 0 for any that is free. */
  readonly port?: number
  /** Exec, attach and port-forward; through the container runtime when left out. */
  readonly streams?: StreamHandler
  /** Labels that the node carries besides Kubernetes' own. */
  readonly labels?: Readonly<Record<string, string>>
  /** The part of the machine that this node has, where several share one; all of it when left out. */
  readonly capacity?: { readonly cpuMilli?: number; readonly memoryBytes?: number; readonly maxPods?: number }
  /** Called as the node's object changes: its pod CIDR, for one, arrives there. */
  readonly onNode?: (node: Node) => void
  /** Further reasons why the node is not ready. */
  readonly problems?: () => readonly string[]
  /**
   * Resolves once this node sends nobody new to a pod that ends, rejects with the signal: its containers are told to
   * end only then, or when half of their time is over. When left out, at once.
   */
  readonly whenLeft?: (pod: Pod, signal: AbortSignal) => Promise<void>
  /** When images that nothing uses are removed; above 85 percent of the disk when left out. */
  readonly imageGc?: ImageGcOptions
  /** 10 MiB and five files when left out. */
  readonly logRotation?: RotationOptions
  readonly host?: Host
  readonly resolvConf?: string
}

export interface NodeAgent {
  /** Of the HTTPS endpoint; 0 when nothing is served. */
  readonly port: number
  /** The text of /metrics. */
  metrics(): string
  /** Shows a renewed certificate to connections from now on. */
  renewCertificate(): void
  /** Stops looking after the node; what runs goes on running. */
  stop(): Promise<void>
}

/** Starts the agent of one node; resolves once it looks after its pods. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const stop = new AbortController()
  const parts = await assemble(options, stop.signal)
  const { services, pods, checkpoints, client, store } = parts
  const server = options.tls ? await serve(options, options.tls, parts) : undefined
  const registration = register(options, parts, server?.port ?? options.port ?? 0, stop.signal)
  void registration.run()
  await pods.start(services)
  parts.started = true
  housekeep(options, parts, stop.signal)
  registration.poke()
  return {
    port: server?.port ?? 0,
    metrics: () => store.text(),
    renewCertificate: () => server?.renew(),
    async stop() {
      pods.stop()
      services.probes.stop()
      await parts.recorder.stop()
      await parts.streams.close()
      await server?.close()
      await checkpoints.flush()
      stop.abort()
      client?.close()
    },
  }
}

interface Parts {
  readonly services: PodServices
  readonly pods: Pods
  readonly checkpoints: Checkpoints
  readonly recorder: EventRecorder
  readonly client: CriClient | undefined
  readonly runtime: Runtime
  readonly machine: MachineFacts
  readonly store: MetricStore
  readonly streams: Streams
  node: Node | undefined
  started: boolean
  pressure: Pressure
  readonly rates: CpuRates
}

async function assemble(options: NodeAgentOptions, signal: AbortSignal): Promise<Parts> {
  const { api, clock, random, log, nodeName, rootDir } = options
  const client = options.runtime
    ? undefined
    : criClient(options.criSocket ?? '/run/containerd/containerd.sock', clock)
  const runtime = options.runtime ?? criRuntime(client!)
  const host = options.host ?? linuxHost()
  const store = nodeMetricStore()
  const metrics = nodeMetrics(store)
  const memoryDir = await memoryFolder(host, rootDir)
  const cgroups =
    options.cgroupBase === ''
      ? noCgroups
      : await linuxCgroups(options.cgroupBase, undefined, (ms) => sleep(clock, ms))
  const facts = await readMachine(rootDir, options.capacity)
  const informers = new Informers({ api, clock, random, log, metrics: store, signal })
  const podInformer = informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` })
  const serviceInformer = informers.for(Service)
  const recorder = new EventRecorder({ api, clock, random, log, component: 'kubelet', host: nodeName })
  const checkpoints = new Checkpoints(join(rootDir, 'checkpoints'), clock, log)
  const pods = new Pods({
    informer: podInformer,
    runtime,
    clock,
    log,
    checkpoints,
    signal,
    admit: (pod, active) =>
      admitPod(pod, active, {
        node: parts.node,
        allocatable: { cpuMilli: facts.cpuMilli, memoryBytes: allocatableMemory(facts), pods: facts.maxPods },
      }),
  })
  const event: PodServices['event'] = (pod, note) => recorder.record(pod, note)
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
    puller: new ImagePuller(runtime, clock, new PullRecords(join(rootDir, 'image-pulls.json'))),
    probes: new Probes({
      runtime,
      clock,
      random,
      onChange: (uid) => pods.get(uid)?.kick(),
      onUnhealthy: (pod, container, reason, message) =>
        event(pod, { type: 'Warning', reason, message, fieldPath: `spec.containers{${container.name}}` }),
      onResult: (type, result, pod, container) =>
        metrics.probe(type, result, pod.metadata.namespace ?? '', pod.metadata.name, container.name),
    }),
    statuses: new StatusWriter({ api, clock, log, signal }),
    cgroups,
    metrics,
    naming: await readNaming(options),
    hostIPs: options.nodeIPs,
    machine: machineOf(facts, cgroups),
    seccompRoot: join(rootDir, 'seccomp'),
    slots: new Slots(Math.max(4, Math.ceil(facts.cpuMilli / 500))),
    services: async (pod) => {
      if (!serviceInformer.hasSynced)
        await serviceInformer.whenSynced(AbortSignal.any([signal, timeLimit(clock, SERVICES_WAIT_MS)]))
      const own = serviceInformer.cache.get({ namespace: 'default', name: 'kubernetes' })
      return [...serviceInformer.cache.list(pod.metadata.namespace), ...(own ? [own] : [])]
    },
    pullSecrets: async (pod) => {
      const { namespace = '', uid } = pod.metadata
      const names = (pod.spec.imagePullSecrets ?? []).map((s) => s.name ?? '')
      const found = await Promise.all(names.map((name) => references.secret(uid, namespace, name)))
      const missing = names.filter((_, i) => found[i] === undefined)
      if (missing.length > 0)
        event(pod, {
          type: 'Warning',
          reason: 'FailedToRetrieveImagePullSecret',
          message: `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`,
        })
      return found.filter((s): s is Secret => s !== undefined)
    },
    resizeProblem: (pod) =>
      resizeProblem(
        pod,
        pods.active().filter((p) => p.metadata.uid !== pod.metadata.uid),
        { cpuMilli: facts.cpuMilli, memoryBytes: allocatableMemory(facts) },
      ),
    whenLeft: options.whenLeft ?? (async () => {}),
    event,
    forgotten: (uid) => pods.forgotten(uid),
  }
  const parts: Parts = {
    services,
    pods,
    checkpoints,
    recorder,
    client,
    runtime,
    machine: facts,
    store,
    streams: createStreams(clock),
    node: undefined,
    started: false,
    pressure: { memory: false, disk: false, pid: false },
    rates: new CpuRates(),
  }
  return parts
}

const SERVICES_WAIT_MS = 5_000

/** Where secrets are kept: a file system in memory, mounted once and kept over restarts of the agent. */
async function memoryFolder(host: Host, rootDir: string): Promise<string> {
  const dir = join(rootDir, 'memory')
  await mkdir(dir, { recursive: true, mode: 0o755 })
  if (!(await host.isMounted(dir))) await host.mount(['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', dir])
  return dir
}

const machineOf = (facts: MachineFacts, cgroups: Cgroups): PodServices['machine'] => ({
  cpuMilli: facts.cpuMilli,
  memoryCapacity: facts.memoryBytes,
  cgroupVersion: cgroups.version,
  allocatable: {
    cpuMilli: facts.cpuMilli,
    memoryBytes: allocatableMemory(facts),
    ephemeralBytes: allocatableEphemeral(facts),
  },
})

function housekeep(options: NodeAgentOptions, parts: Parts, signal: AbortSignal): void {
  const { services, pods } = parts
  new Housekeeping({
    ...services,
    signal,
    podsDir: join(options.rootDir, 'pods'),
    memoryDir: join(options.rootDir, 'memory'),
    workers: () => pods.workers,
    complete: () => pods.complete,
    pressure: () => parts.pressure,
    ...(options.imageGc ? { imageGc: options.imageGc } : {}),
    ...(options.logRotation ? { rotation: options.logRotation } : {}),
  }).run()
}

function register(options: NodeAgentOptions, parts: Parts, port: number, signal: AbortSignal): Registration {
  const { api, clock, log, nodeName, rootDir } = options
  const { runtime } = parts
  let leaseOwner: string | undefined
  const registration = new Registration({
    api,
    clock,
    log,
    runtime,
    rootDir,
    signal,
    facts: async () => {
      const { name, version } = await runtime.version()
      return {
        name: nodeName,
        ips: options.nodeIPs,
        machine: parts.machine,
        runtimeVersion: `${name}://${version}`,
        kubeletVersion: KUBELET_VERSION,
        port,
        labels: options.labels ?? {},
      }
    },
    starting: () => !parts.started,
    problems: () => options.problems?.() ?? [],
    onNode: (node) => {
      announceNode(parts, node)
      parts.node = node
      leaseOwner = node.metadata.uid
      options.onNode?.(node)
    },
    onHealth: (health) => {
      parts.pressure = health.pressure
    },
  })
  const onLost = () => {
    // A Lease that belongs to a Node that is gone would go with it again.
    leaseOwner = undefined
    registration.again()
  }
  void keepLease({ api, clock, log, nodeName, nodeUid: () => leaseOwner, onLost, signal })
  return registration
}

function serve(options: NodeAgentOptions, tls: () => ServingTls, parts: Parts): Promise<KubeletServer> {
  const { clock, log } = options
  const { pods, runtime, services, store } = parts
  const view: KubeletView = {
    pods: () => [...pods.workers].map((w) => services.statuses.latest(w.pod)),
    find(namespace, name) {
      const worker = pods.byName(namespace, name)
      return worker ? { pod: services.statuses.latest(worker.pod), observed: worker.observed } : undefined
    },
    logPath: (pod, container, attempt) =>
      join(services.volumes.podDir(pod.metadata.uid), 'logs', containerLogPath(container, attempt)),
    problems: () => (parts.started ? [] : ['the agent has not looked at its pods yet']),
    metrics: async () => {
      countRunning(parts)
      return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: store.text() }
    },
    resourceMetrics: async () => {
      const sample = await takeSample(options, parts).catch((error: Error) => {
        log.warn({ error: error.message }, 'cannot read what the containers use')
        return undefined
      })
      return resourceMetrics(sample)
    },
    statsSummary: async () => statsSummary(await takeSample(options, parts), parts.rates),
  }
  return serveKubelet({
    tls,
    ...(options.nodeIPs[0] ? { host: '0.0.0.0' } : {}),
    port: options.port ?? DEFAULT_PORT,
    view,
    streams: options.streams ?? parts.streams.handler,
    runtime,
    clock,
    log,
  })
}

async function takeSample(
  { nodeName, clock, rootDir }: NodeAgentOptions,
  { runtime, pods }: Parts,
): Promise<NodeSample> {
  const [stats, machine] = await Promise.all([runtime.stats(), readUsage(rootDir)])
  return {
    node: nodeName,
    now: clock.now(),
    machine,
    stats,
    pods: [...pods.workers].map(({ pod, observed }) => ({
      observed,
      startTime: pod.status.startTime ? Date.parse(pod.status.startTime) : undefined,
    })),
  }
}

/** Says when the agent starts, and when the node becomes ready or short of something, or stops being so. */
function announceNode({ recorder, node: before }: Parts, node: Node): void {
  // Events of nodes carry the name where others carry the uid, so that they are found by either.
  const about = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.metadata.name, uid: node.metadata.name },
  }
  for (const news of nodeNews(before, node)) recorder.record(about, { type: 'Normal', ...news })
}

function countRunning({ pods, store }: Parts): void {
  const seen = [...pods.workers].map((w) => w.observed)
  const { user, system } = process.cpuUsage()
  store.set('process_resident_memory_bytes', {}, process.memoryUsage().rss)
  store.set('process_cpu_seconds_total', {}, (user + system) / 1e6)
  store.set('kubelet_running_pods', {}, seen.filter((p) => p.sandboxes.some((s) => s.ready)).length)
  for (const state of ['created', 'running', 'exited', 'unknown']) {
    store.set(
      'kubelet_running_containers',
      { container_state: state },
      seen.flatMap((p) => p.containers).filter((c) => c.state === state).length,
    )
  }
}

function timeLimit(clock: Clock, ms: number): AbortSignal {
  const late = new AbortController()
  clock.after(ms, () => late.abort(new Error('timed out waiting for the condition')))
  return late.signal
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
