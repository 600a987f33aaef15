import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type {
  Due,
  Effect,
  EngineCommit,
  EngineState,
  EngineWrite,
  LogRequest,
  LogSlice,
  Outcome,
  Page,
  PageRequest,
  WriteReply,
} from '../engine.ts'
import type { Change, Entry } from '../store.ts'
import { APPLICATION_ID, FORMAT_VERSION, PRAGMAS, SCHEMA, SQL, type StatementName } from './schema.ts'

/** A change's number in the log: its revision, and its place among the changes of that revision. */
const SLOTS = 128
const revisionOf = (seq: number) => Math.floor(seq / SLOTS)
/** The last number that belongs to a revision. */
const lastSeqOf = (revision: number) => revision * SLOTS + (SLOTS - 1)

/** Bounds of one step, so that writes wait for nothing long. */
const SWEEP_ROWS = 500
const LOG_WINDOW_REVISIONS = 5000
const VACUUM_PAGES = 256
/** Free pages worth giving back to the file system: a quarter of the file and at least 4 MiB. */
const VACUUM_FROM_PAGES = 1024

type Value = string | number | bigint | null | Uint8Array
type Row = Value[]

/** The store's tables in one SQLite file. Synchronous: it runs in a worker thread. */
export class StoreDatabase {
  readonly #path: string
  #db: DatabaseSync
  #sql: Record<StatementName, StatementSync>
  #revision = 1
  #compacted = 1
  #sweptSeq = 0

