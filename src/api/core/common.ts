import {
  always,
  anyOf,
  bool,
  int32,
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
} from '../../schema/index.ts'

export const PersistentVolumeReclaimPolicy = oneOf('Recycle', 'Delete', 'Retain')
export type PersistentVolumeReclaimPolicy = TypeOf<typeof PersistentVolumeReclaimPolicy>

export const HostPathType = oneOf(
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
)
export type HostPathType = TypeOf<typeof HostPathType>

export const Protocol = oneOf('TCP', 'UDP', 'SCTP')
export type Protocol = TypeOf<typeof Protocol>

export const AzureDataDiskCachingMode = oneOf('None', 'ReadOnly', 'ReadWrite')
export type AzureDataDiskCachingMode = TypeOf<typeof AzureDataDiskCachingMode>

export const AzureDataDiskKind = oneOf('Shared', 'Dedicated', 'Managed')
export type AzureDataDiskKind = TypeOf<typeof AzureDataDiskKind>

export const RecursiveReadOnlyMode = anyOf('Disabled', 'IfPossible', 'Enabled')

export const PullPolicy = oneOf('Always', 'Never', 'IfNotPresent')
export type PullPolicy = TypeOf<typeof PullPolicy>

export const PreemptionPolicy = oneOf('PreemptLowerPriority', 'Never')
export type PreemptionPolicy = TypeOf<typeof PreemptionPolicy>

export const Signal = oneOf(
  'SIGABRT',
  'SIGALRM',
  'SIGBUS',
  'SIGCHLD',
  'SIGCLD',
  'SIGCONT',
  'SIGFPE',
  'SIGHUP',
  'SIGILL',
  'SIGINT',
  'SIGIO',
  'SIGIOT',
  'SIGKILL',
  'SIGPIPE',
  'SIGPOLL',
  'SIGPROF',
  'SIGPWR',
  'SIGQUIT',
  'SIGSEGV',
  'SIGSTKFLT',
  'SIGSTOP',
  'SIGSYS',
  'SIGTERM',
  'SIGTRAP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGUSR1',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGWINCH',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGRTMIN',
  'SIGRTMIN+1',
  'SIGRTMIN+2',
  'SIGRTMIN+3',
  'SIGRTMIN+4',
  'SIGRTMIN+5',
  'SIGRTMIN+6',
  'SIGRTMIN+7',
  'SIGRTMIN+8',
  'SIGRTMIN+9',
  'SIGRTMIN+10',
  'SIGRTMIN+11',
  'SIGRTMIN+12',
  'SIGRTMIN+13',
  'SIGRTMIN+14',
  'SIGRTMIN+15',
  'SIGRTMAX-14',
  'SIGRTMAX-13',
  'SIGRTMAX-12',
  'SIGRTMAX-11',
  'SIGRTMAX-10',
  'SIGRTMAX-9',
  'SIGRTMAX-8',
  'SIGRTMAX-7',
  'SIGRTMAX-6',
  'SIGRTMAX-5',
  'SIGRTMAX-4',
  'SIGRTMAX-3',
  'SIGRTMAX-2',
  'SIGRTMAX-1',
  'SIGRTMAX',
)
export type Signal = TypeOf<typeof Signal>

export const ConditionStatus = anyOf('True', 'False', 'Unknown')

export const PodConditionType = anyOf(
  'ContainersReady',
  'Initialized',
  'Ready',
  'PodScheduled',
  'DisruptionTarget',
  'PodReadyToStartContainers',
  'PodResizePending',
  'PodResizeInProgress',
  'AllContainersRestarting',
)

export const SeccompProfileType = oneOf('Unconfined', 'RuntimeDefault', 'Localhost')
export type SeccompProfileType = TypeOf<typeof SeccompProfileType>

export const AppArmorProfileType = oneOf('Unconfined', 'RuntimeDefault', 'Localhost')
export type AppArmorProfileType = TypeOf<typeof AppArmorProfileType>

export const ResourceName = anyOf(
  'cpu',
  'memory',
  'storage',
  'ephemeral-storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
)

const hostPathVolumeSourceFields = {
  path: req(1, str),
  type: ptr(2, HostPathType),
} as const

export interface HostPathVolumeSource extends Shape<typeof hostPathVolumeSourceFields> {}
export const HostPathVolumeSource = struct<HostPathVolumeSource>(
  'core.v1.HostPathVolumeSource',
  hostPathVolumeSourceFields,
)

const flockerVolumeSourceFields = {
  datasetName: opt(1, str, { deprecated: true }),
  datasetUUID: opt(2, str),
} as const

export interface FlockerVolumeSource extends Shape<typeof flockerVolumeSourceFields> {}
export const FlockerVolumeSource = struct<FlockerVolumeSource>(
  'core.v1.FlockerVolumeSource',
  flockerVolumeSourceFields,
)

