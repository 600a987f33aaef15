import {
  always,
  anyOf,
  kind,
  listOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { ConditionStatus } from './common.ts'

export const ComponentConditionType = anyOf('Healthy')

const componentConditionFields = {
  type: req(1, ComponentConditionType),
  status: req(2, ConditionStatus),
  message: opt(3, str),
  error: opt(4, str),
} as const

export interface ComponentCondition extends Shape<typeof componentConditionFields> {}
export const ComponentCondition = struct<ComponentCondition>(
  'core.v1.ComponentCondition',
  componentConditionFields,
)

const componentStatusFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  conditions: opt(
    2,
    listOf(() => ComponentCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface ComponentStatus extends Shape<typeof componentStatusFields> {}
export const ComponentStatus = kind<ComponentStatus>('core.v1.ComponentStatus', componentStatusFields, {
  doc: 'Deprecated: the health of a part of the control plane.',
  group: '',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  cluster: true,
  verbs: ['get', 'list'],
})
