import {
  always,
  anyOf,
  bool,
  inline,
  int32,
  int64,
  intOrString,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
} from '../../schema/index.ts'
import {
  AppArmorProfile,
  localObjectReferenceFields,
  ObjectFieldSelector,
  Protocol,
  PullPolicy,
  RecursiveReadOnlyMode,
  ResourceFieldSelector,
  ResourceName,
  ResourceRequirements,
  SELinuxOptions,
  SeccompProfile,
  Signal,
  WindowsSecurityContextOptions,
} from './common.ts'

export const MountPropagationMode = oneOf('None', 'HostToContainer', 'Bidirectional')
export type MountPropagationMode = TypeOf<typeof MountPropagationMode>

export const URIScheme = oneOf('HTTP', 'HTTPS')
export type URIScheme = TypeOf<typeof URIScheme>

export const ResourceResizeRestartPolicy = anyOf('NotRequired', 'RestartContainer')

export const TerminationMessagePolicy = oneOf('File', 'FallbackToLogsOnError')
export type TerminationMessagePolicy = TypeOf<typeof TerminationMessagePolicy>

export const ContainerRestartPolicy = anyOf('Always', 'Never', 'OnFailure')

export const ContainerRestartRuleAction = anyOf('Restart', 'RestartAllContainers')

export const ContainerRestartRuleOnExitCodesOperator = anyOf('In', 'NotIn')

export const ProcMountType = oneOf('Default', 'Unmasked')
export type ProcMountType = TypeOf<typeof ProcMountType>

const containerPortFields = {
  name: opt(1, str),
  hostPort: opt(2, int32),
  containerPort: req(3, int32),
  protocol: opt(4, Protocol, { default: 'TCP' }),
  hostIP: opt(5, str),
} as const

export interface ContainerPort extends Shape<typeof containerPortFields> {}
export const ContainerPort = struct<ContainerPort>('core.v1.ContainerPort', containerPortFields, {
  doc: 'A port that the container listens on. Informative, except for hostPort and the name.',
})

const volumeMountFields = {
  name: req(1, str),
  readOnly: opt(2, bool),
  recursiveReadOnly: ptr(7, RecursiveReadOnlyMode),
  mountPath: req(3, str),
  subPath: opt(4, str),
  mountPropagation: ptr(5, MountPropagationMode),
  subPathExpr: opt(6, str),
} as const

export interface VolumeMount extends Shape<typeof volumeMountFields> {}
export const VolumeMount = struct<VolumeMount>('core.v1.VolumeMount', volumeMountFields, {
  doc: 'Where a container sees a volume.',
})

const volumeDeviceFields = {
  name: req(1, str),
  devicePath: req(2, str),
} as const

export interface VolumeDevice extends Shape<typeof volumeDeviceFields> {}
export const VolumeDevice = struct<VolumeDevice>('core.v1.VolumeDevice', volumeDeviceFields)

const envVarFields = {
  name: req(1, str),
  value: opt(2, str),
  valueFrom: opt(3, () => EnvVarSource),
} as const

export interface EnvVar extends Shape<typeof envVarFields> {}
export const EnvVar = struct<EnvVar>('core.v1.EnvVar', envVarFields, { doc: 'One environment variable.' })

const envVarSourceFields = {
  fieldRef: opt(1, () => ObjectFieldSelector),
  resourceFieldRef: opt(2, () => ResourceFieldSelector),
  configMapKeyRef: opt(3, () => ConfigMapKeySelector),
  secretKeyRef: opt(4, () => SecretKeySelector),
  fileKeyRef: opt(5, () => FileKeySelector, { gates: ['EnvFiles'] }),
} as const

export interface EnvVarSource extends Shape<typeof envVarSourceFields> {}
export const EnvVarSource = struct<EnvVarSource>('core.v1.EnvVarSource', envVarSourceFields)

const fileKeySelectorFields = {
  volumeName: req(1, str),
  path: req(2, str),
  key: req(3, str),
  optional: ptr(4, bool, { default: false }),
} as const

export interface FileKeySelector extends Shape<typeof fileKeySelectorFields> {}
export const FileKeySelector = struct<FileKeySelector>('core.v1.FileKeySelector', fileKeySelectorFields, {
  atomic: true,
})

const configMapKeySelectorFields = {
  ...inline(1, localObjectReferenceFields),
  key: req(2, str),
  optional: ptr(3, bool),
} as const

