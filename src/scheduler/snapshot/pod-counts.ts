import type { Labels } from '../../schema/index.ts'
import { meets, type NamespaceLabels, type PodCondition } from './condition.ts'
import { grownInts } from './nodes.ts'

/** How many pods on each slot meet some conditions. */
export interface PodCount {
  readonly bySlot: Int32Array
  readonly total: number
}

/** Pods with the same namespace and labels, which therefore meet the same conditions. */
interface Group {
  readonly namespace: string
  readonly labels: Labels
  readonly terminating: boolean
  readonly bySlot: Map<number, number>
  /** The counters that count these pods. */
  readonly counters: Set<Counter>
}

interface Counter extends PodCount {
  bySlot: Int32Array
  total: number
  readonly conditions: readonly PodCondition[]
  readonly living: boolean
  readonly groups: Set<Group>
}

const MAX_COUNTERS = 512

/**
 * Counts pods by condition and node. A count is taken over the groups of equal pods the first time it is asked for,
 * and from then on kept up to date as pods come and go.
 */
export class PodCounts {
  readonly #groups = new Map<string, Group>()
  /** The one used longest ago comes first. */
  readonly #counters = new Map<string, Counter>()
  readonly #namespaceLabels: NamespaceLabels
  #capacity: number

  constructor(capacity: number, namespaceLabels: NamespaceLabels) {
    this.#capacity = capacity
    this.#namespaceLabels = namespaceLabels
  }

  add(namespace: string, labels: Labels, terminating: boolean, slot: number): void {
    const key = groupKey(namespace, labels, terminating)
    let group = this.#groups.get(key)
    if (!group) {
      group = { namespace, labels, terminating, bySlot: new Map(), counters: new Set() }
      this.#groups.set(key, group)
      for (const counter of this.#counters.values()) this.#join(group, counter)
    }
    group.bySlot.set(slot, (group.bySlot.get(slot) ?? 0) + 1)
    for (const counter of group.counters) {
      counter.bySlot[slot]!++
      counter.total++
    }
  }

  remove(namespace: string, labels: Labels, terminating: boolean, slot: number): void {
    const key = groupKey(namespace, labels, terminating)
    const group = this.#groups.get(key)
    const count = group?.bySlot.get(slot)
    if (!group || count === undefined) return
    for (const counter of group.counters) {
      counter.bySlot[slot]!--
      counter.total--
    }
    if (count > 1) group.bySlot.set(slot, count - 1)
    else {
      group.bySlot.delete(slot)
      if (group.bySlot.size > 0) return
      this.#groups.delete(key)
      for (const counter of group.counters) counter.groups.delete(group)
    }
  }

  /** Pods that meet all of the conditions; `living` leaves out those that are being deleted. */
  of(conditions: readonly PodCondition[], living: boolean): PodCount {
    const key = `${living}${conditions.map((c) => c.text).join('\n')}`
    let counter = this.#counters.get(key)
    if (counter) this.#counters.delete(key)
    else {
      if (this.#counters.size >= MAX_COUNTERS) this.#dropOldest()
      counter = { bySlot: new Int32Array(this.#capacity), total: 0, conditions, living, groups: new Set() }
      for (const group of this.#groups.values()) this.#join(group, counter)
    }
    this.#counters.set(key, counter)
    return counter
  }

  grow(capacity: number): void {
    this.#capacity = capacity
    for (const counter of this.#counters.values()) counter.bySlot = grownInts(counter.bySlot, capacity)
  }

  /** Namespaces have other labels now: whoever selects by them is counted anew. */
  namespacesChanged(): void {
    for (const counter of this.#counters.values()) {
      if (!counter.conditions.some((c) => c.namespaceSelector)) continue
      for (const group of counter.groups) group.counters.delete(counter)
      counter.groups.clear()
      counter.bySlot.fill(0)
      counter.total = 0
      for (const group of this.#groups.values()) this.#join(group, counter)
    }
  }

  #join(group: Group, counter: Counter): void {
    if (counter.living && group.terminating) return
    for (const condition of counter.conditions) {
      if (!meets(condition, group.namespace, group.labels, this.#namespaceLabels)) return
    }
    group.counters.add(counter)
    counter.groups.add(group)
    for (const [slot, count] of group.bySlot) {
      counter.bySlot[slot]! += count
      counter.total += count
    }
  }

  #dropOldest(): void {
    const [key, counter] = this.#counters.entries().next().value!
    for (const group of counter.groups) group.counters.delete(counter)
    this.#counters.delete(key)
  }
}

const groupKey = (namespace: string, labels: Labels, terminating: boolean) =>
  `${terminating ? 1 : 0}${namespace}\n${labels === undefined ? '' : JSON.stringify(labels)}`
