import type { AnyType, Field, StructType } from '../type.ts'
import { FREE, type MergeNode } from './merge-node.ts'

const structs = new WeakMap<StructType, MergeNode>()

/** How objects of a declared type merge. */
export function mergeNode(type: StructType): MergeNode {
  let node = structs.get(type)
  if (!node) {
    const fields = new Map<string, MergeNode>()
    node = {
      child(key) {
        let child = fields.get(key)
        const field = child ? undefined : type.field.get(key)
        if (field) {
          child = fieldNode(field)
          fields.set(key, child)
        }
        return child
      },
    }
    structs.set(type, node)
  }
  return node
}

function fieldNode(field: Field): MergeNode {
  const base = typeNode(field.type)
  if (!field.replace && !field.retainKeys) return base
  return {
    child: (key) => base.child(key),
    element: base.element,
    mergeKey: base.mergeKey,
    strategy: field.replace ? 'replace' : base.strategy,
    retainKeys: field.retainKeys,
  }
}

function typeNode(type: AnyType): MergeNode {
  switch (type.form) {
    case 'struct':
      return mergeNode(type)
    case 'map': {
      const value = typeNode(type.value)
      return { child: () => value }
    }
    case 'list': {
      const strategy = type.merge ? 'merge' : undefined
      return { child: () => FREE, element: typeNode(type.item), strategy, mergeKey: type.mergeKey }
    }
    default:
      return FREE
  }
}
