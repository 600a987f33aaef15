import type { Pod } from '../../api/index.ts'
import type { Verdict } from '../plan/facts.ts'
import type { ObservedStats } from '../runtime/runtime.ts'
import type { Pressure } from '../self/machine.ts'
import { quantityNumber } from '../spec/quantity.ts'
import { podAmount } from '../spec/resources.ts'

/** What one pod uses now. */
export interface PodUsage {
  readonly memoryBytes: number
  readonly diskBytes: number
}

const CRITICAL_PRIORITY = 2_000_000_000

export interface Eviction {
  readonly pod: Pod
  readonly signal: string
  readonly verdict: Verdict
}

/** The pod that has to go when memory or disk run short: first who uses more than was asked for, then by priority. Pure. */
export function chooseEviction(
  pods: readonly Pod[],
  usage: ReadonlyMap<string, PodUsage>,
  pressure: Pressure,
): Eviction | undefined {
  const resource = pressure.memory ? 'memory' : pressure.disk ? 'ephemeral-storage' : undefined
  if (!resource) return undefined
  const used = (p: Pod) =>
    usage.get(p.metadata.uid)?.[resource === 'memory' ? 'memoryBytes' : 'diskBytes'] ?? 0
  const requested = (p: Pod) => (resource === 'memory' ? (podAmount(p, 'requests', 'memoryBytes') ?? 0) : 0)
  const candidates = pods
    .filter((p) => (p.spec.priority ?? 0) < CRITICAL_PRIORITY && used(p) > 0)
    .sort((a, b) => {
      const over = Number(used(b) > requested(b)) - Number(used(a) > requested(a))
      return (
        over ||
        (a.spec.priority ?? 0) - (b.spec.priority ?? 0) ||
        used(b) - requested(b) - (used(a) - requested(a))
      )
    })
  const pod = candidates[0]
  if (!pod) return undefined
  const message = `The node was low on resource: ${resource}. Container usage ${Math.ceil(used(pod) / 1024)}Ki, request is ${Math.ceil(requested(pod) / 1024)}Ki. `
  return {
    pod,
    signal: resource === 'memory' ? 'memory.available' : 'nodefs.available',
    verdict: { ...evicted(message), disrupted: true },
  }
}

/** It goes at once: the node cannot wait. */
export const evicted = (message: string): Verdict => ({
  phase: 'Failed',
  reason: 'Evicted',
  message,
  graceSeconds: 1,
})

/** Why a pod has used more local disk than it may; undefined: it has not. Pure. */
export function overLimit(
  pod: Pod,
  volumeBytes: ReadonlyMap<string, number>,
  layerBytes: ReadonlyMap<string, number>,
): string | undefined {
  for (const v of pod.spec.volumes ?? []) {
    const limit = v.emptyDir?.sizeLimit
    if (limit === undefined || quantityNumber(limit) === 0) continue
    if ((volumeBytes.get(v.name) ?? 0) > quantityNumber(limit))
      return `Usage of EmptyDir volume "${v.name}" exceeds the limit "${limit}". `
  }
  for (const c of pod.spec.containers) {
    const limit = c.resources?.limits?.['ephemeral-storage']
    if (limit !== undefined && (layerBytes.get(c.name) ?? 0) > quantityNumber(limit)) {
      return `Container ${c.name} exceeded its local ephemeral storage limit "${limit}". `
    }
  }
  return undefined
}

export function usageOf(stats: readonly ObservedStats[]): Map<string, PodUsage> {
  const out = new Map<string, PodUsage>()
  for (const s of stats) {
    const before = out.get(s.podUid)
    out.set(s.podUid, {
      memoryBytes: (before?.memoryBytes ?? 0) + s.memoryWorkingSetBytes,
      diskBytes: (before?.diskBytes ?? 0) + s.writableLayerBytes,
    })
  }
  return out
}
