import {
  always,
  bool,
  inline,
  int64,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  quantity,
  rawObject,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { NodeSelector } from '../core/affinity.ts'
import { Condition, ObjectMeta } from '../meta/object-meta.ts'
import { DeviceSelector, DeviceTaintEffect, deviceConfigurationFields } from './common.ts'

export const DeviceAllocationMode = oneOf('ExactCount', 'All')
export type DeviceAllocationMode = TypeOf<typeof DeviceAllocationMode>

export const DeviceTolerationOperator = oneOf('Exists', 'Equal')
export type DeviceTolerationOperator = TypeOf<typeof DeviceTolerationOperator>

export const AllocationConfigSource = oneOf('FromClass', 'FromClaim')
export type AllocationConfigSource = TypeOf<typeof AllocationConfigSource>

const resourceClaimFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => ResourceClaimSpec),
  status: always(3, () => ResourceClaimStatus),
} as const

export interface ResourceClaim extends Shape<typeof resourceClaimFields> {}
export const ResourceClaim = kind<ResourceClaim>('resource.v1.ResourceClaim', resourceClaimFields, {
  doc: 'A request for devices, and what was allocated for it.',
  group: 'resource.k8s.io',
  plural: 'resourceclaims',
  subresources: {
    status: { kind: 'ResourceClaim', verbs: ['get', 'patch', 'update'] },
  },
})

const resourceClaimSpecFields = {
  devices: always(1, () => DeviceClaim),
} as const

export interface ResourceClaimSpec extends Shape<typeof resourceClaimSpecFields> {}
export const ResourceClaimSpec = struct<ResourceClaimSpec>(
  'resource.v1.ResourceClaimSpec',
  resourceClaimSpecFields,
)

const deviceClaimFields = {
  requests: always(
    1,
    listOf(() => DeviceRequest),
  ),
  constraints: opt(
    2,
    listOf(() => DeviceConstraint),
  ),
  config: opt(
    3,
    listOf(() => DeviceClaimConfiguration),
  ),
} as const

export interface DeviceClaim extends Shape<typeof deviceClaimFields> {}
export const DeviceClaim = struct<DeviceClaim>('resource.v1.DeviceClaim', deviceClaimFields)

const deviceRequestFields = {
  name: req(1, str),
  exactly: opt(2, () => ExactDeviceRequest, { union: 'deviceRequestType' }),
  firstAvailable: opt(
    3,
    listOf(() => DeviceSubRequest),
    { gates: ['DRAPrioritizedList'], union: 'deviceRequestType' },
  ),
} as const

export interface DeviceRequest extends Shape<typeof deviceRequestFields> {}
export const DeviceRequest = struct<DeviceRequest>('resource.v1.DeviceRequest', deviceRequestFields)

const exactDeviceRequestFields = {
  deviceClassName: req(1, str),
  selectors: opt(
    2,
    listOf(() => DeviceSelector),
  ),
  allocationMode: opt(3, DeviceAllocationMode),
  count: opt(4, int64, { union: 'AllocationMode' }),
  adminAccess: ptr(5, bool, { gates: ['DRAAdminAccess'] }),
  tolerations: opt(
    6,
    listOf(() => DeviceToleration),
    { gates: ['DRADeviceTaints'] },
  ),
  capacity: opt(7, () => CapacityRequirements, { gates: ['DRAConsumableCapacity'] }),
} as const

export interface ExactDeviceRequest extends Shape<typeof exactDeviceRequestFields> {}
export const ExactDeviceRequest = struct<ExactDeviceRequest>(
  'resource.v1.ExactDeviceRequest',
  exactDeviceRequestFields,
)

const deviceSubRequestFields = {
  name: req(1, str),
  deviceClassName: req(2, str),
  selectors: opt(
    3,
    listOf(() => DeviceSelector),
  ),
  allocationMode: opt(4, DeviceAllocationMode),
  count: opt(5, int64, { union: 'AllocationMode' }),
  tolerations: opt(
    6,
    listOf(() => DeviceToleration),
    { gates: ['DRADeviceTaints'] },
  ),
  capacity: opt(7, () => CapacityRequirements, { gates: ['DRAConsumableCapacity'] }),
} as const

