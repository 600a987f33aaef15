import { type Api, isApiError, Pod } from '../api/index.ts'
import type { Clock, Log } from '../base/index.ts'
import { type EventRecorder, keyOf, keyText } from '../client/index.ts'
import { disruptedStatus } from './status.ts'

/** What the scheduler writes about pods, bindings aside. */
export class PodWriter {
  readonly #options: {
    readonly api: Api
    readonly clock: Clock
    readonly log: Log
    readonly signal: AbortSignal
    readonly recorder: EventRecorder
  }

  constructor(options: { api: Api; clock: Clock; log: Log; signal: AbortSignal; recorder: EventRecorder }) {
    this.#options = options
  }

  /** Never rejects: the next attempt to schedule says it again. */
  async status(pod: Pod, status: object): Promise<void> {
    const { api, log, signal } = this.#options
    const body = { metadata: { uid: pod.metadata.uid }, status }
    try {
      await api.patch(Pod, keyOf(pod), { type: 'strategic', body }, { subresource: 'status' })
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict') || signal.aborted) return
      log.warn({ pod: keyText(keyOf(pod)), err: error }, 'cannot write the status of a pod')
    }
  }

  /** Asks a pod to leave for a more important one, gracefully. */
  async evict(victim: Pod, by: Pod, node: string): Promise<void> {
    const { api, clock, recorder } = this.#options
    await this.status(victim, disruptedStatus(victim, by, clock.now()))
    try {
      await api.delete(Pod, keyOf(victim), { preconditions: { uid: victim.metadata.uid } })
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict')) return
      throw error
    }
    const message = `Preempted by pod ${by.metadata.uid} on node ${node}`
    recorder.record(victim, { type: 'Normal', reason: 'Preempted', message })
  }
}
