import type { Pod } from '../api/index.ts'
import { timestamp } from '../base/index.ts'

/** The change that says why a pod has no node; undefined when it says so already. */
export function unschedulableStatus(pod: Pod, message: string, nowMs: number): object | undefined {
  const before = pod.status.conditions?.find((c) => c.type === 'PodScheduled')
  const same = before?.status === 'False'
  if (same && before.reason === 'Unschedulable' && before.message === message) return undefined
  const lastTransitionTime = same ? before.lastTransitionTime : timestamp(nowMs)
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime,
  }
  return { conditions: [condition] }
}
