import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import { maxUnavailable, sizeOf, sum, wantedReplicas } from './sizes.ts'

type Conditions = readonly DeploymentCondition[]

const NO_LIMIT = 2 ** 31 - 1

export function condition(conditions: Conditions | undefined, type: string): DeploymentCondition | undefined {
  return conditions?.find((c) => c.type === type)
}

/** undefined: the Deployment may take for ever. */
export function deadlineSeconds(deployment: Deployment): number | undefined {
  const seconds = deployment.spec.progressDeadlineSeconds
  return seconds === undefined || seconds === NO_LIMIT ? undefined : seconds
}

/** The same status and reason again changes nothing, not even its times. */
export function withCondition(
  conditions: Conditions,
  next: Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'>,
  now: number,
): Conditions {
  const before = condition(conditions, next.type)
  if (before?.status === next.status && before.reason === next.reason) return conditions
  return replaced(conditions, next, now)
}

function replaced(
  conditions: Conditions,
  next: Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'>,
  now: number,
): Conditions {
  const before = condition(conditions, next.type)
  const at = timestamp(now)
  const lastTransitionTime = before?.status === next.status ? (before.lastTransitionTime ?? at) : at
  const { type, status, reason, message } = next
  const made = { type, status, lastUpdateTime: at, lastTransitionTime, reason, message }
  return [...without(conditions, next.type), made]
}

export function without(conditions: Conditions, type: string): Conditions {
  return condition(conditions, type) ? conditions.filter((c) => c.type !== type) : conditions
}

