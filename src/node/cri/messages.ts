import {
  bool,
  bytes,
  type Decoded,
  type Encodable,
  int,
  ints,
  map,
  message,
  msg,
  msgs,
  str,
  strs,
} from './wire.ts'

/** The messages of the container runtime interface (CRI v1) the agent uses; numbers are those of its api.proto. */

export const VersionRequest = message({ version: str(1) })
export const VersionResponse = message({
  version: str(1),
  runtimeName: str(2),
  runtimeVersion: str(3),
  runtimeApiVersion: str(4),
})
export const Empty = message({})

export const DNSConfig = message({ servers: strs(1), searches: strs(2), options: strs(3) })
/** protocol: 0 TCP, 1 UDP, 2 SCTP. */
export const PortMapping = message({
  protocol: int(1),
  containerPort: int(2),
  hostPort: int(3),
  hostIp: str(4),
})
/** propagation: 0 private, 1 host to container, 2 bidirectional. */
export const Mount = message({
  containerPath: str(1),
  hostPath: str(2),
  readonly: bool(3),
  selinuxRelabel: bool(4),
  propagation: int(5),
  recursiveReadOnly: bool(8),
})
/** 0 pod, 1 container, 2 node, 3 target. */
export const NamespaceOption = message({ network: int(1), pid: int(2), ipc: int(3), targetId: str(4) })
export const Int64Value = message({ value: int(1) })
export const UInt64Value = message({ value: int(1) })
/** profileType: 0 runtime default, 1 unconfined, 2 localhost. */
export const SecurityProfile = message({ profileType: int(1), localhostRef: str(2) })
export const SELinuxOption = message({ user: str(1), role: str(2), type: str(3), level: str(4) })

export const LinuxSandboxSecurityContext = message({
  namespaceOptions: msg(1, NamespaceOption),
  selinuxOptions: msg(2, SELinuxOption),
  runAsUser: msg(3, Int64Value),
  readonlyRootfs: bool(4),
  supplementalGroups: ints(5),
  privileged: bool(6),
  runAsGroup: msg(8, Int64Value),
  seccomp: msg(9, SecurityProfile),
  apparmor: msg(10, SecurityProfile),
})
export const HugepageLimit = message({ pageSize: str(1), limit: int(2) })
export const LinuxContainerResources = message({
  cpuPeriod: int(1),
  cpuQuota: int(2),
  cpuShares: int(3),
  memoryLimitInBytes: int(4),
  oomScoreAdj: int(5),
  cpusetCpus: str(6),
  cpusetMems: str(7),
  hugepageLimits: msgs(8, HugepageLimit),
  unified: map(9),
  memorySwapLimitInBytes: int(10),
})
export const LinuxPodSandboxConfig = message({
  cgroupParent: str(1),
  securityContext: msg(2, LinuxSandboxSecurityContext),
  sysctls: map(3),
  overhead: msg(4, LinuxContainerResources),
  resources: msg(5, LinuxContainerResources),
})
export const PodSandboxMetadata = message({ name: str(1), uid: str(2), namespace: str(3), attempt: int(4) })
export const PodSandboxConfig = message({
  metadata: msg(1, PodSandboxMetadata),
  hostname: str(2),
  logDirectory: str(3),
  dnsConfig: msg(4, DNSConfig),
  portMappings: msgs(5, PortMapping),
  labels: map(6),
  annotations: map(7),
  linux: msg(8, LinuxPodSandboxConfig),
})
export type PodSandboxConfig = Encodable<typeof PodSandboxConfig>

export const RunPodSandboxRequest = message({ config: msg(1, PodSandboxConfig), runtimeHandler: str(2) })
export const SandboxId = message({ podSandboxId: str(1) })

export const PodIP = message({ ip: str(1) })
export const PodSandboxNetworkStatus = message({ ip: str(1), additionalIps: msgs(2, PodIP) })
/** state: 0 ready, 1 not ready. */
export const PodSandboxStatus = message({
  id: str(1),
  metadata: msg(2, PodSandboxMetadata),
  state: int(3),
  createdAt: int(4),
  network: msg(5, PodSandboxNetworkStatus),
  labels: map(7),
  annotations: map(8),
})
export const PodSandboxStatusRequest = message({ podSandboxId: str(1), verbose: bool(2) })
export const PodSandboxStatusResponse = message({ status: msg(1, PodSandboxStatus), info: map(2) })
export const PodSandboxStateValue = message({ state: int(1) })
export const PodSandboxFilter = message({
  id: str(1),
  state: msg(2, PodSandboxStateValue),
  labelSelector: map(3),
})
export const ListPodSandboxRequest = message({ filter: msg(1, PodSandboxFilter) })
export const PodSandbox = message({
  id: str(1),
  metadata: msg(2, PodSandboxMetadata),
  state: int(3),
  createdAt: int(4),
  labels: map(5),
  annotations: map(6),
})
export type PodSandbox = Decoded<typeof PodSandbox>
export const ListPodSandboxResponse = message({ items: msgs(1, PodSandbox) })

