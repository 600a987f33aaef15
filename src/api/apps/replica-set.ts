import {
  always,
  anyOf,
  int32,
  int64,
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
import { ConditionStatus } from '../core/common.ts'
import { PodTemplateSpec } from '../core/pod.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const ReplicaSetConditionType = anyOf('ReplicaFailure')

const replicaSetFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ReplicaSetSpec),
  status: always(3, () => ReplicaSetStatus),
} as const

export interface ReplicaSet extends Shape<typeof replicaSetFields> {}
export const ReplicaSet = kind<ReplicaSet>('apps.v1.ReplicaSet', replicaSetFields, {
  doc: 'Keeps a number of equal pods running. Usually owned by a Deployment.',
  group: 'apps',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: {
    scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
    status: { kind: 'ReplicaSet', verbs: ['get', 'patch', 'update'] },
  },
})

const replicaSetSpecFields = {
  replicas: ptr(1, int32),
  minReadySeconds: opt(4, int32),
  selector: req(2, () => LabelSelector, { pointer: true }),
  template: always(3, () => PodTemplateSpec),
} as const

export interface ReplicaSetSpec extends Shape<typeof replicaSetSpecFields> {}
export const ReplicaSetSpec = struct<ReplicaSetSpec>('apps.v1.ReplicaSetSpec', replicaSetSpecFields)

const replicaSetStatusFields = {
  replicas: req(1, int32),
  fullyLabeledReplicas: opt(2, int32),
  readyReplicas: opt(4, int32),
  availableReplicas: opt(5, int32),
  terminatingReplicas: ptr(7, int32),
  observedGeneration: opt(3, int64),
  conditions: opt(
    6,
    listOf(() => ReplicaSetCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface ReplicaSetStatus extends Shape<typeof replicaSetStatusFields> {}
export const ReplicaSetStatus = struct<ReplicaSetStatus>('apps.v1.ReplicaSetStatus', replicaSetStatusFields)

const replicaSetConditionFields = {
  type: req(1, ReplicaSetConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface ReplicaSetCondition extends Shape<typeof replicaSetConditionFields> {}
export const ReplicaSetCondition = struct<ReplicaSetCondition>(
  'apps.v1.ReplicaSetCondition',
  replicaSetConditionFields,
)
