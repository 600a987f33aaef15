import { type Api, isApiError, Pod, type UserInfo } from '../api/index.ts'
import { type Clock, type Log, type Metrics, noMetrics, type Random } from '../base/index.ts'
import {
  EventRecorder,
  type Informer,
  type InformerEvent,
  Informers,
  keyOf,
  keyText,
} from '../client/index.ts'
import { bindPod } from './binding.ts'
import { Decider, type Failure } from './decide.ts'
import { type Followed, follow } from './follow.ts'
import type { Plugin } from './framework.ts'
import { SchedulerMetrics } from './metrics.ts'
import { defaultPlugins } from './plugins/index.ts'
import { type QueuedPod, type QueueState, SchedulingQueue } from './queue/queue.ts'
import { type PlacedPod, Snapshot } from './snapshot/snapshot.ts'
import { unschedulableStatus } from './status.ts'
import { PodWriter } from './writer.ts'

export interface SchedulerOptions {
  /** The API as the scheduler's user, `system:kube-scheduler`. */
  readonly api: Api
  /** Shared with others in the process; made here when absent. */
  readonly informers?: Informers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends everything. */
  readonly signal: AbortSignal
  /** More rules, after the built-in ones; one with a built-in plugin's name takes its place. */
  readonly plugins?: readonly Plugin[]
  readonly metrics?: Metrics
  /** Pods with this spec.schedulerName are its own; `default-scheduler` when absent. */
  readonly name?: string
}

export interface RunningScheduler {
  /** Resolves when it knows the cluster and has begun to schedule. */
  readonly ready: Promise<void>
  /** Resolves once the signal has aborted and nothing is being bound any more. */
  readonly stopped: Promise<void>
  /** Pods without a node, by where they wait. */
  waiting(): Readonly<Record<QueueState, number>>
}

/** Whom the API should be asked as. */
export const SCHEDULER: UserInfo = { username: 'system:kube-scheduler', groups: ['system:authenticated'] }

/** A turn of the event loop is not held longer than this. */
const SLICE_MS = 5
const SLICE_PODS = 100
/** So many pods are bound at a time; the next ones wait for these. */
const MAX_BINDING = 500

