import { cidrFamily, ipFamily, validateCidr, validateIp, validateNonSpecialIp } from '../meta/ip.validate.ts'
import { dnsLabel, dnsSubdomain, portNumber, qualifiedName } from '../meta/names.validate.ts'
import { validateLabels } from '../meta/object-meta.validate.ts'
import {
  duplicate,
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  notSupported,
  oneOf,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { validatePort } from './probe.validate.ts'
import { isExternallyAccessible, isHeadless } from './service.defaults.ts'
import type { Service, ServicePort, ServiceSpec } from './service.ts'

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const POLICIES = ['Cluster', 'Local']
const FAMILIES = ['IPv4', 'IPv6']
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const MAX_AFFINITY_SECONDS = 86_400
const LOAD_BALANCER_ONLY = "may only be used when `type` is 'LoadBalancer'"

export function validateService(out: Problems, service: Service): void {
  const { spec } = service
  const ports = spec.ports ?? []
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') required(out, 'spec.ports')
  validateType(out, spec)
  validatePorts(out, ports, spec)
  if (spec.selector) validateLabels(out, 'spec.selector', spec.selector)
  validateAffinity(out, spec)
  if (spec.type !== 'ExternalName') validateClusterIps(out, spec)
  spec.externalIPs?.forEach((ip, i) => {
    const at = `spec.externalIPs[${i}]`
    if (validateIp(out, at, ip)) validateNonSpecialIp(out, at, ip)
  })
  validateLoadBalancer(out, service)
  validateTrafficPolicies(out, spec)
}

function validateType(out: Problems, spec: ServiceSpec): void {
  oneOf(out, 'spec.type', spec.type, TYPES)
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    invalid(out, 'spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)
  }
  if (spec.type !== 'ExternalName') return
  const unset = 'may not be set for ExternalName services'
  if (spec.clusterIPs?.length) forbidden(out, 'spec.clusterIPs', unset)
  if (spec.ipFamilies?.length) forbidden(out, 'spec.ipFamilies', unset)
  if (spec.ipFamilyPolicy) forbidden(out, 'spec.ipFamilyPolicy', unset)
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  if (name === '') required(out, 'spec.externalName')
  else invalidEach(out, 'spec.externalName', name, dnsSubdomain(name))
}

function validatePorts(out: Problems, ports: readonly ServicePort[], spec: ServiceSpec): void {
  const names = new Set<string>()
  const numbers = new Set<string>()
  const nodePorts = new Set<string>()
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`
    const { name, protocol, nodePort, targetPort, appProtocol } = port
    if (name) {
      invalidEach(out, `${at}.name`, name, dnsLabel(name))
      if (names.has(name)) duplicate(out, `${at}.name`, name)
      names.add(name)
    } else if (ports.length > 1) required(out, `${at}.name`)
    invalidEach(out, `${at}.port`, port.port ?? 0, portNumber(port.port ?? 0))
    oneOf(out, `${at}.protocol`, protocol, PROTOCOLS)
    validatePort(out, `${at}.targetPort`, targetPort)
    if (appProtocol !== undefined)
      invalidEach(out, `${at}.appProtocol`, appProtocol, qualifiedName(appProtocol))
    if (nodePort && spec.type === 'ClusterIP') {
      forbidden(out, `${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")
    }
    if (nodePort) {
      const id = `${protocol} ${nodePort}`
      if (nodePorts.has(id)) duplicate(out, `${at}.nodePort`, nodePort)
      nodePorts.add(id)
    }
    const id = `${protocol} ${port.port}`
    if (numbers.has(id)) duplicate(out, at, { protocol, port: port.port })
    numbers.add(id)
  })
}

