import { Node } from '../../api/index.ts'
import { defineController, event, mergePatch, type Plan, plan, together, trigger } from '../runtime/index.ts'

const EVERYBODY = 'nodes'
const NODE_BITS = 24

/** Gives each node a /24 of the pod network. `podCidr`: IPv4, `10.244.0.0/16`. */
export function nodeIpam(podCidr: string) {
  const network = parseCidr(podCidr)
  return defineController({
    name: 'node-ipam',
    serviceAccount: 'node-controller',
    // One key for all nodes: two that join together must not get the same range.
    concurrency: 1,
    reads: [Node],
    writes: [{ kind: Node, verbs: ['patch'] }],
    on: [
      trigger(
        Node,
        () => [EVERYBODY],
        (now, old) => now.spec.podCIDR !== old.spec.podCIDR,
      ),
    ],
    observe: (_, view) => [...view.list(Node)],
    plan: (nodes) => planRanges(nodes, network),
  })
}

export interface Network {
  readonly first: number
  readonly bits: number
}

/** Throws on anything but an IPv4 network of at least one /24. */
export function parseCidr(text: string): Network {
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text)?.slice(1).map(Number)
  const bits = parts?.[4] ?? 0
  if (!parts || parts.slice(0, 4).some((p) => p > 255) || bits < 8 || bits > NODE_BITS) {
    throw new Error(
      `cannot use pod network "${text}": expected an IPv4 network from /8 to /24, like 10.244.0.0/16`,
    )
  }
  const address = parts.slice(0, 4).reduce((sum, part) => sum * 256 + part, 0)
  return { first: address - (address % 2 ** (32 - bits)), bits }
}

/** The lowest free ranges for the nodes that have none, in the order of their names. */
export function planRanges(nodes: readonly Node[], network: Network): Plan {
  const taken = new Set(
    nodes.flatMap(({ spec }) => [...(spec.podCIDRs ?? []), ...(spec.podCIDR ? [spec.podCIDR] : [])]),
  )
  const size = 2 ** (32 - NODE_BITS)
  const count = 2 ** (NODE_BITS - network.bits)
  let next = 0
  const free = () => {
    while (next < count) {
      const range = `${addressText(network.first + size * next++)}/${NODE_BITS}`
      if (!taken.has(range)) return range
    }
    return undefined
  }
  const waiting = nodes
    .filter((n) => !n.spec.podCIDR && n.metadata.deletionTimestamp === undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const actions = waiting.map((node) => {
    const podCIDR = free()
    return podCIDR
      ? mergePatch(Node, node, { spec: { podCIDR, podCIDRs: [podCIDR] } }, { exact: true })
      : event(
          node,
          'Warning',
          'CIDRNotAvailable',
          `Node ${node.metadata.name} status is now: CIDRNotAvailable`,
        )
  })
  return plan([together(actions)], actions.some((a) => a.do === 'event') ? { againAfterMs: 60_000 } : {})
}

function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}