export interface DeviceSubRequest extends Shape<typeof deviceSubRequestFields> {}
export const DeviceSubRequest = struct<DeviceSubRequest>(
  'resource.v1.DeviceSubRequest',
  deviceSubRequestFields,
)

const capacityRequirementsFields = {
  requests: opt(1, mapOf(quantity)),
} as const

export interface CapacityRequirements extends Shape<typeof capacityRequirementsFields> {}
export const CapacityRequirements = struct<CapacityRequirements>(
  'resource.v1.CapacityRequirements',
  capacityRequirementsFields,
)

const deviceConstraintFields = {
  requests: opt(1, listOf(str)),
  matchAttribute: ptr(2, str, { union: 'ConstraintType' }),
  distinctAttribute: ptr(3, str, { gates: ['DRAConsumableCapacity'], union: 'ConstraintType' }),
} as const

export interface DeviceConstraint extends Shape<typeof deviceConstraintFields> {}
export const DeviceConstraint = struct<DeviceConstraint>(
  'resource.v1.DeviceConstraint',
  deviceConstraintFields,
)

const deviceClaimConfigurationFields = {
  requests: opt(1, listOf(str)),
  ...inline(2, deviceConfigurationFields),
} as const

export interface DeviceClaimConfiguration extends Shape<typeof deviceClaimConfigurationFields> {}
export const DeviceClaimConfiguration = struct<DeviceClaimConfiguration>(
  'resource.v1.DeviceClaimConfiguration',
  deviceClaimConfigurationFields,
)

const deviceTolerationFields = {
  key: opt(1, str),
  operator: opt(2, DeviceTolerationOperator, { default: 'Equal' }),
  value: opt(3, str),
  effect: opt(4, DeviceTaintEffect),
  tolerationSeconds: ptr(5, int64),
} as const

export interface DeviceToleration extends Shape<typeof deviceTolerationFields> {}
export const DeviceToleration = struct<DeviceToleration>(
  'resource.v1.DeviceToleration',
  deviceTolerationFields,
)

const resourceClaimStatusFields = {
  allocation: opt(1, () => AllocationResult),
  reservedFor: opt(
    2,
    listOf(() => ResourceClaimConsumerReference, { mapKeys: ['uid'], merge: 'uid' }),
  ),
  devices: opt(
    4,
    listOf(() => AllocatedDeviceStatus, { mapKeys: ['driver', 'device', 'pool', 'shareID'] }),
    { gates: ['DRAResourceClaimDeviceStatus'] },
  ),
} as const

export interface ResourceClaimStatus extends Shape<typeof resourceClaimStatusFields> {}
export const ResourceClaimStatus = struct<ResourceClaimStatus>(
  'resource.v1.ResourceClaimStatus',
  resourceClaimStatusFields,
)

const resourceClaimConsumerReferenceFields = {
  apiGroup: opt(1, str),
  resource: req(3, str),
  name: req(4, str),
  uid: req(5, str),
} as const

export interface ResourceClaimConsumerReference extends Shape<typeof resourceClaimConsumerReferenceFields> {}
export const ResourceClaimConsumerReference = struct<ResourceClaimConsumerReference>(
  'resource.v1.ResourceClaimConsumerReference',
  resourceClaimConsumerReferenceFields,
)

const allocationResultFields = {
  devices: always(1, () => DeviceAllocationResult),
  nodeSelector: opt(3, () => NodeSelector),
  allocationTimestamp: ptr(5, time, {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
  }),
} as const

export interface AllocationResult extends Shape<typeof allocationResultFields> {}
export const AllocationResult = struct<AllocationResult>(
  'resource.v1.AllocationResult',
  allocationResultFields,
)

