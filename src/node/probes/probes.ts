import type { Container, Pod, Probe } from '../../api/index.ts'
import type { Clock, Random } from '../../base/index.ts'
import type { ProbeFacts } from '../plan/facts.ts'
import type { ContainerRuntime, ObservedContainer } from '../runtime/runtime.ts'
import { type ProbeOutcome, probe } from './actions.ts'
import { begin, count, type ProbeCount } from './count.ts'

export type ProbeType = 'startup' | 'liveness' | 'readiness'
const TYPES: readonly ProbeType[] = ['startup', 'liveness', 'readiness']

export interface ProbesDeps {
  readonly runtime: Pick<ContainerRuntime, 'exec'>
  readonly clock: Clock
  readonly random: Random
  /** A verdict changed: the pod is to be looked at again. */
  readonly onChange: (uid: string) => void
  readonly onUnhealthy: (
    pod: Pod,
    container: Container,
    reason: 'Unhealthy' | 'ProbeWarning',
    message: string,
  ) => void
  readonly onResult?: (type: ProbeType, result: string, pod: Pod, container: Container) => void
}

interface Probed {
  readonly id: string
  readonly uid: string
  readonly stop: AbortController
  readonly counts: Map<ProbeType, ProbeCount>
}

/** One probe of one running container. */
interface Run {
  readonly pod: Pod
  readonly container: Container
  readonly probed: Probed
  readonly type: ProbeType
  readonly spec: Probe
  readonly seen: ObservedContainer
  readonly podIP: string
}

/** The pauses between the first tries of a container that has just started, as far as its period allows them. */
const EAGER_MS = [50, 100, 150, 200, 250, 250, 500, 500]

/** When to ask again though the period is not over; undefined: when it is. */
function eagerDelay(run: Run, before: ProbeCount, eager: number, periodMs: number): number | undefined {
  if (run.type === 'liveness' || before.verdict === 'success' || before.last !== undefined) return undefined
  const delay = EAGER_MS[eager]
  const spent = EAGER_MS.slice(0, eager).reduce((sum, ms) => sum + ms, 0)
  return delay === undefined || spent + delay > periodMs ? undefined : delay
}

/** The probes of the containers that run on this node: a timer each, started and stopped with the container. */
export class Probes {
  readonly #deps: ProbesDeps
  readonly #probed = new Map<string, Probed>()

  constructor(deps: ProbesDeps) {
    this.#deps = deps
  }

