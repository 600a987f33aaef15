import type { Deployment, ReplicaSet } from '../../api/index.ts'

/** The arithmetic of a rollout: how many pods there may be, and how many there must be. */

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1
}

export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1
}

/**
 * Available pods that stay even if the ReplicaSet has just been made smaller and its status does not say so yet:
 * counting the others would take the rollout below what it promises.
 */
export function availableOf(replicaSet: ReplicaSet): number {
  return Math.min(replicaSet.status.availableReplicas ?? 0, sizeOf(replicaSet))
}

export function sum(replicaSets: readonly ReplicaSet[], count: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + count(replicaSet), 0)
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec.strategy.type ?? 'RollingUpdate') === 'RollingUpdate'
}

/** How far a rolling update may go above and below the wanted number. Both 0 would never move: then 1 below. */
export function bounds(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const replicas = wantedReplicas(deployment)
  if (!isRollingUpdate(deployment)) return { surge: 0, unavailable: 0 }
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy.rollingUpdate ?? {}
  const surge = scaled(maxSurge, replicas, Math.ceil)
  const unavailable = scaled(maxUnavailable, replicas, Math.floor)
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = wantedReplicas(deployment)
  return replicas === 0 ? 0 : Math.min(bounds(deployment).unavailable, replicas)
}

/** `3`, or `25%` of `total`; what cannot be read counts as 0. */
function scaled(value: number | string, total: number, round: (n: number) => number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)
  return percent ? round((Number(percent[1]) * total) / 100) : 0
}

/** How big the new ReplicaSet may be made now. */
export function newSize(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const wanted = wantedReplicas(deployment)
  if (!isRollingUpdate(deployment)) return wanted
  const room = wanted + bounds(deployment).surge - sum(all, sizeOf)
  return room <= 0 ? current : current + Math.min(room, wanted - current)
}
