import type { Node, Pod, PodDisruptionBudget } from '../../api/index.ts'
import type { Labels } from '../../schema/index.ts'
import type { NamespaceLabels, PodCondition } from './condition.ts'
import { ExistingTerms } from './existing-terms.ts'
import { type NodeChange, NodeTable } from './nodes.ts'
import { Nominations } from './nominations.ts'
import { type PodCount, PodCounts } from './pod-counts.ts'
import { Related } from './related.ts'
import type { HostPort, PodShape } from './shape.ts'
import { Shapes } from './shape.ts'
import { Volumes } from './volumes.ts'

/** A pod on a node, as it was counted. */
export interface PlacedPod {
  readonly pod: Pod
  readonly shape: PodShape
  readonly slot: number
  readonly terminating: boolean
}

/**
 * What the scheduler knows of the cluster: nodes, the pods on them, and namespaces; kept up to date one change at a
 * time. Everything a decision reads is a lookup or a pass over typed arrays.
 */
export class Snapshot {
  readonly nodes: NodeTable
  readonly shapes = new Shapes()
  readonly terms: ExistingTerms
  readonly volumes = new Volumes()
  readonly related = new Related()
  readonly nominations = new Nominations(() => {
    this.nodes.version++
  })
  /** By namespace and name. */
  readonly budgets = new Map<string, PodDisruptionBudget>()
  readonly namespaceLabels: NamespaceLabels
  readonly #counts: PodCounts
  readonly #namespaces = new Map<string, Labels>()
  readonly #placed = new Map<string, PlacedPod>()
  readonly #bySlot = new Map<number, Map<string, PlacedPod>>()
  /** Host ports in use by slot: 'TCP/80' to the addresses that use it, each with its number of users. */
  readonly #ports = new Map<number, Map<string, Map<string, number>>>()
  /** How many pods there are of each priority. */
  readonly #priorities = new Map<number, number>()
  #columns = 0

  constructor() {
    const namespaceLabels = (namespace: string) => this.#namespaces.get(namespace)
    this.namespaceLabels = namespaceLabels
    this.nodes = new NodeTable({
      onColumn: (name, column) => this.#fillColumn(name, column),
      onGrow: (capacity) => this.#counts.grow(capacity),
    })
    this.terms = new ExistingTerms(this.nodes, namespaceLabels)
    this.#counts = new PodCounts(this.nodes.capacity, namespaceLabels)
  }

  putNode(node: Node): readonly NodeChange[] {
    return this.nodes.put(node)
  }

  removeNode(name: string): boolean {
    return this.nodes.remove(name)
  }

