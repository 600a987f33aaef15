import type { Readable, Writable } from 'node:stream'
import type { AuthConfig, ContainerConfig, PodSandboxConfig } from '../cri/index.ts'
import type { ContainerResourceValues } from '../spec/resources.ts'

/**
 * What the agent needs of a container runtime. The CRI client does it for real (cri-runtime.ts), a fake in memory
 * for tests and simulated nodes (fake-runtime.ts); contract.ts holds both to the same behaviour. Every method may be
 * repeated; stopping or removing what is not there is not an error. Times are milliseconds since 1970.
 */
export interface PodRuntime {
  /** Everything that belongs to a pod, by the pod's uid. */
  observe(): Promise<ReadonlyMap<string, ObservedPod>>
  observePod(uid: string): Promise<ObservedPod>
  /** Uids of pods as something happens to them (undefined: to a pod that is not known yet); rejects when it breaks. */
  changes(signal: AbortSignal): AsyncIterable<string | undefined>
  /** Resolves to the sandbox's id once it is ready. `handler` names the configuration of a RuntimeClass. */
  runSandbox(config: PodSandboxConfig, handler?: string): Promise<string>
  stopSandbox(id: string): Promise<void>
  removeSandbox(id: string): Promise<void>
}

export interface ContainerRuntime {
  create(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<string>
  start(id: string): Promise<void>
  /** `signal`, else that of its image, else SIGTERM; then SIGKILL after `graceSeconds`. Resolves when it has ended. */
  stop(id: string, graceSeconds: number, signal?: string): Promise<void>
  remove(id: string): Promise<void>
  /** Gives a running container other limits. */
  resize(id: string, resources: ContainerResourceValues): Promise<void>
  /** Rejects with `ExecTimeoutError` after `timeoutMs`; output is cut at 16 MB by the runtime. */
  exec(id: string, command: readonly string[], timeoutMs?: number, signal?: AbortSignal): Promise<ExecResult>
  reopenLog(id: string): Promise<void>
  stats(): Promise<readonly ObservedStats[]>
}

export interface ImageRuntime {
  /** undefined: not on this node. */
  imageStatus(image: string): Promise<ObservedImage | undefined>
  /** Resolves to the reference under which containers use it. */
  pull(image: string, auth: AuthConfig | undefined, signal?: AbortSignal): Promise<string>
  images(): Promise<readonly ObservedImage[]>
  removeImage(id: string): Promise<void>
  /** Where images are kept, and how much they take there. */
  imageFilesystem(): Promise<{ readonly mountpoint: string; readonly usedBytes: number }>
}

export interface NodeRuntime {
  version(): Promise<{ readonly name: string; readonly version: string }>
  /** Empty: all is well. */
  problems(): Promise<readonly string[]>
  setPodCidr(cidr: string): Promise<void>
}

/** URLs of the runtime's own streaming server, for exec, attach and port-forward. */
export interface StreamingRuntime {
  /** Runs a command with streams of its own; undefined where only `execUrl` can. */
  startProcess?(
    id: string,
    command: readonly string[],
    streams: StreamOptions,
    size?: TerminalSize,
  ): Promise<ExecProcess>
  /** The file of a sandbox' network namespace; undefined where only `portForwardUrl` can. */
  sandboxNetwork?(sandboxId: string): Promise<string>
  execUrl(id: string, command: readonly string[], streams: StreamOptions): Promise<string>
  attachUrl(id: string, streams: StreamOptions): Promise<string>
  portForwardUrl(sandboxId: string, ports: readonly number[]): Promise<string>
}

export interface StreamOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** Of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** A command that runs in a container beside its first process. */
export interface ExecProcess {
  /** Ending it is the end of the process' input. */
  readonly stdin: Writable | undefined
  readonly stdout: Readable | undefined
  readonly stderr: Readable | undefined
  /** Of a terminal. */
  resize(size: TerminalSize): Promise<void>
  /** The exit code, once it has ended; its output may still be on its way. */
  readonly exited: Promise<number>
  /** Ends the streams. A process that still runs goes on running. */
  release(): void
}

export type Runtime = PodRuntime & ContainerRuntime & ImageRuntime & NodeRuntime & StreamingRuntime

export interface ObservedSandbox {
  readonly id: string
  readonly attempt: number
  readonly ready: boolean
  readonly createdAt: number
  /** Empty on the host's network, and while the network is not there. */
  readonly ips: readonly string[]
}

export interface ObservedContainer {
  readonly id: string
  readonly sandboxId: string
  readonly name: string
  readonly attempt: number
  readonly state: 'created' | 'running' | 'exited' | 'unknown'
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  readonly exitCode: number
  readonly reason: string
  readonly message: string
  /** The image as it was asked for, and its digest or id. */
  readonly image: string
  readonly imageRef: string
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly logPath: string
}

export interface ObservedPod {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  /** Newest first. */
  readonly sandboxes: readonly ObservedSandbox[]
  /** Newest first. */
  readonly containers: readonly ObservedContainer[]
}

export interface ObservedImage {
  readonly id: string
  readonly tags: readonly string[]
  readonly digests: readonly string[]
  readonly sizeBytes: number
  readonly uid: number | undefined
  readonly username: string
  readonly pinned: boolean
}

export interface ObservedStats {
  readonly containerId: string
  readonly podUid: string
  readonly podName: string
  readonly podNamespace: string
  readonly containerName: string
  readonly timestamp: number
  readonly cpuNanoseconds: number
  readonly memoryWorkingSetBytes: number
  readonly memoryUsageBytes: number
  readonly memoryRssBytes: number
  readonly writableLayerBytes: number
  readonly writableLayerInodes: number
}

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export class ExecTimeoutError extends Error {
  override readonly name = 'ExecTimeoutError'
}

export function emptyPod(uid: string, name = '', namespace = ''): ObservedPod {
  return { uid, name, namespace, sandboxes: [], containers: [] }
}

/** Newest first: by attempt within a name is not enough once a sandbox was made again. */
export function newestFirst<T extends { readonly createdAt: number; readonly attempt: number }>(
  items: readonly T[],
): T[] {
  return [...items].sort((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt)
}
