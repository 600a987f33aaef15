import { timestamp } from '../base/index.ts'
import type { ObservedStats } from './runtime/runtime.ts'
import { memoryInfo } from './self/machine.ts'

/** Samples of what containers use, two looks apart, for the summary API and the resource metrics. */
export class Usage {
  #before = new Map<string, { readonly at: number; readonly cpu: number }>()

  /** Nanocores since the last look; undefined on the first. */
  rate(s: ObservedStats): number | undefined {
    const before = this.#before.get(s.containerId)
    if (!before || s.timestamp > before.at)
      this.#before.set(s.containerId, { at: s.timestamp, cpu: s.cpuNanoseconds })
    if (!before || s.timestamp <= before.at) return undefined
    return Math.max(0, Math.round((s.cpuNanoseconds - before.cpu) / ((s.timestamp - before.at) / 1000)))
  }

  forget(alive: ReadonlySet<string>): void {
    for (const id of this.#before.keys()) if (!alive.has(id)) this.#before.delete(id)
  }
}

/** The kubelet's summary of the node and its pods (stats/summary). */
export async function statsSummary(
  node: string,
  stats: readonly ObservedStats[],
  usage: Usage,
  nowMs: number,
): Promise<object> {
  const memory = await memoryInfo()
  usage.forget(new Set(stats.map((s) => s.containerId)))
  const pods = new Map<string, ObservedStats[]>()
  for (const s of stats) pods.set(s.podUid, [...(pods.get(s.podUid) ?? []), s])
  const time = timestamp(nowMs)
  const sum = (list: readonly ObservedStats[], of: (s: ObservedStats) => number) =>
    list.reduce((total, s) => total + of(s), 0)
  const all = [...pods.values()].map((list) => {
    const containers = list.map((s) => {
      const rate = usage.rate(s)
      return {
        name: s.containerName,
        startTime: time,
        cpu: {
          time: timestamp(s.timestamp),
          usageCoreNanoSeconds: s.cpuNanoseconds,
          ...(rate === undefined ? {} : { usageNanoCores: rate }),
        },
        memory: {
          time: timestamp(s.timestamp),
          usageBytes: s.memoryUsageBytes,
          workingSetBytes: s.memoryWorkingSetBytes,
          rssBytes: s.memoryRssBytes,
        },
        rootfs: { time, usedBytes: s.writableLayerBytes, inodesUsed: s.writableLayerInodes },
      }
    })
    return {
      podRef: { name: list[0]!.podName, namespace: list[0]!.podNamespace, uid: list[0]!.podUid },
      startTime: time,
      containers,
      cpu: {
        time,
        usageNanoCores: containers.reduce((t, c) => t + (c.cpu.usageNanoCores ?? 0), 0),
        usageCoreNanoSeconds: sum(list, (s) => s.cpuNanoseconds),
      },
      memory: {
        time,
        usageBytes: sum(list, (s) => s.memoryUsageBytes),
        workingSetBytes: sum(list, (s) => s.memoryWorkingSetBytes),
        rssBytes: sum(list, (s) => s.memoryRssBytes),
      },
    }
  })
  const total = memory.MemTotal ?? 0
  const available = memory.MemAvailable ?? 0
  return {
    node: {
      nodeName: node,
      startTime: time,
      cpu: {
        time,
        usageNanoCores: all.reduce((t, p) => t + p.cpu.usageNanoCores, 0),
        usageCoreNanoSeconds: sum(stats, (s) => s.cpuNanoseconds),
      },
      memory: {
        time,
        availableBytes: available,
        usageBytes: total - (memory.MemFree ?? 0),
        workingSetBytes: total - available,
      },
    },
    pods: all,
  }
}

/** The kubelet's /metrics/resource, for metrics-server and the like. */
export function resourceMetrics(stats: readonly ObservedStats[]): string {
  const labels = (s: ObservedStats) =>
    `{container="${s.containerName}",namespace="${s.podNamespace}",pod="${s.podName}"}`
  const lines = [
    '# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds',
    '# TYPE container_cpu_usage_seconds_total counter',
    ...stats.map(
      (s) => `container_cpu_usage_seconds_total${labels(s)} ${s.cpuNanoseconds / 1e9} ${s.timestamp}`,
    ),
    '# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes',
    '# TYPE container_memory_working_set_bytes gauge',
    ...stats.map(
      (s) => `container_memory_working_set_bytes${labels(s)} ${s.memoryWorkingSetBytes} ${s.timestamp}`,
    ),
    '# HELP scrape_error [ALPHA] 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE scrape_error gauge',
    'scrape_error 0',
  ]
  return `${lines.join('\n')}\n`
}
