import { equalJson, isObject, type Json, type JsonObject, own, put } from './json.ts'

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

/** The merge patch that turns `original` into `modified`; undefined when they are the same. Lists are replaced whole. */
export function createMergePatch(original: JsonObject, modified: JsonObject): JsonObject | undefined {
  return threeWayMergePatch(original, modified, original)
}

/**
 * The merge patch for a client that last sent `original`, now wants `modified` and finds `current` on the server:
 * sets what differs from `current`, removes what the client once set and no longer does, leaves the rest alone.
 */
export function threeWayMergePatch(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
): JsonObject | undefined {
  const patch: Record<string, Json> = {}
  for (const key of Object.keys(modified)) {
    const wanted = modified[key]!
    const found = own(current, key)
    if (isObject(wanted) && isObject(found)) {
      const before = own(original, key)
      const inner = threeWayMergePatch(isObject(before) ? before : {}, wanted, found)
      if (inner) put(patch, key, inner)
    } else if (!equalJson(wanted, found)) put(patch, key, wanted)
  }
  for (const key of Object.keys(original)) {
    if (own(modified, key) === undefined && own(current, key) !== undefined) put(patch, key, null)
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}
