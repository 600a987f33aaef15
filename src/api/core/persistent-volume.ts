import {
  always,
  anyOf,
  bool,
  inline,
  int32,
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
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import { NodeSelector } from './affinity.ts'
import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  ConditionStatus,
  FCVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  HostPathVolumeSource,
  NFSVolumeSource,
  ObjectReference,
  PersistentVolumeReclaimPolicy,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  QuobyteVolumeSource,
  TypedLocalObjectReference,
  VsphereVirtualDiskVolumeSource,
} from './common.ts'

export const PersistentVolumeMode = oneOf('Block', 'Filesystem')
export type PersistentVolumeMode = TypeOf<typeof PersistentVolumeMode>

export const PersistentVolumeClaimConditionType = anyOf(
  'Resizing',
  'FileSystemResizePending',
  'ControllerResizeError',
  'NodeResizeError',
  'ModifyVolumeError',
  'ModifyingVolume',
  'Unused',
)

export const ClaimResourceStatus = oneOf(
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizePending',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
)
export type ClaimResourceStatus = TypeOf<typeof ClaimResourceStatus>

export const PersistentVolumeClaimModifyVolumeStatus = oneOf('Pending', 'InProgress', 'Infeasible')
export type PersistentVolumeClaimModifyVolumeStatus = TypeOf<typeof PersistentVolumeClaimModifyVolumeStatus>

export const PersistentVolumeAccessMode = oneOf(
  'ReadWriteOnce',
  'ReadOnlyMany',
  'ReadWriteMany',
  'ReadWriteOncePod',
)
export type PersistentVolumeAccessMode = TypeOf<typeof PersistentVolumeAccessMode>

export const PersistentVolumePhase = oneOf('Pending', 'Available', 'Bound', 'Released', 'Failed')
export type PersistentVolumePhase = TypeOf<typeof PersistentVolumePhase>

export const PersistentVolumeClaimPhase = oneOf('Pending', 'Bound', 'Lost')
export type PersistentVolumeClaimPhase = TypeOf<typeof PersistentVolumeClaimPhase>

export const persistentVolumeSourceFields = {
  gcePersistentDisk: opt(1, () => GCEPersistentDiskVolumeSource, { deprecated: true }),
  awsElasticBlockStore: opt(2, () => AWSElasticBlockStoreVolumeSource, { deprecated: true }),
  hostPath: opt(3, () => HostPathVolumeSource),
  glusterfs: opt(4, () => GlusterfsPersistentVolumeSource, { deprecated: true }),
  nfs: opt(5, () => NFSVolumeSource),
  rbd: opt(6, () => RBDPersistentVolumeSource, { deprecated: true }),
  iscsi: opt(7, () => ISCSIPersistentVolumeSource),
  cinder: opt(8, () => CinderPersistentVolumeSource, { deprecated: true }),
  cephfs: opt(9, () => CephFSPersistentVolumeSource, { deprecated: true }),
  fc: opt(10, () => FCVolumeSource),
  flocker: opt(11, () => FlockerVolumeSource, { deprecated: true }),
  flexVolume: opt(12, () => FlexPersistentVolumeSource, { deprecated: true }),
  azureFile: opt(13, () => AzureFilePersistentVolumeSource, { deprecated: true }),
  vsphereVolume: opt(14, () => VsphereVirtualDiskVolumeSource, { deprecated: true }),
  quobyte: opt(15, () => QuobyteVolumeSource, { deprecated: true }),
  azureDisk: opt(16, () => AzureDiskVolumeSource, { deprecated: true }),
  photonPersistentDisk: opt(17, () => PhotonPersistentDiskVolumeSource, { deprecated: true }),
  portworxVolume: opt(18, () => PortworxVolumeSource, { deprecated: true }),
  scaleIO: opt(19, () => ScaleIOPersistentVolumeSource, { deprecated: true }),
  local: opt(20, () => LocalVolumeSource),
  storageos: opt(21, () => StorageOSPersistentVolumeSource, { deprecated: true }),
  csi: opt(22, () => CSIPersistentVolumeSource),
} as const

export interface PersistentVolumeSource extends Shape<typeof persistentVolumeSourceFields> {}
export const PersistentVolumeSource = struct<PersistentVolumeSource>(
  'core.v1.PersistentVolumeSource',
  persistentVolumeSourceFields,
)

const persistentVolumeFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PersistentVolumeSpec),
  status: always(3, () => PersistentVolumeStatus),
} as const

export interface PersistentVolume extends Shape<typeof persistentVolumeFields> {}
export const PersistentVolume = kind<PersistentVolume>('core.v1.PersistentVolume', persistentVolumeFields, {
  doc: 'A piece of storage in the cluster, with a life of its own.',
  group: '',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  cluster: true,
  subresources: {
    status: { kind: 'PersistentVolume', verbs: ['get', 'patch', 'update'] },
  },
})

