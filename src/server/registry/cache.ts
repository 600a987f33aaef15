import btree from 'sorted-btree'
import { type Clock, type Log, nextTurn } from '../../base/index.ts'
import type { KubeObject } from '../../schema/index.ts'
import { type Change, prefixEnd, type Store } from '../../store/index.ts'
import type { Feed, FeedSink } from './feed.ts'
import { type CacheEvent, HISTORY_LIMITS, History, type HistoryLimits } from './history.ts'
import { asBuffer, type Item, itemAtDeletion, itemFromStored, itemOf } from './item.ts'

type Tree = InstanceType<typeof btree.default<string, Item>>
const newTree = (): Tree => new btree.default<string, Item>(undefined, (a, b) => (a < b ? -1 : a > b ? 1 : 0))

export interface CacheOptions {
  /** `/registry/<group>/<plural>/`. */
  readonly prefix: string
  readonly store: Store
  readonly feed: Feed
  readonly clock: Clock
  readonly log: Log
  readonly limits?: HistoryLimits
  /** Sees each object once, when it enters the cache (tests freeze it there). */
  readonly onObject?: (object: KubeObject) => void
}

export type CacheListener = (item: Item | undefined, previous: Item | undefined) => void

const SLICE_MS = 5
const RECALL_MS = 3_000
const MAX_SNAPSHOTS = 8
const SNAPSHOT_AGE_MS = 5 * 60_000

/** The current objects of one resource, sorted by key, with the events that led there. Loaded when first used. */
export class ResourceCache implements FeedSink {
  readonly #o: CacheOptions
  #tree = newTree()
  #history = new History(0)
  /** Changes that arrive while the cache loads; undefined when it is live. */
  #held: Change[] | undefined = []
  #loading: Promise<void> | undefined
  #live = false
  #loadedAt = 0
  /** Counts how often the feed broke. */
  #epoch = 0
  /** Writes under way: their event needs no parsing. */
  readonly #expected = new Map<string, { readonly stored: Buffer; readonly object: KubeObject }>()
  #listeners: CacheListener[] = []
  #waiting = new Set<() => void>()
  #waking = false
  #recalling: Promise<void> = Promise.resolve()
  readonly #snapshots = new Map<number, { tree: Tree; at: number }>()

  constructor(options: CacheOptions) {
    this.#o = options
  }

  /** Whether there is anything to read; while it loads again, that is what it held before. */
  get readable(): boolean {
    return this.#live || this.#loadedAt > 0
  }

  get history(): History {
    return this.#history
  }

  get size(): number {
    return this.#tree.size
  }

