import { assign, each, fill, within } from '../copy.strategy.ts'
import type { Service, ServicePort, ServiceSpec } from './service.ts'

export const CLIENT_IP_TIMEOUT_SECONDS = 10_800

export function defaultService(service: Service): Service {
  return within(service, 'spec', defaultSpec)
}

function defaultSpec(spec: ServiceSpec): ServiceSpec {
  let s = fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' })
  if (s.sessionAffinity === 'None') s = assign(s, { sessionAffinityConfig: undefined })
  else if (
    s.sessionAffinity === 'ClientIP' &&
    s.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    s = { ...s, sessionAffinityConfig: { clientIP: { timeoutSeconds: CLIENT_IP_TIMEOUT_SECONDS } } }
  }
  s = within(s, 'ports', (ports) => each(ports, defaultPort))
  if (isExternallyAccessible(s)) s = fill(s, { externalTrafficPolicy: 'Cluster' })
  if (s.type !== 'ExternalName') s = fill(s, { internalTrafficPolicy: 'Cluster' })
  return s.type === 'LoadBalancer' ? fill(s, { allocateLoadBalancerNodePorts: true }) : s
}

function defaultPort(port: ServicePort): ServicePort {
  const p = fill(port, { protocol: 'TCP' })
  return p.targetPort || !p.port ? p : { ...p, targetPort: p.port }
}

export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === 'LoadBalancer' ||
    spec.type === 'NodePort' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)
  )
}

/** A Service without a cluster IP of its own, on purpose. */
export const isHeadless = (spec: ServiceSpec) => spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None'

/** `clusterIP` and `clusterIPs` say the same; the one that was written decides. */
export function mirrorClusterIps(spec: ServiceSpec, old?: ServiceSpec): ServiceSpec {
  const one = spec.clusterIP ?? ''
  const all = spec.clusterIPs ?? []
  if (one === (all[0] ?? '')) return spec
  if (old === undefined) return all.length === 0 ? { ...spec, clusterIPs: [one] } : spec
  const oneChanged = one !== (old.clusterIP ?? '')
  const allChanged =
    all.length !== (old.clusterIPs?.length ?? 0) || all.some((ip, i) => ip !== old.clusterIPs?.[i])
  if (oneChanged && !allChanged)
    return one === '' ? assign(spec, { clusterIPs: undefined }) : { ...spec, clusterIPs: [one] }
  return spec
}

/** Which address families a new Service gets on a cluster that speaks IPv4. */
export function defaultFamilies(spec: ServiceSpec): ServiceSpec {
  if (spec.type === 'ExternalName') return spec
  const selectorless = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? (selectorless ? 'RequireDualStack' : 'SingleStack')
  const first = spec.ipFamilies?.[0] || (spec.clusterIP?.includes(':') ? 'IPv6' : 'IPv4')
  const wanted = spec.ipFamilies?.length ? spec.ipFamilies : [first]
  const both = selectorless && ipFamilyPolicy !== 'SingleStack' && wanted.length === 1
  const ipFamilies = both ? [first, first === 'IPv4' ? ('IPv6' as const) : ('IPv4' as const)] : wanted
  return { ...spec, ipFamilyPolicy, ipFamilies }
}
