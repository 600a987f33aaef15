export { type CriCalls, type CriClient, criClient } from './client.ts'
export type { ContainerdCalls } from './containerd.ts'
export {
  GRPC_CANCELLED,
  GRPC_DEADLINE_EXCEEDED,
  GRPC_NOT_FOUND,
  GRPC_UNAVAILABLE,
  GRPC_UNIMPLEMENTED,
  GrpcError,
  grpcChannel,
} from './grpc.ts'
export type {
  AuthConfig,
  Container,
  ContainerConfig,
  ContainerStats,
  ContainerStatus,
  Image,
  LinuxContainerSecurityContext,
  PodSandbox,
  PodSandboxConfig,
} from './messages.ts'
export { decode, encode, int, message, str } from './wire.ts'
