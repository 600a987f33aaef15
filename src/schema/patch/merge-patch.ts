import { isObject, type Json, own, put } from './json.ts'

/**
 * JSON merge patch (RFC 7386): objects are merged, null removes, everything else replaces. Neither argument is
 * changed; parts that stay the same are shared, and the target itself is returned when nothing changes.
 *
 *     applyMergePatch({ a: 1, b: { c: 2 } }, { b: { c: null, d: 3 } })  // { a: 1, b: { d: 3 } }
 */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return target === patch ? target : patch
  const base = isObject(target) ? target : undefined
  let result: Record<string, Json> | undefined = base ? undefined : {}
  for (const key of Object.keys(patch)) {
    const change = patch[key]!
    const before = base ? own(base, key) : undefined
    if (change === null) {
      if (before === undefined) continue
      result ??= { ...base }
      delete result[key]
      continue
    }
    const after = applyMergePatch(before, change)
    if (after === before) continue
    result ??= { ...base }
    put(result, key, after)
  }
  return result ?? base!
}
