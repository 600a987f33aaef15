import type { Api } from '../api/index.ts'
import { isApiError } from '../api/index.ts'
import { type Clock, type Log, type Metrics, nextTurn, pause, type Random } from '../base/index.ts'
import type { Kind, KubeObject } from '../schema/index.ts'
import { backoffMs } from './backoff.ts'
import { Cache, type IndexFunction, type Lister } from './cache.ts'
import { UnreachableError } from './http.ts'
import { keyText } from './keys.ts'

export type InformerEvent<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  /** `object` is the last state that was seen. */
  | { readonly type: 'deleted'; readonly object: T }

export type InformerHandler<T> = (event: InformerEvent<T>) => void

/** Which objects of a kind an informer holds; none given: all of them. */
export interface Selection {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface Informer<T extends KubeObject> {
  readonly kind: Kind<T>
  readonly cache: Lister<T>
  /** True once the first list is in the cache; it stays true. */
  readonly hasSynced: boolean
  /** The newest revision whose effects the cache shows. */
  readonly revision: number
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Calls `fn` once the cache shows `revision`, at once when it does already; the result cancels. */
  whenSeen(revision: number, fn: () => void): () => void
  addIndex(name: string, fn: IndexFunction<T>): void
  /**
   * Every change from now on, in order; what is in the cache comes first, as `added`, unless `replay` is false.
   * The result unsubscribes.
   */
  on(handler: InformerHandler<T>, options?: { readonly replay?: boolean }): () => void
}

export interface InformerDependencies {
  readonly api: Api
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly signal: AbortSignal
}

/** A list is asked for in pages of this size where streaming is not served. */
const PAGE_SIZE = 500
/** After so many events in a row the event loop gets a turn. */
const SLICE = 256
const RETRY = { baseMs: 400, maxMs: 10_000, jitter: 0.5 }
/** Where nobody listens, asking costs nobody anything, and whoever starts there is to be found soon. */
const RETRY_NOBODY = { ...RETRY, maxMs: 2_000 }

/** What a pass over the server ended with, and so what comes next. */
type Next = 'relist' | 'resume'

/**
 * Keeps a cache of one kind equal to the server: list, then watch, resuming where the watch ended and listing
 * anew when the server has forgotten that point. It never gives up; it stops only with its signal.
 */
export class ReflectingInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: Kind<T>
  readonly cache = new Cache<T>()
  readonly #deps: InformerDependencies
  readonly #selection: Selection
  readonly #handlers = new Set<InformerHandler<T>>()
  readonly #labels: { readonly resource: string }
  #synced = false
  #revision = 0
  #streaming = true
  /** A list is under way: what it has is not in the cache yet. */
  #listing = true
  #failures = 0
  #seenWaiters: { readonly revision: number; readonly fn: () => void }[] = []
  #syncWaiters: (() => void)[] = []

  constructor(kind: Kind<T>, selection: Selection, deps: InformerDependencies) {
    this.kind = kind
    this.#selection = selection
    this.#labels = { resource: kind.resource.plural }
    this.#deps = { ...deps, log: deps.log.child({ informer: kind.resource.plural }) }
    void this.#run()
  }

  get hasSynced(): boolean {
    return this.#synced
  }

  get revision(): number {
    return this.#revision
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return Promise.resolve()
    const { signal: own } = this.#deps
    return new Promise((resolve, reject) => {
      const stop = AbortSignal.any(signal ? [own, signal] : [own])
      if (stop.aborted) return reject(stop.reason)
      stop.addEventListener('abort', () => reject(stop.reason), { once: true })
      this.#syncWaiters.push(resolve)
    })
  }

  whenSeen(revision: number, fn: () => void): () => void {
    if (this.#revision >= revision) {
      fn()
      return () => {}
    }
    const waiter = { revision, fn }
    this.#seenWaiters.push(waiter)
    return () => {
      this.#seenWaiters = this.#seenWaiters.filter((w) => w !== waiter)
    }
  }

  addIndex(name: string, fn: IndexFunction<T>): void {
    this.cache.addIndex(name, fn)
  }

  on(handler: InformerHandler<T>, options: { readonly replay?: boolean } = {}): () => void {
    const own: InformerHandler<T> = (event) => handler(event)
    if (this.#synced && options.replay !== false) {
      for (const object of this.cache.list()) this.#tell(own, { type: 'added', object })
    }
    this.#handlers.add(own)
    return () => this.#handlers.delete(own)
  }

