import {
  always,
  anyOf,
  int32,
  kind,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { ConditionStatus } from './common.ts'

export const PriorityLevelEnablement = anyOf('Exempt', 'Limited')

export const LimitResponseType = anyOf('Queue', 'Reject')

const priorityLevelConfigurationFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PriorityLevelConfigurationSpec),
  status: always(3, () => PriorityLevelConfigurationStatus),
} as const

export interface PriorityLevelConfiguration extends Shape<typeof priorityLevelConfigurationFields> {}
export const PriorityLevelConfiguration = kind<PriorityLevelConfiguration>(
  'flowcontrol.v1.PriorityLevelConfiguration',
  priorityLevelConfigurationFields,
  {
    doc: 'How many requests of a level run at a time, and how others wait.',
    group: 'flowcontrol.apiserver.k8s.io',
    plural: 'prioritylevelconfigurations',
    cluster: true,
    subresources: {
      status: { kind: 'PriorityLevelConfiguration', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const priorityLevelConfigurationSpecFields = {
  type: req(1, PriorityLevelEnablement),
  limited: opt(2, () => LimitedPriorityLevelConfiguration),
  exempt: opt(3, () => ExemptPriorityLevelConfiguration),
} as const

export interface PriorityLevelConfigurationSpec extends Shape<typeof priorityLevelConfigurationSpecFields> {}
export const PriorityLevelConfigurationSpec = struct<PriorityLevelConfigurationSpec>(
  'flowcontrol.v1.PriorityLevelConfigurationSpec',
  priorityLevelConfigurationSpecFields,
)

const limitedPriorityLevelConfigurationFields = {
  nominalConcurrencyShares: ptr(1, int32),
  limitResponse: always(2, () => LimitResponse),
  lendablePercent: ptr(3, int32),
  borrowingLimitPercent: ptr(4, int32),
} as const

export interface LimitedPriorityLevelConfiguration
  extends Shape<typeof limitedPriorityLevelConfigurationFields> {}
export const LimitedPriorityLevelConfiguration = struct<LimitedPriorityLevelConfiguration>(
  'flowcontrol.v1.LimitedPriorityLevelConfiguration',
  limitedPriorityLevelConfigurationFields,
)

const exemptPriorityLevelConfigurationFields = {
  nominalConcurrencyShares: ptr(1, int32),
  lendablePercent: ptr(2, int32),
} as const

export interface ExemptPriorityLevelConfiguration
  extends Shape<typeof exemptPriorityLevelConfigurationFields> {}
export const ExemptPriorityLevelConfiguration = struct<ExemptPriorityLevelConfiguration>(
  'flowcontrol.v1.ExemptPriorityLevelConfiguration',
  exemptPriorityLevelConfigurationFields,
)

const limitResponseFields = {
  type: req(1, LimitResponseType),
  queuing: opt(2, () => QueuingConfiguration),
} as const

export interface LimitResponse extends Shape<typeof limitResponseFields> {}
export const LimitResponse = struct<LimitResponse>('flowcontrol.v1.LimitResponse', limitResponseFields)

const queuingConfigurationFields = {
  queues: always(1, int32),
  handSize: always(2, int32),
  queueLengthLimit: always(3, int32),
} as const

export interface QueuingConfiguration extends Shape<typeof queuingConfigurationFields> {}
export const QueuingConfiguration = struct<QueuingConfiguration>(
  'flowcontrol.v1.QueuingConfiguration',
  queuingConfigurationFields,
)

const priorityLevelConfigurationStatusFields = {
  conditions: opt(
    1,
    listOf(() => PriorityLevelConfigurationCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface PriorityLevelConfigurationStatus
  extends Shape<typeof priorityLevelConfigurationStatusFields> {}
export const PriorityLevelConfigurationStatus = struct<PriorityLevelConfigurationStatus>(
  'flowcontrol.v1.PriorityLevelConfigurationStatus',
  priorityLevelConfigurationStatusFields,
)

const priorityLevelConfigurationConditionFields = {
  type: opt(1, str),
  status: opt(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface PriorityLevelConfigurationCondition
  extends Shape<typeof priorityLevelConfigurationConditionFields> {}
export const PriorityLevelConfigurationCondition = struct<PriorityLevelConfigurationCondition>(
  'flowcontrol.v1.PriorityLevelConfigurationCondition',
  priorityLevelConfigurationConditionFields,
)
