import {
  ApiError,
  badRequest,
  conflict,
  type DeleteOptions,
  type Eviction,
  type Key,
  Pod,
  PodDisruptionBudget,
} from '../../../api/index.ts'
import { timestamp } from '../../../base/index.ts'
import { matchesLabels, selectorOf } from '../../../schema/index.ts'
import { deleteObject } from '../delete.ts'
import { listItems } from '../list.ts'
import type { Caller, Registry } from '../registry.ts'

/** A pod that a budget counts on is evicted only while the budget allows it; the others are simply deleted. */
export async function evictPod(
  registry: Registry,
  key: Key,
  eviction: Eviction,
  caller: Caller,
  triedOnly: boolean,
): Promise<void> {
  // A client says in the query or in the body that this is a trial; kubectl drain says it in the body only.
  const dryRun = triedOnly || asksForTrial(eviction)
  const options = { ...deleteOptionsOf(eviction), dryRun }
  const pod = (await registry.get(Pod, key)).object as Pod
  await registry.admitOnly({
    ...registry.admissionFor(Pod, 'eviction', key, caller, dryRun, 'CREATE'),
    object: eviction as never,
  })
  if (!needsNoBudget(pod)) {
    const budgets = await budgetsFor(registry, pod)
    if (budgets.length > 1) {
      throw new ApiError(
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      )
    }
    const budget = budgets[0]
    if (budget && !(isUnhealthy(pod) && mayGoUnhealthy(budget)))
      await spend(registry, budget, pod, caller, dryRun)
  }
  await deleteObject(registry, Pod, key, options, caller)
}

function asksForTrial(eviction: Eviction): boolean {
  const { dryRun = [] } = eviction.deleteOptions ?? {}
  const wrong = dryRun.find((value) => value !== 'All')
  if (wrong !== undefined) {
    throw badRequest(
      `cannot evict: deleteOptions.dryRun: expected "All", got ${JSON.stringify(wrong.slice(0, 100))}`,
    )
  }
  return dryRun.length > 0
}

function deleteOptionsOf(eviction: Eviction): DeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = eviction.deleteOptions ?? {}
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy: propagationPolicy as 'Background' }),
    ...(preconditions === undefined ? {} : { preconditions: preconditions as { uid?: string } }),
  }
}

/** It does not run, or it goes already: no budget loses anything. */
function needsNoBudget(pod: Pod): boolean {
  const phase = pod.status.phase
  return (
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata.deletionTimestamp !== undefined
  )
}

function isUnhealthy(pod: Pod): boolean {
  return !pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')
}

function mayGoUnhealthy(budget: PodDisruptionBudget): boolean {
  if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy
}

async function budgetsFor(registry: Registry, pod: Pod): Promise<PodDisruptionBudget[]> {
  const page = await listItems(registry, PodDisruptionBudget, { namespace: pod.metadata.namespace })
  return page.items
    .map((i) => i.object as PodDisruptionBudget)
    .filter(
      (b) => b.spec.selector !== undefined && matchesLabels(selectorOf(b.spec.selector), pod.metadata.labels),
    )
}

/** Takes one disruption from the budget, or 429 with its reason and when to ask again. */
async function spend(
  registry: Registry,
  budget: PodDisruptionBudget,
  pod: Pod,
  caller: Caller,
  dryRun: boolean,
): Promise<void> {
  const { namespace, name } = budget.metadata
  await registry.update(
    PodDisruptionBudget,
    { namespace, name },
    'status',
    caller,
    (current) => {
      const now = current as PodDisruptionBudget | undefined
      if (!now)
        throw conflict({ group: 'policy', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' }, name)
      const { status, metadata } = now
      if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
        throw tooMany(name, 'The disruption budget is still being processed by the server.', 10)
      }
      const allowed = status.disruptionsAllowed ?? 0
      if (allowed <= 0) {
        throw tooMany(
          name,
          `The disruption budget ${name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
          0,
        )
      }
      const disrupted = {
        ...(status.disruptedPods as Record<string, string> | undefined),
        [pod.metadata.name]: timestamp(registry.clock.now()),
      }
      return {
        ...now,
        status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods: disrupted },
      }
    },
    dryRun,
  )
}

function tooMany(budget: string, why: string, retryAfterSeconds: number): ApiError {
  return new ApiError(
    'TooManyRequests',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    {
      causes: [{ reason: 'DisruptionBudget', message: why || `the budget ${budget} allows no disruption` }],
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    },
  )
}
