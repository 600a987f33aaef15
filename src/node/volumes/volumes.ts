import { constants } from 'node:fs'
import { access, chmod, mkdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Container, HostPathVolumeSource, Pod, Volume } from '../../api/index.ts'
import type { Host } from '../host.ts'
import type { ContainerMount } from '../spec/container.ts'
import { expand } from '../spec/expand.ts'
import { quantityNumber } from '../spec/quantity.ts'
import { podAmount } from '../spec/resources.ts'
import { giveToGroup, writeAtomically } from './atomic-writer.ts'
import { type PayloadSources, VolumeError, volumePayload } from './payload.ts'
import { bindSubPath, removeSubPaths } from './subpath.ts'

export interface VolumesOptions {
  readonly host: Host
  /** `<rootDir>/pods`: a folder a pod. */
  readonly podsDir: string
  /** A folder in memory (tmpfs) for what must not reach a disk: secrets and tokens. */
  readonly memoryDir: string
}

const PROPAGATION: Readonly<Record<string, number>> = { None: 0, HostToContainer: 1, Bidirectional: 2 }

/** The volumes of the pods as folders of the node. All methods may be repeated. */
export class Volumes {
  readonly #options: VolumesOptions

  constructor(options: VolumesOptions) {
    this.#options = options
  }

