import { assign } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { validateNode, validateNodeStatus, validateNodeUpdate } from './cluster.validate.ts'
import { Node, type NodeSpec } from './node.ts'

/** Nodes report their own status, on registration already. */
export const nodeStrategy = defineStrategy(Node, {
  keepsStatus: true,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validatesUpdatesAlone: true,
  validateSubresource: (out, node) => validateNodeStatus(out, node),
  defaults: (node) => {
    const { capacity, allocatable } = node.status ?? {}
    const status = capacity && !allocatable ? { ...node.status, allocatable: capacity } : node.status
    return assign(node, { spec: mirrorCidrs(node.spec), status })
  },
  fields: { 'spec.unschedulable': (node) => String(node.spec.unschedulable === true) },
})

/** The single and the plural form say the same: who gives one of them has given both. */
function mirrorCidrs(spec: NodeSpec): NodeSpec {
  const { podCIDR, podCIDRs = [] } = spec
  const [first] = podCIDRs
  if (podCIDR && first === undefined) return { ...spec, podCIDRs: [podCIDR] }
  return first && !podCIDR ? { ...spec, podCIDR: first } : spec
}
