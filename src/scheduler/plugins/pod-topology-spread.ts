import { type Cycle, FITS, MAX_SCORE, type Plugin, type PreScore } from '../framework.ts'
import { interest } from '../queue/events.ts'
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
  readonly masks: Map<string, Uint8Array>
}

const MAX_MASKS = 64
const eligibility = new WeakMap<Snapshot, Eligible>()

/** Nodes that count for a constraint: with every label that is needed, and by its policies also open to the pod. */
function eligibleFor(
  cycle: Cycle,
  constraint: SpreadConstraint,
  all: readonly SpreadConstraint[],
): Uint8Array {
  const { snapshot } = cycle
  const { nodes } = snapshot
  let known = eligibility.get(snapshot)
  if (known?.nodesVersion !== nodes.nodesVersion) {
    known = { nodesVersion: nodes.nodesVersion, masks: new Map() }
    eligibility.set(snapshot, known)
  }
  const key = `${all.map((c) => c.topologyKey).join(' ')} ${constraint.openTo}`
  let mask = known.masks.get(key)
  if (mask?.length !== nodes.capacity) {
    mask = maskOf(cycle, constraint, all)
    if (known.masks.size >= MAX_MASKS) known.masks.clear()
    known.masks.set(key, mask)
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

/** Nodes in domains with fewer matching pods score higher; domains of a small topology weigh less than many. */
function spreadScore(
  cycle: Cycle,
  slots: Int32Array,
  constraints: readonly SpreadConstraint[],
  needsAllLabels: boolean,
): PreScore {
  const required = needsAllLabels ? constraints : []
  const ignored = ignoredNodes(cycle, slots, required)
  let scored = slots.length
  if (ignored) for (let i = 0; i < slots.length; i++) scored -= ignored[slots[i]!]!
  const parts = constraints.map((c) => partOf(cycle, c, required, slots, ignored, scored))
  return {
    score(slot) {
      if (ignored !== undefined && ignored[slot] === 1) return 0
      let score = 0
      for (let i = 0; i < parts.length; i++) {
        const { values, counts, perNode, weight, tolerated } = parts[i]!
        const domain = values[slot]!
        if (domain !== 0) score += counts[perNode ? slot : domain]! * weight + tolerated
      }
      return Math.round(score)
    },
    normalize: (scores, at) => fewestFirst(scores, at, ignored),
  }
}

/** 1 for nodes without a label that is needed; undefined when all have all. */
function ignoredNodes(
  cycle: Cycle,
  slots: Int32Array,
  required: readonly SpreadConstraint[],
): Uint8Array | undefined {
  const { nodes } = cycle.snapshot
  let ignored: Uint8Array | undefined
  for (const { topologyKey } of required) {
    const { values } = nodes.topology(topologyKey)
    for (let i = 0; i < slots.length; i++) {
      if (values[slots[i]!] !== 0) continue
      ignored ??= new Uint8Array(nodes.capacity)
      ignored[slots[i]!] = 1
    }
  }
  return ignored
}

function fewestFirst(scores: Float64Array, slots: Int32Array, ignored: Uint8Array | undefined): void {
  const isScored = (i: number) => ignored === undefined || ignored[slots[i]!] === 0
  let least = Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < scores.length; i++) {
    if (!isScored(i)) continue
    const score = scores[i]!
    if (score < least) least = score
    if (score > most) most = score
  }
  for (let i = 0; i < scores.length; i++) {
    if (!isScored(i)) scores[i] = 0
    else scores[i] = most === 0 ? MAX_SCORE : Math.trunc((MAX_SCORE * (most + least - scores[i]!)) / most)
  }
}

interface Part {
  readonly values: Int32Array
  /** By slot for hostnames, otherwise by domain. */
  readonly counts: Int32Array
  readonly perNode: boolean
  readonly weight: number
  readonly tolerated: number
}

function partOf(
  cycle: Cycle,
  constraint: SpreadConstraint,
  required: readonly SpreadConstraint[],
  slots: Int32Array,
  ignored: Uint8Array | undefined,
  scored: number,
): Part {
  const { nodes } = cycle.snapshot
  const { values, size } = nodes.topology(constraint.topologyKey)
  const { bySlot } = cycle.snapshot.count([constraint.condition], true)
  const tolerated = constraint.maxSkew - 1
  if (constraint.topologyKey === HOSTNAME) {
    return { values, counts: bySlot, perNode: true, weight: Math.log(scored + 2), tolerated }
  }
  const inUse = new Uint8Array(size + 1)
  let domains = 0
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!
    if (ignored !== undefined && ignored[slot] === 1) continue
    const domain = values[slot]!
    domains += 1 - inUse[domain]!
    inUse[domain] = 1
  }
  const eligible = eligibleFor(cycle, constraint, required)
  const counts = new Int32Array(size + 1)
  for (let slot = 0; slot < nodes.end; slot++) {
    if (eligible[slot] === 1) counts[values[slot]!]! += bySlot[slot]!
  }
  return { values, counts, perNode: false, weight: Math.log(domains + 2), tolerated }
}
