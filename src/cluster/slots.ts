import { addressIn, type ClusterConfig, defaultDataDir, MAX_NODES, MAX_SLOTS } from './layout.ts'

/** What is known of another cluster of this machine. */
export type Taken = Pick<
  ClusterConfig,
  'name' | 'dataDir' | 'slot' | 'podCidr' | 'serviceCidr' | 'nodeCidr' | 'apiPort' | 'kubeletPort'
>

/** What the user asked for; the rest is chosen so that nothing overlaps. */
export interface Wishes {
  readonly name: string
  readonly dataDir?: string | undefined
  readonly nodes?: number | undefined
  readonly podCidr?: string | undefined
  readonly serviceCidr?: string | undefined
  readonly nodeCidr?: string | undefined
  readonly clusterDomain?: string | undefined
  readonly apiPort?: number | undefined
}

export interface Machine {
  /** Networks that links and routes of the machine already use, as CIDRs. */
  readonly networks: readonly string[]
  readonly portIsFree: (port: number) => boolean
}

/**
 * Chooses a slot, subnets and ports for a new cluster: those of Kubernetes' own defaults for the first one, the next
 * free ones for each further. Throws when a wish collides with what exists.
 */
export function newCluster(wishes: Wishes, taken: readonly Taken[], machine: Machine): ClusterConfig {
  const nodes = wishes.nodes ?? 1
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new Error(`cannot make a cluster of ${nodes} nodes: expected 1 to ${MAX_NODES}`)
  }
  const used = [
    ...machine.networks.map((cidr) => ({ cidr, by: 'a network of this machine' })),
    ...taken.flatMap((t) =>
      [t.podCidr, t.serviceCidr, t.nodeCidr].map((cidr) => ({ cidr, by: `cluster "${t.name}"` })),
    ),
  ]
  const chosen: { cidr: string; by: string }[] = []
  const network = (
    what: string,
    wish: string | undefined,
    candidates: readonly string[],
    bits: number,
  ): string => {
    const all = [...used, ...chosen]
    if (wish !== undefined) {
      checkCidr(what, wish, bits)
      const clash = all.find((u) => overlaps(u.cidr, wish))
      if (clash)
        throw new Error(`cannot use ${wish} as the ${what} network: it overlaps ${clash.cidr} of ${clash.by}`)
    }
    const cidr = wish ?? candidates.find((c) => !all.some((u) => overlaps(u.cidr, c)))
    if (!cidr) throw new Error(`cannot find a free ${what} network: give one with --${what}-cidr`)
    chosen.push({ cidr, by: `this cluster's ${what}s` })
    return cidr
  }
  const slots = Array.from({ length: MAX_SLOTS }, (_, i) => i)
  const slot = slots.find((s) => !taken.some((t) => t.slot === s))
  if (slot === undefined)
    throw new Error(`cannot make cluster "${wishes.name}": this machine has ${MAX_SLOTS} clusters already`)
  const candidates = (make: (i: number) => string) =>
    [...slots.slice(slot), ...slots.slice(0, slot)].map(make)
  const port = (wish: number | undefined, first: number): number => {
    const isTaken = (p: number) =>
      taken.some((t) => t.apiPort === p || t.kubeletPort === p) || !machine.portIsFree(p)
    if (wish !== undefined) {
      if (!Number.isInteger(wish) || wish < 1 || wish > 65_535)
        throw new Error(`cannot use port ${wish} for the API: expected 1 to 65535`)
      if (isTaken(wish)) throw new Error(`cannot use port ${wish} for the API: it is in use`)
      return wish
    }
    for (let p = first; p < first + 1000; p += 10) if (!isTaken(p)) return p
    throw new Error(`cannot find a free port from ${first} on`)
  }
  const clusterDomain = wishes.clusterDomain ?? 'cluster.local'
  if (
    clusterDomain.length > 200 ||
    !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(clusterDomain)
  )
    throw new Error(
      `cannot use cluster domain "${clusterDomain}": expected a DNS name in lower case, such as cluster.local`,
    )
  return {
    version: 1,
    name: wishes.name,
    dataDir: wishes.dataDir ?? defaultDataDir(wishes.name),
    slot,
    nodes,
    podCidr: network(
      'pod',
      wishes.podCidr,
      candidates((i) => `10.${244 - i}.0.0/16`),
      16,
    ),
    serviceCidr: network(
      'service',
      wishes.serviceCidr,
      candidates((i) => `10.${96 + i}.0.0/16`),
      24,
    ),
    nodeCidr: network(
      'node',
      wishes.nodeCidr,
      candidates((i) => `10.90.${i}.0/24`),
      24,
    ),
    clusterDomain,
    apiPort: port(wishes.apiPort, 6443),
    kubeletPort: port(undefined, 10250),
  }
}

/** What `up` with other wishes changes of a cluster that exists: the number of nodes, and nothing else. */
export function changedCluster(config: ClusterConfig, wishes: Wishes): ClusterConfig {
  const fixed = {
    'pod-cidr': 'podCidr',
    'service-cidr': 'serviceCidr',
    'node-cidr': 'nodeCidr',
    'cluster-domain': 'clusterDomain',
    'api-port': 'apiPort',
  } as const
  for (const [option, key] of Object.entries(fixed)) {
    const wish = wishes[key]
    if (wish !== undefined && wish !== config[key]) {
      throw new Error(
        `cannot change --${option} of cluster "${config.name}" from ${config[key]} to ${wish}: it is fixed when the cluster is made; ` +
          `"dhow down --purge" deletes the cluster with its data`,
      )
    }
  }
  if (wishes.nodes === undefined || wishes.nodes === config.nodes) return config
  if (wishes.nodes < 1 || wishes.nodes > MAX_NODES)
    throw new Error(`cannot make a cluster of ${wishes.nodes} nodes: expected 1 to ${MAX_NODES}`)
  return { ...config, nodes: wishes.nodes }
}

function checkCidr(what: string, cidr: string, maxBits: number): void {
  addressIn(cidr, 0)
  const bits = Number(cidr.split('/')[1])
  if (bits > maxBits || bits < 8)
    throw new Error(`cannot use ${cidr} as the ${what} network: expected a prefix of 8 to ${maxBits} bits`)
  const { first } = rangeOf(cidr)
  if (cidr.split('/')[0] !== dotted(first))
    throw new Error(`cannot use ${cidr} as the ${what} network: expected ${dotted(first)}/${bits}`)
}

const dotted = (value: number) =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

function rangeOf(cidr: string): { first: number; last: number } {
  const [base = '', bits = '32'] = cidr.split('/')
  const value = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const size = 2 ** (32 - Number(bits))
  const first = Math.floor(value / size) * size
  return { first, last: first + size - 1 }
}

/** Both IPv4 CIDRs. */
export function overlaps(a: string, b: string): boolean {
  const x = rangeOf(a)
  const y = rangeOf(b)
  return x.first <= y.last && y.first <= x.last
}
