import { FITS, type Plugin } from '../framework.ts'

/** A pod that names its node runs there or nowhere. */
export const nodeName: Plugin = {
  name: 'NodeName',
  scope: 'node',
  events: [{ on: 'NodeAdded' }],
  preFilter(cycle) {
    const wanted = cycle.shape.nodeName
    if (!wanted) return undefined
    const no = cycle.reject(nodeName, ["node(s) didn't match the requested node name"], true)
    const { nodes } = cycle.snapshot
    return { filter: (slot) => (nodes.nameOf(slot) === wanted ? FITS : no) }
  },
}
