import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Clock, sleep } from '../base/index.ts'

/** A process for certain: pids are reused, so a pid alone must never be signalled. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks after boot (field 22 of /proc/PID/stat) and the boot it belongs to. */
  readonly startTicks: string
  readonly bootId: string
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Field 22 of stat; the command name in field 2 may hold spaces and brackets. Undefined for a zombie. */
export function startTicksOf(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Undefined when no such process runs. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const startTicks = startTicksOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId() }
  } catch {
    return undefined
  }
}

export async function selfIdentity(): Promise<ProcessIdentity> {
  return identify(process.pid)!
}

export function isAliveSync(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid)
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return isAliveSync(identity)
}

/** Signals it if it is still that process. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAliveSync(identity)) return
  try {
    process.kill(identity.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** SIGTERM, and SIGKILL when it has not ended after `graceMs`. Resolves once it is gone. */
export async function stopProcess(identity: ProcessIdentity, clock: Clock, graceMs: number): Promise<void> {
  signal(identity, 'SIGTERM')
  if (await waitGone(identity, clock, graceMs)) return
  signal(identity, 'SIGKILL')
  if (!(await waitGone(identity, clock, 10_000))) {
    throw new Error(
      `cannot stop process ${identity.pid}: it is still there 10 s after SIGKILL (it waits in the kernel, often for a disk)`,
    )
  }
}

async function waitGone(identity: ProcessIdentity, clock: Clock, limitMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs
  let pauseMs = 5
  while (isAliveSync(identity)) {
    if (clock.monotonic() >= deadline) return false
    await sleep(clock, pauseMs)
    pauseMs = Math.min(100, pauseMs * 2)
  }
  return true
}

export interface ProcessView {
  readonly pid: number
  readonly parent: number
  readonly args: readonly string[]
}

/** None for a process that is gone. */
export async function argumentsOf(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1)
}

/** Every process there is whose arguments pass `matches`. */
export async function findProcesses(matches: (args: readonly string[]) => boolean): Promise<ProcessView[]> {
  const found: ProcessView[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    const args = await argumentsOf(pid)
    if (args.length === 0 || !matches(args)) continue
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    found.push({ pid, parent, args })
  }
  return found
}
