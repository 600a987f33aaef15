import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { podFullText, resourcesText } from '../spec/labels.ts'
import { initContainers, isSidecar, qosClassOf } from '../spec/resources.ts'
import { podConditions, type ResizeState } from './conditions.ts'
import { asStarted, type PodFacts } from './facts.ts'
import { podPhase } from './phase.ts'
import { LATER_MS, type PodPlan, resourcesNow } from './plan.ts'
import { attemptAfter, durationText, restartAfter, shouldRestart } from './restart.ts'

/** The status of a pod as the API server is to have it: everything but conditions that others own. */
export interface NodePodStatus {
  readonly observedGeneration: number | undefined
  readonly phase: NonNullable<PodStatus['phase']>
  readonly reason: string | undefined
  readonly message: string | undefined
  readonly conditions: readonly PodCondition[]
  readonly hostIP: string | undefined
  readonly hostIPs: readonly { readonly ip: string }[]
  readonly podIP: string | undefined
  readonly podIPs: readonly { readonly ip: string }[]
  readonly startTime: string
  readonly qosClass: NonNullable<PodStatus['qosClass']>
  readonly initContainerStatuses: readonly ContainerStatus[]
  readonly containerStatuses: readonly ContainerStatus[]
  readonly ephemeralContainerStatuses: readonly ContainerStatus[]
}

export function podStatus(seen: PodFacts, plan: Pick<PodPlan, 'terminal' | 'verdict'>): NodePodStatus {
  const facts = asStarted(seen)
  const { pod, observed, local } = facts
  const before = pod.status
  const wasFinal = before.phase === 'Succeeded' || before.phase === 'Failed'
  // A pod that was refused never had containers; kubectl would show them as being created, and not why it failed.
  const refused = plan.verdict?.refused || (wasFinal && !before.containerStatuses?.length)
  const statuses = (containers: readonly Container[], role: Role) =>
    refused ? [] : containers.map((c) => containerStatus(facts, plan, c, role))
  const init = statuses(initContainers(pod), 'init')
  const regular = statuses(pod.spec.containers, 'regular')
  const ephemeral = statuses((pod.spec.ephemeralContainers ?? []) as readonly Container[], 'ephemeral')
  const quiet = !seen.observed.containers.some((c) => c.state === 'running' || c.state === 'unknown')
  const ended = plan.terminal && quiet && !hasStarts(facts)
  // A verdict is told once nothing of the pod runs any more: whoever replaces it may rely on that.
  const verdict = ended ? plan.verdict : undefined
  const phase = wasFinal ? before.phase! : (verdict?.phase ?? podPhase(pod, init, regular, ended))
  const sandbox = observed.sandboxes[0]
  const podIPs = pod.spec.hostNetwork
    ? sandbox || before.podIPs?.length
      ? local.hostIPs
      : []
    : sandbox?.ready && sandbox.ips.length > 0
      ? sandbox.ips
      : plan.terminal || sandbox
        ? (before.podIPs ?? []).map((i) => i.ip ?? '')
        : []
  const summary = {
    phase,
    init,
    regular,
    // Elsewhere a sandbox is made only once the volumes are there, and its condition tells of both.
    readyToStart:
      sandbox?.ready === true &&
      (pod.spec.hostNetwork === true || sandbox.ips.length > 0) &&
      (local.volumesReady || observed.containers.length > 0),
  }
  return {
    observedGeneration: pod.metadata.generation,
    phase,
    reason: verdict?.reason ?? (wasFinal ? before.reason : undefined),
    message: verdict?.message ?? (wasFinal ? before.message : undefined),
    conditions: podConditions(pod, summary, timestamp(facts.now), resizeState(facts), plan.verdict),
    hostIP: local.hostIPs[0],
    hostIPs: local.hostIPs.map((ip) => ({ ip })),
    podIP: podIPs[0],
    podIPs: podIPs.map((ip) => ({ ip })),
    startTime: timestamp(local.startTime),
    qosClass: before.qosClass ?? qosClassOf(pod),
    initContainerStatuses: init,
    containerStatuses: regular,
    ephemeralContainerStatuses: ephemeral,
  }
}

