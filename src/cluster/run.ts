import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { type Clock, processLog, sleep, systemClock, systemRandom } from '../base/index.ts'
import { leaveSession } from './cgroups.ts'
import { COMPILE_CACHE, compileAhead, lastChange } from './compile.ts'
import { ourProcesses, upLock } from './down.ts'
import { lockHolder, readJson } from './files.ts'
import { lastWords } from './last-words.ts'
import { type ClusterConfig, type Layout, layoutOf } from './layout.ts'
import { findProgram } from './machine.ts'
import { type Part, partsOf } from './parts.ts'
import { argumentsOf, isAliveSync, signal, stopProcess } from './process.ts'
import { readSupervisorState, Supervisor, type SupervisorState } from './supervisor.ts'

const ENTRY = join(import.meta.dirname, 'main.ts')
const GUARD = join(import.meta.dirname, 'guard.sh')

/** The long-running parts, each a process: `supervisor`, `server` and `agent`. What one does not need, it does not load. */
export async function runPart(command: string, args: readonly string[]): Promise<void> {
  const option = (name: string): string => {
    const value = args[args.indexOf(`--${name}`) + 1]
    if (!args.includes(`--${name}`) || value === undefined)
      throw new Error(`cannot run "dhow ${command}": expected --${name}`)
    return value
  }
  const read = async () => {
    const file = join(option('data-dir'), 'cluster.json')
    const config = await readJson<ClusterConfig>(file)
    if (!config)
      throw new Error(
        `cannot run "dhow ${command}": expected a cluster in "${file}" (make it with "dhow up")`,
      )
    return layoutOf(config)
  }
  switch (command) {
    case 'supervisor':
      return runSupervisor(read)
    case 'server': {
      const layout = await read()
      guardSupervisor(layout)
      return (await import('./server.ts')).runServer(layout, flushCompileCache)
    }
    case 'agent': {
      const layout = await read()
      guardSupervisor(layout)
      return (await import('./agent.ts')).runAgent(layout, option('node'), flushCompileCache)
    }
    case 'revive':
      return revive(await read(), systemClock())
    case 'compile':
      return (await import('./compile-parts.ts')).compileParts()
    default:
      throw new Error(`cannot run "${command}": expected supervisor, server or agent`)
  }
}

/** Has the code of all parts compiled before they start; see `compileAhead`. */
export function compileCode(): Promise<void> {
  const flags = ['--disable-warning=ExperimentalWarning']
  return compileAhead(join(import.meta.dirname, '..'), [process.execPath, ...flags, ENTRY, 'compile'])
}

/** Whether a part was started before this program's code last changed (a `git pull`). */
export async function runsOlderCode(state: SupervisorState | undefined): Promise<boolean> {
  const ours = Object.entries(state?.parts ?? {}).filter(([name]) => /^(server|agent-)/.test(name))
  const starts = ours.map(([, part]) => Date.parse(part.startedAt))
  return Math.min(...starts) < (await lastChange(join(import.meta.dirname, '..')))
}

/** The processes of a cluster, as this machine's programs run them. */
export function clusterParts(layout: Layout): Part[] {
  const programs = {
    node: process.execPath,
    entry: ENTRY,
    guard: GUARD,
    containerd: findProgram('containerd') ?? 'containerd',
    nsenter: findProgram('nsenter') ?? 'nsenter',
    compileCache: COMPILE_CACHE,
  }
  return partsOf(layout, programs)
}

