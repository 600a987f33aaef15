import { type Container, type Pod, RuntimeClass } from '../../api/index.ts'
import { pullPolicy } from '../images/puller.ts'
import { type Action, type Failure, imageKey } from '../plan/facts.ts'
import type { ObservedImage, ObservedPod } from '../runtime/runtime.ts'
import { podText, resourcesText } from '../spec/labels.ts'
import { containerNamed, containerResources } from '../spec/resources.ts'
import { runHook } from './hooks.ts'
import type { PodServices } from './services.ts'
import { podIPsOf, podSandboxConfig, StartError, startContainer } from './starter.ts'

type Of<K extends Action['do']> = Extract<Action, { do: K }>

/** After a preStop hook that used up the time, a container still gets this long. */
const MIN_GRACE_SECONDS = 2
const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.'
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 30_000

/** What the actions on a pod's containers share with its worker. */
export interface WorkerState {
  pod: Pod
  observed: ObservedPod
  /** Why the last try failed, by container; read by the planner. */
  readonly failures: Map<string, Failure>
  /** Images that are ready for a start, by `imageKey`. */
  readonly images: Map<string, { readonly ref: string; readonly image: ObservedImage }>
  /** The resources that running containers were given since they were made. */
  readonly resized: Map<string, string>
  /** Has the worker look again. */
  kick(): void
}

/** `spec.containers{web}`: which part of the pod an event is about. */
export function fieldPathOf({ spec }: Pod, name: string): string {
  const named = (c: { readonly name: string }) => c.name === name
  const list = spec.initContainers?.some(named)
    ? 'initContainers'
    : spec.ephemeralContainers?.some(named)
      ? 'ephemeralContainers'
      : 'containers'
  return `spec.${list}{${name}}`
}

/** Performs what the planner decided for the sandbox and the containers of one pod. Makes no decisions of its own. */
export class ContainerActions {
  readonly #services: PodServices
  readonly #state: WorkerState
  /** Containers being stopped, and until when (monotonic) they are left to end by themselves. */
  readonly #stopping = new Map<string, number>()
  #hurried = new AbortController()

  constructor(services: PodServices, state: WorkerState) {
    this.#services = services
    this.#state = state
  }

  async createSandbox({ attempt }: Of<'createSandbox'>): Promise<void> {
    const { runtime, cgroups, volumes, event, metrics, slots } = this.#services
    const { pod } = this.#state
    if (attempt > 0) event(pod, { type: 'Normal', reason: 'SandboxChanged', message: SANDBOX_CHANGED })
    try {
      const config = podSandboxConfig(this.#services, pod, attempt)
      const [handler] = await Promise.all([
        this.#handler(pod),
        volumes.makePodDir(pod.metadata.uid),
        cgroups.create(pod),
      ])
      await slots.run(() => runtime.runSandbox(config, handler))
      metrics.started('sandbox', true)
    } catch (error) {
      metrics.started('sandbox', false)
      const message = `Failed to create pod sandbox: ${(error as Error).message}`
      event(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message })
      throw error
    }
  }

  /** The runtime's name for the RuntimeClass of the pod. */
  async #handler(pod: Pod): Promise<string | undefined> {
    const name = pod.spec.runtimeClassName
    if (!name) return undefined
    return (await this.#services.api.get(RuntimeClass, { name })).handler
  }

