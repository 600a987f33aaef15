import { Lease, Node, Pod } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import { defineController, index, trigger, type View } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { condition, planNodeHealth } from './health-plan.ts'

export const BY_NODE = 'node'
export const byNode = (pod: Pod): readonly string[] => (pod.spec.nodeName ? [pod.spec.nodeName] : [])

const LEASES = 'kube-node-lease'

/** Watches over the nodes' signs of life. */
export function nodeLifecycle(clock: Clock) {
  const hearing = new Hearing(clock)
  return defineController({
    name: 'node-lifecycle',
    serviceAccount: 'node-controller',
    reads: [Node, Lease, Pod],
    writes: [
      { kind: Node, verbs: ['patch'] },
      { kind: Node, subresource: 'status', verbs: ['update'] },
      { kind: Pod, subresource: 'status', verbs: ['patch'] },
    ],
    indexes: [index(Pod, BY_NODE, byNode)],
    on: [
      trigger(Node, (node) => [node.metadata.name]),
      // Whether a zone is down concerns all of it.
      trigger(Node, (_, view) => [...view.list(Node)].map((n) => n.metadata.name), readinessChanged),
      trigger(Lease, ({ metadata }) => (metadata.namespace === LEASES ? [metadata.name] : [])),
      trigger(Pod, byNode, (now, old) => now.spec.nodeName !== old.spec.nodeName),
    ],
    observe: ({ name }, view) => {
      const node = view.get(Node, { name })
      if (!node) {
        hearing.forget(name)
        return undefined
      }
      return {
        node,
        silentMs: hearing.silentMs(node, view),
        pods: [...view.byIndex(Pod, BY_NODE, name)],
        nodes: [...view.list(Node)],
      }
    },
    plan: (observed, { now }) => planNodeHealth(observed, now),
  })
}

function readinessChanged(now: Node, old: Node): boolean {
  return (
    condition(now, 'Ready')?.status !== condition(old, 'Ready')?.status ||
    !equal(now.spec.taints, old.spec.taints)
  )
}

/** When each node was last heard, by our own clock: the nodes' clocks may be wrong, and we may have been away. */
class Hearing {
  readonly #clock: Clock
  readonly #heard = new Map<string, { readonly uid: string; readonly sign: string; readonly atMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  silentMs(node: Node, view: View): number {
    const { name, uid } = node.metadata
    const lease = view.get(Lease, { namespace: LEASES, name })
    const beats = (node.status.conditions ?? []).map((c) => c.lastHeartbeatTime ?? '').join()
    const sign = `${lease?.spec.renewTime ?? ''} ${beats}`
    const now = this.#clock.monotonic()
    const known = this.#heard.get(name)
    if (known?.uid === uid && known.sign === sign) return now - known.atMs
    this.#heard.set(name, { uid, sign, atMs: now })
    return 0
  }

  forget(name: string): void {
    this.#heard.delete(name)
  }
}
