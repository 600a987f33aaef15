import {
  always,
  anyOf,
  bool,
  inline,
  int32,
  int64,
  listOf,
  mapOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
} from '../../schema/index.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  HostPathVolumeSource,
  LocalObjectReference,
  localObjectReferenceFields,
  NFSVolumeSource,
  ObjectFieldSelector,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  PullPolicy,
  QuobyteVolumeSource,
  ResourceFieldSelector,
  VsphereVirtualDiskVolumeSource,
} from './common.ts'
import { PersistentVolumeClaimSpec } from './persistent-volume.ts'

export const StorageMedium = anyOf('', 'Memory', 'HugePages', 'HugePages-')

export const volumeSourceFields = {
  hostPath: opt(1, () => HostPathVolumeSource),
  emptyDir: opt(2, () => EmptyDirVolumeSource),
  gcePersistentDisk: opt(3, () => GCEPersistentDiskVolumeSource, { deprecated: true }),
  awsElasticBlockStore: opt(4, () => AWSElasticBlockStoreVolumeSource, { deprecated: true }),
  gitRepo: opt(5, () => GitRepoVolumeSource, { deprecated: true }),
  secret: opt(6, () => SecretVolumeSource),
  nfs: opt(7, () => NFSVolumeSource),
  iscsi: opt(8, () => ISCSIVolumeSource),
  glusterfs: opt(9, () => GlusterfsVolumeSource, { deprecated: true }),
  persistentVolumeClaim: opt(10, () => PersistentVolumeClaimVolumeSource),
  rbd: opt(11, () => RBDVolumeSource, { deprecated: true }),
  flexVolume: opt(12, () => FlexVolumeSource, { deprecated: true }),
  cinder: opt(13, () => CinderVolumeSource, { deprecated: true }),
  cephfs: opt(14, () => CephFSVolumeSource, { deprecated: true }),
  flocker: opt(15, () => FlockerVolumeSource, { deprecated: true }),
  downwardAPI: opt(16, () => DownwardAPIVolumeSource),
  fc: opt(17, () => FCVolumeSource),
  azureFile: opt(18, () => AzureFileVolumeSource, { deprecated: true }),
  configMap: opt(19, () => ConfigMapVolumeSource),
  vsphereVolume: opt(20, () => VsphereVirtualDiskVolumeSource, { deprecated: true }),
  quobyte: opt(21, () => QuobyteVolumeSource, { deprecated: true }),
  azureDisk: opt(22, () => AzureDiskVolumeSource, { deprecated: true }),
  photonPersistentDisk: opt(23, () => PhotonPersistentDiskVolumeSource, { deprecated: true }),
  projected: opt(26, () => ProjectedVolumeSource),
  portworxVolume: opt(24, () => PortworxVolumeSource, { deprecated: true }),
  scaleIO: opt(25, () => ScaleIOVolumeSource, { deprecated: true }),
  storageos: opt(27, () => StorageOSVolumeSource, { deprecated: true }),
  csi: opt(28, () => CSIVolumeSource),
  ephemeral: opt(29, () => EphemeralVolumeSource),
  image: opt(30, () => ImageVolumeSource),
} as const

export interface VolumeSource extends Shape<typeof volumeSourceFields> {}
export const VolumeSource = struct<VolumeSource>('core.v1.VolumeSource', volumeSourceFields)

const volumeFields = {
  name: req(1, str),
  ...inline(2, volumeSourceFields),
} as const

export interface Volume extends Shape<typeof volumeFields> {}
export const Volume = struct<Volume>('core.v1.Volume', volumeFields, {
  doc: "Storage that the pod's containers can mount. Exactly one source is set.",
})

const persistentVolumeClaimVolumeSourceFields = {
  claimName: req(1, str),
  readOnly: opt(2, bool),
} as const

export interface PersistentVolumeClaimVolumeSource
  extends Shape<typeof persistentVolumeClaimVolumeSourceFields> {}
export const PersistentVolumeClaimVolumeSource = struct<PersistentVolumeClaimVolumeSource>(
  'core.v1.PersistentVolumeClaimVolumeSource',
  persistentVolumeClaimVolumeSourceFields,
)

const emptyDirVolumeSourceFields = {
  medium: opt(1, StorageMedium, { doc: 'Memory makes it a tmpfs, counted against memory limits.' }),
  sizeLimit: ptr(2, quantity, { doc: 'The pod is evicted when it holds more.' }),
} as const

export interface EmptyDirVolumeSource extends Shape<typeof emptyDirVolumeSourceFields> {}
export const EmptyDirVolumeSource = struct<EmptyDirVolumeSource>(
  'core.v1.EmptyDirVolumeSource',
  emptyDirVolumeSourceFields,
)