export interface ConfigMapKeySelector extends Shape<typeof configMapKeySelectorFields> {}
export const ConfigMapKeySelector = struct<ConfigMapKeySelector>(
  'core.v1.ConfigMapKeySelector',
  configMapKeySelectorFields,
  { atomic: true },
)

const secretKeySelectorFields = {
  ...inline(1, localObjectReferenceFields),
  key: req(2, str),
  optional: ptr(3, bool),
} as const

export interface SecretKeySelector extends Shape<typeof secretKeySelectorFields> {}
export const SecretKeySelector = struct<SecretKeySelector>(
  'core.v1.SecretKeySelector',
  secretKeySelectorFields,
  { atomic: true },
)

const envFromSourceFields = {
  prefix: opt(1, str),
  configMapRef: opt(2, () => ConfigMapEnvSource),
  secretRef: opt(3, () => SecretEnvSource),
} as const

export interface EnvFromSource extends Shape<typeof envFromSourceFields> {}
export const EnvFromSource = struct<EnvFromSource>('core.v1.EnvFromSource', envFromSourceFields)

const configMapEnvSourceFields = {
  ...inline(1, localObjectReferenceFields),
  optional: ptr(2, bool),
} as const

export interface ConfigMapEnvSource extends Shape<typeof configMapEnvSourceFields> {}
export const ConfigMapEnvSource = struct<ConfigMapEnvSource>(
  'core.v1.ConfigMapEnvSource',
  configMapEnvSourceFields,
)

const secretEnvSourceFields = {
  ...inline(1, localObjectReferenceFields),
  optional: ptr(2, bool),
} as const

export interface SecretEnvSource extends Shape<typeof secretEnvSourceFields> {}
export const SecretEnvSource = struct<SecretEnvSource>('core.v1.SecretEnvSource', secretEnvSourceFields)

const httpHeaderFields = {
  name: req(1, str),
  value: req(2, str),
} as const

export interface HTTPHeader extends Shape<typeof httpHeaderFields> {}
export const HTTPHeader = struct<HTTPHeader>('core.v1.HTTPHeader', httpHeaderFields)

const httpGetActionFields = {
  path: opt(1, str),
  port: req(2, intOrString),
  host: opt(3, str),
  scheme: opt(4, URIScheme),
  httpHeaders: opt(
    5,
    listOf(() => HTTPHeader),
  ),
} as const

export interface HTTPGetAction extends Shape<typeof httpGetActionFields> {}
export const HTTPGetAction = struct<HTTPGetAction>('core.v1.HTTPGetAction', httpGetActionFields)

const tcpSocketActionFields = {
  port: req(1, intOrString),
  host: opt(2, str),
} as const

export interface TCPSocketAction extends Shape<typeof tcpSocketActionFields> {}
export const TCPSocketAction = struct<TCPSocketAction>('core.v1.TCPSocketAction', tcpSocketActionFields)

const grpcActionFields = {
  port: req(1, int32),
  service: ptr(2, str, { default: '' }),
} as const

export interface GRPCAction extends Shape<typeof grpcActionFields> {}
export const GRPCAction = struct<GRPCAction>('core.v1.GRPCAction', grpcActionFields)

const execActionFields = {
  command: opt(1, listOf(str)),
} as const

export interface ExecAction extends Shape<typeof execActionFields> {}
export const ExecAction = struct<ExecAction>('core.v1.ExecAction', execActionFields)

const sleepActionFields = {
  seconds: req(1, int64),
} as const

export interface SleepAction extends Shape<typeof sleepActionFields> {}
export const SleepAction = struct<SleepAction>('core.v1.SleepAction', sleepActionFields)

export const probeHandlerFields = {
  exec: opt(1, () => ExecAction),
  httpGet: opt(2, () => HTTPGetAction),
  tcpSocket: opt(3, () => TCPSocketAction),
  grpc: opt(4, () => GRPCAction),
} as const

export interface ProbeHandler extends Shape<typeof probeHandlerFields> {}
export const ProbeHandler = struct<ProbeHandler>('core.v1.ProbeHandler', probeHandlerFields)

const probeFields = {
  ...inline(1, probeHandlerFields),
  initialDelaySeconds: opt(2, int32, { doc: 'Time from the start of the container to the first check.' }),
  timeoutSeconds: opt(3, int32, { doc: '1 when it is not set.' }),
  periodSeconds: opt(4, int32, { doc: 'Time between checks; 10 when it is not set.' }),
  successThreshold: opt(5, int32, {
    doc: 'Successes in a row that count; 1 when it is not set, and always for liveness and startup.',
  }),
  failureThreshold: opt(6, int32, { doc: 'Failures in a row that count; 3 when it is not set.' }),
  terminationGracePeriodSeconds: ptr(7, int64),
} as const

