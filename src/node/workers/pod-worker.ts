import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isApiError, Pod } from '../../api/index.ts'
import {
  type Action,
  actionKey,
  asStarted,
  type LocalFacts,
  type PodFacts,
  type Verdict,
} from '../plan/facts.ts'
import { DEADLINE_EXCEEDED, LATER_MS, type PodPlan, planPod } from '../plan/plan.ts'
import { podStatus } from '../plan/status.ts'
import { podGrace } from '../plan/terminate.ts'
import { emptyPod, type ObservedPod } from '../runtime/runtime.ts'
import { containerLogPath, podText } from '../spec/labels.ts'
import { allContainers } from '../spec/resources.ts'
import { ContainerActions, type WorkerState } from './container-actions.ts'
import { lastWords, shownOf } from './last-words.ts'
import type { PodServices } from './services.ts'
import { podIPsOf } from './starter.ts'
import { VolumeKeeper } from './volume-keeper.ts'
import { Waits } from './waits.ts'

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 60_000

interface Retry {
  readonly at: number
  readonly delayMs: number
}

/**
 * Takes care of one pod. Whatever happens (the object changed, a container ended, a probe changed its mind, an action is
 * over) only wakes it: it then looks at everything, decides with `planPod`, and starts the actions that are due. It
 * decides one thing after the other; actions run beside each other.
 */
export class PodWorker {
  readonly uid: string
  readonly #services: PodServices
  readonly #state: WorkerState
  readonly #actions: ContainerActions
  readonly #volumes: VolumeKeeper
  readonly #waits: Waits
  readonly #inFlight = new Map<string, AbortController>()
  readonly #retries = new Map<string, Retry>()
  readonly #messages = new Map<string, string>()
  readonly #startTime: number
  #removed = false
  #verdict: Verdict | undefined
  #terminatingSince: number | undefined
  #cleanedUp = false
  #running = false
  #again = false
  /** The agent ends. */
  #stopped = false
  /** Nothing is left to do until the object changes. */
  #resting = false
  #cancelWake: (() => void) | undefined
  #measured = false