  podDir(uid: string): string {
    return join(this.#options.podsDir, uid)
  }

  /** Sets up or brings up to date one volume of a pod; throws `VolumeError` or a system error with what is wrong. */
  async setUp(pod: Pod, volume: Volume, sources: PayloadSources): Promise<void> {
    if (volume.hostPath) return prepareHostPath(volume.hostPath)
    const dir = this.#dirOf(pod, volume)
    if (isEmptyDir(volume)) return this.#emptyDir(dir, volume, pod, sources.allocatable.memoryBytes)
    const fsGroup = pod.spec.securityContext?.fsGroup
    const payload = volumePayload(pod, volume, sources)
    if (!payload)
      throw new VolumeError(
        `no volume plugin matched: volume "${volume.name}" is of a kind that this node does not support`,
      )
    if (!(await exists(dir))) {
      await mkdir(dir, { recursive: true, mode: 0o755 })
      await chmod(dir, 0o777)
      if (fsGroup !== undefined) await giveToGroup(dir, fsGroup, true)
    }
    await writeAtomically(dir, payload, fsGroup)
  }

  async #emptyDir(dir: string, volume: Volume, pod: Pod, memoryBytes: number): Promise<void> {
    const fsGroup = pod.spec.securityContext?.fsGroup
    const inMemory = volume.emptyDir?.medium === 'Memory'
    const medium = volume.emptyDir?.medium ?? ''
    if (medium.startsWith('HugePages'))
      throw new VolumeError(
        `cannot set up emptyDir "${volume.name}": medium ${medium} is not supported by this node`,
      )
    const fresh = !(await exists(dir))
    if (fresh) await mkdir(dir, { recursive: true })
    if (inMemory && !(await this.#options.host.isMounted(dir))) {
      const size = memorySize(volume, podAmount(pod, 'limits', 'memoryBytes') ?? memoryBytes)
      await this.#options.host.mount(['-t', 'tmpfs', '-o', `mode=0777,size=${size}`, 'tmpfs', dir])
    } else if (!fresh) return
    await chmod(dir, 0o777)
    const policy = pod.spec.securityContext?.fsGroupChangePolicy
    if (fsGroup !== undefined && (fresh || policy !== 'OnRootMismatch'))
      await giveToGroup(dir, fsGroup, false)
  }

  /** Where a volume is on the node. */
  pathOf(pod: Pod, volume: Volume): string {
    return volume.hostPath ? volume.hostPath.path : this.#dirOf(pod, volume)
  }

  #dirOf(pod: Pod, volume: Volume): string {
    const uid = pod.metadata.uid
    if (isEmptyDir(volume)) return join(this.podDir(uid), 'volumes', 'kubernetes.io~empty-dir', volume.name)
    if (volume.configMap) return join(this.podDir(uid), 'volumes', 'kubernetes.io~configmap', volume.name)
    return join(this.#options.memoryDir, uid, volume.name)
  }

  /** The mounts of one container, its sub-paths made ready. `env` fills subPathExpr. */
  async mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<ContainerMount[]> {
    const out: ContainerMount[] = []
    for (const [i, m] of (container.volumeMounts ?? []).entries()) {
      const volume = pod.spec.volumes?.find((v) => v.name === m.name)
      if (!volume)
        throw new VolumeError(`cannot find volume "${m.name}" to mount into container "${container.name}"`)
      let hostPath = this.pathOf(pod, volume)
      const subPath = m.subPathExpr ? expandStrictly(m.subPathExpr, env) : m.subPath
      if (subPath) {
        const target = join(
          this.podDir(pod.metadata.uid),
          'volume-subpaths',
          m.name,
          container.name,
          String(i),
        )
        await bindSubPath(this.#options.host, hostPath, subPath, target)
        hostPath = target
      }
      const readonly =
        m.readOnly === true ||
        Boolean(volume.configMap || volume.secret || volume.downwardAPI || volume.projected)
      if (m.recursiveReadOnly === 'Enabled')
        throw new VolumeError(
          `cannot mount "${m.name}" recursively read-only: the runtime does not support it`,
        )
      out.push({
        containerPath: absolute(m.mountPath),
        hostPath,
        readonly,
        propagation: PROPAGATION[m.mountPropagation ?? 'None'] ?? 0,
      })
    }
    return out
  }

  /** Files that the agent itself gives a container: its hosts file and the place for its last words. */
  async ownFiles(
    pod: Pod,
    container: Container,
    attempt: number,
    hosts: string,
  ): Promise<{ readonly mounts: ContainerMount[]; readonly messageFile: string }> {
    const dir = this.podDir(pod.metadata.uid)
    const mounts: ContainerMount[] = []
    const taken = new Set((container.volumeMounts ?? []).map((m) => absolute(m.mountPath)))
    if (!taken.has('/etc/hosts') && !taken.has('/etc')) {
      const hostsFile = join(dir, 'etc-hosts')
      await mkdir(dir, { recursive: true })
      // Written only when it differs: running containers have it mounted.
      if ((await readFile(hostsFile, 'utf8').catch(() => '')) !== hosts)
        await writeFile(hostsFile, hosts, { mode: 0o644 })
      mounts.push({ containerPath: '/etc/hosts', hostPath: hostsFile, readonly: false, propagation: 0 })
    }
    const messagePath = container.terminationMessagePath ?? '/dev/termination-log'
    let messageFile = ''
    if (messagePath !== '') {
      messageFile = join(dir, 'containers', container.name, `${attempt}.message`)
      await mkdir(dirname(messageFile), { recursive: true })
      await writeFile(messageFile, '', { mode: 0o666 })
      await chmod(messageFile, 0o666)
      mounts.push({
        containerPath: absolute(messagePath),
        hostPath: messageFile,
        readonly: false,
        propagation: 0,
      })
    }
    return { mounts, messageFile }
  }

  async makePodDir(uid: string): Promise<void> {
    await mkdir(join(this.podDir(uid), 'logs'), { recursive: true, mode: 0o750 })
  }

  /** Takes down everything that is mounted or kept in memory for a pod, and its volumes; its logs stay. */
  async tearDown(uid: string): Promise<void> {
    const dir = this.podDir(uid)
    for (const mounted of await this.#options.host.mountsBelow(dir)) await this.#options.host.unmount(mounted)
    await removeSubPaths(this.#options.host, join(dir, 'volume-subpaths'))
    await rm(join(dir, 'volumes'), { recursive: true, force: true })
    await rm(join(this.#options.memoryDir, uid), { recursive: true, force: true })
  }

  /** Removes all that is left of a pod. */
  async remove(uid: string): Promise<void> {
    await this.tearDown(uid)
    await rm(this.podDir(uid), { recursive: true, force: true })
  }

  /** True when every volume that is filled from the server has been filled before. */
  async allThere(pod: Pod): Promise<boolean> {
    const filled = (pod.spec.volumes ?? []).filter(
      (v) => v.configMap || v.secret || v.projected || v.downwardAPI,
    )
    const found = await Promise.all(filled.map((v) => exists(join(this.#dirOf(pod, v), '..data'))))
    return found.every(Boolean)
  }

  /** Keeps a text for a pod in memory; it outlives the agent, but not the machine, nor the pod. */
  async remember(uid: string, name: string, text: string): Promise<void> {
    const dir = join(this.#options.memoryDir, uid, '.agent')
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await writeFile(join(dir, name), text, { mode: 0o600 })
  }

  recall(uid: string, name: string): Promise<string | undefined> {
    return readFile(join(this.#options.memoryDir, uid, '.agent', name), 'utf8').catch(() => undefined)
  }

  /** Bytes in use by a volume on its own file system; undefined when that cannot be told cheaply. */
  async memoryUsage(pod: Pod, volume: Volume): Promise<number | undefined> {
    if (volume.emptyDir?.medium !== 'Memory') return undefined
    const fs = await statfs(this.#dirOf(pod, volume))
    return (fs.blocks - fs.bfree) * fs.bsize
  }
}

/** A volume that names no source is an emptyDir. */
export function isEmptyDir(volume: Volume): boolean {
  return (
    volume.emptyDir !== undefined ||
    Object.keys(volume).every((key) => key === 'name' || volume[key as keyof Volume] === undefined)
  )
}

/** A volume in memory has room for what the pod may use of it, or the node; its own limit may be less. */
function memorySize(volume: Volume, mostBytes: number): number {
  const limit = volume.emptyDir?.sizeLimit
  const bytes = limit === undefined ? 0 : Math.ceil(quantityNumber(limit))
  return bytes > 0 ? Math.min(bytes, mostBytes) : mostBytes
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  )

function expandStrictly(text: string, env: ReadonlyMap<string, string>): string {
  return expand(text, (name) => {
    const value = env.get(name)
    if (value === undefined) throw new VolumeError(`missing value for "${name}" of subPathExpr "${text}"`)
    return value
  })
}

async function prepareHostPath({ path, type }: HostPathVolumeSource): Promise<void> {
  const kind = type ?? ''
  if (kind === '') return
  if (kind === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 })
  if (kind === 'FileOrCreate') await writeFile(path, '', { flag: 'a', mode: 0o644 })
  const found = await stat(path).catch(() => undefined)
  const fits = {
    Directory: found?.isDirectory(),
    DirectoryOrCreate: found?.isDirectory(),
    File: found?.isFile(),
    FileOrCreate: found?.isFile(),
    Socket: found?.isSocket(),
    CharDevice: found?.isCharacterDevice(),
    BlockDevice: found?.isBlockDevice(),
  }[kind as 'File']
  if (!fits)
    throw new VolumeError(`hostPath type check failed: ${path} is not a ${HOST_PATH_WORDS[kind] ?? kind}`)
}

const HOST_PATH_WORDS: Readonly<Record<string, string>> = {
  Directory: 'directory',
  DirectoryOrCreate: 'directory',
  File: 'file',
  FileOrCreate: 'file',
  Socket: 'socket file',
  CharDevice: 'character device',
  BlockDevice: 'block device',
}
