import type { Node } from '../../api/index.ts'
import { amountOf } from './requests.ts'

/** Columns that always exist, in this order; extended resources get columns as nodes offer them. */
export const CPU = 0
export const MEMORY = 1
export const PODS = 3
const FIRST_COLUMNS = ['cpu', 'memory', 'ephemeral-storage', 'pods']

const FIRST_CAPACITY = 64
const MAX_TOPOLOGY_KEYS = 256
const CHANGES = 4096

/** What a change to a node touched. */
export type NodeChange = 'Allocatable' | 'Labels' | 'Taints' | 'Unschedulable' | 'Images' | 'Ready'

/**
 * The nodes of the cluster as columns: a node is a slot, and what the scheduler reads of it is one typed array per
 * property. A slot outlives its node while pods are still on it, and is used again afterwards.
 */
export class NodeTable {
  capacity = FIRST_CAPACITY
  /** How many nodes exist. */
  count = 0
  /** Slots from here on have never been used. */
  end = 0
  /** Rises with everything that happens to a slot. */
  version = 1
  /** Rises when a node's own properties change, as opposed to the pods on it. */
  nodesVersion = 1
  /** The version at which a slot changed last. */
  changedAt = new Float64Array(FIRST_CAPACITY)
  alive = new Uint8Array(FIRST_CAPACITY)
  unschedulable = new Uint8Array(FIRST_CAPACITY)
  tainted = new Uint8Array(FIRST_CAPACITY)
  podCount = new Int32Array(FIRST_CAPACITY)
  /** By column, then slot. CPU in thousandths of a core, the rest in whole units. */
  readonly allocatable: Float64Array[] = []
  readonly requested: Float64Array[] = []
  /** As `requested`, with the small defaults of pods that ask for nothing. */
  scoredCpu = new Float64Array(FIRST_CAPACITY)
  scoredMemory = new Float64Array(FIRST_CAPACITY)
  readonly columnNames: string[] = []
  readonly #columns = new Map<string, number>()
  readonly #slots = new Map<string, number>()
  readonly #names: (string | undefined)[] = []
  readonly #nodes: (Node | undefined)[] = []
  readonly #free: number[] = []
  readonly #topology = new Map<string, TopologyColumn>()
  readonly #onColumn: (name: string, column: number) => void
  readonly #onGrow: (capacity: number) => void
  /** The slots of the last changes, the oldest overwritten. */
  readonly #changes = new Int32Array(CHANGES)
  readonly images = new Map<string, Map<number, number>>()

  constructor(hooks: { onColumn(name: string, column: number): void; onGrow(capacity: number): void }) {
    this.#onColumn = hooks.onColumn
    this.#onGrow = hooks.onGrow
    for (const name of FIRST_COLUMNS) this.#addColumn(name)
  }

  column(resource: string): number | undefined {
    return this.#columns.get(resource)
  }

  slotOf(name: string): number | undefined {
    return this.#slots.get(name)
  }

  nameOf(slot: number): string {
    return this.#names[slot] ?? ''
  }

  /** Undefined when there is no such node (any more). */
  node(slot: number): Node | undefined {
    return this.#nodes[slot]
  }

  /** The slot under this name, made when there is none: pods may come before their node. */
  slotFor(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = this.#free.pop() ?? this.end++
    if (slot >= this.capacity) this.#grow()
    this.#slots.set(name, slot)
    this.#names[slot] = name
    return slot
  }

