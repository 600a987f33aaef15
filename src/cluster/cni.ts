import { writeFileIfChanged } from './files.ts'
import type { Layout, NodeLayout } from './layout.ts'

export interface PodNetwork {
  /** The node's share of the pod network, from `node.spec.podCIDR`: 10.244.0.0/24. */
  readonly podCidr: string
  readonly bridge: string
  /** Where host-local remembers which addresses are taken. */
  readonly ipamDir: string
  readonly mtu: number
}

/**
 * The pod network of a node: a bridge whose address is the pods' gateway, addresses from the node's range, host ports by
 * portmap. No masquerading here: pods see each other's addresses, and only what leaves the cluster is rewritten (machine
 * network, nft). Hairpin lets a pod reach itself through its Service.
 */
function cniConfig(network: PodNetwork): string {
  const bridge = {
    type: 'bridge',
    bridge: network.bridge,
    isGateway: true,
    isDefaultGateway: true,
    ipMasq: false,
    hairpinMode: true,
    mtu: network.mtu,
    ipam: { type: 'host-local', dataDir: network.ipamDir, ranges: [[{ subnet: network.podCidr }]] },
  }
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true }
  const conflist = { cniVersion: '0.4.0', name: 'dhow', plugins: [bridge, portmap] }
  return `${JSON.stringify(conflist, undefined, 2)}\n`
}

/** Makes the node's pod network usable; containerd sees the file by itself. Tells whether anything changed. */
export async function writeCniConfig(
  layout: Layout,
  node: NodeLayout,
  podCidr: string,
  mtu: number,
): Promise<boolean> {
  const network = { podCidr, bridge: node.podBridge, ipamDir: `${node.dir}/ipam`, mtu }
  return writeFileIfChanged(
    `${node.containerd.cniConfDir}/10-${layout.contextName}.conflist`,
    cniConfig(network),
  )
}