function validateAffinity(out: Problems, spec: ServiceSpec): void {
  const { sessionAffinity, sessionAffinityConfig: config } = spec
  const field = 'spec.sessionAffinityConfig'
  oneOf(out, 'spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None'])
  if (sessionAffinity === 'None') {
    if (config) forbidden(out, field, 'must not be set when session affinity is None')
  } else if (sessionAffinity === 'ClientIP') {
    const seconds = config?.clientIP?.timeoutSeconds
    const why = 'when session affinity type is ClientIP'
    if (!config) required(out, field, why)
    else if (!config.clientIP) required(out, `${field}.clientIP`, why)
    else if (seconds === undefined) required(out, `${field}.clientIP.timeoutSeconds`, why)
    else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
      const range = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`
      invalid(out, `${field}.clientIP.timeoutSeconds`, seconds, range)
    }
  }
}

function validateClusterIps(out: Problems, spec: ServiceSpec): void {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec
  const field = 'spec.clusterIPs'
  if (clusterIP === '') {
    if (clusterIPs.length > 0)
      invalid(out, field, clusterIPs, 'must be empty when `clusterIP` is not specified')
  } else if (clusterIPs.length === 0) required(out, field)
  else if (clusterIPs[0] !== clusterIP) invalid(out, field, clusterIPs, 'first value must match `clusterIP`')
  ipFamilies.forEach((family, i) => {
    if (!FAMILIES.includes(family)) notSupported(out, `spec.ipFamilies[${i}]`, family, FAMILIES)
    if (ipFamilies.indexOf(family) < i) duplicate(out, `spec.ipFamilies[${i}]`, family)
  })
  oneOfIfSet(out, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy, FAMILY_POLICIES)
  let broken = false
  clusterIPs.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (clusterIPs.length === 1) return
      broken = true
      invalid(out, field, clusterIPs, "'None' must be the first and only value")
    } else if (!validateIp(out, `${field}[${i}]`, ip)) broken = true
  })
  if (clusterIPs.length > 2) invalid(out, field, clusterIPs, 'may only hold up to 2 values')
  if (broken) return
  if (clusterIPs.length > 1 && new Set(clusterIPs.map(ipFamily)).size < 2) {
    invalid(out, field, clusterIPs, 'may specify no more than one IP for each IP family')
  }
  if (isHeadless(spec)) return
  clusterIPs.slice(0, ipFamilies.length).forEach((ip, i) => {
    if (ipFamily(ip) === ipFamilies[i]) return
    invalid(
      out,
      `${field}[${i}]`,
      ip,
      `expected an ${ipFamilies[i]} value as indicated by \`ipFamilies[${i}]\``,
    )
  })
}

function validateLoadBalancer(out: Problems, { metadata, spec }: Service): void {
  const isLoadBalancer = spec.type === 'LoadBalancer'
  const annotation = metadata.annotations?.[RANGES_ANNOTATION]
  if (spec.loadBalancerSourceRanges?.length) {
    const field = 'spec.LoadBalancerSourceRanges'
    if (!isLoadBalancer) forbidden(out, field, LOAD_BALANCER_ONLY)
    spec.loadBalancerSourceRanges.forEach(
      (range, i) => void validateCidr(out, `${field}[${i}]`, range.trim()),
    )
  } else if (annotation !== undefined) {
    const field = `metadata.annotations[${RANGES_ANNOTATION}]`
    if (!isLoadBalancer) forbidden(out, field, LOAD_BALANCER_ONLY)
    for (const range of annotation.trim() === '' ? [] : annotation.split(',')) {
      if (!cidrFamily(range.trim())) validateCidr(out, field, range.trim())
    }
  }
  if (isLoadBalancer) {
    if (spec.allocateLoadBalancerNodePorts === undefined) required(out, 'allocateLoadBalancerNodePorts')
    const { loadBalancerClass: name } = spec
    if (name !== undefined) invalidEach(out, 'spec.loadBalancerClass', name, qualifiedName(name))
  } else {
    if (spec.allocateLoadBalancerNodePorts !== undefined) {
      forbidden(out, 'spec.allocateLoadBalancerNodePorts', LOAD_BALANCER_ONLY)
    }
    if (spec.loadBalancerClass !== undefined) forbidden(out, 'spec.loadBalancerClass', LOAD_BALANCER_ONLY)
  }
}