const glusterfsVolumeSourceFields = {
  endpoints: req(1, str),
  path: req(2, str),
  readOnly: opt(3, bool),
} as const

export interface GlusterfsVolumeSource extends Shape<typeof glusterfsVolumeSourceFields> {}
export const GlusterfsVolumeSource = struct<GlusterfsVolumeSource>(
  'core.v1.GlusterfsVolumeSource',
  glusterfsVolumeSourceFields,
)

const rbdVolumeSourceFields = {
  monitors: req(1, listOf(str)),
  image: req(2, str),
  fsType: opt(3, str),
  pool: opt(4, str, { default: 'rbd' }),
  user: opt(5, str, { default: 'admin' }),
  keyring: opt(6, str, { default: '/etc/ceph/keyring' }),
  secretRef: opt(7, () => LocalObjectReference),
  readOnly: opt(8, bool),
} as const

export interface RBDVolumeSource extends Shape<typeof rbdVolumeSourceFields> {}
export const RBDVolumeSource = struct<RBDVolumeSource>('core.v1.RBDVolumeSource', rbdVolumeSourceFields)

const cinderVolumeSourceFields = {
  volumeID: req(1, str),
  fsType: opt(2, str),
  readOnly: opt(3, bool),
  secretRef: opt(4, () => LocalObjectReference),
} as const

export interface CinderVolumeSource extends Shape<typeof cinderVolumeSourceFields> {}
export const CinderVolumeSource = struct<CinderVolumeSource>(
  'core.v1.CinderVolumeSource',
  cinderVolumeSourceFields,
)

const cephFSVolumeSourceFields = {
  monitors: req(1, listOf(str)),
  path: opt(2, str),
  user: opt(3, str),
  secretFile: opt(4, str),
  secretRef: opt(5, () => LocalObjectReference),
  readOnly: opt(6, bool),
} as const

export interface CephFSVolumeSource extends Shape<typeof cephFSVolumeSourceFields> {}
export const CephFSVolumeSource = struct<CephFSVolumeSource>(
  'core.v1.CephFSVolumeSource',
  cephFSVolumeSourceFields,
)

const flexVolumeSourceFields = {
  driver: req(1, str),
  fsType: opt(2, str),
  secretRef: opt(3, () => LocalObjectReference),
  readOnly: opt(4, bool),
  options: opt(5, mapOf(str)),
} as const

export interface FlexVolumeSource extends Shape<typeof flexVolumeSourceFields> {}
export const FlexVolumeSource = struct<FlexVolumeSource>('core.v1.FlexVolumeSource', flexVolumeSourceFields)

const gitRepoVolumeSourceFields = {
  repository: req(1, str),
  revision: opt(2, str),
  directory: opt(3, str),
} as const

export interface GitRepoVolumeSource extends Shape<typeof gitRepoVolumeSourceFields> {}
export const GitRepoVolumeSource = struct<GitRepoVolumeSource>(
  'core.v1.GitRepoVolumeSource',
  gitRepoVolumeSourceFields,
)

const secretVolumeSourceFields = {
  secretName: opt(1, str),
  items: opt(
    2,
    listOf(() => KeyToPath),
  ),
  defaultMode: ptr(3, int32),
  optional: ptr(4, bool),
} as const

export interface SecretVolumeSource extends Shape<typeof secretVolumeSourceFields> {}
export const SecretVolumeSource = struct<SecretVolumeSource>(
  'core.v1.SecretVolumeSource',
  secretVolumeSourceFields,
)

const secretProjectionFields = {
  ...inline(1, localObjectReferenceFields),
  items: opt(
    2,
    listOf(() => KeyToPath),
  ),
  optional: ptr(4, bool),
} as const

export interface SecretProjection extends Shape<typeof secretProjectionFields> {}
export const SecretProjection = struct<SecretProjection>('core.v1.SecretProjection', secretProjectionFields)

const iscsiVolumeSourceFields = {
  targetPortal: req(1, str),
  iqn: req(2, str),
  lun: req(3, int32),
  iscsiInterface: opt(4, str, { default: 'default' }),
  fsType: opt(5, str),
  readOnly: opt(6, bool),
  portals: opt(7, listOf(str)),
  chapAuthDiscovery: opt(8, bool),
  chapAuthSession: opt(11, bool),
  secretRef: opt(10, () => LocalObjectReference),
  initiatorName: ptr(12, str),
} as const

