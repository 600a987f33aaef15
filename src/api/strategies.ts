import type { Kind, KubeObject } from '../schema/index.ts'
import {
  controllerRevisionStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from './apps/workload.strategy.ts'
import { leaseStrategy } from './coordination/lease.strategy.ts'
import { configMapStrategy, secretStrategy } from './core/config.strategy.ts'
import { endpointsStrategy } from './core/endpoints.strategy.ts'
import { eventStrategy, eventsEventStrategy } from './core/event.strategy.ts'
import { namespaceStrategy } from './core/namespace.strategy.ts'
import { nodeStrategy } from './core/node.strategy.ts'
import { podStrategy } from './core/pod.strategy.ts'
import { serviceStrategy } from './core/service.strategy.ts'
import { defineStrategy } from './define.strategy.ts'
import { endpointSliceStrategy } from './discovery/endpoint-slice.strategy.ts'
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './rbac/role.strategy.ts'
import type { Strategy } from './strategy.ts'

/** By the name of the declared type: `core.v1.Pod`. */
const own: Readonly<Record<string, object>> = {
  'apps.v1.ControllerRevision': controllerRevisionStrategy,
  'apps.v1.DaemonSet': daemonSetStrategy,
  'apps.v1.Deployment': deploymentStrategy,
  'apps.v1.ReplicaSet': replicaSetStrategy,
  'apps.v1.StatefulSet': statefulSetStrategy,
  'coordination.v1.Lease': leaseStrategy,
  'core.v1.ConfigMap': configMapStrategy,
  'core.v1.Endpoints': endpointsStrategy,
  'core.v1.Event': eventStrategy,
  'core.v1.Namespace': namespaceStrategy,
  'core.v1.Node': nodeStrategy,
  'core.v1.Pod': podStrategy,
  'core.v1.Secret': secretStrategy,
  'core.v1.Service': serviceStrategy,
  'discovery.v1.EndpointSlice': endpointSliceStrategy,
  'events.v1.Event': eventsEventStrategy,
  'rbac.v1.ClusterRole': clusterRoleStrategy,
  'rbac.v1.ClusterRoleBinding': clusterRoleBindingStrategy,
  'rbac.v1.Role': roleStrategy,
  'rbac.v1.RoleBinding': roleBindingStrategy,
}

const derived = new WeakMap<object, object>()

/** The strategy of a kind: its own, or the one that follows from its declaration. */
export function strategyFor<T extends KubeObject>(kind: Kind<T>): Strategy<T> {
  let strategy = own[kind.name] ?? derived.get(kind)
  if (!strategy) {
    strategy = defineStrategy(kind)
    derived.set(kind, strategy)
  }
  return strategy as Strategy<T>
}
