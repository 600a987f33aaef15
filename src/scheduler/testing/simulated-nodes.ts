import { type Api, isApiError, Node, Pod } from '../../api/index.ts'
import { type Clock, timestamp } from '../../base/index.ts'
import { type Informers, keyOf } from '../../client/index.ts'
import type { Input } from '../../schema/index.ts'

export interface SimulatedNode {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: Node['spec']['taints']
  readonly unschedulable?: boolean
  /** `{ cpu: '4', memory: '8Gi', pods: '110' }` when absent. */
  readonly allocatable?: Readonly<Record<string, string>>
  readonly images?: Node['status']['images']
}

const ROOM = { cpu: '4', memory: '8Gi', pods: '110' }

export function nodeObject(node: SimulatedNode, now = '2026-01-01T00:00:00Z'): Input<Node> {
  const allocatable = node.allocatable ?? ROOM
  return {
    metadata: { name: node.name, labels: { 'kubernetes.io/hostname': node.name, ...node.labels } },
    spec: {
      ...(node.taints ? { taints: node.taints } : {}),
      ...(node.unschedulable ? { unschedulable: true } : {}),
    },
    status: {
      allocatable,
      capacity: allocatable,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now, reason: 'KubeletReady' }],
      ...(node.images ? { images: node.images } : {}),
    },
  }
}

/** Registers nodes. */
export async function createNodes(api: Api, nodes: readonly SimulatedNode[]): Promise<void> {
  for (const node of nodes) {
    const object = nodeObject(node)
    await api.create(Node, object)
    await api.patch(
      Node,
      { name: node.name },
      { type: 'merge', body: { status: object.status } },
      { subresource: 'status' },
    )
  }
}

/**
 * Plays every node's agent: a pod that is bound runs at once, and a pod that is being deleted is gone. The result ends it.
 */
export function playNodes(options: { api: Api; informers: Informers; clock: Clock }): () => void {
  const { api, informers, clock } = options
  const ignore = (error: unknown) => {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  }
  return informers.for(Pod).on((event) => {
    const pod = event.object
    if (event.type === 'deleted' || !pod.spec.nodeName) return
    if (pod.metadata.deletionTimestamp) {
      api.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 }).catch(ignore)
    } else if (pod.status.phase === 'Pending') {
      const startTime = timestamp(clock.now())
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: startTime }]
      const body = { status: { phase: 'Running', startTime, conditions } }
      api.patch(Pod, keyOf(pod), { type: 'strategic', body }, { subresource: 'status' }).catch(ignore)
    }
  })
}
