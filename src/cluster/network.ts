import type { ClusterConfig, Layout, NodeLayout } from './layout.ts'

/**
 * The machine's part of the cluster network, as plain data: what has to exist, and the commands that make it so. Node 1
 * lives in the host's network namespace and owns the bridge; each further node is a namespace with a veth to it.
 */
export interface NetworkState {
  /** Links in the host's namespace. */
  readonly links: ReadonlySet<string>
  /** Named network namespaces. */
  readonly namespaces: ReadonlySet<string>
  /** Links inside of each of those namespaces. */
  readonly linksInside: ReadonlyMap<string, ReadonlySet<string>>
}

export interface NetworkStep {
  readonly why: string
  readonly command: readonly string[]
  readonly input?: string
}

/** What to run, in order, so that all nodes are joined. Idempotent: nothing where all is in place. */
export function planNetwork(layout: Layout, state: NetworkState, mtu = 1500): NetworkStep[] {
  const { nodeBridge, config } = layout
  const bits = config.nodeCidr.split('/')[1]
  const steps: NetworkStep[] = []
  const ip = (why: string, ...args: string[]) => steps.push({ why, command: ['ip', ...args] })
  if (!state.links.has(nodeBridge))
    ip('the bridge that joins the nodes', 'link', 'add', nodeBridge, 'type', 'bridge')
  ip('the address of node 1', 'address', 'replace', `${layout.apiIp}/${bits}`, 'dev', nodeBridge)
  ip('the bridge carries traffic', 'link', 'set', nodeBridge, 'up')
  for (const node of layout.nodes.slice(1)) steps.push(...planNode(layout, node, state, { bits: bits!, mtu }))
  steps.push({
    why: 'pods reach what is outside of the cluster',
    command: ['nft', '-f', '-'],
    input: masqueradeRules(layout),
  })
  return steps
}

function planNode(
  layout: Layout,
  node: NodeLayout,
  state: NetworkState,
  { bits, mtu }: { bits: string; mtu: number },
): NetworkStep[] {
  const namespace = node.netnsName!
  const link = node.hostLink!
  const steps: NetworkStep[] = []
  const ip = (why: string, ...args: string[]) => steps.push({ why, command: ['ip', ...args] })
  if (!state.namespaces.has(namespace)) ip(`the network namespace of ${node.name}`, 'netns', 'add', namespace)
  const inside = state.linksInside.get(namespace) ?? new Set()
  if (!state.links.has(link) || !inside.has('eth0')) {
    if (state.links.has(link)) ip('a link without its other end', 'link', 'delete', link)
    ip(
      `the link of ${node.name}`,
      'link',
      'add',
      link,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      namespace,
    )
  }
  ip(
    `${node.name} is on the bridge`,
    'link',
    'set',
    link,
    'master',
    layout.nodeBridge,
    'mtu',
    String(mtu),
    'up',
  )
  // A node that reaches a pod of its own by another node's port gets its packets back on the link that they came from.
  ip(
    `${node.name} may be sent back what it sent`,
    'link',
    'set',
    link,
    'type',
    'bridge_slave',
    'hairpin',
    'on',
  )
  ip('its loopback', '-n', namespace, 'link', 'set', 'lo', 'up')
  ip('its address', '-n', namespace, 'address', 'replace', `${node.ip}/${bits}`, 'dev', 'eth0')
  ip('its link carries traffic', '-n', namespace, 'link', 'set', 'eth0', 'mtu', String(mtu), 'up')
  ip('its way out', '-n', namespace, 'route', 'replace', 'default', 'via', layout.apiIp)
  return steps
}

/** Only what leaves the cluster is masqueraded: pods, nodes and Services see each other's own addresses. */
function masqueradeRules(layout: Layout): string {
  const { config, nftTable } = layout
  const inside = [config.podCidr, config.nodeCidr, config.serviceCidr].join(', ')
  return `table ip ${nftTable}
delete table ip ${nftTable}
table ip ${nftTable} {
  comment "cluster ${config.name}: traffic of pods and nodes that leaves the cluster"
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { ${config.podCidr}, ${config.nodeCidr} } ip daddr != { ${inside}, 224.0.0.0/4 } fib daddr type != local masquerade
  }
}
`
}

/** Kernel settings of one network namespace that holds a node. */
export const NODE_SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  // Traffic between two pods of one bridge passes the Service rules too (both ways of it).
  'net/bridge/bridge-nf-call-iptables': '1',
  // Replies may come by another link than the request left by (Services, pods on other nodes).
  'net/ipv4/conf/all/rp_filter': '0',
}

/** A node's range of pod addresses is reached through the node: `ip route` commands for the routes that differ. */
export function planRoutes(
  config: ClusterConfig,
  self: string,
  nodes: readonly NodeRoute[],
  current: ReadonlyMap<string, string>,
): NetworkStep[] {
  const wanted = new Map<string, string>()
  for (const node of nodes)
    if (node.name !== self && node.podCidr && node.ip) wanted.set(node.podCidr, node.ip)
  const steps: NetworkStep[] = []
  for (const [cidr, via] of wanted) {
    if (current.get(cidr) !== via)
      steps.push({ why: `pods in ${cidr}`, command: ['ip', 'route', 'replace', cidr, 'via', via] })
  }
  for (const [cidr, via] of current) {
    if (!wanted.has(cidr) && isWithin(cidr, config.podCidr)) {
      steps.push({
        why: `no node has ${cidr} any more`,
        command: ['ip', 'route', 'delete', cidr, 'via', via],
      })
    }
  }
  return steps
}

export interface NodeRoute {
  readonly name: string
  readonly podCidr: string | undefined
  readonly ip: string | undefined
}

function isWithin(cidr: string, outer: string): boolean {
  const number = (text: string) =>
    text
      .split('/')[0]!
      .split('.')
      .reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const bits = Number(outer.split('/')[1])
  return Math.floor(number(cidr) / 2 ** (32 - bits)) === Math.floor(number(outer) / 2 ** (32 - bits))
}
