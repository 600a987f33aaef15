import type { EndpointSlice, Service, ServicePort } from '../../api/index.ts'
import { type Backends, chooseBackends, type Target } from './backends.ts'
import { isIpv4, keepWidest } from './ranges.ts'

/** What a rule set depends on besides Services and their endpoints. */
export interface NodeView {
  readonly name: string
  /** Where node ports answer. */
  readonly addresses: readonly string[]
  readonly zone?: string | undefined
  /** Addresses that this node serves itself (cluster DNS): never a Service's. */
  readonly reserved: readonly string[]
}

/**
 * One address and port on which a Service answers. `outside` frontends only serve clients that are neither pods nor
 * this node, and go before those for `all`.
 */
export interface Frontend {
  readonly scope: 'all' | 'outside'
  readonly address: string
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
  readonly action:
    | { readonly do: 'forward'; readonly targets: readonly Target[] }
    /** No endpoint anywhere: the client learns at once. */
    | { readonly do: 'reject' }
    /** Endpoints, but none where the traffic policy allows: another node may have some. */
    | { readonly do: 'drop' }
  /** Seconds for which a client stays with its endpoint; 0: not at all. */
  readonly affinitySeconds: number
  /** Replies have to come back through this node, so clients are hidden behind it. */
  readonly masquerade: boolean
  /** Is it the Service's own address? Those are masqueraded for whoever is not a pod. */
  readonly isClusterIp: boolean
  /** Client ranges (CIDR) that are let in; undefined: everybody. */
  readonly sources: readonly string[] | undefined
  /** Pods of this node behind it. */
  readonly localAddresses: readonly string[]
}

const MAX_AFFINITY_SECONDS = 86_400
const DEFAULT_AFFINITY_SECONDS = 10_800

/** Everything on which a Service answers at this node. Headless Services and ExternalName are DNS' business alone. */
export function planFrontends(
  service: Service,
  slices: readonly EndpointSlice[],
  node: NodeView,
): Frontend[] {
  const { spec } = service
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  return (spec.ports ?? []).flatMap((port) => planPort(service, port, slices, node))
}

function planPort(
  service: Service,
  port: ServicePort,
  slices: readonly EndpointSlice[],
  node: NodeView,
): Frontend[] {
  const { spec } = service
  const protocol = port.protocol ?? 'TCP'
  const backends = chooseBackends(slices, port.name ?? '', protocol, node)
  const common = {
    protocol: protocol.toLowerCase() as Frontend['protocol'],
    affinitySeconds: affinityOf(service),
    localAddresses: backends.localAddresses,
    sources: undefined,
  }
  const found: Frontend[] = clusterAddresses(service, node).map((address) => ({
    ...common,
    scope: 'all',
    address,
    port: port.port,
    action: actionFor(backends, spec.internalTrafficPolicy === 'Local'),
    masquerade: false,
    isClusterIp: true,
  }))
  const isLocal = spec.externalTrafficPolicy === 'Local'
  for (const { address, number, sources } of externalAddresses(service, port, node)) {
    const external = { ...common, address, port: number, sources, isClusterIp: false }
    // Pods and the node itself see past the policy: it is about clients whose address would be lost.
    found.push({ ...external, scope: 'all', action: actionFor(backends, false), masquerade: !isLocal })
    if (isLocal && backends.any)
      found.push({ ...external, scope: 'outside', action: actionFor(backends, true), masquerade: false })
  }
  return found
}

function actionFor(backends: Backends, isLocal: boolean): Frontend['action'] {
  const targets = isLocal ? backends.local : backends.cluster
  if (targets.length > 0) return { do: 'forward', targets }
  return backends.any ? { do: 'drop' } : { do: 'reject' }
}

function affinityOf({ spec }: Service): number {
  if (spec.sessionAffinity !== 'ClientIP') return 0
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS
  return Math.min(MAX_AFFINITY_SECONDS, Math.max(1, Math.floor(seconds)))
}

function clusterAddresses({ spec }: Service, node: NodeView): string[] {
  const all = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP!]
  return all.filter((ip) => isIpv4(ip) && !node.reserved.includes(ip))
}

interface ExternalAddress {
  readonly address: string
  readonly number: number
  readonly sources: readonly string[] | undefined
}

function externalAddresses({ spec, status }: Service, port: ServicePort, node: NodeView): ExternalAddress[] {
  const found: ExternalAddress[] = []
  const add = (address: string, number: number, sources?: readonly string[]) => {
    if (!isIpv4(address) || node.reserved.includes(address)) return
    if (found.some((f) => f.address === address && f.number === number)) return
    found.push({ address, number, sources })
  }
  if (port.nodePort) for (const address of node.addresses) add(address, port.nodePort)
  for (const address of spec.externalIPs ?? []) add(address, port.port)
  if (spec.type === 'LoadBalancer') {
    const sources = sourcesOf(spec.loadBalancerSourceRanges)
    for (const { ip, ipMode } of status.loadBalancer?.ingress ?? []) {
      // In mode Proxy the load balancer has to see the traffic itself.
      if (ip && ipMode !== 'Proxy') add(ip, port.port, sources)
    }
  }
  return found
}

function sourcesOf(ranges: readonly string[] | undefined): readonly string[] | undefined {
  if (!ranges || ranges.length === 0) return undefined
  const widest = keepWidest(ranges.map((r) => r.trim()))
  return widest.includes('0.0.0.0/0') ? undefined : widest
}
