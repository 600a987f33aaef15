import { FITS, type Plugin } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { namedNodes, requiredNodes, termTest } from './node-selector.ts'
import { scaleToMax } from './normalize.ts'

const NO_MATCH = "node(s) didn't match Pod's node affinity/selector"

/** spec.nodeSelector and spec.affinity.nodeAffinity. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  scope: 'node',
  weight: 2,
  events: [
    interest('NodeAdded', (pod, { node }) => requiredNodes(pod.spec)?.(node) ?? true),
    interest('NodeUpdated', (pod, { node, changes }) => {
      return changes.includes('Labels') && (requiredNodes(pod.spec)?.(node) ?? true)
    }),
  ],
  preFilter(cycle) {
    const test = requiredNodes(cycle.shape.spec)
    if (!test) return undefined
    const named = namedNodes(cycle.shape.spec)
    if (named?.length === 0) {
      return { reject: 'pod affinity terms conflict', hopeless: true }
    }
    const no = cycle.reject(nodeAffinity, [NO_MATCH], true)
    const { nodes } = cycle.snapshot
    const filter = (slot: number) => (test(nodes.node(slot)!) ? FITS : no)
    return named ? { filter, nodes: named } : { filter }
  },
  preScore(cycle) {
    const preferred = cycle.shape.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution
    if (!preferred || preferred.length === 0) return undefined
    const { nodes } = cycle.snapshot
    const terms = preferred
      .filter((t) => t.weight !== 0)
      .map(({ weight, preference }) => ({ weight, matches: termTest(preference) }))
    return {
      score(slot) {
        const node = nodes.node(slot)!
        let sum = 0
        for (const { weight, matches } of terms) if (matches(node)) sum += weight
        return sum
      },
      normalize: (scores) => scaleToMax(scores, false),
    }
  },
}
