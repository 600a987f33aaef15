import type { Key, Node, Pod } from '../../api/index.ts'
import type { NodeChange } from '../snapshot/nodes.ts'
import type { PodShape } from '../snapshot/shape.ts'

/** Something that happened in the cluster and may make a pod schedulable. */
export type ClusterEvent =
  | { readonly type: 'NodeAdded'; readonly node: Node }
  | {
      readonly type: 'NodeUpdated'
      readonly node: Node
      readonly old: Node
      readonly changes: readonly NodeChange[]
    }
  | { readonly type: 'NodeGone'; readonly node: Node }
  /** A pod came onto a node. */
  | { readonly type: 'PodPlaced'; readonly pod: Pod }
  /** A pod on a node has other labels or needs. */
  | { readonly type: 'PodChanged'; readonly pod: Pod; readonly old: Pod }
  /** A pod left its node: deleted, or ended. */
  | { readonly type: 'PodGone'; readonly pod: Pod }
  | { readonly type: 'NamespaceChanged'; readonly namespace: string }
  /** A claim, or (without one) a volume. */
  | { readonly type: 'VolumesChanged'; readonly claim?: Key }

export interface EventInterest {
  readonly on: ClusterEvent['type']
  /** Whether this event may help this pod; absent: it may. */
  readonly hint?: (pod: Pod, event: never, shape: PodShape) => boolean
}

/** An interest whose hint gets the event it is about. */
export function interest<T extends ClusterEvent['type']>(
  on: T,
  hint?: (pod: Pod, event: Extract<ClusterEvent, { type: T }>, shape: PodShape) => boolean,
): EventInterest {
  return hint ? { on, hint: hint as NonNullable<EventInterest['hint']> } : { on }
}