  put(node: Node): readonly NodeChange[] {
    const slot = this.slotFor(node.metadata.name)
    const old = this.#nodes[slot]
    const changes = old ? changesBetween(old, node) : undefined
    this.#nodes[slot] = node
    if (changes?.every((c) => c === 'Ready')) return changes
    if (!old) {
      this.count++
      this.alive[slot] = 1
    }
    this.unschedulable[slot] = node.spec.unschedulable ? 1 : 0
    this.tainted[slot] = node.spec.taints && node.spec.taints.length > 0 ? 1 : 0
    if (!changes || changes.includes('Allocatable')) this.#setAllocatable(slot, node)
    if (!changes || changes.includes('Images')) this.#setImages(slot, old, node)
    if (!changes || changes.includes('Labels')) {
      for (const column of this.#topology.values()) column.set(slot, node.metadata.labels?.[column.key])
    }
    this.nodesVersion++
    this.touch(slot)
    return changes ?? []
  }

  remove(name: string): boolean {
    const slot = this.#slots.get(name)
    const node = slot === undefined ? undefined : this.#nodes[slot]
    if (slot === undefined || !node) return false
    this.#setImages(slot, node, undefined)
    this.#nodes[slot] = undefined
    this.alive[slot] = 0
    this.count--
    for (const column of this.allocatable) column[slot] = 0
    for (const column of this.#topology.values()) column.set(slot, undefined)
    this.nodesVersion++
    this.touch(slot)
    this.release(slot)
    return true
  }

  /** Gives a slot back that neither a node nor a pod uses. */
  release(slot: number): void {
    const name = this.#names[slot]
    if (name === undefined || this.#nodes[slot] || this.podCount[slot] !== 0) return
    this.#slots.delete(name)
    this.#names[slot] = undefined
    this.#free.push(slot)
  }

  touch(slot: number): void {
    this.version++
    this.changedAt[slot] = this.version
    this.#changes[this.version % CHANGES] = slot
  }

  /** Calls `fn` for every slot that changed after `version`; some may come twice. */
  changedSince(version: number, fn: (slot: number) => void): void {
    if (this.version - version < CHANGES) {
      for (let v = version + 1; v <= this.version; v++) fn(this.#changes[v % CHANGES]!)
      return
    }
    for (let slot = 0; slot < this.end; slot++) if (this.changedAt[slot]! > version) fn(slot)
  }

  /** The values of a label, as numbers by slot: 0 where a node does not have it. Kept from the first time it is asked for. */
  topology(key: string): TopologyColumn {
    let column = this.#topology.get(key)
    if (column) return column
    if (this.#topology.size >= MAX_TOPOLOGY_KEYS) {
      this.#topology.delete(this.#topology.keys().next().value!)
      // Should it come back, its numbers are others: what was counted by them is void.
      this.nodesVersion++
    }
    column = new TopologyColumn(key, this.capacity)
    for (let slot = 0; slot < this.end; slot++) column.set(slot, this.#nodes[slot]?.metadata.labels?.[key])
    this.#topology.set(key, column)
    return column
  }

  #setAllocatable(slot: number, node: Node): void {
    const offered = node.status?.allocatable ?? {}
    for (const name of Object.keys(offered)) if (!this.#columns.has(name)) this.#addColumn(name)
    for (let column = 0; column < this.columnNames.length; column++) {
      const name = this.columnNames[column]!
      const quantity = Object.hasOwn(offered, name) ? offered[name] : undefined
      this.allocatable[column]![slot] = quantity === undefined ? 0 : amountOf(name, quantity)
    }
  }

  #setImages(slot: number, old: Node | undefined, now: Node | undefined): void {
    for (const image of old?.status?.images ?? []) {
      for (const name of image.names ?? []) {
        const nodes = this.images.get(name)
        if (nodes?.delete(slot) && nodes.size === 0) this.images.delete(name)
      }
    }
    for (const image of now?.status?.images ?? []) {
      for (const name of image.names ?? []) {
        const nodes = this.images.get(name)
        if (nodes) nodes.set(slot, image.sizeBytes ?? 0)
        else this.images.set(name, new Map([[slot, image.sizeBytes ?? 0]]))
      }
    }
  }

  #addColumn(name: string): void {
    const column = this.columnNames.length
    this.#columns.set(name, column)
    this.columnNames.push(name)
    this.allocatable.push(new Float64Array(this.capacity))
    this.requested.push(new Float64Array(this.capacity))
    this.#onColumn(name, column)
  }

  #grow(): void {
    this.capacity *= 2
    this.changedAt = grown(this.changedAt, this.capacity)
    this.scoredCpu = grown(this.scoredCpu, this.capacity)
    this.scoredMemory = grown(this.scoredMemory, this.capacity)
    this.alive = grownBytes(this.alive, this.capacity)
    this.unschedulable = grownBytes(this.unschedulable, this.capacity)
    this.tainted = grownBytes(this.tainted, this.capacity)
    this.podCount = grownInts(this.podCount, this.capacity)
    for (const columns of [this.allocatable, this.requested]) {
      for (let i = 0; i < columns.length; i++) columns[i] = grown(columns[i]!, this.capacity)
    }
    for (const column of this.#topology.values()) column.values = grownInts(column.values, this.capacity)
    this.#onGrow(this.capacity)
  }
}

/** One label's value on every node, as a number. */
class TopologyColumn {
  readonly key: string
  values: Int32Array
  /** The largest number in use. */
  size = 0
  readonly #ids = new Map<string, number>()

  constructor(key: string, capacity: number) {
    this.key = key
    this.values = new Int32Array(capacity)
  }

  set(slot: number, value: string | undefined): void {
    if (value === undefined) {
      this.values[slot] = 0
      return
    }
    let id = this.#ids.get(value)
    if (id === undefined) {
      id = ++this.size
      this.#ids.set(value, id)
    }
    this.values[slot] = id
  }
}

function grown(from: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(capacity)
  to.set(from)
  return to
}

export function grownInts(from: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(capacity)
  to.set(from)
  return to
}

function grownBytes(from: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(capacity)
  to.set(from)
  return to
}

function changesBetween(old: Node, now: Node): NodeChange[] {
  const changes: NodeChange[] = []
  const differ = (a: unknown, b: unknown) => a !== b && JSON.stringify(a) !== JSON.stringify(b)
  if (differ(old.status?.allocatable, now.status?.allocatable)) changes.push('Allocatable')
  if (differ(old.metadata.labels, now.metadata.labels)) changes.push('Labels')
  if (differ(old.spec.taints, now.spec.taints)) changes.push('Taints')
  if ((old.spec.unschedulable ?? false) !== (now.spec.unschedulable ?? false)) changes.push('Unschedulable')
  if (differ(old.status?.images, now.status?.images)) changes.push('Images')
  if (differ(conditionsOf(old), conditionsOf(now))) changes.push('Ready')
  return changes
}

const conditionsOf = (node: Node) => node.status?.conditions?.map((c) => [c.type, c.status])
