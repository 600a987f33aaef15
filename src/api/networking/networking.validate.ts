import { equalJson } from '../../schema/index.ts'
import { cidrFamily, ipFamily, isStrictSubnet, validateCidr } from '../meta/ip.validate.ts'
import {
  dns1035Label,
  dnsSubdomain,
  pathSegment,
  portName,
  portNumber,
  subdomainName,
  wildcardSubdomain,
} from '../meta/names.validate.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  notSupported,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import type { Ingress, IngressBackend, IngressClass } from './ingress.ts'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from './network-policy.ts'
import type { IPAddress, ServiceCIDR } from './service-cidr.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const BAD_IN_PATH = ['//', '/./', '/../', '%2f', '%2F']
const BAD_PATH_END = ['/..', '/.']

export function validateIngress(out: Problems, { spec }: Ingress): void {
  const rules = spec.rules ?? []
  if (rules.length === 0 && !spec.defaultBackend) {
    invalid(out, 'spec', rules, 'either `defaultBackend` or `rules` must be specified')
  }
  if (spec.defaultBackend) validateBackend(out, 'spec.defaultBackend', spec.defaultBackend)
  rules.forEach((rule, i) => {
    const at = `spec.rules[${i}]`
    if (rule.host) validateHost(out, `${at}.host`, rule.host)
    const paths = rule.http?.paths ?? []
    if (rule.http && paths.length === 0) required(out, `${at}.http.paths`)
    paths.forEach((path, j) => {
      const field = `${at}.http.paths[${j}]`
      validatePath(out, field, path.path ?? '', path.pathType)
      validateBackend(out, `${field}.backend`, path.backend ?? {})
    })
  })
  spec.tls?.forEach((tls, i) => {
    tls.hosts?.forEach((host, j) => {
      const at = `spec.tls[${i}].hosts[${j}]`
      invalidEach(out, at, host, host.includes('*') ? wildcardSubdomain(host) : dnsSubdomain(host))
    })
    if (tls.secretName)
      invalidEach(out, `spec.tls[${i}].secretName`, tls.secretName, subdomainName(tls.secretName, false))
  })
  const name = spec.ingressClassName
  if (name !== undefined) invalidEach(out, 'spec.ingressClassName', name, subdomainName(name, false))
}

function validateHost(out: Problems, field: string, host: string): void {
  if (ipFamily(host)) invalid(out, field, host, 'must be a DNS name, not an IP address')
  else invalidEach(out, field, host, host.includes('*') ? wildcardSubdomain(host) : dnsSubdomain(host))
}

function validatePath(out: Problems, field: string, path: string, type: string | undefined): void {
  if (!type) {
    required(out, `${field}.pathType`, 'pathType must be specified')
    return
  }
  if (!PATH_TYPES.includes(type)) {
    notSupported(out, `${field}.pathType`, type, PATH_TYPES)
    return
  }
  if (type === 'ImplementationSpecific' && path === '') return
  if (!path.startsWith('/')) invalid(out, `${field}.path`, path, 'must be an absolute path')
  if (type === 'ImplementationSpecific') return
  for (const bad of BAD_IN_PATH)
    if (path.includes(bad)) invalid(out, `${field}.path`, path, `must not contain '${bad}'`)
  for (const bad of BAD_PATH_END)
    if (path.endsWith(bad)) invalid(out, `${field}.path`, path, `cannot end with '${bad}'`)
}

function validateBackend(out: Problems, field: string, backend: IngressBackend): void {
  const { service, resource } = backend
  if (service && resource) {
    invalid(out, field, '', 'cannot set both resource and service backends')
    return
  }
  if (!service) {
    if (!resource) required(out, field, 'port name or number is required')
    return
  }
  if (!service.name) required(out, `${field}.service.name`)
  else invalidEach(out, `${field}.service.name`, service.name, dns1035Label(service.name))
  const { name, number } = service.port ?? {}
  const at = `${field}.service.port`
  if (name && number) invalid(out, field, '', 'cannot set both port name & port number')
  else if (name) invalidEach(out, `${at}.name`, name, portName(name))
  else if (number) invalidEach(out, `${at}.number`, number, portNumber(number))
  else required(out, field, 'port name or number is required')
}

