import { assignSlots, type Element, elementsOf, keyOfFrontend } from './elements.ts'
import type { Frontend } from './frontends.ts'

/** How an element has to change: `from` undefined: it is new; `to` undefined: it goes. */
export interface Change {
  readonly map: Element['map']
  readonly key: string
  readonly from: string | undefined
  readonly to: string | undefined
}

/** All elements: data by key by map. */
export type Contents = ReadonlyMap<Element['map'], ReadonlyMap<string, string>>

interface Claim {
  readonly service: string
  /** The smallest wins where several Services claim an address and port. */
  readonly rank: string
  readonly frontends: readonly Frontend[]
}

interface Counted {
  readonly data: string
  count: number
}

/**
 * What the table should hold, kept as Services change; and what has changed since it was last asked. Only the elements
 * of the frontends that changed are touched, however many there are.
 */
export class RuleSet {
  readonly #claims = new Map<string, Claim[]>()
  readonly #keysOf = new Map<string, readonly string[]>()
  readonly #installed = new Map<string, { frontends: readonly Frontend[]; elements: readonly Element[] }>()
  readonly #slots = new Map<string, readonly string[]>()
  readonly #elements = new Map<Element['map'], Map<string, Counted>>()
  /** What each touched element was before. */
  #touched = new Map<Element['map'], Map<string, string | undefined>>()

  /** Puts `frontends` in place of those that the Service had. */
  setService(service: string, rank: string, frontends: readonly Frontend[]): void {
    const wanted = new Map<string, Frontend[]>()
    for (const frontend of frontends) {
      const key = keyOfFrontend(frontend)
      const same = wanted.get(key)
      if (same) same.push(frontend)
      else wanted.set(key, [frontend])
    }
    const before = this.#keysOf.get(service) ?? []
    if (wanted.size > 0) this.#keysOf.set(service, [...wanted.keys()])
    else this.#keysOf.delete(service)
    for (const key of new Set([...before, ...wanted.keys()])) {
      const others = (this.#claims.get(key) ?? []).filter((c) => c.service !== service)
      const own = wanted.get(key)
      const claims = own ? [...others, { service, rank, frontends: own }] : others
      claims.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
      if (claims.length > 0) this.#claims.set(key, claims)
      else this.#claims.delete(key)
      this.#install(key, claims[0]?.frontends ?? [])
    }
  }

  /** The frontends that answer at `10.96.0.1 . tcp . 443`. */
  frontendsAt(key: string): readonly Frontend[] {
    return this.#installed.get(key)?.frontends ?? []
  }

  /** The Services that claim an address and port, the one that has it first. */
  claimants(key: string): readonly string[] {
    return (this.#claims.get(key) ?? []).map((c) => c.service)
  }

  /** Does any Service want its clients to stay with their endpoint? */
  get hasAffinity(): boolean {
    return (this.#elements.get('sticky')?.size ?? 0) > 0
  }

  /** The changes since the last call: those that were undone meanwhile are left out. */
  takeChanges(): Change[] {
    const changes: Change[] = []
    for (const [map, keys] of this.#touched) {
      const now = this.#elements.get(map)
      for (const [key, from] of keys) {
        const to = now?.get(key)?.data
        if (from !== to) changes.push({ map, key, from, to })
      }
    }
    this.#touched = new Map()
    return changes
  }

  contents(): Contents {
    return new Map(
      [...this.#elements].map(([map, keys]) => [
        map,
        new Map([...keys].map(([key, { data }]) => [key, data])),
      ]),
    )
  }

  #install(key: string, frontends: readonly Frontend[]): void {
    const before = this.#installed.get(key)
    const elements: Element[] = []
    for (const scope of ['all', 'outside'] as const) {
      const slotKey = `${scope} ${key}`
      const frontend = frontends.find((f) => f.scope === scope)
      const slots =
        frontend?.action.do === 'forward'
          ? assignSlots(this.#slots.get(slotKey) ?? [], frontend.action.targets)
          : []
      if (slots.length > 0) this.#slots.set(slotKey, slots)
      else this.#slots.delete(slotKey)
      if (frontend) elements.push(...elementsOf(frontend, slots))
    }
    // Old ones first: a count that stays above zero would keep the old data.
    for (const element of before?.elements ?? []) this.#count(element, -1)
    for (const element of elements) this.#count(element, 1)
    if (frontends.length > 0) this.#installed.set(key, { frontends, elements })
    else this.#installed.delete(key)
  }

  #count({ map, key, data }: Element, by: 1 | -1): void {
    const keys = innerMap(this.#elements, map)
    const touched = innerMap(this.#touched, map)
    const existing = keys.get(key)
    if (!touched.has(key)) touched.set(key, existing?.data)
    const count = (existing?.count ?? 0) + by
    if (count <= 0) keys.delete(key)
    else if (existing) existing.count = count
    else keys.set(key, { data, count })
  }
}

function innerMap<K, L, V>(outer: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = outer.get(key)
  if (!inner) {
    inner = new Map()
    outer.set(key, inner)
  }
  return inner
}

/** How to come from one to the other. */
export function diffContents(actual: Contents, wanted: Contents): Change[] {
  const changes: Change[] = []
  for (const map of new Set([...actual.keys(), ...wanted.keys()])) {
    const before = actual.get(map)
    const after = wanted.get(map)
    for (const [key, from] of before ?? []) {
      const to = after?.get(key)
      if (from !== to) changes.push({ map, key, from, to })
    }
    for (const [key, to] of after ?? [])
      if (!before?.has(key)) changes.push({ map, key, from: undefined, to })
  }
  return changes
}
