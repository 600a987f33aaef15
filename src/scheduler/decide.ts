import type { Pod } from '../api/index.ts'
import type { Random } from '../base/index.ts'
import { type Cycle, FITS, type Plugin, type PostFilter, type PreScore, type Verdict } from './framework.ts'
import { NO_NODE, NodeResultsCache, restriction } from './node-results.ts'
import { Rejections } from './rejections.ts'
import type { PodShape } from './snapshot/shape.ts'
import type { Snapshot } from './snapshot/snapshot.ts'

export type Decision =
  | { readonly outcome: 'node'; readonly node: string; readonly feasible: number }
  | { readonly outcome: 'none'; readonly failure: Failure }

/** Why no node takes a pod. */
export interface Failure {
  /** `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable.` */
  readonly message: string
  readonly rejectedBy: ReadonlySet<string>
  /** The slots of nodes that could take it if pods went away. */
  readonly hopeful: readonly number[]
}

export type NodeAnswer =
  | { readonly node: string; readonly score: number }
  | { readonly node: string; readonly reasons: readonly string[] }

/** Chooses nodes by a list of plugins. Remembers results, but what it answers follows from its arguments alone. */
export class Decider {
  readonly rejections = new Rejections()
  readonly #plugins: readonly Plugin[]
  readonly #nodeScope: NodeResultsCache
  readonly #filters: readonly Plugin[]
  readonly #scorers: readonly Plugin[]
  readonly #random: Random
  readonly #remembersFailures: boolean
  readonly #failures = new WeakMap<PodShape, { readonly version: number; readonly failure: Failure }>()
  /** What cannot be done about a failure, for pods that are promised nothing. */
  readonly #rescues = new WeakMap<Failure, PostFilter>()
  #verdicts = new Int32Array(0)
  #feasible = new Int32Array(0)
  #totals = new Float64Array(0)
  #scratch = new Float64Array(0)

  constructor(plugins: readonly Plugin[], random: Random) {
    this.#plugins = plugins
    this.#random = random
    this.#nodeScope = new NodeResultsCache(plugins)
    this.#filters = plugins.filter((p) => p.scope !== 'node' && p.preFilter)
    this.#scorers = plugins.filter((p) => p.scope !== 'node' && p.preScore)
    this.#remembersFailures = plugins.every((p) => p.scope !== undefined || !p.preFilter)
  }

  cycle(snapshot: Snapshot, pod: Pod, shape: PodShape): Cycle {
    const { rejections } = this
    return {
      snapshot,
      pod,
      shape,
      reject: (plugin, reasons, hopeless) => rejections.number(plugin, reasons, hopeless),
    }
  }

  decide(snapshot: Snapshot, pod: Pod, shape = snapshot.shapes.of(pod)): Decision {
    const { nodes } = snapshot
    if (nodes.count === 0) {
      return {
        outcome: 'none',
        failure: { message: NO_NODES, rejectedBy: new Set(), hopeful: [] },
      }
    }
    const known = this.#remembersFailures ? this.#failures.get(shape) : undefined
    if (known?.version === nodes.version) return { outcome: 'none', failure: known.failure }
    const cycle = this.cycle(snapshot, pod, shape)
    const promised = this.#promisedNode(cycle)
    if (promised !== undefined) return { outcome: 'node', node: nodes.nameOf(promised), feasible: 1 }
    const failure = this.#filter(cycle)
    if (typeof failure !== 'number') {
      this.#failures.set(shape, { version: nodes.version, failure })
      return { outcome: 'none', failure }
    }
    const slot = failure === 1 ? this.#feasible[0]! : this.#best(cycle, failure)
    return { outcome: 'node', node: nodes.nameOf(slot), feasible: failure }
  }

