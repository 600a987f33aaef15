import {
  always,
  inline,
  int32,
  kind,
  listOf,
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
import { Protocol, TypedLocalObjectReference } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const PathType = oneOf('Exact', 'Prefix', 'ImplementationSpecific')
export type PathType = TypeOf<typeof PathType>

const ingressFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => IngressSpec),
  status: always(3, () => IngressStatus),
} as const

export interface Ingress extends Shape<typeof ingressFields> {}
export const Ingress = kind<Ingress>('networking.v1.Ingress', ingressFields, {
  doc: 'Routes HTTP from outside to Services by host and path.',
  group: 'networking.k8s.io',
  plural: 'ingresses',
  shortNames: ['ing'],
  subresources: {
    status: { kind: 'Ingress', verbs: ['get', 'patch', 'update'] },
  },
})

const ingressSpecFields = {
  ingressClassName: ptr(4, str),
  defaultBackend: opt(1, () => IngressBackend),
  tls: opt(
    2,
    listOf(() => IngressTLS),
  ),
  rules: opt(
    3,
    listOf(() => IngressRule),
  ),
} as const

export interface IngressSpec extends Shape<typeof ingressSpecFields> {}
export const IngressSpec = struct<IngressSpec>('networking.v1.IngressSpec', ingressSpecFields)

const ingressTLSFields = {
  hosts: opt(1, listOf(str)),
  secretName: opt(2, str),
} as const

export interface IngressTLS extends Shape<typeof ingressTLSFields> {}
export const IngressTLS = struct<IngressTLS>('networking.v1.IngressTLS', ingressTLSFields)

const ingressStatusFields = {
  loadBalancer: always(1, () => IngressLoadBalancerStatus),
} as const

export interface IngressStatus extends Shape<typeof ingressStatusFields> {}
export const IngressStatus = struct<IngressStatus>('networking.v1.IngressStatus', ingressStatusFields)

const ingressLoadBalancerStatusFields = {
  ingress: opt(
    1,
    listOf(() => IngressLoadBalancerIngress),
  ),
} as const

export interface IngressLoadBalancerStatus extends Shape<typeof ingressLoadBalancerStatusFields> {}
export const IngressLoadBalancerStatus = struct<IngressLoadBalancerStatus>(
  'networking.v1.IngressLoadBalancerStatus',
  ingressLoadBalancerStatusFields,
)

const ingressLoadBalancerIngressFields = {
  ip: opt(1, str),
  hostname: opt(2, str),
  ports: opt(
    4,
    listOf(() => IngressPortStatus),
  ),
} as const

export interface IngressLoadBalancerIngress extends Shape<typeof ingressLoadBalancerIngressFields> {}
export const IngressLoadBalancerIngress = struct<IngressLoadBalancerIngress>(
  'networking.v1.IngressLoadBalancerIngress',
  ingressLoadBalancerIngressFields,
)

const ingressPortStatusFields = {
  port: req(1, int32),
  protocol: req(2, Protocol),
  error: ptr(3, str),
} as const

export interface IngressPortStatus extends Shape<typeof ingressPortStatusFields> {}
export const IngressPortStatus = struct<IngressPortStatus>(
  'networking.v1.IngressPortStatus',
  ingressPortStatusFields,
)

export const ingressRuleValueFields = {
  http: opt(1, () => HTTPIngressRuleValue),
} as const

export interface IngressRuleValue extends Shape<typeof ingressRuleValueFields> {}
export const IngressRuleValue = struct<IngressRuleValue>(
  'networking.v1.IngressRuleValue',
  ingressRuleValueFields,
)

const ingressRuleFields = {
  host: opt(1, str),
  ...inline(2, ingressRuleValueFields),
} as const

export interface IngressRule extends Shape<typeof ingressRuleFields> {}
export const IngressRule = struct<IngressRule>('networking.v1.IngressRule', ingressRuleFields)

const httpIngressRuleValueFields = {
  paths: req(
    1,
    listOf(() => HTTPIngressPath),
  ),
} as const

export interface HTTPIngressRuleValue extends Shape<typeof httpIngressRuleValueFields> {}
export const HTTPIngressRuleValue = struct<HTTPIngressRuleValue>(
  'networking.v1.HTTPIngressRuleValue',
  httpIngressRuleValueFields,
)

const httpIngressPathFields = {
  path: opt(1, str),
  pathType: req(3, PathType, { pointer: true }),
  backend: req(2, () => IngressBackend),
} as const

export interface HTTPIngressPath extends Shape<typeof httpIngressPathFields> {}
export const HTTPIngressPath = struct<HTTPIngressPath>('networking.v1.HTTPIngressPath', httpIngressPathFields)

const ingressBackendFields = {
  service: opt(4, () => IngressServiceBackend),
  resource: opt(3, () => TypedLocalObjectReference),
} as const

export interface IngressBackend extends Shape<typeof ingressBackendFields> {}
export const IngressBackend = struct<IngressBackend>('networking.v1.IngressBackend', ingressBackendFields)

const ingressServiceBackendFields = {
  name: req(1, str),
  port: always(2, () => ServiceBackendPort),
} as const

export interface IngressServiceBackend extends Shape<typeof ingressServiceBackendFields> {}
export const IngressServiceBackend = struct<IngressServiceBackend>(
  'networking.v1.IngressServiceBackend',
  ingressServiceBackendFields,
)

const serviceBackendPortFields = {
  name: opt(1, str),
  number: opt(2, int32),
} as const

export interface ServiceBackendPort extends Shape<typeof serviceBackendPortFields> {}
export const ServiceBackendPort = struct<ServiceBackendPort>(
  'networking.v1.ServiceBackendPort',
  serviceBackendPortFields,
  { atomic: true },
)

const ingressClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => IngressClassSpec),
} as const

export interface IngressClass extends Shape<typeof ingressClassFields> {}
export const IngressClass = kind<IngressClass>('networking.v1.IngressClass', ingressClassFields, {
  doc: 'Names an implementation of Ingress.',
  group: 'networking.k8s.io',
  plural: 'ingressclasses',
  cluster: true,
})

const ingressClassSpecFields = {
  controller: opt(1, str),
  parameters: opt(2, () => IngressClassParametersReference),
} as const

export interface IngressClassSpec extends Shape<typeof ingressClassSpecFields> {}
export const IngressClassSpec = struct<IngressClassSpec>(
  'networking.v1.IngressClassSpec',
  ingressClassSpecFields,
)

const ingressClassParametersReferenceFields = {
  apiGroup: ptr(1, str),
  kind: req(2, str),
  name: req(3, str),
  scope: ptr(4, str),
  namespace: ptr(5, str),
} as const

export interface IngressClassParametersReference
  extends Shape<typeof ingressClassParametersReferenceFields> {}
export const IngressClassParametersReference = struct<IngressClassParametersReference>(
  'networking.v1.IngressClassParametersReference',
  ingressClassParametersReferenceFields,
)
