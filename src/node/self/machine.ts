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
  const [memory, fs, pidMax, load] = await Promise.all([
    memoryInfo(),
    statfs(dir),
    readFile('/proc/sys/kernel/pid_max', 'utf8').catch(() => '4194304'),
    readFile('/proc/loadavg', 'utf8').catch(() => ''),
  ])
  const processes = Number(/\d+\/(\d+)/.exec(load)?.[1] ?? 0)
  return {
    memoryAvailableBytes: memory.MemAvailable ?? 0,
    diskAvailable: fs.blocks === 0 ? 1 : fs.bavail / fs.blocks,
    inodesAvailable: fs.files === 0 ? 1 : fs.ffree / fs.files,
    pidsAvailable: 1 - processes / Math.max(1, Number(pidMax)),
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
