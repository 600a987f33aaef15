import { lstat, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '../../api/index.ts'
import { type Clock, type Log, pause } from '../../base/index.ts'
import type { Cgroups } from '../cgroups.ts'
import { DEFAULT_ROTATION, type RotationOptions, rotateLog } from '../logs/rotate.ts'
import type { NodeMetrics } from '../metrics.ts'
import type { ObservedStats, Runtime } from '../runtime/runtime.ts'
import { type Pressure, pressureOf, readSignals } from '../self/machine.ts'
import { containerLogPath, MESSAGE_FILE, podText } from '../spec/labels.ts'
import { isEmptyDir, type Volumes } from '../volumes/volumes.ts'
import type { PodWorker } from '../workers/pod-worker.ts'
import { chooseEviction, evicted, overLimit, usageOf } from './eviction.ts'
import { DEFAULT_IMAGE_GC, type ImageGcOptions, type ImageUse, imageGarbage, podGarbage } from './garbage.ts'

const LOGS_MS = 10_000
const SHARES_MS = 5_000
const GARBAGE_MS = 60_000
const IMAGES_MS = 5 * 60_000
const LIMITS_MS = 10_000
/** After an eviction the node gets this long to feel it. */
const EVICTION_PAUSE_MS = 30_000
const MAX_FILES = 100_000
const ALL_UNUSED: ImageGcOptions = { highPercent: 0, lowPercent: 0 }

export interface HousekeepingOptions {
  readonly runtime: Runtime
  readonly volumes: Volumes
  readonly cgroups: Cgroups
  readonly metrics: NodeMetrics
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly podsDir: string
  readonly memoryDir: string
  readonly workers: () => Iterable<PodWorker>
  /** All pods of the node are known: what belongs to none of them may go. */
  readonly complete: () => boolean
  readonly pressure: () => Pressure
  readonly event: (pod: Pod, note: { type: 'Normal' | 'Warning'; reason: string; message: string }) => void
  readonly rotation?: RotationOptions
  readonly imageGc?: ImageGcOptions
}

/** What keeps a node usable over months: old containers, logs, images and leftovers go, and pods that take too much. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #uses = new Map<string, ImageUse>()
  #evictedAt = Number.NEGATIVE_INFINITY

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  run(): void {
    this.#every(LOGS_MS, 'rotate logs', () => this.rotateLogs())
    this.#every(SHARES_MS, 'share the processors between classes of pods', () => this.balance())
    this.#every(GARBAGE_MS, 'remove old containers', () => this.removeGarbage())
    this.#every(GARBAGE_MS, 'remove leftovers', () => this.removeLeftovers())
    this.#every(IMAGES_MS, 'remove unused images', () => this.removeImages())
    this.#every(LIMITS_MS, 'look at what pods use', () => this.enforceLimits())
  }

  #every(ms: number, what: string, fn: () => Promise<void>): void {
    const { clock, log, signal } = this.#options
    const loop = async (): Promise<void> => {
      while (!signal.aborted) {
        await pause(clock, ms, signal)
        if (signal.aborted) return
        await fn().catch((error: Error) => log.warn({ error: error.message }, `cannot ${what}`))
      }
    }
    void loop()
  }

  async rotateLogs(): Promise<void> {
    const { runtime, volumes, clock, log, rotation = DEFAULT_ROTATION } = this.#options
    for (const worker of this.#options.workers()) {
      for (const c of worker.observed.containers) {
        if (c.state !== 'running') continue
        const path = join(volumes.podDir(worker.uid), 'logs', containerLogPath(c.name, c.attempt))
        await rotateLog(path, rotation, clock.now(), () => runtime.reopenLog(c.id)).catch((error: Error) =>
          log.warn(
            { pod: podText(worker.pod), container: c.name, error: error.message },
            'cannot rotate a log',
          ),
        )
      }
    }
  }

  async removeGarbage(): Promise<void> {
    const { runtime, volumes } = this.#options
    for (const worker of this.#options.workers()) {
      const { containers, sandboxes } = podGarbage(worker.observed)
      for (const c of containers) {
        await runtime.remove(c.id)
        const dir = join(volumes.podDir(worker.uid), 'logs', c.name)
        const name = `${c.attempt}.log`
        for (const file of await readdir(dir).catch(() => []))
          if (file === name || file.startsWith(`${name}.`)) await rm(join(dir, file), { force: true })
        const message = c.annotations[MESSAGE_FILE]
        if (message) await rm(message, { force: true })
      }
      for (const id of sandboxes) await runtime.removeSandbox(id)
    }
  }

  async balance(): Promise<void> {
    const workers = [...this.#options.workers()]
    await this.#options.cgroups.balance(workers.filter((w) => !w.settled).map((w) => w.pod))
  }

  /** Folders and cgroups of pods that nobody knows any more. */
  async removeLeftovers(): Promise<void> {
    const { volumes, cgroups, podsDir, memoryDir, complete } = this.#options
    if (!complete()) return
    const found = new Set([
      ...(await readdir(podsDir).catch(() => [])),
      ...(await readdir(memoryDir).catch(() => [])),
    ])
    const groups = await cgroups.uids()
    // Looked at last: a pod that came meanwhile is known here.
    const known = new Set([...this.#options.workers()].map((w) => w.uid))
    for (const uid of found) if (!known.has(uid)) await volumes.remove(uid)
    for (const uid of groups) if (!known.has(uid)) await cgroups.removeUid(uid)
  }

  async removeImages(imageGc = this.#options.imageGc ?? DEFAULT_IMAGE_GC): Promise<void> {
    const { runtime, clock, log } = this.#options
    const now = clock.now()
    const images = await runtime.images()
    const inUse = new Set<string>()
    for (const worker of this.#options.workers()) {
      for (const c of worker.observed.containers) {
        const image = images.find(
          (i) =>
            i.id === c.imageRef ||
            i.digests.includes(c.imageRef) ||
            i.tags.includes(c.image) ||
            i.id === c.imageId,
        )
        if (image) inUse.add(image.id)
      }
    }
    for (const i of images) {
      const before = this.#uses.get(i.id)
      this.#uses.set(i.id, {
        firstSeen: before?.firstSeen ?? now,
        lastUsed: inUse.has(i.id) ? now : (before?.lastUsed ?? 0),
      })
    }
    const present = new Set(images.map((i) => i.id))
    for (const id of this.#uses.keys()) if (!present.has(id)) this.#uses.delete(id)
    const { mountpoint } = await runtime.imageFilesystem()
    const fs = await statfs(mountpoint || this.#options.podsDir)
    const disk = { totalBytes: fs.blocks * fs.bsize, usedBytes: (fs.blocks - fs.bavail) * fs.bsize }
    for (const image of imageGarbage(images, inUse, this.#uses, disk, imageGc, now)) {
      log.info(
        { image: image.tags[0] ?? image.id, bytes: image.sizeBytes },
        'removing an image that nothing uses: the disk is filling up',
      )
      await runtime.removeImage(image.id)
    }
  }

  async enforceLimits(): Promise<void> {
    const { runtime, clock, metrics, event, pressure } = this.#options
    const workers = [...this.#options.workers()].filter((w) => !w.terminating)
    const pressed = pressure()
    const limited = workers.filter((w) => hasDiskLimit(w.pod))
    if (limited.length === 0 && !pressed.memory && !pressed.disk) return
    const stats = await runtime.stats()
    for (const worker of limited) {
      const why = overLimit(worker.pod, await this.#volumeBytes(worker.pod), layers(stats, worker.uid))
      if (!why) continue
      event(worker.pod, { type: 'Warning', reason: 'Evicted', message: why })
      metrics.evicted('ephemeralpodfs.limit')
      worker.evict(evicted(why))
    }
    if (clock.now() - this.#evictedAt < EVICTION_PAUSE_MS) return
    if (pressed.disk && !pressed.memory && (await this.#reclaimDisk())) return
    const choice = chooseEviction(
      workers.map((w) => w.pod),
      usageOf(stats),
      pressed,
    )
    if (!choice) return
    this.#evictedAt = clock.now()
    event(choice.pod, { type: 'Warning', reason: 'Evicted', message: choice.verdict.message })
    metrics.evicted(choice.signal)
    workers.find((w) => w.uid === choice.pod.metadata.uid)?.evict(choice.verdict)
  }

  /** What nobody needs goes before any pod does; resolves to whether that was enough. */
  async #reclaimDisk(): Promise<boolean> {
    await this.removeGarbage()
    await this.removeImages(ALL_UNUSED)
    return !pressureOf(await readSignals(this.#options.podsDir)).disk
  }

  async #volumeBytes(pod: Pod): Promise<Map<string, number>> {
    const { volumes } = this.#options
    const out = new Map<string, number>()
    for (const v of pod.spec.volumes ?? []) {
      if (v.emptyDir?.sizeLimit === undefined || !isEmptyDir(v)) continue
      out.set(v.name, (await volumes.memoryUsage(pod, v)) ?? (await bytesBelow(volumes.pathOf(pod, v))))
    }
    return out
  }
}

const hasDiskLimit = (pod: Pod): boolean =>
  (pod.spec.volumes ?? []).some((v) => v.emptyDir?.sizeLimit !== undefined) ||
  pod.spec.containers.some((c) => c.resources?.limits?.['ephemeral-storage'] !== undefined)

const layers = (stats: readonly ObservedStats[], uid: string): Map<string, number> =>
  new Map(stats.filter((s) => s.podUid === uid).map((s) => [s.containerName, s.writableLayerBytes]))

/** What the files below a folder take on disk; stops counting at so many files, links are not followed. */
async function bytesBelow(dir: string): Promise<number> {
  let bytes = 0
  let files = 0
  const pending = [dir]
  for (let next = pending.pop(); next !== undefined && files < MAX_FILES; next = pending.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      files++
      const path = join(next, entry.name)
      if (entry.isDirectory()) pending.push(path)
      else
        bytes += await lstat(path).then(
          (s) => s.blocks * 512,
          () => 0,
        )
    }
  }
  return bytes
}
