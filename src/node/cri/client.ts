import type { Clock } from '../../base/index.ts'
import { type ContainerdCalls, containerdCalls } from './containerd.ts'
import { type CallOptions, GRPC_UNIMPLEMENTED, GrpcError, grpcOverUnix } from './grpc.ts'
import * as m from './messages.ts'
import { type Decoded, decode, type Encodable, encode, type Message } from './wire.ts'

/** The two services of CRI v1, a function a call: `await cri.call.runPodSandbox({ config })`. */
const RUNTIME = '/runtime.v1.RuntimeService/'
const IMAGES = '/runtime.v1.ImageService/'

const CALLS = {
  version: [`${RUNTIME}Version`, m.VersionRequest, m.VersionResponse],
  status: [`${RUNTIME}Status`, m.StatusRequest, m.StatusResponse],
  updateRuntimeConfig: [`${RUNTIME}UpdateRuntimeConfig`, m.RuntimeConfigRequest, m.Empty],
  runPodSandbox: [`${RUNTIME}RunPodSandbox`, m.RunPodSandboxRequest, m.SandboxId],
  stopPodSandbox: [`${RUNTIME}StopPodSandbox`, m.SandboxId, m.Empty],
  removePodSandbox: [`${RUNTIME}RemovePodSandbox`, m.SandboxId, m.Empty],
  podSandboxStatus: [`${RUNTIME}PodSandboxStatus`, m.PodSandboxStatusRequest, m.PodSandboxStatusResponse],
  listPodSandbox: [`${RUNTIME}ListPodSandbox`, m.ListPodSandboxRequest, m.ListPodSandboxResponse],
  createContainer: [`${RUNTIME}CreateContainer`, m.CreateContainerRequest, m.ContainerId],
  startContainer: [`${RUNTIME}StartContainer`, m.ContainerId, m.Empty],
  stopContainer: [`${RUNTIME}StopContainer`, m.StopContainerRequest, m.Empty],
  removeContainer: [`${RUNTIME}RemoveContainer`, m.ContainerId, m.Empty],
  listContainers: [`${RUNTIME}ListContainers`, m.ListContainersRequest, m.ListContainersResponse],
  containerStatus: [`${RUNTIME}ContainerStatus`, m.ContainerStatusRequest, m.ContainerStatusResponse],
  updateContainerResources: [
    `${RUNTIME}UpdateContainerResources`,
    m.UpdateContainerResourcesRequest,
    m.Empty,
  ],
  reopenContainerLog: [`${RUNTIME}ReopenContainerLog`, m.ReopenContainerLogRequest, m.Empty],
  execSync: [`${RUNTIME}ExecSync`, m.ExecSyncRequest, m.ExecSyncResponse],
  exec: [`${RUNTIME}Exec`, m.ExecRequest, m.StreamingResponse],
  attach: [`${RUNTIME}Attach`, m.AttachRequest, m.StreamingResponse],
  portForward: [`${RUNTIME}PortForward`, m.PortForwardRequest, m.StreamingResponse],
  listContainerStats: [
    `${RUNTIME}ListContainerStats`,
    m.ListContainerStatsRequest,
    m.ListContainerStatsResponse,
  ],
  listImages: [`${IMAGES}ListImages`, m.ListImagesRequest, m.ListImagesResponse],
  imageStatus: [`${IMAGES}ImageStatus`, m.ImageStatusRequest, m.ImageStatusResponse],
  pullImage: [`${IMAGES}PullImage`, m.PullImageRequest, m.PullImageResponse],
  removeImage: [`${IMAGES}RemoveImage`, m.RemoveImageRequest, m.Empty],
  imageFsInfo: [`${IMAGES}ImageFsInfo`, m.Empty, m.ImageFsInfoResponse],
} as const

type Calls = typeof CALLS
export type CriCalls = {
  readonly [K in keyof Calls]: (
    request: Encodable<Calls[K][1]>,
    options?: CallOptions,
  ) => Promise<Decoded<Calls[K][2]>>
}

export interface CriClient {
  readonly call: CriCalls
  /** What containerd offers besides CRI; other runtimes answer "unimplemented". */
  readonly containerd: ContainerdCalls
  /** Ids of containers and sandboxes that something happened to, as it happens; rejects when the stream breaks. */
  changes(signal: AbortSignal): AsyncIterable<string>
  close(): void
}

/** Nothing connects until the first call; a broken connection is made again by the next one. */
export function criClient(socketPath: string, clock: Clock): CriClient {
  const channel = grpcOverUnix(socketPath, clock)
  const call = Object.fromEntries(
    Object.entries(CALLS).map(([name, [path, input, output]]) => [
      name,
      async (request: object, options?: CallOptions) =>
        decode(output as Message, await channel.unary(path, encode(input as Message, request), options)),
    ]),
  ) as unknown as CriCalls

  return {
    call,
    containerd: containerdCalls(channel),
    async *changes(signal) {
      try {
        for await (const data of channel.stream(
          `${RUNTIME}GetContainerEvents`,
          encode(m.Empty, {}),
          signal,
        )) {
          const event = decode(m.ContainerEvent, data)
          yield event.containerId
        }
      } catch (error) {
        if (!(error instanceof GrpcError) || error.code !== GRPC_UNIMPLEMENTED) throw error
        // containerd before 1.7: its own events say the same.
        const request = encode(m.SubscribeRequest, {
          filters: ['namespace==k8s.io,topic~=^/tasks/(start|exit|oom)'],
        })
        for await (const data of channel.stream(
          '/containerd.services.events.v1.Events/Subscribe',
          request,
          signal,
        )) {
          const value = decode(m.EventEnvelope, data).event?.value
          if (value) yield decode(m.TaskEvent, value).containerId
        }
      }
    },
    close: () => channel.close(),
  }
}
