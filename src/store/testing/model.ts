import { compareKeys, inRange } from '../keys.ts'
import type { Change, CommitResult, Entry, RangeQuery, RangeResult, Write } from '../store.ts'

/**
 * The contract as the plainest program that has it: a list of changes, and everything else worked out from it by
 * reading it from the start. It is the specification, and the oracle that engines are compared with.
 */
export interface Model {
  readonly revision: number
  readonly compacted: number
  /** Every change ever, in order; the model forgets nothing and refuses what an engine may have forgotten. */
  readonly changes: readonly Change[]
}

export const emptyModel: Model = { revision: 1, compacted: 1, changes: [] }

export function modelCommit(model: Model, writes: readonly Write[]): { model: Model; result: CommitResult } {
  const now = modelState(model, model.revision)
  for (const { key, expect } of writes) {
    const current = now.get(key) ?? null
    if (expect !== undefined && (current?.modRevision ?? 0) !== expect) {
      return { model, result: { ok: false, key, current, revision: model.revision } }
    }
  }
  const revision = model.revision + 1
  const changes: Change[] = []
  for (const { key, value } of writes) {
    const previous = now.get(key) ?? null
    if (value === null && previous === null) continue
    const createRevision = previous?.createRevision ?? revision
    const entry = value === null ? null : { key, value, createRevision, modRevision: revision }
    changes.push({ revision, key, entry, previous })
  }
  if (changes.length === 0) return { model, result: { ok: true, revision: model.revision } }
  const next = { ...model, revision, changes: [...model.changes, ...changes] }
  return { model: next, result: { ok: true, revision } }
}

export type ModelRange = RangeResult | 'compacted' | 'future'

export function modelRange(model: Model, query: RangeQuery): ModelRange {
  const revision = query.revision ?? model.revision
  if (revision < model.compacted) return 'compacted'
  if (revision > model.revision) return 'future'
  const found = [...modelState(model, revision).values()]
    .filter((entry) => inRange(entry.key, query.start, query.end))
    .toSorted((a, b) => compareKeys(a.key, b.key))
  const entries = query.countOnly ? [] : found.slice(0, query.limit || undefined)
  return { entries, revision, count: found.length }
}

export function modelCompact(model: Model, revision: number): Model | 'future' {
  if (revision > model.revision) return 'future'
  return { ...model, compacted: Math.max(model.compacted, revision) }
}

/** What a watch of the range delivers from `after` on. */
export function modelWatch(model: Model, start: string, end: string | undefined, after: number): Change[] {
  return model.changes.filter((c) => c.revision > after && inRange(c.key, start, end))
}

function modelState(model: Model, revision: number): Map<string, Entry> {
  const state = new Map<string, Entry>()
  for (const change of model.changes) {
    if (change.revision > revision) break
    if (change.entry) state.set(change.key, change.entry)
    else state.delete(change.key)
  }
  return state
}
