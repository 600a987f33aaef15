import type { Endpoint, EndpointSlice } from '../../api/index.ts'
import type { NodeView } from './frontends.ts'
import { isIpv4 } from './ranges.ts'

/** `10.244.0.7:8080` as nft writes it: `10.244.0.7 . 8080`. */
export type Target = string

export interface Backends {
  /** Where traffic goes that may leave the node. */
  readonly cluster: readonly Target[]
  /** Where traffic goes that must stay on the node. */
  readonly local: readonly Target[]
  /** Whether there is any usable endpoint at all: with none, connections are refused rather than dropped. */
  readonly any: boolean
  /** Addresses on this node: their pods may reach themselves through the Service. */
  readonly localAddresses: readonly string[]
}

interface Candidate {
  readonly address: string
  readonly target: Target
  readonly endpoint: Endpoint
  readonly isLocal: boolean
}

/** Which endpoints serve one port of a Service, as seen from a node. Sources: KEP-1669, KEP-2433, KEP-3015. */
export function chooseBackends(
  slices: Iterable<EndpointSlice>,
  portName: string,
  protocol: string,
  node: NodeView,
): Backends {
  const all = candidates(slices, portName, protocol, node)
  const ready = all.filter(isReady)
  const usable = (some: readonly Candidate[]) => {
    const now = some.filter(isReady)
    return now.length > 0 ? now : some.filter(isDraining)
  }
  const cluster = ready.length > 0 ? nearby(ready, node) : all.filter(isDraining)
  const local = usable(all.filter((c) => c.isLocal))
  return {
    cluster: targets(cluster),
    local: targets(local),
    any: usable(all).length > 0,
    localAddresses: [...new Set([...cluster, ...local].filter((c) => c.isLocal).map((c) => c.address))],
  }
}

const isReady = (c: Candidate) => c.endpoint.conditions?.ready ?? true

/** Ends, and still answers: better than nobody. */
const isDraining = ({ endpoint: { conditions } }: Candidate) =>
  (conditions?.serving ?? true) && (conditions?.terminating ?? false)

const targets = (some: readonly Candidate[]): Target[] => [...new Set(some.map((c) => c.target))].sort()

function candidates(
  slices: Iterable<EndpointSlice>,
  portName: string,
  protocol: string,
  node: NodeView,
): Candidate[] {
  const found: Candidate[] = []
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const port = slice.ports?.find((p) => (p.name ?? '') === portName && (p.protocol ?? 'TCP') === protocol)
    if (port?.port === undefined || !(port.port >= 1 && port.port <= 65_535)) continue
    for (const endpoint of slice.endpoints ?? []) {
      // Kubernetes treats the addresses of one endpoint as interchangeable and uses the first.
      const address = endpoint.addresses[0]
      if (address === undefined || !isIpv4(address)) continue
      const isLocal = endpoint.nodeName !== undefined && endpoint.nodeName === node.name
      found.push({ address, target: `${address} . ${port.port}`, endpoint, isLocal })
    }
  }
  return found
}

/** Those that the hints give to this node, then to its zone; all of them unless every endpoint has a hint. */
function nearby(ready: readonly Candidate[], node: NodeView): readonly Candidate[] {
  const { name, zone } = node
  const forNode = (c: Candidate) => c.endpoint.hints?.forNodes ?? []
  const forZone = (c: Candidate) => c.endpoint.hints?.forZones ?? []
  if (ready.every((c) => forNode(c).length > 0)) {
    const own = ready.filter((c) => forNode(c).some((n) => n.name === name))
    if (own.length > 0) return own
  }
  if (zone && ready.every((c) => forZone(c).length > 0)) {
    const own = ready.filter((c) => forZone(c).some((z) => z.name === zone))
    if (own.length > 0) return own
  }
  return ready
}