export function validateIngressClass(out: Problems, { spec }: IngressClass): void {
  const { controller, parameters } = spec
  if (!controller) required(out, 'spec.controller')
  else if (controller.length > 250) {
    out.push({ type: 'TooLong', field: 'spec.controller', detail: 'may not be more than 250 bytes' })
  } else if (!/^[^/]+\/.+$/.test(controller)) {
    invalid(out, 'spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
  }
  if (!parameters) return
  const field = 'spec.parameters'
  if (parameters.apiGroup)
    invalidEach(out, `${field}.apiGroup`, parameters.apiGroup, dnsSubdomain(parameters.apiGroup))
  if (!parameters.kind) required(out, `${field}.kind`)
  else invalidEach(out, `${field}.kind`, parameters.kind, pathSegment(parameters.kind))
  if (!parameters.name) required(out, `${field}.name`)
  else invalidEach(out, `${field}.name`, parameters.name, pathSegment(parameters.name))
  if (!parameters.scope) required(out, `${field}.scope`)
  else oneOfIfSet(out, `${field}.scope`, parameters.scope, ['Cluster', 'Namespace'])
  if (parameters.scope === 'Namespace' && !parameters.namespace) {
    required(out, `${field}.namespace`, "`parameters.scope` is set to 'Namespace'")
  } else if (parameters.scope === 'Cluster' && parameters.namespace !== undefined) {
    forbidden(out, `${field}.namespace`, "`parameters.scope` is set to 'Cluster'")
  }
}

export function validateIngressClassUpdate(out: Problems, { spec }: IngressClass, old: IngressClass): void {
  if (spec.controller !== old.spec.controller)
    invalid(out, 'spec.controller', spec.controller ?? '', IMMUTABLE)
}

export function validateNetworkPolicy(out: Problems, { spec }: NetworkPolicy): void {
  validateLabelSelector(out, 'spec.podSelector', spec.podSelector)
  spec.ingress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => void validatePolicyPort(out, `spec.ingress[${i}].ports[${j}]`, port))
    rule.from?.forEach((peer, j) => void validatePeer(out, `spec.ingress[${i}].from[${j}]`, peer))
  })
  spec.egress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => void validatePolicyPort(out, `spec.egress[${i}].ports[${j}]`, port))
    rule.to?.forEach((peer, j) => void validatePeer(out, `spec.egress[${i}].to[${j}]`, peer))
  })
  const types = spec.policyTypes ?? []
  if (types.length > 2) invalid(out, 'spec.policyTypes', types, 'may not specify more than two policyTypes')
  else {
    types.forEach((type, i) => void oneOfIfSet(out, `spec.policyTypes[${i}]`, type, ['Egress', 'Ingress']))
  }
}

function validatePolicyPort(
  out: Problems,
  field: string,
  { protocol, port, endPort }: NetworkPolicyPort,
): void {
  oneOfIfSet(out, `${field}.protocol`, protocol, PROTOCOLS)
  if (typeof port === 'number') {
    invalidEach(out, `${field}.port`, port, portNumber(port))
    if (endPort === undefined) return
    if (endPort < port) invalid(out, `${field}.endPort`, endPort, 'must be greater than or equal to `port`')
    invalidEach(out, `${field}.endPort`, endPort, portNumber(endPort))
  } else if (port !== undefined) {
    if (endPort !== undefined)
      invalid(out, `${field}.endPort`, endPort, 'may not be specified when `port` is non-numeric')
    invalidEach(out, `${field}.port`, port, portName(port))
  } else if (endPort !== undefined)
    invalid(out, `${field}.endPort`, endPort, 'may not be specified when `port` is not specified')
}

function validatePeer(out: Problems, field: string, peer: NetworkPolicyPeer): void {
  const { podSelector, namespaceSelector, ipBlock } = peer
  validateLabelSelector(out, `${field}.podSelector`, podSelector)
  validateLabelSelector(out, `${field}.namespaceSelector`, namespaceSelector)
  if (!podSelector && !namespaceSelector && !ipBlock) required(out, field, 'must specify a peer')
  else if (ipBlock && (podSelector || namespaceSelector))
    forbidden(out, field, 'may not specify both ipBlock and another peer')
  if (!ipBlock) return
  if (!ipBlock.cidr) {
    required(out, `${field}.ipBlock.cidr`)
    return
  }
  if (!validateCidr(out, `${field}.ipBlock.cidr`, ipBlock.cidr)) return
  ipBlock.except?.forEach((cidr, i) => {
    const at = `${field}.ipBlock.except[${i}]`
    if (!validateCidr(out, at, cidr)) return
    if (!isStrictSubnet(ipBlock.cidr, cidr)) {
      invalid(out, at, cidr, `must be a strict subset of \`cidr\``)
    }
  })
}

export function validateIpAddress(out: Problems, address: IPAddress): void {
  const ref = address.spec.parentRef
  if (!ref) {
    required(out, 'spec.parentRef')
    return
  }
  if (ref.group) invalidEach(out, 'spec.parentRef.group', ref.group, dnsSubdomain(ref.group))
  if (!ref.resource) required(out, 'spec.parentRef.resource')
  if (!ref.name) required(out, 'spec.parentRef.name')
}

export function validateIpAddressUpdate(out: Problems, address: IPAddress, old: IPAddress): void {
  if (!equalJson(address.spec.parentRef, old.spec.parentRef)) {
    invalid(out, 'spec.parentRef', address.spec.parentRef, IMMUTABLE)
  }
}

export function validateServiceCidr(out: Problems, { spec }: ServiceCIDR): void {
  const cidrs = spec.cidrs ?? []
  if (cidrs.length === 0) required(out, 'spec.cidrs', 'at least one CIDR required')
  else if (cidrs.length > 2) invalid(out, 'spec.cidrs', cidrs, 'may only hold up to 2 values')
  if (cidrs.length === 2 && cidrFamily(cidrs[0]!) === cidrFamily(cidrs[1]!)) {
    invalid(
      out,
      'spec.cidrs',
      cidrs,
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    )
  }
  cidrs.forEach((cidr, i) => void validateCidr(out, `spec.cidrs[${i}]`, cidr))
}

export function validateServiceCidrUpdate(out: Problems, { spec }: ServiceCIDR, old: ServiceCIDR): void {
  const before = old.spec.cidrs ?? []
  const now = spec.cidrs ?? []
  if (now.length < before.length || before.some((cidr, i) => now[i] !== cidr))
    invalid(out, 'spec.cidrs', now, IMMUTABLE)
}
