import { readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, release } from 'node:os'

/** What the machine has and what it is called, as the node's status tells it. */
export interface MachineFacts {
  readonly cpuMilli: number
  readonly memoryBytes: number
  readonly ephemeralBytes: number
  readonly maxPods: number
  readonly machineID: string
  readonly systemUUID: string
  readonly bootID: string
  readonly kernelVersion: string
  readonly osImage: string
  readonly architecture: string
}

export interface MachineOptions {
  /** Part of the machine that this node has, where several nodes share one. */
  readonly cpuMilli?: number
  readonly memoryBytes?: number
  readonly maxPods?: number
}

const DEFAULT_MAX_PODS = 110
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export async function readMachine(dir: string, options: MachineOptions = {}): Promise<MachineFacts> {
  const text = (path: string) =>
    readFile(path, 'utf8').then(
      (t) => t.trim(),
      () => '',
    )
  const [machineID, systemUUID, bootID, os, fs, memory] = await Promise.all([
    text('/etc/machine-id'),
    text('/sys/class/dmi/id/product_uuid'),
    text('/proc/sys/kernel/random/boot_id'),
    text('/etc/os-release'),
    statfs(dir),
    memoryTotal(),
  ])
  return {
    cpuMilli: options.cpuMilli ?? availableParallelism() * 1000,
    memoryBytes: options.memoryBytes ?? memory,
    ephemeralBytes: fs.blocks * fs.bsize,
    maxPods: options.maxPods ?? DEFAULT_MAX_PODS,
    machineID,
    systemUUID: systemUUID || machineID,
    bootID,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(os)?.[1] ?? 'Linux',
    architecture: ARCHITECTURES[arch()] ?? arch(),
  }
}

async function memoryTotal(): Promise<number> {
  const { MemTotal = 0 } = await memoryInfo()
  return MemTotal
}

/** /proc/meminfo in bytes. */
export async function memoryInfo(): Promise<Readonly<Record<string, number>>> {
  const text = await readFile('/proc/meminfo', 'utf8')
  const found: Record<string, number> = {}
  for (const [, name, kib] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) found[name!] = Number(kib) * 1024
  return found
}

/** The machine's own counters. Nodes that share a machine show all of it, as they do with its capacity. */
export interface MachineUsage {
  /** Milliseconds since 1970. */
  readonly bootedAt: number
  readonly cpuNanoseconds: number
  readonly memory: { readonly total: number; readonly free: number; readonly available: number }
  readonly disk: {
    readonly totalBytes: number
    readonly usedBytes: number
    readonly availableBytes: number
    readonly inodes: number
    readonly inodesFree: number
  }
  readonly processes: number
  readonly maxPid: number
}

/** The kernel counts CPU time for users in hundredths of a second, whatever its own clock does. */
const TICK_NANOSECONDS = 1e7

export async function readUsage(dir: string): Promise<MachineUsage> {
  const [stat, memory, fs, processes] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    memoryInfo(),
    statfs(dir),
    readProcesses(),
  ])
  return {
    ...cpuUsage(stat),
    memory: {
      total: memory.MemTotal ?? 0,
      free: memory.MemFree ?? 0,
      available: memory.MemAvailable ?? 0,
    },
    disk: {
      totalBytes: fs.blocks * fs.bsize,
      usedBytes: (fs.blocks - fs.bfree) * fs.bsize,
      availableBytes: fs.bavail * fs.bsize,
      inodes: fs.files,
      inodesFree: fs.ffree,
    },
    ...processes,
  }
}

/** From the text of /proc/stat: all time but that spent idle, waiting for a disk, or taken by other machines. */
export function cpuUsage(stat: string): Pick<MachineUsage, 'bootedAt' | 'cpuNanoseconds'> {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '')
    .split(' ')
    .map(Number)
  return {
    bootedAt: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    cpuNanoseconds: (user + nice + system + irq + softirq) * TICK_NANOSECONDS,
  }
}

async function readProcesses(): Promise<Pick<MachineUsage, 'processes' | 'maxPid'>> {
  const [pidMax, load] = await Promise.all([
    readFile('/proc/sys/kernel/pid_max', 'utf8').catch(() => '4194304'),
    readFile('/proc/loadavg', 'utf8').catch(() => ''),
  ])
  return { processes: Number(/\d+\/(\d+)/.exec(load)?.[1] ?? 0), maxPid: Number(pidMax) }
}

export interface Pressure {
  readonly memory: boolean
  readonly disk: boolean
  readonly pid: boolean
}

export interface Signals {
  readonly memoryAvailableBytes: number
  readonly diskAvailable: number
  readonly inodesAvailable: number
  readonly pidsAvailable: number
}

/** Shares between 0 and 1 but for memory: how much is left of what pods can use up. */
export async function readSignals(dir: string): Promise<Signals> {
  const [memory, fs, { processes, maxPid }] = await Promise.all([memoryInfo(), statfs(dir), readProcesses()])
  return {
    memoryAvailableBytes: memory.MemAvailable ?? 0,
    diskAvailable: fs.blocks === 0 ? 1 : fs.bavail / fs.blocks,
    inodesAvailable: fs.files === 0 ? 1 : fs.ffree / fs.files,
    pidsAvailable: 1 - processes / Math.max(1, maxPid),
  }
}

/** Below these a node is under pressure; the figures are the kubelet's defaults. */
export const THRESHOLDS = { memoryBytes: 100 * 2 ** 20, disk: 0.1, inodes: 0.05, pids: 0.02 }

export function pressureOf(signals: Signals): Pressure {
  return {
    memory: signals.memoryAvailableBytes < THRESHOLDS.memoryBytes,
    disk: signals.diskAvailable < THRESHOLDS.disk || signals.inodesAvailable < THRESHOLDS.inodes,
    pid: signals.pidsAvailable < THRESHOLDS.pids,
  }
}
