import type { Kind, KubeObject } from '../schema/index.ts'
import * as admissionregistration from './admissionregistration/admissionregistration.strategy.ts'
import * as apps from './apps/workload.strategy.ts'
import { autoscalerStrategy, autoscalerV1Strategy } from './autoscaling/autoscaling.strategy.ts'
import { cronJobStrategy, jobStrategy } from './batch/batch.strategy.ts'
import { signingRequestStrategy } from './certificates/signing-request.strategy.ts'
import { leaseStrategy } from './coordination/lease.strategy.ts'
import { configMapStrategy, secretStrategy } from './core/config.strategy.ts'
import { endpointsStrategy } from './core/endpoints.strategy.ts'
import { eventStrategy, eventsEventStrategy } from './core/event.strategy.ts'
import { namespaceStrategy } from './core/namespace.strategy.ts'
import { nodeStrategy } from './core/node.strategy.ts'
import { persistentVolumeClaimStrategy, persistentVolumeStrategy } from './core/persistent-volume.strategy.ts'
import { podStrategy } from './core/pod.strategy.ts'
import { limitRangeStrategy, resourceQuotaStrategy } from './core/quota.strategy.ts'
import { serviceStrategy } from './core/service.strategy.ts'
import { podTemplateStrategy, replicationControllerStrategy } from './core/template-owner.strategy.ts'
import { defineStrategy } from './define.strategy.ts'
import { endpointSliceStrategy } from './discovery/endpoint-slice.strategy.ts'
import { flowSchemaStrategy, priorityLevelStrategy } from './flowcontrol/flowcontrol.strategy.ts'
import * as networking from './networking/networking.strategy.ts'
import { runtimeClassStrategy } from './node/runtime-class.strategy.ts'
import { podDisruptionBudgetStrategy } from './policy/disruption.strategy.ts'
import * as rbac from './rbac/role.strategy.ts'
import { priorityClassStrategy } from './scheduling/priority-class.strategy.ts'
import * as storage from './storage/storage.strategy.ts'
import type { Strategy } from './strategy.ts'

/** By the name of the declared type: `core.v1.Pod`. */
const own: Readonly<Record<string, object>> = {
  'admissionregistration.v1.MutatingAdmissionPolicy': admissionregistration.mutatingPolicyStrategy,
  'admissionregistration.v1.MutatingAdmissionPolicyBinding':
    admissionregistration.mutatingPolicyBindingStrategy,
  'admissionregistration.v1.MutatingWebhookConfiguration': admissionregistration.mutatingWebhookStrategy,
  'admissionregistration.v1.ValidatingAdmissionPolicy': admissionregistration.validatingPolicyStrategy,
  'admissionregistration.v1.ValidatingAdmissionPolicyBinding':
    admissionregistration.validatingPolicyBindingStrategy,
  'admissionregistration.v1.ValidatingWebhookConfiguration': admissionregistration.validatingWebhookStrategy,
  'apps.v1.ControllerRevision': apps.controllerRevisionStrategy,
  'apps.v1.DaemonSet': apps.daemonSetStrategy,
  'apps.v1.Deployment': apps.deploymentStrategy,
  'apps.v1.ReplicaSet': apps.replicaSetStrategy,
  'apps.v1.StatefulSet': apps.statefulSetStrategy,
  'autoscaling.v1.HorizontalPodAutoscaler': autoscalerV1Strategy,
  'autoscaling.v2.HorizontalPodAutoscaler': autoscalerStrategy,
  'batch.v1.CronJob': cronJobStrategy,
  'batch.v1.Job': jobStrategy,
  'certificates.v1.CertificateSigningRequest': signingRequestStrategy,
  'coordination.v1.Lease': leaseStrategy,
  'core.v1.ConfigMap': configMapStrategy,
  'core.v1.Endpoints': endpointsStrategy,
  'core.v1.Event': eventStrategy,
  'core.v1.LimitRange': limitRangeStrategy,
  'core.v1.Namespace': namespaceStrategy,
  'core.v1.Node': nodeStrategy,
  'core.v1.PersistentVolume': persistentVolumeStrategy,
  'core.v1.PersistentVolumeClaim': persistentVolumeClaimStrategy,
  'core.v1.Pod': podStrategy,
  'core.v1.PodTemplate': podTemplateStrategy,
  'core.v1.ReplicationController': replicationControllerStrategy,
  'core.v1.ResourceQuota': resourceQuotaStrategy,
  'core.v1.Secret': secretStrategy,
  'core.v1.Service': serviceStrategy,
  'discovery.v1.EndpointSlice': endpointSliceStrategy,
  'events.v1.Event': eventsEventStrategy,
  'flowcontrol.v1.FlowSchema': flowSchemaStrategy,
  'flowcontrol.v1.PriorityLevelConfiguration': priorityLevelStrategy,
  'networking.v1.IPAddress': networking.ipAddressStrategy,
  'networking.v1.Ingress': networking.ingressStrategy,
  'networking.v1.IngressClass': networking.ingressClassStrategy,
  'networking.v1.NetworkPolicy': networking.networkPolicyStrategy,
  'networking.v1.ServiceCIDR': networking.serviceCidrStrategy,
  'node.v1.RuntimeClass': runtimeClassStrategy,
  'policy.v1.PodDisruptionBudget': podDisruptionBudgetStrategy,
  'rbac.v1.ClusterRole': rbac.clusterRoleStrategy,
  'rbac.v1.ClusterRoleBinding': rbac.clusterRoleBindingStrategy,
  'rbac.v1.Role': rbac.roleStrategy,
  'rbac.v1.RoleBinding': rbac.roleBindingStrategy,
  'scheduling.v1.PriorityClass': priorityClassStrategy,
  'storage.v1.CSIDriver': storage.csiDriverStrategy,
  'storage.v1.CSINode': storage.csiNodeStrategy,
  'storage.v1.CSIStorageCapacity': storage.csiStorageCapacityStrategy,
  'storage.v1.StorageClass': storage.storageClassStrategy,
  'storage.v1.VolumeAttachment': storage.volumeAttachmentStrategy,
  'storage.v1.VolumeAttributesClass': storage.volumeAttributesClassStrategy,
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
