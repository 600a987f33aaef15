import type { Pod } from '../../api/index.ts'
import type { ObservedContainer, ObservedPod } from '../runtime/runtime.ts'
import { containerNamed } from '../spec/resources.ts'

/** All a decision about one pod depends on. */
export interface PodFacts {
  /** As the API server has it (or the checkpoint, while the server cannot be reached). */
  readonly pod: Pod
  readonly observed: ObservedPod
  readonly local: LocalFacts
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What the agent knows besides: what it is doing, what went wrong, what the probes say. */
export interface LocalFacts {
  /** Keys of the actions under way (see `actionKey`). */
  readonly inFlight: ReadonlySet<string>
  /** Why the last try at a container failed, by its name. */
  readonly failures: ReadonlyMap<string, Failure>
  /** Images that are ready for a start, as `name#attempt`. */
  readonly images: ReadonlySet<string>
  readonly volumesReady: boolean
  readonly probes: (container: ObservedContainer) => ProbeFacts
  /** The resources that containers were given since they were made, by id (see `resourcesText`). */
  readonly resized: ReadonlyMap<string, string>
  /** Why the pod cannot have the resources it now asks for; undefined: it can. */
  readonly resizeProblem: { readonly reason: 'Deferred' | 'Infeasible'; readonly message: string } | undefined
  /** Set when the pod must end though nobody deleted it: it was evicted or refused. */
  readonly verdict: Verdict | undefined
  /** The object is gone from the API server. */
  readonly removed: boolean
  /** When this agent first saw that the pod has to end. */
  readonly terminatingSince: number | undefined
  /** Volumes and cgroups of the pod have been taken down. */
  readonly cleanedUp: boolean
  readonly startTime: number
  readonly hostIPs: readonly string[]
  /** Termination messages by container id. */
  readonly messages: ReadonlyMap<string, string>
}

export interface Failure {
  readonly reason: string
  readonly message: string
  readonly at: number
  /** Not tried again before; undefined: as soon as something changes. */
  readonly retryAt: number
  /** Shown instead of `reason` and `message` once the first moments have passed. */
  readonly later?: { readonly reason: string; readonly message: string }
}

export interface ProbeFacts {
  /** The startup probe has succeeded, or there is none. */
  readonly started: boolean
  readonly ready: boolean
  /** The probe that wants the container killed. */
  readonly failed: 'liveness' | 'startup' | undefined
}

/** Why a pod ends, as its status will say. */
export interface Verdict {
  readonly phase: 'Failed'
  readonly reason: string
  readonly message: string
  /** The pod never started here: nothing is to be killed or cleaned. */
  readonly refused?: boolean
  readonly graceSeconds?: number
  /** The node took it away from a pod that did nothing wrong: its owner must not count that as a failure. */
  readonly disrupted?: boolean
}

export type Action =
  | { readonly do: 'createSandbox'; readonly attempt: number }
  | { readonly do: 'stopSandbox'; readonly id: string }
  | { readonly do: 'ensureImage'; readonly container: string; readonly attempt: number }
  | {
      readonly do: 'startContainer'
      readonly container: string
      readonly attempt: number
      readonly backoffMs: number
      readonly sandboxId: string
    }
  | {
      readonly do: 'killContainer'
      readonly id: string
      readonly container: string
      readonly graceSeconds: number
      /** Said in the Killing event. */
      readonly message: string
      /** SIGTERM waits until nobody is sent to the pod any more, but no longer than this (milliseconds since 1970). */
      readonly holdUntil?: number
    }
  | { readonly do: 'removeContainer'; readonly id: string }
  /** Other requests and limits for a container that runs. */
  | { readonly do: 'resizeContainer'; readonly id: string; readonly container: string }
  /** Volumes and cgroups go; containers stay for their logs. */
  | { readonly do: 'cleanUp' }
  /** The last delete at the API server: the pod has ended. */
  | { readonly do: 'deletePod' }
  /** Containers, sandboxes and files go. */
  | { readonly do: 'forget' }

/** At most one action with the same key is under way. */
export function actionKey(action: Action): string {
  switch (action.do) {
    case 'createSandbox':
    case 'cleanUp':
    case 'deletePod':
    case 'forget':
      return action.do
    case 'stopSandbox':
    case 'removeContainer':
    case 'resizeContainer':
    case 'killContainer':
      return `${action.do}:${action.id}`
    case 'ensureImage':
    case 'startContainer':
      return `${action.do}:${action.container}`
    default:
      return action satisfies never
  }
}

/** Whether a container that runs has yet to see the end of its postStart handler. */
export function isHooked({ pod, local }: Pick<PodFacts, 'pod' | 'local'>, seen: ObservedContainer): boolean {
  return (
    seen.state === 'running' &&
    local.inFlight.has(`startContainer:${seen.name}`) &&
    containerNamed(pod, seen.name)?.lifecycle?.postStart !== undefined
  )
}

/** Until its postStart handler is done, a container counts as being created: not as running, and not as ready. */
export function asStarted<F extends Pick<PodFacts, 'pod' | 'local' | 'observed'>>(facts: F): F {
  const { observed } = facts
  if (!observed.containers.some((c) => isHooked(facts, c))) return facts
  const containers = observed.containers.map((c) =>
    isHooked(facts, c) ? { ...c, state: 'created' as const } : c,
  )
  return { ...facts, observed: { ...observed, containers } }
}

export const imageKey = (name: string, attempt: number): string => `${name}#${attempt}`
