import { assign, each } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { label1035Name } from '../meta/names.validate.ts'
import {
  defaultFamilies,
  defaultService,
  isExternallyAccessible,
  mirrorClusterIps,
} from './service.defaults.ts'
import { Service, type ServicePort, type ServiceSpec } from './service.ts'
import { validateService, validateServiceStatus, validateServiceUpdate } from './service.validate.ts'

/** Cluster IPs and node ports that are left open are the server's to give: see its allocator. */
export const serviceStrategy = defineStrategy(Service, {
  defaults: defaultService,
  name: label1035Name,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateSubresource: (out, service) => validateServiceStatus(out, service),
  createOnUpdate: true,
  create: (service) => assign(service, { spec: defaultFamilies(mirrorClusterIps(service.spec)) }),
  update: (service, old, subresource) => {
    if (subresource === 'status') return service
    const spec = dropWhatTypeForbids(
      keepAllocated(mirrorClusterIps(service.spec, old.spec), old.spec),
      old.spec,
    )
    return assign(service, { spec })
  },
  fields: {
    'spec.clusterIP': (service) => service.spec.clusterIP ?? '',
    'spec.type': (service) => service.spec.type ?? '',
  },
})

const hasClusterIp = (spec: ServiceSpec) => spec.type !== 'ExternalName'
const hasNodePorts = (spec: ServiceSpec) =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
const hasHealthCheckPort = (spec: ServiceSpec) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** A client that leaves out what was allocated wants to keep it. */
function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let s = spec
  if (hasClusterIp(s) && hasClusterIp(old)) {
    if (!s.clusterIP && old.clusterIP) s = assign(s, { clusterIP: old.clusterIP })
    if (!s.clusterIPs?.length && s.clusterIP === old.clusterIP) s = assign(s, { clusterIPs: old.clusterIPs })
    if (!s.ipFamilyPolicy) s = assign(s, { ipFamilyPolicy: old.ipFamilyPolicy })
    if (!s.ipFamilies?.length) s = assign(s, { ipFamilies: old.ipFamilies })
  } else if (hasClusterIp(s) && !s.ipFamilyPolicy) s = defaultFamilies(s)
  if (hasNodePorts(s) && hasNodePorts(old)) s = assign(s, { ports: keepNodePorts(s.ports, old.ports) })
  if (hasHealthCheckPort(s) && hasHealthCheckPort(old) && !s.healthCheckNodePort) {
    s = assign(s, { healthCheckNodePort: old.healthCheckNodePort })
  }
  return s
}

function keepNodePorts(ports: ServiceSpec['ports'], old: ServiceSpec['ports']): ServiceSpec['ports'] {
  if (!ports || !old || ports.every((p) => p.nodePort)) return ports
  const taken = new Set(ports.map((p) => p.nodePort))
  return each(ports, (port): ServicePort => {
    if (port.nodePort) return port
    const before = old.find((o) => o.port === port.port && o.protocol === port.protocol)
    return before?.nodePort && !taken.has(before.nodePort) ? { ...port, nodePort: before.nodePort } : port
  })
}

/** A change of type takes along what only the old type could have, unless the client changed that as well. */
function dropWhatTypeForbids(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let s = spec
  if (hasClusterIp(old) && !hasClusterIp(s)) {
    if (s.clusterIP === old.clusterIP) s = assign(s, { clusterIP: undefined, clusterIPs: undefined })
    if (s.ipFamilies?.join() === old.ipFamilies?.join()) s = assign(s, { ipFamilies: undefined })
    if (s.ipFamilyPolicy === old.ipFamilyPolicy) s = assign(s, { ipFamilyPolicy: undefined })
  }
  if (hasNodePorts(old) && !hasNodePorts(s) && samePorts(s.ports, old.ports)) {
    s = assign(s, { ports: s.ports && each(s.ports, (p) => assign(p, { nodePort: undefined })) })
  }
  if (
    hasHealthCheckPort(old) &&
    !hasHealthCheckPort(s) &&
    s.healthCheckNodePort === old.healthCheckNodePort
  ) {
    s = assign(s, { healthCheckNodePort: undefined })
  }
  if (old.type === 'LoadBalancer' && s.type !== 'LoadBalancer') {
    if (s.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts) {
      s = assign(s, { allocateLoadBalancerNodePorts: undefined })
    }
    if (s.loadBalancerClass === old.loadBalancerClass) s = assign(s, { loadBalancerClass: undefined })
  }
  if (
    isExternallyAccessible(old) &&
    !isExternallyAccessible(s) &&
    s.externalTrafficPolicy === old.externalTrafficPolicy
  ) {
    s = assign(s, { externalTrafficPolicy: undefined })
  }
  if (
    s.type === 'ExternalName' &&
    old.type !== 'ExternalName' &&
    s.internalTrafficPolicy === old.internalTrafficPolicy
  ) {
    s = assign(s, { internalTrafficPolicy: undefined })
  }
  return s
}

function samePorts(a: ServiceSpec['ports'], b: ServiceSpec['ports']): boolean {
  return (a?.length ?? 0) === (b?.length ?? 0) && (a ?? []).every((p, i) => p.nodePort === b?.[i]?.nodePort)
}
