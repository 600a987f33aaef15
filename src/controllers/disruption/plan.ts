import {
  type Condition,
  type Pod,
  PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
} from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import { type Action, event, type Plan, plan, updateStatus } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { controllerOf } from '../shared/owners.ts'
import { isReady } from '../shared/pods.ts'
import type { Scale } from './scale.ts'

/** An evicted pod that is still whole after this long will not go: it counts as healthy again. */
const DELETION_MS = 120_000

export interface ObservedBudget {
  readonly budget: PodDisruptionBudget
  /** Those it selects. */
  readonly pods: readonly Pod[]
  readonly scaleOf: (pod: Pod) => Scale | undefined
}

/** How many of a budget's pods may be evicted now. When that cannot be told, none may. */
export function planBudget(observed: ObservedBudget, now: number): Plan {
  const { budget, pods } = observed
  const expectation = expectationOf(observed)
  if ('error' in expectation) return failSafe(budget, expectation.error, now)
  const { expectedPods, desiredHealthy } = expectation
  const { disruptedPods, late, againAfterMs } = awaited(observed, now)
  const currentHealthy = pods.filter((pod) => {
    return (
      isReady(pod) && pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name in disruptedPods)
    )
  }).length
  const spare = currentHealthy - desiredHealthy
  // Without pods nothing is allowed: their number is not known yet when the first ones come.
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, spare) : 0
  const status = withCondition(
    {
      ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
      ...(budget.metadata.generation ? { observedGeneration: budget.metadata.generation } : {}),
      disruptionsAllowed,
      currentHealthy,
      desiredHealthy,
      expectedPods,
    },
    budget.status.conditions,
    disruptionsAllowed > 0
      ? { status: 'True', reason: 'SufficientPods', message: '' }
      : { status: 'False', reason: 'InsufficientPods', message: '' },
    now,
  )
  const waits =
    disruptionsAllowed > 0 ? [] : [`more than ${desiredHealthy} healthy pods: ${currentHealthy} are`]
  const options = { waits, againAfterMs }
  if (equal(status, budget.status)) return plan(late, options)
  return plan(
    [...late, ...remarks(observed, expectation), updateStatus(PodDisruptionBudget, { ...budget, status })],
    options,
  )
}

type Expectation =
  | { readonly expectedPods: number; readonly desiredHealthy: number; readonly unmanaged: boolean }
  | { readonly error: string }

function expectationOf({ budget, pods, scaleOf }: ObservedBudget): Expectation {
  const { minAvailable, maxUnavailable } = budget.spec
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') {
    const desiredHealthy = minAvailable ?? 0
    return { expectedPods: minAvailable === undefined ? 0 : pods.length, desiredHealthy, unmanaged: false }
  }
  const scales = new Map<string, number>()
  let unmanaged = false
  for (const pod of pods) {
    const scale = scaleOf(pod)
    if (scale) scales.set(scale.uid, scale.replicas)
    else if (controllerOf(pod)) return { error: `found no controllers for pod "${pod.metadata.name}"` }
    else unmanaged = true
  }
  const expectedPods = [...scales.values()].reduce((sum, n) => sum + n, 0)
  const desiredHealthy =
    maxUnavailable === undefined
      ? scaled(minAvailable!, expectedPods)
      : Math.max(0, expectedPods - scaled(maxUnavailable, expectedPods))
  return { expectedPods, desiredHealthy, unmanaged }
}

/** `3`, or `25%` of `total`, rounded up. */
function scaled(value: number | string, total: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100)
}

/** The pods that were evicted and are about to go; and complaints about those that do not. */
function awaited({ budget, pods }: ObservedBudget, now: number) {
  const disruptedPods: Record<string, string> = {}
  const late: Action[] = []
  let next = Number.POSITIVE_INFINITY
  for (const pod of pods) {
    const { namespace, name, deletionTimestamp } = pod.metadata
    const at = budget.status.disruptedPods?.[name]
    if (at === undefined || deletionTimestamp !== undefined) continue
    const left = Date.parse(at) + DELETION_MS - now
    if (left > 0) {
      disruptedPods[name] = at
      next = Math.min(next, left)
      continue
    }
    const message = `Pod was expected by PDB ${namespace}/${budget.metadata.name} to be deleted but it wasn't`
    late.push(event(pod, 'Warning', 'NotDeleted', message))
  }
  return { disruptedPods, late, againAfterMs: Number.isFinite(next) ? next : undefined }
}

/** What its owner should know of a budget that selects nothing, or pods whose number nobody says. */
function remarks({ budget, pods }: ObservedBudget, { unmanaged }: { unmanaged: boolean }): Action[] {
  if (pods.length === 0) return [event(budget, 'Normal', 'NoPods', 'No matching pods found')]
  if (!unmanaged) return []
  const message =
    'Some of the pods that this PodDisruptionBudget selects have no controller, so it cannot be told how many there ' +
    'should be. To count these too, set ".spec.minAvailable" to an integer.'
  return [event(budget, 'Warning', 'UnmanagedPods', message)]
}

function failSafe(budget: PodDisruptionBudget, error: string, now: number): Plan {
  const { conditions, ...rest } = budget.status
  const status = withCondition(
    { ...rest, disruptionsAllowed: 0 },
    conditions,
    { status: 'False', reason: 'SyncFailed', message: error },
    now,
  )
  const waits = [error]
  if (equal(status, budget.status)) return plan([], { waits })
  const message = `Failed to calculate the number of expected pods: ${error}`
  return plan(
    [
      event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message),
      updateStatus(PodDisruptionBudget, { ...budget, status }),
    ],
    { waits },
  )
}

function withCondition(
  status: Omit<PodDisruptionBudgetStatus, 'conditions'>,
  before: readonly Condition[] = [],
  made: Pick<Condition, 'status' | 'reason' | 'message'>,
  now: number,
): PodDisruptionBudgetStatus {
  const type = 'DisruptionAllowed'
  const old = before.find((c) => c.type === type)
  const lastTransitionTime = old?.status === made.status ? old.lastTransitionTime : timestamp(now)
  const { observedGeneration } = status
  const condition = {
    type,
    ...made,
    lastTransitionTime,
    ...(observedGeneration ? { observedGeneration } : {}),
  }
  return { ...status, conditions: [...before.filter((c) => c !== old), condition] }
}
