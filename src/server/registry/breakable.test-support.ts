import type { Store, WatchBatch, WatchQuery } from '../../store/index.ts'

export interface BreakableStore extends Store {
  /** Keeps back what happens from now on, until the watch breaks. */
  stall(): void
  break(): void
}

/** A store whose watches can be made to stall and to break, as when history is compacted away under them. */
export function breakable(store: Store): BreakableStore {
  let isStalled = false
  let breakNow = () => {}
  return {
    revision: () => store.revision(),
    range: (q) => store.range(q),
    commit: (w) => store.commit(w),
    compact: (r) => store.compact(r),
    stats: () => store.stats(),
    close: () => store.close(),
    stall: () => {
      isStalled = true
    },
    break: () => breakNow(),
    async *watch(query: WatchQuery): AsyncGenerator<WatchBatch> {
      const broken = new AbortController()
      const isBroken = new Promise<void>((resolve) =>
        broken.signal.addEventListener('abort', () => resolve()),
      )
      breakNow = () => {
        isStalled = false
        broken.abort()
      }
      const signal = AbortSignal.any([query.signal, broken.signal])
      for await (const batch of store.watch({ ...query, signal })) {
        if (isStalled) await isBroken
        if (broken.signal.aborted) break
        yield batch
      }
      if (broken.signal.aborted) throw new Error('the watch broke')
    },
  }
}
