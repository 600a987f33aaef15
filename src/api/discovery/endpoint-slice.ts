import {
  always,
  bool,
  int32,
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
import { ObjectReference, Protocol } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const AddressType = oneOf('IPv4', 'IPv6', 'FQDN')
export type AddressType = TypeOf<typeof AddressType>

const endpointSliceFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  addressType: req(4, AddressType),
  endpoints: always(
    2,
    listOf(() => Endpoint),
  ),
  ports: always(
    3,
    listOf(() => EndpointPort),
  ),
} as const

export interface EndpointSlice extends Shape<typeof endpointSliceFields> {}
export const EndpointSlice = kind<EndpointSlice>('discovery.v1.EndpointSlice', endpointSliceFields, {
  doc: 'Some of the addresses behind a Service.',
  group: 'discovery.k8s.io',
  plural: 'endpointslices',
})

const endpointFields = {
  addresses: req(1, listOf(str, { set: true })),
  conditions: always(2, () => EndpointConditions),
  hostname: ptr(3, str),
  targetRef: opt(4, () => ObjectReference),
  deprecatedTopology: opt(5, mapOf(str), { deprecated: true }),
  nodeName: ptr(6, str),
  zone: ptr(7, str),
  hints: opt(8, () => EndpointHints),
} as const

export interface Endpoint extends Shape<typeof endpointFields> {}
export const Endpoint = struct<Endpoint>('discovery.v1.Endpoint', endpointFields)

const endpointConditionsFields = {
  ready: ptr(1, bool),
  serving: ptr(2, bool),
  terminating: ptr(3, bool),
} as const

export interface EndpointConditions extends Shape<typeof endpointConditionsFields> {}
export const EndpointConditions = struct<EndpointConditions>(
  'discovery.v1.EndpointConditions',
  endpointConditionsFields,
)

const endpointHintsFields = {
  forZones: opt(
    1,
    listOf(() => ForZone),
  ),
  forNodes: opt(
    2,
    listOf(() => ForNode),
  ),
} as const

export interface EndpointHints extends Shape<typeof endpointHintsFields> {}
export const EndpointHints = struct<EndpointHints>('discovery.v1.EndpointHints', endpointHintsFields)

const forZoneFields = {
  name: req(1, str),
} as const

export interface ForZone extends Shape<typeof forZoneFields> {}
export const ForZone = struct<ForZone>('discovery.v1.ForZone', forZoneFields)

const forNodeFields = {
  name: req(1, str),
} as const

export interface ForNode extends Shape<typeof forNodeFields> {}
export const ForNode = struct<ForNode>('discovery.v1.ForNode', forNodeFields)

const endpointPortFields = {
  name: ptr(1, str),
  protocol: ptr(2, Protocol),
  port: ptr(3, int32),
  appProtocol: ptr(4, str),
} as const

export interface EndpointPort extends Shape<typeof endpointPortFields> {}
export const EndpointPort = struct<EndpointPort>('discovery.v1.EndpointPort', endpointPortFields, {
  atomic: true,
})
