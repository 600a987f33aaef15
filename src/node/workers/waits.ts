import type { ContainerStatus, Pod } from '../../api/index.ts'
import type { Failure } from '../plan/facts.ts'
import { LATER_MS } from '../plan/plan.ts'
import { podFullText } from '../spec/labels.ts'
import { containerNamed } from '../spec/resources.ts'
import { fieldPathOf } from './container-actions.ts'
import type { PodServices } from './services.ts'

/** Says once, as an event, that something now waits: a failed pull for its next try, a container that keeps ending. */
export class Waits {
  readonly #event: PodServices['event']
  readonly #said = new Map<string, Failure | string>()

  constructor(event: PodServices['event']) {
    this.#event = event
  }

  announce(
    pod: Pod,
    failures: ReadonlyMap<string, Failure>,
    statuses: readonly ContainerStatus[],
    now: number,
  ): void {
    for (const [name, failure] of failures) {
      if (!failure.later || now < failure.at + LATER_MS || this.#said.get(name) === failure) continue
      this.#said.set(name, failure)
      const fieldPath = fieldPathOf(pod, name)
      const image = containerNamed(pod, name)?.image ?? ''
      this.#event(pod, {
        type: 'Normal',
        reason: 'BackOff',
        message: `Back-off pulling image "${image}"`,
        fieldPath,
      })
      this.#event(pod, {
        type: 'Warning',
        reason: 'Failed',
        message: `Error: ${failure.later.reason}`,
        fieldPath,
      })
    }
    for (const s of statuses) {
      if (s.state.waiting?.reason !== 'CrashLoopBackOff') continue
      const ended = s.lastState.terminated?.containerID ?? ''
      if (this.#said.get(s.name) === ended) continue
      this.#said.set(s.name, ended)
      const message = `Back-off restarting failed container ${s.name} in pod ${podFullText(pod)}`
      this.#event(pod, { type: 'Warning', reason: 'BackOff', message, fieldPath: fieldPathOf(pod, s.name) })
    }
  }
}