const needsHealthCheck = (spec: ServiceSpec) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

function validateTrafficPolicies(out: Problems, spec: ServiceSpec): void {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, healthCheckNodePort: port } = spec
  if (isExternallyAccessible(spec)) oneOf(out, 'spec.externalTrafficPolicy', external, POLICIES)
  else if (external) {
    invalid(out, 'spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services')
  }
  // The server allocates the port after validation when it is left open.
  if (port) {
    if (needsHealthCheck(spec)) invalidEach(out, 'spec.healthCheckNodePort', port, portNumber(port))
    else {
      const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
      invalid(out, 'spec.healthCheckNodePort', port, why)
    }
  }
  if (internal === undefined) {
    if (spec.type !== 'ExternalName') required(out, 'spec.internalTrafficPolicy')
  } else oneOfIfSet(out, 'spec.internalTrafficPolicy', internal, POLICIES)
  oneOfIfSet(out, 'spec.trafficDistribution', spec.trafficDistribution, DISTRIBUTIONS)
}

export function validateServiceUpdate(out: Problems, service: Service, old: Service): void {
  const { spec } = service
  const before = old.spec
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    if (!(isHeadless(spec) && isHeadless(before))) {
      validateKept(out, 'clusterIP', spec, spec.clusterIPs, before.clusterIPs)
      if (isHeadless(spec) === isHeadless(before)) {
        validateKept(out, 'ipFamily', spec, spec.ipFamilies, before.ipFamilies)
      }
    }
  }
  if (
    spec.type === 'LoadBalancer' &&
    before.type === 'LoadBalancer' &&
    spec.loadBalancerClass !== before.loadBalancerClass
  ) {
    invalid(out, 'spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set')
  }
  if (
    needsHealthCheck(spec) &&
    needsHealthCheck(before) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
  ) {
    forbidden(out, 'spec.healthCheckNodePort', IMMUTABLE)
  }
}

/** The first address (and family) of a Service stays; a second may be added or, in single stack, released. */
function validateKept(
  out: Problems,
  what: 'clusterIP' | 'ipFamily',
  spec: ServiceSpec,
  now: readonly string[] = [],
  before: readonly string[] = [],
): void {
  const field = what === 'clusterIP' ? 'spec.clusterIPs' : 'spec.ipFamilies'
  if (before.length > 0 && now.length === 0) {
    invalid(out, `${field}[0]`, now, `primary ${what} can not be unset`)
    return
  }
  if (now.length === before.length) {
    before.forEach((value, i) => {
      if (value !== now[i]) invalid(out, `${field}[${i}]`, now, 'may not change once set')
    })
    return
  }
  if (before.length > 0 && now[0] !== before[0]) invalid(out, `${field}[0]`, now, 'may not change once set')
  if (now.length === 1 && before.length > 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const why = `must be set to 'SingleStack' when releasing the secondary ${what}`
    invalid(out, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, why)
  }
}

export function validateServiceStatus(out: Problems, { status, spec }: Service): void {
  const ingress = status.loadBalancer?.ingress ?? []
  if (ingress.length > 0 && spec.type !== 'LoadBalancer') {
    forbidden(out, 'status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")
  }
  ingress.forEach(({ ip, hostname, ipMode }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`
    if (ip) validateIp(out, `${at}.ip`, ip)
    oneOfIfSet(out, `${at}.ipMode`, ipMode, ['Proxy', 'VIP'])
    if (!ip && ipMode !== undefined)
      forbidden(out, `${at}.ipMode`, 'may not be specified when `ip` is not set')
    if (!hostname) return
    invalidEach(out, `${at}.hostname`, hostname, dnsSubdomain(hostname))
    if (ipFamily(hostname)) invalid(out, `${at}.hostname`, hostname, 'must be a DNS name, not an IP address')
  })
}
