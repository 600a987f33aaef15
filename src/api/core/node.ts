import {
  always,
  anyOf,
  bool,
  int32,
  int64,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { Taint } from './affinity.ts'
import { PodSignature } from './binding.ts'
import { ConditionStatus } from './common.ts'

export const NodePhase = oneOf('Pending', 'Running', 'Terminated')
export type NodePhase = TypeOf<typeof NodePhase>

export const NodeConditionType = anyOf(
  'Ready',
  'MemoryPressure',
  'DiskPressure',
  'PIDPressure',
  'NetworkUnavailable',
)

export const NodeAddressType = anyOf('Hostname', 'InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS')

const nodeSpecFields = {
  podCIDR: opt(1, str, { doc: 'Range of pod addresses on the node.' }),
  podCIDRs: opt(7, listOf(str, { set: true, merge: true })),
  providerID: opt(3, str),
  unschedulable: opt(4, bool, { doc: 'New pods are not assigned to the node.' }),
  taints: opt(
    5,
    listOf(() => Taint),
  ),
  configSource: opt(6, () => NodeConfigSource, { deprecated: true }),
  externalID: opt(2, str, { deprecated: true }),
} as const

export interface NodeSpec extends Shape<typeof nodeSpecFields> {}
export const NodeSpec = struct<NodeSpec>('core.v1.NodeSpec', nodeSpecFields)

const nodeConfigSourceFields = {
  configMap: opt(2, () => ConfigMapNodeConfigSource),
} as const

export interface NodeConfigSource extends Shape<typeof nodeConfigSourceFields> {}
export const NodeConfigSource = struct<NodeConfigSource>('core.v1.NodeConfigSource', nodeConfigSourceFields)

const configMapNodeConfigSourceFields = {
  namespace: req(1, str),
  name: req(2, str),
  uid: opt(3, str),
  resourceVersion: opt(4, str),
  kubeletConfigKey: req(5, str),
} as const

export interface ConfigMapNodeConfigSource extends Shape<typeof configMapNodeConfigSourceFields> {}
export const ConfigMapNodeConfigSource = struct<ConfigMapNodeConfigSource>(
  'core.v1.ConfigMapNodeConfigSource',
  configMapNodeConfigSourceFields,
)

const daemonEndpointFields = {
  Port: req(1, int32),
} as const

export interface DaemonEndpoint extends Shape<typeof daemonEndpointFields> {}
export const DaemonEndpoint = struct<DaemonEndpoint>('core.v1.DaemonEndpoint', daemonEndpointFields)

const nodeDaemonEndpointsFields = {
  kubeletEndpoint: always(1, () => DaemonEndpoint),
} as const

export interface NodeDaemonEndpoints extends Shape<typeof nodeDaemonEndpointsFields> {}
export const NodeDaemonEndpoints = struct<NodeDaemonEndpoints>(
  'core.v1.NodeDaemonEndpoints',
  nodeDaemonEndpointsFields,
)

const nodeRuntimeHandlerFeaturesFields = {
  recursiveReadOnlyMounts: ptr(1, bool),
  userNamespaces: ptr(2, bool),
} as const

export interface NodeRuntimeHandlerFeatures extends Shape<typeof nodeRuntimeHandlerFeaturesFields> {}
export const NodeRuntimeHandlerFeatures = struct<NodeRuntimeHandlerFeatures>(
  'core.v1.NodeRuntimeHandlerFeatures',
  nodeRuntimeHandlerFeaturesFields,
)

const nodeRuntimeHandlerFields = {
  name: always(1, str),
  features: opt(2, () => NodeRuntimeHandlerFeatures),
} as const

export interface NodeRuntimeHandler extends Shape<typeof nodeRuntimeHandlerFields> {}
export const NodeRuntimeHandler = struct<NodeRuntimeHandler>(
  'core.v1.NodeRuntimeHandler',
  nodeRuntimeHandlerFields,
)

const nodeFeaturesFields = {
  supplementalGroupsPolicy: ptr(1, bool),
} as const

export interface NodeFeatures extends Shape<typeof nodeFeaturesFields> {}
export const NodeFeatures = struct<NodeFeatures>('core.v1.NodeFeatures', nodeFeaturesFields)

const nodeSystemInfoFields = {
  machineID: req(1, str),
  systemUUID: req(2, str),
  bootID: req(3, str),
  kernelVersion: req(4, str),
  osImage: req(5, str),
  containerRuntimeVersion: req(6, str),
  kubeletVersion: req(7, str),
  kubeProxyVersion: req(8, str, { deprecated: true }),
  operatingSystem: req(9, str),
  architecture: req(10, str),
  swap: opt(11, () => NodeSwapStatus),
} as const

export interface NodeSystemInfo extends Shape<typeof nodeSystemInfoFields> {}
export const NodeSystemInfo = struct<NodeSystemInfo>('core.v1.NodeSystemInfo', nodeSystemInfoFields)

const nodeSwapStatusFields = {
  capacity: ptr(1, int64),
} as const

export interface NodeSwapStatus extends Shape<typeof nodeSwapStatusFields> {}
export const NodeSwapStatus = struct<NodeSwapStatus>('core.v1.NodeSwapStatus', nodeSwapStatusFields)

const nodeConfigStatusFields = {
  assigned: opt(1, () => NodeConfigSource),
  active: opt(2, () => NodeConfigSource),
  lastKnownGood: opt(3, () => NodeConfigSource),
  error: opt(4, str),
} as const

export interface NodeConfigStatus extends Shape<typeof nodeConfigStatusFields> {}
export const NodeConfigStatus = struct<NodeConfigStatus>('core.v1.NodeConfigStatus', nodeConfigStatusFields)

const nodeStatusFields = {
  capacity: opt(1, mapOf(quantity)),
  allocatable: opt(2, mapOf(quantity)),
  phase: opt(3, NodePhase, { deprecated: true }),
  conditions: opt(
    4,
    listOf(() => NodeCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
  addresses: opt(
    5,
    listOf(() => NodeAddress, { mapKeys: ['type'], merge: 'type' }),
  ),
  daemonEndpoints: always(6, () => NodeDaemonEndpoints),
  nodeInfo: always(7, () => NodeSystemInfo),
  images: opt(
    8,
    listOf(() => ContainerImage),
  ),
  volumesInUse: opt(9, listOf(str)),
  volumesAttached: opt(
    10,
    listOf(() => AttachedVolume),
  ),
  config: opt(11, () => NodeConfigStatus),
  runtimeHandlers: opt(
    12,
    listOf(() => NodeRuntimeHandler),
  ),
  features: opt(13, () => NodeFeatures, { gates: ['SupplementalGroupsPolicy'] }),
  declaredFeatures: opt(14, listOf(str), { gates: ['NodeDeclaredFeatures'] }),
} as const

export interface NodeStatus extends Shape<typeof nodeStatusFields> {}
export const NodeStatus = struct<NodeStatus>('core.v1.NodeStatus', nodeStatusFields)

const attachedVolumeFields = {
  name: req(1, str),
  devicePath: req(2, str),
} as const

export interface AttachedVolume extends Shape<typeof attachedVolumeFields> {}
export const AttachedVolume = struct<AttachedVolume>('core.v1.AttachedVolume', attachedVolumeFields)

const avoidPodsFields = {
  preferAvoidPods: opt(
    1,
    listOf(() => PreferAvoidPodsEntry),
  ),
} as const

export interface AvoidPods extends Shape<typeof avoidPodsFields> {}
export const AvoidPods = struct<AvoidPods>('core.v1.AvoidPods', avoidPodsFields)

const preferAvoidPodsEntryFields = {
  podSignature: req(1, () => PodSignature),
  evictionTime: opt(2, time),
  reason: opt(3, str),
  message: opt(4, str),
} as const

export interface PreferAvoidPodsEntry extends Shape<typeof preferAvoidPodsEntryFields> {}
export const PreferAvoidPodsEntry = struct<PreferAvoidPodsEntry>(
  'core.v1.PreferAvoidPodsEntry',
  preferAvoidPodsEntryFields,
)

const containerImageFields = {
  names: always(1, listOf(str)),
  sizeBytes: opt(2, int64),
} as const

export interface ContainerImage extends Shape<typeof containerImageFields> {}
export const ContainerImage = struct<ContainerImage>('core.v1.ContainerImage', containerImageFields)

const nodeConditionFields = {
  type: req(1, NodeConditionType),
  status: req(2, ConditionStatus),
  lastHeartbeatTime: opt(3, time),
  lastTransitionTime: opt(4, time),
  reason: opt(5, str),
  message: opt(6, str),
} as const

export interface NodeCondition extends Shape<typeof nodeConditionFields> {}
export const NodeCondition = struct<NodeCondition>('core.v1.NodeCondition', nodeConditionFields)

const nodeAddressFields = {
  type: req(1, NodeAddressType),
  address: req(2, str),
} as const

export interface NodeAddress extends Shape<typeof nodeAddressFields> {}
export const NodeAddress = struct<NodeAddress>('core.v1.NodeAddress', nodeAddressFields)

const nodeFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => NodeSpec),
  status: always(3, () => NodeStatus),
} as const

export interface Node extends Shape<typeof nodeFields> {}
export const Node = kind<Node>('core.v1.Node', nodeFields, {
  doc: 'A machine that runs pods.',
  group: '',
  plural: 'nodes',
  shortNames: ['no'],
  cluster: true,
  subresources: {
    proxy: { kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    status: { kind: 'Node', verbs: ['get', 'patch', 'update'] },
  },
})
