import {
  always,
  anyOf,
  bool,
  int32,
  int64,
  kind,
  listOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const FSGroupPolicy = anyOf('ReadWriteOnceWithFSType', 'File', 'None')

export const VolumeLifecycleMode = anyOf('Persistent', 'Ephemeral')

const csiDriverFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => CSIDriverSpec),
} as const

export interface CSIDriver extends Shape<typeof csiDriverFields> {}
export const CSIDriver = kind<CSIDriver>('storage.v1.CSIDriver', csiDriverFields, {
  doc: 'What a storage driver can do and needs.',
  group: 'storage.k8s.io',
  plural: 'csidrivers',
  cluster: true,
})

const csiDriverSpecFields = {
  attachRequired: ptr(1, bool),
  podInfoOnMount: ptr(2, bool),
  volumeLifecycleModes: opt(3, listOf(VolumeLifecycleMode, { set: true })),
  storageCapacity: ptr(4, bool, { gates: ['CSIStorageCapacity'] }),
  fsGroupPolicy: ptr(5, FSGroupPolicy),
  tokenRequests: opt(
    6,
    listOf(() => TokenRequest),
  ),
  requiresRepublish: ptr(7, bool),
  seLinuxMount: ptr(8, bool, { gates: ['SELinuxMountReadWriteOncePod'] }),
  nodeAllocatableUpdatePeriodSeconds: ptr(9, int64, { gates: ['MutableCSINodeAllocatableCount'] }),
  serviceAccountTokenInSecrets: ptr(10, bool, { gates: ['CSIServiceAccountTokenSecrets'] }),
  preventPodSchedulingIfMissing: ptr(11, bool, { gates: ['VolumeLimitScaling'] }),
} as const

export interface CSIDriverSpec extends Shape<typeof csiDriverSpecFields> {}
export const CSIDriverSpec = struct<CSIDriverSpec>('storage.v1.CSIDriverSpec', csiDriverSpecFields)

const tokenRequestFields = {
  audience: req(1, str),
  expirationSeconds: ptr(2, int64),
} as const

export interface TokenRequest extends Shape<typeof tokenRequestFields> {}
export const TokenRequest = struct<TokenRequest>('storage.v1.TokenRequest', tokenRequestFields, {
  doc: 'Asks for a token of a service account.',
})

const csiNodeFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => CSINodeSpec),
} as const

export interface CSINode extends Shape<typeof csiNodeFields> {}
export const CSINode = kind<CSINode>('storage.v1.CSINode', csiNodeFields, {
  doc: 'The storage drivers on a node.',
  group: 'storage.k8s.io',
  plural: 'csinodes',
  cluster: true,
})

const csiNodeSpecFields = {
  drivers: req(
    1,
    listOf(() => CSINodeDriver, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface CSINodeSpec extends Shape<typeof csiNodeSpecFields> {}
export const CSINodeSpec = struct<CSINodeSpec>('storage.v1.CSINodeSpec', csiNodeSpecFields)

const csiNodeDriverFields = {
  name: req(1, str),
  nodeID: req(2, str),
  topologyKeys: always(3, listOf(str)),
  allocatable: opt(4, () => VolumeNodeResources),
} as const

export interface CSINodeDriver extends Shape<typeof csiNodeDriverFields> {}
export const CSINodeDriver = struct<CSINodeDriver>('storage.v1.CSINodeDriver', csiNodeDriverFields)

const volumeNodeResourcesFields = {
  count: ptr(1, int32),
} as const

export interface VolumeNodeResources extends Shape<typeof volumeNodeResourcesFields> {}
export const VolumeNodeResources = struct<VolumeNodeResources>(
  'storage.v1.VolumeNodeResources',
  volumeNodeResourcesFields,
)

const csiStorageCapacityFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  nodeTopology: opt(2, () => LabelSelector),
  storageClassName: req(3, str),
  capacity: ptr(4, quantity),
  maximumVolumeSize: ptr(5, quantity),
} as const

export interface CSIStorageCapacity extends Shape<typeof csiStorageCapacityFields> {}
export const CSIStorageCapacity = kind<CSIStorageCapacity>(
  'storage.v1.CSIStorageCapacity',
  csiStorageCapacityFields,
  {
    doc: 'How much storage of a class is left in a part of the cluster.',
    group: 'storage.k8s.io',
    plural: 'csistoragecapacities',
  },
)
