import type {
  Container,
  ContainerdCalls,
  ContainerStatus,
  CriClient,
  Image,
  PodSandbox,
} from '../cri/index.ts'
import { GRPC_DEADLINE_EXCEEDED, GRPC_NOT_FOUND, GrpcError } from '../cri/index.ts'
import { CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID } from '../spec/labels.ts'
import { signalNumber } from '../spec/signals.ts'
import { startProcess } from './exec-process.ts'
import {
  ExecTimeoutError,
  emptyPod,
  newestFirst,
  type ObservedContainer,
  type ObservedImage,
  type ObservedPod,
  type ObservedSandbox,
  type Runtime,
} from './runtime.ts'

const QUICK = { timeoutMs: 120_000 }
/** A sandbox includes its network; a slow plugin may take a while. */
const SANDBOX = { timeoutMs: 240_000 }
const STATES = ['created', 'running', 'exited', 'unknown'] as const
const NANO_TO_MS = 1e6

const ms = (nanos: number): number => Math.floor(nanos / NANO_TO_MS)

/**
 * The runtime over CRI. Lists say little about each item, and details are a call each; details of what has not changed
 * state since are kept, so that looking at a node costs two calls.
 */
export function criRuntime(client: CriClient): Runtime {
  const { call } = client
  const details = new Map<string, { readonly state: number; readonly value: ObservedContainer }>()
  const sandboxDetails = new Map<string, { readonly state: number; readonly ips: readonly string[] }>()
  const podOf = new Map<string, string>()

  async function look(selector: Readonly<Record<string, string>>): Promise<Map<string, ObservedPod>> {
    const [{ items }, { containers }] = await Promise.all([
      call.listPodSandbox({ filter: { labelSelector: selector } }, QUICK),
      call.listContainers({ filter: { labelSelector: selector } }, QUICK),
    ])
    const pods = new Map<
      string,
      { name: string; namespace: string; sandboxes: ObservedSandbox[]; containers: ObservedContainer[] }
    >()
    const podFor = (labels: Readonly<Record<string, string>>) => {
      const uid = labels[POD_UID] ?? ''
      let pod = pods.get(uid)
      if (!pod) {
        pod = {
          name: labels[POD_NAME] ?? '',
          namespace: labels[POD_NAMESPACE] ?? '',
          sandboxes: [],
          containers: [],
        }
        pods.set(uid, pod)
      }
      return pod
    }
    await Promise.all([
      ...items.map(async (s) => {
        const seen = await sandbox(s)
        if (seen && s.labels[POD_UID]) podFor(s.labels).sandboxes.push(seen)
      }),
      ...containers.map(async (c) => {
        const seen = await container(c)
        if (seen && c.labels[POD_UID]) podFor(c.labels).containers.push(seen)
      }),
    ])
    return new Map(
      [...pods].map(([uid, p]) => [
        uid,
        {
          uid,
          name: p.name,
          namespace: p.namespace,
          sandboxes: newestFirst(p.sandboxes),
          containers: newestFirst(p.containers),
        },
      ]),
    )
  }

  async function sandbox(s: PodSandbox): Promise<ObservedSandbox | undefined> {
    podOf.set(s.id, s.labels[POD_UID] ?? '')
    let known = sandboxDetails.get(s.id)
    if (!known || known.state !== s.state) {
      const { status } = (await orGone(call.podSandboxStatus({ podSandboxId: s.id }, QUICK))) ?? {}
      if (!status) return undefined
      const ips = status.network
        ? [status.network.ip, ...status.network.additionalIps.map((a) => a.ip)].filter((ip) => ip !== '')
        : []
      known = { state: status.state, ips }
      // A ready sandbox whose network is still to come is asked again.
      if (status.state !== 0 || ips.length > 0) sandboxDetails.set(s.id, known)
    }
    return {
      id: s.id,
      attempt: s.metadata?.attempt ?? 0,
      ready: known.state === 0,
      createdAt: ms(s.createdAt),
      ips: known.ips,
    }
  }

  async function container(c: Container): Promise<ObservedContainer | undefined> {
    podOf.set(c.id, c.labels[POD_UID] ?? '')
    const known = details.get(c.id)
    if (known && known.state === c.state) return known.value
    const { status } = (await orGone(call.containerStatus({ containerId: c.id }, QUICK))) ?? {}
    if (!status) return undefined
    const value = observed(status, c.podSandboxId)
    // Created ones may have failed to start since; what is not settled is asked again.
    if (value.state === 'running' || value.state === 'exited')
      details.set(c.id, { state: status.state, value })
    return value
  }

  function forget(seen: ReadonlyMap<string, ObservedPod>): void {
    const ids = new Set(
      [...seen.values()].flatMap((p) => [...p.sandboxes.map((s) => s.id), ...p.containers.map((c) => c.id)]),
    )
    for (const memory of [details, sandboxDetails, podOf])
      for (const id of memory.keys()) if (!ids.has(id)) memory.delete(id)
  }

  return {
    async observe() {
      const seen = await look({})
      forget(seen)
      return seen
    },
    observePod: async (uid) => (await look({ [POD_UID]: uid })).get(uid) ?? emptyPod(uid),
    async *changes(signal) {
      for await (const id of client.changes(signal)) {
        details.delete(id)
        sandboxDetails.delete(id)
        yield podOf.get(id)
      }
    },
    async runSandbox(config, handler) {
      const { podSandboxId } = await call.runPodSandbox({ config, runtimeHandler: handler ?? '' }, SANDBOX)
      podOf.set(podSandboxId, config.labels?.[POD_UID] ?? '')
      return podSandboxId
    },
    async stopSandbox(id) {
      await orGone(call.stopPodSandbox({ podSandboxId: id }, SANDBOX))
    },
    async removeSandbox(id) {
      await orGone(call.removePodSandbox({ podSandboxId: id }, SANDBOX))
    },

    async create(sandboxId, config, sandboxConfig) {
      const { containerId } = await call.createContainer(
        { podSandboxId: sandboxId, config, sandboxConfig },
        QUICK,
      )
      // Known before it runs: it may end before anybody has looked.
      podOf.set(containerId, config.labels?.[POD_UID] ?? '')
      return containerId
    },
    async start(id) {
      await call.startContainer({ containerId: id }, QUICK)
    },
    async stop(id, graceSeconds, signal) {
      if (signal !== undefined) await endBySignal(client.containerd, id, graceSeconds, signal)
      const left = signal === undefined ? graceSeconds : 0
      await orGone(
        call.stopContainer({ containerId: id, timeout: left }, { timeoutMs: left * 1000 + QUICK.timeoutMs }),
      )
    },
    async resize(id, resources) {
      await call.updateContainerResources({ containerId: id, linux: resources }, QUICK)
    },
    async remove(id) {
      await orGone(call.removeContainer({ containerId: id }, QUICK))
    },
    async exec(id, command, timeoutMs, signal) {
      const seconds = timeoutMs === undefined ? 0 : Math.ceil(timeoutMs / 1000)
      try {
        const answer = await call.execSync(
          { containerId: id, cmd: command, timeout: seconds },
          { signal, ...(timeoutMs === undefined ? {} : { timeoutMs: seconds * 1000 + 2000 }) },
        )
        return {
          exitCode: answer.exitCode,
          stdout: Buffer.from(answer.stdout).toString(),
          stderr: Buffer.from(answer.stderr).toString(),
        }
      } catch (error) {
        if (
          error instanceof GrpcError &&
          (error.code === GRPC_DEADLINE_EXCEEDED ||
            /timeout .* exceeded|deadline exceeded/i.test(error.message))
        ) {
          throw new ExecTimeoutError(`command ${JSON.stringify(command.join(' '))} timed out`, {
            cause: error,
          })
        }
        throw error
      }
    },
    async reopenLog(id) {
      await call.reopenContainerLog({ containerId: id }, QUICK)
    },
    async stats() {
      const { stats } = await call.listContainerStats({}, QUICK)
      return stats.map((s) => ({
        containerId: s.attributes?.id ?? '',
        podUid: s.attributes?.labels[POD_UID] ?? '',
        podName: s.attributes?.labels[POD_NAME] ?? '',
        podNamespace: s.attributes?.labels[POD_NAMESPACE] ?? '',
        containerName: s.attributes?.labels[CONTAINER_NAME] ?? '',
        timestamp: ms(s.cpu?.timestamp ?? s.memory?.timestamp ?? 0),
        cpuNanoseconds: s.cpu?.usageCoreNanoSeconds?.value ?? 0,
        memoryWorkingSetBytes: s.memory?.workingSetBytes?.value ?? 0,
        memoryUsageBytes: s.memory?.usageBytes?.value ?? 0,
        memoryRssBytes: s.memory?.rssBytes?.value ?? 0,
        writableLayerBytes: s.writableLayer?.usedBytes?.value ?? 0,
        writableLayerInodes: s.writableLayer?.inodesUsed?.value ?? 0,
      }))
    },

    async imageStatus(image) {
      const { image: found } = await call.imageStatus({ image: { image } }, QUICK)
      return found ? imageOf(found) : undefined
    },
    pull: async (image, auth, signal) =>
      (await call.pullImage({ image: { image }, auth }, { signal })).imageRef,
    images: async () => (await call.listImages({}, QUICK)).images.map(imageOf),
    async removeImage(id) {
      await orGone(call.removeImage({ image: { image: id } }, QUICK))
    },
    async imageFilesystem() {
      const { imageFilesystems } = await call.imageFsInfo({}, QUICK)
      return {
        mountpoint: imageFilesystems[0]?.fsId?.mountpoint ?? '',
        usedBytes: imageFilesystems[0]?.usedBytes?.value ?? 0,
      }
    },

    async version() {
      const v = await call.version({}, { timeoutMs: 5000 })
      return { name: v.runtimeName, version: v.runtimeVersion.replace(/^v/, '') }
    },
    async problems() {
      const { status } = await call.status({}, { timeoutMs: 10_000 })
      return (status?.conditions ?? [])
        .filter((c) => !c.status && (c.type === 'RuntimeReady' || c.type === 'NetworkReady'))
        .map(
          (c) =>
            `${c.type === 'RuntimeReady' ? 'container runtime is not ready' : 'container runtime network not ready'}: ${c.type}=false reason:${c.reason} message:${c.message}`,
        )
    },
    async setPodCidr(cidr) {
      await call.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: cidr } } }, QUICK)
    },

    startProcess: (id, command, streams, size) => startProcess(client.containerd, id, command, streams, size),
    async sandboxNetwork(id) {
      const { process } = await client.containerd.getTask({ containerId: id }, QUICK)
      if (!process?.pid) throw new GrpcError(GRPC_NOT_FOUND, `sandbox "${id}" has no process`)
      return `/proc/${process.pid}/ns/net`
    },
    execUrl: async (id, command, s) => (await call.exec({ containerId: id, cmd: command, ...s }, QUICK)).url,
    attachUrl: async (id, s) => (await call.attach({ containerId: id, ...s }, QUICK)).url,
    portForwardUrl: async (id, ports) =>
      (await call.portForward({ podSandboxId: id, port: ports }, QUICK)).url,
  }
}

