import {
  always,
  anyOf,
  body,
  int32,
  json,
  listOf,
  opt,
  rawObject,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus } from './common.ts'
import { ListMeta, ObjectMeta } from './object-meta.ts'

export const RowConditionType = anyOf('Completed')

const tableFields = {
  ...typeMeta,
  metadata: always(0, () => ListMeta),
  columnDefinitions: req(
    0,
    listOf(() => TableColumnDefinition),
  ),
  rows: req(
    0,
    listOf(() => TableRow),
  ),
} as const

export interface Table extends Shape<typeof tableFields> {}
export const Table = body<Table>('meta.v1.Table', tableFields, { group: 'meta.k8s.io', protobuf: false })

const tableColumnDefinitionFields = {
  name: req(0, str),
  type: req(0, str),
  format: req(0, str),
  description: req(0, str),
  priority: req(0, int32),
} as const

export interface TableColumnDefinition extends Shape<typeof tableColumnDefinitionFields> {}
export const TableColumnDefinition = struct<TableColumnDefinition>(
  'meta.v1.TableColumnDefinition',
  tableColumnDefinitionFields,
  { protobuf: false },
)

const tableRowFields = {
  cells: req(0, listOf(json)),
  conditions: opt(
    0,
    listOf(() => TableRowCondition),
  ),
  object: opt(0, rawObject),
} as const

export interface TableRow extends Shape<typeof tableRowFields> {}
export const TableRow = struct<TableRow>('meta.v1.TableRow', tableRowFields, { protobuf: false })

const tableRowConditionFields = {
  type: req(0, RowConditionType),
  status: req(0, ConditionStatus),
  reason: opt(0, str),
  message: opt(0, str),
} as const

export interface TableRowCondition extends Shape<typeof tableRowConditionFields> {}
export const TableRowCondition = struct<TableRowCondition>(
  'meta.v1.TableRowCondition',
  tableRowConditionFields,
  { protobuf: false },
)

const partialObjectMetadataFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
} as const

export interface PartialObjectMetadata extends Shape<typeof partialObjectMetadataFields> {}
export const PartialObjectMetadata = body<PartialObjectMetadata>(
  'meta.v1.PartialObjectMetadata',
  partialObjectMetadataFields,
  { group: 'meta.k8s.io' },
)

const partialObjectMetadataListFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  items: req(
    2,
    listOf(() => PartialObjectMetadata),
  ),
} as const

export interface PartialObjectMetadataList extends Shape<typeof partialObjectMetadataListFields> {}
export const PartialObjectMetadataList = body<PartialObjectMetadataList>(
  'meta.v1.PartialObjectMetadataList',
  partialObjectMetadataListFields,
  { group: 'meta.k8s.io' },
)
