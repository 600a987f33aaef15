import { ApiError } from '../../api/index.ts'
import { equalJson, type KubeObject } from '../../schema/index.ts'
import {
  type Store,
  StoreClosedError,
  StoreLimitError,
  StoreUnavailableError,
  type Write,
} from '../../store/index.ts'
import type { Feed } from './feed.ts'
import { type Item, itemKey, itemOf, storedBytes, withRevisionBytes } from './item.ts'
import type { ServedResource } from './resources.ts'

export interface Written {
  readonly item: Item
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'removed'
}

/** Objects into the store by compare-and-swap, each write acknowledged once it is durable and every cache shows it. */
export class Writer {
  readonly #o: { readonly store: Store; readonly feed: Feed }

  constructor(options: { readonly store: Store; readonly feed: Feed }) {
    this.#o = options
  }

  /** undefined: the name is taken. */
  async insert(resource: ServedResource, object: KubeObject, dryRun: boolean): Promise<Item | undefined> {
    const { namespace, name } = object.metadata
    const key = itemKey(namespace, name)
    const stored = resource.conversion ? resource.conversion.toStorage(object) : object
    const bytes = storedBytes(stored)
    if (dryRun) return resource.cache.get(key) ? undefined : itemOf(key, stored, bytes, 0)
    const revision = await this.#commit(resource, key, stored, bytes, 0)
    if (revision === undefined) return undefined
    return this.#seen(resource, key, stored, bytes, revision)
  }

  /** undefined: somebody was faster. */
  async replace(
    resource: ServedResource,
    current: Item,
    object: KubeObject,
    dryRun: boolean,
  ): Promise<Written | undefined> {
    const stored = resource.conversion ? resource.conversion.toStorage(object) : object
    const bytes = storedBytes(stored)
    if (saysTheSame(withRevisionBytes(bytes, current.revision), current.json))
      return { item: current, outcome: 'unchanged' }
    if (dryRun) return { item: itemOf(current.key, stored, bytes, current.revision), outcome: 'changed' }
    const revision = await this.#commit(resource, current.key, stored, bytes, current.revision)
    if (revision === undefined) return undefined
    return { item: this.#seen(resource, current.key, stored, bytes, revision), outcome: 'changed' }
  }

  /** The answer shows `last` where a write was the end of the object, else the object as it was. */
  async remove(
    resource: ServedResource,
    current: Item,
    dryRun: boolean,
    last?: KubeObject,
  ): Promise<Written | undefined> {
    if (
      !dryRun &&
      (await this.#commit(resource, current.key, undefined, null, current.revision)) === undefined
    )
      return undefined
    if (!last) return { item: current, outcome: 'removed' }
    const stored = resource.conversion ? resource.conversion.toStorage(last) : last
    return { item: itemOf(current.key, stored, storedBytes(stored), current.revision), outcome: 'removed' }
  }

  /** The revision of the write once every cache shows it; undefined when the key was not at `expect`. */
  async #commit(
    resource: ServedResource,
    key: string,
    object: KubeObject | undefined,
    value: Buffer | null,
    expect: number,
  ): Promise<number | undefined> {
    const { store, feed } = this.#o
    const write: Write = {
      key: resource.prefix + key,
      value,
      expect,
      ...(resource.ttlMs && value ? { ttlMs: resource.ttlMs } : {}),
    }
    if (object && value) resource.cache.expectWrite(key, value, object)
    try {
      const result = await store.commit([write])
      const waiting = feed.reached(result.revision)
      if (waiting) await waiting
      return result.ok ? result.revision : undefined
    } catch (error) {
      throw storeError(error)
    } finally {
      if (value) resource.cache.forgetWrite(key, value)
    }
  }

  #seen(resource: ServedResource, key: string, object: KubeObject, bytes: Buffer, revision: number): Item {
    const item = resource.cache.get(key)
    return item?.revision === revision ? item : itemOf(key, object, bytes, revision)
  }
}

/** What a client is told of the store's refusals. */
function storeError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError || error instanceof StoreClosedError) {
    return new ApiError(
      'ServiceUnavailable',
      `the store does not take writes: ${error.message}`,
      { retryAfterSeconds: 1 },
      { cause: error },
    )
  }
  if (error instanceof StoreLimitError) return new ApiError('RequestEntityTooLarge', error.message)
  return error
}

/** Waits for a cache to load; what the store refuses becomes an ApiError. */
export async function unavailableAsApiError(loading: Promise<void>): Promise<void> {
  try {
    await loading
  } catch (error) {
    throw storeError(error)
  }
}

/** Whether two objects' bytes differ in nothing, or in the order of properties only. */
function saysTheSame(a: Buffer, b: Uint8Array): boolean {
  if (a.equals(b)) return true
  return a.length === b.length && equalJson(JSON.parse(a.toString()), JSON.parse(Buffer.from(b).toString()))
}
