import {
  always,
  anyOf,
  bool,
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

export const DeploymentStrategyType = oneOf('Recreate', 'RollingUpdate')
export type DeploymentStrategyType = TypeOf<typeof DeploymentStrategyType>

export const DeploymentConditionType = anyOf('Available', 'Progressing', 'ReplicaFailure')

const deploymentFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => DeploymentSpec),
  status: always(3, () => DeploymentStatus),
} as const

export interface Deployment extends Shape<typeof deploymentFields> {}
export const Deployment = kind<Deployment>('apps.v1.Deployment', deploymentFields, {
  doc: 'Keeps replicas of a pod template running, and rolls changes of the template out step by step.',
  group: 'apps',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: {
    scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
    status: { kind: 'Deployment', verbs: ['get', 'patch', 'update'] },
  },
})

const deploymentSpecFields = {
  replicas: ptr(1, int32, { doc: '1 when it is not set.' }),
  selector: req(2, () => LabelSelector, {
    doc: 'Must match the labels of the template. Cannot be changed.',
    pointer: true,
  }),
  template: req(3, () => PodTemplateSpec),
  strategy: always(4, () => DeploymentStrategy, {
    doc: 'How pods of the old template are replaced.',
    retainKeys: true,
  }),
  minReadySeconds: opt(5, int32, { doc: 'A pod counts as available when it has been ready this long.' }),
  revisionHistoryLimit: ptr(6, int32, {
    doc: 'How many old ReplicaSets are kept to go back to; 10 when it is not set.',
  }),
  paused: opt(7, bool, { doc: 'Changes of the template are not rolled out.' }),
  progressDeadlineSeconds: ptr(9, int32, {
    doc: 'A rollout that makes no progress for this long is reported as failed; 600 when it is not set.',
  }),
} as const

export interface DeploymentSpec extends Shape<typeof deploymentSpecFields> {}
export const DeploymentSpec = struct<DeploymentSpec>('apps.v1.DeploymentSpec', deploymentSpecFields, {
  doc: 'What a Deployment should be.',
})

const deploymentStrategyFields = {
  type: opt(1, DeploymentStrategyType),
  rollingUpdate: opt(2, () => RollingUpdateDeployment),
} as const

export interface DeploymentStrategy extends Shape<typeof deploymentStrategyFields> {}
export const DeploymentStrategy = struct<DeploymentStrategy>(
  'apps.v1.DeploymentStrategy',
  deploymentStrategyFields,
)

const rollingUpdateDeploymentFields = {
  maxUnavailable: ptr(1, intOrString, {
    doc: 'Pods below the wanted number during a rollout; 25% when it is not set. Percentages round down.',
  }),
  maxSurge: ptr(2, intOrString, {
    doc: 'Pods above the wanted number during a rollout; 25% when it is not set. Percentages round up.',
  }),
} as const

export interface RollingUpdateDeployment extends Shape<typeof rollingUpdateDeploymentFields> {}
export const RollingUpdateDeployment = struct<RollingUpdateDeployment>(
  'apps.v1.RollingUpdateDeployment',
  rollingUpdateDeploymentFields,
)

const deploymentStatusFields = {
  observedGeneration: opt(1, int64),
  replicas: opt(2, int32),
  updatedReplicas: opt(3, int32),
  readyReplicas: opt(7, int32),
  availableReplicas: opt(4, int32),
  unavailableReplicas: opt(5, int32),
  terminatingReplicas: ptr(9, int32),
  conditions: opt(
    6,
    listOf(() => DeploymentCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
  collisionCount: ptr(8, int32),
} as const

export interface DeploymentStatus extends Shape<typeof deploymentStatusFields> {}
export const DeploymentStatus = struct<DeploymentStatus>('apps.v1.DeploymentStatus', deploymentStatusFields, {
  doc: 'How far a Deployment is.',
})

const deploymentConditionFields = {
  type: req(1, DeploymentConditionType),
  status: req(2, ConditionStatus),
  lastUpdateTime: opt(6, time),
  lastTransitionTime: opt(7, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface DeploymentCondition extends Shape<typeof deploymentConditionFields> {}
export const DeploymentCondition = struct<DeploymentCondition>(
  'apps.v1.DeploymentCondition',
  deploymentConditionFields,
)
