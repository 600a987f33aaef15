import {
  always,
  anyOf,
  bool,
  int32,
  intOrString,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  typeMeta,
} from '../../schema/index.ts'
import { Condition, ObjectMeta } from '../meta/object-meta.ts'
import { Protocol } from './common.ts'

export const ServiceAffinity = oneOf('ClientIP', 'None')
export type ServiceAffinity = TypeOf<typeof ServiceAffinity>

export const ServiceType = oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName')
export type ServiceType = TypeOf<typeof ServiceType>

export const ServiceInternalTrafficPolicy = oneOf('Cluster', 'Local')
export type ServiceInternalTrafficPolicy = TypeOf<typeof ServiceInternalTrafficPolicy>

export const ServiceExternalTrafficPolicy = oneOf('Cluster', 'Local')
export type ServiceExternalTrafficPolicy = TypeOf<typeof ServiceExternalTrafficPolicy>

export const IPFamily = oneOf('IPv4', 'IPv6', '')
export type IPFamily = TypeOf<typeof IPFamily>

export const IPFamilyPolicy = oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack')
export type IPFamilyPolicy = TypeOf<typeof IPFamilyPolicy>

export const LoadBalancerIPMode = anyOf('VIP', 'Proxy')

const sessionAffinityConfigFields = {
  clientIP: opt(1, () => ClientIPConfig),
} as const

export interface SessionAffinityConfig extends Shape<typeof sessionAffinityConfigFields> {}
export const SessionAffinityConfig = struct<SessionAffinityConfig>(
  'core.v1.SessionAffinityConfig',
  sessionAffinityConfigFields,
)

const clientIPConfigFields = {
  timeoutSeconds: ptr(1, int32),
} as const

export interface ClientIPConfig extends Shape<typeof clientIPConfigFields> {}
export const ClientIPConfig = struct<ClientIPConfig>('core.v1.ClientIPConfig', clientIPConfigFields)

const serviceStatusFields = {
  loadBalancer: always(1, () => LoadBalancerStatus),
  conditions: opt(
    2,
    listOf(() => Condition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface ServiceStatus extends Shape<typeof serviceStatusFields> {}
export const ServiceStatus = struct<ServiceStatus>('core.v1.ServiceStatus', serviceStatusFields)

const loadBalancerStatusFields = {
  ingress: opt(
    1,
    listOf(() => LoadBalancerIngress),
  ),
} as const

export interface LoadBalancerStatus extends Shape<typeof loadBalancerStatusFields> {}
export const LoadBalancerStatus = struct<LoadBalancerStatus>(
  'core.v1.LoadBalancerStatus',
  loadBalancerStatusFields,
)

const loadBalancerIngressFields = {
  ip: opt(1, str),
  hostname: opt(2, str),
  ipMode: ptr(3, LoadBalancerIPMode),
  ports: opt(
    4,
    listOf(() => PortStatus),
  ),
} as const

export interface LoadBalancerIngress extends Shape<typeof loadBalancerIngressFields> {}
export const LoadBalancerIngress = struct<LoadBalancerIngress>(
  'core.v1.LoadBalancerIngress',
  loadBalancerIngressFields,
)

const serviceSpecFields = {
  ports: opt(
    1,
    listOf(() => ServicePort, { mapKeys: ['port', 'protocol'], merge: 'port' }),
  ),
  selector: opt(2, mapOf(str, { atomic: true }), {
    doc: 'Labels of the pods behind the Service. Without it, Endpoints are managed by someone else.',
  }),
  clusterIP: opt(3, str, { doc: 'None makes the Service headless: DNS answers with the pods.' }),
  clusterIPs: opt(18, listOf(str)),
  type: opt(4, ServiceType),
  externalIPs: opt(5, listOf(str)),
  sessionAffinity: opt(7, ServiceAffinity),
  loadBalancerIP: opt(8, str, { deprecated: true }),
  loadBalancerSourceRanges: opt(9, listOf(str)),
  externalName: opt(10, str),
  externalTrafficPolicy: opt(11, ServiceExternalTrafficPolicy, {
    doc: 'Local keeps to pods on the node that got the traffic, and keeps the client address.',
  }),
  healthCheckNodePort: opt(12, int32),
  publishNotReadyAddresses: opt(13, bool),
  sessionAffinityConfig: opt(14, () => SessionAffinityConfig),
  ipFamilies: opt(19, listOf(IPFamily)),
  ipFamilyPolicy: ptr(17, IPFamilyPolicy),
  allocateLoadBalancerNodePorts: ptr(20, bool),
  loadBalancerClass: ptr(21, str),
  internalTrafficPolicy: ptr(22, ServiceInternalTrafficPolicy),
  trafficDistribution: ptr(23, str),
} as const

export interface ServiceSpec extends Shape<typeof serviceSpecFields> {}
export const ServiceSpec = struct<ServiceSpec>('core.v1.ServiceSpec', serviceSpecFields, {
  doc: 'What a Service should be.',
})

const servicePortFields = {
  name: opt(1, str),
  protocol: opt(2, Protocol, { default: 'TCP' }),
  appProtocol: ptr(6, str),
  port: req(3, int32),
  targetPort: opt(4, intOrString, {
    doc: 'Number or name of the port on the pods; port when it is not set.',
  }),
  nodePort: opt(5, int32, { doc: 'Port on every node, for the types NodePort and LoadBalancer.' }),
} as const

export interface ServicePort extends Shape<typeof servicePortFields> {}
export const ServicePort = struct<ServicePort>('core.v1.ServicePort', servicePortFields)

const serviceFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ServiceSpec),
  status: always(3, () => ServiceStatus),
} as const

export interface Service extends Shape<typeof serviceFields> {}
export const Service = kind<Service>('core.v1.Service', serviceFields, {
  doc: 'One stable address and name for a changing set of pods.',
  group: '',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: {
    proxy: { kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    status: { kind: 'Service', verbs: ['get', 'patch', 'update'] },
  },
})

const portStatusFields = {
  port: req(1, int32),
  protocol: req(2, Protocol),
  error: ptr(3, str),
} as const

export interface PortStatus extends Shape<typeof portStatusFields> {}
export const PortStatus = struct<PortStatus>('core.v1.PortStatus', portStatusFields)
