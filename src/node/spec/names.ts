import type { Pod } from '../../api/index.ts'

/** What a pod is called inside and outside: host name, domain, name resolution, /etc/hosts. Pure. */
export interface NodeNaming {
  readonly nodeName: string
  readonly clusterDomain: string
  /** Addresses of the cluster's DNS; empty when there is none. */
  readonly clusterDNS: readonly string[]
  /** The node's own resolver configuration. */
  readonly hostResolver: Resolver
  /** Text of the node's /etc/hosts, for pods on the host's network. */
  readonly hostHosts: string
}

export interface Resolver {
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

const MAX_HOSTNAME = 63
const MAX_SERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARACTERS = 2048

function podHostname(pod: Pod, nodeName: string): { hostname: string; domain: string } {
  if (pod.spec.hostnameOverride) return { hostname: pod.spec.hostnameOverride, domain: '' }
  if (pod.spec.hostNetwork) return { hostname: nodeName, domain: '' }
  const hostname = (pod.spec.hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '')
  return { hostname, domain: pod.spec.subdomain ?? '' }
}

/** `web-0.web.default.svc.cluster.local`, or '' when the pod has no subdomain. */
function podFqdn(pod: Pod, naming: Pick<NodeNaming, 'nodeName' | 'clusterDomain'>): string {
  const { hostname, domain } = podHostname(pod, naming.nodeName)
  return domain === '' ? '' : `${hostname}.${domain}.${pod.metadata.namespace}.svc.${naming.clusterDomain}`
}

/** The host name the sandbox gets; throws when it has to be the full name and that is too long for the kernel. */
export function sandboxHostname(pod: Pod, naming: Pick<NodeNaming, 'nodeName' | 'clusterDomain'>): string {
  const fqdn = podFqdn(pod, naming)
  if (pod.spec.setHostnameAsFQDN !== true || fqdn === '') return podHostname(pod, naming.nodeName).hostname
  if (fqdn.length > MAX_HOSTNAME + 1) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${MAX_HOSTNAME + 1} characters is the max, ${fqdn.length} characters requested)`,
    )
  }
  return fqdn
}

export function podResolver(pod: Pod, naming: NodeNaming): Resolver {
  const base = baseResolver(pod, naming)
  const extra = pod.spec.dnsConfig
  const options = new Map<string, string>()
  for (const o of base.options) options.set(o.split(':')[0]!, o)
  for (const o of extra?.options ?? [])
    if (o.name) options.set(o.name, o.value === undefined ? o.name : `${o.name}:${o.value}`)
  return {
    servers: unique([...base.servers, ...(extra?.nameservers ?? [])]).slice(0, MAX_SERVERS),
    searches: limitSearches(unique([...base.searches, ...(extra?.searches ?? [])])),
    options: [...options.values()],
  }
}

function baseResolver(pod: Pod, naming: NodeNaming): Resolver {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  if (policy === 'None') return { servers: [], searches: [], options: [] }
  const cluster =
    naming.clusterDNS.length > 0 &&
    (policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec.hostNetwork))
  if (!cluster) return naming.hostResolver
  const domain = naming.clusterDomain
  return {
    servers: naming.clusterDNS,
    searches: [
      `${pod.metadata.namespace}.svc.${domain}`,
      `svc.${domain}`,
      domain,
      ...naming.hostResolver.searches,
    ],
    options: ['ndots:5'],
  }
}

const unique = (items: readonly string[]): string[] => [...new Set(items)]

function limitSearches(searches: readonly string[]): string[] {
  const kept: string[] = []
  let length = 0
  for (const s of searches.slice(0, MAX_SEARCHES)) {
    length += s.length + 1
    if (length > MAX_SEARCH_CHARACTERS) break
    kept.push(s)
  }
  return kept
}

/** Reads the text of a resolv.conf. */
export function parseResolver(text: string): Resolver {
  const servers: string[] = []
  let searches: string[] = []
  let options: string[] = []
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'nameserver' && rest[0]) servers.push(rest[0])
    else if (word === 'search') searches = rest.map((s) => (s === '.' ? s : s.replace(/\.$/, '')))
    else if (word === 'options') options = rest
  }
  return { servers, searches, options }
}

export function hostsFile(pod: Pod, podIPs: readonly string[], naming: NodeNaming): string {
  const lines: string[] = []
  if (pod.spec.hostNetwork) {
    lines.push('# Kubernetes-managed hosts file (host network).', naming.hostHosts.trimEnd())
  } else {
    lines.push(
      '# Kubernetes-managed hosts file.',
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::0\tip6-localnet',
      'fe00::0\tip6-mcastprefix',
      'fe00::1\tip6-allnodes',
      'fe00::2\tip6-allrouters',
    )
    const { hostname } = podHostname(pod, naming.nodeName)
    const fqdn = podFqdn(pod, naming)
    for (const ip of podIPs) lines.push(fqdn === '' ? `${ip}\t${hostname}` : `${ip}\t${fqdn}\t${hostname}`)
  }
  const aliases = pod.spec.hostAliases ?? []
  if (aliases.length > 0) {
    lines.push('', '# Entries added by HostAliases.')
    for (const a of aliases) lines.push(`${a.ip}\t${(a.hostnames ?? []).join('\t')}`)
  }
  return `${lines.join('\n')}\n`
}
