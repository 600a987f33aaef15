import { type Cycle, FITS, type Plugin, type PreFilter, type PreScore, type Verdict } from './framework.ts'

/** No node in this slot. */
export const NO_NODE = -1

export interface NodeResults {
  /** By slot. */
  readonly verdicts: Int32Array
  /** By plugin, then slot, of nodes that fit; undefined where the plugin has no opinion. */
  readonly scores: readonly (Float64Array | undefined)[]
  readonly normalizers: readonly PreScore['normalize'][]
  /** A plugin ruled out all nodes at once. */
  readonly rejected:
    | { readonly plugin: Plugin; readonly reject: string; readonly hopeless?: boolean }
    | undefined
}

interface Remembered extends NodeResults {
  version: number
  verdicts: Int32Array
  scores: (Float64Array | undefined)[]
  normalizers: PreScore['normalize'][]
  rejected: NodeResults['rejected']
}

const MAX_REMEMBERED = 64

/**
 * What plugins of scope 'node' say of every node, for pods with the same needs. Once known, only nodes that changed
 * are looked at again: the usual pod costs one node's worth of work, the one its predecessor went to.
 */
export class NodeResultsCache {
  readonly #plugins: readonly Plugin[]
  readonly #filters: readonly Plugin[]
  readonly #scorers: readonly Plugin[]
  readonly #known = new Map<string, Remembered>()

  constructor(plugins: readonly Plugin[]) {
    this.#plugins = plugins.filter((p) => p.scope === 'node')
    this.#filters = this.#plugins.filter((p) => p.preFilter)
    this.#scorers = this.#plugins.filter((p) => p.preScore)
  }

  get scorers(): readonly Plugin[] {
    return this.#scorers
  }

  of(cycle: Cycle): NodeResults {
    const { nodes } = cycle.snapshot
    const { needs } = cycle.shape
    const known = this.#known.get(needs)
    const fresh = known?.verdicts.length === nodes.capacity ? known : this.#reused(nodes.capacity)
    this.#known.delete(needs)
    this.#known.set(needs, fresh)
    if (fresh.version !== nodes.version) this.#refresh(fresh, cycle)
    return fresh
  }

  /** The results used longest ago make room, and their arrays serve again. */
  #reused(capacity: number): Remembered {
    if (this.#known.size < MAX_REMEMBERED) return empty(capacity, this.#scorers.length)
    const [needs, oldest] = this.#known.entries().next().value!
    this.#known.delete(needs)
    if (oldest.verdicts.length !== capacity) return empty(capacity, this.#scorers.length)
    oldest.version = 0
    return oldest
  }

  #refresh(results: Remembered, cycle: Cycle): void {
    const { nodes } = cycle.snapshot
    const filters: {
      filter: (slot: number) => Verdict
      allowed: Set<number> | undefined
      absent: Verdict
    }[] = []
    results.rejected = undefined
    for (const plugin of this.#filters) {
      const prepared = plugin.preFilter!(cycle)
      if (!prepared) continue
      if ('reject' in prepared) {
        results.rejected = { plugin, ...prepared }
        results.version = 0
        return
      }
      filters.push({ filter: prepared.filter, ...restriction(cycle, plugin, prepared) })
    }
    const named = filters.filter((f) => f.allowed)
    const scorers = this.#scorers.map((p) => p.preScore!(cycle, NO_SLOTS))
    scorers.forEach((s, i) => {
      results.normalizers[i] = s?.normalize
      if (!s) results.scores[i] = undefined
      else results.scores[i] ??= new Float64Array(nodes.capacity)
    })
    const look = (slot: number) => {
      let verdict = nodes.alive[slot] === 1 ? FITS : NO_NODE
      for (let i = 0; i < named.length && verdict === FITS; i++) {
        if (!named[i]!.allowed!.has(slot)) verdict = named[i]!.absent
      }
      for (let i = 0; i < filters.length && verdict === FITS; i++) verdict = filters[i]!.filter(slot)
      results.verdicts[slot] = verdict
      if (verdict !== FITS) return
      for (let i = 0; i < scorers.length; i++) {
        const scorer = scorers[i]
        if (scorer) results.scores[i]![slot] = scorer.score(slot)
      }
    }
    if (results.version === 0) for (let slot = 0; slot < nodes.end; slot++) look(slot)
    else nodes.changedSince(results.version, look)
    results.version = nodes.version
  }
}

const NO_SLOTS = new Int32Array(0)

function empty(capacity: number, scorers: number): Remembered {
  return {
    version: 0,
    verdicts: new Int32Array(capacity).fill(NO_NODE),
    scores: new Array(scorers).fill(undefined),
    normalizers: new Array(scorers).fill(undefined),
    rejected: undefined,
  }
}

/** A plugin may name the only nodes that are worth a look. */
export function restriction(
  cycle: Cycle,
  plugin: Plugin,
  prepared: NonNullable<Exclude<PreFilter, { reject: string }>>,
): { allowed: Set<number> | undefined; absent: Verdict } {
  if (!prepared.nodes) return { allowed: undefined, absent: FITS }
  const slots = prepared.nodes.map((name) => cycle.snapshot.nodes.slotOf(name)).filter((s) => s !== undefined)
  const absent = cycle.reject(plugin, [`node(s) didn't satisfy plugin(s) [${plugin.name}]`], true)
  return { allowed: new Set(slots), absent }
}