export interface ISCSIVolumeSource extends Shape<typeof iscsiVolumeSourceFields> {}
export const ISCSIVolumeSource = struct<ISCSIVolumeSource>(
  'core.v1.ISCSIVolumeSource',
  iscsiVolumeSourceFields,
)

const azureFileVolumeSourceFields = {
  secretName: req(1, str),
  shareName: req(2, str),
  readOnly: opt(3, bool),
} as const

export interface AzureFileVolumeSource extends Shape<typeof azureFileVolumeSourceFields> {}
export const AzureFileVolumeSource = struct<AzureFileVolumeSource>(
  'core.v1.AzureFileVolumeSource',
  azureFileVolumeSourceFields,
)

const scaleIOVolumeSourceFields = {
  gateway: req(1, str),
  system: req(2, str),
  secretRef: req(3, () => LocalObjectReference, { pointer: true }),
  sslEnabled: opt(4, bool),
  protectionDomain: opt(5, str),
  storagePool: opt(6, str),
  storageMode: opt(7, str, { default: 'ThinProvisioned' }),
  volumeName: opt(8, str),
  fsType: opt(9, str, { default: 'xfs' }),
  readOnly: opt(10, bool),
} as const

export interface ScaleIOVolumeSource extends Shape<typeof scaleIOVolumeSourceFields> {}
export const ScaleIOVolumeSource = struct<ScaleIOVolumeSource>(
  'core.v1.ScaleIOVolumeSource',
  scaleIOVolumeSourceFields,
)

const storageOSVolumeSourceFields = {
  volumeName: opt(1, str),
  volumeNamespace: opt(2, str),
  fsType: opt(3, str),
  readOnly: opt(4, bool),
  secretRef: opt(5, () => LocalObjectReference),
} as const

export interface StorageOSVolumeSource extends Shape<typeof storageOSVolumeSourceFields> {}
export const StorageOSVolumeSource = struct<StorageOSVolumeSource>(
  'core.v1.StorageOSVolumeSource',
  storageOSVolumeSourceFields,
)

const configMapVolumeSourceFields = {
  ...inline(1, localObjectReferenceFields),
  items: opt(
    2,
    listOf(() => KeyToPath),
  ),
  defaultMode: ptr(3, int32),
  optional: ptr(4, bool),
} as const

export interface ConfigMapVolumeSource extends Shape<typeof configMapVolumeSourceFields> {}
export const ConfigMapVolumeSource = struct<ConfigMapVolumeSource>(
  'core.v1.ConfigMapVolumeSource',
  configMapVolumeSourceFields,
)

const configMapProjectionFields = {
  ...inline(1, localObjectReferenceFields),
  items: opt(
    2,
    listOf(() => KeyToPath),
  ),
  optional: ptr(4, bool),
} as const

export interface ConfigMapProjection extends Shape<typeof configMapProjectionFields> {}
export const ConfigMapProjection = struct<ConfigMapProjection>(
  'core.v1.ConfigMapProjection',
  configMapProjectionFields,
)

const serviceAccountTokenProjectionFields = {
  audience: opt(1, str),
  expirationSeconds: ptr(2, int64),
  path: req(3, str),
} as const

export interface ServiceAccountTokenProjection extends Shape<typeof serviceAccountTokenProjectionFields> {}
export const ServiceAccountTokenProjection = struct<ServiceAccountTokenProjection>(
  'core.v1.ServiceAccountTokenProjection',
  serviceAccountTokenProjectionFields,
)

const clusterTrustBundleProjectionFields = {
  name: ptr(1, str),
  signerName: ptr(2, str),
  labelSelector: opt(3, () => LabelSelector),
  optional: ptr(5, bool),
  path: req(4, str),
} as const

export interface ClusterTrustBundleProjection extends Shape<typeof clusterTrustBundleProjectionFields> {}
export const ClusterTrustBundleProjection = struct<ClusterTrustBundleProjection>(
  'core.v1.ClusterTrustBundleProjection',
  clusterTrustBundleProjectionFields,
)

const podCertificateProjectionFields = {
  signerName: req(1, str, { omitEmpty: true }),
  keyType: req(2, str, { omitEmpty: true }),
  maxExpirationSeconds: ptr(3, int32),
  credentialBundlePath: opt(4, str),
  keyPath: opt(5, str),
  certificateChainPath: opt(6, str),
  userAnnotations: opt(7, mapOf(str)),
} as const

export interface PodCertificateProjection extends Shape<typeof podCertificateProjectionFields> {}
export const PodCertificateProjection = struct<PodCertificateProjection>(
  'core.v1.PodCertificateProjection',
  podCertificateProjectionFields,
)

