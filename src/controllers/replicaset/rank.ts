import type { Pod } from '../../api/index.ts'
import { isActive, isReady, readySince } from '../shared/pods.ts'

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const PHASES: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * The `count` pods that are missed least, first the least of all. In order: not yet on a node, early in its phases,
 * not ready, cheap by annotation, on a node with many siblings, ready for a short time, restarted often, young. Times
 * compare by magnitude only (log2), so that not always the youngest of a generation goes.
 */
export function leastMissed(
  pods: readonly Pod[],
  siblings: Iterable<Pod>,
  count: number,
  nowMs: number,
): Pod[] {
  if (count >= pods.length) return [...pods]
  const perNode = new Map<string, number>()
  for (const pod of siblings) {
    if (!isActive(pod)) continue
    const node = pod.spec.nodeName ?? ''
    perNode.set(node, (perNode.get(node) ?? 0) + 1)
  }
  const crowd = (pod: Pod) => perNode.get(pod.spec.nodeName ?? '') ?? 0
  return [...pods].sort((a, b) => compare(a, b, crowd, nowMs)).slice(0, count)
}

function compare(a: Pod, b: Pod, crowd: (pod: Pod) => number, nowMs: number): number {
  return (
    Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)) ||
    phase(a) - phase(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    crowd(b) - crowd(a) ||
    byAge(a, b, readySince(a), readySince(b), nowMs) ||
    restarts(b) - restarts(a) ||
    byAge(a, b, Date.parse(a.metadata.creationTimestamp), Date.parse(b.metadata.creationTimestamp), nowMs)
  )
}

function phase(pod: Pod): number {
  return PHASES[pod.status.phase ?? ''] ?? 0
}

/** An annotation that is no 32-bit number counts as 0. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST]
  if (text === undefined || !/^(0|-?[1-9]\d*)$/.test(text)) return 0
  const cost = Number(text)
  return Math.abs(cost) <= 2 ** 31 ? cost : 0
}

function restarts(pod: Pod): number {
  const statuses = [...(pod.status.containerStatuses ?? []), ...restartableInits(pod)]
  return statuses.reduce((most, s) => Math.max(most, s.restartCount ?? 0), 0)
}

function restartableInits(pod: Pod) {
  const names = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  )
  return (pod.status.initContainerStatuses ?? []).filter((s) => names.has(s.name))
}

/** Younger first; equal magnitudes by uid; a time that is not known is the youngest. */
function byAge(a: Pod, b: Pod, aMs: number | undefined, bMs: number | undefined, nowMs: number): number {
  if (aMs === bMs) return 0
  if (aMs === undefined) return -1
  if (bMs === undefined) return 1
  const difference = magnitude(nowMs - aMs) - magnitude(nowMs - bMs)
  return difference || (a.metadata.uid < b.metadata.uid ? -1 : 1)
}

/** log2 of an age in nanoseconds, as Kubernetes counts. */
function magnitude(ageMs: number): number {
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1
}
