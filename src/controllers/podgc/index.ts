import { Node, Pod, type Taint } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import { disruption } from '../node/eviction.ts'
import { BY_NODE, byNode } from '../node/health.ts'
import { condition } from '../node/health-plan.ts'
import {
  type Action,
  defineController,
  index,
  nothingToDo,
  type Plan,
  plan,
  remove,
  together,
  trigger,
  type View,
} from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { isOver } from '../shared/pods.ts'

const QUARANTINE_MS = 40_000
const SWEEP_MS = 20_000
const SWEEP = 'sweep'
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service'

export type ObservedPodGarbage =
  /** One pod that nobody may be there to end. `node`: how its node is; `missingMs`: verified, for so long. */
  | { readonly of: 'pod'; readonly pod: Pod; readonly node: Node | undefined; readonly missingMs: number }
  /** All that have ended, against the number that may be kept. */
  | { readonly of: 'ended'; readonly pods: readonly Pod[]; readonly keep: number }

/** Removes pods that no node will ever remove. */
export function planPodGarbage(observed: ObservedPodGarbage, now: number): Plan {
  if (observed.of === 'ended')
    return plan([together(surplus(observed.pods, observed.keep))], { againAfterMs: SWEEP_MS })
  const { pod, node, missingMs } = observed
  const leaving = pod.metadata.deletionTimestamp !== undefined
  if (!pod.spec.nodeName) return leaving ? plan([removeNow(pod)]) : nothingToDo
  if (node) {
    return leaving && isOutOfService(node)
      ? plan([failed(pod, 'DeletionByPodGC', 'PodGC: node is out of service', now), removeNow(pod)])
      : nothingToDo
  }
  if (missingMs < QUARANTINE_MS) {
    const waits = [`node ${pod.spec.nodeName} to come back`]
    return plan([], { waits, againAfterMs: QUARANTINE_MS - missingMs })
  }
  return plan([failed(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', now), removeNow(pod)])
}

/** Without grace: there is nobody to use it. */
function removeNow(pod: Pod): Action {
  return remove(Pod, pod, { gracePeriodSeconds: 0 })
}

function failed(pod: Pod, reason: string, message: string, now: number): Action | undefined {
  return isOver(pod) ? undefined : disruption(pod, reason, message, now, 'Failed')
}

function surplus(pods: readonly Pod[], keep: number): Action[] {
  const extra = pods.length - keep
  if (extra <= 0) return []
  const age = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp)
  return [...pods]
    .sort((a, b) => age(a) - age(b))
    .slice(0, Math.min(extra, 500))
    .map(removeNow)
}

function isOutOfService(node: Node): boolean {
  const away = condition(node, 'Ready')?.status !== 'True'
  return away && (node.spec.taints ?? []).some((t: Taint) => t.key === OUT_OF_SERVICE)
}

/** `keepEnded`: how many pods that have ended stay to be looked at. */
export function podGarbageCollector(clock: Clock, keepEnded = 12_500) {
  const missingSince = new Map<string, number>()
  return defineController({
    name: 'pod-garbage-collector',
    serviceAccount: 'pod-garbage-collector',
    reads: [Pod, Node],
    writes: [
      { kind: Pod, verbs: ['delete'] },
      { kind: Pod, subresource: 'status', verbs: ['patch'] },
    ],
    indexes: [index(Pod, BY_NODE, byNode)],
    initialKeys: [SWEEP],
    on: [
      trigger(
        Pod,
        (pod, view) => (isSuspect(pod, view) ? [`${pod.metadata.namespace}/${pod.metadata.name}`] : []),
        (now, old) =>
          now.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
          now.spec.nodeName !== old.spec.nodeName,
      ),
      trigger(
        Node,
        (node, view) =>
          [...view.byIndex(Pod, BY_NODE, node.metadata.name)].map(
            (p) => `${p.metadata.namespace}/${p.metadata.name}`,
          ),
        (now, old) => !equal(now.spec.taints, old.spec.taints),
      ),
    ],
    observe: async (key, view): Promise<ObservedPodGarbage | undefined> => {
      if (key.namespace === undefined) {
        forgetEmpty(missingSince, view)
        return { of: 'ended', pods: [...view.list(Pod)].filter(isOver), keep: keepEnded }
      }
      const pod = view.get(Pod, key)
      if (!pod) return undefined
      const { nodeName } = pod.spec
      const node = nodeName ? view.get(Node, { name: nodeName }) : undefined
      if (!nodeName || node) {
        if (nodeName) missingSince.delete(nodeName)
        return { of: 'pod', pod, node, missingMs: 0 }
      }
      const since = missingSince.get(nodeName) ?? clock.monotonic()
      missingSince.set(nodeName, since)
      const missingMs = clock.monotonic() - since
      // Before anything is deleted, the server itself has to say that the node is gone.
      const live = missingMs >= QUARANTINE_MS ? await view.liveGet(Node, { name: nodeName }) : undefined
      return { of: 'pod', pod, node: live, missingMs }
    },
    plan: (observed, { now }) => planPodGarbage(observed, now),
  })
}

/** Nodes that no pod names any more need not be remembered as missing. */
function forgetEmpty(missingSince: Map<string, number>, view: View): void {
  for (const name of missingSince.keys()) {
    if (view.byIndex(Pod, BY_NODE, name)[Symbol.iterator]().next().done) missingSince.delete(name)
  }
}

function isSuspect(pod: Pod, view: View): boolean {
  if (pod.metadata.deletionTimestamp) return true
  return (
    pod.spec.nodeName !== undefined &&
    pod.spec.nodeName !== '' &&
    !view.get(Node, { name: pod.spec.nodeName })
  )
}
