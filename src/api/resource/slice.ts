import {
  always,
  bool,
  int64,
  kind,
  listOf,
  mapOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { NodeSelector } from '../core/affinity.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { DeviceTaintEffect } from './common.ts'

const resourceSliceFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => ResourceSliceSpec),
} as const

export interface ResourceSlice extends Shape<typeof resourceSliceFields> {}
export const ResourceSlice = kind<ResourceSlice>('resource.v1.ResourceSlice', resourceSliceFields, {
  doc: 'Devices that a driver offers on a node.',
  group: 'resource.k8s.io',
  plural: 'resourceslices',
  cluster: true,
})

const resourceSliceSpecFields = {
  driver: req(1, str),
  pool: req(2, () => ResourcePool),
  nodeName: ptr(3, str, { union: 'NodeSelection' }),
  nodeSelector: opt(4, () => NodeSelector, { union: 'NodeSelection' }),
  allNodes: ptr(5, bool, { union: 'NodeSelection' }),
  devices: opt(
    6,
    listOf(() => Device),
    { union: 'ResourceSliceType' },
  ),
  perDeviceNodeSelection: ptr(7, bool, { gates: ['DRAPartitionableDevices'], union: 'NodeSelection' }),
  sharedCounters: opt(
    8,
    listOf(() => CounterSet),
    { gates: ['DRAPartitionableDevices'], union: 'ResourceSliceType' },
  ),
} as const

export interface ResourceSliceSpec extends Shape<typeof resourceSliceSpecFields> {}
export const ResourceSliceSpec = struct<ResourceSliceSpec>(
  'resource.v1.ResourceSliceSpec',
  resourceSliceSpecFields,
)

const counterSetFields = {
  name: req(1, str),
  counters: req(
    2,
    mapOf(() => Counter),
    { omitEmpty: true },
  ),
} as const

export interface CounterSet extends Shape<typeof counterSetFields> {}
export const CounterSet = struct<CounterSet>('resource.v1.CounterSet', counterSetFields)

const resourcePoolFields = {
  name: req(1, str),
  generation: req(2, int64),
  resourceSliceCount: req(3, int64),
} as const

export interface ResourcePool extends Shape<typeof resourcePoolFields> {}
export const ResourcePool = struct<ResourcePool>('resource.v1.ResourcePool', resourcePoolFields)

const deviceFields = {
  name: req(1, str),
  attributes: opt(
    2,
    mapOf(() => DeviceAttribute),
  ),
  capacity: opt(
    3,
    mapOf(() => DeviceCapacity),
  ),
  consumesCounters: opt(
    4,
    listOf(() => DeviceCounterConsumption),
    { gates: ['DRAPartitionableDevices'] },
  ),
  nodeName: ptr(5, str, { gates: ['DRAPartitionableDevices'], union: 'DeviceNodeSelection' }),
  nodeSelector: opt(6, () => NodeSelector, {
    gates: ['DRAPartitionableDevices'],
    union: 'DeviceNodeSelection',
  }),
  allNodes: ptr(7, bool, { gates: ['DRAPartitionableDevices'], union: 'DeviceNodeSelection' }),
  taints: opt(
    8,
    listOf(() => DeviceTaint),
    { gates: ['DRADeviceTaints'] },
  ),
  bindsToNode: ptr(9, bool, { gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'] }),
  bindingConditions: opt(10, listOf(str), {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
  }),
  bindingFailureConditions: opt(11, listOf(str), {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
  }),
  allowMultipleAllocations: ptr(12, bool, { gates: ['DRAConsumableCapacity'] }),
  nodeAllocatableResourceMappings: opt(
    13,
    mapOf(() => NodeAllocatableResourceMapping),
    { gates: ['DRANodeAllocatableResources'] },
  ),
} as const

export interface Device extends Shape<typeof deviceFields> {}
export const Device = struct<Device>('resource.v1.Device', deviceFields)

const nodeAllocatableResourceMappingFields = {
  capacityKey: ptr(1, str),
  allocationMultiplier: ptr(2, quantity),
} as const

export interface NodeAllocatableResourceMapping extends Shape<typeof nodeAllocatableResourceMappingFields> {}
export const NodeAllocatableResourceMapping = struct<NodeAllocatableResourceMapping>(
  'resource.v1.NodeAllocatableResourceMapping',
  nodeAllocatableResourceMappingFields,
)

const deviceCounterConsumptionFields = {
  counterSet: req(1, str),
  counters: req(
    2,
    mapOf(() => Counter),
    { omitEmpty: true },
  ),
} as const

export interface DeviceCounterConsumption extends Shape<typeof deviceCounterConsumptionFields> {}
export const DeviceCounterConsumption = struct<DeviceCounterConsumption>(
  'resource.v1.DeviceCounterConsumption',
  deviceCounterConsumptionFields,
)

const deviceCapacityFields = {
  value: req(1, quantity),
  requestPolicy: opt(2, () => CapacityRequestPolicy, { gates: ['DRAConsumableCapacity'] }),
} as const

export interface DeviceCapacity extends Shape<typeof deviceCapacityFields> {}
export const DeviceCapacity = struct<DeviceCapacity>('resource.v1.DeviceCapacity', deviceCapacityFields)

const counterFields = {
  value: req(1, quantity),
} as const

export interface Counter extends Shape<typeof counterFields> {}
export const Counter = struct<Counter>('resource.v1.Counter', counterFields)

const capacityRequestPolicyFields = {
  default: ptr(1, quantity),
  validValues: opt(3, listOf(quantity), { union: 'ValidRequestValues' }),
  validRange: opt(4, () => CapacityRequestPolicyRange, { union: 'ValidRequestValues' }),
} as const

export interface CapacityRequestPolicy extends Shape<typeof capacityRequestPolicyFields> {}
export const CapacityRequestPolicy = struct<CapacityRequestPolicy>(
  'resource.v1.CapacityRequestPolicy',
  capacityRequestPolicyFields,
)

const capacityRequestPolicyRangeFields = {
  min: req(1, quantity, { pointer: true }),
  max: ptr(2, quantity),
  step: ptr(3, quantity),
} as const

export interface CapacityRequestPolicyRange extends Shape<typeof capacityRequestPolicyRangeFields> {}
export const CapacityRequestPolicyRange = struct<CapacityRequestPolicyRange>(
  'resource.v1.CapacityRequestPolicyRange',
  capacityRequestPolicyRangeFields,
)

const deviceAttributeFields = {
  int: ptr(2, int64),
  bool: ptr(3, bool),
  string: ptr(4, str),
  version: ptr(5, str),
  ints: opt(6, listOf(int64), { gates: ['DRAListTypeAttributes'] }),
  bools: opt(7, listOf(bool), { gates: ['DRAListTypeAttributes'] }),
  strings: opt(8, listOf(str), { gates: ['DRAListTypeAttributes'] }),
  versions: opt(9, listOf(str), { gates: ['DRAListTypeAttributes'] }),
} as const

export interface DeviceAttribute extends Shape<typeof deviceAttributeFields> {}
export const DeviceAttribute = struct<DeviceAttribute>('resource.v1.DeviceAttribute', deviceAttributeFields)

const deviceTaintFields = {
  key: req(1, str),
  value: opt(2, str),
  effect: req(3, DeviceTaintEffect),
  timeAdded: ptr(4, time),
} as const

export interface DeviceTaint extends Shape<typeof deviceTaintFields> {}
export const DeviceTaint = struct<DeviceTaint>('resource.v1.DeviceTaint', deviceTaintFields)
