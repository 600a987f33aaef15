import type { Pod } from '../api/index.ts'
import { timestamp } from '../base/index.ts'

/** The change that says why a pod has no node, and which it was promised; undefined when it says so already. */
export function unschedulableStatus(
  pod: Pod,
  message: string,
  nominated: string | undefined,
  nowMs: number,
): object | undefined {
  const before = pod.status.conditions?.find((c) => c.type === 'PodScheduled')
  const isFalse = before?.status === 'False'
  const same = isFalse && before.reason === 'Unschedulable' && before.message === message
  const sameNode = (pod.status.nominatedNodeName || undefined) === nominated
  if (same && sameNode) return undefined
  const lastTransitionTime = isFalse ? before.lastTransitionTime : timestamp(nowMs)
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime,
    ...generationOf(pod),
  }
  return {
    ...(same ? {} : { conditions: [condition] }),
    ...(sameNode ? {} : { nominatedNodeName: nominated ?? null }),
  }
}

/** What a pod is told that has to make room for a more important one. */
export function disruptedStatus(victim: Pod, by: Pod, nowMs: number): object {
  const message = `${by.spec.schedulerName ?? ''}: preempting to accommodate a higher priority pod`
  const reason = 'PreemptionByScheduler'
  const lastTransitionTime = timestamp(nowMs)
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime }
  return { conditions: [{ ...condition, ...generationOf(victim) }] }
}

/** Of which state of the pod a condition speaks. */
function generationOf({ metadata: { generation } }: Pod) {
  return generation === undefined ? {} : { observedGeneration: generation }
}
