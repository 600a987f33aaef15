import {
  always,
  anyOf,
  body,
  int32,
  listOf,
  opt,
  rawObject,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { StatusReason } from './common.ts'
import { ListMeta } from './object-meta.ts'

export const CauseType = anyOf(
  'FieldValueNotFound',
  'FieldValueRequired',
  'FieldValueDuplicate',
  'FieldValueInvalid',
  'FieldValueNotSupported',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'InternalError',
  'FieldValueTypeInvalid',
  'UnexpectedServerResponse',
  'FieldManagerConflict',
  'ResourceVersionTooLarge',
)

const statusFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  status: opt(2, str),
  message: opt(3, str),
  reason: opt(4, StatusReason),
  details: opt(5, () => StatusDetails),
  code: opt(6, int32),
} as const

export interface Status extends Shape<typeof statusFields> {}
export const Status = body<Status>('meta.v1.Status', statusFields, {
  doc: 'The outcome of a request.',
  group: '',
})

const statusDetailsFields = {
  name: opt(1, str),
  group: opt(2, str),
  kind: opt(3, str),
  uid: opt(6, str),
  causes: opt(
    4,
    listOf(() => StatusCause),
  ),
  retryAfterSeconds: opt(5, int32),
} as const

export interface StatusDetails extends Shape<typeof statusDetailsFields> {}
export const StatusDetails = struct<StatusDetails>('meta.v1.StatusDetails', statusDetailsFields)

const statusCauseFields = {
  reason: opt(1, CauseType),
  message: opt(2, str),
  field: opt(3, str),
} as const

export interface StatusCause extends Shape<typeof statusCauseFields> {}
export const StatusCause = struct<StatusCause>('meta.v1.StatusCause', statusCauseFields)

const watchEventFields = {
  type: req(1, str),
  object: req(2, rawObject),
} as const

export interface WatchEvent extends Shape<typeof watchEventFields> {}
export const WatchEvent = struct<WatchEvent>('meta.v1.WatchEvent', watchEventFields)
