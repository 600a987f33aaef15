import { FITS, type Plugin } from '../framework.ts'

/** Two pods of a node cannot have the same host port. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  scope: 'node',
  events: [{ on: 'NodeAdded' }, { on: 'PodGone' }],
  preFilter(cycle) {
    const { hostPorts } = cycle.shape
    if (hostPorts.length === 0) return undefined
    const { snapshot } = cycle
    const no = cycle.reject(nodePorts, ["node(s) didn't have free ports for the requested pod ports"])
    return { filter: (slot) => (hostPorts.every((p) => snapshot.isPortFree(slot, p)) ? FITS : no) }
  },
}
