import { MAX_SCORE, type Plugin } from '../framework.ts'

const MB = 1024 * 1024
const LEAST = 23 * MB
const MOST_PER_CONTAINER = 1000 * MB

/** Prefers nodes that have the pod's images, large ones above all; an image that few nodes have counts for less. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  scope: 'shape',
  preScore(cycle) {
    const { nodes } = cycle.snapshot
    const held = cycle.shape.images.map((name) => nodes.images.get(name)).filter((h) => h !== undefined)
    if (held.length === 0) return undefined
    const sums = new Float64Array(nodes.end)
    for (const image of held) {
      const spread = image.size / nodes.count
      for (const [slot, bytes] of image) sums[slot]! += Math.trunc(bytes * spread)
    }
    const most = MOST_PER_CONTAINER * cycle.shape.containerCount
    return {
      score(slot) {
        const bytes = Math.min(most, Math.max(LEAST, sums[slot]!))
        return Math.trunc((MAX_SCORE * (bytes - LEAST)) / (most - LEAST))
      },
    }
  },
}
