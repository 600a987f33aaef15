import ipaddr from 'ipaddr.js'
import { ApiError, badRequest, EndpointSlice, Node, notFound, Pod, Service } from '../../api/index.ts'
import type { ObjectReader } from '../contracts.ts'

export type Lookup = Pick<ObjectReader, 'get' | 'list'>

const KUBELET_PORT = 10250

/** Where a node's agent listens. */
export interface NodeAddress {
  readonly node: string
  readonly host: string
  readonly port: number
}

/** An address that HTTP is proxied to. */
export interface HttpTarget {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** For messages: `pod "default/web"`. */
  readonly what: string
}

/** `[scheme:]name[:port]`, as in .../services/https:web:8443/proxy. */
export interface ProxyName {
  readonly scheme: 'http' | 'https' | ''
  readonly name: string
  readonly port: string
}

export function parseProxyName(text: string, plural: string): ProxyName {
  const parts = text.split(':')
  const [scheme, name, port] =
    parts.length === 1 ? ['', parts[0]!, ''] : parts.length === 2 ? ['', parts[0]!, parts[1]!] : parts
  const valid = parts.length <= 3 && name !== '' && (scheme === '' || scheme === 'http' || scheme === 'https')
  if (!valid)
    throw badRequest(`cannot proxy to ${plural} ${JSON.stringify(text)}: expected [http:|https:]NAME[:PORT]`)
  return { scheme: scheme as ProxyName['scheme'], name: name!, port: port ?? '' }
}

export function nodeAddress(objects: Lookup, name: string): NodeAddress {
  const node = objects.get(Node, undefined, name)
  if (!node) throw notFound(Node.resource, name)
  const addresses = node.status?.addresses ?? []
  const found = ['InternalIP', 'ExternalIP', 'Hostname'].flatMap((type) =>
    addresses.filter((a) => a.type === type),
  )[0]
  if (!found) {
    throw new ApiError(
      'ServiceUnavailable',
      `cannot reach node "${name}": it has not reported an address; check that its agent runs (dhow status)`,
    )
  }
  return {
    node: name,
    host: found.address,
    port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT,
  }
}

export function podNamed(objects: Lookup, namespace: string, name: string): Pod {
  const pod = objects.get(Pod, namespace, name)
  if (!pod) throw notFound(Pod.resource, name)
  return pod
}

/** The container that a request means: the named one, or the only one. Kubernetes' wording. */
export function containerOf(pod: Pod, wanted: string): string {
  const { name: podName } = pod.metadata
  const regular = pod.spec.containers.map((c) => c.name)
  const init = (pod.spec.initContainers ?? []).map((c) => c.name)
  const ephemeral = (pod.spec.ephemeralContainers ?? []).map((c) => c.name)
  if (wanted !== '') {
    if ([...regular, ...init, ...ephemeral].includes(wanted)) return wanted
    throw badRequest(`container ${wanted} is not valid for pod ${podName}`)
  }
  if (regular.length === 1 && regular[0] !== undefined) return regular[0]
  const choices = `choose one of: [${regular.join(' ')}]`
  const also = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : ''
  const debug = ephemeral.length > 0 ? ` or one of the ephemeral containers: [${ephemeral.join(' ')}]` : ''
  throw badRequest(`a container name must be specified for pod ${podName}, ${choices}${also}${debug}`)
}

/** A pod's own address and port. */
export function podTarget(objects: Lookup, namespace: string, id: string): HttpTarget {
  const { scheme, name, port } = parseProxyName(id, 'pods')
  const pod = podNamed(objects, namespace, name)
  const what = `pod "${namespace}/${name}"`
  const host = pod.status?.podIP ?? ''
  if (host === '') throw badRequest(`cannot proxy to ${what}: it has no IP address yet`)
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? [])
  const number =
    port === ''
      ? (ports[0]?.containerPort ?? (scheme === 'https' ? 443 : 80))
      : (portNumber(port) ?? ports.find((p) => p.name === port)?.containerPort)
  if (number === undefined)
    throw badRequest(`cannot proxy to ${what}: it has no port named ${JSON.stringify(port)}`)
  return { scheme: scheme || 'http', host: proxyable(host, what), port: number, what }
}

/** One of a service's ready endpoints, chosen by `choose` (0 ≤ x < 1). */
export function serviceTarget(objects: Lookup, namespace: string, id: string, choose: number): HttpTarget {
  const { scheme, name, port } = parseProxyName(id, 'services')
  const service = objects.get(Service, namespace, name)
  if (!service) throw notFound(Service.resource, name)
  const what = `service "${namespace}/${name}"`
  const ports = service.spec.ports ?? []
  const chosen =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : ports.find((p) => !p.name)
      : ports.find((p) => p.name === port || String(p.port) === port)
  if (!chosen)
    throw badRequest(
      `cannot proxy to ${what}: expected one of its ports (${ports.map((p) => p.name || p.port).join(', ')}), got ${JSON.stringify(port)}`,
    )
  const ready: { host: string; port: number }[] = []
  for (const slice of objects.list(EndpointSlice, namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue
    const number = (slice.ports ?? []).find((p) => (p.name ?? '') === (chosen.name ?? ''))?.port
    if (number === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue
      for (const host of endpoint.addresses.slice(0, 1)) ready.push({ host, port: number })
    }
  }
  const target = ready[Math.floor(choose * ready.length)]
  if (!target)
    throw new ApiError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(id)}`)
  return { scheme: scheme || 'http', host: proxyable(target.host, what), port: target.port, what }
}

/** Pods choose their status' address through their node: it must not lead to the server's own machine. */
function proxyable(host: string, what: string): string {
  const range = ipaddr.isValid(host) ? ipaddr.process(host).range() : 'no IP address'
  if (['loopback', 'linkLocal', 'unspecified', 'multicast', 'broadcast', 'no IP address'].includes(range)) {
    throw badRequest(`cannot proxy to ${what}: address ${JSON.stringify(host)} is not allowed (${range})`)
  }
  return host
}

function portNumber(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const number = Number(text)
  return number >= 1 && number <= 65535 ? number : undefined
}