const persistentVolumeSpecFields = {
  capacity: opt(1, mapOf(quantity)),
  ...inline(2, persistentVolumeSourceFields),
  accessModes: opt(3, listOf(PersistentVolumeAccessMode)),
  claimRef: opt(4, () => ObjectReference),
  persistentVolumeReclaimPolicy: opt(5, PersistentVolumeReclaimPolicy),
  storageClassName: opt(6, str),
  mountOptions: opt(7, listOf(str)),
  volumeMode: ptr(8, PersistentVolumeMode),
  nodeAffinity: opt(9, () => VolumeNodeAffinity),
  volumeAttributesClassName: ptr(10, str, { gates: ['VolumeAttributesClass'] }),
} as const

export interface PersistentVolumeSpec extends Shape<typeof persistentVolumeSpecFields> {}
export const PersistentVolumeSpec = struct<PersistentVolumeSpec>(
  'core.v1.PersistentVolumeSpec',
  persistentVolumeSpecFields,
)

const volumeNodeAffinityFields = {
  required: opt(1, () => NodeSelector),
} as const

export interface VolumeNodeAffinity extends Shape<typeof volumeNodeAffinityFields> {}
export const VolumeNodeAffinity = struct<VolumeNodeAffinity>(
  'core.v1.VolumeNodeAffinity',
  volumeNodeAffinityFields,
)

const persistentVolumeStatusFields = {
  phase: opt(1, PersistentVolumePhase),
  message: opt(2, str),
  reason: opt(3, str),
  lastPhaseTransitionTime: ptr(4, time),
} as const

export interface PersistentVolumeStatus extends Shape<typeof persistentVolumeStatusFields> {}
export const PersistentVolumeStatus = struct<PersistentVolumeStatus>(
  'core.v1.PersistentVolumeStatus',
  persistentVolumeStatusFields,
)

const persistentVolumeClaimFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PersistentVolumeClaimSpec),
  status: always(3, () => PersistentVolumeClaimStatus),
} as const

