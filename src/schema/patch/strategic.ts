import { isList, isObject, type Json, type JsonObject, kindOf, own, PatchError, put } from './json.ts'
import {
  DELETE_FROM_LIST,
  DIRECTIVE,
  ELEMENT_ORDER,
  FREE,
  type MergeNode,
  RETAIN_KEYS,
} from './merge-node.ts'
import { arrange, withoutDuplicates } from './order.ts'

/**
 * Strategic merge patch: a merge patch in which lists merge as their declaration says and directives
 * (`$patch`, `$retainKeys`, `$setElementOrder/LIST`, `$deleteFromPrimitiveList/LIST`) steer the rest.
 * Source: Kubernetes' apimachinery strategicpatch and its design documents. Neither argument is changed.
 *
 *     // containers merge by name:
 *     applyStrategicPatch(node, pod, { spec: { containers: [{ name: 'web', image: 'web:2' }] } })
 */
export function applyStrategicPatch(node: MergeNode, original: JsonObject, patch: JsonObject): JsonObject {
  return mergeObject(node, original, patch)
}

function mergeObject(node: MergeNode, original: JsonObject, patch: JsonObject): JsonObject {
  const directive = own(patch, DIRECTIVE)
  if (directive !== undefined) return replaceByDirective(directive, patch)
  const result: Record<string, Json> = retained(original, patch)
  const ordered = new Set<string>()
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(ELEMENT_ORDER)) continue
    const name = key.slice(ELEMENT_ORDER.length)
    ordered.add(name)
    mergeOrdered(childOf(node, name), result, name, own(patch, name), patch[key]!)
  }
  for (const key of Object.keys(patch)) {
    if (key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER) || ordered.has(key)) continue
    if (key.startsWith(DELETE_FROM_LIST))
      deleteScalars(result, key.slice(DELETE_FROM_LIST.length), patch[key]!)
    else mergeMember(node, result, key, patch[key]!)
  }
  return result
}

function replaceByDirective(directive: Json, patch: JsonObject): JsonObject {
  if (directive === 'delete') return {}
  if (directive !== 'replace') {
    throw new PatchError(
      422,
      `unknown patch type: ${String(directive)} in map: ${JSON.stringify(patch).slice(0, 200)}`,
    )
  }
  const { [DIRECTIVE]: _, ...rest } = patch
  return rest
}

/** A copy of `original` with only the members that `$retainKeys` lists, when the patch has it. */
function retained(original: JsonObject, patch: JsonObject): Record<string, Json> {
  const list = own(patch, RETAIN_KEYS)
  if (list === undefined) return { ...original }
  if (!isList(list)) throw new PatchError(400, 'invalid patch format of retainKeys')
  const keep = new Set<Json>(list)
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key === RETAIN_KEYS) continue
    if (key.startsWith(DELETE_FROM_LIST) || key.startsWith(ELEMENT_ORDER)) continue
    if (!keep.has(key)) throw new PatchError(400, 'invalid patch format of retainKeys')
  }
  const result: Record<string, Json> = {}
  for (const key of Object.keys(original)) if (keep.has(key)) put(result, key, original[key]!)
  return result
}

function mergeMember(node: MergeNode, result: Record<string, Json>, key: string, change: Json): void {
  if (change === null) {
    delete result[key]
    return
  }
  const before = own(result, key)
  if (isObject(change) && isObject(before)) {
    const child = childOf(node, key)
    put(result, key, child.strategy === 'replace' ? change : mergeObject(child, before, change))
  } else if (isList(change) && isList(before)) {
    const child = childOf(node, key)
    put(result, key, child.strategy === 'merge' ? mergeList(child, before, change) : change)
  } else put(result, key, withoutDirectives(change))
}

function childOf(node: MergeNode, key: string): MergeNode {
  const child = node.child(key)
  if (!child) throw new PatchError(422, `unable to find api field for the json field ${JSON.stringify(key)}`)
  return child
}

function deleteScalars(result: Record<string, Json>, key: string, list: Json): void {
  if (list === null) return
  if (!isList(list)) throw new PatchError(400, 'invalid patch format of primitive list')
  const before = own(result, key)
  if (!isList(before)) return
  const gone = new Set<Json>(list)
  put(
    result,
    key,
    before.filter((v) => !gone.has(v)),
  )
}

/** A list that comes with its wished order: merged, then arranged by that order. */
function mergeOrdered(
  node: MergeNode,
  result: Record<string, Json>,
  key: string,
  change: Json | undefined,
  order: Json,
): void {
  const bad = () => new PatchError(400, 'invalid patch format of setElementOrder list')
  if (!isList(order)) throw bad()
  const before = own(result, key)
  if (
    (before !== undefined && !isList(before)) ||
    (change !== undefined && change !== null && !isList(change))
  )
    throw bad()
  if (change === null) {
    delete result[key]
    return
  }
  const { mergeKey } = node
  if (change) checkOrder(change, order, mergeKey)
  if (!before && !change) return
  const merged = before && change ? mergeList(node, before, change) : (before ?? withoutDirectives(change!))
  put(result, key, arrange(merged as readonly Json[], order, before ?? [], mergeKey))
}

