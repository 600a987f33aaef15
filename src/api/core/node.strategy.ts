import { defineStrategy } from '../define.strategy.ts'
import { validateNode, validateNodeStatus, validateNodeUpdate } from './cluster.validate.ts'
import { Node } from './node.ts'

/** Nodes report their own status, on registration already. */
export const nodeStrategy = defineStrategy(Node, {
  keepsStatus: true,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validatesUpdatesAlone: true,
  validateSubresource: (out, node) => validateNodeStatus(out, node),
  defaults: (node) =>
    node.status?.capacity && !node.status.allocatable
      ? { ...node, status: { ...node.status, allocatable: node.status.capacity } }
      : node,
  fields: { 'spec.unschedulable': (node) => String(node.spec.unschedulable === true) },
})