  async ensureImage({ container: name, attempt }: Of<'ensureImage'>, signal: AbortSignal): Promise<void> {
    const { puller, pullSecrets } = this.#services
    const { pod, failures, images } = this.#state
    const container = this.#container(name)
    const image = container.image ?? ''
    const outcome = await puller.ensure(
      pod,
      image,
      pullPolicy(container.imagePullPolicy, image),
      () => pullSecrets(pod),
      {
        pulling: () => this.#say(name, 'Normal', 'Pulling', `Pulling image "${image}"`),
        pulled: (_, how) =>
          this.#say(
            name,
            'Normal',
            'Pulled',
            'present' in how
              ? `Container image "${image}" already present on machine and can be accessed by the pod`
              : `Successfully pulled image "${image}" in ${duration(how.tookMs)} (${duration(how.waitedMs)} including waiting). Image size: ${how.sizeBytes} bytes.`,
          ),
      },
      signal,
    )
    if ('failure' in outcome) {
      if (signal.aborted) return
      failures.set(name, outcome.failure)
      this.#sayImageFailure(name, image, outcome.failure)
      return
    }
    // What went wrong after the pull stays known until a start succeeds: the pauses between its tries grow.
    if (isPullFailure(failures.get(name))) failures.delete(name)
    images.set(imageKey(name, attempt), outcome)
  }

  #sayImageFailure(name: string, image: string, { reason, message }: Failure): void {
    if (reason === 'ErrImagePull')
      this.#say(name, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`)
    else if (reason === 'ErrImageNeverPull') this.#say(name, 'Warning', 'ErrImageNeverPull', message)
    else if (reason === 'ImagePullBackOff') this.#say(name, 'Normal', 'BackOff', message)
    else this.#say(name, 'Warning', reason === 'InvalidImageName' ? 'InspectFailed' : 'Failed', message)
    this.#say(name, 'Warning', 'Failed', `Error: ${reason}`)
  }

  async start(action: Of<'startContainer'>, signal: AbortSignal): Promise<void> {
    const { metrics } = this.#services
    const { pod, failures, images } = this.#state
    const { container: name } = action
    const container = this.#container(name)
    const key = imageKey(name, action.attempt)
    const image = images.get(key)
    if (!image)
      throw new Error(`cannot start container "${name}" of pod "${podText(pod)}": its image was not ensured`)
    let id: string
    try {
      id = await startContainer(this.#services, pod, container, action, image, this.#state.observed, () =>
        this.#say(name, 'Normal', 'Created', 'Container created'),
      )
      metrics.started('container', true)
    } catch (error) {
      metrics.started('container', false)
      if (!(error instanceof StartError)) throw error
      this.#startFailed(name, error)
      return
    } finally {
      images.delete(key)
    }
    failures.delete(name)
    this.#say(name, 'Normal', 'Started', 'Container started')
    await this.#postStart(container, id, signal)
  }

  #startFailed(name: string, error: StartError): void {
    const { failures } = this.#state
    const now = this.#services.clock.now()
    const before = failures.get(name)
    const again =
      before?.reason === error.reason ? Math.min((before.retryAt - before.at) * 2, MAX_RETRY_MS) : 0
    // One that was created and did not start has ended: the restart policy says when it is tried again.
    const retryAt = error.reason === 'RunContainerError' ? now : now + Math.max(FIRST_RETRY_MS, again)
    failures.set(name, { reason: error.reason, message: error.message, at: now, retryAt })
    this.#say(name, 'Warning', 'Failed', `Error: ${error.message}`)
  }

  async #postStart(container: Container, id: string, signal: AbortSignal): Promise<void> {
    const hook = container.lifecycle?.postStart
    if (!hook) return
    this.#state.kick()
    const { runtime, clock } = this.#services
    const { pod } = this.#state
    try {
      await runHook(
        { runtime, clock },
        hook,
        { container, containerId: id, podIP: this.#podIP() },
        undefined,
        signal,
      )
    } catch (error) {
      if (signal.aborted) return
      this.#hookFailed(container.name, 'PostStartHook', error as Error)
      this.#say(container.name, 'Normal', 'Killing', 'FailedPostStartHook')
      await runtime.stop(id, pod.spec.terminationGracePeriodSeconds ?? 30, container.lifecycle?.stopSignal)
    }
  }

  async resize({ id, container: name }: Of<'resizeContainer'>): Promise<void> {
    const { runtime, cgroups, machine } = this.#services
    const { pod, resized } = this.#state
    const container = this.#container(name)
    // A container may not have more than its pod: where there is to be more, the pod comes first; where less, last.
    await cgroups.create(pod).catch(() => {})
    await runtime.resize(id, containerResources(pod, container, machine))
    await cgroups.create(pod)
    resized.set(id, resourcesText(container))
  }

  async kill(action: Of<'killContainer'>): Promise<void> {
    const { runtime, clock } = this.#services
    this.#say(action.container, 'Normal', 'Killing', action.message)
    this.#stopping.set(action.id, clock.monotonic() + action.graceSeconds * 1000)
    try {
      await Promise.all([this.#preStop(action), this.#hold(action)])
      const left = Math.ceil(((this.#stopping.get(action.id) ?? 0) - clock.monotonic()) / 1000)
      const grace = Math.max(Math.min(MIN_GRACE_SECONDS, action.graceSeconds), left)
      await runtime.stop(action.id, grace, this.#stopSignal(action.container))
    } finally {
      this.#stopping.delete(action.id)
    }
  }

  /** Waits while the pod may be sent to, as long as that may be waited for. */
  async #hold({ holdUntil }: Of<'killContainer'>): Promise<void> {
    const { whenLeft, clock } = this.#services
    const ms = (holdUntil ?? 0) - clock.now()
    if (ms <= 0) return
    const over = new AbortController()
    const cancel = clock.after(ms, () => over.abort())
    try {
      await whenLeft(this.#state.pod, AbortSignal.any([over.signal, this.#hurried.signal]))
    } catch {
      // Not known in time: it ends all the same.
    } finally {
      cancel()
    }
  }

  async #preStop(action: Of<'killContainer'>): Promise<void> {
    const { runtime, clock } = this.#services
    const container = containerNamed(this.#state.pod, action.container)
    const hook = container?.lifecycle?.preStop
    if (!container || !hook || action.graceSeconds <= 0) return
    const { signal } = this.#hurried
    const target = { container, containerId: action.id, podIP: this.#podIP() }
    try {
      await runHook({ runtime, clock }, hook, target, action.graceSeconds * 1000, signal)
    } catch (error) {
      if (!signal.aborted) this.#hookFailed(action.container, 'PreStopHook', error as Error)
    }
  }

  /** What a handler printed may be secret: the node's log has it, not the event. */
  #hookFailed(container: string, hook: 'PostStartHook' | 'PreStopHook', error: Error): void {
    const { log } = this.#services
    log.warn({ pod: podText(this.#state.pod), container, hook, error: error.message }, 'a handler failed')
    this.#say(container, 'Warning', `Failed${hook}`, `${hook} failed`)
  }

  /** The pod has `graceSeconds` left: what is being stopped more gently than that is stopped again. */
  hurry(graceSeconds: number): void {
    const { runtime, clock } = this.#services
    const deadline = clock.monotonic() + graceSeconds * 1000
    const slow = [...this.#stopping].filter(([, until]) => until > deadline)
    for (const [id] of slow) {
      this.#stopping.set(id, deadline)
      const name = this.#state.observed.containers.find((c) => c.id === id)?.name ?? ''
      runtime.stop(id, graceSeconds, this.#stopSignal(name)).catch(() => {})
    }
    if (slow.length === 0) return
    this.#hurried.abort(new Error('the time of the pod was cut short'))
    this.#hurried = new AbortController()
  }

  #stopSignal(name: string): string | undefined {
    return containerNamed(this.#state.pod, name)?.lifecycle?.stopSignal
  }

  #container(name: string): Container {
    const found = containerNamed(this.#state.pod, name)
    if (!found) throw new Error(`cannot find container "${name}" in pod "${podText(this.#state.pod)}"`)
    return found
  }

  #podIP(): string {
    return podIPsOf(this.#state.pod, this.#state.observed, this.#services)[0] ?? ''
  }

  #say(name: string, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { pod } = this.#state
    this.#services.event(pod, { type, reason, message, fieldPath: fieldPathOf(pod, name) })
  }
}

const isPullFailure = (failure: Failure | undefined): boolean =>
  failure !== undefined && !START_FAILURES.has(failure.reason)

const START_FAILURES = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])

const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(3)}s`)
