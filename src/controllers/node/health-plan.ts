import { Node, type NodeCondition, Pod, type Taint } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import { type Action, event, mergePatch, type Plan, plan, together, updateStatus } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { isReady } from '../shared/pods.ts'

const GRACE_MS = 50_000
/** A node that has never reported gets more time. */
const STARTUP_GRACE_MS = 60_000

const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

export interface ObservedNode {
  readonly node: Node
  /** Since the last sign of life (a Lease renewed, a status posted), by our own clock. */
  readonly silentMs: number
  readonly pods: readonly Pod[]
  /** Every node of the cluster, for judging whether it is the nodes or us who are cut off. */
  readonly nodes: readonly Node[]
}

/** Says of a silent node that nothing is known of it, and keeps its taints in line with its conditions. */
export function planNodeHealth(observed: ObservedNode, now: number): Plan {
  const { node, silentMs } = observed
  if (node.metadata.deletionTimestamp) return plan([])
  const grace = condition(node, 'Ready') ? GRACE_MS : STARTUP_GRACE_MS
  const silenced = silentMs >= grace ? withUnknown(node, now) : node
  if (silenced !== node) {
    const name = node.metadata.name
    return plan([
      updateStatus(Node, silenced),
      event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`),
    ])
  }
  const { taints, againAfterMs, waits } = taintsOf(observed, now)
  const tainted = equal(taints, node.spec.taints ?? [])
    ? undefined
    : mergePatch(Node, node, { spec: { taints: taints.length > 0 ? taints : null } }, { exact: true })
  const next = Math.min(silentMs < grace ? grace - silentMs : Number.POSITIVE_INFINITY, againAfterMs)
  return plan([tainted, together(unreadyPods(observed, now))], {
    waits,
    againAfterMs: Number.isFinite(next) ? next : undefined,
  })
}

export function condition(node: Node, type: string): NodeCondition | undefined {
  return node.status.conditions?.find((c) => c.type === type)
}

function withUnknown(node: Node, now: number): Node {
  const before = node.status.conditions ?? []
  const unknown = (type: string): NodeCondition => {
    const known = before.find((c) => c.type === type)
    if (known?.status === 'Unknown') return known
    const lastTransitionTime = timestamp(now)
    if (known) {
      const message = 'Kubelet stopped posting node status.'
      return { ...known, status: 'Unknown', reason: 'NodeStatusUnknown', message, lastTransitionTime }
    }
    return {
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime,
    }
  }
  const conditions = [
    ...before.map((c) => (REPORTED.includes(c.type) ? unknown(c.type) : c)),
    ...REPORTED.filter((type) => !before.some((c) => c.type === type)).map(unknown),
  ]
  return equal(conditions, before) ? node : { ...node, status: { ...node.status, conditions } }
}

/** The taints that conditions and cordoning ask for, beside those that others set. */
function taintsOf({ node, nodes }: ObservedNode, now: number) {
  const ready = condition(node, 'Ready')?.status
  const wanted = noScheduleKeys(node)
  const before = node.spec.taints ?? []
  const kept: Taint[] = before.filter(
    (t) => !isManaged(t) || (t.effect === 'NoSchedule' && wanted.has(t.key)),
  )
  const missing = [...wanted].filter((key) => !kept.some((t) => t.key === key && t.effect === 'NoSchedule'))
  const added = missing.map((key): Taint => ({ key, effect: 'NoSchedule', timeAdded: timestamp(now) }))
  const evicting = ready === 'Unknown' ? UNREACHABLE : ready === 'True' ? undefined : NOT_READY
  const result = {
    taints: [...kept, ...added],
    againAfterMs: Number.POSITIVE_INFINITY,
    waits: [] as string[],
  }
  if (evicting === undefined || isEverythingDown(nodes)) return result
  const held = before.filter(
    (t) => t.effect === 'NoExecute' && (t.key === NOT_READY || t.key === UNREACHABLE),
  )
  const same = held.find((t) => t.key === evicting)
  if (same) return { ...result, taints: [...result.taints, same] }
  // Changing one for the other evicts nobody new; a first one waits for its turn.
  const delay = held.length > 0 ? 0 : turnAfterMs(node, nodes, now)
  if (delay <= 0) {
    const taint: Taint = { key: evicting, effect: 'NoExecute', timeAdded: timestamp(now) }
    return { ...result, taints: [...result.taints, taint] }
  }
  const waits = [`its turn to be evicted: ${Math.ceil(delay / 1000)} s`]
  return {
    ...result,
    againAfterMs: delay,
    waits: Number.isFinite(delay) ? waits : ['most nodes of its zone are down'],
  }
}

const PRESSURES: readonly (readonly [type: string, key: string])[] = [
  ['MemoryPressure', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'node.kubernetes.io/network-unavailable'],
]
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'
const MANAGED = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...PRESSURES.map(([, key]) => key)])

function isManaged(taint: Taint): boolean {
  if (taint.effect === 'NoSchedule') return MANAGED.has(taint.key)
  return taint.effect === 'NoExecute' && (taint.key === NOT_READY || taint.key === UNREACHABLE)
}

function noScheduleKeys(node: Node): Set<string> {
  const keys = new Set<string>()
  const ready = condition(node, 'Ready')?.status
  if (ready === 'False') keys.add(NOT_READY)
  if (ready === 'Unknown') keys.add(UNREACHABLE)
  for (const [type, key] of PRESSURES) if (condition(node, type)?.status === 'True') keys.add(key)
  if (node.spec.unschedulable) keys.add(UNSCHEDULABLE)
  // A node that has not said anything yet keeps the taint that it registered with.
  const registered = node.spec.taints?.some((t) => t.key === NOT_READY && t.effect === 'NoSchedule')
  if (ready === undefined && registered) keys.add(NOT_READY)
  return keys
}

const EVICTION_INTERVAL_MS = 10_000
const SLOW_EVICTION_INTERVAL_MS = 100_000
const LARGE_CLUSTER = 50
const UNHEALTHY_SHARE = 0.55

function isUp(node: Node): boolean {
  return condition(node, 'Ready')?.status === 'True'
}

function zoneKey(node: Node): string {
  const labels = node.metadata.labels ?? {}
  return `${labels['topology.kubernetes.io/region'] ?? ''}|${labels['topology.kubernetes.io/zone'] ?? ''}`
}

/** Not one node is ready: then it is rather us who cannot hear them, and nobody is evicted. */
function isEverythingDown(nodes: readonly Node[]): boolean {
  return !nodes.some(isUp)
}

/** How long until this node may be evicted: one node of a zone at a time, slower or never when most are down. */
function turnAfterMs(node: Node, nodes: readonly Node[], now: number): number {
  const zone = nodes.filter((n) => zoneKey(n) === zoneKey(node))
  const down = zone.filter((n) => !isUp(n)).length
  const partly = down < zone.length && down > 2 && down / zone.length >= UNHEALTHY_SHARE
  if (partly && zone.length <= LARGE_CLUSTER) return Number.POSITIVE_INFINITY
  const interval = partly ? SLOW_EVICTION_INTERVAL_MS : EVICTION_INTERVAL_MS
  let last = Number.NEGATIVE_INFINITY
  for (const { spec } of zone) {
    for (const { key, effect, timeAdded } of spec.taints ?? []) {
      if (effect !== 'NoExecute' || (key !== NOT_READY && key !== UNREACHABLE)) continue
      last = Math.max(last, Date.parse(timeAdded ?? '') || Number.NEGATIVE_INFINITY)
    }
  }
  return Math.max(0, last + interval - now)
}

/** Pods of a node that nobody hears from are not to be sent to. */
function unreadyPods({ node, pods }: ObservedNode, now: number): Action[] {
  if (condition(node, 'Ready')?.status !== 'Unknown') return []
  return pods.filter(isReady).flatMap((pod) => {
    const conditions = pod.status.conditions?.map((c) =>
      c.type === 'Ready' ? { ...c, status: 'False', lastTransitionTime: timestamp(now) } : c,
    )
    return [
      mergePatch(Pod, pod, { status: { conditions } }, { exact: true, subresource: 'status' }),
      event(pod, 'Warning', 'NodeNotReady', 'Node is not ready'),
    ]
  })
}