  async #run(): Promise<void> {
    const { signal, clock, random, log, metrics } = this.#deps
    let next: Next = 'relist'
    while (!signal.aborted) {
      const started = clock.monotonic()
      try {
        next = next === 'relist' ? await this.#list() : await this.#watch()
        this.#failures = 0
        // A server that ends every watch at once must not be asked without pause.
        if (clock.monotonic() - started < 1000) await this.#pause(20)
      } catch (error) {
        if (signal.aborted) return
        next = this.#after(error)
        this.#failures++
        metrics.increment('informer_failures_total', this.#labels)
        const isNobody = error instanceof UnreachableError && error.unsent
        const delayMs = backoffMs(this.#failures, isNobody ? RETRY_NOBODY : RETRY, random)
        log.warn({ err: error, next, delayMs, failures: this.#failures }, 'lost the server')
        await this.#pause(delayMs)
      }
    }
  }

  #after(error: unknown): Next {
    if (isApiError(error, 'Expired', 'Gone')) return 'relist'
    if (this.#listing && isApiError(error, 'Invalid', 'BadRequest')) this.#streaming = false
    return this.#listing ? 'relist' : 'resume'
  }

  async #pause(delayMs: number): Promise<void> {
    await pause(this.#deps.clock, delayMs, this.#deps.signal)
  }

  /** Fills a fresh map, swaps it in whole, and (streaming) stays on for the changes after it. */
  async #list(): Promise<Next> {
    this.#listing = true
    this.#deps.metrics.increment('reflector_lists_total', this.#labels)
    return this.#streaming ? this.#follow({ sendInitialEvents: true }) : this.#listPages()
  }

  async #listPages(): Promise<Next> {
    const objects = new Map<string, T>()
    let token: string | undefined
    for (;;) {
      const { signal } = this.#deps
      const page = await this.#deps.api.list(this.kind, {
        ...this.#selection,
        limit: PAGE_SIZE,
        signal,
        ...(token === undefined ? {} : { continue: token }),
      })
      for (const object of page.items) objects.set(keyText(object.metadata), object)
      token = page.metadata.continue || undefined
      if (token === undefined) {
        this.#swap(objects, Number(page.metadata.resourceVersion))
        return 'resume'
      }
    }
  }

  #watch(): Promise<Next> {
    return this.#follow({ resourceVersion: String(this.#revision) })
  }

  async #follow(from: { sendInitialEvents: true } | { resourceVersion: string }): Promise<Next> {
    const { api, clock, random, signal, metrics } = this.#deps
    const timeoutSeconds = Math.round(300 + 300 * random.next())
    // The server ends the watch; should it hang instead, the client does.
    const stop = new AbortController()
    const onAbort = () => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancelTimer = clock.after(timeoutSeconds * 1000 + 15_000, () =>
      stop.abort(new Error('the server did not end the watch in time')),
    )
    let initial = 'sendInitialEvents' in from ? new Map<string, T>() : undefined
    try {
      let slice = 0
      for await (const event of api.watch(this.kind, {
        ...this.#selection,
        ...from,
        allowWatchBookmarks: true,
        timeoutSeconds,
        signal: stop.signal,
      })) {
        if (event.type === 'BOOKMARK') {
          if (initial && event.initialEventsEnd) {
            this.#swap(initial, Number(event.resourceVersion))
            initial = undefined
          } else if (!initial) this.#advance(Number(event.resourceVersion))
        } else if (initial) initial.set(keyText(event.object.metadata), event.object)
        else this.#apply(event.type, event.object)
        if (!initial) {
          // It answers: if it is lost again, that is a new loss.
          this.#failures = 0
          metrics.set('informer_last_event_timestamp_seconds', this.#labels, clock.now() / 1000)
        }
        if (++slice % SLICE === 0) await nextTurn()
      }
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
      stop.abort()
    }
    if (initial && !signal.aborted)
      throw new Error(`the list of ${this.kind.resource.plural} ended before it was complete`)
    return 'resume'
  }

  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    if (type === 'DELETED') {
      this.cache.remove(object.metadata)
      this.#emit({ type: 'deleted', object })
    } else {
      const old = this.cache.put(object)
      if (old && old.metadata.uid !== object.metadata.uid) {
        this.#emit({ type: 'deleted', object: old })
        this.#emit({ type: 'added', object })
      } else this.#emit(old ? { type: 'updated', object, old } : { type: 'added', object })
    }
    this.#advance(Number(object.metadata.resourceVersion))
  }

  #swap(objects: Map<string, T>, revision: number): void {
    const before = this.cache.swap(objects)
    this.#synced = true
    this.#listing = false
    for (const [key, old] of before) {
      const now = objects.get(key)
      if (now?.metadata.uid !== old.metadata.uid) this.#emit({ type: 'deleted', object: old })
    }
    for (const [key, object] of objects) {
      const old = before.get(key)
      if (!old || old.metadata.uid !== object.metadata.uid) this.#emit({ type: 'added', object })
      else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
        this.#emit({ type: 'updated', object, old })
      }
    }
    // A server restored from a backup may have gone back: what the list says is the truth.
    this.#revision = revision
    this.#releaseSeen()
    for (const resolve of this.#syncWaiters.splice(0)) resolve()
  }

  #advance(revision: number): void {
    if (!(revision > this.#revision)) return
    this.#revision = revision
    this.#releaseSeen()
  }

  #releaseSeen(): void {
    if (this.#seenWaiters.length === 0) return
    const due = this.#seenWaiters.filter((w) => w.revision <= this.#revision)
    if (due.length === 0) return
    this.#seenWaiters = this.#seenWaiters.filter((w) => w.revision > this.#revision)
    for (const { fn } of due) fn()
  }

  #emit(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) this.#tell(handler, event)
  }

  #tell(handler: InformerHandler<T>, event: InformerEvent<T>): void {
    try {
      handler(event)
    } catch (error) {
      this.#deps.log.error(
        { err: error, event: event.type, key: keyText(event.object.metadata) },
        'a handler failed',
      )
    }
  }
}
