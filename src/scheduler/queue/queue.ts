import type { Pod } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Plugin } from '../framework.ts'
import type { PodShape } from '../snapshot/shape.ts'
import type { ClusterEvent } from './events.ts'
import { Heap, type HeapItem } from './heap.ts'

/** Where a pod that has no node yet is. */
export type QueueState = 'active' | 'backoff' | 'unschedulable' | 'gated' | 'inFlight'

export interface QueuedPod extends HeapItem {
  pod: Pod
  shape: PodShape
  priority: number
  state: QueueState
  /** When it came into the queue: earlier pods of the same priority go first. */
  readonly queuedAt: number
  /** Times it was tried. */
  attempts: number
  /** Failures in a row, which make its back-off. */
  failures: number
  /** Not tried again before this. */
  backoffUntil: number
  parkedAt: number
  /** Plugins that rejected it last; an event that one of them waits for brings it back. */
  rejectedBy: ReadonlySet<string>
}

export interface QueueOptions {
  readonly clock: Clock
  readonly plugins: readonly Plugin[]
  /** There is something to pop. */
  readonly wake: () => void
  readonly onMove?: (to: QueueState, why: string) => void
}

const BACKOFF_MS = 1000
const MAX_BACKOFF_MS = 10_000
/** A pod that no event brought back is tried again after this long, should a hint have been wrong. */
const MAX_PARKED_MS = 5 * 60_000
const FLUSH_MS = 30_000
const MAX_EARLY = 50