export interface PersistentVolumeClaim extends Shape<typeof persistentVolumeClaimFields> {}
export const PersistentVolumeClaim = kind<PersistentVolumeClaim>(
  'core.v1.PersistentVolumeClaim',
  persistentVolumeClaimFields,
  {
    doc: 'A request for storage, bound to one PersistentVolume.',
    group: '',
    plural: 'persistentvolumeclaims',
    shortNames: ['pvc'],
    subresources: {
      status: { kind: 'PersistentVolumeClaim', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const persistentVolumeClaimSpecFields = {
  accessModes: opt(1, listOf(PersistentVolumeAccessMode)),
  selector: opt(4, () => LabelSelector),
  resources: always(2, () => VolumeResourceRequirements),
  volumeName: opt(3, str),
  storageClassName: ptr(5, str),
  volumeMode: ptr(6, PersistentVolumeMode),
  dataSource: opt(7, () => TypedLocalObjectReference),
  dataSourceRef: opt(8, () => TypedObjectReference),
  volumeAttributesClassName: ptr(9, str, { gates: ['VolumeAttributesClass'] }),
} as const

export interface PersistentVolumeClaimSpec extends Shape<typeof persistentVolumeClaimSpecFields> {}
export const PersistentVolumeClaimSpec = struct<PersistentVolumeClaimSpec>(
  'core.v1.PersistentVolumeClaimSpec',
  persistentVolumeClaimSpecFields,
)

const typedObjectReferenceFields = {
  apiGroup: ptr(1, str),
  kind: req(2, str),
  name: req(3, str),
  namespace: ptr(4, str, { gates: ['CrossNamespaceVolumeDataSource'] }),
} as const

export interface TypedObjectReference extends Shape<typeof typedObjectReferenceFields> {}
export const TypedObjectReference = struct<TypedObjectReference>(
  'core.v1.TypedObjectReference',
  typedObjectReferenceFields,
)

const modifyVolumeStatusFields = {
  targetVolumeAttributesClassName: opt(1, str),
  status: req(2, PersistentVolumeClaimModifyVolumeStatus),
} as const

export interface ModifyVolumeStatus extends Shape<typeof modifyVolumeStatusFields> {}
export const ModifyVolumeStatus = struct<ModifyVolumeStatus>(
  'core.v1.ModifyVolumeStatus',
  modifyVolumeStatusFields,
)

const persistentVolumeClaimConditionFields = {
  type: req(1, PersistentVolumeClaimConditionType),
  status: req(2, ConditionStatus),
  lastProbeTime: opt(3, time),
  lastTransitionTime: opt(4, time),
  reason: opt(5, str),
  message: opt(6, str),
} as const

export interface PersistentVolumeClaimCondition extends Shape<typeof persistentVolumeClaimConditionFields> {}
export const PersistentVolumeClaimCondition = struct<PersistentVolumeClaimCondition>(
  'core.v1.PersistentVolumeClaimCondition',
  persistentVolumeClaimConditionFields,
)

const persistentVolumeClaimStatusFields = {
  phase: opt(1, PersistentVolumeClaimPhase),
  accessModes: opt(2, listOf(PersistentVolumeAccessMode)),
  capacity: opt(3, mapOf(quantity)),
  conditions: opt(
    4,
    listOf(() => PersistentVolumeClaimCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
  allocatedResources: opt(5, mapOf(quantity)),
  allocatedResourceStatuses: opt(7, mapOf(ClaimResourceStatus)),
  currentVolumeAttributesClassName: ptr(8, str, { gates: ['VolumeAttributesClass'] }),
  modifyVolumeStatus: opt(9, () => ModifyVolumeStatus, { gates: ['VolumeAttributesClass'] }),
} as const

export interface PersistentVolumeClaimStatus extends Shape<typeof persistentVolumeClaimStatusFields> {}
export const PersistentVolumeClaimStatus = struct<PersistentVolumeClaimStatus>(
  'core.v1.PersistentVolumeClaimStatus',
  persistentVolumeClaimStatusFields,
)

const glusterfsPersistentVolumeSourceFields = {
  endpoints: req(1, str),
  path: req(2, str),
  readOnly: opt(3, bool),
  endpointsNamespace: ptr(4, str),
} as const

export interface GlusterfsPersistentVolumeSource
  extends Shape<typeof glusterfsPersistentVolumeSourceFields> {}
export const GlusterfsPersistentVolumeSource = struct<GlusterfsPersistentVolumeSource>(
  'core.v1.GlusterfsPersistentVolumeSource',
  glusterfsPersistentVolumeSourceFields,
)

const rbdPersistentVolumeSourceFields = {
  monitors: req(1, listOf(str)),
  image: req(2, str),
  fsType: opt(3, str),
  pool: opt(4, str, { default: 'rbd' }),
  user: opt(5, str, { default: 'admin' }),
  keyring: opt(6, str, { default: '/etc/ceph/keyring' }),
  secretRef: opt(7, () => SecretReference),
  readOnly: opt(8, bool),
} as const

export interface RBDPersistentVolumeSource extends Shape<typeof rbdPersistentVolumeSourceFields> {}
export const RBDPersistentVolumeSource = struct<RBDPersistentVolumeSource>(
  'core.v1.RBDPersistentVolumeSource',
  rbdPersistentVolumeSourceFields,
)

const cinderPersistentVolumeSourceFields = {
  volumeID: req(1, str),
  fsType: opt(2, str),
  readOnly: opt(3, bool),
  secretRef: opt(4, () => SecretReference),
} as const

export interface CinderPersistentVolumeSource extends Shape<typeof cinderPersistentVolumeSourceFields> {}
export const CinderPersistentVolumeSource = struct<CinderPersistentVolumeSource>(
  'core.v1.CinderPersistentVolumeSource',
  cinderPersistentVolumeSourceFields,
)

const secretReferenceFields = {
  name: opt(1, str),
  namespace: opt(2, str),
} as const

export interface SecretReference extends Shape<typeof secretReferenceFields> {}
export const SecretReference = struct<SecretReference>('core.v1.SecretReference', secretReferenceFields, {
  atomic: true,
})

const cephFSPersistentVolumeSourceFields = {
  monitors: req(1, listOf(str)),
  path: opt(2, str),
  user: opt(3, str),
  secretFile: opt(4, str),
  secretRef: opt(5, () => SecretReference),
  readOnly: opt(6, bool),
} as const

export interface CephFSPersistentVolumeSource extends Shape<typeof cephFSPersistentVolumeSourceFields> {}
export const CephFSPersistentVolumeSource = struct<CephFSPersistentVolumeSource>(
  'core.v1.CephFSPersistentVolumeSource',
  cephFSPersistentVolumeSourceFields,
)

const flexPersistentVolumeSourceFields = {
  driver: req(1, str),
  fsType: opt(2, str),
  secretRef: opt(3, () => SecretReference),
  readOnly: opt(4, bool),
  options: opt(5, mapOf(str)),
} as const

export interface FlexPersistentVolumeSource extends Shape<typeof flexPersistentVolumeSourceFields> {}
export const FlexPersistentVolumeSource = struct<FlexPersistentVolumeSource>(
  'core.v1.FlexPersistentVolumeSource',
  flexPersistentVolumeSourceFields,
)

const iscsiPersistentVolumeSourceFields = {
  targetPortal: req(1, str),
  iqn: req(2, str),
  lun: req(3, int32),
  iscsiInterface: opt(4, str, { default: 'default' }),
  fsType: opt(5, str),
  readOnly: opt(6, bool),
  portals: opt(7, listOf(str)),
  chapAuthDiscovery: opt(8, bool),
  chapAuthSession: opt(11, bool),
  secretRef: opt(10, () => SecretReference),
  initiatorName: ptr(12, str),
} as const

export interface ISCSIPersistentVolumeSource extends Shape<typeof iscsiPersistentVolumeSourceFields> {}
export const ISCSIPersistentVolumeSource = struct<ISCSIPersistentVolumeSource>(
  'core.v1.ISCSIPersistentVolumeSource',
  iscsiPersistentVolumeSourceFields,
)

const azureFilePersistentVolumeSourceFields = {
  secretName: req(1, str),
  shareName: req(2, str),
  readOnly: opt(3, bool),
  secretNamespace: ptr(4, str),
} as const

export interface AzureFilePersistentVolumeSource
  extends Shape<typeof azureFilePersistentVolumeSourceFields> {}
export const AzureFilePersistentVolumeSource = struct<AzureFilePersistentVolumeSource>(
  'core.v1.AzureFilePersistentVolumeSource',
  azureFilePersistentVolumeSourceFields,
)

const scaleIOPersistentVolumeSourceFields = {
  gateway: req(1, str),
  system: req(2, str),
  secretRef: req(3, () => SecretReference, { pointer: true }),
  sslEnabled: opt(4, bool),
  protectionDomain: opt(5, str),
  storagePool: opt(6, str),
  storageMode: opt(7, str, { default: 'ThinProvisioned' }),
  volumeName: opt(8, str),
  fsType: opt(9, str, { default: 'xfs' }),
  readOnly: opt(10, bool),
} as const

export interface ScaleIOPersistentVolumeSource extends Shape<typeof scaleIOPersistentVolumeSourceFields> {}
export const ScaleIOPersistentVolumeSource = struct<ScaleIOPersistentVolumeSource>(
  'core.v1.ScaleIOPersistentVolumeSource',
  scaleIOPersistentVolumeSourceFields,
)

const storageOSPersistentVolumeSourceFields = {
  volumeName: opt(1, str),
  volumeNamespace: opt(2, str),
  fsType: opt(3, str),
  readOnly: opt(4, bool),
  secretRef: opt(5, () => ObjectReference),
} as const

export interface StorageOSPersistentVolumeSource
  extends Shape<typeof storageOSPersistentVolumeSourceFields> {}
export const StorageOSPersistentVolumeSource = struct<StorageOSPersistentVolumeSource>(
  'core.v1.StorageOSPersistentVolumeSource',
  storageOSPersistentVolumeSourceFields,
)

const localVolumeSourceFields = {
  path: req(1, str),
  fsType: ptr(2, str),
} as const

export interface LocalVolumeSource extends Shape<typeof localVolumeSourceFields> {}
export const LocalVolumeSource = struct<LocalVolumeSource>(
  'core.v1.LocalVolumeSource',
  localVolumeSourceFields,
)

const csiPersistentVolumeSourceFields = {
  driver: req(1, str),
  volumeHandle: req(2, str),
  readOnly: opt(3, bool),
  fsType: opt(4, str),
  volumeAttributes: opt(5, mapOf(str)),
  controllerPublishSecretRef: opt(6, () => SecretReference),
  nodeStageSecretRef: opt(7, () => SecretReference),
  nodePublishSecretRef: opt(8, () => SecretReference),
  controllerExpandSecretRef: opt(9, () => SecretReference),
  nodeExpandSecretRef: opt(10, () => SecretReference),
} as const

export interface CSIPersistentVolumeSource extends Shape<typeof csiPersistentVolumeSourceFields> {}
export const CSIPersistentVolumeSource = struct<CSIPersistentVolumeSource>(
  'core.v1.CSIPersistentVolumeSource',
  csiPersistentVolumeSourceFields,
)

const volumeResourceRequirementsFields = {
  limits: opt(1, mapOf(quantity)),
  requests: opt(2, mapOf(quantity)),
} as const

export interface VolumeResourceRequirements extends Shape<typeof volumeResourceRequirementsFields> {}
export const VolumeResourceRequirements = struct<VolumeResourceRequirements>(
  'core.v1.VolumeResourceRequirements',
  volumeResourceRequirementsFields,
)
