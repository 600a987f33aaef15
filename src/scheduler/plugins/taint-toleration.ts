import { FITS, type Plugin } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { scaleToMax } from './normalize.ts'
import { tolerates, untoleratedTaint } from './taints.ts'

/** Keeps pods off nodes whose taints they do not tolerate, and off those that prefer not to have them. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  scope: 'node',
  weight: 3,
  events: [
    interest('NodeAdded', (pod, { node }) => !untoleratedTaint(node.spec.taints, pod.spec.tolerations ?? [])),
    interest('NodeUpdated', (pod, { node, changes }) => {
      return changes.includes('Taints') && !untoleratedTaint(node.spec.taints, pod.spec.tolerations ?? [])
    }),
  ],
  preFilter(cycle) {
    const { nodes } = cycle.snapshot
    const { tolerations } = cycle.shape
    return {
      filter(slot) {
        if (nodes.tainted[slot] === 0) return FITS
        const taint = untoleratedTaint(nodes.node(slot)!.spec.taints, tolerations)
        if (!taint) return FITS
        return cycle.reject(taintToleration, ['node(s) had untolerated taint(s)'], true)
      },
    }
  },
  preScore(cycle) {
    const { nodes } = cycle.snapshot
    const tolerations = cycle.shape.tolerations.filter((t) => !t.effect || t.effect === 'PreferNoSchedule')
    return {
      score(slot) {
        if (nodes.tainted[slot] === 0) return 0
        let count = 0
        for (const taint of nodes.node(slot)!.spec.taints ?? []) {
          if (taint.effect === 'PreferNoSchedule' && !tolerations.some((t) => tolerates(t, taint))) count++
        }
        return count
      },
      normalize: (scores) => scaleToMax(scores, true),
    }
  },
}
