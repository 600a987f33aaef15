import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sleep } from '../base/index.ts'

const MOUNT = '/sys/fs/cgroup'

/** The roots of all hierarchies: the one of cgroup v2, or each of v1 and the unified one beside them. */
export function hierarchies(): string[] {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT]
  return readdirSync(MOUNT, { withFileTypes: true })
    .filter((d) => d.isDirectory())
    .map((d) => join(MOUNT, d.name))
}

/** The folders of a cgroup tree, children before their parents, in every hierarchy that has it. */
function folders(path: string): string[] {
  const walk = (dir: string): string[] => {
    if (!existsSync(dir)) return []
    const children = readdirSync(dir, { withFileTypes: true }).filter((d) => d.isDirectory())
    return [...children.flatMap((d) => walk(join(dir, d.name))), dir]
  }
  return hierarchies().flatMap((root) => walk(join(root, path)))
}

export function processesIn(path: string): number[] {
  const pids = folders(path).flatMap((dir) => {
    try {
      return readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    } catch {
      return []
    }
  })
  return [...new Set(pids)].filter((pid) => pid > 0)
}

/** Kills what runs in a cgroup tree of ours and removes it. */
export async function removeCgroup(path: string, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + 15_000
  for (;;) {
    for (const pid of processesIn(path)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
    for (const dir of folders(path)) await rmdir(dir).catch(() => {})
    if (folders(path).length === 0) return
    if (clock.monotonic() > deadline) {
      throw new Error(
        `cannot remove cgroup "${path}": processes ${processesIn(path).join(', ') || 'none'} are still in it`,
      )
    }
    await sleep(clock, 20)
  }
}

/**
 * Where a process is that something else may end or limit together with all its company: the scope of a login session,
 * a service. Of /proc/self/cgroup, the hierarchy in which systemd keeps those (of cgroup v2 there is one hierarchy
 * for everything); undefined in its root, which nobody ends.
 */
export function keeperOf(procCgroup: string, version: 1 | 2): string | undefined {
  const prefix = version === 2 ? '0::' : /^\d+:name=systemd:/
  for (const line of procCgroup.split('\n')) {
    const path = line.replace(prefix, '')
    if (path !== line && path !== '/') return path
  }
  return undefined
}

/** Takes this process, and so all that it starts, out of the session or service that started it. */
export async function leaveSession(path: string): Promise<void> {
  const version = existsSync(join(MOUNT, 'cgroup.controllers')) ? 2 : 1
  if (keeperOf(await readFile('/proc/self/cgroup', 'utf8'), version) === undefined) return
  const dir = join(MOUNT, version === 2 ? '' : 'systemd', path)
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'cgroup.procs'), String(process.pid))
}
