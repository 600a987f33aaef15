import {
  always,
  int32,
  int64,
  intOrString,
  kind,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus } from '../core/common.ts'
import { PodTemplateSpec } from '../core/pod.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const DaemonSetUpdateStrategyType = oneOf('RollingUpdate', 'OnDelete')
export type DaemonSetUpdateStrategyType = TypeOf<typeof DaemonSetUpdateStrategyType>

const daemonSetUpdateStrategyFields = {
  type: opt(1, DaemonSetUpdateStrategyType),
  rollingUpdate: opt(2, () => RollingUpdateDaemonSet),
} as const

export interface DaemonSetUpdateStrategy extends Shape<typeof daemonSetUpdateStrategyFields> {}
export const DaemonSetUpdateStrategy = struct<DaemonSetUpdateStrategy>(
  'apps.v1.DaemonSetUpdateStrategy',
  daemonSetUpdateStrategyFields,
)

const rollingUpdateDaemonSetFields = {
  maxUnavailable: ptr(1, intOrString),
  maxSurge: ptr(2, intOrString),
} as const

export interface RollingUpdateDaemonSet extends Shape<typeof rollingUpdateDaemonSetFields> {}
export const RollingUpdateDaemonSet = struct<RollingUpdateDaemonSet>(
  'apps.v1.RollingUpdateDaemonSet',
  rollingUpdateDaemonSetFields,
)

const daemonSetSpecFields = {
  selector: req(1, () => LabelSelector, { pointer: true }),
  template: req(2, () => PodTemplateSpec),
  updateStrategy: always(3, () => DaemonSetUpdateStrategy),
  minReadySeconds: opt(4, int32),
  revisionHistoryLimit: ptr(6, int32),
} as const

export interface DaemonSetSpec extends Shape<typeof daemonSetSpecFields> {}
export const DaemonSetSpec = struct<DaemonSetSpec>('apps.v1.DaemonSetSpec', daemonSetSpecFields)

const daemonSetStatusFields = {
  currentNumberScheduled: req(1, int32),
  numberMisscheduled: req(2, int32),
  desiredNumberScheduled: req(3, int32),
  numberReady: req(4, int32),
  observedGeneration: opt(5, int64),
  updatedNumberScheduled: opt(6, int32),
  numberAvailable: opt(7, int32),
  numberUnavailable: opt(8, int32),
  collisionCount: ptr(9, int32),
  conditions: opt(
    10,
    listOf(() => DaemonSetCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface DaemonSetStatus extends Shape<typeof daemonSetStatusFields> {}
export const DaemonSetStatus = struct<DaemonSetStatus>('apps.v1.DaemonSetStatus', daemonSetStatusFields)

const daemonSetConditionFields = {
  type: req(1, str),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface DaemonSetCondition extends Shape<typeof daemonSetConditionFields> {}
export const DaemonSetCondition = struct<DaemonSetCondition>(
  'apps.v1.DaemonSetCondition',
  daemonSetConditionFields,
)

const daemonSetFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => DaemonSetSpec),
  status: always(3, () => DaemonSetStatus),
} as const

export interface DaemonSet extends Shape<typeof daemonSetFields> {}
export const DaemonSet = kind<DaemonSet>('apps.v1.DaemonSet', daemonSetFields, {
  doc: 'Runs one pod on every node that is selected.',
  group: 'apps',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: {
    status: { kind: 'DaemonSet', verbs: ['get', 'patch', 'update'] },
  },
})