const projectedVolumeSourceFields = {
  sources: always(
    1,
    listOf(() => VolumeProjection),
  ),
  defaultMode: ptr(2, int32),
} as const

export interface ProjectedVolumeSource extends Shape<typeof projectedVolumeSourceFields> {}
export const ProjectedVolumeSource = struct<ProjectedVolumeSource>(
  'core.v1.ProjectedVolumeSource',
  projectedVolumeSourceFields,
)

const volumeProjectionFields = {
  secret: opt(1, () => SecretProjection),
  downwardAPI: opt(2, () => DownwardAPIProjection),
  configMap: opt(3, () => ConfigMapProjection),
  serviceAccountToken: opt(4, () => ServiceAccountTokenProjection),
  clusterTrustBundle: opt(5, () => ClusterTrustBundleProjection, { gates: ['ClusterTrustBundleProjection'] }),
  podCertificate: opt(6, () => PodCertificateProjection, { gates: ['PodCertificateProjection'] }),
} as const

export interface VolumeProjection extends Shape<typeof volumeProjectionFields> {}
export const VolumeProjection = struct<VolumeProjection>('core.v1.VolumeProjection', volumeProjectionFields)

const keyToPathFields = {
  key: req(1, str),
  path: req(2, str),
  mode: ptr(3, int32),
} as const

export interface KeyToPath extends Shape<typeof keyToPathFields> {}
export const KeyToPath = struct<KeyToPath>('core.v1.KeyToPath', keyToPathFields)

const csiVolumeSourceFields = {
  driver: req(1, str),
  readOnly: ptr(2, bool),
  fsType: ptr(3, str),
  volumeAttributes: opt(4, mapOf(str)),
  nodePublishSecretRef: opt(5, () => LocalObjectReference),
} as const

export interface CSIVolumeSource extends Shape<typeof csiVolumeSourceFields> {}
export const CSIVolumeSource = struct<CSIVolumeSource>('core.v1.CSIVolumeSource', csiVolumeSourceFields)

const ephemeralVolumeSourceFields = {
  volumeClaimTemplate: opt(1, () => PersistentVolumeClaimTemplate),
} as const

export interface EphemeralVolumeSource extends Shape<typeof ephemeralVolumeSourceFields> {}
export const EphemeralVolumeSource = struct<EphemeralVolumeSource>(
  'core.v1.EphemeralVolumeSource',
  ephemeralVolumeSourceFields,
)

const persistentVolumeClaimTemplateFields = {
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => PersistentVolumeClaimSpec),
} as const

export interface PersistentVolumeClaimTemplate extends Shape<typeof persistentVolumeClaimTemplateFields> {}
export const PersistentVolumeClaimTemplate = struct<PersistentVolumeClaimTemplate>(
  'core.v1.PersistentVolumeClaimTemplate',
  persistentVolumeClaimTemplateFields,
)

const downwardAPIVolumeSourceFields = {
  items: opt(
    1,
    listOf(() => DownwardAPIVolumeFile),
  ),
  defaultMode: ptr(2, int32),
} as const

export interface DownwardAPIVolumeSource extends Shape<typeof downwardAPIVolumeSourceFields> {}
export const DownwardAPIVolumeSource = struct<DownwardAPIVolumeSource>(
  'core.v1.DownwardAPIVolumeSource',
  downwardAPIVolumeSourceFields,
)

const downwardAPIVolumeFileFields = {
  path: req(1, str),
  fieldRef: opt(2, () => ObjectFieldSelector),
  resourceFieldRef: opt(3, () => ResourceFieldSelector),
  mode: ptr(4, int32),
} as const

export interface DownwardAPIVolumeFile extends Shape<typeof downwardAPIVolumeFileFields> {}
export const DownwardAPIVolumeFile = struct<DownwardAPIVolumeFile>(
  'core.v1.DownwardAPIVolumeFile',
  downwardAPIVolumeFileFields,
)

const downwardAPIProjectionFields = {
  items: opt(
    1,
    listOf(() => DownwardAPIVolumeFile),
  ),
} as const

export interface DownwardAPIProjection extends Shape<typeof downwardAPIProjectionFields> {}
export const DownwardAPIProjection = struct<DownwardAPIProjection>(
  'core.v1.DownwardAPIProjection',
  downwardAPIProjectionFields,
)

const imageVolumeSourceFields = {
  reference: opt(1, str),
  pullPolicy: opt(2, PullPolicy),
} as const

export interface ImageVolumeSource extends Shape<typeof imageVolumeSourceFields> {}
export const ImageVolumeSource = struct<ImageVolumeSource>(
  'core.v1.ImageVolumeSource',
  imageVolumeSourceFields,
)