const gcePersistentDiskVolumeSourceFields = {
  pdName: req(1, str),
  fsType: opt(2, str),
  partition: opt(3, int32),
  readOnly: opt(4, bool),
} as const

export interface GCEPersistentDiskVolumeSource extends Shape<typeof gcePersistentDiskVolumeSourceFields> {}
export const GCEPersistentDiskVolumeSource = struct<GCEPersistentDiskVolumeSource>(
  'core.v1.GCEPersistentDiskVolumeSource',
  gcePersistentDiskVolumeSourceFields,
)

const quobyteVolumeSourceFields = {
  registry: req(1, str),
  volume: req(2, str),
  readOnly: opt(3, bool),
  user: opt(4, str),
  group: opt(5, str),
  tenant: opt(6, str),
} as const

export interface QuobyteVolumeSource extends Shape<typeof quobyteVolumeSourceFields> {}
export const QuobyteVolumeSource = struct<QuobyteVolumeSource>(
  'core.v1.QuobyteVolumeSource',
  quobyteVolumeSourceFields,
)

const awsElasticBlockStoreVolumeSourceFields = {
  volumeID: req(1, str),
  fsType: opt(2, str),
  partition: opt(3, int32),
  readOnly: opt(4, bool),
} as const

export interface AWSElasticBlockStoreVolumeSource
  extends Shape<typeof awsElasticBlockStoreVolumeSourceFields> {}
export const AWSElasticBlockStoreVolumeSource = struct<AWSElasticBlockStoreVolumeSource>(
  'core.v1.AWSElasticBlockStoreVolumeSource',
  awsElasticBlockStoreVolumeSourceFields,
)

const nfsVolumeSourceFields = {
  server: req(1, str),
  path: req(2, str),
  readOnly: opt(3, bool),
} as const

export interface NFSVolumeSource extends Shape<typeof nfsVolumeSourceFields> {}
export const NFSVolumeSource = struct<NFSVolumeSource>('core.v1.NFSVolumeSource', nfsVolumeSourceFields)

const fcVolumeSourceFields = {
  targetWWNs: opt(1, listOf(str)),
  lun: ptr(2, int32),
  fsType: opt(3, str),
  readOnly: opt(4, bool),
  wwids: opt(5, listOf(str)),
} as const

export interface FCVolumeSource extends Shape<typeof fcVolumeSourceFields> {}
export const FCVolumeSource = struct<FCVolumeSource>('core.v1.FCVolumeSource', fcVolumeSourceFields)

const vsphereVirtualDiskVolumeSourceFields = {
  volumePath: req(1, str),
  fsType: opt(2, str),
  storagePolicyName: opt(3, str),
  storagePolicyID: opt(4, str),
} as const

export interface VsphereVirtualDiskVolumeSource extends Shape<typeof vsphereVirtualDiskVolumeSourceFields> {}
export const VsphereVirtualDiskVolumeSource = struct<VsphereVirtualDiskVolumeSource>(
  'core.v1.VsphereVirtualDiskVolumeSource',
  vsphereVirtualDiskVolumeSourceFields,
)

const photonPersistentDiskVolumeSourceFields = {
  pdID: req(1, str),
  fsType: opt(2, str),
} as const

export interface PhotonPersistentDiskVolumeSource
  extends Shape<typeof photonPersistentDiskVolumeSourceFields> {}
export const PhotonPersistentDiskVolumeSource = struct<PhotonPersistentDiskVolumeSource>(
  'core.v1.PhotonPersistentDiskVolumeSource',
  photonPersistentDiskVolumeSourceFields,
)

const azureDiskVolumeSourceFields = {
  diskName: req(1, str),
  diskURI: req(2, str),
  cachingMode: ptr(3, AzureDataDiskCachingMode, { default: 'ReadWrite' }),
  fsType: ptr(4, str, { default: 'ext4' }),
  readOnly: ptr(5, bool, { default: false }),
  kind: ptr(6, AzureDataDiskKind, { default: 'Shared' }),
} as const

export interface AzureDiskVolumeSource extends Shape<typeof azureDiskVolumeSourceFields> {}
export const AzureDiskVolumeSource = struct<AzureDiskVolumeSource>(
  'core.v1.AzureDiskVolumeSource',
  azureDiskVolumeSourceFields,
)

const portworxVolumeSourceFields = {
  volumeID: req(1, str),
  fsType: opt(2, str),
  readOnly: opt(3, bool),
} as const

export interface PortworxVolumeSource extends Shape<typeof portworxVolumeSourceFields> {}
export const PortworxVolumeSource = struct<PortworxVolumeSource>(
  'core.v1.PortworxVolumeSource',
  portworxVolumeSourceFields,
)

