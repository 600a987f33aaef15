/** Path copies that keep the original wherever nothing changes, so that `===` means "the same". */

/** A copy that is still being made. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** `object` with the members of `values` that it lacks (absent, null or ''). */
export function fill<T extends object>(object: T, values: { readonly [K in keyof T]?: T[K] }): T {
  let copy: T | undefined
  for (const key in values) {
    const found = object[key]
    if (found !== undefined && found !== null && found !== '') continue
    copy ??= { ...object }
    copy[key] = values[key] as T[typeof key]
  }
  return copy ?? object
}

/** `object` with these members set; undefined removes a member. */
export function assign<T extends object>(
  object: T,
  values: { readonly [K in keyof T]?: T[K] | undefined },
): T {
  let copy: T | undefined
  for (const key in values) {
    if (object[key] === values[key]) continue
    copy ??= { ...object }
    if (values[key] === undefined) delete copy[key]
    else copy[key] = values[key] as T[typeof key]
  }
  return copy ?? object
}

/** `object` with `change` made to one member, when it is there. */
export function within<T extends object, K extends keyof T>(
  object: T,
  key: K,
  change: (value: Exclude<T[K], undefined | null>) => T[K],
): T {
  const before = object[key]
  if (before === undefined || before === null) return object
  const after = change(before as Exclude<T[K], undefined | null>)
  return after === before ? object : { ...object, [key]: after }
}

/** `list` with `change` made to each element. */
export function each<T>(list: readonly T[], change: (element: T) => T): readonly T[] {
  let copy: T[] | undefined
  for (let i = 0; i < list.length; i++) {
    const after = change(list[i]!)
    if (after === list[i]) continue
    copy ??= [...list]
    copy[i] = after
  }
  return copy ?? list
}

type Texts = Readonly<Record<string, string>>

/** The value an author's map has under a key of the author's; never something inherited, such as `constructor`. */
export function entry(map: Texts | undefined, key: string): string | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined
}

/** A copy of `map` with more entries, which may be called anything, `__proto__` included. */
export function withEntries(
  map: Texts | undefined,
  more: Iterable<readonly [key: string, value: string]>,
): Texts {
  return Object.fromEntries([...Object.entries(map ?? {}), ...more])
}
