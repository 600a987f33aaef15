import { Deployment, type DeploymentStatus, type Pod, ReplicaSet } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import {
  type Action,
  create,
  event,
  type Plan,
  type PlanContext,
  plan,
  remove,
  together,
  update,
  updateStatus,
} from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { matcherOf, selectsEverything } from '../shared/labels.ts'
import { claim, isControlledBy } from '../shared/owners.ts'
import { newAnnotations, REVISION, revisionOf, sizeAnnotations } from './annotations.ts'
import { type Family, isScaled, recreateStep, rollingStep, type Sizes, scale } from './rollout.ts'
import { isRollingUpdate, newSize, sizeOf, wantedReplicas } from './sizes.ts'
import {
  countedStatus,
  deadlineAfterMs,
  deadlineSeconds,
  isComplete,
  pauseConditions,
  rolloutStatus,
  withCondition,
} from './status.ts'
import { findNew, newReplicaSet, sameTemplate } from './template.ts'

export interface ObservedDeployment {
  readonly deployment: Deployment
  /** ReplicaSets whose controller it is. */
  readonly controlled: readonly ReplicaSet[]
  /** ReplicaSets of the namespace that nobody controls. */
  readonly orphans: readonly ReplicaSet[]
  /** Whatever has the name that a new ReplicaSet would get. */
  readonly namesake: ReplicaSet | undefined
  readonly podsOf: (replicaSet: ReplicaSet) => Iterable<Pod>
}

/** One ReplicaSet a template, and pods handed over from the old to the new within the strategy's bounds. */
export function planDeployment(observed: ObservedDeployment, context: PlanContext): Plan {
  const { deployment } = observed
  if (selectsEverything(deployment.spec.selector)) return refuseToSelectAll(deployment)
  const selects = matcherOf(deployment.spec.selector)
  const claims = claim(deployment, Deployment, ReplicaSet, selects, observed.controlled, observed.orphans)
  if (claims.patches.length > 0)
    return plan([together(claims.patches)], { waits: ['its ReplicaSets to be claimed'] })

  const current = findNew(deployment, claims.owned)
  const family = { deployment, current, old: claims.owned.filter((rs) => rs !== current) }
  if (deployment.metadata.deletionTimestamp) return finish(family, family, context, false)

  const annotated = withNewAnnotations(family)
  const revision = annotated.current?.metadata.annotations?.[REVISION]
  if (revision !== undefined && deployment.metadata.annotations?.[REVISION] !== revision) {
    // The rest follows in the pass that this write leads to.
    const annotations = { ...deployment.metadata.annotations, [REVISION]: revision }
    const noted = { ...deployment, metadata: { ...deployment.metadata, annotations } }
    return plan([together(resizes(family, annotated, new Map())), update(Deployment, noted)])
  }
  if (deployment.spec.paused || isScaled(annotated)) return rescale(family, annotated, context)
  return isRollingUpdate(deployment)
    ? roll(observed, family, annotated, context)
    : recreate(observed, family, annotated, context)
}

function refuseToSelectAll(deployment: Deployment): Plan {
  const { generation } = deployment.metadata
  const warning = event(
    deployment,
    'Warning',
    'SelectingAll',
    'This deployment is selecting all pods. A non-empty selector is required.',
  )
  if ((deployment.status.observedGeneration ?? 0) >= (generation ?? 0)) return plan([])
  const status = { ...deployment.status, observedGeneration: generation }
  return plan([warning, updateStatus(Deployment, { ...deployment, status })])
}

/** The new ReplicaSet as it should be annotated; sizes as they are. */
function withNewAnnotations(family: Family): Family {
  const { deployment, current, old } = family
  if (!current) return family
  const revision = Math.max(0, ...old.map(revisionOf)) + 1
  const before = current.metadata.annotations ?? {}
  const annotations = newAnnotations(deployment, before, revision)
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  const sameReadiness = (current.spec.minReadySeconds ?? 0) === minReadySeconds
  if (sameReadiness && equal(before, annotations)) return family
  const { minReadySeconds: _, ...spec } = current.spec
  const next: ReplicaSet = {
    ...current,
    metadata: { ...current.metadata, annotations },
    spec: { ...spec, ...(minReadySeconds ? { minReadySeconds } : {}) },
  }
  return { deployment, current: next, old }
}

