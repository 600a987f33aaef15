import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Container, type ContainerStatus, isApiError, Pod } from '../../api/index.ts'
import { pullPolicy } from '../images/puller.ts'
import {
  type Action,
  actionKey,
  type Failure,
  imageKey,
  type LocalFacts,
  type PodFacts,
  SANDBOX_FAILURE,
  type Verdict,
  VOLUMES_FAILURE,
} from '../plan/facts.ts'
import { LATER_MS, type PodPlan, planPod } from '../plan/plan.ts'
import { podStatus } from '../plan/status.ts'
import type { ObservedContainer, ObservedImage, ObservedPod } from '../runtime/runtime.ts'
import { emptyPod } from '../runtime/runtime.ts'
import { containerLogPath, MESSAGE_FILE, MESSAGE_POLICY, podFullText, podText } from '../spec/labels.ts'
import { allContainers } from '../spec/resources.ts'
import { runHook } from './hooks.ts'
import type { PodServices } from './services.ts'
import { podIPsOf, podSandboxConfig, StartError, setUpVolumes, startContainer } from './starter.ts'

const MIN_GRACE_SECONDS = 2
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 120_000
/** Volumes are looked at again this often, for what no watch announces. */
const VOLUMES_RESYNC_MS = 60_000
const MAX_MESSAGE = 4096
const MAX_LOG_MESSAGE = 2048
const MAX_LOG_MESSAGE_LINES = 80

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
  readonly #inFlight = new Map<string, AbortController>()
  readonly #failures = new Map<string, Failure>()
  readonly #retries = new Map<string, Retry>()
  readonly #images = new Map<string, { readonly ref: string; readonly image: ObservedImage }>()
  readonly #messages = new Map<string, string>()
  readonly #kills = new Map<string, number>()
  readonly #announced = new Set<Failure>()
  readonly #heldBack = new Map<string, string>()
  #pod: Pod
  #observed: ObservedPod
  #removed = false
  #verdict: Verdict | undefined
  #volumesReady = false
  #volumesDue: number
  #volumesBusy = false
  #volumesAgain = false
  #terminatingSince: number | undefined
  #cleanedUp = false
  #startTime: number
  #running = false
  #again = false
  #stopped = false
  #done = false
  #cancelWake: (() => void) | undefined
  #seenRunning = false

  constructor(services: PodServices, pod: Pod, options: { readonly verdict?: Verdict } = {}) {
    this.#services = services
    this.#pod = pod
    this.uid = pod.metadata.uid
    this.#observed = emptyPod(pod.metadata.uid)
    this.#verdict = options.verdict
    const now = services.clock.now()
    this.#startTime = pod.status.startTime ? Date.parse(pod.status.startTime) : now
    this.#volumesDue = now
  }

  get pod(): Pod {
    return this.#pod
  }

  get observed(): ObservedPod {
    return this.#observed
  }

  /** The pod has been told to end. */
  get terminating(): boolean {
    return this.#terminatingSince !== undefined
  }

  /** Nothing is left to do for it until its object goes. */
  get settled(): boolean {
    return this.#cleanedUp
  }

  update(pod: Pod): void {
    const before = this.#pod
    this.#pod = pod
    this.#done = false
    if (
      !isDeepStrictEqual(
        [before.metadata.labels, before.metadata.annotations],
        [pod.metadata.labels, pod.metadata.annotations],
      )
    )
      this.#volumesDue = 0
    if (before.metadata.deletionGracePeriodSeconds !== pod.metadata.deletionGracePeriodSeconds) this.#hurry()
    this.kick()
  }

  /** The object is gone from the server: what is left here goes too. */
  remove(last: Pod): void {
    this.#pod = last
    this.#removed = true
    this.#done = false
    this.#hurry()
    this.kick()
  }

  /** Ends the pod though nobody deleted it. */
  evict(verdict: Verdict): void {
    this.#verdict ??= verdict
    this.kick()
  }

  /** A ConfigMap or Secret that it uses has changed. */
  refreshVolumes(): void {
    this.#volumesDue = 0
    if (this.#volumesBusy) this.#volumesAgain = true
    // What waited for the object tries again at once.
    for (const [key, failure] of this.#failures) {
      if (failure.reason === 'CreateContainerConfigError' || key === VOLUMES_FAILURE)
        this.#failures.delete(key)
    }
    this.#retries.delete('volumes')
    this.kick()
  }

  kick(): void {
    if (this.#stopped || this.#done) return
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
      } while (this.#again && !this.#stopped && !this.#done)
    } catch (error) {
      log.warn({ pod: podText(this.#pod), error: (error as Error).message }, 'cannot look after a pod yet')
      this.#wakeAt(clock.now() + 1000)
    } finally {
      this.#running = false
      if (this.#again) this.kick()
    }
  }

  async #sync(): Promise<void> {
    const { runtime, clock, probes, statuses } = this.#services
    if (!this.#verdict?.refused) this.#observed = await runtime.observePod(this.uid)
    if (this.#stopped) return
    await this.#readMessages()
    const now = clock.now()
    const facts: PodFacts = {
      pod: statuses.latest(this.#pod),
      observed: this.#observed,
      local: this.#local(),
      now,
    }
    let plan = planPod(facts)
    if (plan.terminal && this.#terminatingSince === undefined) {
      this.#terminatingSince = now
      this.#cancelStarts()
      plan = planPod({ ...facts, local: this.#local() })
    }
    const podIP = podIPsOf(this.#pod, this.#observed, this.#services)[0] ?? ''
    probes.sync(facts.pod, allContainers(this.#pod), this.#observed.containers, podIP, plan.terminal)
    // A container that started with this look is judged by its probes right away.
    const status = podStatus({ ...facts, local: this.#local() }, plan)
    if (!this.#removed) statuses.set(this.#pod, status)
    this.#measureStart(status.phase)
    this.#announceWaits(now)
    this.#announceCrashLoops([...status.initContainerStatuses, ...status.containerStatuses])
    if (!plan.terminal) this.#lookAtVolumes(now)
    this.#perform(plan, now)
  }

  #local(): LocalFacts {
    const { probes, hostIPs } = this.#services
    return {
      inFlight: new Set(this.#inFlight.keys()),
      failures: this.#failures,
      images: new Set(this.#images.keys()),
      volumesReady: this.#volumesReady,
      probes: (c) => probes.facts(c),
      verdict: this.#verdict,
      removed: this.#removed,
      terminatingSince: this.#terminatingSince,
      cleanedUp: this.#cleanedUp,
      startTime: this.#startTime,
      hostIPs,
      messages: this.#messages,
    }
  }

  #perform(plan: PodPlan, now: number): void {
    let next = plan.wakeAt
    for (const action of plan.actions) {
      const key = actionKey(action)
      const retry = this.#retries.get(key)
      if (retry && retry.at > now) next = Math.min(next ?? retry.at, retry.at)
      else this.#launch(key, action)
    }
    if (!plan.terminal) {
      next = Math.min(next ?? this.#volumesDue, Math.max(this.#volumesDue, now + 100))
      for (const f of this.#failures.values())
        if (f.later && f.at + LATER_MS > now) next = Math.min(next, f.at + LATER_MS)
    }
    if (next !== undefined) this.#wakeAt(next)
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
            { pod: podText(this.#pod), action: key, error: error.message },
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
    const { runtime, volumes, cgroups, tokens, references, probes, puller, statuses, forgotten } =
      this.#services
    switch (action.do) {
      case 'createSandbox':
        return this.#createSandbox(action.attempt)
      case 'stopSandbox':
        return runtime.stopSandbox(action.id)
      case 'ensureImage':
        return this.#ensureImage(action.container, action.attempt, signal)
      case 'startContainer':
        return this.#start(action, signal)
      case 'killContainer':
        return this.#kill(action)
      case 'removeContainer':
        return runtime.remove(action.id)
      case 'cleanUp':
        await volumes.tearDown(this.uid)
        await cgroups.remove(this.#pod)
        tokens.forget(this.uid)
        references.release(this.uid)
        this.#cleanedUp = true
        return
      case 'deletePod':
        await statuses.flushed(this.uid)
        return this.#deletePod()
      case 'forget':
        for (const c of this.#observed.containers) await runtime.remove(c.id)
        for (const s of this.#observed.sandboxes) await runtime.removeSandbox(s.id)
        await volumes.remove(this.uid)
        probes.forget(this.uid)
        puller.forget(this.uid)
        statuses.forget(this.uid)
        this.stop()
        forgotten(this.uid)
        return
      default:
        action satisfies never
    }
  }

  async #createSandbox(attempt: number): Promise<void> {
    const { runtime, cgroups, volumes, event, metrics } = this.#services
    const pod = this.#pod
    try {
      const config = podSandboxConfig(this.#services, pod, attempt)
      await Promise.all([volumes.makePodDir(this.uid), cgroups.create(pod)])
      await runtime.runSandbox(config)
      metrics.started('sandbox', true)
      this.#failures.delete(SANDBOX_FAILURE)
    } catch (error) {
      metrics.started('sandbox', false)
      event(pod, {
        type: 'Warning',
        reason: 'FailedCreatePodSandBox',
        message: `Failed to create pod sandbox: ${(error as Error).message}`,
      })
      throw error
    }
  }

  #container(name: string): Container {
    const found = [
      ...allContainers(this.#pod),
      ...((this.#pod.spec.ephemeralContainers ?? []) as readonly Container[]),
    ].find((c) => c.name === name)
    if (!found) throw new Error(`cannot find container "${name}" in pod "${podText(this.#pod)}"`)
    return found
  }

  async #ensureImage(name: string, attempt: number, signal: AbortSignal): Promise<void> {
    const { puller, event, pullSecrets } = this.#services
    const pod = this.#pod
    const container = this.#container(name)
    const fieldPath = this.#fieldPath(name)
    const image = container.image ?? ''
    const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      event(pod, { type, reason, message, fieldPath })
    const outcome = await puller.ensure(
      pod,
      image,
      pullPolicy(container.imagePullPolicy, image),
      () => pullSecrets(pod),
      {
        pulling: () => say('Normal', 'Pulling', `Pulling image "${image}"`),
        pulled: (_, how) =>
          say(
            'Normal',
            'Pulled',
            'present' in how
              ? `Container image "${image}" already present on machine`
              : `Successfully pulled image "${image}" in ${millis(how.tookMs)} (${millis(how.waitedMs)} including waiting). Image size: ${how.sizeBytes} bytes.`,
          ),
      },
      signal,
    )
    if ('failure' in outcome) {
      if (signal.aborted) return
      const { failure } = outcome
      this.#failures.set(name, failure)
      if (failure.reason === 'ErrImagePull')
        say('Warning', 'Failed', `Failed to pull image "${image}": ${failure.message}`)
      else if (failure.reason === 'ErrImageNeverPull') say('Warning', 'ErrImageNeverPull', failure.message)
      else if (failure.reason === 'ImagePullBackOff') say('Normal', 'BackOff', failure.message)
      else say('Warning', failure.reason === 'InvalidImageName' ? 'InspectFailed' : 'Failed', failure.message)
      say('Warning', 'Failed', `Error: ${failure.reason}`)
      return
    }
    this.#failures.delete(name)
    this.#images.set(imageKey(name, attempt), outcome)
  }

  /** Says once that a failed pull is now waiting for its next try, and that a container that keeps ending is held back. */
  #announceWaits(now: number): void {
    for (const [name, failure] of this.#failures) {
      if (!failure.later || now < failure.at + LATER_MS || this.#announced.has(failure)) continue
      this.#announced.clear()
      this.#announced.add(failure)
      const image = this.#container(name).image ?? ''
      this.#services.event(this.#pod, {
        type: 'Normal',
        reason: 'BackOff',
        message: `Back-off pulling image "${image}"`,
        fieldPath: this.#fieldPath(name),
      })
      this.#services.event(this.#pod, {
        type: 'Warning',
        reason: 'Failed',
        message: `Error: ${failure.later.reason}`,
        fieldPath: this.#fieldPath(name),
      })
    }
  }

  #announceCrashLoops(statuses: readonly ContainerStatus[]): void {
    for (const s of statuses) {
      if (s.state.waiting?.reason !== 'CrashLoopBackOff') continue
      const ended = s.lastState.terminated?.containerID ?? s.name
      if (this.#heldBack.get(s.name) === ended) continue
      this.#heldBack.set(s.name, ended)
      const message = `Back-off restarting failed container ${s.name} in pod ${podFullText(this.#pod)}`
      this.#services.event(this.#pod, {
        type: 'Warning',
        reason: 'BackOff',
        message,
        fieldPath: this.#fieldPath(s.name),
      })
    }
  }

  #fieldPath(name: string): string {
    const { spec } = this.#pod
    const list = spec.initContainers?.some((c) => c.name === name)
      ? 'initContainers'
      : spec.ephemeralContainers?.some((c) => c.name === name)
        ? 'ephemeralContainers'
        : 'containers'
    return `spec.${list}{${name}}`
  }

  async #start(action: Extract<Action, { do: 'startContainer' }>, signal: AbortSignal): Promise<void> {
    const { event, clock, metrics } = this.#services
    const pod = this.#pod
    const { container: name } = action
    const container = this.#container(name)
    const image = this.#images.get(imageKey(name, action.attempt))!
    const fieldPath = this.#fieldPath(name)
    let id: string
    try {
      id = await startContainer(this.#services, pod, container, action, image, this.#observed, () =>
        event(pod, { type: 'Normal', reason: 'Created', message: `Created container: ${name}`, fieldPath }),
      )
      metrics.started('container', true)
    } catch (error) {
      metrics.started('container', false)
      if (!(error instanceof StartError)) throw error
      const now = clock.now()
      const before = this.#failures.get(name)
      const wait =
        before?.reason === error.reason
          ? Math.min(Math.max(1000, (before.retryAt - before.at) * 2), 30_000)
          : 1000
      this.#failures.set(name, {
        reason: error.reason,
        message: error.message,
        at: now,
        retryAt: error.reason === 'RunContainerError' ? now : now + wait,
      })
      event(pod, { type: 'Warning', reason: 'Failed', message: `Error: ${error.message}`, fieldPath })
      return
    } finally {
      this.#images.delete(imageKey(name, action.attempt))
    }
    this.#failures.delete(name)
    event(pod, { type: 'Normal', reason: 'Started', message: `Started container ${name}`, fieldPath })
    const hook = container.lifecycle?.postStart
    if (!hook) return
    this.kick()
    try {
      const podIP = podIPsOf(pod, this.#observed, this.#services)[0] ?? ''
      await runHook(
        { runtime: this.#services.runtime, clock },
        hook,
        { container, containerId: id, podIP },
        undefined,
        signal,
      )
    } catch (error) {
      if (signal.aborted) return
      event(pod, {
        type: 'Warning',
        reason: 'FailedPostStartHook',
        message: `PostStartHook failed: ${(error as Error).message}`,
        fieldPath,
      })
      event(pod, { type: 'Normal', reason: 'Killing', message: 'FailedPostStartHook', fieldPath })
      await this.#services.runtime.stop(id, pod.spec.terminationGracePeriodSeconds ?? 30)
    }
  }

  async #kill(action: Extract<Action, { do: 'killContainer' }>): Promise<void> {
    const { runtime, clock, event } = this.#services
    const pod = this.#pod
    const started = clock.monotonic()
    const fieldPath = this.#fieldPath(action.container)
    event(pod, { type: 'Normal', reason: 'Killing', message: action.message, fieldPath })
    this.#kills.set(action.id, started + action.graceSeconds * 1000)
    try {
      const container = [...allContainers(pod)].find((c) => c.name === action.container)
      const hook = container?.lifecycle?.preStop
      let grace = action.graceSeconds
      if (container && hook && grace > 0) {
        const podIP = podIPsOf(pod, this.#observed, this.#services)[0] ?? ''
        try {
          await runHook(
            { runtime, clock },
            hook,
            { container, containerId: action.id, podIP },
            grace * 1000,
            this.#hurried.signal,
          )
        } catch (error) {
          if (!this.#hurried.signal.aborted)
            event(pod, {
              type: 'Warning',
              reason: 'FailedPreStopHook',
              message: `PreStopHook failed: ${(error as Error).message}`,
              fieldPath,
            })
        }
        const deadline = this.#kills.get(action.id) ?? started
        grace = Math.max(MIN_GRACE_SECONDS, Math.ceil((deadline - clock.monotonic()) / 1000))
      }
      await runtime.stop(action.id, Math.min(grace, action.graceSeconds))
    } finally {
      this.#kills.delete(action.id)
    }
  }

  #hurried = new AbortController()

  /** The time a pod has left was cut short: what is being stopped gentlier than that is stopped again. */
  #hurry(): void {
    const { runtime, clock } = this.#services
    const grace = Math.max(
      1,
      this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30,
    )
    const deadline = clock.monotonic() + grace * 1000
    let cut = false
    for (const [id, until] of this.#kills) {
      if (deadline >= until) continue
      cut = true
      this.#kills.set(id, deadline)
      runtime.stop(id, grace).catch(() => {})
    }
    if (!cut) return
    this.#hurried.abort()
    this.#hurried = new AbortController()
  }

  #cancelStarts(): void {
    for (const [key, abort] of this.#inFlight) {
      if (key.startsWith('startContainer:') || key.startsWith('ensureImage:'))
        abort.abort(new Error('the pod is ending'))
    }
  }

  async #deletePod(): Promise<void> {
    const { api } = this.#services
    const { namespace, name, uid } = this.#pod.metadata
    try {
      await api.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error
    }
    // The watch tells when it is gone; finalizers may hold it.
    this.#done = true
  }

  #lookAtVolumes(now: number): void {
    if (this.#volumesBusy || now < this.#volumesDue) return
    const retry = this.#retries.get('volumes')
    if (retry && retry.at > now) {
      this.#volumesDue = retry.at
      return
    }
    const { event, clock, tokens, log } = this.#services
    const pod = this.#pod
    this.#volumesBusy = true
    this.#volumesAgain = false
    const wasReady = this.#volumesReady
    setUpVolumes(this.#services, pod, podIPsOf(pod, this.#observed, this.#services))
      .then(
        () => {
          this.#volumesReady = true
          this.#failures.delete(VOLUMES_FAILURE)
          this.#retries.delete('volumes')
          const renewAt = tokens.renewAt(this.uid) ?? Number.POSITIVE_INFINITY
          this.#volumesDue = this.#volumesAgain
            ? 0
            : Math.max(clock.now() + 1000, Math.min(clock.now() + VOLUMES_RESYNC_MS, renewAt))
        },
        (error: Error) => {
          const delayMs = Math.min(
            (this.#retries.get('volumes')?.delayMs ?? FIRST_RETRY_MS / 2) * 2,
            MAX_RETRY_MS,
          )
          const at = clock.now() + delayMs
          this.#retries.set('volumes', { at, delayMs })
          this.#volumesDue = at
          // A pod that already runs keeps the files it has.
          if (wasReady)
            log.warn({ pod: podText(pod), error: error.message }, 'cannot update the volumes of a pod yet')
          else event(pod, { type: 'Warning', reason: 'FailedMount', message: error.message })
        },
      )
      .finally(() => {
        this.#volumesBusy = false
        this.kick()
      })
  }

  /** Reads the last words of containers that ended: their message file, or the end of their log. */
  async #readMessages(): Promise<void> {
    for (const c of this.#observed.containers) {
      if (c.state !== 'exited' || this.#messages.has(c.id)) continue
      this.#messages.set(c.id, await this.#messageOf(c))
    }
  }

  async #messageOf(c: ObservedContainer): Promise<string> {
    const file = c.annotations[MESSAGE_FILE]
    if (file) {
      const text = await readFile(file, 'utf8').catch(() => '')
      if (text !== '') return text.slice(0, MAX_MESSAGE)
    }
    if (c.annotations[MESSAGE_POLICY] !== 'FallbackToLogsOnError' || c.exitCode === 0) return ''
    return lastLines(
      join(this.#services.volumes.podDir(this.uid), 'logs', containerLogPath(c.name, c.attempt)),
    )
  }

  #measureStart(phase: string): void {
    if (this.#seenRunning || phase !== 'Running') return
    this.#seenRunning = true
    const created = Date.parse(this.#pod.metadata.creationTimestamp)
    if (this.#services.clock.now() - this.#startTime < 60_000)
      this.#services.metrics.podStartMs(this.#services.clock.now() - created)
  }
}

const millis = (n: number): string => (n < 1000 ? `${Math.round(n)}ms` : `${(n / 1000).toFixed(3)}s`)

/** The end of a container's log without the runtime's prefixes. */
async function lastLines(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, MAX_LOG_MESSAGE * 4)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer
      .toString('utf8')
      .split('\n')
      .slice(-MAX_LOG_MESSAGE_LINES - 1)
    return lines
      .map((line) => line.split(' ').slice(3).join(' '))
      .join('\n')
      .slice(-MAX_LOG_MESSAGE)
  } finally {
    await file.close()
  }
}