/** The patch's own elements must come in the order it asks for, and all of them must be in it. */
function checkOrder(change: readonly Json[], order: readonly Json[], mergeKey: string | undefined): void {
  if (order.length === 0 || change.length === 0) return
  let at = 0
  for (const element of change) {
    if (mergeKey !== undefined && (!isObject(element) || own(element, DIRECTIVE) !== undefined)) continue
    const wanted = identity(element, mergeKey)
    while (at < order.length && identity(order[at]!, mergeKey) !== wanted) at++
    if (at === order.length) {
      throw new PatchError(
        422,
        `The order in patch list:\n${JSON.stringify(change)}\n doesn't match ${ELEMENT_ORDER.slice(0, -1)} list:\n${JSON.stringify(order)}\n`,
      )
    }
    at++
  }
}

function identity(element: Json, mergeKey: string | undefined): Json {
  if (mergeKey === undefined) return element
  const value = isObject(element) ? own(element, mergeKey) : undefined
  if (value === undefined) throw noMergeKey(element, mergeKey)
  return value
}

function noMergeKey(element: Json, mergeKey: string): PatchError {
  return new PatchError(
    422,
    `map: ${JSON.stringify(element).slice(0, 500)} does not contain declared merge key: ${mergeKey}`,
  )
}

function mergeList(node: MergeNode, original: readonly Json[], patch: readonly Json[]): readonly Json[] {
  if (patch.length === 0) return original
  const objects = elementsAreObjects(original, patch)
  if (!objects) return arrange(withoutDuplicates([...original, ...patch]), patch, original, undefined)
  const { mergeKey } = node
  if (mergeKey === undefined) throw new PatchError(422, 'cannot merge lists without merge key')
  const { kept, changes } = applyElementDirectives(original, patch, mergeKey)
  const positions = new Map<Json, number>()
  kept.forEach((element, i) => {
    const key = own(element as JsonObject, mergeKey)
    if (key !== undefined && !positions.has(key)) positions.set(key, i)
  })
  const merged = [...kept]
  for (const change of changes) {
    const key = identity(change, mergeKey)
    const at = positions.get(key)
    if (at === undefined) {
      positions.set(key, merged.length)
      merged.push(withoutDirectives(change))
    } else merged[at] = mergeObject(node.element ?? FREE, merged[at] as JsonObject, change as JsonObject)
  }
  return arrange(merged, changes, kept, mergeKey)
}

/** `$patch: delete` drops the elements of that key; a `$patch: replace` element makes the patch the whole list. */
function applyElementDirectives(original: readonly Json[], patch: readonly Json[], mergeKey: string) {
  const gone = new Set<Json>()
  const changes: Json[] = []
  let replace = false
  for (const element of patch as readonly JsonObject[]) {
    const directive = own(element, DIRECTIVE)
    if (directive === undefined) changes.push(element)
    else if (directive === 'delete') gone.add(identity(element, mergeKey))
    else if (directive === 'replace') replace = true
    else if (directive === 'merge')
      throw new PatchError(422, 'merging lists cannot yet be specified in the patch')
    else
      throw new PatchError(
        422,
        `unknown patch type: ${String(directive)} in map: ${JSON.stringify(element).slice(0, 200)}`,
      )
  }
  if (replace) return { kept: changes, changes: [] }
  const kept = gone.size === 0 ? original : original.filter((e) => !gone.has(own(e as JsonObject, mergeKey)!))
  return { kept, changes }
}

function elementsAreObjects(...lists: readonly (readonly Json[])[]): boolean {
  let kind: string | undefined
  for (const list of lists) {
    for (const element of list) {
      const found = kindOf(element)
      if (found === 'a list') throw new PatchError(422, 'lists of lists are not supported')
      if (kind !== undefined && kind !== found) {
        throw new PatchError(422, `list element types are not identical: ${kind} and ${found}`)
      }
      kind = found
    }
  }
  return kind === 'an object'
}

/** What a patch means where there was nothing before: nulls and directives say nothing there. */
function withoutDirectives(value: Json): Json {
  if (isList(value)) {
    return value.filter((v) => !isObject(v) || own(v, DIRECTIVE) === undefined).map(withoutDirectives)
  }
  if (!isObject(value)) return value
  const result: Record<string, Json> = {}
  for (const key of Object.keys(value)) {
    if (value[key] === null || isDirective(key)) continue
    put(result, key, withoutDirectives(value[key]!))
  }
  return result
}

function isDirective(key: string): boolean {
  return (
    key.charCodeAt(0) === 36 &&
    (key === DIRECTIVE ||
      key === RETAIN_KEYS ||
      key.startsWith(DELETE_FROM_LIST) ||
      key.startsWith(ELEMENT_ORDER))
  )
}
