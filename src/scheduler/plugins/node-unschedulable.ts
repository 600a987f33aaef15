import { FITS, type Plugin } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { tolerates } from './taints.ts'

const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const

/** Cordoned nodes take no new pods, except those that tolerate the taint that stands for it. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  scope: 'node',
  events: [
    interest('NodeAdded', (_, { node }) => !node.spec.unschedulable),
    interest(
      'NodeUpdated',
      (_, { node, changes }) => changes.includes('Unschedulable') && !node.spec.unschedulable,
    ),
  ],
  preFilter(cycle) {
    if (cycle.shape.tolerations.some((t) => tolerates(t, TAINT))) return undefined
    const no = cycle.reject(nodeUnschedulable, ['node(s) were unschedulable'], true)
    const { nodes } = cycle.snapshot
    return { filter: (slot) => (nodes.unschedulable[slot] === 0 ? FITS : no) }
  },
}
