import type { Kind, KubeObject } from '../schema/index.ts'
import type { ObjectReader } from './contracts.ts'
import { itemKey } from './registry/item.ts'
import type { Resources } from './registry/resources.ts'

/** The caches as the server's own parts read them. */
export function objectReader(resources: Resources): ObjectReader {
  const live = (kind: Kind) => {
    const { cache } = resources.of(kind)
    if (!cache.readable)
      throw new Error(`cannot read ${kind.resource.plural}: their cache is not loaded; wait for ready()`)
    return cache
  }
  return {
    async ready(...kinds) {
      await Promise.all(kinds.map((kind) => resources.of(kind).cache.ready()))
    },
    get<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string) {
      return live(kind as unknown as Kind).get(itemKey(namespace, name))?.object as T | undefined
    },
    list<T extends KubeObject>(kind: Kind<T>, namespace?: string) {
      return live(kind as unknown as Kind)
        .items(namespace)
        .map((item) => item.object as T)
    },
    subscribe<T extends KubeObject>(
      kind: Kind<T>,
      fn: (change: { object: T | undefined; previous: T | undefined }) => void,
    ) {
      const { cache } = resources.of(kind as unknown as Kind)
      return cache.listen((item, previous) =>
        fn({ object: item?.object as T | undefined, previous: previous?.object as T | undefined }),
      )
    },
  }
}
