import {
  always,
  anyOf,
  body,
  bool,
  inline,
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
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import { Affinity, Toleration } from './affinity.ts'
import {
  AppArmorProfile,
  ConditionStatus,
  LocalObjectReference,
  PodConditionType,
  PreemptionPolicy,
  RecursiveReadOnlyMode,
  ResourceName,
  ResourceRequirements,
  SELinuxOptions,
  SeccompProfile,
  Signal,
  WindowsSecurityContextOptions,
} from './common.ts'
import { Container, ephemeralContainerCommonFields } from './container.ts'
import { Volume } from './volume.ts'

export const ResourceHealthStatus = anyOf('Healthy', 'Unhealthy', 'Unknown')

export const PodPhase = oneOf('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown')
export type PodPhase = TypeOf<typeof PodPhase>

export const PodResizeStatus = anyOf('InProgress', 'Deferred', 'Infeasible')

export const RestartPolicy = oneOf('Always', 'OnFailure', 'Never')
export type RestartPolicy = TypeOf<typeof RestartPolicy>

export const DNSPolicy = oneOf('ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None')
export type DNSPolicy = TypeOf<typeof DNSPolicy>

export const OSName = anyOf('linux', 'windows')

export const UnsatisfiableConstraintAction = oneOf('DoNotSchedule', 'ScheduleAnyway')
export type UnsatisfiableConstraintAction = TypeOf<typeof UnsatisfiableConstraintAction>

export const NodeInclusionPolicy = oneOf('Ignore', 'Honor')
export type NodeInclusionPolicy = TypeOf<typeof NodeInclusionPolicy>

export const PodFSGroupChangePolicy = oneOf('OnRootMismatch', 'Always')
export type PodFSGroupChangePolicy = TypeOf<typeof PodFSGroupChangePolicy>

export const SupplementalGroupsPolicy = oneOf('Merge', 'Strict')
export type SupplementalGroupsPolicy = TypeOf<typeof SupplementalGroupsPolicy>

export const PodSELinuxChangePolicy = anyOf('Recursive', 'MountOption')

export const PodQOSClass = oneOf('Guaranteed', 'Burstable', 'BestEffort')
export type PodQOSClass = TypeOf<typeof PodQOSClass>

const containerStateWaitingFields = {
  reason: opt(1, str),
  message: opt(2, str),
} as const

export interface ContainerStateWaiting extends Shape<typeof containerStateWaitingFields> {}
export const ContainerStateWaiting = struct<ContainerStateWaiting>(
  'core.v1.ContainerStateWaiting',
  containerStateWaitingFields,
)

const containerStateRunningFields = {
  startedAt: opt(1, time),
} as const

export interface ContainerStateRunning extends Shape<typeof containerStateRunningFields> {}
export const ContainerStateRunning = struct<ContainerStateRunning>(
  'core.v1.ContainerStateRunning',
  containerStateRunningFields,
)

const containerStateTerminatedFields = {
  exitCode: req(1, int32),
  signal: opt(2, int32),
  reason: opt(3, str),
  message: opt(4, str),
  startedAt: opt(5, time),
  finishedAt: opt(6, time),
  containerID: opt(7, str),
} as const

export interface ContainerStateTerminated extends Shape<typeof containerStateTerminatedFields> {}
export const ContainerStateTerminated = struct<ContainerStateTerminated>(
  'core.v1.ContainerStateTerminated',
  containerStateTerminatedFields,
)

const containerStateFields = {
  waiting: opt(1, () => ContainerStateWaiting),
  running: opt(2, () => ContainerStateRunning),
  terminated: opt(3, () => ContainerStateTerminated),
} as const

export interface ContainerState extends Shape<typeof containerStateFields> {}
export const ContainerState = struct<ContainerState>('core.v1.ContainerState', containerStateFields)

const containerStatusFields = {
  name: req(1, str),
  state: always(2, () => ContainerState),
  lastState: always(3, () => ContainerState),
  ready: req(4, bool),
  restartCount: req(5, int32),
  image: req(6, str),
  imageID: req(7, str),
  containerID: opt(8, str),
  started: ptr(9, bool),
  allocatedResources: opt(10, mapOf(quantity)),
  resources: opt(11, () => ResourceRequirements, { gates: ['InPlacePodVerticalScaling'] }),
  volumeMounts: opt(
    12,
    listOf(() => VolumeMountStatus, { mapKeys: ['mountPath'], merge: 'mountPath' }),
  ),
  user: opt(13, () => ContainerUser, { gates: ['SupplementalGroupsPolicy'] }),
  allocatedResourcesStatus: opt(
    14,
    listOf(() => ResourceStatus, { mapKeys: ['name'], merge: 'name' }),
    { gates: ['ResourceHealthStatus'] },
  ),
  stopSignal: ptr(15, Signal, { gates: ['ContainerStopSignals'] }),
} as const

export interface ContainerStatus extends Shape<typeof containerStatusFields> {}
export const ContainerStatus = struct<ContainerStatus>('core.v1.ContainerStatus', containerStatusFields)

const resourceStatusFields = {
  name: req(1, ResourceName),
  resources: opt(
    2,
    listOf(() => ResourceHealth, { mapKeys: ['resourceID'] }),
  ),
} as const

export interface ResourceStatus extends Shape<typeof resourceStatusFields> {}
export const ResourceStatus = struct<ResourceStatus>('core.v1.ResourceStatus', resourceStatusFields)

const resourceHealthFields = {
  resourceID: req(1, str),
  health: opt(2, ResourceHealthStatus),
  message: ptr(6, str, { gates: ['ResourceHealthStatusMessage'] }),
} as const

export interface ResourceHealth extends Shape<typeof resourceHealthFields> {}
export const ResourceHealth = struct<ResourceHealth>('core.v1.ResourceHealth', resourceHealthFields)

const containerUserFields = {
  linux: opt(1, () => LinuxContainerUser),
} as const

export interface ContainerUser extends Shape<typeof containerUserFields> {}
export const ContainerUser = struct<ContainerUser>('core.v1.ContainerUser', containerUserFields)

const linuxContainerUserFields = {
  uid: req(1, int64),
  gid: req(2, int64),
  supplementalGroups: opt(3, listOf(int64)),
} as const

export interface LinuxContainerUser extends Shape<typeof linuxContainerUserFields> {}
export const LinuxContainerUser = struct<LinuxContainerUser>(
  'core.v1.LinuxContainerUser',
  linuxContainerUserFields,
)

const podConditionFields = {
  type: req(1, PodConditionType),
  observedGeneration: opt(7, int64),
  status: req(2, ConditionStatus),
  lastProbeTime: opt(3, time),
  lastTransitionTime: opt(4, time),
  reason: opt(5, str),
  message: opt(6, str),
} as const

export interface PodCondition extends Shape<typeof podConditionFields> {}
export const PodCondition = struct<PodCondition>('core.v1.PodCondition', podConditionFields)

const volumeMountStatusFields = {
  name: req(1, str),
  mountPath: req(2, str),
  readOnly: opt(3, bool),
  recursiveReadOnly: ptr(4, RecursiveReadOnlyMode),
  volumeStatus: opt(5, () => VolumeStatus),
} as const

export interface VolumeMountStatus extends Shape<typeof volumeMountStatusFields> {}
export const VolumeMountStatus = struct<VolumeMountStatus>(
  'core.v1.VolumeMountStatus',
  volumeMountStatusFields,
)

const volumeStatusFields = {
  image: opt(1, () => ImageVolumeStatus, { gates: ['ImageVolumeWithDigest'] }),
} as const

export interface VolumeStatus extends Shape<typeof volumeStatusFields> {}
export const VolumeStatus = struct<VolumeStatus>('core.v1.VolumeStatus', volumeStatusFields)

const imageVolumeStatusFields = {
  imageRef: req(1, str, { omitEmpty: true }),
} as const

export interface ImageVolumeStatus extends Shape<typeof imageVolumeStatusFields> {}
export const ImageVolumeStatus = struct<ImageVolumeStatus>(
  'core.v1.ImageVolumeStatus',
  imageVolumeStatusFields,
)

const podReadinessGateFields = {
  conditionType: req(1, PodConditionType),
} as const

export interface PodReadinessGate extends Shape<typeof podReadinessGateFields> {}
export const PodReadinessGate = struct<PodReadinessGate>('core.v1.PodReadinessGate', podReadinessGateFields)

const podSpecFields = {
  volumes: opt(
    1,
    listOf(() => Volume, { mapKeys: ['name'], merge: 'name' }),
    { retainKeys: true },
  ),
  initContainers: opt(
    20,
    listOf(() => Container, { mapKeys: ['name'], merge: 'name' }),
    { doc: 'Run one after the other, each to its end, before the containers start.' },
  ),
  containers: req(
    2,
    listOf(() => Container, { mapKeys: ['name'], merge: 'name' }),
  ),
  ephemeralContainers: opt(
    34,
    listOf(() => EphemeralContainer, { mapKeys: ['name'], merge: 'name' }),
  ),
  restartPolicy: opt(3, RestartPolicy, { doc: 'Always when it is not set.' }),
  terminationGracePeriodSeconds: ptr(4, int64, {
    doc: 'Time between the stop signal and the kill; 30 when it is not set.',
  }),
  activeDeadlineSeconds: ptr(5, int64, { doc: 'The pod is ended this long after its start.' }),
  dnsPolicy: opt(6, DNSPolicy, { doc: 'ClusterFirst when it is not set.' }),
  nodeSelector: opt(7, mapOf(str, { atomic: true }), { doc: 'Labels that the node must have.' }),
  serviceAccountName: opt(8, str),
  serviceAccount: opt(9, str, { deprecated: true }),
  automountServiceAccountToken: ptr(21, bool),
  nodeName: opt(10, str, { doc: 'The node that the pod was assigned to.' }),
  hostNetwork: opt(11, bool, { doc: "Uses the node's network." }),
  hostPID: opt(12, bool),
  hostIPC: opt(13, bool),
  shareProcessNamespace: ptr(27, bool),
  securityContext: opt(14, () => PodSecurityContext),
  imagePullSecrets: opt(
    15,
    listOf(() => LocalObjectReference, { mapKeys: ['name'], merge: 'name' }),
  ),
  hostname: opt(16, str),
  subdomain: opt(17, str),
  affinity: opt(18, () => Affinity),
  schedulerName: opt(19, str),
  tolerations: opt(
    22,
    listOf(() => Toleration),
  ),
  hostAliases: opt(
    23,
    listOf(() => HostAlias, { mapKeys: ['ip'], merge: 'ip' }),
  ),
  priorityClassName: opt(24, str, { doc: 'Decides priority.' }),
  priority: ptr(25, int32),
  dnsConfig: opt(26, () => PodDNSConfig),
  readinessGates: opt(
    28,
    listOf(() => PodReadinessGate),
  ),
  runtimeClassName: ptr(29, str),
  enableServiceLinks: ptr(30, bool, {
    doc: 'Tells containers of Services through environment variables; true when it is not set.',
  }),
  preemptionPolicy: ptr(31, PreemptionPolicy),
  overhead: opt(32, mapOf(quantity)),
  topologySpreadConstraints: opt(
    33,
    listOf(() => TopologySpreadConstraint, {
      mapKeys: ['topologyKey', 'whenUnsatisfiable'],
      merge: 'topologyKey',
    }),
  ),
  setHostnameAsFQDN: ptr(35, bool),
  os: opt(36, () => PodOS),
  hostUsers: ptr(37, bool),
  schedulingGates: opt(
    38,
    listOf(() => PodSchedulingGate, { mapKeys: ['name'], merge: 'name' }),
  ),
  resourceClaims: opt(
    39,
    listOf(() => PodResourceClaim, { mapKeys: ['name'], merge: 'name' }),
    { gates: ['DynamicResourceAllocation'], retainKeys: true },
  ),
  resources: opt(40, () => ResourceRequirements, { gates: ['PodLevelResources'] }),
  hostnameOverride: ptr(41, str, { gates: ['HostnameOverride'] }),
  schedulingGroup: opt(43, () => PodSchedulingGroup, { gates: ['GenericWorkload'] }),
} as const

export interface PodSpec extends Shape<typeof podSpecFields> {}
export const PodSpec = struct<PodSpec>('core.v1.PodSpec', podSpecFields, { doc: 'What a pod should be.' })

const podResourceClaimFields = {
  name: req(1, str),
  resourceClaimName: ptr(3, str),
  resourceClaimTemplateName: ptr(4, str),
} as const

export interface PodResourceClaim extends Shape<typeof podResourceClaimFields> {}
export const PodResourceClaim = struct<PodResourceClaim>('core.v1.PodResourceClaim', podResourceClaimFields)

const podResourceClaimStatusFields = {
  name: req(1, str),
  resourceClaimName: ptr(2, str),
} as const

export interface PodResourceClaimStatus extends Shape<typeof podResourceClaimStatusFields> {}
export const PodResourceClaimStatus = struct<PodResourceClaimStatus>(
  'core.v1.PodResourceClaimStatus',
  podResourceClaimStatusFields,
)

const podExtendedResourceClaimStatusFields = {
  requestMappings: req(
    1,
    listOf(() => ContainerExtendedResourceRequest),
  ),
  resourceClaimName: req(2, str),
} as const

export interface PodExtendedResourceClaimStatus extends Shape<typeof podExtendedResourceClaimStatusFields> {}
export const PodExtendedResourceClaimStatus = struct<PodExtendedResourceClaimStatus>(
  'core.v1.PodExtendedResourceClaimStatus',
  podExtendedResourceClaimStatusFields,
)

const containerExtendedResourceRequestFields = {
  containerName: req(1, str),
  resourceName: req(2, str),
  requestName: req(3, str),
} as const

export interface ContainerExtendedResourceRequest
  extends Shape<typeof containerExtendedResourceRequestFields> {}
export const ContainerExtendedResourceRequest = struct<ContainerExtendedResourceRequest>(
  'core.v1.ContainerExtendedResourceRequest',
  containerExtendedResourceRequestFields,
)

const podOSFields = {
  name: req(1, OSName),
} as const

export interface PodOS extends Shape<typeof podOSFields> {}
export const PodOS = struct<PodOS>('core.v1.PodOS', podOSFields)

const podSchedulingGateFields = {
  name: req(1, str),
} as const

export interface PodSchedulingGate extends Shape<typeof podSchedulingGateFields> {}
export const PodSchedulingGate = struct<PodSchedulingGate>(
  'core.v1.PodSchedulingGate',
  podSchedulingGateFields,
)

const podSchedulingGroupFields = {
  podGroupName: ptr(1, str, { union: 'GroupSelection' }),
} as const

export interface PodSchedulingGroup extends Shape<typeof podSchedulingGroupFields> {}
export const PodSchedulingGroup = struct<PodSchedulingGroup>(
  'core.v1.PodSchedulingGroup',
  podSchedulingGroupFields,
)

const topologySpreadConstraintFields = {
  maxSkew: req(1, int32),
  topologyKey: req(2, str),
  whenUnsatisfiable: req(3, UnsatisfiableConstraintAction),
  labelSelector: opt(4, () => LabelSelector),
  minDomains: ptr(5, int32),
  nodeAffinityPolicy: ptr(6, NodeInclusionPolicy),
  nodeTaintsPolicy: ptr(7, NodeInclusionPolicy),
  matchLabelKeys: opt(8, listOf(str)),
} as const

export interface TopologySpreadConstraint extends Shape<typeof topologySpreadConstraintFields> {}
export const TopologySpreadConstraint = struct<TopologySpreadConstraint>(
  'core.v1.TopologySpreadConstraint',
  topologySpreadConstraintFields,
)

const hostAliasFields = {
  ip: req(1, str),
  hostnames: opt(2, listOf(str)),
} as const

export interface HostAlias extends Shape<typeof hostAliasFields> {}
export const HostAlias = struct<HostAlias>('core.v1.HostAlias', hostAliasFields)

const podSecurityContextFields = {
  seLinuxOptions: opt(1, () => SELinuxOptions),
  windowsOptions: opt(8, () => WindowsSecurityContextOptions),
  runAsUser: ptr(2, int64),
  runAsGroup: ptr(6, int64),
  runAsNonRoot: ptr(3, bool),
  supplementalGroups: opt(4, listOf(int64)),
  supplementalGroupsPolicy: ptr(12, SupplementalGroupsPolicy, { gates: ['SupplementalGroupsPolicy'] }),
  fsGroup: ptr(5, int64),
  sysctls: opt(
    7,
    listOf(() => Sysctl),
  ),
  fsGroupChangePolicy: ptr(9, PodFSGroupChangePolicy),
  seccompProfile: opt(10, () => SeccompProfile),
  appArmorProfile: opt(11, () => AppArmorProfile),
  seLinuxChangePolicy: ptr(13, PodSELinuxChangePolicy, { gates: ['SELinuxChangePolicy'] }),
} as const

export interface PodSecurityContext extends Shape<typeof podSecurityContextFields> {}
export const PodSecurityContext = struct<PodSecurityContext>(
  'core.v1.PodSecurityContext',
  podSecurityContextFields,
  { doc: 'Privileges of all containers of a pod.' },
)

const podDNSConfigFields = {
  nameservers: opt(1, listOf(str)),
  searches: opt(2, listOf(str)),
  options: opt(
    3,
    listOf(() => PodDNSConfigOption),
  ),
} as const

export interface PodDNSConfig extends Shape<typeof podDNSConfigFields> {}
export const PodDNSConfig = struct<PodDNSConfig>('core.v1.PodDNSConfig', podDNSConfigFields)

const podDNSConfigOptionFields = {
  name: opt(1, str),
  value: ptr(2, str),
} as const

export interface PodDNSConfigOption extends Shape<typeof podDNSConfigOptionFields> {}
export const PodDNSConfigOption = struct<PodDNSConfigOption>(
  'core.v1.PodDNSConfigOption',
  podDNSConfigOptionFields,
)

const podIPFields = {
  ip: req(1, str),
} as const

export interface PodIP extends Shape<typeof podIPFields> {}
export const PodIP = struct<PodIP>('core.v1.PodIP', podIPFields)

const hostIPFields = {
  ip: req(1, str),
} as const

export interface HostIP extends Shape<typeof hostIPFields> {}
export const HostIP = struct<HostIP>('core.v1.HostIP', hostIPFields)

const ephemeralContainerFields = {
  ...inline(1, ephemeralContainerCommonFields),
  targetContainerName: opt(2, str),
} as const

export interface EphemeralContainer extends Shape<typeof ephemeralContainerFields> {}
export const EphemeralContainer = struct<EphemeralContainer>(
  'core.v1.EphemeralContainer',
  ephemeralContainerFields,
)

const podStatusFields = {
  observedGeneration: opt(17, int64),
  phase: opt(1, PodPhase, { doc: 'A summary. Conditions and container statuses say more.' }),
  conditions: opt(
    2,
    listOf(() => PodCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
  message: opt(3, str),
  reason: opt(4, str),
  nominatedNodeName: opt(11, str),
  hostIP: opt(5, str),
  hostIPs: opt(
    16,
    listOf(() => HostIP, { merge: 'ip' }),
  ),
  podIP: opt(6, str),
  podIPs: opt(
    12,
    listOf(() => PodIP, { mapKeys: ['ip'], merge: 'ip' }),
  ),
  startTime: ptr(7, time),
  initContainerStatuses: opt(
    10,
    listOf(() => ContainerStatus),
  ),
  containerStatuses: opt(
    8,
    listOf(() => ContainerStatus),
  ),
  qosClass: opt(9, PodQOSClass),
  ephemeralContainerStatuses: opt(
    13,
    listOf(() => ContainerStatus),
  ),
  resize: opt(14, PodResizeStatus, { deprecated: true, gates: ['InPlacePodVerticalScaling'] }),
  resourceClaimStatuses: opt(
    15,
    listOf(() => PodResourceClaimStatus, { mapKeys: ['name'], merge: 'name' }),
    { gates: ['DynamicResourceAllocation'], retainKeys: true },
  ),
  extendedResourceClaimStatus: opt(18, () => PodExtendedResourceClaimStatus, {
    gates: ['DRAExtendedResource'],
  }),
  allocatedResources: opt(19, mapOf(quantity), { gates: ['InPlacePodLevelResourcesVerticalScaling'] }),
  resources: opt(20, () => ResourceRequirements, { gates: ['InPlacePodLevelResourcesVerticalScaling'] }),
  nodeAllocatableResourceClaimStatuses: opt(
    21,
    listOf(() => NodeAllocatableResourceClaimStatus),
    { gates: ['DRANodeAllocatableResources'] },
  ),
} as const

export interface PodStatus extends Shape<typeof podStatusFields> {}
export const PodStatus = struct<PodStatus>('core.v1.PodStatus', podStatusFields, {
  doc: 'What a pod is, as the node reports it.',
})

const podStatusResultFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  status: always(2, () => PodStatus),
} as const

export interface PodStatusResult extends Shape<typeof podStatusResultFields> {}
export const PodStatusResult = body<PodStatusResult>('core.v1.PodStatusResult', podStatusResultFields, {
  group: '',
})

const podFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PodSpec),
  status: always(3, () => PodStatus),
} as const

