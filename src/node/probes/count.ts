/** How often in a row a probe has said the same, and what that adds up to. Pure. */
export interface ProbeCount {
  readonly verdict: 'success' | 'failure' | 'unknown'
  readonly last: 'success' | 'failure' | undefined
  readonly run: number
}

export const begin = (verdict: ProbeCount['verdict']): ProbeCount => ({ verdict, last: undefined, run: 0 })

/** The verdict changes once `successes` or `failures` in a row have been seen; a probe that could not be made is no news. */
export function count(
  before: ProbeCount,
  result: 'success' | 'failure' | 'warning' | 'unknown',
  thresholds: { readonly successes: number; readonly failures: number },
): ProbeCount {
  if (result === 'unknown') return before
  const last = result === 'failure' ? 'failure' : 'success'
  const run = before.last === last ? before.run + 1 : 1
  const needed = last === 'failure' ? thresholds.failures : thresholds.successes
  return { verdict: run >= needed ? last : before.verdict, last, run }
}
