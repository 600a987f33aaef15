import { Node } from '../api/index.ts'
import { type Clock, type Log, pause } from '../base/index.ts'
import type { Informers } from '../client/index.ts'
import { writeCniConfig } from './cni.ts'
import { run } from './exec.ts'
import type { Layout, NodeLayout } from './layout.ts'
import { outgoingMtu, perform } from './netns.ts'
import { type NodeRoute, planRoutes } from './network.ts'

export interface PodNetworkOptions {
  readonly layout: Layout
  readonly node: NodeLayout
  readonly informers: Informers
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface RouteLine {
  readonly dst: string
  readonly gateway?: string
}

const RETRY_MS = 2_000

/**
 * Keeps a node's part of the pod network as the Node objects say: its own range in CNI's configuration, and a route to
 * the range of each other node. Runs in the node's network namespace.
 */
export function followPodNetwork(options: PodNetworkOptions): void {
  const { layout, node, informers, clock, log, signal } = options
  const nodes = informers.for(Node)
  let isDirty = false
  let isRunning = false
  const apply = async () => {
    if (isRunning) return
    isRunning = true
    while (isDirty && !signal.aborted) {
      isDirty = false
      try {
        await applyOnce(layout, node, [...nodes.cache.list()])
      } catch (error) {
        log.error({ error: String(error) }, 'cannot set up the pod network; trying again')
        isDirty = true
        await pause(clock, RETRY_MS, signal)
      }
    }
    isRunning = false
  }
  nodes.on(() => {
    isDirty = true
    void nodes.whenSynced(signal).then(apply, () => {})
  })
}

async function applyOnce(layout: Layout, self: NodeLayout, nodes: readonly Node[]): Promise<void> {
  const own = nodes.find((n) => n.metadata.name === self.name)
  if (own?.spec.podCIDR) await writeCniConfig(layout, self, own.spec.podCIDR, await outgoingMtu())
  const lines = JSON.parse((await run(['ip', '-j', '-4', 'route', 'show'])) || '[]') as RouteLine[]
  const current = new Map(lines.flatMap((r) => (r.gateway ? [[r.dst, r.gateway] as const] : [])))
  await perform(planRoutes(layout.config, self.name, nodes.map(routeTo), current))
}

function routeTo(node: Node): NodeRoute {
  const ip = node.status.addresses?.find((a) => a.type === 'InternalIP')?.address
  return { name: node.metadata.name, podCidr: node.spec.podCIDR, ip }
}