export interface Probe extends Shape<typeof probeFields> {}
export const Probe = struct<Probe>('core.v1.Probe', probeFields, {
  doc: 'A check of a container, and how often to make it.',
})

const containerResizePolicyFields = {
  resourceName: req(1, ResourceName),
  restartPolicy: req(2, ResourceResizeRestartPolicy),
} as const

export interface ContainerResizePolicy extends Shape<typeof containerResizePolicyFields> {}
export const ContainerResizePolicy = struct<ContainerResizePolicy>(
  'core.v1.ContainerResizePolicy',
  containerResizePolicyFields,
)

const capabilitiesFields = {
  add: opt(1, listOf(str)),
  drop: opt(2, listOf(str)),
} as const

export interface Capabilities extends Shape<typeof capabilitiesFields> {}
export const Capabilities = struct<Capabilities>('core.v1.Capabilities', capabilitiesFields)

const containerFields = {
  name: req(1, str, { doc: 'A DNS label, unique in the pod. Cannot be changed.' }),
  image: opt(2, str, {
    doc: 'Name of the image, such as nginx:1.27 or registry.example.com/team/app@sha256:….',
  }),
  command: opt(3, listOf(str), {
    doc: "Replaces the image's entry point. $(NAME) stands for an environment variable.",
  }),
  args: opt(4, listOf(str), {
    doc: "Replaces the image's arguments. $(NAME) stands for an environment variable.",
  }),
  workingDir: opt(5, str),
  ports: opt(
    6,
    listOf(() => ContainerPort, { mapKeys: ['containerPort', 'protocol'], merge: 'containerPort' }),
  ),
  envFrom: opt(
    19,
    listOf(() => EnvFromSource),
    { doc: 'Every key of a ConfigMap or Secret as a variable; env wins.' },
  ),
  env: opt(
    7,
    listOf(() => EnvVar, { mapKeys: ['name'], merge: 'name' }),
  ),
  resources: always(8, () => ResourceRequirements),
  resizePolicy: opt(
    23,
    listOf(() => ContainerResizePolicy),
    { gates: ['InPlacePodVerticalScaling'] },
  ),
  restartPolicy: ptr(24, ContainerRestartPolicy, {
    doc: 'Always on an init container makes it a sidecar: it starts before the others and keeps running.',
  }),
  restartPolicyRules: opt(
    25,
    listOf(() => ContainerRestartRule),
    { gates: ['ContainerRestartRules'] },
  ),
  volumeMounts: opt(
    9,
    listOf(() => VolumeMount, { mapKeys: ['mountPath'], merge: 'mountPath' }),
  ),
  volumeDevices: opt(
    21,
    listOf(() => VolumeDevice, { mapKeys: ['devicePath'], merge: 'devicePath' }),
  ),
  livenessProbe: opt(10, () => Probe, { doc: 'The container is restarted when it fails.' }),
  readinessProbe: opt(11, () => Probe, { doc: 'Services send nothing to the pod while it fails.' }),
  startupProbe: opt(22, () => Probe, { doc: 'The other probes wait until it has succeeded once.' }),
  lifecycle: opt(12, () => Lifecycle),
  terminationMessagePath: opt(13, str),
  terminationMessagePolicy: opt(20, TerminationMessagePolicy),
  imagePullPolicy: opt(14, PullPolicy, {
    doc: 'Always for the tag latest, else IfNotPresent, unless it is set.',
  }),
  securityContext: opt(15, () => SecurityContext),
  stdin: opt(16, bool),
  stdinOnce: opt(17, bool),
  tty: opt(18, bool),
} as const

export interface Container extends Shape<typeof containerFields> {}
export const Container = struct<Container>('core.v1.Container', containerFields, {
  doc: 'One container of a pod.',
})

const lifecycleHandlerFields = {
  exec: opt(1, () => ExecAction),
  httpGet: opt(2, () => HTTPGetAction),
  tcpSocket: opt(3, () => TCPSocketAction, { deprecated: true }),
  sleep: opt(4, () => SleepAction),
} as const

export interface LifecycleHandler extends Shape<typeof lifecycleHandlerFields> {}
export const LifecycleHandler = struct<LifecycleHandler>('core.v1.LifecycleHandler', lifecycleHandlerFields)