export interface Pod extends Shape<typeof podFields> {}
export const Pod = kind<Pod>('core.v1.Pod', podFields, {
  doc: 'Containers that run together on one node and share its network address and volumes.',
  group: '',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  subresources: {
    attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    binding: { kind: 'Binding', verbs: ['create'] },
    ephemeralcontainers: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    exec: { kind: 'PodExecOptions', verbs: ['create', 'get'] },
    log: { kind: 'Pod', verbs: ['get'] },
    portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    proxy: { kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    resize: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    status: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
  },
})

const podTemplateSpecFields = {
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PodSpec),
} as const

export interface PodTemplateSpec extends Shape<typeof podTemplateSpecFields> {}
export const PodTemplateSpec = struct<PodTemplateSpec>('core.v1.PodTemplateSpec', podTemplateSpecFields)

const podTemplateFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  template: always(2, () => PodTemplateSpec),
} as const

export interface PodTemplate extends Shape<typeof podTemplateFields> {}
export const PodTemplate = kind<PodTemplate>('core.v1.PodTemplate', podTemplateFields, {
  doc: 'A stored template for pods.',
  group: '',
  plural: 'podtemplates',
})

const sysctlFields = {
  name: req(1, str),
  value: req(2, str),
} as const

export interface Sysctl extends Shape<typeof sysctlFields> {}
export const Sysctl = struct<Sysctl>('core.v1.Sysctl', sysctlFields)

const nodeAllocatableResourceClaimStatusFields = {
  resourceClaimName: req(1, str),
  containers: opt(2, listOf(str, { set: true })),
  resources: req(3, mapOf(quantity)),
} as const

export interface NodeAllocatableResourceClaimStatus
  extends Shape<typeof nodeAllocatableResourceClaimStatusFields> {}
export const NodeAllocatableResourceClaimStatus = struct<NodeAllocatableResourceClaimStatus>(
  'core.v1.NodeAllocatableResourceClaimStatus',
  nodeAllocatableResourceClaimStatusFields,
)
