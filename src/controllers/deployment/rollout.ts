import type { Deployment, Pod, ReplicaSet } from '../../api/index.ts'
import { isOver } from '../shared/pods.ts'
import { DESIRED, MAX, numberIn } from './annotations.ts'
import {
  availableOf,
  bounds,
  isRollingUpdate,
  maxUnavailable,
  newSize,
  sizeOf,
  sum,
  wantedReplicas,
} from './sizes.ts'
import { byCreation } from './template.ts'

/** The size each ReplicaSet is to have, by uid; those that are not named keep theirs. */
export type Sizes = Map<string, number>

export interface Family {
  readonly deployment: Deployment
  /** The ReplicaSet of the Deployment's template, when there is one. */
  readonly current: ReplicaSet | undefined
  readonly old: readonly ReplicaSet[]
}

const all = ({ current, old }: Family) => (current ? [...old, current] : [...old])
const isActive = (replicaSet: ReplicaSet) => sizeOf(replicaSet) > 0
const resized = (replicaSet: ReplicaSet, replicas: number): ReplicaSet => ({
  ...replicaSet,
  spec: { ...replicaSet.spec, replicas },
})

/** The wanted number has changed since a ReplicaSet with pods was last sized. */
export function isScaled(family: Family): boolean {
  return all(family)
    .filter(isActive)
    .some((rs) => {
      const desired = numberIn(rs.metadata.annotations, DESIRED)
      return desired !== undefined && desired !== wantedReplicas(family.deployment)
    })
}

/** A change of scale: for the only active ReplicaSet all of it, else for each in proportion to its size. */
export function scale(family: Family): Sizes {
  const { deployment, current, old } = family
  const wanted = wantedReplicas(deployment)
  const active = all(family).filter(isActive)
  if (active.length <= 1) {
    const only = active[0] ?? current ?? byCreation(old).at(-1)
    return new Map(only ? [[only.metadata.uid, wanted]] : [])
  }
  if (current && isSaturated(current, wanted)) {
    return new Map(old.filter(isActive).map((rs) => [rs.metadata.uid, 0]))
  }
  return isRollingUpdate(deployment) ? scaleInProportion(deployment, active) : new Map()
}

function isSaturated(current: ReplicaSet, wanted: number): boolean {
  return (
    sizeOf(current) === wanted &&
    numberIn(current.metadata.annotations, DESIRED) === wanted &&
    (current.status.availableReplicas ?? 0) === wanted
  )
}

function scaleInProportion(deployment: Deployment, active: readonly ReplicaSet[]): Sizes {
  const wanted = wantedReplicas(deployment)
  const allowed = wanted > 0 ? wanted + bounds(deployment).surge : 0
  const toAdd = allowed - sum(active, sizeOf)
  const oldestFirst = byCreation(active)
  // Growth goes to the biggest and newest first, shrinking starts at the biggest and oldest.
  const order = (toAdd > 0 ? oldestFirst.reverse() : oldestFirst).sort((a, b) => sizeOf(b) - sizeOf(a))
  const sizes: Sizes = new Map()
  let added = 0
  for (const rs of order) {
    const share = toAdd === 0 ? 0 : proportion(rs, deployment, toAdd, added)
    sizes.set(rs.metadata.uid, sizeOf(rs) + share)
    added += share
  }
  const first = order[0]
  if (first && toAdd !== 0) {
    const size = sizes.get(first.metadata.uid)! + toAdd - added
    sizes.set(first.metadata.uid, Math.max(0, size))
  }
  return sizes
}

function proportion(rs: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (sizeOf(rs) === 0 || toAdd === added) return 0
  const left = toAdd - added
  const share = fraction(rs, deployment)
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left)
}

function fraction(rs: ReplicaSet, deployment: Deployment): number {
  const wanted = wantedReplicas(deployment)
  if (wanted === 0) return -sizeOf(rs)
  const before = numberIn(rs.metadata.annotations, MAX) || (deployment.status.replicas ?? 0)
  if (before === 0) return 0
  const size = (sizeOf(rs) * (wanted + bounds(deployment).surge)) / before
  return Math.round(size) - sizeOf(rs)
}

/** The next step of a rolling update: grow the new one as far as the surge allows, then shrink the old ones. */
export function rollingStep(family: Family): Sizes {
  const { deployment, current } = family
  const sizes: Sizes = new Map()
  if (!current) return sizes
  const wanted = wantedReplicas(deployment)
  const size = sizeOf(current)
  const next = size > wanted ? wanted : newSize(deployment, all(family), size)
  if (next !== size) sizes.set(current.metadata.uid, next)
  return shrinkOld({ ...family, current: resized(current, next) }, sizes)
}

function shrinkOld({ deployment, current, old }: Family & { current: ReplicaSet }, sizes: Sizes): Sizes {
  const active = old.filter(isActive)
  if (active.length === 0) return sizes
  const least = wantedReplicas(deployment) - maxUnavailable(deployment)
  const notYetAvailable = sizeOf(current) - availableOf(current)
  const spare = sum([...active, current], sizeOf) - least - notYetAvailable
  if (spare <= 0) return sizes
  const healthy = dropUnavailable(byCreation(active), spare, sizes)
  let surplus = sum([...healthy, current], availableOf) - least
  for (const rs of healthy) {
    if (surplus <= 0) break
    const drop = Math.min(sizeOf(rs), surplus)
    if (drop === 0) continue
    sizes.set(rs.metadata.uid, sizeOf(rs) - drop)
    surplus -= drop
  }
  return sizes
}

/** Old pods that are not available go first: nobody misses them. */
function dropUnavailable(oldestFirst: readonly ReplicaSet[], most: number, sizes: Sizes): ReplicaSet[] {
  let left = most
  return oldestFirst.map((rs) => {
    const drop = Math.min(left, sizeOf(rs) - availableOf(rs))
    if (drop <= 0) return rs
    left -= drop
    sizes.set(rs.metadata.uid, sizeOf(rs) - drop)
    return resized(rs, sizeOf(rs) - drop)
  })
}

/** The next step of a recreation: everything old to 0, and only when its pods are gone the new one up. */
export function recreateStep(family: Family, podsOf: (replicaSet: ReplicaSet) => Iterable<Pod>) {
  const { deployment, current, old } = family
  const sizes: Sizes = new Map()
  for (const rs of old.filter(isActive)) sizes.set(rs.metadata.uid, 0)
  if (sizes.size > 0) return { sizes, mayStart: false }
  const lingering = old.some((rs) => rs.status.replicas > 0 || [...podsOf(rs)].some((pod) => !isOver(pod)))
  const wanted = wantedReplicas(deployment)
  if (!lingering && current && sizeOf(current) !== wanted) sizes.set(current.metadata.uid, wanted)
  return { sizes, mayStart: !lingering }
}
