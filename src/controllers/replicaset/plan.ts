import { Pod, ReplicaSet, type ReplicaSetCondition, type ReplicaSetStatus } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import {
  type Action,
  create,
  type Failure,
  type Plan,
  type PlanContext,
  plan,
  remove,
  slowStart,
  together,
  updateStatus,
} from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { hasLabels, matcherOf } from '../shared/labels.ts'
import { claim, controllerReference } from '../shared/owners.ts'
import { availableFrom, isActive, isReady, isTerminating } from '../shared/pods.ts'
import { leastMissed } from './rank.ts'

/** Pods made or deleted in one pass; the next pass goes on. */
const BURST = 500

export interface ObservedReplicaSet {
  readonly replicaSet: ReplicaSet
  /** Pods whose controller it is. */
  readonly controlled: readonly Pod[]
  /** Pods of the namespace that nobody controls. */
  readonly orphans: readonly Pod[]
  /** Pods of every ReplicaSet that has the same controller, its own included. */
  readonly siblings: () => Iterable<Pod>
}

/** As many active pods as `spec.replicas` says, and a status that tells how far that is. */
export function planReplicaSet(observed: ObservedReplicaSet, { now, failure }: PlanContext): Plan {
  const { replicaSet } = observed
  const selects = matcherOf(replicaSet.spec.selector)
  const claims = claim(replicaSet, ReplicaSet, Pod, selects, observed.controlled, observed.orphans)
  // What is taken in or let go is counted in the pass after.
  if (claims.patches.length > 0)
    return plan([together(claims.patches)], { waits: ['its pods to be claimed'] })

  const active = claims.owned.filter(isActive)
  const terminating = claims.owned.filter(isTerminating).length
  const counted = statusOf(replicaSet, active, terminating, now, failure)
  const write = equal(counted, replicaSet.status)
    ? undefined
    : updateStatus(ReplicaSet, { ...replicaSet, status: counted })
  const scale = replicaSet.metadata.deletionTimestamp ? undefined : scaling(observed, active, now)
  const waits = waitsOf(replicaSet, counted)
  return plan([write, scale], { waits, againAfterMs: nextAvailable(active, replicaSet, now) })
}

function scaling({ replicaSet, siblings }: ObservedReplicaSet, active: readonly Pod[], now: number) {
  const missing = wanted(replicaSet) - active.length
  if (missing > 0) {
    return slowStart(Array.from({ length: Math.min(missing, BURST) }, () => createPod(replicaSet)))
  }
  if (missing === 0) return undefined
  const victims = leastMissed(active, siblings(), Math.min(-missing, BURST), now)
  return together(victims.map((pod) => deletePod(replicaSet, pod)))
}

function wanted(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1
}

function createPod(replicaSet: ReplicaSet): Action {
  const { metadata, spec } = replicaSet.spec.template
  const { labels, annotations, finalizers } = metadata ?? {}
  return create(
    Pod,
    {
      metadata: {
        namespace: replicaSet.metadata.namespace,
        generateName: `${replicaSet.metadata.name}-`,
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ...(finalizers ? { finalizers } : {}),
        ownerReferences: [controllerReference(replicaSet)],
      },
      spec,
    },
    {
      about: replicaSet,
      done: (pod) => ({
        type: 'Normal',
        reason: 'SuccessfulCreate',
        message: `Created pod: ${pod?.metadata.name}`,
      }),
      failed: (error) => ({
        type: 'Warning',
        reason: 'FailedCreate',
        message: `Error creating: ${textOf(error)}`,
      }),
    },
  )
}

function deletePod(replicaSet: ReplicaSet, pod: Pod): Action {
  const tell = {
    about: replicaSet,
    done: () =>
      ({ type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}` }) as const,
    failed: (error: unknown) =>
      ({ type: 'Warning', reason: 'FailedDelete', message: `Error deleting: ${textOf(error)}` }) as const,
  }
  return remove(Pod, pod, { tell })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function statusOf(
  replicaSet: ReplicaSet,
  active: readonly Pod[],
  terminatingReplicas: number,
  now: number,
  failure: Failure | undefined,
): ReplicaSetStatus {
  const templateLabels = replicaSet.spec.template.metadata?.labels ?? {}
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0
  let fullyLabeledReplicas = 0
  let readyReplicas = 0
  let availableReplicas = 0
  for (const pod of active) {
    if (hasLabels(pod.metadata.labels, templateLabels)) fullyLabeledReplicas++
    if (isReady(pod)) readyReplicas++
    if ((availableFrom(pod, minReadySeconds) ?? Number.POSITIVE_INFINITY) <= now) availableReplicas++
  }
  const conditions = conditionsOf(replicaSet, active.length, now, failure)
  // Zero and empty are left out, as the server leaves them out.
  return {
    replicas: active.length,
    ...(fullyLabeledReplicas ? { fullyLabeledReplicas } : {}),
    ...(readyReplicas ? { readyReplicas } : {}),
    ...(availableReplicas ? { availableReplicas } : {}),
    terminatingReplicas,
    ...(replicaSet.metadata.generation ? { observedGeneration: replicaSet.metadata.generation } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

/** ReplicaFailure while the last pass could not create or delete. */
function conditionsOf(
  replicaSet: ReplicaSet,
  have: number,
  now: number,
  failure: Failure | undefined,
): readonly ReplicaSetCondition[] {
  const before = replicaSet.status.conditions ?? []
  const others = before.filter((c) => c.type !== 'ReplicaFailure')
  const missing = wanted(replicaSet) - have
  if (failure?.action?.do === 'event' || failure?.action?.kind !== Pod || missing === 0) return others
  const reason = missing > 0 ? 'FailedCreate' : 'FailedDelete'
  const known = before.find((c) => c.type === 'ReplicaFailure')
  if (known) return before
  const message = textOf(failure.error)
  return [
    ...others,
    { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(now), reason, message },
  ]
}

/** When the next ready pod becomes available. */
function nextAvailable(active: readonly Pod[], replicaSet: ReplicaSet, now: number): number | undefined {
  let next = Number.POSITIVE_INFINITY
  for (const pod of active) {
    const from = availableFrom(pod, replicaSet.spec.minReadySeconds ?? 0)
    if (from !== undefined && from > now) next = Math.min(next, from)
  }
  return Number.isFinite(next) ? next - now : undefined
}

function waitsOf(replicaSet: ReplicaSet, status: ReplicaSetStatus): string[] {
  const want = wanted(replicaSet)
  const available = status.availableReplicas ?? 0
  return available < want ? [`${want - available} of ${want} pods to become available`] : []
}
