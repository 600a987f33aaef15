import {
  always,
  int32,
  kind,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { ObjectReference, Protocol } from './common.ts'

const endpointsFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  subsets: opt(
    2,
    listOf(() => EndpointSubset),
  ),
} as const

export interface Endpoints extends Shape<typeof endpointsFields> {}
export const Endpoints = kind<Endpoints>('core.v1.Endpoints', endpointsFields, {
  doc: 'The addresses behind a Service. EndpointSlice is its successor.',
  group: '',
  plural: 'endpoints',
  shortNames: ['ep'],
})

const endpointSubsetFields = {
  addresses: opt(
    1,
    listOf(() => EndpointAddress),
  ),
  notReadyAddresses: opt(
    2,
    listOf(() => EndpointAddress),
  ),
  ports: opt(
    3,
    listOf(() => EndpointPort),
  ),
} as const

export interface EndpointSubset extends Shape<typeof endpointSubsetFields> {}
export const EndpointSubset = struct<EndpointSubset>('core.v1.EndpointSubset', endpointSubsetFields)

const endpointAddressFields = {
  ip: req(1, str),
  hostname: opt(3, str),
  nodeName: ptr(4, str),
  targetRef: opt(2, () => ObjectReference),
} as const

export interface EndpointAddress extends Shape<typeof endpointAddressFields> {}
export const EndpointAddress = struct<EndpointAddress>('core.v1.EndpointAddress', endpointAddressFields, {
  atomic: true,
})

const endpointPortFields = {
  name: opt(1, str),
  port: req(2, int32),
  protocol: opt(3, Protocol),
  appProtocol: ptr(4, str),
} as const

export interface EndpointPort extends Shape<typeof endpointPortFields> {}
export const EndpointPort = struct<EndpointPort>('core.v1.EndpointPort', endpointPortFields, { atomic: true })
