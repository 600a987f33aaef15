import type { Container, Pod, ResourceRequirements } from '../../api/index.ts'
import { quantityNumber } from './quantity.ts'

/** What requests and limits of a pod become: QoS class, cgroup values, out-of-memory scores. Pure. */
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

export interface Amounts {
  readonly cpuMilli: number | undefined
  readonly memoryBytes: number | undefined
}

export const isSidecar = (c: Container): boolean => c.restartPolicy === 'Always'

export function initContainers(pod: Pod): readonly Container[] {
  return pod.spec.initContainers ?? []
}

/** Init containers first, then the regular ones: the order in which they start. */
export function allContainers(pod: Pod): readonly Container[] {
  return [...initContainers(pod), ...pod.spec.containers]
}

/** Any container of the pod, an ephemeral one too. */
export function containerNamed(pod: Pod, name: string): Container | undefined {
  const all = [...allContainers(pod), ...((pod.spec.ephemeralContainers ?? []) as readonly Container[])]
  return all.find((c) => c.name === name)
}

type Amount = Readonly<Record<string, string>> | undefined

function amounts(list: Amount): Amounts {
  const cpu = list?.cpu
  const memory = list?.memory
  return {
    cpuMilli: cpu === undefined ? undefined : Math.ceil(quantityNumber(cpu) * 1000 - 1e-9),
    memoryBytes: memory === undefined ? undefined : Math.ceil(quantityNumber(memory)),
  }
}

/** Requests default to the limits, as the server defaults them; done here too for specs that never passed it. */
export function requestsOf(resources: ResourceRequirements | undefined): Amounts {
  const r = amounts(resources?.requests)
  const l = amounts(resources?.limits)
  return { cpuMilli: r.cpuMilli ?? l.cpuMilli, memoryBytes: r.memoryBytes ?? l.memoryBytes }
}

export function limitsOf(resources: ResourceRequirements | undefined): Amounts {
  return amounts(resources?.limits)
}

export function qosClassOf(pod: Pod): QosClass {
  const all = pod.spec.resources ? [pod.spec.resources] : allContainers(pod).map((c) => c.resources)
  let any = false
  let guaranteed = true
  for (const resources of all) {
    const requests = requestsOf(resources)
    const limits = limitsOf(resources)
    if (
      positive(requests.cpuMilli) ||
      positive(requests.memoryBytes) ||
      positive(limits.cpuMilli) ||
      positive(limits.memoryBytes)
    )
      any = true
    if (!positive(limits.cpuMilli) || !positive(limits.memoryBytes)) guaranteed = false
    if (requests.cpuMilli !== limits.cpuMilli || requests.memoryBytes !== limits.memoryBytes)
      guaranteed = false
  }
  if (!any) return 'BestEffort'
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

const positive = (n: number | undefined): boolean => n !== undefined && n > 0

/**
 * What the whole pod asks for or may use: containers and sidecars together, or the largest init container with the
 * sidecars started before it, whichever is more; plus overhead. A limit exists only when every container has one.
 */
export function podAmount(
  pod: Pod,
  which: 'requests' | 'limits',
  resource: keyof Amounts,
): number | undefined {
  const of = which === 'requests' ? requestsOf : limitsOf
  const own = pod.spec.resources ? of(pod.spec.resources)[resource] : undefined
  const extra = amounts(pod.spec.overhead)[resource] ?? 0
  if (own !== undefined) return own + extra
  let complete = true
  const value = (c: Container): number => {
    const v = of(c.resources)[resource]
    if (!positive(v)) complete = false
    return v ?? 0
  }
  let sidecars = 0
  let peak = 0
  for (const c of initContainers(pod)) {
    const v = value(c)
    if (isSidecar(c)) sidecars += v
    peak = Math.max(peak, isSidecar(c) ? sidecars : sidecars + v)
  }
  const running = pod.spec.containers.reduce((sum, c) => sum + value(c), sidecars)
  if (which === 'limits' && !complete) return undefined
  return Math.max(peak, running) + extra
}

const CPU_PERIOD_US = 100_000

export function cpuShares(milli: number | undefined): number {
  if (!milli) return 2
  return Math.min(262_144, Math.max(2, Math.floor((milli * 1024) / 1000)))
}

/** Microseconds of CPU a period of 100 ms; 0: no limit. */
export function cpuQuota(milli: number | undefined): number {
  if (!milli) return 0
  return Math.max(1000, Math.floor((milli * CPU_PERIOD_US) / 1000))
}

/** cgroup v2 has weights of 1…10000 where v1 has shares of 2…262144. */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262_142)
}

const CRITICAL_PRIORITY = 2_000_000_000

