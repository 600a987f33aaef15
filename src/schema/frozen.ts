/** Freezes an object all the way down, arrays included: for tests, where a write to a shared object must fail. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}

/**
 * A copy of `object` in which the value at `path` is `value` (undefined removes it). Only what lies on the path is
 * copied; the same object comes back when it has that value already. Missing objects on the way are made.
 */
export function withField<T extends object>(
  object: T,
  path: readonly (string | number)[],
  value: unknown,
): T {
  return put(object, path, 0, value) as T
}

function put(node: unknown, path: readonly (string | number)[], at: number, value: unknown): unknown {
  const key = path[at]
  if (key === undefined) return value
  if (typeof key === 'number') {
    const list = (node ?? []) as readonly unknown[]
    const after = put(list[key], path, at + 1, value)
    return after === list[key] ? node : list.with(key, after)
  }
  const parent = (node ?? {}) as Readonly<Record<string, unknown>>
  const before = Object.hasOwn(parent, key) ? parent[key] : undefined
  const after = put(before, path, at + 1, value)
  if (after === before) return node
  const { [key]: _, ...rest } = parent
  if (after === undefined) return rest
  return Object.hasOwn(parent, key) ? { ...parent, [key]: after } : { ...rest, [key]: after }
}
