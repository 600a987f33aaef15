import { type Cycle, FITS, MAX_SCORE, type Plugin, type PreScore } from '../framework.ts'
import { interest } from '../queue/events.ts'
import type { TopologyColumn } from '../snapshot/nodes.ts'
import type { PodShape, SpreadConstraint } from '../snapshot/shape.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { requiredNodes } from './node-selector.ts'
import { untoleratedTaint } from './taints.ts'
import { HOSTNAME, isAbout } from './topology.ts'

const NO_MATCH = "node(s) didn't match pod topology spread constraints"
const NO_LABEL = `${NO_MATCH} (missing required label)`

/** Keeps the pods that a constraint selects evenly spread over zones, nodes or whatever it names. */
export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  scope: 'shape',
  weight: 2,
  events: [
    interest('PodPlaced', (_, { pod }, shape) => shape.spread.some((c) => isAbout(c.condition, pod))),
    interest('PodGone', (_, { pod }, shape) => shape.spread.some((c) => isAbout(c.condition, pod))),
    interest('PodChanged', (_, { pod, old }, shape) =>
      shape.spread.some((c) => isAbout(c.condition, pod) !== isAbout(c.condition, old)),
    ),
    interest('NodeAdded', (_, { node }, shape) => hasLabels(node.metadata.labels, shape)),
    interest('NodeUpdated', (_, { node, old, changes }, shape) => {
      if (!changes.includes('Labels') && !changes.includes('Taints')) return false
      return hasLabels(node.metadata.labels, shape) || hasLabels(old.metadata.labels, shape)
    }),
    interest('NodeGone', (_, { node }, shape) => hasLabels(node.metadata.labels, shape)),
  ],
  preFilter(cycle) {
    const hard = cycle.shape.spread.filter((c) => c.hard)
    if (hard.length === 0) return undefined
    const missing = cycle.reject(podTopologySpread, [NO_LABEL], true)
    const uneven = cycle.reject(podTopologySpread, [NO_MATCH])
    const rules = hard.map((constraint) => ruleOf(cycle, constraint, hard))
    return {
      filter(slot) {
        for (const { values, counts, most } of rules) {
          const domain = values[slot]!
          if (domain === 0) return missing
          if (Math.max(0, counts[domain]!) > most) return uneven
        }
        return FITS
      },
    }
  },
  preScore(cycle, slots) {
    const own = cycle.shape.spec.topologySpreadConstraints?.length ?? 0
    const soft =
      own > 0 ? cycle.shape.spread.filter((c) => !c.hard) : cycle.snapshot.related.defaultSpread(cycle.shape)
    return soft.length === 0 ? undefined : spreadScore(cycle, slots, soft, own > 0)
  },
}

const hasLabels = (labels: Readonly<Record<string, string>> | undefined, shape: PodShape) =>
  shape.spread.every((c) => !c.hard || labels?.[c.topologyKey] !== undefined)

interface Rule {
  readonly values: Int32Array
  /** Matching pods by domain; NOWHERE in domains that no eligible node is in. */
  readonly counts: Int32Array
  /** A domain with more matching pods than this takes no other. */
  readonly most: number
}

const NOWHERE = -1

function ruleOf(cycle: Cycle, constraint: SpreadConstraint, hard: readonly SpreadConstraint[]): Rule {
  const { nodes } = cycle.snapshot
  const column = nodes.topology(constraint.topologyKey)
  const eligible = eligibleFor(cycle, constraint, hard)
  const { bySlot } = cycle.snapshot.count([constraint.condition], true)
  const counts = new Int32Array(column.size + 1).fill(NOWHERE)
  for (let slot = 0; slot < nodes.end; slot++) {
    if (eligible[slot] === 0) continue
    const domain = column.values[slot]!
    counts[domain] = Math.max(0, counts[domain]!) + bySlot[slot]!
  }
  let domains = 0
  let least = Number.POSITIVE_INFINITY
  for (let domain = 1; domain < counts.length; domain++) {
    if (counts[domain] === NOWHERE) continue
    domains++
    if (counts[domain]! < least) least = counts[domain]!
  }
  if (domains < constraint.minDomains) least = 0
  const most = constraint.maxSkew + least - (constraint.countsItself ? 1 : 0)
  return { values: column.values, counts, most }
}

interface Eligible {
  nodesVersion: number
  readonly byConstraint: Map<SpreadConstraint, Uint8Array>
}

const eligibility = new WeakMap<Snapshot, WeakMap<PodShape, Eligible>>()

