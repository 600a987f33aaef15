import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt } from './exec.ts'

/** Where Node keeps code that it has compiled, for all clusters of this machine. */
export const COMPILE_CACHE = '/var/cache/dhow/compiled'

/**
 * Compiles the code of the parts before they start, in a process of its own; does nothing when that was done since
 * `sources` last changed. A part that has to compile for itself starts more slowly, and for as long as it runs it
 * holds some 20 MB more. Never fails: what could not be compiled here, the parts compile.
 */
export async function compileAhead(sources: string, command: readonly string[]): Promise<void> {
  const mark = join(COMPILE_CACHE, `compiled-${await fingerprint(sources)}`)
  if (existsSync(mark)) return
  const { exitCode } = await attempt(command, {
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
    timeoutMs: 30_000,
  })
  if (exitCode !== 0) return
  await mkdir(COMPILE_CACHE, { recursive: true })
  await writeFile(mark, '')
  await pruneCache(COMPILE_CACHE, MAX_CACHE_BYTES)
}

/** Code of versions that are no longer run stays behind: the cache of one version has some 10 MB. */
const MAX_CACHE_BYTES = 128 * 1024 * 1024

/** Deletes what was not used for longest until half of the bound is left, once a folder is larger than that. */
export async function pruneCache(directory: string, maxBytes: number): Promise<void> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
  const entries = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      const { size, mtimeMs, atimeMs } = await stat(path).catch(() => GONE)
      return { path, size, usedMs: Math.max(mtimeMs, atimeMs) }
    }),
  )
  let total = entries.reduce((sum, { size }) => sum + size, 0)
  if (total <= maxBytes) return
  for (const { path, size } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= maxBytes / 2) return
    // Whoever runs it has it in memory; another compiles it again.
    await rm(path, { force: true })
    total -= size
  }
}

const GONE = { size: 0, mtimeMs: 0, atimeMs: 0 }

/** When the code of `directory` last changed, in milliseconds since 1970; its tests do not count. */
export async function lastChange(directory: string): Promise<number> {
  const names = (await readdir(directory, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !/\.test(-support)?\.ts$/.test(name),
  )
  const times = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).mtimeMs))
  return Math.max(0, ...times)
}

/** Changes with Node and with any file of `directory`. */
export async function fingerprint(directory: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.version}\0${directory}\0`)
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
  const lines = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      const { size, mtimeMs } = await stat(path)
      return `${path}\0${size}\0${mtimeMs}\n`
    }),
  )
  return hash.update(lines.sort().join('')).digest('hex').slice(0, 32)
}
