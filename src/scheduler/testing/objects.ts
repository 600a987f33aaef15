import type { Namespace, Node, Pod } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import { Snapshot } from '../snapshot/snapshot.ts'
import { nodeObject, type SimulatedNode } from './simulated-nodes.ts'

export interface TestPod {
  readonly name?: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  /** `{ cpu: '1' }` */
  readonly requests?: Readonly<Record<string, string>>
  readonly priority?: number
  /** The node it runs on. */
  readonly on?: string
  readonly terminating?: boolean
  readonly startTime?: string
  readonly nominated?: string
  readonly owner?: { readonly kind: string; readonly name: string }
  readonly spec?: Input<Pod['spec']>
}

let serial = 0

/** A pod as the API server would hand it out. */
export function podObject(pod: TestPod = {}): Pod {
  const name = pod.name ?? `pod-${++serial}`
  const namespace = pod.namespace ?? 'default'
  const { requests, priority, on } = pod
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `${namespace}/${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(pod.labels ? { labels: pod.labels } : {}),
      ...(pod.terminating ? { deletionTimestamp: '2026-01-01T00:00:30Z' } : {}),
      ...(pod.owner
        ? { ownerReferences: [{ apiVersion: 'apps/v1', uid: 'u', controller: true, ...pod.owner }] }
        : {}),
    },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'c', image: 'web', ...(requests ? { resources: { requests } } : {}) }],
      ...(priority === undefined ? {} : { priority }),
      ...(on ? { nodeName: on } : {}),
      ...pod.spec,
    },
    status: {
      phase: on ? 'Running' : 'Pending',
      ...(pod.startTime ? { startTime: pod.startTime } : {}),
      ...(pod.nominated ? { nominatedNodeName: pod.nominated } : {}),
    },
  } as unknown as Pod
}

export function testNode(node: SimulatedNode): Node {
  const object = nodeObject(node) as unknown as Node
  return { ...object, metadata: { ...object.metadata, uid: node.name, resourceVersion: '1' } }
}

/** A snapshot of these nodes, with these pods on them. */
export function snapshotOf(
  nodes: readonly SimulatedNode[],
  pods: readonly TestPod[] = [],
  namespaces: Readonly<Record<string, NonNullable<Namespace['metadata']['labels']>>> = {},
): Snapshot {
  const snapshot = new Snapshot()
  for (const [name, labels] of Object.entries(namespaces)) snapshot.setNamespace(name, labels)
  for (const node of nodes) snapshot.putNode(testNode(node))
  for (const pod of pods) snapshot.place(podObject(pod), pod.on!)
  return snapshot
}