/** −997 for what must survive, 1000 for best effort, between them by the share of memory that was requested. */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacity: number): number {
  if ((pod.spec.priority ?? 0) >= CRITICAL_PRIORITY) return -997
  const qos = qosClassOf(pod)
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  let request = requestsOf(container.resources).memoryBytes ?? 0
  if (initContainers(pod).some((c) => c.name === container.name && isSidecar(c))) {
    // A sidecar must not die before the containers it serves.
    const smallest = Math.min(...pod.spec.containers.map((c) => requestsOf(c.resources).memoryBytes ?? 0))
    request = Math.max(request, Number.isFinite(smallest) ? smallest : 0)
  }
  const score = 1000 - Math.floor((1000 * request) / Math.max(1, memoryCapacity))
  return Math.min(999, Math.max(3, score))
}

export interface ContainerResourceValues {
  readonly cpuShares: number
  readonly cpuQuota: number
  readonly cpuPeriod: number
  readonly memoryLimitInBytes: number
  readonly oomScoreAdj: number
  readonly unified?: Readonly<Record<string, string>>
}

export function containerResources(
  pod: Pod,
  container: Container,
  machine: { memoryCapacity: number; cgroupVersion: 1 | 2 },
): ContainerResourceValues {
  const requests = requestsOf(container.resources)
  const limits = limitsOf(container.resources)
  return {
    cpuShares: cpuShares(requests.cpuMilli),
    cpuQuota: cpuQuota(limits.cpuMilli),
    cpuPeriod: limits.cpuMilli ? CPU_PERIOD_US : 0,
    memoryLimitInBytes: limits.memoryBytes ?? 0,
    oomScoreAdj: oomScoreAdj(pod, container, machine.memoryCapacity),
    // One process of a container killed for memory takes the rest with it, so that it restarts as a whole.
    ...(machine.cgroupVersion === 2 ? { unified: { 'memory.oom.group': '1' } } : {}),
  }
}

/** `/dhow/kubepods/burstable/pod<uid>`; guaranteed pods sit directly under kubepods. */
export function podCgroup(base: string, pod: Pod): string {
  const qos = qosClassOf(pod)
  const under = qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`
  return `/${base}/kubepods${under}/pod${pod.metadata.uid}`
}

export interface CgroupWrite {
  /** Below the mount of the controller (v1) or of the unified hierarchy (v2, controller ''). */
  readonly controller: string
  readonly path: string
  readonly file: string
  readonly value: string
}

/** What to write so that the pod as a whole stays within its limits. */
export function podCgroupWrites(pod: Pod, path: string, version: 1 | 2): readonly CgroupWrite[] {
  const shares = cpuShares(podAmount(pod, 'requests', 'cpuMilli'))
  const quota = cpuQuota(podAmount(pod, 'limits', 'cpuMilli'))
  const memory = podAmount(pod, 'limits', 'memoryBytes')
  if (version === 2) {
    return [
      { controller: '', path, file: 'cpu.weight', value: String(cpuWeight(shares)) },
      ...(quota ? [{ controller: '', path, file: 'cpu.max', value: `${quota} ${CPU_PERIOD_US}` }] : []),
      ...(memory ? [{ controller: '', path, file: 'memory.max', value: String(memory) }] : []),
    ]
  }
  return [
    { controller: 'cpu', path, file: 'cpu.shares', value: String(shares) },
    ...(quota
      ? [
          { controller: 'cpu', path, file: 'cpu.cfs_period_us', value: String(CPU_PERIOD_US) },
          { controller: 'cpu', path, file: 'cpu.cfs_quota_us', value: String(quota) },
        ]
      : []),
    ...(memory ? [{ controller: 'memory', path, file: 'memory.limit_in_bytes', value: String(memory) }] : []),
  ]
}

/** Shares of the two lower classes as a whole: burstable pods get what they asked for, best effort the least. */
export function qosCgroupWrites(base: string, pods: readonly Pod[], version: 1 | 2): readonly CgroupWrite[] {
  const burstable = pods
    .filter((p) => qosClassOf(p) === 'Burstable')
    .reduce((sum, p) => sum + (podAmount(p, 'requests', 'cpuMilli') ?? 0), 0)
  return (
    [
      ['burstable', cpuShares(burstable)],
      ['besteffort', 2],
    ] as const
  ).map(([name, shares]) =>
    version === 2
      ? {
          controller: '',
          path: `/${base}/kubepods/${name}`,
          file: 'cpu.weight',
          value: String(cpuWeight(shares)),
        }
      : { controller: 'cpu', path: `/${base}/kubepods/${name}`, file: 'cpu.shares', value: String(shares) },
  )
}
