import { type ApiError, expired } from '../../api/index.ts'
import type { ResourceCache } from './cache.ts'
import type { CacheEvent, History } from './history.ts'
import { type Item, itemAtDeletion } from './item.ts'
import type { ServedResource } from './resources.ts'
import type { Selection } from './selection.ts'

/** One thing to tell a watcher. `event` is there when its encoded frames may be shared with others. */
export interface Signal {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly item: Item
  readonly event: CacheEvent | undefined
}

export interface CursorStart {
  /** What every cache has applied. */
  applied(): number
  /** undefined: from the present state, told as ADDED signals first. */
  readonly after: number | undefined
  /** The revision of that state. */
  readonly revision: number
}

/**
 * A watcher's position in a cache: first the state it started from, then the history. It is read at the watcher's
 * pace and holds no queue; `read` throws Expired when the history was forgotten before it was read.
 */
export class WatchCursor {
  readonly #resource: ServedResource
  readonly #cache: ResourceCache
  readonly #selection: Selection
  readonly #history: History
  readonly #applied: () => number
  /** What was there at the start, selected or not. */
  #initial: readonly Item[]
  #initialAt = 0
  #seq: number
  #revision: number
  #cancelWait: (() => void) | undefined

  constructor(resource: ServedResource, selection: Selection, start: CursorStart) {
    this.#resource = resource
    this.#cache = resource.cache
    this.#selection = selection
    this.#applied = start.applied
    this.#history = resource.cache.history
    if (start.after === undefined) {
      this.#initial = selection.candidates(resource.cache)
      this.#seq = this.#history.nextSeq
      this.#revision = start.revision
    } else {
      this.#initial = []
      const seq = this.#history.seqAfter(start.after)
      if (seq === undefined) throw tooOld(start.after, this.#history.startRevision)
      this.#seq = seq
      this.#revision = start.after
    }
  }

  /** Everything up to this revision has been read. */
  get revision(): number {
    return this.#revision
  }

  /** Whether the state it started from has been read. */
  get initialDone(): boolean {
    return this.#initialAt >= this.#initial.length
  }

  /** Up to `max` signals out of as many objects or events; none when it has caught up, or when none are selected. */
  read(max: number): Signal[] {
    const signals: Signal[] = []
    if (!this.initialDone) {
      const end = Math.min(this.#initial.length, this.#initialAt + max)
      for (; this.#initialAt < end; this.#initialAt++) {
        const item = this.#initial[this.#initialAt]!
        if (!this.#selection.matches(item)) continue
        signals.push({ type: 'ADDED', item: this.#resource.present(item), event: undefined })
      }
      if (this.initialDone) {
        this.#initial = []
        this.#initialAt = 0
      }
      return signals
    }
    const history = this.#history
    if (history !== this.#cache.history || this.#seq < history.firstSeq)
      throw tooOld(this.#revision, history.startRevision)
    for (const end = Math.min(history.nextSeq, this.#seq + max); this.#seq < end; this.#seq++) {
      const event = history.at(this.#seq)!
      const signal = this.#signalOf(event)
      if (signal) signals.push(signal)
      this.#revision = event.revision
    }
    return signals
  }

  /** True when `read` has nothing to give. */
  get caughtUp(): boolean {
    return this.initialDone && this.#history === this.#cache.history && this.#seq === this.#history.nextSeq
  }

  /** The revision a bookmark may name once it has caught up: nothing selected happened up to it. */
  bookmark(): number {
    return this.caughtUp ? Math.max(this.#revision, this.#applied()) : this.#revision
  }

  /** Calls `fn` once when there may be something to read. */
  wait(fn: () => void): void {
    this.#cancelWait = this.#cache.onChange(fn)
  }

  close(): void {
    this.#cancelWait?.()
  }

  /** What the event is to this watcher: an object that starts or stops to be selected is added or deleted to it. */
  #signalOf(event: CacheEvent): Signal | undefined {
    const { item, previous, type } = event
    const selection = this.#selection
    if (selection.all) return { type, item: this.#resource.present(item), event }
    const now = type !== 'DELETED' && selection.matches(item)
    const before = previous !== undefined && selection.matches(previous)
    if (now) return { type: before ? 'MODIFIED' : 'ADDED', item: this.#resource.present(item), event }
    if (!before) return undefined
    event.gone ??= type === 'DELETED' ? item : itemAtDeletion(previous, event.revision)
    return { type: 'DELETED', item: this.#resource.present(event.gone), event }
  }
}

function tooOld(revision: number, oldest: number): ApiError {
  return expired(`too old resource version: ${revision} (${oldest})`)
}