/** Nodes that count for a constraint: with every label that is needed, and by its policies also open to the pod. */
function eligibleFor(
  cycle: Cycle,
  constraint: SpreadConstraint,
  all: readonly SpreadConstraint[],
): Uint8Array {
  const { snapshot, shape } = cycle
  const { nodes } = snapshot
  const byShape = eligibility.get(snapshot) ?? new WeakMap<PodShape, Eligible>()
  eligibility.set(snapshot, byShape)
  let known = byShape.get(shape)
  if (known?.nodesVersion !== nodes.nodesVersion) {
    known = { nodesVersion: nodes.nodesVersion, byConstraint: new Map() }
    byShape.set(shape, known)
  }
  let mask = known.byConstraint.get(constraint)
  if (mask?.length !== nodes.capacity) {
    mask = maskOf(cycle, constraint, all)
    known.byConstraint.set(constraint, mask)
  }
  return mask
}

function maskOf(cycle: Cycle, constraint: SpreadConstraint, all: readonly SpreadConstraint[]): Uint8Array {
  const { nodes } = cycle.snapshot
  const { shape } = cycle
  const columns = all.map((c) => nodes.topology(c.topologyKey).values)
  const affinity = constraint.honorAffinity ? requiredNodes(shape.spec) : undefined
  const mask = new Uint8Array(nodes.capacity)
  for (let slot = 0; slot < nodes.end; slot++) {
    if (nodes.alive[slot] === 0 || columns.some((values) => values[slot] === 0)) continue
    const node = nodes.node(slot)!
    if (affinity && !affinity(node)) continue
    if (constraint.honorTaints && untoleratedTaint(node.spec.taints, shape.tolerations)) continue
    mask[slot] = 1
  }
  return mask
}

interface Part {
  readonly column: TopologyColumn
  /** By slot for hostnames, otherwise by domain. */
  readonly counts: Int32Array
  readonly perNode: boolean
  readonly weight: number
  readonly tolerated: number
}

/** Nodes in domains with fewer matching pods score higher; domains of a small topology weigh less than many. */
function spreadScore(
  cycle: Cycle,
  slots: Int32Array,
  constraints: readonly SpreadConstraint[],
  needsAllLabels: boolean,
): PreScore {
  const { nodes } = cycle.snapshot
  const required = needsAllLabels ? constraints : []
  const columns = required.map((c) => nodes.topology(c.topologyKey).values)
  const isScored = (slot: number) => columns.every((values) => values[slot] !== 0)
  let scored = 0
  for (let i = 0; i < slots.length; i++) if (isScored(slots[i]!)) scored++
  const parts = constraints.map((c) => partOf(cycle, c, required, slots, isScored, scored))
  return {
    score(slot) {
      if (!isScored(slot)) return 0
      let score = 0
      for (const { column, counts, perNode, weight, tolerated } of parts) {
        const domain = column.values[slot]!
        if (domain !== 0) score += counts[perNode ? slot : domain]! * weight + tolerated
      }
      return Math.round(score)
    },
    normalize(scores, at) {
      let least = Number.POSITIVE_INFINITY
      let most = 0
      for (let i = 0; i < scores.length; i++) {
        if (!isScored(at[i]!)) continue
        least = Math.min(least, scores[i]!)
        most = Math.max(most, scores[i]!)
      }
      for (let i = 0; i < scores.length; i++) {
        if (!isScored(at[i]!)) scores[i] = 0
        else scores[i] = most === 0 ? MAX_SCORE : Math.trunc((MAX_SCORE * (most + least - scores[i]!)) / most)
      }
    },
  }
}

function partOf(
  cycle: Cycle,
  constraint: SpreadConstraint,
  required: readonly SpreadConstraint[],
  slots: Int32Array,
  isScored: (slot: number) => boolean,
  scored: number,
): Part {
  const { nodes } = cycle.snapshot
  const column = nodes.topology(constraint.topologyKey)
  const { bySlot } = cycle.snapshot.count([constraint.condition], true)
  const tolerated = constraint.maxSkew - 1
  if (constraint.topologyKey === HOSTNAME) {
    return { column, counts: bySlot, perNode: true, weight: Math.log(scored + 2), tolerated }
  }
  const inUse = new Uint8Array(column.size + 1)
  let size = 0
  for (let i = 0; i < slots.length; i++) {
    if (!isScored(slots[i]!)) continue
    const domain = column.values[slots[i]!]!
    if (inUse[domain] === 1) continue
    inUse[domain] = 1
    size++
  }
  const eligible = eligibleFor(cycle, constraint, required)
  const counts = new Int32Array(column.size + 1)
  for (let slot = 0; slot < nodes.end; slot++) {
    if (eligible[slot] === 1) counts[column.values[slot]!]! += bySlot[slot]!
  }
  return { column, counts, perNode: false, weight: Math.log(size + 2), tolerated }
}