/** Paused or scaled: sizes change, the template does not move on. */
function rescale(family: Family, annotated: Family, context: PlanContext): Plan {
  const sizes = scale(annotated)
  const writes = resizes(family, annotated, sizes, { annotateAll: isScaled(annotated) })
  const gone = family.deployment.spec.paused ? surplus(family) : []
  return finish(family, annotated, context, false, [together(writes), together(gone)])
}

function roll(observed: ObservedDeployment, family: Family, annotated: Family, context: PlanContext): Plan {
  if (!annotated.current) return start(observed, family, context)
  const writes = resizes(family, annotated, rollingStep(annotated))
  return finish(family, annotated, context, true, [
    together(writes),
    together(whenComplete(family, writes, context)),
  ])
}

function recreate(
  observed: ObservedDeployment,
  family: Family,
  annotated: Family,
  context: PlanContext,
): Plan {
  const { sizes, mayStart } = recreateStep(annotated, observed.podsOf)
  if (!annotated.current && mayStart) return start(observed, family, context)
  const writes = resizes(family, annotated, sizes)
  return finish(family, annotated, context, true, [
    together(writes),
    together(whenComplete(family, writes, context)),
  ])
}

/** Creates the ReplicaSet of a template that has none yet. */
function start(observed: ObservedDeployment, family: Family, { now, failure }: PlanContext): Plan {
  const { deployment, old } = family
  const { status } = deployment
  if (observed.namesake && !isOurs(observed.namesake, deployment)) {
    const collisionCount = (status.collisionCount ?? 0) + 1
    const collided = { ...deployment, status: { ...status, collisionCount } }
    return plan([updateStatus(Deployment, collided)], { waits: ['a name for the new ReplicaSet'] })
  }
  const made = newReplicaSet(deployment)
  const { name } = made.metadata
  const replicas = newSize(deployment, old, 0)
  const revision = Math.max(0, ...old.map(revisionOf)) + 1
  const annotations = { ...newAnnotations(deployment, {}, revision), ...sizeAnnotations(deployment) }
  const replicaSet: Input<ReplicaSet> = {
    ...made,
    metadata: { ...made.metadata, annotations },
    spec: { ...made.spec, replicas },
  }
  const creation = create(ReplicaSet, replicaSet, {
    about: deployment,
    ...(replicas > 0 ? { done: () => scaledEvent(name, 0, replicas) } : {}),
    failed: (error) => ({
      type: 'Warning',
      reason: 'ReplicaSetCreateError',
      message: createError(name, error),
    }),
  })
  const progress = (ok: boolean, message: string) =>
    withProgress(
      deployment,
      ok ? 'True' : 'False',
      ok ? 'NewReplicaSetCreated' : 'ReplicaSetCreateError',
      message,
      now,
    )
  const failedCreate = failure?.action?.do === 'create' && failure.action.kind === ReplicaSet
  if (failedCreate) {
    const failed = progress(false, createError(name, failure.error))
    if (failed) return plan([failed, creation])
  }
  return plan([creation, progress(true, `Created new replica set "${name}"`)])
}

function isOurs(namesake: ReplicaSet, deployment: Deployment): boolean {
  return (
    isControlledBy(namesake, deployment) && sameTemplate(namesake.spec.template, deployment.spec.template)
  )
}

function createError(name: string, error: unknown): string {
  return `Failed to create new replica set "${name}": ${error instanceof Error ? error.message : String(error)}`
}

function withProgress(
  deployment: Deployment,
  status: 'True' | 'False',
  reason: string,
  message: string,
  now: number,
) {
  if (deadlineSeconds(deployment) === undefined) return undefined
  const before = deployment.status.conditions ?? []
  const conditions = withCondition(before, { type: 'Progressing', status, reason, message }, now)
  if (conditions === before) return undefined
  return updateStatus(Deployment, { ...deployment, status: { ...deployment.status, conditions } })
}

