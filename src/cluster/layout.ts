import { join } from 'node:path'

/**
 * One cluster on this machine, as `<dataDir>/cluster.json` keeps it. Everything else (paths, names of links and
 * namespaces, addresses) follows from it: see `layoutOf`.
 */
export interface ClusterConfig {
  readonly version: 1
  readonly name: string
  readonly dataDir: string
  /** Which of the machine's cluster slots it has: makes names and subnets distinct. 0 to 39. */
  readonly slot: number
  readonly nodes: number
  readonly podCidr: string
  readonly serviceCidr: string
  /** The network that joins this machine's nodes: node N has address N in it. A /24. */
  readonly nodeCidr: string
  readonly clusterDomain: string
  readonly apiPort: number
  /** Of the node in the host's namespace; the others each have an address of their own, and the same port. */
  readonly kubeletPort: number
}

const DEFAULT_NAME = 'dhow'
export const MAX_SLOTS = 40
export const MAX_NODES = 50
export const defaultDataDir = (name: string) => `/var/lib/dhow/${name}`
export const PAUSE_IMAGE = 'dhow.local/pause:1'

export interface NodeLayout {
  /** From 1. */
  readonly number: number
  readonly name: string
  readonly ip: string
  /** Path of its network namespace; undefined: the host's. */
  readonly netns: string | undefined
  /** Its link on the host's side (veth) and the namespace's name; undefined for node 1. */
  readonly hostLink: string | undefined
  readonly netnsName: string | undefined
  readonly podBridge: string
  readonly kubeletPort: number
  readonly dir: string
  readonly agentDir: string
  readonly cgroupBase: string
  readonly containerd: ContainerdLayout
}

export interface ContainerdLayout {
  readonly dir: string
  readonly config: string
  readonly root: string
  readonly state: string
  readonly socket: string
  readonly cniConfDir: string
  /** hosts.toml files by registry, as containerd's `config_path` reads them. */
  readonly registryDir: string
}

export interface Layout {
  readonly config: ClusterConfig
  readonly contextName: string
  readonly nodeBridge: string
  /** Address and port of the API for everybody on this machine and in its pods. */
  readonly apiUrl: string
  readonly apiIp: string
  readonly kubernetesServiceIp: string
  readonly dnsIp: string
  readonly pkiDir: string
  readonly storePath: string
  readonly runDir: string
  readonly logDir: string
  readonly configFile: string
  readonly kubeconfig: string
  /** nft table of the rules that belong to the machine's cluster network (masquerade). */
  readonly nftTable: string
  /** Link that carries the cluster DNS' address, in each node's network namespace. */
  readonly dnsLink: string
  /** nft table of the Service rules, in each node's network namespace. */
  readonly proxyTable: string
  readonly cgroupRoot: string
  /** Of dhow's own processes, where they would else be in the login session that ran `up`. */
  readonly partsCgroup: string
  readonly nodes: readonly NodeLayout[]
}

/** The `n`-th address of an IPv4 network: `addressIn('10.96.0.0/16', 10)` is '10.96.0.10'. */
export function addressIn(cidr: string, n: number): string {
  const [base = '', bits = ''] = cidr.split('/')
  const octets = base.split('.').map(Number)
  if (
    octets.length !== 4 ||
    octets.some((o) => !Number.isInteger(o) || o < 0 || o > 255) ||
    !/^\d+$/.test(bits)
  ) {
    throw new Error(`cannot use network "${cidr}": expected an IPv4 CIDR such as 10.96.0.0/16`)
  }
  if (n < 0 || n >= 2 ** (32 - Number(bits)))
    throw new Error(`cannot take address ${n} of network "${cidr}": it is outside`)
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0) + n
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

/** A cluster's name becomes part of paths, links and context names. */
export function checkName(name: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `cannot use cluster name "${name}": expected 1 to 30 lower case letters, digits and "-", not at the ends`,
    )
  }
  return name
}

export function layoutOf(config: ClusterConfig): Layout {
  const { name, dataDir, slot } = config
  const cgroupRoot = `/dhow-${name}`
  const nodes = Array.from({ length: config.nodes }, (_, i) => nodeLayout(config, i + 1, cgroupRoot))
  const apiIp = nodes[0]!.ip
  return {
    config,
    contextName: name === DEFAULT_NAME ? 'dhow' : `dhow-${name}`,
    nodeBridge: `dhow${slot}`,
    apiIp,
    apiUrl: `https://${apiIp}:${config.apiPort}`,
    kubernetesServiceIp: addressIn(config.serviceCidr, 1),
    dnsIp: addressIn(config.serviceCidr, 10),
    pkiDir: join(dataDir, 'pki'),
    storePath: join(dataDir, 'server', 'store.db'),
    runDir: join(dataDir, 'run'),
    logDir: join(dataDir, 'logs'),
    configFile: join(dataDir, 'cluster.json'),
    kubeconfig: join(dataDir, 'admin.kubeconfig'),
    nftTable: `dhow${slot}_cluster`,
    dnsLink: `dhow${slot}dns`,
    proxyTable: `dhow${slot}_services`,
    cgroupRoot,
    partsCgroup: `${cgroupRoot}/parts`,
    nodes,
  }
}

function nodeLayout(config: ClusterConfig, number: number, cgroupRoot: string): NodeLayout {
  const name = `node${number}`
  const dir = join(config.dataDir, 'nodes', name)
  const containerd = join(dir, 'containerd')
  const netnsName = number === 1 ? undefined : `dhow-${config.name}-${name}`
  return {
    number,
    name,
    ip: addressIn(config.nodeCidr, number),
    netns: netnsName && `/run/netns/${netnsName}`,
    netnsName,
    hostLink: number === 1 ? undefined : `dhow${config.slot}n${number}`,
    podBridge: `dhow${config.slot}pods`,
    kubeletPort: config.kubeletPort,
    dir,
    agentDir: join(dir, 'agent'),
    cgroupBase: `${cgroupRoot}/${name}`,
    containerd: {
      dir: containerd,
      config: join(containerd, 'config.toml'),
      root: join(containerd, 'root'),
      state: join(containerd, 'state'),
      socket: join(containerd, 'containerd.sock'),
      cniConfDir: join(containerd, 'cni'),
      registryDir: join(containerd, 'registries'),
    },
  }
}
