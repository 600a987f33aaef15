import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { copyFile, rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Log } from '../base/index.ts'
import { timestamp } from '../base/index.ts'
import { readJson } from './files.ts'
import { countEarlyExits, type Part, partHash, restartDelayMs, runningArgs } from './parts.ts'
import {
  findProcesses,
  identify,
  isAliveSync,
  type ProcessIdentity,
  selfIdentity,
  stopProcess,
} from './process.ts'

/** What `dhow status` and `dhow down` read: `<dataDir>/run/supervisor.json`. */
export interface SupervisorState {
  readonly supervisor: ProcessIdentity
  readonly parts: Readonly<Record<string, PartState>>
}

export interface PartState {
  /** undefined while it waits for its next start. */
  readonly process?: ProcessIdentity
  readonly hash: string
  readonly startedAt: string
  /** Starts after the first one. */
  readonly restarts: number
  readonly lastExit?: string
}

const supervisorStateFile = (runDir: string) => join(runDir, 'supervisor.json')

export function readSupervisorState(runDir: string): Promise<SupervisorState | undefined> {
  return readJson<SupervisorState>(supervisorStateFile(runDir))
}

export interface SupervisorOptions {
  readonly runDir: string
  readonly clock: Clock
  readonly log: Log
  /** How often processes that are not children (adopted ones) are looked at. */
  readonly pollMs?: number
}

interface Kept {
  part: Part
  process: ProcessIdentity | undefined
  child: ChildProcess | undefined
  startedAtMs: number
  startedAt: string
  restarts: number
  earlyExits: number
  lastExit: string | undefined
  cancelStart: (() => void) | undefined
}

const MAX_LOG_BYTES = 16 * 1024 * 1024
const KEPT_LOGS = 3