  /** Starts probing containers of the pod that run, and stops probing those that do not. */
  sync(
    pod: Pod,
    specs: readonly Container[],
    containers: readonly ObservedContainer[],
    podIP: string,
    terminal: boolean,
  ): void {
    const running = new Set<string>()
    for (const seen of containers) {
      const spec = specs.find((c) => c.name === seen.name)
      if (seen.state !== 'running' || !spec) continue
      running.add(seen.id)
      if (!this.#probed.has(seen.id)) this.#start(pod, spec, seen, podIP)
    }
    for (const [id, probed] of this.#probed) {
      if (probed.uid !== pod.metadata.uid) continue
      if (!running.has(id)) this.#stop(id)
      else if (terminal) probed.counts.delete('liveness')
    }
  }

  facts(seen: ObservedContainer): ProbeFacts {
    const counts = this.#probed.get(seen.id)?.counts
    const startup = counts?.get('startup')
    return {
      started: startup ? startup.verdict === 'success' : true,
      ready: counts?.get('readiness') ? counts.get('readiness')!.verdict === 'success' : true,
      failed:
        startup?.verdict === 'failure'
          ? 'startup'
          : counts?.get('liveness')?.verdict === 'failure'
            ? 'liveness'
            : undefined,
    }
  }

  forget(uid: string): void {
    for (const [id, probed] of this.#probed) if (probed.uid === uid) this.#stop(id)
  }

  stop(): void {
    for (const id of [...this.#probed.keys()]) this.#stop(id)
  }

  #stop(id: string): void {
    this.#probed.get(id)?.stop.abort()
    this.#probed.delete(id)
  }

  #start(pod: Pod, container: Container, seen: ObservedContainer, podIP: string): void {
    const probed: Probed = {
      id: seen.id,
      uid: pod.metadata.uid,
      stop: new AbortController(),
      counts: new Map(),
    }
    this.#probed.set(seen.id, probed)
    // A container that was found ready and running keeps that until a probe says otherwise: restarting the agent
    // must not take it out of service.
    const before = [
      ...(pod.status.initContainerStatuses ?? []),
      ...(pod.status.containerStatuses ?? []),
    ].find((s) => s.containerID === `containerd://${seen.id}`)
    const starting = container.startupProbe !== undefined && before?.started !== true
    for (const type of TYPES) {
      const spec = specOf(container, type)
      if (!spec) continue
      const known =
        type === 'startup' ? before?.started === true : type === 'readiness' ? before?.ready === true : true
      probed.counts.set(type, begin(known ? 'success' : 'unknown'))
      // The others begin when the startup probe has succeeded.
      if (type === 'startup' ? known : starting) continue
      this.#begin({ pod, container, probed, type, spec, seen, podIP })
    }
  }

  #begin(run: Run): void {
    const { clock } = this.#deps
    const { spec, seen } = run
    const startedAt = seen.startedAt ?? clock.now()
    const due = startedAt + (spec.initialDelaySeconds ?? 0) * 1000
    this.#schedule(run, Math.max(0, due - clock.now()), 0)
  }

  #schedule(run: Run, delayMs: number, eager: number): void {
    const { signal } = run.probed.stop
    const cancel = this.#deps.clock.after(delayMs, () => {
      signal.removeEventListener('abort', cancel)
      void this.#tick(run, eager)
    })
    signal.addEventListener('abort', cancel, { once: true })
  }

  async #tick(run: Run, eager: number): Promise<void> {
    const { pod, container, probed, type, spec, podIP } = run
    const { signal } = probed.stop
    const before = probed.counts.get(type)
    if (signal.aborted || !before) return
    const target = { container, containerId: probed.id, podIP }
    const outcome = await probe(this.#deps, spec, target, (spec.timeoutSeconds ?? 1) * 1000, signal)
    if (signal.aborted || !probed.counts.has(type)) return
    const periodMs = (spec.periodSeconds ?? 10) * 1000
    // A container that is only just starting is asked again soon: that can make it ready earlier, and costs it nothing.
    const patience = eagerDelay(run, before, eager, periodMs)
    if (outcome.result === 'failure' && patience !== undefined)
      return this.#schedule(run, patience, eager + 1)
    this.#deps.onResult?.(type, outcome.result, pod, container)
    this.#say(pod, container, type, outcome)
    const thresholds = { successes: spec.successThreshold ?? 1, failures: spec.failureThreshold ?? 3 }
    const after = count(before, outcome.result, thresholds)
    probed.counts.set(type, after)
    if (after.verdict !== before.verdict) this.#deps.onChange(probed.uid)
    if (type === 'startup' && after.verdict === 'success') return this.#startOthers(run)
    // Nothing more is learnt about a container that is about to be killed.
    if (type !== 'readiness' && after.verdict === 'failure') return
    this.#schedule(run, periodMs, EAGER_MS.length)
  }

  #startOthers(run: Run): void {
    for (const type of ['liveness', 'readiness'] as const) {
      const spec = specOf(run.container, type)
      if (spec) this.#begin({ ...run, type, spec })
    }
  }

  #say(pod: Pod, container: Container, type: ProbeType, { result, output }: ProbeOutcome): void {
    const name = type[0]!.toUpperCase() + type.slice(1)
    if (result === 'failure')
      this.#deps.onUnhealthy(pod, container, 'Unhealthy', `${name} probe failed: ${output}`)
    else if (result === 'unknown')
      this.#deps.onUnhealthy(
        pod,
        container,
        'Unhealthy',
        `${name} probe errored and resulted in unknown state: ${output}`,
      )
    else if (result === 'warning')
      this.#deps.onUnhealthy(pod, container, 'ProbeWarning', `${name} probe warning: ${output}`)
  }
}

function specOf(container: Container, type: ProbeType): Probe | undefined {
  return type === 'startup'
    ? container.startupProbe
    : type === 'liveness'
      ? container.livenessProbe
      : container.readinessProbe
}