  /** undefined when it is loaded and as new as its load: the hot path awaits nothing. */
  ready(): Promise<void> | undefined {
    if (this.#live) return this.#o.feed.reached(this.#loadedAt)
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  get(key: string): Item | undefined {
    return this.#tree.get(key)
  }

  /** All items in key order, or those of a namespace; `after` starts behind that key. */
  items(namespace?: string, after?: string): Item[] {
    return itemsOf(this.#tree, namespace, after)
  }

  /** Keeps the present state readable at `revision` for the pages of a list that follow. */
  keepSnapshot(revision: number): void {
    if (this.#snapshots.has(revision)) return
    const now = this.#o.clock.monotonic()
    for (const [r, s] of this.#snapshots) {
      if (s.at < now - SNAPSHOT_AGE_MS || this.#snapshots.size >= MAX_SNAPSHOTS) this.#snapshots.delete(r)
    }
    this.#snapshots.set(revision, { tree: this.#tree.clone(), at: now })
  }

  /** The items as of a revision whose snapshot is kept, else undefined. */
  itemsAt(revision: number, namespace?: string, after?: string): Item[] | undefined {
    const kept = this.#snapshots.get(revision)
    return kept && itemsOf(kept.tree, namespace, after)
  }

  /** The same read from the store's history; rejects with CompactedError when that is gone. */
  async itemsFromStore(revision: number, namespace?: string, after?: string): Promise<Item[]> {
    const { prefix, store } = this.#o
    const within = namespace === undefined ? prefix : `${prefix}${namespace}/`
    const start = after === undefined ? within : `${prefix}${after}\0`
    const { entries } = await store.range({ start, end: prefixEnd(within), revision })
    return this.#parse(entries)
  }

  /**
   * Makes the history reach back to `revision` out of the store's, if that still has it and there is not too much:
   * so that after a restart watchers go on where they were, instead of all listing again.
   */
  recall(revision: number): Promise<void> {
    this.#recalling = this.#recalling.then(() => this.#recall(revision)).catch(() => {})
    return this.#recalling
  }

  listen(fn: CacheListener): () => void {
    this.#listeners = [...this.#listeners, fn]
    return () => {
      this.#listeners = this.#listeners.filter((l) => l !== fn)
    }
  }

  /** Calls `fn` once after the next change. */
  onChange(fn: () => void): () => void {
    this.#waiting.add(fn)
    return () => this.#waiting.delete(fn)
  }

  expectWrite(key: string, stored: Buffer, object: KubeObject): void {
    this.#expected.set(key, { stored, object })
  }

  forgetWrite(key: string, stored: Buffer): void {
    if (this.#expected.get(key)?.stored === stored) this.#expected.delete(key)
  }

  apply(change: Change): void {
    if (this.#held) {
      if (this.#loading) this.#held.push(change)
      return
    }
    // The load read past what the feed had applied by then.
    if (change.revision <= this.#loadedAt) return
    const key = change.key.slice(this.#o.prefix.length)
    const previous = this.#tree.get(key)
    let event: CacheEvent
    if (change.entry === null) {
      if (!previous) return
      this.#tree.delete(key)
      event = this.#event('DELETED', change.revision, itemAtDeletion(previous, change.revision), previous)
    } else {
      const item = this.#itemOf(key, change.entry.value, change.revision)
      this.#tree.set(key, item)
      event = this.#event(previous ? 'MODIFIED' : 'ADDED', change.revision, item, previous)
    }
    this.#history.append(event)
    for (const listener of this.#listeners) listener(change.entry === null ? undefined : event.item, previous)
  }

  /** Wakes who waits for a change, in slices, once for all changes that came together. */
  flush(): void {
    if (this.#waking || this.#waiting.size === 0) return
    this.#waking = true
    setImmediate(() => this.#wake())
  }

  broken(): void {
    if (!this.#live && !this.#loading) return
    this.#live = false
    this.#held = []
    this.#epoch++
    // Positions in the old history cannot go on: a new history starts, which ends every watch at its next read.
    this.#history = new History(0)
    this.#snapshots.clear()
    this.flush()
    this.ready()?.catch((error) =>
      this.#o.log.error({ err: error, prefix: this.#o.prefix }, 'cannot load cache'),
    )
  }

  #wake(): void {
    const woken = [...this.#waiting]
    this.#waiting.clear()
    this.#waking = false
    this.#wakeSlice(woken, 0)
  }

  #wakeSlice(woken: readonly (() => void)[], from: number): void {
    const deadline = this.#o.clock.monotonic() + SLICE_MS
    for (let i = from; i < woken.length; i++) {
      woken[i]!()
      if (i + 1 < woken.length && this.#o.clock.monotonic() > deadline) {
        setImmediate(() => this.#wakeSlice(woken, i + 1))
        return
      }
    }
  }

  #event(type: CacheEvent['type'], revision: number, item: Item, previous: Item | undefined): CacheEvent {
    return {
      type,
      revision,
      item,
      previous,
      at: this.#o.clock.monotonic(),
      gone: undefined,
      frames: undefined,
    }
  }

  #itemOf(key: string, value: Uint8Array, revision: number): Item {
    const expected = this.#expected.get(key)
    const known = expected && (expected.stored === value || expected.stored.equals(value))
    const item = known ? itemOf(key, expected.object, value, revision) : itemFromStored(key, value, revision)
    this.#o.onObject?.(item.object)
    return item
  }

  async #load(): Promise<void> {
    const { prefix, store, feed } = this.#o
    this.#held = []
    feed.register(prefix, this)
    let items: Item[]
    let revision: number
    let epoch: number
    do {
      epoch = this.#epoch
      // What the feed applied before is in the range; what comes later is held.
      const range = await store.range({ start: prefix, end: prefixEnd(prefix) })
      revision = range.revision
      items = await this.#parse(range.entries)
      // When the feed broke meanwhile, what was held since may have a gap.
    } while (epoch !== this.#epoch)
    const old = this.#tree
    const tree = newTree()
    for (const item of items) tree.set(item.key, item)
    this.#tree = tree
    this.#history = new History(revision, this.#o.limits ?? HISTORY_LIMITS)
    const held = this.#held ?? []
    this.#held = undefined
    this.#live = true
    this.#loadedAt = revision
    this.#tellDifference(old, tree)
    for (const change of held) this.apply(change)
    this.flush()
    await feed.reached(revision)
  }

  async #recall(revision: number): Promise<void> {
    const { prefix, store, clock } = this.#o
    const history = this.#history
    const upTo = history.startRevision
    if (revision >= upTo) return
    const abort = new AbortController()
    const cancel = clock.after(RECALL_MS, () => abort.abort())
    const events: CacheEvent[] = []
    let isComplete = false
    const query = { start: prefix, end: prefixEnd(prefix), after: revision, signal: abort.signal }
    for await (const batch of store.watch(query)) {
      for (const change of batch.changes) if (change.revision <= upTo) events.push(this.#pastEvent(change))
      isComplete = batch.revision >= upTo
      if (isComplete || events.length > history.room) break
    }
    cancel()
    abort.abort()
    // The history may have moved on or been replaced while the store was read.
    const isSame = history === this.#history && history.startRevision === upTo
    if (isComplete && isSame && events.length <= history.room) history.prepend(events, revision)
  }

  #pastEvent(change: Change): CacheEvent {
    const key = change.key.slice(this.#o.prefix.length)
    const { entry, previous: before } = change
    const previous = before ? itemFromStored(key, before.value, before.modRevision) : undefined
    if (!entry) {
      if (!previous)
        throw new Error(`cannot recall the deletion of ${change.key}: the store does not say what was there`)
      return this.#event('DELETED', change.revision, itemAtDeletion(previous, change.revision), previous)
    }
    const item = itemFromStored(key, entry.value, change.revision)
    return this.#event(previous ? 'MODIFIED' : 'ADDED', change.revision, item, previous)
  }

  #tellDifference(old: Tree, now: Tree): void {
    if (this.#listeners.length === 0) return
    for (const item of now.values()) {
      const previous = old.get(item.key)
      if (previous?.revision !== item.revision)
        for (const listener of this.#listeners) listener(item, previous)
    }
    for (const previous of old.values()) {
      if (!now.has(previous.key)) for (const listener of this.#listeners) listener(undefined, previous)
    }
  }

  async #parse(entries: readonly { key: string; value: Uint8Array; modRevision: number }[]): Promise<Item[]> {
    const { clock, prefix } = this.#o
    const items: Item[] = []
    let deadline = clock.monotonic() + SLICE_MS
    for (const e of entries) {
      const item = itemFromStored(e.key.slice(prefix.length), asBuffer(e.value), e.modRevision)
      this.#o.onObject?.(item.object)
      items.push(item)
      if (clock.monotonic() > deadline) {
        await nextTurn()
        deadline = clock.monotonic() + SLICE_MS
      }
    }
    return items
  }
}

function itemsOf(tree: Tree, namespace: string | undefined, after: string | undefined): Item[] {
  const items: Item[] = []
  const low = namespace === undefined ? '' : `${namespace}/`
  const high = namespace === undefined ? '\u{10ffff}' : `${namespace}0`
  tree.forRange(after === undefined ? low : after, high, false, (key, item) => {
    if (key !== after) items.push(item)
  })
  return items
}
