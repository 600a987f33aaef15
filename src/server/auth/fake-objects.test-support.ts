import { apiVersionOf, type Kind, type KubeObject } from '../../schema/index.ts'
import type { ObjectChange, ObjectReader } from '../contracts.ts'

/** Objects in memory, in place of the server's caches: what a test puts there, subscribers hear of at once. */
export class FakeObjects implements ObjectReader {
  readonly #objects = new Map<string, KubeObject>()
  readonly #subscribers = new Map<string, Set<(change: ObjectChange<never>) => void>>()
  #uids = 0

  async ready(): Promise<void> {}

  get<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(keyOf(kind, namespace, name)) as T | undefined
  }

  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): readonly T[] {
    const prefix = `${kindKey(kind)}|${namespace === undefined ? '' : `${namespace}|`}`
    return [...this.#objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object as T)
  }

  subscribe<T extends KubeObject>(kind: Kind<T>, fn: (change: ObjectChange<T>) => void): () => void {
    const key = kindKey(kind)
    const set = this.#subscribers.get(key) ?? new Set()
    this.#subscribers.set(key, set)
    set.add(fn as (change: ObjectChange<never>) => void)
    return () => set.delete(fn as (change: ObjectChange<never>) => void)
  }

  /** Adds or replaces an object; what the server would fill in is filled in. */
  put<T extends KubeObject>(
    kind: Kind<T>,
    body: { readonly metadata?: object; readonly [field: string]: unknown },
  ): T {
    const metadata = {
      uid: `uid-${++this.#uids}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...body.metadata,
    } as KubeObject['metadata']
    const object = {
      apiVersion: apiVersionOf(kind.resource),
      kind: kind.resource.kind,
      ...body,
      metadata,
    } as unknown as T
    const key = keyOf(kind, metadata.namespace, metadata.name)
    const previous = this.#objects.get(key) as T | undefined
    this.#objects.set(key, object)
    this.#announce(kind, { object, previous })
    return object
  }

  delete(kind: Kind, namespace: string | undefined, name: string): void {
    const key = keyOf(kind, namespace, name)
    const previous = this.#objects.get(key)
    this.#objects.delete(key)
    if (previous) this.#announce(kind, { object: undefined, previous })
  }

  #announce(kind: Kind, change: ObjectChange<KubeObject>): void {
    for (const fn of this.#subscribers.get(kindKey(kind)) ?? []) fn(change as ObjectChange<never>)
  }
}

const kindKey = (kind: Kind) => `${kind.resource.group}/${kind.resource.plural}`
const keyOf = (kind: Kind, namespace: string | undefined, name: string) =>
  `${kindKey(kind)}|${kind.resource.namespaced ? `${namespace ?? ''}|` : ''}${name}`
