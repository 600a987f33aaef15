import { Node } from '../../api/index.ts'
import { type AdmissionPlugin, isAbout } from './plugin.ts'

const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }

/** A new node takes no pods until the node lifecycle controller has seen it ready. */
export const taintNewNodes: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit(request) {
    if (request.operation !== 'CREATE' || !isAbout(request, Node)) return request.object
    const node = request.object as Node
    const taints = node.spec?.taints ?? []
    if (taints.some((taint) => taint.key === NOT_READY.key && taint.effect === NOT_READY.effect)) return node
    return { ...node, spec: { ...node.spec, taints: [...taints, NOT_READY] } } as Node
  },
}