  /** What the postFilter plugins can do for a pod that was just refused; those that can do nothing say so together. */
  rescue(snapshot: Snapshot, pod: Pod, shape: PodShape, failure: Failure): PostFilter | undefined {
    if (snapshot.nodes.count === 0) return undefined
    const known = this.#rescues.get(failure)
    if (known && !pod.status.nominatedNodeName) return known
    const cycle = this.cycle(snapshot, pod, shape)
    const unplaced = {
      hopeful: failure.hopeful,
      verdictOn: (slot: number) => this.verdictOn(cycle, slot),
      reasonsOf: (verdict: Verdict) => this.rejections.get(verdict)?.reasons ?? [],
      random: this.#random,
    }
    const messages: string[] = []
    let keepNomination = false
    for (const plugin of this.#plugins) {
      const answer = snapshot.trial(() => plugin.postFilter?.(cycle, unplaced))
      if (!answer) continue
      if ('nominate' in answer) return answer
      messages.push(answer.message)
      keepNomination ||= answer.keepNomination
    }
    if (messages.length === 0) return undefined
    const nothing = { message: messages.join(', '), keepNomination }
    if (this.#remembersFailures) this.#rescues.set(failure, nothing)
    return nothing
  }

  /** What the filters say of one node as it is now, and as it will be with the pods that were promised it before. */
  verdictOn(cycle: Cycle, slot: number): Verdict {
    const { snapshot, shape, pod } = cycle
    const promised = snapshot.nominations
      .on(snapshot.nodes.nameOf(slot))
      .filter((n) => n.pod.metadata.uid !== pod.metadata.uid && n.shape.priority >= shape.priority)
      .map((n) => ({ pod: n.pod, shape: n.shape, slot, terminating: false }))
    const verdict = this.#verdictNow(cycle, slot)
    if (promised.length === 0 || verdict !== FITS) return verdict
    return snapshot.trial(() => {
      for (const other of promised) snapshot.putBack(other)
      try {
        return this.#verdictNow(cycle, slot)
      } finally {
        for (const other of promised) snapshot.lift(other)
      }
    })
  }

  #verdictNow(cycle: Cycle, slot: number): Verdict {
    for (const plugin of this.#plugins) {
      const prepared = plugin.preFilter?.(cycle)
      if (!prepared) continue
      if ('reject' in prepared) return this.rejections.number(plugin, [prepared.reject], prepared.hopeless)
      const { allowed, absent } = restriction(cycle, plugin, prepared)
      const verdict = allowed && !allowed.has(slot) ? absent : prepared.filter(slot)
      if (verdict !== FITS) return verdict
    }
    return FITS
  }

