import { anyOf, listOf, opt, req, type Shape, str, struct } from '../../schema/index.ts'

export const StatusReason = anyOf(
  '',
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Gone',
  'Invalid',
  'ServerTimeout',
  'StorageReadError',
  'Timeout',
  'TooManyRequests',
  'BadRequest',
  'MethodNotAllowed',
  'NotAcceptable',
  'RequestEntityTooLarge',
  'UnsupportedMediaType',
  'InternalError',
  'Expired',
  'ServiceUnavailable',
)

export const LabelSelectorOperator = anyOf('In', 'NotIn', 'Exists', 'DoesNotExist')

export const ConditionStatus = anyOf('True', 'False', 'Unknown')

const labelSelectorRequirementFields = {
  key: req(1, str),
  operator: req(2, LabelSelectorOperator),
  values: opt(3, listOf(str)),
} as const

export interface LabelSelectorRequirement extends Shape<typeof labelSelectorRequirementFields> {}
export const LabelSelectorRequirement = struct<LabelSelectorRequirement>(
  'meta.v1.LabelSelectorRequirement',
  labelSelectorRequirementFields,
)
