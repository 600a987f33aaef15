import { equalJson, isList, isObject, type Json, kindOf, own, PatchError, put } from './json.ts'

const MAX_OPERATIONS = 10_000
/** How many bytes `copy` may add in all, so that doubling a value 30 times is refused and not tried. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024
/** How many list elements and object members may be moved or copied on the way to a change. */
const MAX_MOVES = 50_000_000

/**
 * JSON patch (RFC 6902). All operations apply, or a `PatchError` says which one does not and why. The document is
 * not changed; parts no operation touches are shared with the result.
 *
 *     applyJsonPatch({ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }])  // { a: [1, 2] }
 */
export function applyJsonPatch(document: Json, operations: unknown): Json {
  if (!isList(operations)) {
    throw new PatchError(
      400,
      `cannot read JSON patch: expected a list of operations, got ${kindOf(operations)}`,
    )
  }
  if (operations.length > MAX_OPERATIONS) {
    throw new PatchError(
      413,
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`,
    )
  }
  const parsed = operations.map(parseOperation)
  const draft = new Draft(document)
  for (const operation of parsed) apply(draft, operation)
  return draft.root
}

interface Operation {
  readonly op: string
  readonly path: readonly string[]
  readonly pathText: string
  readonly from: readonly string[]
  readonly fromText: string
  readonly value: Json
}

const NEEDS_VALUE = new Set(['add', 'replace', 'test'])
const NEEDS_FROM = new Set(['move', 'copy'])

function parseOperation(raw: Json, index: number): Operation {
  const malformed = (why: string) => new PatchError(400, `cannot read JSON patch operation ${index}: ${why}`)
  if (!isObject(raw)) throw malformed(`expected an object, got ${kindOf(raw)}`)
  const op = own(raw, 'op')
  if (typeof op !== 'string') throw malformed('expected a string "op"')
  if (!NEEDS_VALUE.has(op) && !NEEDS_FROM.has(op) && op !== 'remove') {
    throw new PatchError(422, `Unexpected kind: ${op}`)
  }
  const pathText = own(raw, 'path')
  if (typeof pathText !== 'string') throw malformed('expected a string "path"')
  const fromText = own(raw, 'from')
  if (NEEDS_FROM.has(op) && typeof fromText !== 'string') throw malformed('expected a string "from"')
  const value = own(raw, 'value')
  if (NEEDS_VALUE.has(op) && value === undefined) throw malformed('expected a "value"')
  return {
    op,
    pathText,
    path: parsePointer(pathText, malformed),
    fromText: typeof fromText === 'string' ? fromText : '',
    from: NEEDS_FROM.has(op) ? parsePointer(fromText as string, malformed) : [],
    value: value ?? null,
  }
}

/** RFC 6901: '' is the whole document, '~1' stands for '/', '~0' for '~'. */
function parsePointer(text: string, malformed: (why: string) => PatchError): readonly string[] {
  if (text === '') return []
  if (!text.startsWith('/'))
    throw malformed(`expected a path that begins with "/", got ${JSON.stringify(text)}`)
  const parts = text.slice(1).split('/')
  return text.includes('~') ? parts.map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~')) : parts
}

function apply(draft: Draft, o: Operation): void {
  switch (o.op) {
    case 'add':
      draft.add(o.path, o.pathText, o.value, 'add')
      return
    case 'remove':
      draft.remove(o.path, o.pathText, 'remove')
      return
    case 'replace':
      draft.replace(o.path, o.pathText, o.value)
      return
    case 'test': {
      const found = draft.read(o.path)
      // An absent member passes a test for null, as in the library that Kubernetes uses.
      if (found === undefined ? o.value !== null : !equalJson(found, o.value)) {
        throw new PatchError(422, `testing value ${o.pathText} failed: test failed`)
      }
      return
    }
    case 'move': {
      if (o.pathText.startsWith(`${o.fromText}/`)) {
        throw new PatchError(
          422,
          `cannot move ${JSON.stringify(o.fromText)} into itself at ${JSON.stringify(o.pathText)}`,
        )
      }
      const moved = draft.remove(o.from, o.fromText, 'move')
      draft.add(o.path, o.pathText, moved, 'move')
      return
    }
    case 'copy': {
      const source = draft.read(o.from)
      if (source === undefined) throw missing('copy', o.fromText)
      draft.add(o.path, o.pathText, draft.clone(source), 'copy')
      return
    }
  }
}

function missing(op: string, path: string): PatchError {
  return new PatchError(422, `${op} operation does not apply: doc is missing path: "${path}": missing value`)
}

type Container = Record<string, Json> | Json[]

/** A document being changed: containers are copied before their first change and changed in place afterwards. */
class Draft {
  root: Json
  readonly #owned = new WeakSet<object>()
  #moves = 0
  #copied = 0

  constructor(root: Json) {
    this.root = root
  }

  read(path: readonly string[]): Json | undefined {
    let at: Json | undefined = this.root
    for (const key of path) {
      if (at === undefined || at === null || typeof at !== 'object') return undefined
      at = isList(at) ? at[listIndex(key, at.length - 1) ?? -1] : own(at as Record<string, Json>, key)
    }
    return at
  }

  add(path: readonly string[], text: string, value: Json, op: string): void {
    if (path.length === 0) {
      this.root = value
      return
    }
    const parent = this.#parent(path, text, op)
    const key = path[path.length - 1]!
    if (!Array.isArray(parent)) {
      put(parent, key, value)
      return
    }
    const index = key === '-' ? parent.length : listIndex(key, parent.length)
    if (index === undefined) throw invalidIndex(op, text, key)
    this.#spend(parent.length - index)
    parent.splice(index, 0, value)
  }

  remove(path: readonly string[], text: string, op: string): Json {
    if (path.length === 0) {
      const whole = this.root
      this.root = null
      return whole
    }
    const parent = this.#parent(path, text, op)
    const key = path[path.length - 1]!
    if (Array.isArray(parent)) {
      const index = listIndex(key, parent.length - 1)
      if (index === undefined) throw invalidIndex(op, text, key)
      this.#spend(parent.length - index)
      return parent.splice(index, 1)[0]!
    }
    const value = own(parent, key)
    if (value === undefined) {
      throw new PatchError(
        422,
        `error in ${op} for path: '${text}': Unable to remove nonexistent key: ${key}: missing value`,
      )
    }
    delete parent[key]
    return value
  }

  replace(path: readonly string[], text: string, value: Json): void {
    if (path.length === 0) {
      this.root = value
      return
    }
    const parent = this.#parent(path, text, 'replace')
    const key = path[path.length - 1]!
    if (Array.isArray(parent)) {
      const index = listIndex(key, parent.length - 1)
      if (index === undefined) throw invalidIndex('replace', text, key)
      parent[index] = value
    } else if (own(parent, key) === undefined) {
      throw new PatchError(
        422,
        `replace operation does not apply: doc is missing key: ${text}: missing value`,
      )
    } else put(parent, key, value)
  }

  /** A deep copy, so that the two places can change apart; its size counts against the limit. */
  clone(value: Json): Json {
    this.#copied += typeof value === 'string' ? value.length + 2 : 8
    if (this.#copied > MAX_COPIED_BYTES) {
      throw new PatchError(
        413,
        `Unable to complete the copy, the accumulated size increase of copy operations is ${this.#copied}, exceeding the limit ${MAX_COPIED_BYTES}`,
      )
    }
    if (isList(value)) return value.map((v) => this.clone(v))
    if (!isObject(value)) return value
    const copy: Record<string, Json> = {}
    for (const key of Object.keys(value)) {
      this.#copied += key.length + 3
      put(copy, key, this.clone(value[key]!))
    }
    return copy
  }

  /** The container that holds the last part of `path`, made changeable together with everything above it. */
  #parent(path: readonly string[], text: string, op: string): Container {
    let at = this.#changeable(this.root)
    if (at === undefined) throw missing(op, text)
    this.root = at
    for (let i = 0; i < path.length - 1; i++) {
      const key = path[i]!
      const list: boolean = Array.isArray(at)
      const index: string | number | undefined = list ? listIndex(key, (at as Json[]).length - 1) : key
      const child: Json | undefined =
        index === undefined
          ? undefined
          : list
            ? (at as Json[])[index as number]
            : own(at as Record<string, Json>, key)
      const next = this.#changeable(child)
      if (next === undefined) throw missing(op, text)
      if (next !== child) {
        if (list) (at as Json[])[index as number] = next
        else put(at as Record<string, Json>, key, next)
      }
      at = next
    }
    return at
  }

  #changeable(value: Json | undefined): Container | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    if (this.#owned.has(value)) return value as Container
    const copy: Container = isList(value) ? [...value] : { ...(value as Record<string, Json>) }
    this.#spend(isList(copy) ? copy.length : Object.keys(copy).length)
    this.#owned.add(copy)
    return copy
  }

  #spend(moves: number): void {
    this.#moves += moves
    if (this.#moves > MAX_MOVES) {
      throw new PatchError(
        413,
        'cannot apply JSON patch: it moves too many list elements; replace the list as a whole',
      )
    }
  }
}

/** Negative indices and leading zeros are not indices. */
function listIndex(key: string, last: number): number | undefined {
  if (key.length > 9 || !/^(0|[1-9]\d*)$/.test(key)) return undefined
  const index = Number(key)
  return index <= last ? index : undefined
}

function invalidIndex(op: string, path: string, key: string): PatchError {
  return new PatchError(
    422,
    `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
  )
}