  /** The node that the pod was promised, if it can have it now. */
  #promisedNode(cycle: Cycle): number | undefined {
    const { nodes } = cycle.snapshot
    const name = cycle.pod.status.nominatedNodeName
    const slot = name ? nodes.slotOf(name) : undefined
    if (slot === undefined || nodes.alive[slot] !== 1) return undefined
    return this.verdictOn(cycle, slot) === FITS ? slot : undefined
  }

  /** Takes out the nodes that have no room beside the pods they were promised to. */
  #leaveToOthers(cycle: Cycle, count: number): number {
    const { nominations, nodes } = cycle.snapshot
    if (nominations.size === 0) return count
    const promised = new Set<number>()
    for (const name of nominations.nodes()) promised.add(nodes.slotOf(name) ?? NO_NODE)
    let left = 0
    for (let i = 0; i < count; i++) {
      const slot = this.#feasible[i]!
      const verdict = promised.has(slot) ? this.verdictOn(cycle, slot) : FITS
      if (verdict === FITS) this.#feasible[left++] = slot
      else this.#verdicts[slot] = verdict
    }
    return left
  }

  /** Fills #feasible and gives their number, or says why there are none. */
  #filter(cycle: Cycle): number | Failure {
    const { nodes } = cycle.snapshot
    const results = this.#nodeScope.of(cycle)
    if (results.rejected) return this.#rejectedWhole(cycle, results.rejected)
    this.#size(nodes.capacity)
    const verdicts = this.#verdicts
    const feasible = this.#feasible
    let count = 0
    for (let slot = 0; slot < nodes.end; slot++) {
      const verdict = results.verdicts[slot]!
      verdicts[slot] = verdict
      if (verdict === FITS) feasible[count++] = slot
    }
    for (const plugin of this.#filters) {
      if (count === 0) break
      const prepared = plugin.preFilter!(cycle)
      if (!prepared) continue
      if ('reject' in prepared) return this.#rejectedWhole(cycle, { plugin, ...prepared })
      const { allowed, absent } = restriction(cycle, plugin, prepared)
      let left = 0
      for (let i = 0; i < count; i++) {
        const slot = feasible[i]!
        const verdict = allowed && !allowed.has(slot) ? absent : prepared.filter(slot)
        if (verdict === FITS) feasible[left++] = slot
        else verdicts[slot] = verdict
      }
      count = left
    }
    count = this.#leaveToOthers(cycle, count)
    return count > 0 ? count : this.#failure(nodes.end, nodes.count)
  }

  /** What every node means for a pod: its score, or why it is none for it. Nodes come in the order of their slots. */
  explain(snapshot: Snapshot, pod: Pod, shape = snapshot.shapes.of(pod)): readonly NodeAnswer[] {
    const { nodes } = snapshot
    const cycle = this.cycle(snapshot, pod, shape)
    const found = this.#filter(cycle)
    const count = typeof found === 'number' ? found : 0
    const totals = count > 0 ? this.#score(cycle, count) : this.#totals
    const scores = new Map(Array.from({ length: count }, (_, n) => [this.#feasible[n]!, totals[n]!]))
    const answers: NodeAnswer[] = []
    for (let slot = 0; slot < nodes.end; slot++) {
      if (nodes.alive[slot] === 0) continue
      const score = scores.get(slot)
      const node = nodes.nameOf(slot)
      if (score !== undefined) answers.push({ node, score })
      else answers.push({ node, reasons: this.rejections.get(this.#verdicts[slot]!)?.reasons ?? [] })
    }
    return answers
  }

  #best(cycle: Cycle, count: number): number {
    const slots = this.#feasible.subarray(0, count)
    const totals = this.#score(cycle, count)
    let most = Number.NEGATIVE_INFINITY
    let ties = 0
    for (let n = 0; n < count; n++) {
      if (totals[n]! < most) continue
      ties = totals[n]! > most ? 1 : ties + 1
      most = totals[n]!
    }
    // One draw decides between all that are equally good.
    let skip = ties === 1 ? 0 : Math.floor(this.#random.next() * ties)
    for (let n = 0; n < count; n++) if (totals[n] === most && skip-- === 0) return slots[n]!
    throw new Error('no node has the score that is the best')
  }

  /** The scores of the feasible nodes, in their order. */
  #score(cycle: Cycle, count: number): Float64Array {
    const slots = this.#feasible.subarray(0, count)
    const totals = this.#totals.subarray(0, count).fill(0)
    const scratch = this.#scratch.subarray(0, count)
    const results = this.#nodeScope.of(cycle)
    this.#nodeScope.scorers.forEach((plugin, i) => {
      const scores = results.scores[i]
      if (!scores) return
      for (let n = 0; n < count; n++) scratch[n] = scores[slots[n]!]!
      addScores(totals, scratch, slots, results.normalizers[i], plugin.weight ?? 1)
    })
    for (const plugin of this.#scorers) {
      const scorer = plugin.preScore!(cycle, slots)
      if (!scorer) continue
      for (let n = 0; n < count; n++) scratch[n] = scorer.score(slots[n]!)
      addScores(totals, scratch, slots, scorer.normalize?.bind(scorer), plugin.weight ?? 1)
    }
    return totals
  }

  #failure(end: number, count: number): Failure {
    const reasons = new Map<string, number>()
    const rejectedBy = new Set<string>()
    const hopeful: number[] = []
    for (const [verdict, slots] of this.#byVerdict(end)) {
      const rejection = this.rejections.get(verdict)!
      rejectedBy.add(rejection.plugin)
      if (!rejection.hopeless) hopeful.push(...slots)
      for (const reason of rejection.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + slots.length)
    }
    return { message: notAvailable(count, reasons), rejectedBy, hopeful }
  }

  #byVerdict(end: number): Map<Verdict, number[]> {
    const slots = new Map<Verdict, number[]>()
    for (let slot = 0; slot < end; slot++) {
      const verdict = this.#verdicts[slot]!
      if (verdict === NO_NODE) continue
      const list = slots.get(verdict)
      if (list) list.push(slot)
      else slots.set(verdict, [slot])
    }
    return slots
  }

  #rejectedWhole(cycle: Cycle, by: { plugin: Plugin; reject: string; hopeless?: boolean }): Failure {
    const { nodes } = cycle.snapshot
    const hopeful: number[] = []
    if (!by.hopeless) for (let slot = 0; slot < nodes.end; slot++) if (nodes.alive[slot]) hopeful.push(slot)
    const message = `0/${nodes.count} nodes are available: ${by.reject}.`
    return { message, rejectedBy: new Set([by.plugin.name]), hopeful }
  }

  #size(capacity: number): void {
    if (this.#verdicts.length >= capacity) return
    this.#verdicts = new Int32Array(capacity)
    this.#feasible = new Int32Array(capacity)
    this.#totals = new Float64Array(capacity)
    this.#scratch = new Float64Array(capacity)
  }
}

const NO_NODES = 'no nodes available to schedule pods'

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function notAvailable(nodes: number, reasons: ReadonlyMap<string, number>): string {
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort()
  return `0/${nodes} nodes are available:${parts.length > 0 ? ` ${parts.join(', ')}.` : ''}`
}

function addScores(
  totals: Float64Array,
  scores: Float64Array,
  slots: Int32Array,
  normalize: PreScore['normalize'],
  weight: number,
): void {
  normalize?.(scores, slots)
  for (let n = 0; n < totals.length; n++) totals[n]! += weight * scores[n]!
}
