import { type Log, nextTurn } from '../../base/index.ts'
import { type Change, prefixEnd, type Store } from '../../store/index.ts'

/** Receives the changes under its prefix, in order. */
export interface FeedSink {
  apply(change: Change): void
  /** Called after the last change of a batch: a good moment to wake watchers. */
  flush(): void
  /** The stream broke: what was built from it may have gaps and must be loaded again. */
  broken(): void
}

export const REGISTRY_PREFIX = '/registry/'

/**
 * The one watch on the store that all caches share. `revision` is what every cache has applied; a write is
 * answered only after `reached` it, so that reads after a write see it.
 */
export class Feed {
  readonly #store: Store
  readonly #log: Log
  readonly #sinks = new Map<string, FeedSink>()
  readonly #abort = new AbortController()
  #waiters: { revision: number; resolve: () => void }[] = []
  #revision: number
  #running: Promise<void> | undefined

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
    this.#revision = store.revision()
  }

  get revision(): number {
    return this.#revision
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running
    for (const w of this.#waiters) w.resolve()
    this.#waiters = []
  }

  /** `prefix` is `/registry/<group>/<plural>/`. */
  register(prefix: string, sink: FeedSink): void {
    this.#sinks.set(prefix, sink)
  }

  /** Resolves once every cache has applied `revision` (at once when the feed is closed). */
  reached(revision: number): Promise<void> | undefined {
    if (this.#revision >= revision || this.#abort.signal.aborted) return undefined
    return new Promise((resolve) => this.#waiters.push({ revision, resolve }))
  }

  async #run(): Promise<void> {
    const signal = this.#abort.signal
    while (!signal.aborted) {
      try {
        await this.#follow(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#log.error({ err: error }, 'the watch on the store broke; all caches are loaded again')
        for (const sink of this.#sinks.values()) sink.broken()
        this.#advance(this.#store.revision())
        await nextTurn()
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const query = { start: REGISTRY_PREFIX, end: prefixEnd(REGISTRY_PREFIX), after: this.#revision, signal }
    for await (const batch of this.#store.watch(query)) {
      const touched = new Set<FeedSink>()
      for (const change of batch.changes) {
        const sink = this.#sinks.get(prefixOf(change.key))
        if (!sink) continue
        sink.apply(change)
        touched.add(sink)
      }
      this.#advance(batch.revision)
      for (const sink of touched) sink.flush()
    }
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return
    this.#revision = revision
    if (this.#waiters.length === 0) return
    const ready = this.#waiters.filter((w) => w.revision <= revision)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((w) => w.revision > revision)
    for (const w of ready) w.resolve()
  }
}

/** '/registry/apps/deployments/default/web' → '/registry/apps/deployments/'. */
function prefixOf(key: string): string {
  const group = key.indexOf('/', REGISTRY_PREFIX.length)
  return key.slice(0, key.indexOf('/', group + 1) + 1)
}