/** Whether containers have yet to get, or cannot get, the resources they now ask for. */
function resizeState(facts: PodFacts): ResizeState | undefined {
  const { pod, observed, local } = facts
  const waiting = [...initContainers(pod), ...pod.spec.containers].some((c) => {
    const seen = observed.containers.find((x) => x.name === c.name)
    const now = seen?.state === 'running' ? resourcesNow(facts, seen) : undefined
    return now !== undefined && now !== resourcesText(c)
  })
  if (!waiting) return undefined
  return local.resizeProblem
    ? { type: 'PodResizePending', ...local.resizeProblem }
    : { type: 'PodResizeInProgress' }
}

const hasStarts = ({ local }: PodFacts): boolean =>
  [...local.inFlight].some((k) => k.startsWith('startContainer:'))

type Role = 'init' | 'regular' | 'ephemeral'

function containerStatus(
  facts: PodFacts,
  plan: Pick<PodPlan, 'terminal'>,
  container: Container,
  role: Role,
): ContainerStatus {
  const { pod, observed, local } = facts
  const seen = observed.containers.filter((c) => c.name === container.name)
  const newest = seen[0]
  const before = statusBefore(pod, container.name, role)
  if (!newest) return unseenStatus(facts, plan, container, role, before)

  const [state, coveredUp] = currentState(facts, plan, container, role, newest)
  const previous = coveredUp ? newest : seen.slice(1).find((c) => c.state === 'exited')
  const running = newest.state === 'running'
  const probes = local.probes(newest)
  const sidecar = role === 'init' && isSidecar(container)
  const started = running && probes.started
  const ready =
    role === 'init' && !sidecar
      ? newest.state === 'exited' && newest.exitCode === 0
      : role === 'ephemeral'
        ? false
        : running && probes.started && probes.ready
  return {
    name: container.name,
    state,
    lastState: previous
      ? { terminated: terminated(previous, local.messages.get(previous.id)) }
      : (lastStateBefore(before, newest) ?? {}),
    ready,
    restartCount: newest.attempt,
    image: newest.image || (container.image ?? ''),
    imageID: newest.imageRef,
    containerID: `containerd://${newest.id}`,
    started: role === 'init' && !sidecar ? !!running : started,
    ...resourceStatus(resourcesNow(facts, newest), container, running),
    ...mountStatus(container),
  }
}

/** The last state of a container whose earlier remains are gone is still in the status of before. */
function lastStateBefore(
  before: ContainerStatus | undefined,
  newest: ObservedContainer,
): ContainerState | undefined {
  if (!before?.containerID || before.containerID === `containerd://${newest.id}`) return before?.lastState
  return lostState(before, false) ?? before.lastState
}

/** The end of a container of which the runtime has nothing any more; undefined: there was none to end. */
function lostState(before: ContainerStatus | undefined, terminal: boolean): ContainerState | undefined {
  if (before?.state.terminated) return { terminated: before.state.terminated }
  if (!before?.state.running || !before.containerID) return undefined
  return {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: terminal
        ? 'The container could not be located when the pod was terminated'
        : 'The container could not be located when the pod was deleted.  The container used to be Running',
      containerID: before.containerID,
    },
  }
}

/** The state, and whether it hides an end that belongs into lastState instead. */
function currentState(
  facts: PodFacts,
  plan: Pick<PodPlan, 'terminal'>,
  container: Container,
  role: Role,
  newest: ObservedContainer,
): readonly [ContainerState, boolean] {
  const { pod, local, now } = facts
  switch (newest.state) {
    case 'running':
      return [{ running: { startedAt: timestamp(newest.startedAt ?? newest.createdAt) } }, false]
    case 'unknown':
      return [
        {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was terminated',
            containerID: `containerd://${newest.id}`,
          },
        },
        false,
      ]
    case 'created':
      return [{ waiting: failureNow(facts, container.name) ?? { reason: defaultReason(pod) } }, false]
    case 'exited': {
      const ended: ContainerState = { terminated: terminated(newest, local.messages.get(newest.id)) }
      if (plan.terminal || role === 'ephemeral' || !shouldRestart(pod, container, newest, role === 'init'))
        return [ended, false]
      const next = restartAfter(newest)
      const failure = failureNow(facts, container.name)
      if (now < next.at) return [{ waiting: crashLoop(pod, container.name, next.delayMs) }, true]
      return failure ? [{ waiting: failure }, true] : [ended, false]
    }
    default:
      return newest.state satisfies never
  }
}

