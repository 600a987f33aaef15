import {
  always,
  anyOf,
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
import { PersistentVolumeClaim } from '../core/persistent-volume.ts'
import { PodTemplateSpec } from '../core/pod.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const PodManagementPolicyType = oneOf('OrderedReady', 'Parallel')
export type PodManagementPolicyType = TypeOf<typeof PodManagementPolicyType>

export const StatefulSetUpdateStrategyType = oneOf('RollingUpdate', 'OnDelete')
export type StatefulSetUpdateStrategyType = TypeOf<typeof StatefulSetUpdateStrategyType>

export const PersistentVolumeClaimRetentionPolicyType = anyOf('Retain', 'Delete')

const statefulSetFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => StatefulSetSpec),
  status: always(3, () => StatefulSetStatus),
} as const

export interface StatefulSet extends Shape<typeof statefulSetFields> {}
export const StatefulSet = kind<StatefulSet>('apps.v1.StatefulSet', statefulSetFields, {
  doc: 'Keeps replicas that have a stable name and storage of their own each.',
  group: 'apps',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  subresources: {
    scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
    status: { kind: 'StatefulSet', verbs: ['get', 'patch', 'update'] },
  },
})

const statefulSetUpdateStrategyFields = {
  type: opt(1, StatefulSetUpdateStrategyType),
  rollingUpdate: opt(2, () => RollingUpdateStatefulSetStrategy),
} as const

export interface StatefulSetUpdateStrategy extends Shape<typeof statefulSetUpdateStrategyFields> {}
export const StatefulSetUpdateStrategy = struct<StatefulSetUpdateStrategy>(
  'apps.v1.StatefulSetUpdateStrategy',
  statefulSetUpdateStrategyFields,
)

const rollingUpdateStatefulSetStrategyFields = {
  partition: ptr(1, int32),
  maxUnavailable: ptr(2, intOrString, { gates: ['MaxUnavailableStatefulSet'] }),
} as const

export interface RollingUpdateStatefulSetStrategy
  extends Shape<typeof rollingUpdateStatefulSetStrategyFields> {}
export const RollingUpdateStatefulSetStrategy = struct<RollingUpdateStatefulSetStrategy>(
  'apps.v1.RollingUpdateStatefulSetStrategy',
  rollingUpdateStatefulSetStrategyFields,
)

const statefulSetPersistentVolumeClaimRetentionPolicyFields = {
  whenDeleted: opt(1, PersistentVolumeClaimRetentionPolicyType),
  whenScaled: opt(2, PersistentVolumeClaimRetentionPolicyType),
} as const

export interface StatefulSetPersistentVolumeClaimRetentionPolicy
  extends Shape<typeof statefulSetPersistentVolumeClaimRetentionPolicyFields> {}
export const StatefulSetPersistentVolumeClaimRetentionPolicy =
  struct<StatefulSetPersistentVolumeClaimRetentionPolicy>(
    'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy',
    statefulSetPersistentVolumeClaimRetentionPolicyFields,
  )

const statefulSetOrdinalsFields = {
  start: always(1, int32),
} as const

export interface StatefulSetOrdinals extends Shape<typeof statefulSetOrdinalsFields> {}
export const StatefulSetOrdinals = struct<StatefulSetOrdinals>(
  'apps.v1.StatefulSetOrdinals',
  statefulSetOrdinalsFields,
)

const statefulSetSpecFields = {
  replicas: ptr(1, int32),
  selector: req(2, () => LabelSelector, { pointer: true }),
  template: req(3, () => PodTemplateSpec),
  volumeClaimTemplates: opt(
    4,
    listOf(() => PersistentVolumeClaim),
  ),
  serviceName: always(5, str),
  podManagementPolicy: opt(6, PodManagementPolicyType),
  updateStrategy: always(7, () => StatefulSetUpdateStrategy),
  revisionHistoryLimit: ptr(8, int32),
  minReadySeconds: opt(9, int32),
  persistentVolumeClaimRetentionPolicy: opt(10, () => StatefulSetPersistentVolumeClaimRetentionPolicy),
  ordinals: opt(11, () => StatefulSetOrdinals),
} as const

export interface StatefulSetSpec extends Shape<typeof statefulSetSpecFields> {}
export const StatefulSetSpec = struct<StatefulSetSpec>('apps.v1.StatefulSetSpec', statefulSetSpecFields)

const statefulSetStatusFields = {
  observedGeneration: opt(1, int64),
  replicas: req(2, int32),
  readyReplicas: opt(3, int32),
  currentReplicas: opt(4, int32),
  updatedReplicas: opt(5, int32),
  currentRevision: opt(6, str),
  updateRevision: opt(7, str),
  collisionCount: ptr(9, int32),
  conditions: opt(
    10,
    listOf(() => StatefulSetCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
  availableReplicas: always(11, int32),
} as const

export interface StatefulSetStatus extends Shape<typeof statefulSetStatusFields> {}
export const StatefulSetStatus = struct<StatefulSetStatus>(
  'apps.v1.StatefulSetStatus',
  statefulSetStatusFields,
)

const statefulSetConditionFields = {
  type: req(1, str),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface StatefulSetCondition extends Shape<typeof statefulSetConditionFields> {}
export const StatefulSetCondition = struct<StatefulSetCondition>(
  'apps.v1.StatefulSetCondition',
  statefulSetConditionFields,
)
