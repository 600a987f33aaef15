import type { Container, Pod, ResourceFieldSelector } from '../../api/index.ts'
import { quantityNumber } from './quantity.ts'
import { allContainers, limitsOf, requestsOf } from './resources.ts'

export interface PodAddresses {
  readonly podIPs: readonly string[]
  readonly hostIPs: readonly string[]
}

/** The value of a downward API field as text; throws where the path means nothing. */
export function fieldOfPod(pod: Pod, path: string, addresses: PodAddresses): string {
  const { metadata, spec } = pod
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid
    case 'metadata.labels':
      return formatMap(metadata.labels)
    case 'metadata.annotations':
      return formatMap(metadata.annotations)
    case 'spec.nodeName':
      return spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? ''
    case 'status.hostIP':
      return addresses.hostIPs[0] ?? ''
    case 'status.hostIPs':
      return addresses.hostIPs.join(',')
    case 'status.podIP':
      return addresses.podIPs[0] ?? ''
    case 'status.podIPs':
      return addresses.podIPs.join(',')
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

function formatMap(values: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(values ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(values![key])}`)
    .join('\n')
}

/** A request or limit as a whole number of `divisor` (1 when absent), rounded up; limits default to the node's. */
export function resourceField(
  pod: Pod,
  container: Container,
  ref: ResourceFieldSelector,
  allocatable: { readonly cpuMilli: number; readonly memoryBytes: number; readonly ephemeralBytes: number },
): string {
  const target = ref.containerName ? allContainers(pod).find((c) => c.name === ref.containerName) : container
  if (!target) throw new Error(`container ${ref.containerName} not found`)
  const divisor = ref.divisor && ref.divisor !== '0' ? quantityNumber(ref.divisor) : 1
  const limits = limitsOf(target.resources)
  const requests = requestsOf(target.resources)
  const value = (() => {
    switch (ref.resource) {
      case 'limits.cpu':
        return (limits.cpuMilli ?? allocatable.cpuMilli) / 1000
      case 'limits.memory':
        return limits.memoryBytes ?? allocatable.memoryBytes
      case 'limits.ephemeral-storage':
        return quantityOr(target.resources?.limits?.['ephemeral-storage'], allocatable.ephemeralBytes)
      case 'requests.cpu':
        return (requests.cpuMilli ?? 0) / 1000
      case 'requests.memory':
        return requests.memoryBytes ?? 0
      case 'requests.ephemeral-storage':
        return quantityOr(target.resources?.requests?.['ephemeral-storage'], 0)
      default:
        throw new Error(`unsupported container resource : ${ref.resource}`)
    }
  })()
  return String(Math.ceil(value / divisor - 1e-9))
}

const quantityOr = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : quantityNumber(text)
