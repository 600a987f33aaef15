import type { Pod } from '../../api/index.ts'
import { matchesLabels } from '../../schema/index.ts'
import type { PodCondition } from '../snapshot/condition.ts'

export const HOSTNAME = 'kubernetes.io/hostname'

/** Whether a condition may mean a pod: namespaces that are selected by their labels count as meant. */
export function isAbout(condition: PodCondition, pod: Pod): boolean {
  const { namespace = '', labels } = pod.metadata
  if (!condition.namespaces.has(namespace) && !condition.namespaceSelector) return false
  return matchesLabels(condition.selector, labels)
}
