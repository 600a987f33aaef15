import type { Node, Pod, Service, ServicePort } from '../../api/index.ts'
import { equal } from '../shared/equal.ts'
import { hasLabels } from '../shared/labels.ts'
import { isOver, isReady } from '../shared/pods.ts'

/** Which pods stand behind a Service, and at which ports. What both Endpoints and EndpointSlices are made of. */

/** A Service whose endpoints come from its selector. */
export function isManaged(service: Service): boolean {
  return service.spec.type !== 'ExternalName' && service.spec.selector !== undefined
}

export function selectsPod(service: Service, pod: Pod): boolean {
  const { selector } = service.spec
  return selector !== undefined && hasLabels(pod.metadata.labels, selector)
}

/** The pod has an address and has not ended for good. */
export function isReachable(pod: Pod): boolean {
  return !isOver(pod) && addressesOf(pod).length > 0
}

export function addressesOf(pod: Pod): readonly string[] {
  const all = (pod.status.podIPs ?? []).map((p) => p.ip)
  return all.length > 0 ? all : pod.status.podIP ? [pod.status.podIP] : []
}

export type Family = 'IPv4' | 'IPv6'

export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

export function familiesOf(service: Service): readonly Family[] {
  const declared = (service.spec.ipFamilies ?? []) as readonly Family[]
  if (declared.length > 0) return declared
  const { clusterIP } = service.spec
  return [clusterIP && clusterIP !== 'None' ? familyOf(clusterIP) : 'IPv4']
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None'
}

/** Whether the Service's name also names this pod in DNS: `<hostname>.<service>`. */
export function hostnameIn(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec
  return hostname && subdomain === service.metadata.name ? hostname : undefined
}

export interface ResolvedPort {
  readonly name: string
  readonly port: number
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly appProtocol?: string
}

/** The Service's ports as this pod has them; one that names a port the pod lacks is left out. */
export function portsOf(service: Service, pod: Pod): ResolvedPort[] {
  return (service.spec.ports ?? []).flatMap((servicePort) => {
    const port = targetOf(servicePort, pod)
    if (port === undefined) return []
    const { name = '', protocol = 'TCP', appProtocol } = servicePort
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) } as ResolvedPort]
  })
}

function targetOf(servicePort: ServicePort, pod: Pod): number | undefined {
  const target = servicePort.targetPort ?? servicePort.port
  if (typeof target === 'number') return target === 0 ? servicePort.port : target
  const protocol = servicePort.protocol ?? 'TCP'
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  for (const container of [...pod.spec.containers, ...sidecars]) {
    const found = container.ports?.find((p) => p.name === target && (p.protocol ?? 'TCP') === protocol)
    if (found) return found.containerPort
  }
  return undefined
}

export function portsKey(ports: readonly ResolvedPort[]): string {
  const texts = ports.map((p) => `${p.name}/${p.port}/${p.protocol}/${p.appProtocol ?? ''}`)
  return texts.sort().join(',')
}

export function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata.labels?.['topology.kubernetes.io/zone']
}

export function targetRefOf(pod: Pod) {
  const { namespace, name, uid } = pod.metadata
  return { kind: 'Pod', namespace, name, uid }
}

/** Whether something changed that endpoints show. */
export function isOtherEndpoint(now: Pod, old: Pod): boolean {
  return (
    !equal(now.metadata.labels, old.metadata.labels) ||
    now.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    now.spec.nodeName !== old.spec.nodeName ||
    isReady(now) !== isReady(old) ||
    isOver(now) !== isOver(old) ||
    addressesOf(now).join() !== addressesOf(old).join()
  )
}
