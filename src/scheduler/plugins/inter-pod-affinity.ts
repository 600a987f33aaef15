import { type Cycle, FITS, MAX_SCORE, type Plugin } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { meets } from '../snapshot/condition.ts'
import type { PodShape, Term } from '../snapshot/shape.ts'
import { isAbout } from './topology.ts'

const NO_AFFINITY = "node(s) didn't match pod affinity rules"
const ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
const EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"

/** spec.affinity.podAffinity and podAntiAffinity: of the pod about those on the nodes, and of those about it. */
export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  scope: 'shape',
  weight: 2,
  events: [
    interest('PodPlaced', (_, { pod }, shape) => wants(shape, pod)),
    interest('PodChanged', (_, { pod, old }, shape) => wants(shape, pod) || avoids(shape, old)),
    interest('PodGone', (_, { pod }, shape) => avoids(shape, pod)),
    interest('NodeAdded', (_, { node }, shape) =>
      shape.affinity.every((t) => t.topologyKey in (node.metadata.labels ?? {})),
    ),
    interest('NodeUpdated', (_, { changes }) => changes.includes('Labels')),
    interest('NamespaceChanged'),
  ],
  preFilter(cycle) {
    const wanted = wantedDomains(cycle)
    const unwanted = unwantedDomains(cycle)
    const blocked = blockedDomains(cycle)
    if (!wanted && unwanted.length === 0 && blocked.length === 0) return undefined
    const noAffinity = cycle.reject(interPodAffinity, [NO_AFFINITY], true)
    const antiAffinity = cycle.reject(interPodAffinity, [ANTI_AFFINITY])
    const existing = cycle.reject(interPodAffinity, [EXISTING_ANTI_AFFINITY])
    return {
      filter(slot) {
        if (wanted && !wanted(slot)) return noAffinity
        if (isIn(unwanted, slot)) return antiAffinity
        if (isIn(blocked, slot)) return existing
        return FITS
      },
    }
  },
  preScore(cycle) {
    const attraction = attractionOf(cycle)
    if (attraction.length === 0) return undefined
    return {
      score(slot) {
        let score = 0
        for (const { values, weights } of attraction) score += weights[values[slot]!]!
        return score
      },
      normalize: spreadOut,
    }
  },
}

const wants = (shape: PodShape, pod: Parameters<typeof isAbout>[1]) =>
  shape.affinity.some((t) => isAbout(t.condition, pod))

const avoids = (shape: PodShape, pod: Parameters<typeof isAbout>[1]) =>
  pod.spec.affinity?.podAntiAffinity !== undefined ||
  shape.antiAffinity.some((t) => isAbout(t.condition, pod))

interface Domains {
  readonly values: Int32Array
  /** By domain; 0 stands for nodes without the label. */
  readonly counts: Int32Array
}

function isIn(domains: readonly Domains[], slot: number): boolean {
  for (let i = 0; i < domains.length; i++) {
    const { values, counts } = domains[i]!
    const domain = values[slot]!
    if (domain !== 0 && counts[domain]! > 0) return true
  }
  return false
}

function domainsOf(cycle: Cycle, topologyKey: string, bySlot: Int32Array): Domains {
  const { nodes } = cycle.snapshot
  const { values, size } = nodes.topology(topologyKey)
  const counts = new Int32Array(size + 1)
  for (let slot = 0; slot < nodes.end; slot++) if (bySlot[slot] !== 0) counts[values[slot]!]! += bySlot[slot]!
  return { values, counts }
}

/** Whether a node is where the pod wants to be: near pods that match all its terms. */
function wantedDomains(cycle: Cycle): ((slot: number) => boolean) | undefined {
  const { affinity } = cycle.shape
  if (affinity.length === 0) return undefined
  const { bySlot, total } = cycle.snapshot.count(affinity.map((t) => t.condition))
  const domains = affinity.map((t) => domainsOf(cycle, t.topologyKey, bySlot))
  const anywhere = total > 0 && domains.some(({ counts }) => counts.some((n, domain) => domain > 0 && n > 0))
  if (!anywhere && matchesItself(cycle, affinity)) {
    // The first of a group that wants to be together may start anywhere.
    return (slot) => domains.every(({ values }) => values[slot] !== 0)
  }
  return (slot) => domains.every(({ values, counts }) => values[slot] !== 0 && counts[values[slot]!]! > 0)
}

function matchesItself({ shape, snapshot }: Cycle, terms: readonly Term[]): boolean {
  return terms.every((t) => meets(t.condition, shape.namespace, shape.labels, snapshot.namespaceLabels))
}

function unwantedDomains(cycle: Cycle): readonly Domains[] {
  return cycle.shape.antiAffinity.flatMap((term) => {
    const { bySlot, total } = cycle.snapshot.count([term.condition])
    return total === 0 ? [] : [domainsOf(cycle, term.topologyKey, bySlot)]
  })
}

/** Where a pod on a node does not want this one near. */
function blockedDomains(cycle: Cycle): readonly Domains[] {
  const { snapshot, shape } = cycle
  return snapshot.terms
    .about(shape)
    .filter((t) => t.effect === 'forbids')
    .map((t) => ({
      counts: t.byDomain(snapshot.nodes),
      values: snapshot.nodes.topology(t.topologyKey).values,
    }))
}

interface Attraction {
  readonly values: Int32Array
  readonly weights: Float64Array
}

/** By topology key, how much each domain attracts the pod. */
function attractionOf(cycle: Cycle): readonly Attraction[] {
  const { snapshot, shape } = cycle
  const { nodes } = snapshot
  const byKey = new Map<string, Attraction>()
  const add = (key: string, counts: Int32Array, weight: number) => {
    const { values, size } = nodes.topology(key)
    const known = byKey.get(key) ?? { values, weights: new Float64Array(size + 1) }
    byKey.set(key, known)
    for (let domain = 1; domain < counts.length; domain++) known.weights[domain]! += weight * counts[domain]!
  }
  const addOwn = (terms: readonly Term[], sign: 1 | -1) => {
    for (const term of terms) {
      const { bySlot, total } = snapshot.count([term.condition])
      if (total > 0)
        add(term.topologyKey, domainsOf(cycle, term.topologyKey, bySlot).counts, sign * term.weight)
    }
  }
  addOwn(shape.preferredAffinity, 1)
  addOwn(shape.preferredAntiAffinity, -1)
  for (const term of snapshot.terms.about(shape)) {
    if (term.effect === 'weighs') add(term.topologyKey, term.byDomain(nodes), term.weight)
  }
  return [...byKey.values()]
}

/** The least becomes 0, the most 100. */
function spreadOut(scores: Float64Array): void {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < least) least = scores[i]!
    if (scores[i]! > most) most = scores[i]!
  }
  const span = most - least
  for (let i = 0; i < scores.length; i++) {
    scores[i] = span > 0 ? Math.trunc(MAX_SCORE * ((scores[i]! - least) / span)) : 0
  }
}