/** Pausing stops the progress deadline, resuming starts it anew. */
export function pauseConditions(deployment: Deployment, now: number): Conditions {
  const conditions = deployment.status.conditions ?? []
  if (deadlineSeconds(deployment) === undefined) return conditions
  const progressing = condition(conditions, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return conditions
  const paused = progressing?.reason === 'DeploymentPaused'
  const next = { type: 'Progressing', status: 'Unknown' } as const
  if (deployment.spec.paused && !paused) {
    return withCondition(
      conditions,
      { ...next, reason: 'DeploymentPaused', message: 'Deployment is paused' },
      now,
    )
  }
  if (!deployment.spec.paused && paused) {
    return withCondition(
      conditions,
      { ...next, reason: 'DeploymentResumed', message: 'Deployment is resumed' },
      now,
    )
  }
  return conditions
}

/** The counts, and whether enough is available; Progressing as `conditions` has it. */
export function countedStatus(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  conditions: Conditions,
  now: number,
): DeploymentStatus {
  const available = sum(all, (rs) => rs.status.availableReplicas ?? 0)
  const ready = sum(all, (rs) => rs.status.readyReplicas ?? 0)
  const replicas = sum(all, (rs) => rs.status.replicas)
  const updated = current?.status.replicas ?? 0
  const unavailable = Math.max(0, sum(all, sizeOf) - available)
  const enough = available >= wantedReplicas(deployment) - maxUnavailable(deployment)
  const availability = enough
    ? ({
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      } as const)
    : ({
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      } as const)
  const next = withCondition(conditions, { type: 'Available', ...availability }, now)
  return {
    ...(deployment.metadata.generation ? { observedGeneration: deployment.metadata.generation } : {}),
    ...(replicas ? { replicas } : {}),
    ...(updated ? { updatedReplicas: updated } : {}),
    ...(ready ? { readyReplicas: ready } : {}),
    ...(available ? { availableReplicas: available } : {}),
    ...(unavailable ? { unavailableReplicas: unavailable } : {}),
    terminatingReplicas: sum(all, (rs) => rs.status.terminatingReplicas ?? 0),
    ...(next.length > 0 ? { conditions: next } : {}),
    ...(deployment.status.collisionCount === undefined
      ? {}
      : { collisionCount: deployment.status.collisionCount }),
  }
}

/** Everything wanted is there, new and available, and nothing else. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment)
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function hasMoved(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const count = (
    s: DeploymentStatus,
    name: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas',
  ) => s[name] ?? 0
  const old = (s: DeploymentStatus) => count(s, 'replicas') - count(s, 'updatedReplicas')
  return (
    count(after, 'updatedReplicas') > count(before, 'updatedReplicas') ||
    old(after) < old(before) ||
    count(after, 'readyReplicas') > count(before, 'readyReplicas') ||
    count(after, 'availableReplicas') > count(before, 'availableReplicas')
  )
}

function hasTimedOut(deployment: Deployment, conditions: Conditions, now: number): boolean {
  const progressing = condition(conditions, 'Progressing')
  const seconds = deadlineSeconds(deployment)
  if (!progressing || seconds === undefined || progressing.reason === 'NewReplicaSetAvailable') return false
  if (progressing.reason === 'ProgressDeadlineExceeded') return true
  return Date.parse(progressing.lastUpdateTime ?? '') + seconds * 1000 < now
}

/** The status of a rollout under way: how it progresses, and why its ReplicaSets fail. */
export function rolloutStatus(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  counted: DeploymentStatus,
  now: number,
): DeploymentStatus {
  let conditions: Conditions = counted.conditions ?? []
  const before = condition(deployment.status.conditions, 'Progressing')
  const settled =
    (counted.replicas ?? 0) === (counted.updatedReplicas ?? 0) && before?.reason === 'NewReplicaSetAvailable'
  const subject = current
    ? `ReplicaSet "${current.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`
  const progressing = (status: 'True' | 'False', reason: string, words: string) =>
    ({ type: 'Progressing', status, reason, message: `${subject} ${words}` }) as const
  if (deadlineSeconds(deployment) === undefined) conditions = without(conditions, 'Progressing')
  else if (!settled) {
    if (isComplete(deployment, counted)) {
      const done = progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.')
      conditions = withCondition(conditions, done, now)
    } else if (hasMoved(deployment.status, counted)) {
      // Each step counts: the time of the last one is what the deadline runs from.
      conditions = replaced(conditions, progressing('True', 'ReplicaSetUpdated', 'is progressing.'), now)
    } else if (hasTimedOut(deployment, conditions, now)) {
      const late = progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.')
      conditions = withCondition(conditions, late, now)
    }
  }
  conditions = withFailure(conditions, current, all)
  const { conditions: _, ...counts } = counted
  return { ...counts, ...(conditions.length > 0 ? { conditions } : {}) }
}

/** What keeps a ReplicaSet from making pods shows on its Deployment; the new one's trouble before any old one's. */
function withFailure(
  conditions: Conditions,
  current: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): Conditions {
  const failureOf = (rs: ReplicaSet | undefined) =>
    rs?.status.conditions?.find((c) => c.type === 'ReplicaFailure')
  const failure = failureOf(current) ?? all.map(failureOf).find((c) => c !== undefined)
  if (!failure) return without(conditions, 'ReplicaFailure')
  const known = condition(conditions, 'ReplicaFailure')
  if (known?.status === failure.status && known.reason === failure.reason) return conditions
  const { status, lastTransitionTime, reason, message } = failure
  const shown = {
    type: 'ReplicaFailure',
    status,
    lastUpdateTime: lastTransitionTime,
    lastTransitionTime,
    reason,
    message,
  }
  return [...without(conditions, 'ReplicaFailure'), shown]
}

/** When the deadline will have passed, if nothing moves; undefined when it does not run. */
export function deadlineAfterMs(
  deployment: Deployment,
  status: DeploymentStatus,
  now: number,
): number | undefined {
  const seconds = deadlineSeconds(deployment)
  const progressing = condition(status.conditions, 'Progressing')
  if (seconds === undefined || !progressing || isComplete(deployment, status)) return undefined
  if (
    ['ProgressDeadlineExceeded', 'NewReplicaSetAvailable', 'DeploymentPaused'].includes(
      progressing.reason ?? '',
    )
  ) {
    return undefined
  }
  const at = Date.parse(progressing.lastUpdateTime ?? '') + seconds * 1000
  return Math.max(1000, at - now + 1000)
}
