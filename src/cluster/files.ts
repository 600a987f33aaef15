import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../base/index.ts'
import { sleep } from '../base/index.ts'
import { isAlive, type ProcessIdentity, selfIdentity } from './process.ts'

/** Replaces the file whole: a reader, and whoever comes after a crash, sees the old content or the new one. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

/** The parsed file, or undefined when there is none. Broken JSON is an error that names the file. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new Error(`cannot read "${path}": expected JSON`, { cause })
  }
}

/** Writes only when the content differs; tells whether it did. */
export async function writeFileIfChanged(path: string, content: string, mode = 0o644): Promise<boolean> {
  const current = await readFile(path, 'utf8').catch(() => undefined)
  if (current === content) return false
  await writeFileAtomic(path, content, mode)
  return true
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/**
 * One holder at a time, across processes. A lock whose holder died (also by kill -9 or a restart of the machine) is
 * taken over. Resolves to the function that releases it; rejects after `waitMs` with who holds it. `onWait` is told the
 * holder that is waited for.
 */
export async function lockFile(
  path: string,
  clock: Clock,
  waitMs = 30_000,
  onWait: (pid: number) => void = () => {},
): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true })
  const mine = `${path}.${randomUUID()}`
  await writeFileAtomic(mine, JSON.stringify(await selfIdentity()))
  const deadline = clock.monotonic() + waitMs
  let told: number | undefined
  try {
    for (;;) {
      try {
        await link(mine, path)
        return () => rm(path, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await readJson<ProcessIdentity>(path).catch(() => undefined)
      if (holder && !(await isAlive(holder))) {
        await discard(path, `${mine}.stale`, holder)
        continue
      }
      if (holder && holder.pid !== told) onWait(holder.pid)
      told = holder?.pid
      if (clock.monotonic() > deadline) {
        throw new Error(
          `cannot lock "${path}": process ${holder?.pid ?? 'unknown'} has held it for over ${waitMs / 1000} s (wait for it, or end it)`,
        )
      }
      await sleep(clock, 50)
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/** The process that holds the lock, and lives. */
export async function lockHolder(path: string): Promise<ProcessIdentity | undefined> {
  const holder = await readJson<ProcessIdentity>(path).catch(() => undefined)
  return holder && (await isAlive(holder)) ? holder : undefined
}

/** Removes the lock of a dead process; when another waiter was faster, and took it, that one's lock is put back. */
async function discard(path: string, aside: string, dead: ProcessIdentity): Promise<void> {
  try {
    await rename(path, aside)
    const found = await readJson<ProcessIdentity>(aside)
    if (found?.pid !== dead.pid || found.startTicks !== dead.startTicks) await link(aside, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}
