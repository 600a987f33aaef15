import {
  always,
  body,
  type Kind,
  type KubeObject,
  listOf,
  req,
  type StructType,
  typeMeta,
} from '../schema/index.ts'
import { ListMeta } from './meta/object-meta.ts'
import type { List } from './rest.ts'

const lists = new WeakMap<object, StructType>()

/** The type of a kind's list: `listTypeOf(Pod)` is `core.v1.PodList`. Lists are all alike, so none is declared. */
export function listTypeOf<T extends KubeObject>(kind: Kind<T>): StructType<List<T>> {
  let type = lists.get(kind)
  if (!type) {
    const { group, listKind } = kind.resource
    const fields = {
      ...typeMeta,
      metadata: always(1, () => ListMeta),
      items: req(
        2,
        listOf(() => kind),
      ),
    }
    type = body<List<T>>(kind.name.replace(/[^.]+$/, listKind), fields, { group })
    lists.set(kind, type)
  }
  return type as StructType<List<T>>
}
