import {
  ApiError,
  badRequest,
  conflict,
  type DeleteOptions,
  type Eviction,
  forbidden,
  isApiError,
  type Key,
  notFound,
  Pod,
  PodDisruptionBudget,
} from '../../../api/index.ts'
import { timestamp } from '../../../base/index.ts'
import { matchesLabels, selectorOf } from '../../../schema/index.ts'
import { checkPreconditions, deleteObject } from '../delete.ts'
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
  await registry.get(Pod, key)
  await registry.admitOnly({
    ...registry.admissionFor(Pod, 'eviction', key, caller, dryRun, 'CREATE'),
    object: eviction as never,
  })
  for (let attempt = 1; ; attempt++) {
    const pod = (await registry.get(Pod, key)).object as Pod
    if (!needsNoBudget(pod)) return evictWithin(registry, pod, options, caller)
    try {
      // One that only waits may begin to run meanwhile, and then it counts.
      return await remove(registry, pod, mayBecomeHealthy(pod), options, caller)
    } catch (error) {
      if (!isApiError(error, 'Conflict') || options.preconditions || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

const MAX_ATTEMPTS = 20

async function evictWithin(
  registry: Registry,
  pod: Pod,
  options: DeleteOptions,
  caller: Caller,
): Promise<void> {
  const budgets = await budgetsFor(registry, pod)
  if (budgets.length > 1) {
    throw new ApiError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    )
  }
  const budget = budgets[0]
  const spared = budget !== undefined && isUnhealthy(pod) && mayGoUnhealthy(budget)
  if (budget && !spared) await spend(registry, budget, pod, caller, options.dryRun === true)
  try {
    await remove(registry, pod, spared, options, caller)
  } catch (error) {
    if (!spared || !isApiError(error, 'Conflict') || options.preconditions?.resourceVersion) throw error
    throw tooMany(stillProcessed(budget.metadata.name), 10)
  }
}

/** Says on the pod why it goes, then deletes it; with `exact`, only if nothing has changed since it was looked at. */
async function remove(
  registry: Registry,
  pod: Pod,
  exact: boolean,
  options: DeleteOptions,
  caller: Caller,
): Promise<void> {
  const { namespace, name, uid, resourceVersion } = pod.metadata
  const key = { namespace, name }
  const { dryRun = false, preconditions } = options
  const seen = exact ? { uid, resourceVersion, ...preconditions } : preconditions
  if (isOver(pod) || pod.metadata.deletionTimestamp || dryRun) {
    await deleteObject(registry, Pod, key, { ...options, ...(seen ? { preconditions: seen } : {}) }, caller)
    return
  }
  const told = await registry.update(Pod, key, 'status', caller, (current) => {
    const now = current as Pod | undefined
    if (!now) throw notFound(Pod.resource, name)
    checkPreconditions(Pod, key, { preconditions: seen ?? {} }, now)
    return withDisruption(now, timestamp(registry.clock.now()))
  })
  // What its wish was is checked; from here on it is about what was just written.
  const written = told.item.object.metadata
  const exactly = { uid: written.uid, resourceVersion: written.resourceVersion }
  await deleteObject(registry, Pod, key, { ...options, preconditions: exact ? exactly : { uid } }, caller)
}

function withDisruption(pod: Pod, lastTransitionTime: string): Pod {
  const made = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  }
  const others = (pod.status.conditions ?? []).filter((c) => c.type !== made.type)
  return { ...pod, status: { ...pod.status, conditions: [...others, made] } }
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
  return isOver(pod) || mayBecomeHealthy(pod) || pod.metadata.deletionTimestamp !== undefined
}

function isOver({ status: { phase } }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}

function mayBecomeHealthy(pod: Pod): boolean {
  return pod.status.phase === 'Pending' && pod.metadata.deletionTimestamp === undefined
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
      const refusal = refusalOf(now)
      if (refusal) throw refusal
      const { status } = now
      const disrupted = {
        ...(status.disruptedPods as Record<string, string> | undefined),
        [pod.metadata.name]: timestamp(registry.clock.now()),
      }
      return {
        ...now,
        status: { ...status, disruptionsAllowed: status.disruptionsAllowed - 1, disruptedPods: disrupted },
      }
    },
    dryRun,
  )
}

/** Why the budget lets nobody go just now. */
function refusalOf({ metadata, status }: PodDisruptionBudget): ApiError | undefined {
  const { name, generation = 0 } = metadata
  if ((status.observedGeneration ?? 0) < generation) return tooMany(stillProcessed(name), 10)
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED) {
    return forbidden(
      { group: 'policy', plural: 'poddisruptionbudget', kind: 'PodDisruptionBudget' },
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    )
  }
  if (status.disruptionsAllowed > 0) return undefined
  const failed = status.conditions?.find(
    (c) => c.type === 'DisruptionAllowed' && c.status === 'False' && c.reason === 'SyncFailed',
  )
  if (failed) {
    const why = `does not allow evicting pods currently because it failed sync: ${failed.message}`
    return tooMany(`The disruption budget ${name} ${why}`, 0)
  }
  const { desiredHealthy, currentHealthy } = status
  if (currentHealthy <= desiredHealthy) {
    const why = `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
    return tooMany(`The disruption budget ${name} ${why}`, 0)
  }
  return tooMany(`The disruption budget ${name} does not allow evicting pods currently`, 0)
}

/** Evictions that the controller has not confirmed yet. */
const MAX_DISRUPTED = 2000

const stillProcessed = (budget: string) =>
  `The disruption budget ${budget} is still being processed by the server.`

function tooMany(why: string, retryAfterSeconds: number): ApiError {
  return new ApiError(
    'TooManyRequests',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    {
      causes: [{ reason: 'DisruptionBudget', message: why }],
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    },
  )
}
