import { templateWarnings } from '../core/pod.warnings.ts'
import { defineStrategy } from '../define.strategy.ts'
import { ControllerRevision } from './controller-revision.ts'
import { DaemonSet } from './daemon-set.ts'
import { Deployment } from './deployment.ts'
import { ReplicaSet } from './replica-set.ts'
import { StatefulSet } from './stateful-set.ts'
import {
  defaultDaemonSet,
  defaultDeployment,
  defaultReplicaSet,
  defaultStatefulSet,
} from './workload.defaults.ts'
import * as rules from './workload.validate.ts'

export const deploymentStrategy = defineStrategy(Deployment, {
  generation: true,
  warnings: templateWarnings,
  defaults: defaultDeployment,
  validate: rules.validateDeployment,
  validateUpdate: rules.validateDeploymentUpdate,
  validateSubresource: rules.validateDeploymentStatus,
})

export const replicaSetStrategy = defineStrategy(ReplicaSet, {
  generation: true,
  warnings: templateWarnings,
  defaults: defaultReplicaSet,
  validate: rules.validateReplicaSet,
  validateUpdate: rules.validateReplicaSetUpdate,
  validateSubresource: rules.validateReplicaSetStatus,
  fields: { 'status.replicas': (set) => String(set.status.replicas ?? 0) },
})

export const daemonSetStrategy = defineStrategy(DaemonSet, {
  generation: true,
  warnings: templateWarnings,
  defaults: defaultDaemonSet,
  validate: rules.validateDaemonSet,
  validateUpdate: rules.validateDaemonSetUpdate,
})

export const statefulSetStrategy = defineStrategy(StatefulSet, {
  generation: true,
  warnings: templateWarnings,
  defaults: defaultStatefulSet,
  validate: rules.validateStatefulSet,
  validateUpdate: rules.validateStatefulSetUpdate,
})

export const controllerRevisionStrategy = defineStrategy(ControllerRevision, {
  validate: rules.validateControllerRevision,
  validateUpdate: rules.validateControllerRevisionUpdate,
})
