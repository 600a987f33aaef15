import type { Pod, PodCondition } from '../../api/index.ts'

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status.conditions?.find((c) => c.type === type)
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** When the pod became ready, in milliseconds since 1970; undefined when it is not, or nobody noted it. */
export function readySince(pod: Pod): number | undefined {
  const condition = podCondition(pod, 'Ready')
  if (condition?.status !== 'True' || !condition.lastTransitionTime) return undefined
  return Date.parse(condition.lastTransitionTime)
}

/** Its containers have ended for good. */
export function isOver(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'
}

/** Neither over nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isOver(pod) && pod.metadata.deletionTimestamp === undefined
}

export function isTerminating(pod: Pod): boolean {
  return !isOver(pod) && pod.metadata.deletionTimestamp !== undefined
}

/** From when on the pod counts as available, in milliseconds since 1970; undefined while it is not ready. */
export function availableFrom(pod: Pod, minReadySeconds: number): number | undefined {
  if (!isReady(pod)) return undefined
  if (minReadySeconds === 0) return Number.NEGATIVE_INFINITY
  const since = readySince(pod)
  return since === undefined ? undefined : since + minReadySeconds * 1000
}