/** CRI sends the image's signal and no other before containerd 2.2. Resolves when the container ended, or its time. */
async function endBySignal(
  containerd: ContainerdCalls,
  containerId: string,
  graceSeconds: number,
  signal: string,
): Promise<void> {
  if (!(await orGone(containerd.kill({ containerId, signal: signalNumber(signal) }, QUICK)))) return
  await orGone(containerd.wait({ containerId }, { timeoutMs: graceSeconds * 1000 })).catch(
    (error: unknown) => {
      if (!(error instanceof GrpcError && error.code === GRPC_DEADLINE_EXCEEDED)) throw error
    },
  )
}

/** undefined where the runtime says that there is no such thing. */
async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (
      error instanceof GrpcError &&
      (error.code === GRPC_NOT_FOUND || /not found|does not exist/i.test(error.message))
    )
      return undefined
    throw error
  }
}

function observed(status: ContainerStatus, sandboxId: string): ObservedContainer {
  return {
    id: status.id,
    sandboxId,
    name: status.labels[CONTAINER_NAME] ?? status.metadata?.name ?? '',
    attempt: status.metadata?.attempt ?? 0,
    state: STATES[status.state] ?? 'unknown',
    createdAt: ms(status.createdAt),
    // A container that ended at once may be written down as started a moment later.
    startedAt:
      status.startedAt > 0
        ? ms(Math.min(status.startedAt, status.finishedAt || status.startedAt))
        : undefined,
    finishedAt: status.finishedAt > 0 ? ms(status.finishedAt) : undefined,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? '',
    imageRef: status.imageRef,
    imageId: status.imageId,
    labels: status.labels,
    annotations: status.annotations,
    logPath: status.logPath,
  }
}

function imageOf(image: Image): ObservedImage {
  return {
    id: image.id,
    tags: image.repoTags,
    digests: image.repoDigests,
    sizeBytes: image.size,
    uid: image.uid?.value,
    username: image.username,
    pinned: image.pinned,
  }
}
