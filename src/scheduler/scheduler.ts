import { type Api, isApiError, Pod, type UserInfo } from '../api/index.ts'
import { type Clock, type Log, type Random, sleep } from '../base/index.ts'
import {
  EventRecorder,
  type Informer,
  type InformerEvent,
  Informers,
  keyOf,
  keyText,
  type Metrics,
} from '../client/index.ts'
import { Decider, type Failure } from './decide.ts'
import { type Followed, follow } from './follow.ts'
import type { Plugin } from './framework.ts'
import { defaultPlugins } from './plugins/index.ts'
import { type QueuedPod, type QueueState, SchedulingQueue } from './queue/queue.ts'
import { type PlacedPod, Snapshot } from './snapshot/snapshot.ts'
import { disruptedStatus, unschedulableStatus } from './status.ts'

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
export function mergePlugins(own: readonly Plugin[] = []): readonly Plugin[] {
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
    this.#queue = new SchedulingQueue({ clock, plugins: this.#plugins, wake: () => this.#wake() })
    this.#recorder = new EventRecorder({ api, clock, random, log, component: this.#name })
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
    this.#snapshot.nominations.delete(uid)
    const placed = this.#snapshot.placed(uid)
    if (!placed) return
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
        this.#queue.retry(item)
      }
    }
    this.#awake = false
  }

  #schedule(item: QueuedPod): void {
    const decision = this.#decider.decide(this.#snapshot, item.pod, item.shape)
    if (decision.outcome === 'none') {
      this.#fail(item, decision.failure)
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
    const bound = this.#bind(item, node).finally(() => {
      this.#binding.delete(bound)
      this.#wake()
    })
    this.#binding.add(bound)
  }

  /** Never rejects: a pod that cannot be bound goes back into the queue. */
  async #bind(item: QueuedPod, node: string): Promise<void> {
    const { pod } = item
    try {
      await this.#permit(pod, node)
      for (const plugin of this.#plugins) if (plugin.preBind) await plugin.preBind(pod, node)
      await this.#bindBy(pod, node)
      for (const plugin of this.#plugins) plugin.postBind?.(pod, node)
      const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`
      this.#recorder.record(pod, { type: 'Normal', reason: 'Scheduled', message })
    } catch (error) {
      this.#notBound(item, node, error)
    }
  }

  async #permit(pod: Pod, node: string): Promise<void> {
    const { clock, signal } = this.#options
    const waits: Promise<void>[] = []
    for (const plugin of this.#plugins) {
      const permit = plugin.permit?.(pod, node)
      if (permit?.answer === 'reject') throw new Error(`${plugin.name}: ${permit.reason}`)
      if (permit?.answer !== 'wait') continue
      const stop = new AbortController()
      const late = sleep(clock, permit.timeoutMs, AbortSignal.any([signal, stop.signal])).then(() => {
        throw new Error(`${plugin.name} gave no permission within ${permit.timeoutMs} ms`)
      })
      late.catch(() => {})
      waits.push(Promise.race([permit.until, late]).finally(() => stop.abort()))
    }
    await Promise.all(waits)
  }

  async #bindBy(pod: Pod, node: string): Promise<void> {
    for (const plugin of this.#plugins) if (plugin.bind && (await plugin.bind(pod, node))) return
    const { namespace, name, uid } = pod.metadata
    const body = { metadata: { namespace, name, uid }, target: { kind: 'Node', name: node } }
    await this.#options.api.call(Pod, { namespace, name }, { subresource: 'binding', method: 'POST', body })
  }

  #notBound(item: QueuedPod, node: string, error: unknown): void {
    const { pod } = item
    for (const plugin of this.#plugins.toReversed()) plugin.unreserve?.(pod, node)
    // The answer may have been lost on the way: what the informer says counts.
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
    this.#queue.retry(item)
  }

  #fail(item: QueuedPod, failure: Failure): void {
    const { pod, shape } = item
    const rescue = this.#decider.rescue(this.#snapshot, pod, shape, failure)
    const message = rescue && 'message' in rescue ? `${failure.message} ${rescue.message}` : failure.message
    const promised = pod.status.nominatedNodeName || undefined
    let nominated = promised
    if (rescue && 'nominate' in rescue) nominated = rescue.nominate
    else if (rescue && !rescue.keepNomination) nominated = undefined
    this.#snapshot.nominations.set(pod, shape, nominated)
    this.#queue.park(item, failure.rejectedBy)
    this.#recorder.record(pod, { type: 'Warning', reason: 'FailedScheduling', message })
    const change = unschedulableStatus(pod, message, nominated, this.#options.clock.now())
    if (change) void this.#patchStatus(pod, change)
    if (rescue && 'nominate' in rescue) void this.#preempt(item, rescue.nominate, rescue.evict)
  }

  /** Asks the victims to leave, gracefully; the pod is tried again as they go. */
  async #preempt(item: QueuedPod, node: string, victims: readonly PlacedPod[]): Promise<void> {
    const { log } = this.#options
    for (const other of this.#snapshot.nominations.on(node)) {
      if (other.shape.priority >= item.shape.priority) continue
      this.#snapshot.nominations.delete(other.pod.metadata.uid)
      this.#queue.activate(other.pod.metadata.uid)
      void this.#patchStatus(other.pod, { nominatedNodeName: null })
    }
    const waiting = victims.filter((v) => !v.pod.metadata.deletionTimestamp)
    try {
      await Promise.all(waiting.map((victim) => this.#evict(victim.pod, item.pod, node)))
    } catch (error) {
      log.warn({ pod: keyText(keyOf(item.pod)), node, err: error }, 'cannot make room for a pod')
      this.#queue.activate(item.pod.metadata.uid)
    }
  }

  async #evict(victim: Pod, by: Pod, node: string): Promise<void> {
    const { api, clock } = this.#options
    await this.#patchStatus(victim, disruptedStatus(by, clock.now()))
    try {
      await api.delete(Pod, keyOf(victim), { preconditions: { uid: victim.metadata.uid } })
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict')) return
      throw error
    }
    const message = `Preempted by pod ${by.metadata.uid} on node ${node}`
    this.#recorder.record(victim, { type: 'Normal', reason: 'Preempted', message })
  }

  /** Never rejects: the next attempt says it again. */
  async #patchStatus(pod: Pod, status: object): Promise<void> {
    const { api, log } = this.#options
    const body = { metadata: { uid: pod.metadata.uid }, status }
    try {
      await api.patch(Pod, keyOf(pod), { type: 'strategic', body }, { subresource: 'status' })
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict') || !this.#running) return
      log.warn({ pod: keyText(keyOf(pod)), err: error }, 'cannot write the status of a pod')
    }
  }
}