/** Pods that wait for a node: ready to be tried, waiting for their back-off to end, or for something to change. */
export class SchedulingQueue {
  readonly #options: QueueOptions
  readonly #byName: ReadonlyMap<string, Plugin>
  readonly #pods = new Map<string, QueuedPod>()
  readonly #active: Heap<QueuedPod>
  readonly #backoff = new Heap<QueuedPod>((a, b) => a.backoffUntil - b.backoffUntil)
  /** Pods that the same event helps, together: those of one shape with the same rejections. */
  readonly #parked = new Map<string, Set<QueuedPod>>()
  readonly #counts: Record<QueueState, number> = {
    active: 0,
    backoff: 0,
    unschedulable: 0,
    gated: 0,
    inFlight: 0,
  }
  #cancelTimer: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(options: QueueOptions) {
    this.#options = options
    this.#byName = new Map(options.plugins.map((p) => [p.name, p]))
    const sort = options.plugins.find((p) => p.queueSort)
    this.#active = new Heap((a, b) => sort?.queueSort?.(a, b) ?? a.queuedAt - b.queuedAt)
  }

  /** A pod without a node is new or has changed. */
  put(pod: Pod, shape: PodShape): void {
    const now = this.#options.clock.monotonic()
    const { uid } = pod.metadata
    const known = this.#pods.get(uid)
    if (!known) {
      const item: QueuedPod = {
        pod,
        shape,
        priority: shape.priority,
        state: 'gated',
        queuedAt: now,
        attempts: 0,
        failures: 0,
        backoffUntil: 0,
        parkedAt: 0,
        rejectedBy: NOBODY,
        heapIndex: -1,
      }
      this.#pods.set(uid, item)
      this.#counts.gated++
      this.#admit(item, 'PodAdd')
      return
    }
    const changed = known.shape !== shape
    known.pod = pod
    if (known.state === 'inFlight') {
      known.shape = shape
      return
    }
    if (known.state === 'gated') {
      known.shape = shape
      known.priority = shape.priority
      this.#admit(known, 'PodUpdate')
    } else if (changed) {
      this.#leave(known)
      known.shape = shape
      known.priority = shape.priority
      known.failures = 0
      known.backoffUntil = 0
      this.#admit(known, 'PodUpdate')
    }
  }

  delete(uid: string): void {
    const item = this.#pods.get(uid)
    if (!item) return
    this.#leave(item)
    this.#pods.delete(uid)
    this.#counts[item.state]--
  }

  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid)
  }

  /** The next pod to try; it is in flight until it is parked, retried or deleted. */
  pop(): QueuedPod | undefined {
    const item = this.#active.pop() ?? this.#early()
    if (!item) return undefined
    this.#become(item, 'inFlight')
    item.attempts++
    return item
  }

  /**
   * Nothing else is to do, and something happened that may help a pod in its back-off: it need not wait. When many
   * wait, they do, so that a busy cluster does not try them with every change.
   */
  #early(): QueuedPod | undefined {
    const next = this.#backoff.peek()
    if (!next || next.rejectedBy.size === 0 || this.#backoff.size > MAX_EARLY) return undefined
    return this.#backoff.pop()
  }

  /** No node took it: it waits for an event that one of these plugins waits for. */
  park(item: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    if (this.#pods.get(item.pod.metadata.uid) !== item) return
    const now = this.#options.clock.monotonic()
    this.#failed(item, now)
    item.rejectedBy = rejectedBy
    this.#become(item, 'unschedulable', 'ScheduleAttemptFailure')
    item.parkedAt = now
    const key = groupOf(item)
    const group = this.#parked.get(key)
    if (group) group.add(item)
    else this.#parked.set(key, new Set([item]))
    this.#setTimer(now + FLUSH_MS)
  }

  /** Something failed that has nothing to do with the cluster's state: again after a back-off. */
  retry(item: QueuedPod): void {
    if (this.#pods.get(item.pod.metadata.uid) !== item) return
    this.#failed(item, this.#options.clock.monotonic())
    item.rejectedBy = NOBODY
    this.#activate(item, 'ScheduleAttemptFailure')
  }

  /** Brings back the parked pods that this may help. */
  on(event: ClusterEvent): void {
    for (const [key, group] of this.#parked) {
      const helped = this.#helped(event, group)
      if (helped.length === 0) continue
      for (const item of helped) {
        group.delete(item)
        this.#activate(item, event.type)
      }
      if (group.size === 0) this.#parked.delete(key)
    }
  }

  /** Brings back pods at once, back-off or not: somebody knows that they can be scheduled now. */
  activate(uid: string): void {
    const item = this.#pods.get(uid)
    if (!item || item.state === 'inFlight' || item.state === 'active' || item.state === 'gated') return
    this.#leave(item)
    item.backoffUntil = 0
    this.#activate(item, 'ForceActivate')
  }

  counts(): Readonly<Record<QueueState, number>> {
    return { ...this.#counts }
  }

  close(): void {
    this.#cancelTimer?.()
    this.#timerAt = Number.NEGATIVE_INFINITY
  }

  #admit(item: QueuedPod, why: string): void {
    for (const plugin of this.#options.plugins) {
      if (plugin.preEnqueue?.(item.pod) === undefined) continue
      this.#become(item, 'gated', why)
      item.rejectedBy = new Set([plugin.name])
      return
    }
    this.#activate(item, why)
  }

  #activate(item: QueuedPod, why: string): void {
    if (item.backoffUntil > this.#options.clock.monotonic()) {
      this.#become(item, 'backoff', why)
      this.#backoff.push(item)
      this.#setTimer(item.backoffUntil)
    } else {
      this.#become(item, 'active', why)
      this.#active.push(item)
    }
    this.#options.wake()
  }

  #become(item: QueuedPod, state: QueueState, why?: string): void {
    this.#counts[item.state]--
    this.#counts[state]++
    item.state = state
    if (why !== undefined) this.#options.onMove?.(state, why)
  }

  #leave(item: QueuedPod): void {
    if (item.state === 'active') this.#active.remove(item)
    else if (item.state === 'backoff') this.#backoff.remove(item)
    else if (item.state === 'unschedulable') {
      const key = groupOf(item)
      const group = this.#parked.get(key)
      if (group?.delete(item) && group.size === 0) this.#parked.delete(key)
    }
  }

  #failed(item: QueuedPod, now: number): void {
    item.failures++
    item.backoffUntil = now + Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(10, item.failures - 1))
  }

  /** Pods of a group are alike, so that one answers for all, unless a plugin that looks at more had its say. */
  #helped(event: ClusterEvent, group: ReadonlySet<QueuedPod>): readonly QueuedPod[] {
    const first: QueuedPod = group.values().next().value!
    const alike = [...first.rejectedBy].every((name) => this.#byName.get(name)?.scope !== undefined)
    const items = [...group]
    if (alike) return this.#helps(event, first) ? items : []
    return items.filter((item) => this.#helps(event, item))
  }

  #helps(event: ClusterEvent, { pod, shape, rejectedBy }: QueuedPod): boolean {
    if (rejectedBy.size === 0) return true
    for (const name of rejectedBy) {
      const interests = this.#byName.get(name)?.events
      if (interests === undefined) return true
      for (const { on, hint } of interests) {
        if (on === event.type && (hint === undefined || hint(pod, event as never, shape))) return true
      }
    }
    return false
  }

  #setTimer(at: number): void {
    if (at >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = at
    const { clock } = this.#options
    this.#cancelTimer = clock.after(at - clock.monotonic(), () => this.#onTimer())
  }

  #onTimer(): void {
    const now = this.#options.clock.monotonic()
    this.#timerAt = Number.POSITIVE_INFINITY
    for (let item = this.#backoff.peek(); item && item.backoffUntil <= now; item = this.#backoff.peek()) {
      this.#backoff.pop()
      this.#activate(item, 'BackoffComplete')
    }
    for (const [key, group] of this.#parked) {
      for (const item of group) {
        if (item.parkedAt + MAX_PARKED_MS > now) continue
        group.delete(item)
        this.#activate(item, 'UnschedulableTimeout')
      }
      if (group.size === 0) this.#parked.delete(key)
    }
    const next = this.#backoff.peek()
    if (next) this.#setTimer(next.backoffUntil)
    if (this.#parked.size > 0) this.#setTimer(now + FLUSH_MS)
  }
}

const NOBODY: ReadonlySet<string> = new Set()

const groupOf = (item: QueuedPod) => `${item.shape.id} ${[...item.rejectedBy].sort().join(' ')}`
