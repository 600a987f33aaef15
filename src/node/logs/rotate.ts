import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface RotationOptions {
  readonly maxBytes: number
  /** The current file and those put aside, together. */
  readonly maxFiles: number
}

export const DEFAULT_ROTATION: RotationOptions = { maxBytes: 10 * 2 ** 20, maxFiles: 5 }

/**
 * Puts a log that has grown too large aside and has the runtime begin a new file. What is aside is compressed, but for the
 * newest, which somebody may still be reading. Resolves to whether it did anything.
 */
export async function rotateLog(
  path: string,
  options: RotationOptions,
  nowMs: number,
  reopen: () => Promise<void>,
): Promise<boolean> {
  const size = await stat(path).then(
    (s) => s.size,
    () => 0,
  )
  if (size < options.maxBytes) return false
  const dir = dirname(path)
  const name = basename(path)
  const aside = (await readdir(dir)).filter((n) => n.startsWith(`${name}.`)).sort()
  for (const n of aside.filter((a) => a.endsWith('.tmp'))) await rm(join(dir, n), { force: true })
  const kept = aside.filter((n) => !n.endsWith('.tmp'))
  for (const n of kept.splice(0, Math.max(0, kept.length - (options.maxFiles - 2))))
    await rm(join(dir, n), { force: true })
  for (const n of kept) if (!n.endsWith('.gz')) await compress(join(dir, n))
  const fresh = `${path}.${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`
  await rename(path, fresh)
  try {
    await reopen()
  } catch (error) {
    // The runtime still writes to the old file: it gets its name back.
    await rename(fresh, path)
    throw error
  }
  return true
}

async function compress(path: string): Promise<void> {
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.gz.tmp`))
  await rename(`${path}.gz.tmp`, `${path}.gz`)
  await rm(path, { force: true })
}
