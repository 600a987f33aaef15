import {
  always,
  anyOf,
  int32,
  int64,
  kind,
  listOf,
  mapOf,
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
import { PodTemplateSpec } from './pod.ts'

export const ReplicationControllerConditionType = anyOf('ReplicaFailure')

const replicationControllerSpecFields = {
  replicas: ptr(1, int32, { default: 1 }),
  minReadySeconds: opt(4, int32, { default: 0 }),
  selector: opt(2, mapOf(str, { atomic: true })),
  template: opt(3, () => PodTemplateSpec),
} as const

export interface ReplicationControllerSpec extends Shape<typeof replicationControllerSpecFields> {}
export const ReplicationControllerSpec = struct<ReplicationControllerSpec>(
  'core.v1.ReplicationControllerSpec',
  replicationControllerSpecFields,
)

const replicationControllerStatusFields = {
  replicas: req(1, int32),
  fullyLabeledReplicas: opt(2, int32),
  readyReplicas: opt(4, int32),
  availableReplicas: opt(5, int32),
  observedGeneration: opt(3, int64),
  conditions: opt(
    6,
    listOf(() => ReplicationControllerCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface ReplicationControllerStatus extends Shape<typeof replicationControllerStatusFields> {}
export const ReplicationControllerStatus = struct<ReplicationControllerStatus>(
  'core.v1.ReplicationControllerStatus',
  replicationControllerStatusFields,
)

const replicationControllerConditionFields = {
  type: req(1, ReplicationControllerConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface ReplicationControllerCondition extends Shape<typeof replicationControllerConditionFields> {}
export const ReplicationControllerCondition = struct<ReplicationControllerCondition>(
  'core.v1.ReplicationControllerCondition',
  replicationControllerConditionFields,
)

const replicationControllerFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ReplicationControllerSpec),
  status: always(3, () => ReplicationControllerStatus),
} as const

export interface ReplicationController extends Shape<typeof replicationControllerFields> {}
export const ReplicationController = kind<ReplicationController>(
  'core.v1.ReplicationController',
  replicationControllerFields,
  {
    doc: 'Keeps a number of equal pods running. ReplicaSet and Deployment are its successors.',
    group: '',
    plural: 'replicationcontrollers',
    shortNames: ['rc'],
    categories: ['all'],
    subresources: {
      scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
      status: { kind: 'ReplicationController', verbs: ['get', 'patch', 'update'] },
    },
  },
)