function crashLoop(pod: Pod, name: string, delayMs: number) {
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${durationText(delayMs)} restarting failed container=${name} pod=${podFullText(pod)}`,
  }
}

function failureNow({ local, now }: PodFacts, name: string): { reason: string; message: string } | undefined {
  const failure = local.failures.get(name)
  if (!failure) return undefined
  if (failure.later && now >= failure.at + LATER_MS) return failure.later
  return { reason: failure.reason, message: failure.message }
}

const defaultReason = (pod: Pod): string =>
  initContainers(pod).length > 0 ? 'PodInitializing' : 'ContainerCreating'

/** The status of a container of which the runtime has nothing: not started yet, or lost. */
function unseenStatus(
  facts: PodFacts,
  plan: Pick<PodPlan, 'terminal'>,
  container: Container,
  role: Role,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const common = {
    name: container.name,
    ready: false,
    restartCount: before?.restartCount ?? 0,
    image: before?.image || (container.image ?? ''),
    imageID: before?.imageID ?? '',
    started: false,
    ...resourceStatus(undefined, container, false),
    ...mountStatus(container),
  }
  const gone = lostState(before, plan.terminal)
  if (gone && (plan.terminal || role !== 'regular')) {
    return {
      ...common,
      ready: role === 'init' && gone.terminated?.exitCode === 0,
      state: gone,
      lastState: before?.lastState ?? {},
      containerID: before?.containerID,
    }
  }
  if (plan.terminal && hasEnded(facts)) {
    return {
      ...common,
      state: before?.state.waiting ? before.state : { waiting: { reason: defaultReason(facts.pod) } },
      lastState: before?.lastState ?? {},
    }
  }
  return {
    ...common,
    restartCount: attemptAfter(before),
    state: { waiting: failureNow(facts, container.name) ?? { reason: defaultReason(facts.pod) } },
    lastState: gone ?? before?.lastState ?? {},
  }
}

const hasEnded = ({ observed }: PodFacts): boolean => !observed.containers.some((c) => c.state === 'running')

function statusBefore(pod: Pod, name: string, role: Role): ContainerStatus | undefined {
  const { status } = pod
  const list =
    role === 'init'
      ? status.initContainerStatuses
      : role === 'regular'
        ? status.containerStatuses
        : status.ephemeralContainerStatuses
  return list?.find((s) => s.name === name)
}

function terminated(c: ObservedContainer, message: string | undefined) {
  return {
    exitCode: c.exitCode,
    reason: c.reason || (c.exitCode === 0 ? 'Completed' : 'Error'),
    ...(message || c.message ? { message: message || c.message } : {}),
    ...(c.startedAt === undefined ? {} : { startedAt: timestamp(c.startedAt) }),
    ...(c.finishedAt === undefined ? {} : { finishedAt: timestamp(c.finishedAt) }),
    containerID: `containerd://${c.id}`,
  }
}

/** The resources that the container really has, which are those of the spec but for a moment after a resize. */
function resourceStatus(
  now: string | undefined,
  container: Container,
  running: boolean,
): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (!running) return {}
  const { requests = {}, limits = {} } = now
    ? (JSON.parse(now) as Resources)
    : ((container.resources ?? {}) as Resources)
  const some = (list: Readonly<Record<string, string>>) => Object.keys(list).length > 0
  if (!some(requests) && !some(limits)) return {}
  return {
    ...(some(requests) ? { allocatedResources: requests } : {}),
    resources: { ...(some(limits) ? { limits } : {}), ...(some(requests) ? { requests } : {}) },
  }
}

interface Resources {
  readonly requests?: Readonly<Record<string, string>>
  readonly limits?: Readonly<Record<string, string>>
}

function mountStatus(container: Container): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = container.volumeMounts ?? []
  if (mounts.length === 0) return {}
  return {
    volumeMounts: mounts.map((m) => ({
      name: m.name,
      mountPath: m.mountPath,
      ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' as const } : {}),
    })),
  }
}
