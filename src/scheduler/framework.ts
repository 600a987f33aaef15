import type { Pod } from '../api/index.ts'
import type { Random } from '../base/index.ts'
import type { ClusterEvent, EventInterest } from './queue/events.ts'
import type { PodShape } from './snapshot/shape.ts'
import type { PlacedPod, Snapshot } from './snapshot/snapshot.ts'

/** What a filter says of a node: FITS, or the number that `cycle.reject` gave for the reasons why not. */
export type Verdict = number
export const FITS = 0

/** One pod's way through the plugins. */
export interface Cycle {
  readonly snapshot: Snapshot
  readonly pod: Pod
  readonly shape: PodShape
  /** A verdict with these reasons; `hopeless` when no pod that goes away could change it. */
  reject(plugin: Plugin, reasons: readonly string[], hopeless?: boolean): Verdict
}

export type PreFilter =
  /** Nothing to filter for this pod. */
  | undefined
  /** Called for nodes that earlier plugins let pass. */
  | { readonly filter: (slot: number) => Verdict; readonly nodes?: readonly string[] }
  /** No node will do. */
  | { readonly reject: string; readonly hopeless?: boolean }

export interface PreScore {
  /** Any number; `normalize` brings the scores of all nodes to 0…100, otherwise they must be that already. */
  score(slot: number): number
  normalize?(scores: Float64Array, slots: Int32Array): void
}

export const MAX_SCORE = 100

/** What can be done for a pod that no node takes. */
export type PostFilter =
  /** `evict` makes room for it on the node. */
  | { readonly nominate: string; readonly evict: readonly PlacedPod[] }
  /** Nothing; `keepNomination` when room is being made already. */
  | { readonly message: string; readonly keepNomination: boolean }

export interface Unplaced {
  /** Slots of nodes that could take the pod if others left. */
  readonly hopeful: readonly number[]
  /** What the filters say of a node as the snapshot is now. */
  verdictOn(slot: number): Verdict
  reasonsOf(verdict: Verdict): readonly string[]
  /** Pods that may be looked at first do not depend on where nodes are in the snapshot. */
  readonly random: Random
}

export type PermitAnswer =
  | { readonly answer: 'allow' }
  | { readonly answer: 'reject'; readonly reason: string }
  /** Resolves when the pod may be bound, rejects with the reason when not, at the latest after `timeoutMs`. */
  | { readonly answer: 'wait'; readonly until: Promise<void>; readonly timeoutMs: number }

/**
 * A scheduling rule. Every extension point of Kubernetes' scheduling framework is a method; all are optional, and
 * those before `permit` are synchronous and pure.
 *
 *     export const onlySsd: Plugin = {
 *       name: 'OnlySsd',
 *       preFilter(cycle) {
 *         const no = cycle.reject(onlySsd, ['node(s) had no SSD'])
 *         return { filter: (slot) => (cycle.snapshot.nodes.node(slot)?.metadata.labels?.disk === 'ssd' ? FITS : no) }
 *       },
 *     }
 */
export interface Plugin {
  readonly name: string
  /** How much its scores count; 1 when absent. */
  readonly weight?: number
  /**
   * What `preFilter` and `preScore` look at, so that results can be remembered. 'node': for each node, only
   * `shape.needs`, that node and the pods on it. 'shape': `shape` and the snapshot. Absent: they are asked each time.
   */
  readonly scope?: 'node' | 'shape'
  /** Which events may make a pod schedulable that this plugin rejected; absent: any. */
  readonly events?: readonly EventInterest[]
  /** Before 0: `a` first. One plugin at most has it. */
  queueSort?(a: QueuedPodLike, b: QueuedPodLike): number
  /** A reason keeps the pod out of the queue. */
  preEnqueue?(pod: Pod): string | undefined
  preFilter?(cycle: Cycle): PreFilter
  /** Called when no node is left. It may lift pods in the snapshot to try, and must put them back. */
  postFilter?(cycle: Cycle, unplaced: Unplaced): PostFilter | undefined
  /** Called with the nodes that are left; undefined: the plugin has no opinion on this pod. */
  preScore?(cycle: Cycle, slots: Int32Array): PreScore | undefined
  /** Claims what the pod will use on the node; throws to refuse. Undone by `unreserve`, which must be idempotent. */
  reserve?(pod: Pod, node: string): void
  unreserve?(pod: Pod, node: string): void
  permit?(pod: Pod, node: string): PermitAnswer
  preBind?(pod: Pod, node: string): Promise<void>
  /** True: the pod is bound and no other plugin is asked. */
  bind?(pod: Pod, node: string): Promise<boolean>
  postBind?(pod: Pod, node: string): void
}

export interface QueuedPodLike {
  readonly pod: Pod
  readonly priority: number
  /** When it came into the queue. */
  readonly queuedAt: number
}

export type { ClusterEvent, EventInterest }