  /** `atLeast`: the revision that the file must have reached, when it was open before. */
  constructor(path: string, atLeast = 1) {
    this.#path = path
    createPrivately(path)
    this.#db = new DatabaseSync(path, { timeout: 0 })
    try {
      this.#sql = this.#setUp(atLeast)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  #setUp(atLeast: number): Record<StatementName, StatementSync> {
    this.#db.exec(PRAGMAS)
    this.#checkFormat(atLeast > 1)
    const sql = Object.fromEntries(
      Object.entries(SQL).map(([name, text]) => {
        const statement = this.#db.prepare(text)
        statement.setReturnArrays(true)
        return [name, statement]
      }),
    ) as Record<StatementName, StatementSync>
    const [compacted, sweptSeq] = row(sql.marks.get()) as [number, number]
    const newest = (row(sql.newestSeq.get())?.[0] as number | null) ?? 0
    this.#compacted = compacted
    this.#sweptSeq = sweptSeq
    this.#revision = Math.max(1, compacted, revisionOf(newest))
    if (this.#revision < atLeast) {
      throw new FormatError(
        `expected revision ${atLeast} or later, got ${this.#revision}: it was replaced while in use; restart dhow`,
      )
    }
    return sql
  }

  #checkFormat(wasInUse: boolean): void {
    const [id] = row(this.#pragma('application_id')) as [number]
    const [version] = row(this.#pragma('user_version')) as [number]
    const [tables] = row(this.#first('SELECT count(*) FROM sqlite_schema')) as [number]
    if (tables === 0 && wasInUse)
      throw new FormatError('it was emptied or removed while in use; restore a copy of it')
    if (tables === 0) {
      this.#transaction(() => this.#db.exec(SCHEMA))
      return
    }
    if (id !== APPLICATION_ID) throw new FormatError('it is an SQLite database of another program')
    if (version !== FORMAT_VERSION) {
      throw new FormatError(
        `expected store format ${FORMAT_VERSION}, got ${version}: another version of dhow wrote it`,
      )
    }
  }

  #pragma(name: string): unknown {
    return this.#first(`PRAGMA ${name}`)
  }

  #first(text: string): unknown {
    const statement = this.#db.prepare(text)
    statement.setReturnArrays(true)
    return statement.get()
  }

  get revision(): number {
    return this.#revision
  }

  get state(): EngineState {
    const next = row(this.#sql.nextExpiry.get())?.[0] as number | undefined
    return {
      revision: this.#revision,
      compacted: this.#compacted,
      swept: Math.max(1, revisionOf(this.#sweptSeq + 1) - 1),
      nextExpiry: next ?? null,
    }
  }

  // --- writing ---

  write(commits: readonly EngineCommit[], withPrevious: boolean): WriteReply {
    const before = this.#revision
    try {
      const outcomes = this.#transaction(() => commits.map((writes) => this.#commit(writes, withPrevious)))
      return { revision: this.#revision, outcomes }
    } catch (error) {
      this.#revision = before
      throw error
    }
  }

  #commit(writes: EngineCommit, withPrevious: boolean): Outcome {
    const held = writes.map(({ key }) => row(this.#sql.current.get(key)) as [number, number] | undefined)
    for (const [i, { key, expect }] of writes.entries()) {
      if (expect === undefined) continue
      const now = held[i]
      if ((now ? revisionOf(now[0]) : 0) === expect) continue
      return { ok: false, revision: this.#revision, key, current: now ? this.#entry(key, now[0]) : null }
    }
    if (writes.every(({ value }, i) => value === null && !held[i])) {
      return { ok: true, revision: this.#revision, effects: writes.map(() => null) }
    }
    this.#revision++
    const effects = writes.map((w, i) => this.#apply(w, this.#revision * SLOTS + i, held[i], withPrevious))
    return { ok: true, revision: this.#revision, effects }
  }

  #apply(
    write: EngineWrite,
    seq: number,
    held: [number, number] | undefined,
    withPrevious: boolean,
  ): Effect | null {
    const { key, value } = write
    if (value === null && !held) return null
    const createRevision = held?.[1] ?? this.#revision
    const effect = withPrevious
      ? { createRevision, previous: held ? this.#entry(key, held[0]) : null }
      : { createRevision }
    if (value === null) {
      this.#sql.append.run(seq, key, 0, held![0], null)
      this.#sql.remove.run(key)
    } else {
      this.#sql.append.run(seq, key, createRevision, held?.[0] ?? 0, value)
      this.#sql.put.run(key, seq, createRevision, write.expiresAt ?? null)
    }
    return effect
  }

  #entry(key: string, seq: number): Entry {
    const [createRevision, value] = row(this.#sql.version.get(seq)) as [number, Uint8Array]
    return { key, value, createRevision, modRevision: revisionOf(seq) }
  }

  // --- reading ---

  page(request: PageRequest): Page {
    const { start, end, maxEntries, maxBytes } = request
    const revision = this.#revision
    const old =
      request.revision !== undefined && request.revision < revision ? lastSeqOf(request.revision) : undefined
    const entries: Entry[] = []
    let bytes = 0
    let more = false
    for (const entry of maxEntries > 0 ? this.#entries(start, end, old) : []) {
      more = entries.length >= maxEntries || bytes >= maxBytes
      if (more) break
      bytes += entry.value.byteLength + entry.key.length
      entries.push(entry)
    }
    const count = !request.count
      ? 0
      : more || maxEntries === 0
        ? this.#count(start, end, old)
        : entries.length
    return { entries, revision, more, count }
  }

  /** The entries of a range in order, newest or as of a log number. */
  *#entries(start: string, end: string | undefined, old: number | undefined): Generator<Entry> {
    if (old !== undefined) {
      for (const [key, seq] of this.#oldKeys(start, end, old)) yield this.#entry(key, seq)
    } else if (end === undefined) {
      const found = row(this.#sql.current.get(start))
      if (found) yield this.#entry(start, found[0] as number)
    } else {
      for (const found of this.#sql.currentRange.iterate(start, end)) {
        const [key, seq, createRevision, value] = row(found) as [string, number, number, Uint8Array]
        yield { key, value, createRevision, modRevision: revisionOf(seq) }
      }
    }
  }

  /** The keys that lived as of a log number, in order, with their versions' numbers. */
  *#oldKeys(start: string, end: string | undefined, old: number): Generator<[string, number]> {
    const { oldRange, oldKey } = this.#sql
    const rows = end === undefined ? oldKey.iterate(start, old) : oldRange.iterate(start, end, old)
    for (const found of rows) {
      const [key, seq, createRevision] = row(found) as [string | null, number, number]
      if (key !== null && createRevision > 0) yield [key, seq]
    }
  }

  #count(start: string, end: string | undefined, old: number | undefined): number {
    const { current, countRange, countOldRange } = this.#sql
    if (old !== undefined && end === undefined) return [...this.#oldKeys(start, end, old)].length
    if (old !== undefined) return row(countOldRange.get(start, end!, old))![0] as number
    if (end !== undefined) return row(countRange.get(start, end))![0] as number
    return current.get(start) ? 1 : 0
  }

  log({ start, end, after, maxChanges, maxBytes }: LogRequest): LogSlice {
    const windowEnd = Math.min(this.#revision, after + LOG_WINDOW_REVISIONS)
    const first = lastSeqOf(after)
    const last = lastSeqOf(windowEnd)
    const { logOfRange, logOfKey } = this.#sql
    const rows =
      end === undefined ? logOfKey.iterate(first, last, start) : logOfRange.iterate(first, last, start, end)
    const changes: Change[] = []
    let bytes = 0
    for (const found of rows) {
      const [seq, key, createRevision, previousSeq, value] = row(found) as [
        number,
        string,
        number,
        number,
        Uint8Array | null,
      ]
      const revision = revisionOf(seq)
      const full = changes.length >= maxChanges || bytes >= maxBytes
      if (full && revision > changes.at(-1)!.revision) return { changes, upTo: revision - 1 }
      const entry = value === null ? null : { key, value, createRevision, modRevision: revision }
      const previous = previousSeq === 0 ? null : this.#entry(key, previousSeq)
      bytes += (value?.byteLength ?? 0) + (previous?.value.byteLength ?? 0) + key.length
      changes.push({ revision, key, entry, previous })
    }
    return { changes, upTo: windowEnd }
  }

  due(now: number, limit: number): Due {
    const found = this.#sql.due.all(now, limit).map((found) => row(found) as [string, number])
    const keys = found.map(([key, seq]) => ({ key, modRevision: revisionOf(seq) }))
    if (keys.length === limit) return { keys, next: now }
    const next = row(this.#sql.nextExpiryAfter.get(now))?.[0] as number | undefined
    return { keys, next: next ?? null }
  }

  // --- forgetting ---

  /**
   * Goes once over the log up to `revision`: what a change there replaced is out of reach, and so is a deletion
   * itself. Where it got to is stored with each piece, so that a crash repeats nothing.
   */
  compact(revision: number): { done: boolean } {
    const last = lastSeqOf(revision)
    if (this.#sweptSeq >= last) return { done: this.#vacuumed() }
    this.#transaction(() => {
      this.#sql.setCompacted.run(revision)
      const rows = this.#sql.sweep
        .all(this.#sweptSeq, last, SWEEP_ROWS)
        .map((r) => row(r) as [number, number, number])
      for (const [seq, createRevision, previousSeq] of rows) {
        if (previousSeq !== 0) this.#sql.forget.run(previousSeq)
        if (createRevision === 0) this.#sql.forget.run(seq)
      }
      const swept = rows.length < SWEEP_ROWS ? last : rows.at(-1)![0]
      this.#sql.setSwept.run(swept)
      return swept
    })
    const [compacted, sweptSeq] = row(this.#sql.marks.get()) as [number, number]
    this.#compacted = compacted
    this.#sweptSeq = sweptSeq
    return { done: false }
  }

  /** Gives a piece of the free pages back to the file system; true when few enough are left. */
  #vacuumed(): boolean {
    const [free] = row(this.#pragma('freelist_count')) as [number]
    const [pages] = row(this.#pragma('page_count')) as [number]
    if (free < VACUUM_FROM_PAGES || free < pages / 4) return true
    this.#db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
    return false
  }

  sizeBytes(): number {
    return [this.#path, `${this.#path}-wal`].reduce(
      (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
  }

  close(): void {
    this.#db.close()
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /** SQLite has already rolled back after some errors; after others even that fails, and reopening mends it. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch {}
  }
}

/** The file is not the store, or not of this version. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
}

/** SQLite gives its write-ahead log the mode of the database, which holds Secrets: only the owner reads it. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

/** A row as the statements return it (`setReturnArrays`), which the types of node:sqlite do not know. */
function row(found: unknown): Row | undefined {
  return found as Row | undefined
}
