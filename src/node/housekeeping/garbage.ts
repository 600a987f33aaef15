import type { ObservedContainer, ObservedImage, ObservedPod } from '../runtime/runtime.ts'

/** Of the containers of one name that have ended, so many are kept: the newest tells why the present one runs. */
const KEPT_DEAD = 1

export interface Garbage {
  readonly containers: readonly ObservedContainer[]
  readonly sandboxes: readonly string[]
}

/** What is left of a pod's past that nobody will ask for any more. Pure. */
export function podGarbage(pod: ObservedPod): Garbage {
  const containers: ObservedContainer[] = []
  const dead = new Map<string, number>()
  for (const c of pod.containers) {
    if (c.state !== 'exited') continue
    const n = (dead.get(c.name) ?? 0) + 1
    dead.set(c.name, n)
    if (n > KEPT_DEAD) containers.push(c)
  }
  const going = new Set(containers.map((c) => c.id))
  const used = new Set(pod.containers.filter((c) => !going.has(c.id)).map((c) => c.sandboxId))
  const sandboxes = pod.sandboxes
    .slice(1)
    .filter((s) => !s.ready && !used.has(s.id))
    .map((s) => s.id)
  return { containers, sandboxes }
}

export interface ImageGcOptions {
  /** Percent of the file system in use above which images go, and down to which. 100 keeps all. */
  readonly highPercent: number
  readonly lowPercent: number
}

export const DEFAULT_IMAGE_GC: ImageGcOptions = { highPercent: 85, lowPercent: 80 }
/** An image is left alone this long after it was first seen: somebody may have pulled it for what comes next. */
const MIN_AGE_MS = 2 * 60_000

/** A name that no registry gave was brought here by hand (`dhow image import`): nobody could get it again. */
const fromRegistry = ({ tags, digests }: ObservedImage): boolean =>
  digests.length > 0 && tags.every((tag) => digests.some((d) => repositoryOf(d) === repositoryOf(tag)))

/** `host:5000/team/app` of `host:5000/team/app:1` and of `host:5000/team/app@sha256:…`. */
const repositoryOf = (name: string): string => name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')

export interface ImageUse {
  readonly firstSeen: number
  readonly lastUsed: number
}

/** Images to remove so that the disk is `lowPercent` full again: those that were used longest ago first. Pure. */
export function imageGarbage(
  images: readonly ObservedImage[],
  inUse: ReadonlySet<string>,
  uses: ReadonlyMap<string, ImageUse>,
  disk: { readonly totalBytes: number; readonly usedBytes: number },
  options: ImageGcOptions,
  now: number,
): readonly ObservedImage[] {
  if (disk.totalBytes === 0 || (disk.usedBytes * 100) / disk.totalBytes < options.highPercent) return []
  let toFree = disk.usedBytes - (disk.totalBytes * options.lowPercent) / 100
  const free = images
    .filter((i) => !i.pinned && fromRegistry(i) && !inUse.has(i.id))
    .filter((i) => now - (uses.get(i.id)?.firstSeen ?? now) >= MIN_AGE_MS)
    .sort(
      (a, b) =>
        (uses.get(a.id)?.lastUsed ?? 0) - (uses.get(b.id)?.lastUsed ?? 0) ||
        (uses.get(a.id)?.firstSeen ?? 0) - (uses.get(b.id)?.firstSeen ?? 0),
    )
  const going: ObservedImage[] = []
  for (const image of free) {
    if (toFree <= 0) break
    going.push(image)
    toFree -= image.sizeBytes
  }
  return going
}
