export type { StoreOptions } from './engine-store.ts'
export { DEFAULT_HISTORY, type HistoryPolicy } from './history.ts'
export { compareKeys, inRange, keyAfter } from './keys.ts'
export { limits as storeLimits } from './limits.ts'
export { openMemoryStore } from './memory.ts'
export { openSqliteStore, type SqliteStoreOptions } from './sqlite/open.ts'
export {
  type Change,
  type CommitResult,
  CompactedError,
  type Entry,
  FutureRevisionError,
  prefixEnd,
  type RangeQuery,
  type RangeResult,
  type Store,
  StoreClosedError,
  StoreLimitError,
  StoreUnavailableError,
  type WatchBatch,
  type WatchQuery,
  type Write,
} from './store.ts'
