import type { Labels } from '../../schema/index.ts'
import { meets, type NamespaceLabels } from './condition.ts'
import type { NodeTable } from './nodes.ts'
import type { PodShape, Term } from './shape.ts'

/** A rule that pods on the nodes have about other pods. */
class ExistingTerm {
  readonly topologyKey: string
  readonly term: Term
  /** 'forbids': required anti-affinity. 'weighs': a preference, or required affinity, counted in scores. */
  readonly effect: 'forbids' | 'weighs'
  readonly weight: number
  total = 0
  readonly #bySlot = new Map<number, number>()
  #byDomain = new Int32Array(0)
  #nodesVersion = 0

  constructor(effect: 'forbids' | 'weighs', term: Term, weight: number) {
    this.effect = effect
    this.term = term
    this.topologyKey = term.topologyKey
    this.weight = weight
  }

  add(slot: number, by: 1 | -1, nodes: NodeTable): void {
    this.total += by
    const count = (this.#bySlot.get(slot) ?? 0) + by
    if (count === 0) this.#bySlot.delete(slot)
    else this.#bySlot.set(slot, count)
    if (this.#nodesVersion === nodes.nodesVersion) {
      const domain = nodes.topology(this.topologyKey).values[slot]!
      if (domain < this.#byDomain.length) this.#byDomain[domain]! += by
      else this.#nodesVersion = 0
    }
  }

  /** How many pods with this rule there are in each domain, by the domain's number; 0 stands for nodes without the label. */
  byDomain(nodes: NodeTable): Int32Array {
    if (this.#nodesVersion !== nodes.nodesVersion) {
      const column = nodes.topology(this.topologyKey)
      this.#byDomain = new Int32Array(column.size + 1)
      for (const [slot, count] of this.#bySlot) this.#byDomain[column.values[slot]!]! += count
      this.#nodesVersion = nodes.nodesVersion
    }
    return this.#byDomain
  }
}

/** How much a required affinity of a pod on a node attracts pods that meet it. */
const REQUIRED_AFFINITY_WEIGHT = 1

/** The (anti-)affinity of all pods on nodes, equal rules together. */
export class ExistingTerms {
  readonly #terms = new Map<string, ExistingTerm>()
  readonly #nodes: NodeTable
  readonly #namespaceLabels: NamespaceLabels
  #matching = new WeakMap<PodShape, readonly ExistingTerm[]>()

  constructor(nodes: NodeTable, namespaceLabels: NamespaceLabels) {
    this.#nodes = nodes
    this.#namespaceLabels = namespaceLabels
  }

  get size(): number {
    return this.#terms.size
  }

  add(shape: PodShape, slot: number): void {
    if (shape.hasAffinity) this.#change(shape, slot, 1)
  }

  remove(shape: PodShape, slot: number): void {
    if (shape.hasAffinity) this.#change(shape, slot, -1)
  }

  /** The rules whose condition a pod of this shape meets. */
  about(shape: PodShape): readonly ExistingTerm[] {
    let found = this.#matching.get(shape)
    if (!found) {
      found = [...this.#terms.values()].filter((t) => this.#isAbout(t, shape.namespace, shape.labels))
      this.#matching.set(shape, found)
    }
    return found
  }

  namespacesChanged(): void {
    this.#matching = new WeakMap()
  }

  #isAbout(existing: ExistingTerm, namespace: string, labels: Labels): boolean {
    return meets(existing.term.condition, namespace, labels, this.#namespaceLabels)
  }

  #change(shape: PodShape, slot: number, by: 1 | -1): void {
    for (const term of shape.antiAffinity) this.#count('forbids', term, 1, slot, by)
    for (const term of shape.affinity) this.#count('weighs', term, REQUIRED_AFFINITY_WEIGHT, slot, by)
    for (const term of shape.preferredAffinity) this.#count('weighs', term, term.weight, slot, by)
    for (const term of shape.preferredAntiAffinity) this.#count('weighs', term, -term.weight, slot, by)
  }

  #count(effect: ExistingTerm['effect'], term: Term, weight: number, slot: number, by: 1 | -1): void {
    const key = `${effect}${weight}\n${term.topologyKey}\n${term.condition.text}`
    let existing = this.#terms.get(key)
    if (!existing) {
      existing = new ExistingTerm(effect, term, weight)
      this.#terms.set(key, existing)
      this.#matching = new WeakMap()
    }
    existing.add(slot, by, this.#nodes)
    if (existing.total === 0) {
      this.#terms.delete(key)
      this.#matching = new WeakMap()
    }
  }
}
