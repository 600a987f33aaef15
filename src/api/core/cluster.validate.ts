import { equalJson } from '../../schema/index.ts'
import { validateCidr, validateIp, validateNonSpecialIp } from '../meta/ip.validate.ts'
import { dnsLabel, portNumber, qualifiedName, subdomainName } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  oneOf,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import type { EndpointAddress, EndpointPort, Endpoints } from './endpoints.ts'
import type { Namespace } from './namespace.ts'
import type { Node } from './node.ts'
import { validateQuantity } from './resources.validate.ts'
import { validateTaints } from './scheduling.validate.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function validateNodeAlways(out: Problems, node: Node): void {
  if (node.spec.taints) validateTaints(out, 'metadata.taints', node.spec.taints)
  for (const list of ['capacity', 'allocatable'] as const) {
    const resources = node.status?.[list]
    for (const name in resources) validateQuantity(out, `status.${list}.${name}`, name, resources[name]!)
  }
}

export function validateNode(out: Problems, node: Node): void {
  validateNodeAlways(out, node)
  const cidrs = node.spec.podCIDRs ?? []
  cidrs.forEach((cidr, i) => void validateCidr(out, `spec.podCIDRs[${i}]`, cidr))
  validateFirstCidr(out, node)
  if (cidrs.length > 1) {
    const families = new Set(cidrs.map((c) => (c.includes(':') ? 6 : 4)))
    if (families.size < cidrs.length) {
      invalid(out, 'spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family')
    }
  }
}

function validateFirstCidr(out: Problems, { spec }: Node): void {
  if (spec.podCIDR !== spec.podCIDRs?.[0])
    invalid(out, 'spec.podCIDR', spec.podCIDR, 'must be equal to `podCIDRs[0]`')
}

export function validateNodeUpdate(out: Problems, node: Node, old: Node): void {
  validateNodeAlways(out, node)
  validateNodeAddresses(out, node)
  if (old.spec.podCIDRs?.length && !equalJson(old.spec.podCIDRs, node.spec.podCIDRs)) {
    forbidden(out, 'spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')
  } else validateFirstCidr(out, node)
  if (old.spec.providerID && old.spec.providerID !== node.spec.providerID) {
    forbidden(out, 'spec.providerID', 'node updates may not change providerID except from "" to valid')
  }
}

export function validateNodeStatus(out: Problems, node: Node): void {
  validateNodeAlways(out, node)
  validateNodeAddresses(out, node)
}

function validateNodeAddresses(out: Problems, node: Node): void {
  const seen = new Set<string>()
  node.status?.addresses?.forEach((address, i) => {
    const id = `${address.type} ${address.address}`
    if (seen.has(id)) duplicate(out, `status.addresses[${i}]`, address)
    seen.add(id)
  })
}

function validateFinalizer(out: Problems, field: string, finalizer: string): void {
  invalidEach(out, field, finalizer, qualifiedName(finalizer))
  if (!finalizer.includes('/') && !FINALIZERS.has(finalizer)) {
    invalid(out, field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')
  }
}

export function validateNamespace(out: Problems, namespace: Namespace): void {
  for (const finalizer of namespace.spec.finalizers ?? [])
    validateFinalizer(out, 'spec.finalizers', finalizer)
}

export function validateNamespaceSubresource(
  out: Problems,
  namespace: Namespace,
  _old: Namespace,
  subresource: string,
): void {
  if (subresource === 'finalize') {
    namespace.spec.finalizers?.forEach((f, i) => void validateFinalizer(out, `spec.finalizers[${i}]`, f))
  } else if (subresource === 'status') {
    const { phase } = namespace.status
    const deleting = namespace.metadata.deletionTimestamp !== undefined
    const wanted = deleting ? 'Terminating' : 'Active'
    if (phase === wanted) return
    const when = `\`deletionTimestamp\` is ${deleting ? 'not empty' : 'empty'}`
    invalid(out, 'status.Phase', phase ?? '', `may only be '${wanted}' if ${when}`)
  }
}

export function validateEndpoints(out: Problems, endpoints: Endpoints): void {
  endpoints.subsets?.forEach((subset, i) => {
    const at = `subsets[${i}]`
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      required(out, at, 'must specify `addresses` or `notReadyAddresses`')
    }
    subset.addresses?.forEach((a, j) => void validateAddress(out, `${at}.addresses[${j}]`, a))
    subset.notReadyAddresses?.forEach((a, j) => void validateAddress(out, `${at}.notReadyAddresses[${j}]`, a))
    const ports = subset.ports ?? []
    ports.forEach((p, j) => void validateEndpointPort(out, `${at}.ports[${j}]`, p, ports.length > 1))
  })
}

function validateAddress(out: Problems, field: string, address: EndpointAddress): void {
  validateIp(out, `${field}.ip`, address.ip ?? '')
  if (address.hostname) invalidEach(out, `${field}.hostname`, address.hostname, dnsLabel(address.hostname))
  if (address.nodeName !== undefined) {
    invalidEach(out, `${field}.nodeName`, address.nodeName, subdomainName(address.nodeName, false))
  }
  validateNonSpecialIp(out, `${field}.ip`, address.ip ?? '')
}

function validateEndpointPort(out: Problems, field: string, port: EndpointPort, named: boolean): void {
  if (port.name) invalidEach(out, `${field}.name`, port.name, dnsLabel(port.name))
  else if (named) required(out, `${field}.name`)
  invalidEach(out, `${field}.port`, port.port ?? 0, portNumber(port.port ?? 0))
  oneOf(out, `${field}.protocol`, port.protocol, PROTOCOLS)
  if (port.appProtocol !== undefined) {
    invalidEach(out, `${field}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol))
  }
}
