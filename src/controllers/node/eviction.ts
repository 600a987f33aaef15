import { type Key, Node, Pod, type Taint, type Toleration } from '../../api/index.ts'
import { type Clock, timestamp } from '../../base/index.ts'
import { keyText } from '../../client/index.ts'
import {
  defineController,
  event,
  index,
  mergePatch,
  nothingToDo,
  type Plan,
  plan,
  remove,
  trigger,
  type View,
} from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { BY_NODE, byNode } from './health.ts'

export interface ObservedEviction {
  readonly pod: Pod
  /** The node's NoExecute taints, each with since when we know it. */
  readonly taints: readonly { readonly taint: Taint; readonly sinceMs: number }[]
}

/** Ends pods that do not, or no longer, tolerate a NoExecute taint of their node. */
export function planEviction({ pod, taints }: ObservedEviction, now: number): Plan {
  if (pod.metadata.deletionTimestamp || taints.length === 0) return nothingToDo
  let due = Number.POSITIVE_INFINITY
  for (const { taint, sinceMs } of taints) {
    const tolerating = (pod.spec.tolerations ?? []).filter((t) => tolerates(t, taint))
    due = Math.min(due, tolerating.length === 0 ? now : sinceMs + toleratedMs(tolerating))
  }
  if (due > now) {
    if (!Number.isFinite(due)) return nothingToDo
    return plan([], {
      waits: [`the taint of its node to be taken off, until it is evicted`],
      againAfterMs: due - now,
    })
  }
  const { namespace, name } = pod.metadata
  return plan([
    disruption(pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', now),
    event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`),
    remove(Pod, pod),
  ])
}

/** Says on the pod why it is being ended, for those who decide what to do about it (Jobs, people). */
export function disruption(pod: Pod, reason: string, message: string, now: number, phase?: 'Failed') {
  const others = (pod.status.conditions ?? []).filter((c) => c.type !== 'DisruptionTarget')
  const made = {
    type: 'DisruptionTarget',
    status: 'True',
    reason,
    message,
    lastTransitionTime: timestamp(now),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  }
  const status = { conditions: [...others, made], ...(phase ? { phase } : {}) }
  return mergePatch(Pod, pod, { status }, { exact: true, subresource: 'status' })
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key, operator = 'Equal', value = '', effect } = toleration
  if (effect && effect !== taint.effect) return false
  if (key && key !== taint.key) return false
  if (operator === 'Exists') return true
  return operator === 'Equal' && key !== undefined && value === (taint.value ?? '')
}

/** The shortest of the given times; none given: for ever. */
function toleratedMs(tolerations: readonly Toleration[]): number {
  const times = tolerations.flatMap((t) =>
    t.tolerationSeconds === undefined ? [] : [Math.max(0, t.tolerationSeconds)],
  )
  return times.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...times) * 1000
}

const noExecute = (node: Node) => (node.spec.taints ?? []).filter((t) => t.effect === 'NoExecute')

/** A pod on any other node is no matter of eviction: most never are. */
function onTaintedNode({ spec: { nodeName } }: Pod, view: View): boolean {
  const node = nodeName ? view.get(Node, { name: nodeName }) : undefined
  return node !== undefined && noExecute(node).length > 0
}

/** Since when each pod has lived with each of its node's taints. */
class Exposure {
  readonly #clock: Clock
  readonly #pods = new Map<string, { readonly uid: string; readonly since: ReadonlyMap<string, number> }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counted from when we saw it: after a restart of ours, a node gets its time anew to come back. */
  of(pod: Pod, taints: readonly Taint[]): ObservedEviction['taints'] {
    const key = keyText(pod.metadata)
    const known = this.#pods.get(key)
    const before = known?.uid === pod.metadata.uid ? known.since : undefined
    const since = new Map<string, number>()
    const exposed = taints.map((taint) => {
      const id = JSON.stringify([taint.key, taint.value, taint.timeAdded])
      const sinceMs = before?.get(id) ?? this.#clock.now()
      since.set(id, sinceMs)
      return { taint, sinceMs }
    })
    // A taint that is gone is forgotten: when it comes again, its time begins again.
    if (since.size > 0) this.#pods.set(key, { uid: pod.metadata.uid, since })
    else this.#pods.delete(key)
    return exposed
  }

  forget(key: Key): void {
    this.#pods.delete(keyText(key))
  }
}

export function taintEviction(clock: Clock) {
  const exposure = new Exposure(clock)
  return defineController({
    name: 'taint-eviction',
    serviceAccount: 'node-controller',
    reads: [Pod, Node],
    writes: [
      { kind: Pod, verbs: ['delete'] },
      { kind: Pod, subresource: 'status', verbs: ['patch'] },
    ],
    indexes: [index(Pod, BY_NODE, byNode)],
    on: [
      trigger(
        Pod,
        (pod, view) => (onTaintedNode(pod, view) ? [keyText(pod.metadata)] : []),
        (now, old) =>
          now.spec.nodeName !== old.spec.nodeName || !equal(now.spec.tolerations, old.spec.tolerations),
      ),
      trigger(
        Node,
        (node, view) => [...view.byIndex(Pod, BY_NODE, node.metadata.name)].map((p) => keyText(p.metadata)),
        (now, old) => !equal(noExecute(now), noExecute(old)),
      ),
    ],
    observe: (key, view) => {
      const pod = view.get(Pod, key)
      const node = pod?.spec.nodeName ? view.get(Node, { name: pod.spec.nodeName }) : undefined
      if (!pod || !node) {
        exposure.forget(key)
        return undefined
      }
      return { pod, taints: exposure.of(pod, noExecute(node)) }
    },
    plan: (observed, { now }) => planEviction(observed, now),
  })
}
