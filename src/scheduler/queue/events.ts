import type { Node, Pod } from '../../api/index.ts'
import type { NodeChange } from '../snapshot/nodes.ts'

/** Something that happened in the cluster and may make a pod schedulable. */
export type ClusterEvent =
  | { readonly type: 'NodeAdded'; readonly node: Node }
  | {
      readonly type: 'NodeUpdated'
      readonly node: Node
      readonly old: Node
      readonly changes: readonly NodeChange[]
    }
  /** A pod came onto a node. */
  | { readonly type: 'PodPlaced'; readonly pod: Pod }
  /** A pod on a node has other labels or needs. */
  | { readonly type: 'PodChanged'; readonly pod: Pod; readonly old: Pod }
  /** A pod left its node: deleted, or ended. */
  | { readonly type: 'PodGone'; readonly pod: Pod }
  | { readonly type: 'NamespaceChanged'; readonly namespace: string }
  | { readonly type: 'VolumesChanged' }

export interface EventInterest {
  readonly on: ClusterEvent['type']
  /** Whether this event may help this pod; absent: it may. */
  readonly hint?: (pod: Pod, event: never) => boolean
}

/** An interest whose hint gets the event it is about. */
export function interest<T extends ClusterEvent['type']>(
  on: T,
  hint?: (pod: Pod, event: Extract<ClusterEvent, { type: T }>) => boolean,
): EventInterest {
  return hint ? { on, hint: hint as (pod: Pod, event: never) => boolean } : { on }
}