function scaledEvent(name: string, from: number, to: number) {
  const direction = to > from ? 'up' : 'down'
  const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`
  return { type: 'Normal', reason: 'ScalingReplicaSet', message } as const
}

/** One write for each ReplicaSet that is to change in size or annotations. */
function resizes(
  before: Family,
  annotated: Family,
  sizes: Sizes,
  options: { annotateAll?: boolean } = {},
): Action[] {
  const { deployment } = annotated
  const originals = [...before.old, ...(before.current ? [before.current] : [])]
  const wishes = [...annotated.old, ...(annotated.current ? [annotated.current] : [])]
  return wishes.flatMap((rs, i) => {
    const original = originals[i]!
    const from = sizeOf(original)
    const to = sizes.get(rs.metadata.uid) ?? from
    const sized = to !== from || (options.annotateAll && (from > 0 || sizes.has(rs.metadata.uid)))
    const annotations = sized
      ? { ...rs.metadata.annotations, ...sizeAnnotations(deployment) }
      : rs.metadata.annotations
    const next = { ...rs, metadata: { ...rs.metadata, annotations }, spec: { ...rs.spec, replicas: to } }
    if (equal(next, original)) return []
    const tell =
      to === from ? undefined : { about: deployment, done: () => scaledEvent(rs.metadata.name, from, to) }
    return [update(ReplicaSet, next, tell)]
  })
}

/** Ends a pass with the status that what is observed amounts to. */
function finish(
  family: Family,
  annotated: Family,
  { now }: PlanContext,
  rolling: boolean,
  steps: Parameters<typeof plan>[0] = [],
): Plan {
  const { deployment, current, old } = family
  const all = current ? [...old, current] : old
  let conditions = deployment.metadata.deletionTimestamp
    ? (deployment.status.conditions ?? [])
    : pauseConditions(deployment, now)
  if (
    rolling &&
    current &&
    deadlineSeconds(deployment) !== undefined &&
    !conditions.some((c) => c.type === 'Progressing')
  ) {
    const message = `Found new replica set "${current.metadata.name}"`
    conditions = withCondition(
      conditions,
      { type: 'Progressing', status: 'True', reason: 'FoundNewReplicaSet', message },
      now,
    )
  }
  const counted = countedStatus(deployment, current, all, conditions, now)
  const status = rolling ? rolloutStatus(deployment, annotated.current, all, counted, now) : counted
  const write = equal(status, deployment.status)
    ? undefined
    : updateStatus(Deployment, { ...deployment, status })
  const options = {
    waits: waitsOf(deployment, status),
    againAfterMs: rolling ? deadlineAfterMs(deployment, status, now) : undefined,
  }
  return plan([...steps, write], options)
}

function whenComplete(family: Family, writes: readonly Action[], { now }: PlanContext): Action[] {
  const { deployment, current, old } = family
  if (writes.length > 0) return []
  const all = current ? [...old, current] : old
  const counted = countedStatus(deployment, current, all, deployment.status.conditions ?? [], now)
  return isComplete(deployment, counted) ? surplus(family) : []
}

/** Old ReplicaSets beyond `revisionHistoryLimit` that are empty, the oldest revisions first. */
function surplus({ deployment, old }: Family): Action[] {
  const limit = deployment.spec.revisionHistoryLimit
  if (limit === undefined || limit === 2 ** 31 - 1) return []
  const living = old.filter((rs) => rs.metadata.deletionTimestamp === undefined)
  return living
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, Math.max(0, living.length - limit))
    .filter(
      (rs) =>
        rs.status.replicas === 0 &&
        sizeOf(rs) === 0 &&
        (rs.metadata.generation ?? 0) <= (rs.status.observedGeneration ?? 0),
    )
    .map((rs) => remove(ReplicaSet, rs))
}

function waitsOf(deployment: Deployment, status: DeploymentStatus): string[] {
  const wanted = wantedReplicas(deployment)
  if (deployment.spec.paused) return ['to be resumed']
  const updated = status.updatedReplicas ?? 0
  if (updated < wanted) return [`${wanted - updated} of ${wanted} new pods to be created`]
  const old = (status.replicas ?? 0) - updated
  if (old > 0) return [`${old} old pods to end`]
  const available = status.availableReplicas ?? 0
  return available < wanted ? [`${wanted - available} of ${wanted} new pods to become available`] : []
}