/** Gives every pod a node: watches the cluster, decides, and binds. */
export function startScheduler(options: SchedulerOptions): RunningScheduler {
  const { api, clock, random, log, signal } = options
  const informers = options.informers ?? new Informers({ api, clock, random, log, signal })
  const scheduler = new Scheduler(options, informers)
  const ready = scheduler.start()
  ready.catch(() => {})
  const stopped = new Promise<void>((resolve) => {
    const stop = () => resolve(scheduler.stop())
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  return { ready, stopped, waiting: () => scheduler.waiting() }
}

/** The built-in plugins and those of the user, who may replace some. */
function mergePlugins(own: readonly Plugin[] = []): readonly Plugin[] {
  const replaced = new Map(own.map((p) => [p.name, p]))
  const builtin = defaultPlugins.map((p) => replaced.get(p.name) ?? p)
  return [...builtin, ...own.filter((p) => !builtin.includes(p))]
}

class Scheduler {
  readonly #options: SchedulerOptions
  readonly #pods: Informer<Pod>
  readonly #followed: Followed
  readonly #name: string
  readonly #plugins: readonly Plugin[]
  readonly #snapshot = new Snapshot()
  readonly #queue: SchedulingQueue
  readonly #decider: Decider
  readonly #recorder: EventRecorder
  readonly #metrics: SchedulerMetrics
  readonly #writer: PodWriter
  readonly #binding = new Set<Promise<void>>()
  readonly #unsubscribe: (() => void)[] = []
  #running = false
  #awake = false

  constructor(options: SchedulerOptions, informers: Informers) {
    const { api, clock, random, log } = options
    this.#options = options
    this.#pods = informers.for(Pod)
    this.#followed = follow(informers, this.#snapshot, (event) => this.#queue.on(event))
    this.#name = options.name ?? 'default-scheduler'
    this.#plugins = mergePlugins(options.plugins)
    this.#decider = new Decider(this.#plugins, random)
    this.#metrics = new SchedulerMetrics(options.metrics ?? noMetrics, clock, this.#name)
    this.#queue = new SchedulingQueue({
      clock,
      plugins: this.#plugins,
      wake: () => this.#wake(),
      onMove: (to, why) => this.#metrics.moved(to, why),
    })
    this.#recorder = new EventRecorder({ api, clock, random, log, component: this.#name })
    this.#writer = new PodWriter({ ...options, recorder: this.#recorder })
  }

  async start(): Promise<void> {
    const { signal } = this.#options
    await Promise.all([this.#pods.whenSynced(signal), this.#followed.whenSynced(signal)])
    this.#unsubscribe.push(
      this.#followed.start(),
      this.#pods.on((e) => this.#onPod(e)),
    )
    this.#running = true
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#running = false
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#queue.close()
    await Promise.all(this.#binding)
    await this.#recorder.stop()
  }

  waiting(): Readonly<Record<QueueState, number>> {
    return this.#queue.counts()
  }

  #onPod(event: InformerEvent<Pod>): void {
    const pod = event.object
    const { phase } = pod.status
    if (event.type === 'deleted' || phase === 'Succeeded' || phase === 'Failed') this.#gone(pod)
    else if (pod.spec.nodeName) this.#placed(pod, pod.spec.nodeName)
    else if (pod.spec.schedulerName === this.#name) {
      if (pod.metadata.deletionTimestamp) this.#gone(pod)
      else this.#waits(pod)
    }
  }

  #waits(pod: Pod): void {
    const shape = this.#snapshot.shapes.of(pod)
    this.#queue.put(pod, shape)
    if (this.#queue.get(pod.metadata.uid)?.state === 'inFlight') return
    this.#snapshot.nominations.set(pod, shape, pod.status.nominatedNodeName)
  }

  #placed(pod: Pod, node: string): void {
    const { uid } = pod.metadata
    const before = this.#snapshot.placed(uid)
    this.#queue.delete(uid)
    this.#snapshot.nominations.delete(uid)
    this.#snapshot.place(pod, node)
    const after = this.#snapshot.placed(uid)!
    if (!before) this.#queue.on({ type: 'PodPlaced', pod })
    else if (before.pod.spec.nodeName && before.shape !== after.shape) {
      this.#queue.on({ type: 'PodChanged', pod, old: before.pod })
    }
  }

  #gone(pod: Pod): void {
    const { uid } = pod.metadata
    this.#queue.delete(uid)
    const wasPromised = this.#snapshot.nominations.delete(uid)
    const placed = this.#snapshot.placed(uid)
    if (!placed) {
      // The room that was kept for it is there for others.
      if (wasPromised) this.#queue.on({ type: 'PodGone', pod })
      return
    }
    const node = this.#snapshot.nodes.nameOf(placed.slot)
    this.#snapshot.displace(uid)
    this.#leftNode(pod, node)
  }

  /** Whoever was promised the node is tried at once, before others see the room. */
  #leftNode(pod: Pod, node: string): void {
    for (const { pod: next } of this.#snapshot.nominations.on(node)) {
      this.#queue.activate(next.metadata.uid)
    }
    this.#queue.on({ type: 'PodGone', pod })
  }

  #wake(): void {
    if (!this.#running || this.#awake) return
    this.#awake = true
    queueMicrotask(() => this.#slice())
  }

  /** Schedules until nothing is left to do or it is time to let others run. */
  #slice(): void {
    const { clock, log } = this.#options
    const end = clock.monotonic() + SLICE_MS
    for (let n = 0; this.#running && this.#binding.size < MAX_BINDING; n++) {
      if (n === SLICE_PODS || clock.monotonic() > end) {
        setImmediate(() => this.#slice())
        return
      }
      const item = this.#queue.pop()
      if (!item) break
      try {
        this.#schedule(item)
      } catch (error) {
        log.error({ pod: keyText(keyOf(item.pod)), err: error }, 'a plugin failed')
        this.#metrics.attempted('error', clock.monotonic())
        this.#queue.retry(item)
      }
    }
    this.#awake = false
    this.#metrics.sizes(this.#queue.counts(), this.#snapshot.nodes.count, this.#snapshot.podCount)
  }

  #schedule(item: QueuedPod): void {
    const start = this.#options.clock.monotonic()
    const decision = this.#decider.decide(this.#snapshot, item.pod, item.shape)
    this.#metrics.decided(start)
    if (decision.outcome === 'none') {
      this.#fail(item, decision.failure)
      this.#metrics.attempted('unschedulable', start)
      return
    }
    const { node } = decision
    const reserved: Plugin[] = []
    try {
      for (const plugin of this.#plugins) {
        if (!plugin.reserve) continue
        reserved.push(plugin)
        plugin.reserve(item.pod, node)
      }
    } catch (error) {
      for (const plugin of reserved.reverse()) plugin.unreserve?.(item.pod, node)
      throw error
    }
    this.#snapshot.nominations.delete(item.pod.metadata.uid)
    this.#snapshot.place(item.pod, node)
    const bound = this.#bind(item, node, start).finally(() => {
      this.#binding.delete(bound)
      this.#wake()
    })
    this.#binding.add(bound)
  }

  /** Never rejects: a pod that cannot be bound goes back into the queue. */
  async #bind(item: QueuedPod, node: string, start: number): Promise<void> {
    const { pod } = item
    const isWanted = () => this.#running && this.#queue.get(pod.metadata.uid) === item
    try {
      await bindPod({ ...this.#options, plugins: this.#plugins, isWanted }, pod, node)
      const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`
      this.#recorder.record(pod, { type: 'Normal', reason: 'Scheduled', message })
      this.#metrics.attempted('scheduled', start)
      this.#metrics.bound(item)
    } catch (error) {
      this.#metrics.attempted('error', start)
      this.#notBound(item, node, error)
    }
  }

  #notBound(item: QueuedPod, node: string, error: unknown): void {
    const { pod } = item
    for (const plugin of this.#plugins.toReversed()) plugin.unreserve?.(pod, node)
    const placed = this.#snapshot.placed(pod.metadata.uid)
    if (placed && !placed.pod.spec.nodeName && this.#snapshot.displace(pod.metadata.uid)) {
      this.#leftNode(pod, node)
    }
    if (!this.#running) return
    const usual = isApiError(error, 'NotFound', 'Conflict')
    this.#options.log[usual ? 'debug' : 'warn'](
      { pod: keyText(keyOf(pod)), node, err: error },
      'cannot bind a pod',
    )
    if (!usual) {
      const message = error instanceof Error ? error.message : String(error)
      this.#recorder.record(pod, { type: 'Warning', reason: 'FailedScheduling', message })
    }
    this.#queue.retry(item)
  }

  #fail(item: QueuedPod, failure: Failure): void {
    const { pod, shape } = item
    const rescue = this.#decider.rescue(this.#snapshot, pod, shape, failure)
    if (rescue) this.#metrics.preemptionTried()
    const message = rescue && 'message' in rescue ? `${failure.message} ${rescue.message}` : failure.message
    let nominated = this.#snapshot.nominations.nodeOf(pod.metadata.uid)
    if (rescue && 'nominate' in rescue) nominated = rescue.nominate
    else if (rescue && !rescue.keepNomination) nominated = undefined
    this.#snapshot.nominations.set(pod, shape, nominated)
    this.#queue.park(item, failure.rejectedBy)
    this.#recorder.record(pod, { type: 'Warning', reason: 'FailedScheduling', message })
    const change = unschedulableStatus(pod, message, nominated, this.#options.clock.now())
    if (change) void this.#writer.status(pod, change)
    if (rescue && 'nominate' in rescue) void this.#preempt(item, rescue.nominate, rescue.evict)
  }

  /** Asks the victims to leave, gracefully; the pod is tried again as they go. */
  async #preempt(item: QueuedPod, node: string, victims: readonly PlacedPod[]): Promise<void> {
    const { log } = this.#options
    for (const other of this.#snapshot.nominations.on(node)) {
      if (other.shape.priority >= item.shape.priority) continue
      this.#snapshot.nominations.delete(other.pod.metadata.uid)
      this.#queue.activate(other.pod.metadata.uid)
      void this.#writer.status(other.pod, { nominatedNodeName: null })
    }
    this.#metrics.preempted(victims.length)
    const waiting = victims.filter((v) => !v.pod.metadata.deletionTimestamp)
    try {
      await Promise.all(waiting.map((victim) => this.#writer.evict(victim.pod, item.pod, node)))
    } catch (error) {
      log.warn({ pod: keyText(keyOf(item.pod)), node, err: error }, 'cannot make room for a pod')
      this.#queue.activate(item.pod.metadata.uid)
    }
  }
}