const deviceAllocationResultFields = {
  results: opt(
    1,
    listOf(() => DeviceRequestAllocationResult),
  ),
  config: opt(
    2,
    listOf(() => DeviceAllocationConfiguration),
  ),
} as const

export interface DeviceAllocationResult extends Shape<typeof deviceAllocationResultFields> {}
export const DeviceAllocationResult = struct<DeviceAllocationResult>(
  'resource.v1.DeviceAllocationResult',
  deviceAllocationResultFields,
)

const deviceRequestAllocationResultFields = {
  request: req(1, str),
  driver: req(2, str),
  pool: req(3, str),
  device: req(4, str),
  adminAccess: ptr(5, bool, { gates: ['DRAAdminAccess'] }),
  tolerations: opt(
    6,
    listOf(() => DeviceToleration),
    { gates: ['DRADeviceTaints'] },
  ),
  bindingConditions: opt(7, listOf(str), {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
  }),
  bindingFailureConditions: opt(8, listOf(str), {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
  }),
  shareID: ptr(9, str, { gates: ['DRAConsumableCapacity'] }),
  consumedCapacity: opt(10, mapOf(quantity), { gates: ['DRAConsumableCapacity'] }),
} as const

export interface DeviceRequestAllocationResult extends Shape<typeof deviceRequestAllocationResultFields> {}
export const DeviceRequestAllocationResult = struct<DeviceRequestAllocationResult>(
  'resource.v1.DeviceRequestAllocationResult',
  deviceRequestAllocationResultFields,
)

const deviceAllocationConfigurationFields = {
  source: req(1, AllocationConfigSource),
  requests: opt(2, listOf(str)),
  ...inline(3, deviceConfigurationFields),
} as const

export interface DeviceAllocationConfiguration extends Shape<typeof deviceAllocationConfigurationFields> {}
export const DeviceAllocationConfiguration = struct<DeviceAllocationConfiguration>(
  'resource.v1.DeviceAllocationConfiguration',
  deviceAllocationConfigurationFields,
)

const resourceClaimTemplateFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => ResourceClaimTemplateSpec),
} as const

export interface ResourceClaimTemplate extends Shape<typeof resourceClaimTemplateFields> {}
export const ResourceClaimTemplate = kind<ResourceClaimTemplate>(
  'resource.v1.ResourceClaimTemplate',
  resourceClaimTemplateFields,
  {
    doc: 'A template from which a claim is made for each pod.',
    group: 'resource.k8s.io',
    plural: 'resourceclaimtemplates',
  },
)

const resourceClaimTemplateSpecFields = {
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => ResourceClaimSpec),
} as const

export interface ResourceClaimTemplateSpec extends Shape<typeof resourceClaimTemplateSpecFields> {}
export const ResourceClaimTemplateSpec = struct<ResourceClaimTemplateSpec>(
  'resource.v1.ResourceClaimTemplateSpec',
  resourceClaimTemplateSpecFields,
)

const allocatedDeviceStatusFields = {
  driver: req(1, str),
  pool: req(2, str),
  device: req(3, str),
  shareID: ptr(7, str, { gates: ['DRAConsumableCapacity'] }),
  conditions: always(
    4,
    listOf(() => Condition, { mapKeys: ['type'] }),
  ),
  data: ptr(5, rawObject),
  networkData: opt(6, () => NetworkDeviceData),
} as const

export interface AllocatedDeviceStatus extends Shape<typeof allocatedDeviceStatusFields> {}
export const AllocatedDeviceStatus = struct<AllocatedDeviceStatus>(
  'resource.v1.AllocatedDeviceStatus',
  allocatedDeviceStatusFields,
)

const networkDeviceDataFields = {
  interfaceName: opt(1, str),
  ips: opt(2, listOf(str)),
  hardwareAddress: opt(3, str),
} as const

export interface NetworkDeviceData extends Shape<typeof networkDeviceDataFields> {}
export const NetworkDeviceData = struct<NetworkDeviceData>(
  'resource.v1.NetworkDeviceData',
  networkDeviceDataFields,
)