async function runSupervisor(read: () => Promise<Layout>): Promise<void> {
  const log = processLog('supervisor')
  const layout = await read()
  const others = await supervisorsOf(layout)
  if (others.length > 0)
    throw new Error(`cannot start a supervisor: process ${others[0]!.pid} is one for this cluster`)
  await leaveSession(layout.partsCgroup).catch((error) =>
    log.warn(
      { error: String(error) },
      'cannot leave the session that ran "up": its end may be that of the cluster',
    ),
  )
  const clock = systemClock()
  const supervisor = await Supervisor.start(clusterParts(layout), { runDir: layout.runDir, clock, log })
  flushCompileCache()
  process.on('SIGHUP', () => {
    read()
      .then((changed) => supervisor.apply(clusterParts(changed)))
      .catch((error) => log.error({ error: String(error) }, 'cannot apply the changed configuration'))
  })
  const stop = () => {
    supervisor.stop()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

const supervisorsOf = async (layout: Layout) =>
  (await ourProcesses(layout, ['supervisor'])).filter((p) => p.pid !== process.pid)

/**
 * Starts the supervisor in a session of its own, or makes the running one read the configuration again. One that another
 * copy of this program started gives way: it knows its own parts only. What runs goes on running, and is adopted.
 */
export async function startSupervisor(layout: Layout, clock: Clock): Promise<void> {
  const args = [
    '--max-semi-space-size=1',
    '--disable-warning=ExperimentalWarning',
    ENTRY,
    'supervisor',
    '--data-dir',
    layout.config.dataDir,
  ]
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  if (state && isAliveSync(state.supervisor)) {
    const running = await argumentsOf(state.supervisor.pid)
    if (running.join('\0') === [process.execPath, ...args].join('\0'))
      return signal(state.supervisor, 'SIGHUP')
    await stopProcess(state.supervisor, clock, 5_000)
  }
  mkdirSync(layout.logDir, { recursive: true })
  const log = openSync(join(layout.logDir, 'supervisor.log'), 'a', 0o640)
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  closeSync(log)
  child.unref()
  const failed = new Promise<never>((_, reject) => {
    child.on('error', (cause) => reject(new Error('cannot start the supervisor', { cause })))
    child.on('exit', async (code) => {
      const words = await lastWords(join(layout.logDir, 'supervisor.log'))
      reject(
        new Error(`cannot start the supervisor: it ended with exit code ${code}`, {
          cause: new Error(words),
        }),
      )
    })
  })
  await Promise.race([failed, waitForState(layout, child.pid!, clock)])
  child.removeAllListeners()
}

/** It may have to end what another copy of this program started. */
const START_MS = 40_000

async function waitForState(layout: Layout, pid: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + START_MS
  while ((await readSupervisorState(layout.runDir).catch(() => undefined))?.supervisor.pid !== pid) {
    if (clock.monotonic() > deadline)
      throw new Error(`cannot start the supervisor: it did not report within ${START_MS / 1000} s`)
    await sleep(clock, 10)
  }
}

const GUARD_MS = 2_000

/** Starts another supervisor when it was killed. Not while the cluster is brought up or down. */
async function revive(layout: Layout, clock: Clock): Promise<void> {
  const state = await readSupervisorState(layout.runDir).catch(() => undefined)
  if (!state || isAliveSync(state.supervisor)) return
  // One that runs may have been unable to say so: the disk is full.
  if ((await supervisorsOf(layout)).length > 0) return
  // Last, for `down` may have begun while we looked.
  if (await lockHolder(upLock(layout))) return
  processLog('guard').warn({ pid: state.supervisor.pid }, 'the supervisor is gone: starting another')
  await startSupervisor(layout, clock)
}

/**
 * The guard (guard.sh) brings back a supervisor that is killed. Should both be killed at once, the other parts notice:
 * they look now and then.
 */
function guardSupervisor(layout: Layout): void {
  const clock = systemClock({ background: true })
  const again = () => {
    // Not all at the same moment: two that start at once see each other, and both give up.
    const pauseMs = GUARD_MS + Math.floor(systemRandom().next() * GUARD_MS)
    clock.after(pauseMs, () => {
      revive(layout, clock)
        .catch((error) => processLog('guard').warn({ error: String(error) }, 'cannot start a supervisor'))
        .then(again)
    })
  }
  again()
}