  setNamespace(name: string, labels: Labels): void {
    if (JSON.stringify(this.#namespaces.get(name) ?? {}) === JSON.stringify(labels ?? {})) return
    this.#namespaces.set(name, labels)
    this.#namespacesChanged()
  }

  removeNamespace(name: string): void {
    if (this.#namespaces.delete(name)) this.#namespacesChanged()
  }

  /** Something that plugins of scope 'shape' look at has changed: what was remembered may be wrong. */
  volumesChanged(): void {
    this.nodes.version++
  }

  #namespacesChanged(): void {
    this.#counts.namespacesChanged()
    this.terms.namespacesChanged()
    this.nodes.version++
  }

  /** Puts a pod on a node, in place of what was known of it before. */
  place(pod: Pod, nodeName: string): void {
    const { uid, deletionTimestamp } = pod.metadata
    const shape = this.shapes.of(pod, true)
    const slot = this.nodes.slotFor(nodeName)
    const terminating = deletionTimestamp !== undefined
    const before = this.#placed.get(uid)
    const placed = { pod, shape, slot, terminating }
    if (before && before.shape === shape && before.slot === slot && before.terminating === terminating) {
      this.#keep(placed)
      return
    }
    if (before) this.#uncount(before)
    this.#keep(placed)
    this.#count(placed)
  }

  /** Takes a pod off its node; false when it was on none. */
  displace(uid: string): boolean {
    const before = this.#placed.get(uid)
    if (!before) return false
    this.#placed.delete(uid)
    const onNode = this.#bySlot.get(before.slot)
    onNode?.delete(uid)
    if (onNode?.size === 0) this.#bySlot.delete(before.slot)
    this.#uncount(before)
    this.nodes.release(before.slot)
    return true
  }

  /** Runs `fn`, which puts back what it lifts: nothing that was remembered is forgotten over it. */
  trial<T>(fn: () => T): T {
    const { version } = this.nodes
    try {
      return fn()
    } finally {
      this.nodes.version = version
    }
  }

  /** The least priority of a pod on a node; Infinity without pods. */
  get leastPriority(): number {
    return Math.min(...this.#priorities.keys())
  }

  /** Stops counting a pod, to see what would be without it. Only in a trial. */
  lift(placed: PlacedPod): void {
    this.#uncount(placed)
  }

  putBack(placed: PlacedPod): void {
    this.#count(placed)
  }

  placed(uid: string): PlacedPod | undefined {
    return this.#placed.get(uid)
  }

  podsOn(slot: number): Iterable<PlacedPod> {
    return this.#bySlot.get(slot)?.values() ?? []
  }

  get podCount(): number {
    return this.#placed.size
  }

  /** How many pods meet all of the conditions, by slot; `living` leaves out those that are being deleted. */
  count(conditions: readonly PodCondition[], living = false): PodCount {
    return this.#counts.of(conditions, living)
  }

  isPortFree(slot: number, { ip, protocol, port }: HostPort): boolean {
    const users = this.#ports.get(slot)?.get(`${protocol}/${port}`)
    if (!users) return true
    return ip !== EVERY_ADDRESS && !users.has(EVERY_ADDRESS) && !users.has(ip)
  }

  #keep(placed: PlacedPod): void {
    const { uid } = placed.pod.metadata
    const before = this.#placed.get(uid)
    if (before && before.slot !== placed.slot) this.#bySlot.get(before.slot)?.delete(uid)
    this.#placed.set(uid, placed)
    const onNode = this.#bySlot.get(placed.slot)
    if (onNode) onNode.set(uid, placed)
    else this.#bySlot.set(placed.slot, new Map([[uid, placed]]))
  }

  #count(placed: PlacedPod): void {
    const { shape, slot, terminating } = placed
    this.#addAmounts(placed, 1)
    this.#counts.add(shape.namespace, shape.labels, terminating, slot)
    this.terms.add(shape, slot)
    for (const port of shape.hostPorts) this.#usePort(slot, port, 1)
    this.nodes.touch(slot)
  }

  #uncount(placed: PlacedPod): void {
    const { shape, slot, terminating } = placed
    this.#addAmounts(placed, -1)
    this.#counts.remove(shape.namespace, shape.labels, terminating, slot)
    this.terms.remove(shape, slot)
    for (const port of shape.hostPorts) this.#usePort(slot, port, -1)
    this.nodes.touch(slot)
  }

  #addAmounts({ shape, slot }: PlacedPod, sign: 1 | -1): void {
    const { nodes } = this
    nodes.podCount[slot]! += sign
    const count = (this.#priorities.get(shape.priority) ?? 0) + sign
    if (count > 0) this.#priorities.set(shape.priority, count)
    else this.#priorities.delete(shape.priority)
    for (const [name, amount] of shape.requests) {
      const column = nodes.column(name)
      if (column !== undefined) nodes.requested[column]![slot]! += sign * amount
    }
    nodes.scoredCpu[slot]! += sign * (shape.scored.get('cpu') ?? 0)
    nodes.scoredMemory[slot]! += sign * (shape.scored.get('memory') ?? 0)
  }

  #usePort(slot: number, { ip, protocol, port }: HostPort, by: 1 | -1): void {
    const key = `${protocol}/${port}`
    const ports = this.#ports.get(slot) ?? new Map<string, Map<string, number>>()
    this.#ports.set(slot, ports)
    const users = ports.get(key) ?? new Map<string, number>()
    ports.set(key, users)
    const count = (users.get(ip) ?? 0) + by
    if (count > 0) users.set(ip, count)
    else users.delete(ip)
    if (users.size === 0) ports.delete(key)
    if (ports.size === 0) this.#ports.delete(slot)
  }

  /** A node offers a resource that none offered before: pods that hold it count from now on. */
  #fillColumn(name: string, column: number): void {
    if (++this.#columns <= 4) return
    const requested = this.nodes.requested[column]!
    for (const { shape, slot } of this.#placed.values()) requested[slot]! += shape.requests.get(name) ?? 0
  }
}

const EVERY_ADDRESS = '0.0.0.0'
