/** How much history a store keeps on its own. A reader or watcher that needs older gets `CompactedError`. */
export interface HistoryPolicy {
  /** Revisions younger than this can be read, unless there are too many of them. */
  readonly keepMs: number
  /** At most about this many revisions are kept, however young. */
  readonly keepRevisions: number
}

/** Five minutes, as the Kubernetes API server asks of etcd; the number bounds the disk under heavy writing. */
export const DEFAULT_HISTORY: HistoryPolicy = { keepMs: 5 * 60_000, keepRevisions: 200_000 }

/** The newest revision at a moment (monotonic milliseconds). */
export interface Mark {
  readonly atMs: number
  readonly revision: number
}

/** How often marks are taken: history is kept for between `keepMs` and `keepMs` plus this. */
export function markIntervalMs(policy: HistoryPolicy): number {
  return Math.max(10, Math.min(policy.keepMs / 5, 24 * 3600_000))
}

/** The revision to compact to, given marks in order of time: the newest that is old enough. */
export function compactionTarget(
  marks: readonly Mark[],
  now: number,
  revision: number,
  policy: HistoryPolicy,
): number {
  let target = 0
  for (const mark of marks) if (now - mark.atMs >= policy.keepMs) target = Math.max(target, mark.revision)
  return Math.max(target, revision - policy.keepRevisions)
}

/** The marks still needed: all that are young, and the newest of the old ones. */
export function neededMarks(marks: readonly Mark[], now: number, policy: HistoryPolicy): Mark[] {
  const firstYoung = marks.findIndex((m) => now - m.atMs < policy.keepMs)
  return firstYoung === -1 ? marks.slice(-1) : marks.slice(Math.max(0, firstYoung - 1))
}
