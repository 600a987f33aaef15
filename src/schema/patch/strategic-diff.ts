import { equalJson, isList, isObject, type Json, type JsonObject, own, put } from './json.ts'
import {
  DELETE_FROM_LIST,
  DIRECTIVE,
  ELEMENT_ORDER,
  FREE,
  type MergeNode,
  RETAIN_KEYS,
} from './merge-node.ts'

/**
 * The strategic merge patch for a client that last sent `original`, now wants `modified` and finds `current` on the
 * server: it sets what differs from `current`, removes what the client once set and no longer does, and leaves the
 * rest alone. undefined when there is nothing to do. For the patch between two states, pass the first twice.
 */
export function strategicPatchFor(
  node: MergeNode,
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
): JsonObject | undefined {
  const patch: Record<string, Json> = {}
  for (const key of Object.keys(modified)) {
    const wanted = modified[key]!
    const found = own(current, key)
    if (wanted === null) {
      if (found !== undefined) put(patch, key, null)
    } else if (found === undefined) put(patch, key, wanted)
    else memberPatch(patch, key, node.child(key) ?? FREE, own(original, key), wanted, found)
  }
  for (const key of Object.keys(original)) {
    if (own(modified, key) === undefined && own(current, key) !== undefined) put(patch, key, null)
  }
  const changed = Object.keys(patch).length > 0
  if (changed && node.retainKeys) {
    put(
      patch,
      RETAIN_KEYS,
      Object.keys(modified).filter((k) => modified[k] !== null),
    )
  }
  return changed ? patch : undefined
}

function memberPatch(
  patch: Record<string, Json>,
  key: string,
  node: MergeNode,
  before: Json | undefined,
  wanted: Json,
  found: Json,
): void {
  if (isObject(wanted) && isObject(found) && node.strategy !== 'replace') {
    const inner = strategicPatchFor(node, isObject(before) ? before : {}, wanted, found)
    if (inner) put(patch, key, inner)
  } else if (isList(wanted) && isList(found) && node.strategy === 'merge') {
    const old = isList(before) ? before : []
    if (![wanted, found, old].some((list) => list.some(isObject)))
      scalarListPatch(patch, key, old, wanted, found)
    else if (node.mergeKey !== undefined) objectListPatch(patch, key, node, node.mergeKey, old, wanted, found)
  } else if (!equalJson(wanted, found)) put(patch, key, wanted)
}

function scalarListPatch(
  patch: Record<string, Json>,
  key: string,
  before: readonly Json[],
  wanted: readonly Json[],
  found: readonly Json[],
): void {
  const want = new Set(wanted)
  const have = new Set(found)
  const added = [...want].filter((v) => !have.has(v))
  const gone = [...new Set(before)].filter((v) => !want.has(v) && have.has(v))
  if (added.length > 0) put(patch, key, added)
  if (gone.length > 0) put(patch, DELETE_FROM_LIST + key, gone)
  const ordered = isOrdered(found, [...want])
  if (added.length > 0 || gone.length > 0 || !ordered) put(patch, ELEMENT_ORDER + key, [...want])
}

function objectListPatch(
  patch: Record<string, Json>,
  key: string,
  node: MergeNode,
  mergeKey: string,
  before: readonly Json[],
  wanted: readonly Json[],
  found: readonly Json[],
): void {
  const old = byKey(before, mergeKey)
  const have = byKey(found, mergeKey)
  const want = byKey(wanted, mergeKey)
  const changes: Json[] = []
  for (const [id, element] of want) {
    const current = have.get(id)
    if (!current) {
      changes.push(element)
      continue
    }
    const inner = strategicPatchFor(node.element ?? FREE, old.get(id) ?? {}, element, current)
    if (inner) changes.push({ ...inner, [mergeKey]: id })
  }
  for (const id of old.keys()) {
    if (!want.has(id) && have.has(id)) changes.push({ [DIRECTIVE]: 'delete', [mergeKey]: id })
  }
  if (changes.length > 0) put(patch, key, changes)
  if (changes.length > 0 || !isOrdered([...have.keys()], [...want.keys()])) {
    put(
      patch,
      ELEMENT_ORDER + key,
      [...want.keys()].map((id) => ({ [mergeKey]: id })),
    )
  }
}

function byKey(list: readonly Json[], mergeKey: string): Map<Json, JsonObject> {
  const result = new Map<Json, JsonObject>()
  for (const element of list) {
    const id = isObject(element) ? own(element, mergeKey) : undefined
    if (id !== undefined && !result.has(id)) result.set(id, element as JsonObject)
  }
  return result
}

/** Whether the wanted elements stand in the found list in the wanted order (others may stand between). */
function isOrdered(found: readonly Json[], wanted: readonly Json[]): boolean {
  const want = new Set(wanted)
  const common = found.filter((v) => want.has(v))
  const have = new Set(common)
  const expected = wanted.filter((v) => have.has(v))
  return common.length === expected.length && common.every((v, i) => v === expected[i])
}