const objectFieldSelectorFields = {
  apiVersion: opt(1, str),
  fieldPath: req(2, str),
} as const

export interface ObjectFieldSelector extends Shape<typeof objectFieldSelectorFields> {}
export const ObjectFieldSelector = struct<ObjectFieldSelector>(
  'core.v1.ObjectFieldSelector',
  objectFieldSelectorFields,
  { atomic: true },
)

const resourceFieldSelectorFields = {
  containerName: opt(1, str),
  resource: req(2, str),
  divisor: always(3, quantity),
} as const

export interface ResourceFieldSelector extends Shape<typeof resourceFieldSelectorFields> {}
export const ResourceFieldSelector = struct<ResourceFieldSelector>(
  'core.v1.ResourceFieldSelector',
  resourceFieldSelectorFields,
  { atomic: true },
)

const resourceRequirementsFields = {
  limits: opt(1, mapOf(quantity), { doc: 'The most it may use. CPU is throttled, memory above it kills.' }),
  requests: opt(2, mapOf(quantity), { doc: 'What is set aside on the node; the limits when it is not set.' }),
  claims: opt(
    3,
    listOf(() => ResourceClaim, { mapKeys: ['name'] }),
    { gates: ['DynamicResourceAllocation'] },
  ),
} as const

export interface ResourceRequirements extends Shape<typeof resourceRequirementsFields> {}
export const ResourceRequirements = struct<ResourceRequirements>(
  'core.v1.ResourceRequirements',
  resourceRequirementsFields,
  { doc: 'What a container asks for (requests) and may use at most (limits).' },
)

const resourceClaimFields = {
  name: req(1, str),
  request: opt(2, str),
} as const

export interface ResourceClaim extends Shape<typeof resourceClaimFields> {}
export const ResourceClaim = struct<ResourceClaim>('core.v1.ResourceClaim', resourceClaimFields, {
  doc: 'A request for devices, and what was allocated for it.',
})

const seccompProfileFields = {
  type: req(1, SeccompProfileType),
  localhostProfile: ptr(2, str),
} as const

export interface SeccompProfile extends Shape<typeof seccompProfileFields> {}
export const SeccompProfile = struct<SeccompProfile>('core.v1.SeccompProfile', seccompProfileFields)

const appArmorProfileFields = {
  type: req(1, AppArmorProfileType),
  localhostProfile: ptr(2, str),
} as const

export interface AppArmorProfile extends Shape<typeof appArmorProfileFields> {}
export const AppArmorProfile = struct<AppArmorProfile>('core.v1.AppArmorProfile', appArmorProfileFields)

const objectReferenceFields = {
  kind: opt(1, str),
  namespace: opt(2, str),
  name: opt(3, str),
  uid: opt(4, str),
  apiVersion: opt(5, str),
  resourceVersion: opt(6, str),
  fieldPath: opt(7, str),
} as const

export interface ObjectReference extends Shape<typeof objectReferenceFields> {}
export const ObjectReference = struct<ObjectReference>('core.v1.ObjectReference', objectReferenceFields, {
  atomic: true,
})

export const localObjectReferenceFields = {
  name: opt(1, str),
} as const

export interface LocalObjectReference extends Shape<typeof localObjectReferenceFields> {}
export const LocalObjectReference = struct<LocalObjectReference>(
  'core.v1.LocalObjectReference',
  localObjectReferenceFields,
  { atomic: true },
)

const typedLocalObjectReferenceFields = {
  apiGroup: ptr(1, str),
  kind: req(2, str),
  name: req(3, str),
} as const

export interface TypedLocalObjectReference extends Shape<typeof typedLocalObjectReferenceFields> {}
export const TypedLocalObjectReference = struct<TypedLocalObjectReference>(
  'core.v1.TypedLocalObjectReference',
  typedLocalObjectReferenceFields,
  { atomic: true },
)

const seLinuxOptionsFields = {
  user: opt(1, str),
  role: opt(2, str),
  type: opt(3, str),
  level: opt(4, str),
} as const

export interface SELinuxOptions extends Shape<typeof seLinuxOptionsFields> {}
export const SELinuxOptions = struct<SELinuxOptions>('core.v1.SELinuxOptions', seLinuxOptionsFields)

const windowsSecurityContextOptionsFields = {
  gmsaCredentialSpecName: ptr(1, str),
  gmsaCredentialSpec: ptr(2, str),
  runAsUserName: ptr(3, str),
  hostProcess: ptr(4, bool),
} as const

export interface WindowsSecurityContextOptions extends Shape<typeof windowsSecurityContextOptionsFields> {}
export const WindowsSecurityContextOptions = struct<WindowsSecurityContextOptions>(
  'core.v1.WindowsSecurityContextOptions',
  windowsSecurityContextOptionsFields,
)