  constructor(services: PodServices, pod: Pod, options: { readonly verdict?: Verdict } = {}) {
    this.uid = pod.metadata.uid
    this.#services = services
    this.#state = {
      pod,
      observed: emptyPod(this.uid),
      failures: new Map(),
      images: new Map(),
      resized: new Map(),
      kick: () => this.kick(),
    }
    this.#actions = new ContainerActions(services, this.#state)
    this.#volumes = new VolumeKeeper(services, () => this.kick())
    this.#waits = new Waits(services.event)
    this.#verdict = options.verdict
    this.#startTime = pod.status.startTime ? Date.parse(pod.status.startTime) : services.clock.now()
  }

  get pod(): Pod {
    return this.#state.pod
  }

  get observed(): ObservedPod {
    return this.#state.observed
  }

  /** The pod has been told to end. */
  get terminating(): boolean {
    return this.#terminatingSince !== undefined
  }

  /** The object is gone. */
  get removed(): boolean {
    return this.#removed
  }

  /** Nothing is left to do for it until its object goes. */
  get settled(): boolean {
    return this.#cleanedUp
  }

  update(pod: Pod): void {
    const { metadata: before } = this.#state.pod
    const { metadata: after } = pod
    this.#state.pod = pod
    this.#resting = false
    if (!isDeepStrictEqual([before.labels, before.annotations], [after.labels, after.annotations]))
      this.#volumes.expire()
    if (before.deletionGracePeriodSeconds !== after.deletionGracePeriodSeconds) this.#hurry()
    this.kick()
  }

  /** The object is gone from the server: what is left here goes too. */
  remove(last: Pod): void {
    this.#state.pod = last
    this.#removed = true
    this.#resting = false
    this.#hurry()
    this.kick()
  }

  #hurry(): void {
    const { statuses, clock } = this.#services
    const facts = {
      pod: statuses.latest(this.#state.pod),
      observed: this.#state.observed,
      local: this.#local(),
      now: clock.now(),
    }
    this.#actions.hurry(podGrace(facts, this.#verdict))
  }

  /** Ends the pod though nobody deleted it. */
  evict(verdict: Verdict): void {
    this.#verdict ??= verdict
    this.kick()
  }

  /** A ConfigMap or Secret that it uses has changed: what waited for it tries again at once. */
  refreshVolumes(): void {
    const { failures } = this.#state
    this.#volumes.expire()
    for (const [key, failure] of failures)
      if (failure.reason === 'CreateContainerConfigError') failures.delete(key)
    this.kick()
  }

  kick(): void {
    if (this.#stopped || this.#resting) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    void this.#loop()
  }

  /** The agent ends: nothing more is done, and nothing that runs is touched. */
  stop(): void {
    this.#stopped = true
    this.#cancelWake?.()
  }

  async #loop(): Promise<void> {
    const { clock, log } = this.#services
    try {
      do {
        this.#again = false
        await this.#sync()
      } while (this.#again && !this.#stopped && !this.#resting)
    } catch (error) {
      log.warn(
        { pod: podText(this.#state.pod), error: (error as Error).message },
        'cannot look after a pod yet',
      )
      this.#wakeAt(clock.now() + 1000)
    } finally {
      this.#running = false
      if (this.#again) this.kick()
    }
  }

  async #sync(): Promise<void> {
    const { runtime, clock, probes, statuses } = this.#services
    const state = this.#state
    if (!this.#verdict?.refused) state.observed = await runtime.observePod(this.uid)
    if (this.#stopped) return
    await this.#readMessages()
    const now = clock.now()
    const facts = (): PodFacts => ({
      pod: statuses.latest(state.pod),
      observed: state.observed,
      local: this.#local(),
      now,
    })
    let plan = planPod(facts())
    if (plan.terminal && this.#terminatingSince === undefined) {
      this.#terminatingSince = now
      this.#announceEnd(plan.verdict)
      this.#cancelStarts()
      plan = planPod(facts())
    }
    const podIPs = podIPsOf(state.pod, state.observed, this.#services)
    // Before the status: a container that has just started is judged by its probes.
    probes.sync(
      statuses.latest(state.pod),
      allContainers(state.pod),
      asStarted(facts()).observed.containers,
      podIPs[0] ?? '',
      plan.terminal,
    )
    const status = podStatus(facts(), plan)
    if (!this.#removed) statuses.set(state.pod, status)
    this.#measureStart(status.phase)
    this.#waits.announce(
      state.pod,
      state.failures,
      [...status.initContainerStatuses, ...status.containerStatuses],
      now,
    )
    if (!plan.terminal) this.#volumes.look(state.pod, podIPs, now)
    this.#perform(plan, now)
  }

  /** Evictions are announced by who decides them; a deadline passes by itself. */
  #announceEnd(verdict: Verdict | undefined): void {
    const { pod } = this.#state
    if (verdict?.reason !== DEADLINE_EXCEEDED || pod.status.phase === 'Failed') return
    const { event } = this.#services
    event(pod, { type: 'Normal', reason: verdict.reason, message: verdict.message })
  }

  #local(): LocalFacts {
    const { probes, hostIPs } = this.#services
    return {
      inFlight: new Set(this.#inFlight.keys()),
      failures: this.#state.failures,
      images: new Set(this.#state.images.keys()),
      volumesReady: this.#volumes.ready,
      probes: (c) => probes.facts(c),
      resized: this.#state.resized,
      resizeProblem: this.#services.resizeProblem(this.#state.pod),
      verdict: this.#verdict,
      removed: this.#removed,
      terminatingSince: this.#terminatingSince,
      cleanedUp: this.#cleanedUp,
      startTime: this.#startTime,
      hostIPs,
      messages: this.#messages,
    }
  }

  /** Starts what is due, and sees to it that the worker wakes for what is not. */
  #perform(plan: PodPlan, now: number): void {
    const wakes = plan.wakeAt === undefined ? [] : [plan.wakeAt]
    for (const action of plan.actions) {
      const key = actionKey(action)
      const retry = this.#retries.get(key)
      if (retry && retry.at > now) wakes.push(retry.at)
      else this.#launch(key, action)
    }
    if (!plan.terminal) {
      wakes.push(Math.max(this.#volumes.dueAt, now + 100))
      for (const f of this.#state.failures.values())
        if (f.later && f.at + LATER_MS > now) wakes.push(f.at + LATER_MS)
    }
    if (wakes.length > 0) this.#wakeAt(Math.min(...wakes))
  }

  #wakeAt(at: number): void {
    const { clock } = this.#services
    this.#cancelWake?.()
    if (this.#stopped) return
    this.#cancelWake = clock.after(Math.max(0, at - clock.now()), () => this.kick())
  }

  #launch(key: string, action: Action): void {
    const abort = new AbortController()
    this.#inFlight.set(key, abort)
    const { clock, log, metrics } = this.#services
    const started = clock.monotonic()
    this.#act(action, abort.signal)
      .then(
        () => {
          this.#retries.delete(key)
          metrics.operation(action.do, clock.monotonic() - started, true)
        },
        (error: Error) => {
          metrics.operation(action.do, clock.monotonic() - started, false)
          const delayMs = Math.min((this.#retries.get(key)?.delayMs ?? FIRST_RETRY_MS / 2) * 2, MAX_RETRY_MS)
          this.#retries.set(key, { at: clock.now() + delayMs, delayMs })
          log.warn(
            { pod: podText(this.#state.pod), action: key, error: error.message },
            'an action failed and will be tried again',
          )
        },
      )
      .finally(() => {
        this.#inFlight.delete(key)
        this.kick()
      })
  }

  async #act(action: Action, signal: AbortSignal): Promise<void> {
    const { runtime, statuses } = this.#services
    switch (action.do) {
      case 'createSandbox':
        return this.#actions.createSandbox(action)
      case 'ensureImage':
        return this.#actions.ensureImage(action, signal)
      case 'startContainer':
        return this.#actions.start(action, signal)
      case 'killContainer':
        return this.#actions.kill(action)
      case 'resizeContainer':
        return this.#actions.resize(action)
      case 'stopSandbox':
        return runtime.stopSandbox(action.id)
      case 'removeContainer':
        return runtime.remove(action.id)
      case 'cleanUp':
        return this.#cleanUp()
      case 'deletePod':
        await statuses.flushed(this.uid)
        return this.#deletePod()
      case 'forget':
        return this.#forget()
      default:
        action satisfies never
    }
  }

  async #cleanUp(): Promise<void> {
    const { volumes, cgroups, tokens, references } = this.#services
    await this.#volumes.idle()
    await volumes.tearDown(this.uid)
    await cgroups.remove(this.#state.pod)
    tokens.forget(this.uid)
    references.release(this.uid)
    this.#cleanedUp = true
  }

  async #deletePod(): Promise<void> {
    const { api } = this.#services
    const { namespace, name, uid } = this.#state.pod.metadata
    try {
      await api.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error
    }
    // The watch tells when it is gone; finalizers may hold it.
    this.#resting = true
  }

  async #forget(): Promise<void> {
    const { runtime, volumes, probes, puller, statuses, forgotten } = this.#services
    const { containers, sandboxes } = this.#state.observed
    await Promise.all(containers.map((c) => runtime.remove(c.id)))
    await Promise.all(sandboxes.map((s) => runtime.removeSandbox(s.id)))
    await volumes.remove(this.uid)
    probes.forget(this.uid)
    puller.forget(this.uid)
    statuses.forget(this.uid)
    this.stop()
    forgotten(this.uid)
  }

  #cancelStarts(): void {
    for (const [key, abort] of this.#inFlight) {
      if (key.startsWith('startContainer:') || key.startsWith('ensureImage:'))
        abort.abort(new Error('the pod is ending'))
    }
  }

  async #readMessages(): Promise<void> {
    const { volumes } = this.#services
    const there = new Set(this.#state.observed.containers.map((c) => c.id))
    const count =
      allContainers(this.#state.pod).length + (this.#state.pod.spec.ephemeralContainers?.length ?? 0)
    for (const memory of [this.#messages, this.#state.resized]) {
      for (const id of memory.keys()) if (!there.has(id)) memory.delete(id)
    }
    for (const c of this.#state.observed.containers) {
      if (c.state !== 'exited' || this.#messages.has(c.id)) continue
      const log = join(volumes.podDir(this.uid), 'logs', containerLogPath(c.name, c.attempt))
      this.#messages.set(c.id, shownOf(await lastWords(c, log), count))
    }
  }

  #measureStart(phase: string): void {
    if (this.#measured || phase !== 'Running') return
    this.#measured = true
    const { clock, metrics } = this.#services
    const created = Date.parse(this.#state.pod.metadata.creationTimestamp)
    // Pods that an agent finds running when it starts say nothing about how long starting takes.
    if (clock.now() - this.#startTime < 60_000) metrics.podStartMs(clock.now() - created)
  }
}