/**
 * Starts processes and keeps them running. They are in sessions of their own and write to files, so they live on when
 * the supervisor dies; the next one adopts them. Ending the supervisor ends nothing else.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #kept = new Map<string, Kept>()
  readonly #identity: ProcessIdentity
  /** What others read is up to date. */
  #saved = true
  #stopped = false
  #cancelPoll: () => void = () => {}
  #cancelLogs: () => void = () => {}

  private constructor(options: SupervisorOptions, identity: ProcessIdentity) {
    this.#options = options
    this.#identity = identity
  }

  static async start(parts: readonly Part[], options: SupervisorOptions): Promise<Supervisor> {
    mkdirSync(options.runDir, { recursive: true })
    const supervisor = new Supervisor(options, await selfIdentity())
    await supervisor.#adopt(parts)
    await supervisor.apply(parts)
    supervisor.#poll()
    supervisor.#watchLogs()
    return supervisor
  }

  /** Keeps exactly these parts from now on: starts new ones, stops those that are gone, restarts changed ones. */
  async apply(parts: readonly Part[]): Promise<void> {
    const wanted = new Map(parts.map((part) => [part.name, part]))
    const gone = [...this.#kept.values()].filter(({ part }) => {
      const kept = wanted.get(part.name)
      return !kept || partHash(kept) !== partHash(part)
    })
    // None of them is started again from here on, however long the others take to end.
    for (const kept of gone) {
      this.#kept.delete(kept.part.name)
      kept.cancelStart?.()
      kept.child?.removeAllListeners('exit')
    }
    await Promise.all(gone.map(({ process }) => process && stopProcess(process, this.#options.clock, 10_000)))
    for (const part of parts) if (!this.#kept.has(part.name)) this.#keep(part, undefined)
    for (const kept of this.#kept.values()) if (!kept.process && !kept.cancelStart) this.#startPart(kept)
    this.#save()
  }

  /** Stops watching; what runs goes on running. */
  stop(): void {
    this.#stopped = true
    this.#cancelPoll()
    this.#cancelLogs()
    for (const kept of this.#kept.values()) {
      kept.cancelStart?.()
      kept.child?.removeAllListeners('exit')
      kept.child?.unref()
    }
  }

  async #adopt(parts: readonly Part[]): Promise<void> {
    const saved = (await readSupervisorState(this.#options.runDir).catch(() => undefined))?.parts ?? {}
    const byArgs = new Map(parts.map((part) => [runningArgs(part).join('\0'), part]))
    const running = await findProcesses((args) => byArgs.has(args.join('\0')))
    const isCurrent = (part: Part) => saved[part.name]?.hash === partHash(part)
    const changed = parts.flatMap((part) => (isCurrent(part) ? [] : (saved[part.name]?.process ?? [])))
    await Promise.all(
      changed.filter(isAliveSync).map((process) => stopProcess(process, this.#options.clock, 10_000)),
    )
    for (const part of parts) {
      const known = saved[part.name]
      let found = known?.process && isCurrent(part) && isAliveSync(known.process) ? known.process : undefined
      // Started by a supervisor that died before it could write the pid down.
      if (!found) {
        const orphan = running.find((p) => p.pid !== process.pid && byArgs.get(p.args.join('\0')) === part)
        found = orphan && identify(orphan.pid)
      }
      if (!found) continue
      const kept = this.#keep(part, found)
      kept.startedAt = known?.startedAt ?? kept.startedAt
      kept.restarts = known?.restarts ?? 0
      this.#options.log.info({ part: part.name, pid: found.pid }, 'adopted running process')
    }
  }

  #keep(part: Part, running: ProcessIdentity | undefined): Kept {
    const { clock } = this.#options
    const kept: Kept = {
      part,
      process: running,
      child: undefined,
      startedAtMs: clock.monotonic(),
      startedAt: timestamp(clock.now()),
      restarts: -1,
      earlyExits: 0,
      lastExit: undefined,
      cancelStart: undefined,
    }
    this.#kept.set(part.name, kept)
    return kept
  }

  #startPart(kept: Kept): void {
    const { clock, log } = this.#options
    const { part } = kept
    kept.cancelStart = undefined
    kept.startedAtMs = clock.monotonic()
    kept.startedAt = timestamp(clock.now())
    kept.restarts++
    try {
      const child = this.#spawn(part)
      kept.child = child
      kept.process = child.pid === undefined ? undefined : identify(child.pid)
      child.on('error', (error) => this.#ended(kept, `did not start: ${error.message}`))
      child.on('exit', (code, signalName) =>
        this.#ended(kept, signalName ? `killed by ${signalName}` : `exit code ${code}`),
      )
      log.info({ part: part.name, pid: child.pid, restarts: kept.restarts }, 'started process')
    } catch (error) {
      this.#ended(kept, `did not start: ${(error as Error).message}`)
    }
  }

  #spawn(part: Part): ChildProcess {
    mkdirSync(join(part.log, '..'), { recursive: true })
    const output = openSync(part.log, 'a', 0o640)
    try {
      const [program, ...args] = part.command
      return spawn(program!, args, {
        detached: true,
        stdio: ['ignore', output, output],
        env: { ...process.env, ...part.env },
        cwd: '/',
      })
    } finally {
      closeSync(output)
    }
  }

  #ended(kept: Kept, how: string): void {
    if (this.#stopped || this.#kept.get(kept.part.name) !== kept || kept.cancelStart) return
    const { clock, log } = this.#options
    kept.process = undefined
    kept.child = undefined
    kept.lastExit = `${how} at ${timestamp(clock.now())}`
    const ranMs = clock.monotonic() - kept.startedAtMs
    const before = kept.earlyExits
    kept.earlyExits = countEarlyExits(before, ranMs)
    const delayMs = restartDelayMs(before)
    log.warn({ part: kept.part.name, how, ranMs: Math.round(ranMs), delayMs }, 'process ended')
    kept.cancelStart = clock.after(delayMs, () => {
      this.#startPart(kept)
      this.#save()
    })
    this.#save()
  }

  #poll(): void {
    const { clock, pollMs = 250 } = this.#options
    this.#cancelPoll = clock.after(pollMs, () => {
      for (const kept of this.#kept.values()) {
        if (kept.process && !kept.child && !isAliveSync(kept.process)) this.#ended(kept, 'ended')
      }
      if (!this.#saved) this.#save()
      this.#poll()
    })
  }

  #watchLogs(): void {
    this.#cancelLogs = this.#options.clock.after(20_000, () => {
      const rotations = [...this.#kept.values()].map((kept) => rotate(kept.part.log))
      Promise.allSettled(rotations).then(() => {
        if (!this.#stopped) this.#watchLogs()
      })
    })
  }

  #save(): void {
    const parts: Record<string, PartState> = {}
    for (const { part, process, startedAt, restarts, lastExit } of this.#kept.values()) {
      const state = {
        hash: partHash(part),
        startedAt,
        restarts: Math.max(0, restarts),
        ...(lastExit ? { lastExit } : {}),
      }
      parts[part.name] = process ? { process, ...state } : state
    }
    const state: SupervisorState = { supervisor: this.#identity, parts }
    const wasSaved = this.#saved
    try {
      // A restart of the machine makes it worthless, so it need not be on disk; it must only never be half a file.
      const file = supervisorStateFile(this.#options.runDir)
      writeFileSync(`${file}.tmp`, JSON.stringify(state))
      renameSync(`${file}.tmp`, file)
      this.#saved = true
    } catch (error) {
      // The disk is full, say: that others can read the state is worth less than that somebody keeps the parts running.
      this.#saved = false
      if (wasSaved)
        this.#options.log.error({ error: String(error) }, 'cannot write down what runs; trying again')
    }
  }
}

/** Copies a log that has grown large aside and empties it: its writer keeps its file open (in append mode). */
export async function rotate(file: string, maxBytes = MAX_LOG_BYTES): Promise<void> {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < maxBytes) return
  for (let n = KEPT_LOGS - 1; n >= 1; n--) await rename(`${file}.${n}`, `${file}.${n + 1}`).catch(() => {})
  await copyFile(file, `${file}.1`)
  await truncate(file)
}
