import { always, kind, listOf, opt, req, type Shape, str, struct, typeMeta } from '../../schema/index.ts'
import { Condition, ObjectMeta } from '../meta/object-meta.ts'

const ipAddressFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => IPAddressSpec),
} as const

export interface IPAddress extends Shape<typeof ipAddressFields> {}
export const IPAddress = kind<IPAddress>('networking.v1.IPAddress', ipAddressFields, {
  doc: 'A Service address that is taken.',
  group: 'networking.k8s.io',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  cluster: true,
})

const ipAddressSpecFields = {
  parentRef: req(1, () => ParentReference, { pointer: true }),
} as const

export interface IPAddressSpec extends Shape<typeof ipAddressSpecFields> {}
export const IPAddressSpec = struct<IPAddressSpec>('networking.v1.IPAddressSpec', ipAddressSpecFields)

const parentReferenceFields = {
  group: opt(1, str),
  resource: req(2, str, { omitEmpty: true }),
  namespace: opt(3, str),
  name: req(4, str, { omitEmpty: true }),
} as const

export interface ParentReference extends Shape<typeof parentReferenceFields> {}
export const ParentReference = struct<ParentReference>('networking.v1.ParentReference', parentReferenceFields)

const serviceCIDRFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ServiceCIDRSpec),
  status: always(3, () => ServiceCIDRStatus),
} as const

export interface ServiceCIDR extends Shape<typeof serviceCIDRFields> {}
export const ServiceCIDR = kind<ServiceCIDR>('networking.v1.ServiceCIDR', serviceCIDRFields, {
  doc: 'A range that Service addresses are taken from.',
  group: 'networking.k8s.io',
  plural: 'servicecidrs',
  cluster: true,
  subresources: {
    status: { kind: 'ServiceCIDR', verbs: ['get', 'patch', 'update'] },
  },
})

const serviceCIDRSpecFields = {
  cidrs: opt(1, listOf(str)),
} as const

export interface ServiceCIDRSpec extends Shape<typeof serviceCIDRSpecFields> {}
export const ServiceCIDRSpec = struct<ServiceCIDRSpec>('networking.v1.ServiceCIDRSpec', serviceCIDRSpecFields)

const serviceCIDRStatusFields = {
  conditions: opt(
    1,
    listOf(() => Condition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface ServiceCIDRStatus extends Shape<typeof serviceCIDRStatusFields> {}
export const ServiceCIDRStatus = struct<ServiceCIDRStatus>(
  'networking.v1.ServiceCIDRStatus',
  serviceCIDRStatusFields,
)
