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

export const deploymentStrategy = defineStrategy(Deployment, {
  generation: true,
  defaults: defaultDeployment,
})
export const replicaSetStrategy = defineStrategy(ReplicaSet, {
  generation: true,
  defaults: defaultReplicaSet,
  fields: { 'status.replicas': (set) => String(set.status.replicas ?? 0) },
})
export const daemonSetStrategy = defineStrategy(DaemonSet, { generation: true, defaults: defaultDaemonSet })
export const statefulSetStrategy = defineStrategy(StatefulSet, {
  generation: true,
  defaults: defaultStatefulSet,
})
export const controllerRevisionStrategy = defineStrategy(ControllerRevision)
