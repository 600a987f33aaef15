import { type Json, type JsonObject, own } from './json.ts'

const keyOf = (element: Json, mergeKey: string | undefined): Json | undefined =>
  mergeKey === undefined ? element : own(element as JsonObject, mergeKey)

/** First position of each identity in a list. */
function ranks(list: readonly Json[], mergeKey: string | undefined): Map<Json, number> {
  const result = new Map<Json, number>()
  list.forEach((element, i) => {
    const key = typeof element === 'object' && element !== null ? keyOf(element, mergeKey) : element
    if (key !== undefined && !result.has(key)) result.set(key, i)
  })
  return result
}

/**
 * The order of a merged list. What the patch names stands in the patch's order; what only the server has keeps the
 * order it had; the two are interleaved so that a server-only element stays before those it stood before, and new
 * elements come first where nothing says otherwise (as Kubernetes does it).
 */
export function arrange(
  merged: readonly Json[],
  wanted: readonly Json[],
  before: readonly Json[],
  mergeKey: string | undefined,
): readonly Json[] {
  const wantedRank = ranks(wanted, mergeKey)
  const beforeRank = ranks(before, mergeKey)
  const named: Json[] = []
  const others: Json[] = []
  for (const element of merged) (wantedRank.has(keyOf(element, mergeKey)!) ? named : others).push(element)
  const byRank = (rank: Map<Json, number>) => (a: Json, b: Json) =>
    (rank.get(keyOf(a, mergeKey)!) ?? 0) - (rank.get(keyOf(b, mergeKey)!) ?? 0)
  named.sort(byRank(wantedRank))
  const result: Json[] = []
  let i = 0
  let j = 0
  while (i < others.length && j < named.length) {
    const other = beforeRank.get(keyOf(others[i]!, mergeKey)!)
    const next = beforeRank.get(keyOf(named[j]!, mergeKey)!)
    if (other !== undefined && next !== undefined && other < next) result.push(others[i++]!)
    else result.push(named[j++]!)
  }
  while (i < others.length) result.push(others[i++]!)
  while (j < named.length) result.push(named[j++]!)
  return result
}

export function withoutDuplicates(list: readonly Json[]): readonly Json[] {
  return [...new Set(list)]
}
