import { always, body, listOf, rawObject, req, type Shape, typeMeta } from '../../schema/index.ts'
import { ListMeta } from './object-meta.ts'

const listFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  items: req(2, listOf(rawObject)),
} as const

export interface List extends Shape<typeof listFields> {}
export const List = body<List>('meta.v1.List', listFields, { group: '' })