const lifecycleFields = {
  postStart: opt(1, () => LifecycleHandler),
  preStop: opt(2, () => LifecycleHandler),
  stopSignal: ptr(3, Signal),
} as const

export interface Lifecycle extends Shape<typeof lifecycleFields> {}
export const Lifecycle = struct<Lifecycle>('core.v1.Lifecycle', lifecycleFields)

const containerRestartRuleFields = {
  action: req(1, ContainerRestartRuleAction, { omitEmpty: true }),
  exitCodes: opt(2, () => ContainerRestartRuleOnExitCodes, { union: 'when' }),
} as const

export interface ContainerRestartRule extends Shape<typeof containerRestartRuleFields> {}
export const ContainerRestartRule = struct<ContainerRestartRule>(
  'core.v1.ContainerRestartRule',
  containerRestartRuleFields,
)

const containerRestartRuleOnExitCodesFields = {
  operator: req(1, ContainerRestartRuleOnExitCodesOperator, { omitEmpty: true }),
  values: opt(2, listOf(int32, { set: true })),
} as const

export interface ContainerRestartRuleOnExitCodes
  extends Shape<typeof containerRestartRuleOnExitCodesFields> {}
export const ContainerRestartRuleOnExitCodes = struct<ContainerRestartRuleOnExitCodes>(
  'core.v1.ContainerRestartRuleOnExitCodes',
  containerRestartRuleOnExitCodesFields,
)

export const ephemeralContainerCommonFields = {
  name: req(1, str),
  image: opt(2, str),
  command: opt(3, listOf(str)),
  args: opt(4, listOf(str)),
  workingDir: opt(5, str),
  ports: opt(
    6,
    listOf(() => ContainerPort, { mapKeys: ['containerPort', 'protocol'], merge: 'containerPort' }),
  ),
  envFrom: opt(
    19,
    listOf(() => EnvFromSource),
  ),
  env: opt(
    7,
    listOf(() => EnvVar, { mapKeys: ['name'], merge: 'name' }),
  ),
  resources: always(8, () => ResourceRequirements),
  resizePolicy: opt(
    23,
    listOf(() => ContainerResizePolicy),
    { gates: ['InPlacePodVerticalScaling'] },
  ),
  restartPolicy: ptr(24, ContainerRestartPolicy),
  restartPolicyRules: opt(
    25,
    listOf(() => ContainerRestartRule),
    { gates: ['ContainerRestartRules'] },
  ),
  volumeMounts: opt(
    9,
    listOf(() => VolumeMount, { mapKeys: ['mountPath'], merge: 'mountPath' }),
  ),
  volumeDevices: opt(
    21,
    listOf(() => VolumeDevice, { mapKeys: ['devicePath'], merge: 'devicePath' }),
  ),
  livenessProbe: opt(10, () => Probe),
  readinessProbe: opt(11, () => Probe),
  startupProbe: opt(22, () => Probe),
  lifecycle: opt(12, () => Lifecycle),
  terminationMessagePath: opt(13, str),
  terminationMessagePolicy: opt(20, TerminationMessagePolicy),
  imagePullPolicy: opt(14, PullPolicy),
  securityContext: opt(15, () => SecurityContext),
  stdin: opt(16, bool),
  stdinOnce: opt(17, bool),
  tty: opt(18, bool),
} as const

export interface EphemeralContainerCommon extends Shape<typeof ephemeralContainerCommonFields> {}
export const EphemeralContainerCommon = struct<EphemeralContainerCommon>(
  'core.v1.EphemeralContainerCommon',
  ephemeralContainerCommonFields,
)

const securityContextFields = {
  capabilities: opt(1, () => Capabilities),
  privileged: ptr(2, bool),
  seLinuxOptions: opt(3, () => SELinuxOptions),
  windowsOptions: opt(10, () => WindowsSecurityContextOptions),
  runAsUser: ptr(4, int64),
  runAsGroup: ptr(8, int64),
  runAsNonRoot: ptr(5, bool),
  readOnlyRootFilesystem: ptr(6, bool),
  allowPrivilegeEscalation: ptr(7, bool),
  procMount: ptr(9, ProcMountType),
  seccompProfile: opt(11, () => SeccompProfile),
  appArmorProfile: opt(12, () => AppArmorProfile),
} as const

export interface SecurityContext extends Shape<typeof securityContextFields> {}
export const SecurityContext = struct<SecurityContext>('core.v1.SecurityContext', securityContextFields, {
  doc: 'Privileges of one container; they win over those of the pod.',
})
