import { constants, type Stats } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { Host } from '../host.ts'
import { VolumeError } from './payload.ts'

/**
 * Makes a part of a volume available at `target`, for a `subPath` mount. The pod's own containers can change links in
 * the volume at any time, so that a path that was checked may lead elsewhere when the runtime follows it: the place is
 * opened step by step without following links, and what was opened is what gets mounted.
 */
export async function bindSubPath(
  host: Host,
  volume: string,
  subPath: string,
  target: string,
): Promise<void> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new VolumeError(`subPath "${subPath}" must be a relative path without ".."`)
  const root = await realpath(volume)
  const resolved = await realpath(join(root, subPath)).catch(() => undefined)
  const inside = resolved === undefined ? subPath : relative(root, resolved)
  if (inside.split('/').includes('..')) throw new VolumeError(`subPath "${subPath}" leads out of its volume`)
  const parts = inside.split('/').filter((p) => p !== '' && p !== '.')
  const handle = await openWithin(root, parts, resolved === undefined)
  try {
    const wanted = await handle.stat()
    if (await host.isMounted(target)) {
      const mounted = await stat(target)
      if (mounted.dev === wanted.dev && mounted.ino === wanted.ino) return
      // What the path leads to is another file than when the container started before.
      await host.unmount(target)
    }
    await placeFor(wanted, target)
    await host.mount(['--bind', `/proc/${process.pid}/fd/${handle.fd}`, target])
  } finally {
    await handle.close()
  }
}

async function placeFor(wanted: Stats, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const there = await stat(target).catch(() => undefined)
  if (there && there.isDirectory() !== wanted.isDirectory()) await rm(target, { recursive: true })
  if (wanted.isDirectory()) await mkdir(target, { recursive: true })
  else await writeFile(target, '', { flag: 'a' })
}

/** Opens `parts` below `root` one by one; missing folders are made with the mode of the one above. */
async function openWithin(root: string, parts: readonly string[], create: boolean): Promise<FileHandle> {
  let handle = await open(root, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    for (const part of parts) {
      const path = `/proc/self/fd/${handle.fd}/${part}`
      if (create) {
        const { mode } = await handle.stat()
        await mkdir(path, { mode: mode & 0o7777 }).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error
        })
      }
      const next = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      await handle.close()
      handle = next
    }
    return handle
  } catch (error) {
    await handle.close()
    throw new VolumeError(`failed to prepare subPath below ${root}: ${(error as Error).message}`)
  }
}

export async function removeSubPaths(host: Host, dir: string): Promise<void> {
  for (const mounted of await host.mountsBelow(dir)) await host.unmount(mounted)
  await rm(dir, { recursive: true, force: true })
}
