import type { Clock, Metrics } from '../base/index.ts'
import type { QueuedPod, QueueState } from './queue/queue.ts'

export type Result = 'scheduled' | 'unschedulable' | 'error'

const QUEUES = ['active', 'backoff', 'unschedulable', 'gated'] as const
/** More attempts than this are one series. */
const MAX_ATTEMPTS = 16

/** What the scheduler counts, under the names that kube-scheduler has for it. */
export class SchedulerMetrics {
  readonly #metrics: Metrics
  readonly #clock: Clock
  readonly #profile: string

  constructor(metrics: Metrics, clock: Clock, profile: string) {
    this.#metrics = metrics
    this.#clock = clock
    this.#profile = profile
  }

  /** An attempt that began at `start` (monotonic) has come to an end. */
  attempted(result: Result, start: number): void {
    const labels = { result, profile: this.#profile }
    this.#metrics.increment('scheduler_schedule_attempts_total', labels)
    this.#metrics.observe('scheduler_scheduling_attempt_duration_seconds', labels, this.#since(start))
  }

  decided(start: number): void {
    this.#metrics.observe('scheduler_scheduling_algorithm_duration_seconds', {}, this.#since(start))
  }

  bound(item: QueuedPod): void {
    const attempts = item.attempts > MAX_ATTEMPTS ? `${MAX_ATTEMPTS}+` : String(item.attempts)
    this.#metrics.observe(
      'scheduler_pod_scheduling_sli_duration_seconds',
      { attempts },
      this.#since(item.queuedAt),
    )
    this.#metrics.observe('scheduler_pod_scheduling_attempts', {}, item.attempts)
  }

  preempted(victims: number): void {
    this.#metrics.observe('scheduler_preemption_victims', {}, victims)
  }

  preemptionTried(): void {
    this.#metrics.increment('scheduler_preemption_attempts_total', {})
  }

  moved(queue: QueueState, event: string): void {
    this.#metrics.increment('scheduler_queue_incoming_pods_total', { queue, event })
  }

  sizes(waiting: Readonly<Record<QueueState, number>>, nodes: number, pods: number): void {
    for (const queue of QUEUES) this.#metrics.set('scheduler_pending_pods', { queue }, waiting[queue])
    this.#metrics.set('scheduler_cache_size', { type: 'nodes' }, nodes)
    this.#metrics.set('scheduler_cache_size', { type: 'pods' }, pods)
    this.#metrics.set('scheduler_cache_size', { type: 'assumed_pods' }, waiting.inFlight)
  }

  #since(start: number): number {
    return (this.#clock.monotonic() - start) / 1000
  }
}