export const ImageSpec = message({
  image: str(1),
  annotations: map(2),
  userSpecifiedImage: str(18),
  runtimeHandler: str(19),
})
export const KeyValue = message({ key: str(1), value: str(2) })
export const Capability = message({
  addCapabilities: strs(1),
  dropCapabilities: strs(2),
  addAmbientCapabilities: strs(3),
})
export const LinuxContainerSecurityContext = message({
  capabilities: msg(1, Capability),
  privileged: bool(2),
  namespaceOptions: msg(3, NamespaceOption),
  selinuxOptions: msg(4, SELinuxOption),
  runAsUser: msg(5, Int64Value),
  runAsUsername: str(6),
  readonlyRootfs: bool(7),
  supplementalGroups: ints(8),
  noNewPrivs: bool(11),
  runAsGroup: msg(12, Int64Value),
  maskedPaths: strs(13),
  readonlyPaths: strs(14),
  seccomp: msg(15, SecurityProfile),
  apparmor: msg(16, SecurityProfile),
  supplementalGroupsPolicy: int(17),
})
export type LinuxContainerSecurityContext = Encodable<typeof LinuxContainerSecurityContext>
export const LinuxContainerConfig = message({
  resources: msg(1, LinuxContainerResources),
  securityContext: msg(2, LinuxContainerSecurityContext),
})
export const ContainerMetadata = message({ name: str(1), attempt: int(2) })
export const Device = message({ containerPath: str(1), hostPath: str(2), permissions: str(3) })
export const ContainerConfig = message({
  metadata: msg(1, ContainerMetadata),
  image: msg(2, ImageSpec),
  command: strs(3),
  args: strs(4),
  workingDir: str(5),
  envs: msgs(6, KeyValue),
  mounts: msgs(7, Mount),
  devices: msgs(8, Device),
  labels: map(9),
  annotations: map(10),
  logPath: str(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: msg(15, LinuxContainerConfig),
  stopSignal: int(18),
})
export type ContainerConfig = Encodable<typeof ContainerConfig>
export const CreateContainerRequest = message({
  podSandboxId: str(1),
  config: msg(2, ContainerConfig),
  sandboxConfig: msg(3, PodSandboxConfig),
})
export const ContainerId = message({ containerId: str(1) })
export const StopContainerRequest = message({ containerId: str(1), timeout: int(2) })
/** 0 created, 1 running, 2 exited, 3 unknown. */
export const ContainerStateValue = message({ state: int(1) })
export const ContainerFilter = message({
  id: str(1),
  state: msg(2, ContainerStateValue),
  podSandboxId: str(3),
  labelSelector: map(4),
})
export const ListContainersRequest = message({ filter: msg(1, ContainerFilter) })
export const Container = message({
  id: str(1),
  podSandboxId: str(2),
  metadata: msg(3, ContainerMetadata),
  image: msg(4, ImageSpec),
  imageRef: str(5),
  state: int(6),
  createdAt: int(7),
  labels: map(8),
  annotations: map(9),
  imageId: str(10),
})
export type Container = Decoded<typeof Container>
export const ListContainersResponse = message({ containers: msgs(1, Container) })
export const ContainerStatusRequest = message({ containerId: str(1), verbose: bool(2) })
export const ContainerStatus = message({
  id: str(1),
  metadata: msg(2, ContainerMetadata),
  state: int(3),
  createdAt: int(4),
  startedAt: int(5),
  finishedAt: int(6),
  exitCode: int(7),
  image: msg(8, ImageSpec),
  imageRef: str(9),
  reason: str(10),
  message: str(11),
  labels: map(12),
  annotations: map(13),
  mounts: msgs(14, Mount),
  logPath: str(15),
  imageId: str(17),
})
export type ContainerStatus = Decoded<typeof ContainerStatus>
export const ContainerStatusResponse = message({ status: msg(1, ContainerStatus), info: map(2) })
export const UpdateContainerResourcesRequest = message({
  containerId: str(1),
  linux: msg(2, LinuxContainerResources),
})
export const ReopenContainerLogRequest = message({ containerId: str(1) })

export const ExecSyncRequest = message({ containerId: str(1), cmd: strs(2), timeout: int(3) })
export const ExecSyncResponse = message({ stdout: bytes(1), stderr: bytes(2), exitCode: int(3) })
export const ExecRequest = message({
  containerId: str(1),
  cmd: strs(2),
  tty: bool(3),
  stdin: bool(4),
  stdout: bool(5),
  stderr: bool(6),
})
export const AttachRequest = message({
  containerId: str(1),
  stdin: bool(2),
  tty: bool(3),
  stdout: bool(4),
  stderr: bool(5),
})
export const PortForwardRequest = message({ podSandboxId: str(1), port: ints(2) })
export const StreamingResponse = message({ url: str(1) })

export const ImageFilter = message({ image: msg(1, ImageSpec) })
export const ListImagesRequest = message({ filter: msg(1, ImageFilter) })
export const Image = message({
  id: str(1),
  repoTags: strs(2),
  repoDigests: strs(3),
  size: int(4),
  uid: msg(5, Int64Value),
  username: str(6),
  spec: msg(7, ImageSpec),
  pinned: bool(8),
})
export type Image = Decoded<typeof Image>
export const ListImagesResponse = message({ images: msgs(1, Image) })
export const ImageStatusRequest = message({ image: msg(1, ImageSpec), verbose: bool(2) })
export const ImageStatusResponse = message({ image: msg(1, Image), info: map(2) })
export const AuthConfig = message({
  username: str(1),
  password: str(2),
  auth: str(3),
  serverAddress: str(4),
  identityToken: str(5),
  registryToken: str(6),
})
export type AuthConfig = Encodable<typeof AuthConfig>
export const PullImageRequest = message({
  image: msg(1, ImageSpec),
  auth: msg(2, AuthConfig),
  sandboxConfig: msg(3, PodSandboxConfig),
})
export const PullImageResponse = message({ imageRef: str(1) })
export const RemoveImageRequest = message({ image: msg(1, ImageSpec) })

export const RuntimeCondition = message({ type: str(1), status: bool(2), reason: str(3), message: str(4) })
export const RuntimeStatus = message({ conditions: msgs(1, RuntimeCondition) })
export const StatusRequest = message({ verbose: bool(1) })
export const StatusResponse = message({ status: msg(1, RuntimeStatus), info: map(2) })
export const RuntimeConfigRequest = message({
  runtimeConfig: msg(1, message({ networkConfig: msg(1, message({ podCidr: str(1) })) })),
})

export const FilesystemUsage = message({
  timestamp: int(1),
  fsId: msg(2, message({ mountpoint: str(1) })),
  usedBytes: msg(3, UInt64Value),
  inodesUsed: msg(4, UInt64Value),
})
export const ImageFsInfoResponse = message({
  imageFilesystems: msgs(1, FilesystemUsage),
  containerFilesystems: msgs(2, FilesystemUsage),
})
export const CpuUsage = message({
  timestamp: int(1),
  usageCoreNanoSeconds: msg(2, UInt64Value),
  usageNanoCores: msg(3, UInt64Value),
})
export const MemoryUsage = message({
  timestamp: int(1),
  workingSetBytes: msg(2, UInt64Value),
  availableBytes: msg(3, UInt64Value),
  usageBytes: msg(4, UInt64Value),
  rssBytes: msg(5, UInt64Value),
  pageFaults: msg(6, UInt64Value),
  majorPageFaults: msg(7, UInt64Value),
})
export const ContainerAttributes = message({
  id: str(1),
  metadata: msg(2, ContainerMetadata),
  labels: map(3),
  annotations: map(4),
})
export const ContainerStats = message({
  attributes: msg(1, ContainerAttributes),
  cpu: msg(2, CpuUsage),
  memory: msg(3, MemoryUsage),
  writableLayer: msg(4, FilesystemUsage),
})
export type ContainerStats = Decoded<typeof ContainerStats>
export const ContainerStatsFilter = message({ id: str(1), podSandboxId: str(2), labelSelector: map(3) })
export const ListContainerStatsRequest = message({ filter: msg(1, ContainerStatsFilter) })
export const ListContainerStatsResponse = message({ stats: msgs(1, ContainerStats) })

/** type: 0 created, 1 started, 2 stopped, 3 deleted. */
export const ContainerEvent = message({
  containerId: str(1),
  containerEventType: int(2),
  createdAt: int(3),
  podSandboxStatus: msg(4, PodSandboxStatus),
})

/** containerd's own event stream (containerd.services.events.v1): works where the runtime has no CRI events yet. */
export const SubscribeRequest = message({ filters: strs(1) })
export const EventEnvelope = message({
  namespace: str(2),
  topic: str(3),
  event: msg(4, message({ typeUrl: str(1), value: bytes(2) })),
})
/** The first field of every task event is the id of the container (a sandbox is one, too). */
export const TaskEvent = message({ containerId: str(1) })
