import type { Key } from '../api/index.ts'
import type { KubeObject } from '../schema/index.ts'
import { keyText } from './keys.ts'

/** The values under which an object is found in an index; an object may have none or several. */
export type IndexFunction<T> = (object: T) => readonly string[]

/** What a reader of an informer's cache sees. Objects are shared: nobody changes them. */
export interface Lister<T extends KubeObject> {
  get(key: Key): T | undefined
  /** All objects, or those of one namespace. */
  list(namespace?: string): Iterable<T>
  /** Those that index `name` files under `value`. Throws when there is no such index. */
  byIndex(name: string, value: string): Iterable<T>
  readonly size: number
}

interface Index<T> {
  readonly fn: IndexFunction<T>
  readonly buckets: Map<string, Map<string, T>>
}

const BY_NAMESPACE = 'namespace'

/** Objects by key, with indexes that are kept as objects come and go. One writer: the informer. */
export class Cache<T extends KubeObject> implements Lister<T> {
  #objects = new Map<string, T>()
  readonly #indexes = new Map<string, Index<T>>()

  constructor() {
    this.addIndex(BY_NAMESPACE, (o) => (o.metadata.namespace === undefined ? [] : [o.metadata.namespace]))
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: Key): T | undefined {
    return this.#objects.get(keyText(key))
  }

  list(namespace?: string): Iterable<T> {
    return namespace === undefined ? this.#objects.values() : this.byIndex(BY_NAMESPACE, namespace)
  }

  byIndex(name: string, value: string): Iterable<T> {
    const index = this.#indexes.get(name)
    if (!index)
      throw new Error(`cannot read index "${name}": expected one of ${[...this.#indexes.keys()].join(', ')}`)
    return index.buckets.get(value)?.values() ?? []
  }

  /** Adding the same function under the same name again changes nothing. */
  addIndex(name: string, fn: IndexFunction<T>): void {
    const existing = this.#indexes.get(name)
    if (existing) {
      if (existing.fn !== fn) throw new Error(`cannot add index "${name}": it exists with another function`)
      return
    }
    const index: Index<T> = { fn, buckets: new Map() }
    this.#indexes.set(name, index)
    for (const [key, object] of this.#objects) file(index, key, object)
  }

  /** Returns what was there before. */
  put(object: T): T | undefined {
    const key = keyText(object.metadata)
    const before = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const index of this.#indexes.values()) {
      if (before) unfile(index, key, before)
      file(index, key, object)
    }
    return before
  }

  remove(key: Key): T | undefined {
    const text = keyText(key)
    const before = this.#objects.get(text)
    if (!before) return undefined
    this.#objects.delete(text)
    for (const index of this.#indexes.values()) unfile(index, text, before)
    return before
  }

  /** Puts `objects` in place of everything, at once, and returns what was there. */
  swap(objects: Map<string, T>): Map<string, T> {
    const before = this.#objects
    this.#objects = objects
    for (const index of this.#indexes.values()) {
      index.buckets.clear()
      for (const [key, object] of objects) file(index, key, object)
    }
    return before
  }
}

function file<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.fn(object)) {
    const bucket = index.buckets.get(value)
    if (bucket) bucket.set(key, object)
    else index.buckets.set(value, new Map([[key, object]]))
  }
}

function unfile<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.fn(object)) {
    const bucket = index.buckets.get(value)
    if (bucket?.delete(key) && bucket.size === 0) index.buckets.delete(value)
  }
}
