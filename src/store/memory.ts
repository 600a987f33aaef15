import sortedBTree from 'sorted-btree'
import type {
  Due,
  Effect,
  Engine,
  EngineCommit,
  EngineWrite,
  LogRequest,
  LogSlice,
  Outcome,
  Page,
  PageRequest,
  WriteReply,
} from './engine.ts'
import { EngineStore, type StoreOptions } from './engine-store.ts'
import { compareKeys, inRange } from './keys.ts'
import type { Change, Entry, Store } from './store.ts'

const BTree = sortedBTree.default

/** A store that lives as long as the process: for tests and simulations. */
export function openMemoryStore(options: StoreOptions): Store {
  return new EngineStore(
    new MemoryEngine(),
    { revision: 1, compacted: 1, swept: 1, nextExpiry: null },
    options,
  )
}

/** One state of a key: what it held from `revision` on. */
interface Version {
  readonly revision: number
  /** null: deleted. */
  readonly entry: Entry | null
}

interface Expiry {
  readonly at: number
  readonly key: string
}

/** Every call does its work at once; the promises are there because other engines need them. */
class MemoryEngine implements Engine {
  #revision = 1
  /** Versions of every key, oldest first; a key whose last version is forgotten leaves. */
  readonly #versions = new BTree<string, Version[]>(undefined, compareKeys)
  #log: Change[] = []
  readonly #expiries = new BTree<Expiry, true>(undefined, (a, b) => a.at - b.at || compareKeys(a.key, b.key))
  readonly #expiryOf = new Map<string, Expiry>()
  #bytes = 0

  async write(commits: readonly EngineCommit[]): Promise<WriteReply> {
    const outcomes = commits.map((writes) => this.#commit(writes))
    return { revision: this.#revision, outcomes }
  }

  #commit(writes: EngineCommit): Outcome {
    for (const { key, expect } of writes) {
      if (expect === undefined) continue
      const current = this.#newest(key)
      if ((current?.modRevision ?? 0) !== expect) return { ok: false, revision: this.#revision, key, current }
    }
    const changing = writes.some(({ key, value }) => value !== null || this.#newest(key) !== null)
    if (changing) this.#revision++
    return { ok: true, revision: this.#revision, effects: writes.map((w) => this.#apply(w)) }
  }

  #apply({ key, value, expiresAt }: EngineWrite): Effect | null {
    const revision = this.#revision
    const previous = this.#newest(key)
    if (value === null && previous === null) return null
    const createRevision = previous?.createRevision ?? revision
    const entry = value === null ? null : { key, value, createRevision, modRevision: revision }
    const versions = this.#versions.get(key)
    if (versions) versions.push({ revision, entry })
    else this.#versions.set(key, [{ revision, entry }])
    this.#log.push({ revision, key, entry, previous })
    this.#bytes += sizeOf(entry)
    this.#setExpiry(key, expiresAt)
    return { createRevision, previous }
  }

  #setExpiry(key: string, at: number | undefined): void {
    const old = this.#expiryOf.get(key)
    if (old) this.#expiries.delete(old)
    if (at === undefined) {
      this.#expiryOf.delete(key)
      return
    }
    const expiry = { at, key }
    this.#expiries.set(expiry, true)
    this.#expiryOf.set(key, expiry)
  }

  #newest(key: string): Entry | null {
    return this.#versions.get(key)?.at(-1)?.entry ?? null
  }

  async page({ start, end, revision, maxEntries, maxBytes, count }: PageRequest): Promise<Page> {
    const entries: Entry[] = []
    let total = 0
    let bytes = 0
    let more = false
    for (const [key, versions] of this.#versions.entries(start)) {
      if (!inRange(key, start, end)) break
      const entry = at(versions, revision ?? this.#revision)
      if (!entry) continue
      total++
      more ||= entries.length >= maxEntries || (entries.length > 0 && bytes + sizeOf(entry) > maxBytes)
      if (more && !count) break
      if (more) continue
      entries.push(entry)
      bytes += sizeOf(entry)
    }
    return { entries, revision: this.#revision, more, count: count ? total : 0 }
  }

  async log({ start, end, after, maxChanges, maxBytes }: LogRequest): Promise<LogSlice> {
    const changes: Change[] = []
    let bytes = 0
    for (let i = firstAfter(this.#log, after); i < this.#log.length; i++) {
      const change = this.#log[i]!
      const last = changes.at(-1)?.revision ?? 0
      if (change.revision > last && (changes.length >= maxChanges || bytes >= maxBytes)) {
        return { changes, upTo: change.revision - 1 }
      }
      if (!inRange(change.key, start, end)) continue
      changes.push(change)
      bytes += sizeOf(change.entry) + sizeOf(change.previous)
    }
    return { changes, upTo: this.#revision }
  }

  async due(now: number, limit: number): Promise<Due> {
    const keys: { key: string; modRevision: number }[] = []
    for (const { at, key } of this.#expiries.keys()) {
      if (at > now || keys.length >= limit) return { keys, next: at }
      keys.push({ key, modRevision: this.#newest(key)!.modRevision })
    }
    return { keys, next: null }
  }

  async compact(revision: number): Promise<{ done: boolean }> {
    const forgotten = this.#log.slice(0, firstAfter(this.#log, revision))
    this.#log = this.#log.slice(forgotten.length)
    for (const { key } of forgotten) {
      const versions = this.#versions.get(key)
      if (!versions) continue
      let first = versions.findLastIndex((v) => v.revision <= revision)
      if (versions[first]?.entry === null) first++
      for (const version of versions.splice(0, Math.max(0, first))) this.#bytes -= sizeOf(version.entry)
      if (versions.length === 0) this.#versions.delete(key)
    }
    return { done: true }
  }

  async sizeBytes(): Promise<number> {
    return this.#bytes
  }

  async close(): Promise<void> {}
}

function at(versions: readonly Version[], revision: number): Entry | null {
  for (let i = versions.length - 1; i >= 0; i--) {
    if (versions[i]!.revision <= revision) return versions[i]!.entry
  }
  return null
}

/** The index of the first change after `revision`. */
function firstAfter(log: readonly Change[], revision: number): number {
  let low = 0
  let high = log.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (log[middle]!.revision <= revision) low = middle + 1
    else high = middle
  }
  return low
}

const sizeOf = (entry: Entry | null) => (entry ? entry.value.byteLength + entry.key.length : 0)
