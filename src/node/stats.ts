import { timestamp } from '../base/index.ts'
import type { ObservedPod, ObservedStats } from './runtime/runtime.ts'
import type { MachineUsage } from './self/machine.ts'

/** What the node's figures are made of: what its containers use, since when they run, and the machine's own counters. */
export interface NodeSample {
  readonly node: string
  readonly now: number
  readonly machine: MachineUsage
  readonly stats: readonly ObservedStats[]
  readonly pods: readonly { readonly observed: ObservedPod; readonly startTime: number | undefined }[]
}

/** Nanocores: how fast a counter of CPU time grew between two looks at it. */
export class CpuRates {
  #before = new Map<
    string,
    { readonly at: number; readonly cpu: number; readonly rate: number | undefined }
  >()

  /** undefined on the first look. */
  of(key: string, at: number, cpu: number): number | undefined {
    const before = this.#before.get(key)
    if (before && at <= before.at) return before.rate
    const rate = before && Math.max(0, Math.round((cpu - before.cpu) / ((at - before.at) / 1000)))
    this.#before.set(key, { at, cpu, rate })
    return rate
  }

  /** Of all others nothing will be asked any more. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#before.keys()) if (!keys.has(key)) this.#before.delete(key)
  }
}

const NODE = 'node'

interface ContainerUse {
  readonly stats: ObservedStats
  readonly startedAt: number
}

interface PodUse {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly startedAt: number
  readonly containers: readonly ContainerUse[]
}

/** The containers that run, by pod. */
function podUses({ stats, pods, now }: NodeSample): readonly PodUse[] {
  const byId = new Map(stats.map((s) => [s.containerId, s]))
  return pods.flatMap(({ observed, startTime }) => {
    const containers = observed.containers.flatMap((c) => {
      const found = c.state === 'running' ? byId.get(c.id) : undefined
      return found ? [{ stats: found, startedAt: c.startedAt ?? c.createdAt }] : []
    })
    if (containers.length === 0) return []
    const { name, namespace, uid } = observed
    return [
      { name, namespace, uid, startedAt: startTime ?? observed.sandboxes[0]?.createdAt ?? now, containers },
    ]
  })
}

const sum = ({ containers }: PodUse, of: (s: ObservedStats) => number): number =>
  containers.reduce((total, c) => total + of(c.stats), 0)

const nanoCores = (rate: number | undefined) => (rate === undefined ? {} : { usageNanoCores: rate })

/** The kubelet's summary of the node and its pods (stats/summary). */
export function statsSummary(sample: NodeSample, rates: CpuRates): object {
  const { machine, now } = sample
  const time = timestamp(now)
  const uses = podUses(sample)
  rates.keep(
    new Set([NODE, ...uses.flatMap((p) => [p.uid, ...p.containers.map((c) => c.stats.containerId)])]),
  )
  const { memory, disk } = machine
  return {
    node: {
      nodeName: sample.node,
      startTime: timestamp(machine.bootedAt),
      cpu: {
        time,
        ...nanoCores(rates.of(NODE, now, machine.cpuNanoseconds)),
        usageCoreNanoSeconds: machine.cpuNanoseconds,
      },
      memory: {
        time,
        availableBytes: memory.available,
        usageBytes: memory.total - memory.free,
        workingSetBytes: memory.total - memory.available,
      },
      fs: {
        time,
        availableBytes: disk.availableBytes,
        capacityBytes: disk.totalBytes,
        usedBytes: disk.usedBytes,
        inodesFree: disk.inodesFree,
        inodes: disk.inodes,
        inodesUsed: disk.inodes - disk.inodesFree,
      },
      rlimit: { time, maxpid: machine.maxPid, curproc: machine.processes },
    },
    pods: uses.map((p) => podSummary(p, rates, time, now)),
  }
}

function podSummary(p: PodUse, rates: CpuRates, time: string, now: number): object {
  const cpu = sum(p, (s) => s.cpuNanoseconds)
  return {
    podRef: { name: p.name, namespace: p.namespace, uid: p.uid },
    startTime: timestamp(p.startedAt),
    containers: p.containers.map((c) => containerSummary(c, rates, time)),
    cpu: { time, ...nanoCores(rates.of(p.uid, now, cpu)), usageCoreNanoSeconds: cpu },
    memory: {
      time,
      usageBytes: sum(p, (s) => s.memoryUsageBytes),
      workingSetBytes: sum(p, (s) => s.memoryWorkingSetBytes),
      rssBytes: sum(p, (s) => s.memoryRssBytes),
    },
    'ephemeral-storage': {
      time,
      usedBytes: sum(p, (s) => s.writableLayerBytes),
      inodesUsed: sum(p, (s) => s.writableLayerInodes),
    },
  }
}

function containerSummary({ stats: s, startedAt }: ContainerUse, rates: CpuRates, time: string): object {
  const at = timestamp(s.timestamp)
  return {
    name: s.containerName,
    startTime: timestamp(startedAt),
    cpu: {
      time: at,
      ...nanoCores(rates.of(s.containerId, s.timestamp, s.cpuNanoseconds)),
      usageCoreNanoSeconds: s.cpuNanoseconds,
    },
    memory: {
      time: at,
      usageBytes: s.memoryUsageBytes,
      workingSetBytes: s.memoryWorkingSetBytes,
      rssBytes: s.memoryRssBytes,
    },
    rootfs: { time, usedBytes: s.writableLayerBytes, inodesUsed: s.writableLayerInodes },
  }
}

/** One line of a metric: labels, value and, where the value was taken earlier, its time. */
type Line = readonly [labels: Readonly<Record<string, string>>, value: number, at?: number]

/** The kubelet's /metrics/resource, for metrics-server and the like; undefined: the figures could not be had. */
export function resourceMetrics(sample: NodeSample | undefined): string {
  const uses = sample ? podUses(sample) : []
  const nodeLine = (value: number): Line[] => (sample ? [[{}, value, sample.now]] : [])
  const podLines = (of: (s: ObservedStats) => number): Line[] =>
    uses.map((p) => [{ namespace: p.namespace, pod: p.name }, sum(p, of), sample!.now])
  const containerLines = (of: (c: ContainerUse) => number, timed = true): Line[] =>
    uses.flatMap((p) =>
      p.containers.map((c): Line => {
        const labels = { container: c.stats.containerName, namespace: p.namespace, pod: p.name }
        return timed ? [labels, of(c), c.stats.timestamp] : [labels, of(c)]
      }),
    )
  const seconds = (nanoseconds: number) => nanoseconds / 1e9
  const { memory, cpuNanoseconds = 0 } = sample?.machine ?? {}
  const failed: Line[] = [[{}, sample ? 0 : 1]]
  return [
    ...family(
      'container_cpu_usage_seconds_total',
      'counter',
      'CPU time used by the container, in core-seconds',
      containerLines((c) => seconds(c.stats.cpuNanoseconds)),
    ),
    ...family(
      'container_memory_working_set_bytes',
      'gauge',
      'Working set of the container in bytes',
      containerLines((c) => c.stats.memoryWorkingSetBytes),
    ),
    ...family(
      'container_start_time_seconds',
      'gauge',
      'When the container started, in seconds since 1970',
      containerLines((c) => c.startedAt / 1000, false),
    ),
    ...family(
      'node_cpu_usage_seconds_total',
      'counter',
      'CPU time used by the node, in core-seconds',
      nodeLine(seconds(cpuNanoseconds)),
    ),
    ...family(
      'node_memory_working_set_bytes',
      'gauge',
      'Working set of the node in bytes',
      nodeLine(memory ? memory.total - memory.available : 0),
    ),
    ...family(
      'pod_cpu_usage_seconds_total',
      'counter',
      'CPU time used by the pod, in core-seconds',
      podLines((s) => seconds(s.cpuNanoseconds)),
    ),
    ...family(
      'pod_memory_working_set_bytes',
      'gauge',
      'Working set of the pod in bytes',
      podLines((s) => s.memoryWorkingSetBytes),
    ),
    ...family('resource_scrape_error', 'gauge', '1 if the figures could not be had, 0 otherwise', failed),
    ...family('scrape_error', 'gauge', '1 if the figures could not be had, 0 otherwise', failed),
    '',
  ].join('\n')
}

function family(name: string, type: 'counter' | 'gauge', help: string, lines: readonly Line[]): string[] {
  if (lines.length === 0) return []
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...lines.map(([labels, value, at]) => {
      const text = Object.entries(labels).map(([k, v]) => `${k}="${v}"`)
      return `${name}${text.length > 0 ? `{${text.join(',')}}` : ''} ${value}${at === undefined ? '' : ` ${at}`}`
    }),
  ]
}
