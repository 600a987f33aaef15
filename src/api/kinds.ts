import type { Kind, StructType } from '../schema/index.ts'
import { AdmissionReview } from './admission/review.ts'
import {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './admissionregistration/policy.ts'
import {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from './admissionregistration/webhook.ts'
import { APIGroupDiscovery } from './apidiscovery/discovery.ts'
import { ConversionReview } from './apiextensions/conversion-review.ts'
import { CustomResourceDefinition } from './apiextensions/definition.ts'
import { APIService } from './apiregistration/api-service.ts'
import { ControllerRevision } from './apps/controller-revision.ts'
import { DaemonSet } from './apps/daemon-set.ts'
import { Deployment } from './apps/deployment.ts'
import { ReplicaSet } from './apps/replica-set.ts'
import { StatefulSet } from './apps/stateful-set.ts'
import { SelfSubjectReview, TokenRequest, TokenReview } from './authentication/token.ts'
import {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from './authorization/access-review.ts'
import { Scale } from './autoscaling/scale.ts'
import { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from './autoscaling/v1.ts'
import { HorizontalPodAutoscaler } from './autoscaling/v2.ts'
import { CronJob } from './batch/cron-job.ts'
import { Job } from './batch/job.ts'
import { CertificateSigningRequest } from './certificates/signing-request.ts'
import { Lease } from './coordination/lease.ts'
import { Binding, RangeAllocation } from './core/binding.ts'
import { ComponentStatus } from './core/component-status.ts'
import { ConfigMap, Secret } from './core/config.ts'
import { Endpoints } from './core/endpoints.ts'
import { Event, SerializedReference } from './core/event.ts'
import { Namespace } from './core/namespace.ts'
import { Node } from './core/node.ts'
import {
  NodeProxyOptions,
  PodAttachOptions,
  PodExecOptions,
  PodLogOptions,
  PodPortForwardOptions,
  PodProxyOptions,
  ServiceProxyOptions,
} from './core/options.ts'
import { PersistentVolume, PersistentVolumeClaim } from './core/persistent-volume.ts'
import { Pod, PodStatusResult, PodTemplate } from './core/pod.ts'
import { LimitRange, ResourceQuota } from './core/quota.ts'
import { ReplicationController } from './core/replication-controller.ts'
import { Service } from './core/service.ts'
import { ServiceAccount } from './core/service-account.ts'
import {
  MetricListOptions as MetricListOptionsV1beta1,
  MetricValue as MetricValueV1beta1,
} from './custom-metrics/v1beta1.ts'
import { MetricListOptions, MetricValue } from './custom-metrics/v1beta2.ts'
import { EndpointSlice } from './discovery/endpoint-slice.ts'
import { Event as EventsEvent } from './events/event.ts'
import { ExternalMetricValue } from './external-metrics/v1beta1.ts'
import { FlowSchema } from './flowcontrol/flow-schema.ts'
import { PriorityLevelConfiguration } from './flowcontrol/priority-level.ts'
import { APIGroup, APIResourceList, APIVersions } from './meta/discovery.ts'
import {
  CreateOptions as MetaCreateOptions,
  DeleteOptions as MetaDeleteOptions,
  GetOptions as MetaGetOptions,
  ListOptions as MetaListOptions,
  PatchOptions,
  TableOptions,
  UpdateOptions,
} from './meta/options.ts'
import { Status } from './meta/status.ts'
import { PartialObjectMetadata, Table } from './meta/table.ts'
import { NodeMetrics, PodMetrics } from './metrics/metrics.ts'
import { Ingress, IngressClass } from './networking/ingress.ts'
import { NetworkPolicy } from './networking/network-policy.ts'
import { IPAddress, ServiceCIDR } from './networking/service-cidr.ts'
import { RuntimeClass } from './node/runtime-class.ts'
import { Eviction, PodDisruptionBudget } from './policy/disruption.ts'
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from './rbac/role.ts'
import { ResourceClaim, ResourceClaimTemplate } from './resource/claim.ts'
import { DeviceClass } from './resource/device-class.ts'
import { ResourceSlice } from './resource/slice.ts'
import { PriorityClass } from './scheduling/priority-class.ts'
import { CSIDriver, CSINode, CSIStorageCapacity } from './storage/csi.ts'
import { StorageClass, VolumeAttributesClass } from './storage/storage-class.ts'
import { VolumeAttachment } from './storage/volume-attachment.ts'

/** Every REST resource that the server serves by itself. The preferred version of a group comes first. */
export const servedKinds: readonly Kind[] = [
  Pod,
  PodTemplate,
  ReplicationController,
  Service,
  Endpoints,
  Node,
  Binding,
  Event,
  LimitRange,
  ResourceQuota,
  Namespace,
  Secret,
  ServiceAccount,
  PersistentVolume,
  PersistentVolumeClaim,
  ComponentStatus,
  ConfigMap,
  Deployment,
  StatefulSet,
  DaemonSet,
  ReplicaSet,
  ControllerRevision,
  Job,
  CronJob,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  Ingress,
  IngressClass,
  NetworkPolicy,
  IPAddress,
  ServiceCIDR,
  EndpointSlice,
  Role,
  RoleBinding,
  ClusterRole,
  ClusterRoleBinding,
  PodDisruptionBudget,
  StorageClass,
  VolumeAttachment,
  CSINode,
  CSIDriver,
  CSIStorageCapacity,
  VolumeAttributesClass,
  Lease,
  EventsEvent,
  PriorityClass,
  RuntimeClass,
  TokenReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  SelfSubjectAccessReview,
  SubjectAccessReview,
  LocalSubjectAccessReview,
  CertificateSigningRequest,
  ValidatingWebhookConfiguration,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  FlowSchema,
  PriorityLevelConfiguration,
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
]

/** Every REST resource that is declared, served or not. */
export const allKinds: readonly Kind[] = [
  ...servedKinds,
  CustomResourceDefinition,
  APIService,
  NodeMetrics,
  PodMetrics,
]

/** Kinds that only travel: bodies of subresources and answers, query options. */
export const bodyKinds: readonly StructType<object>[] = [
  AdmissionReview,
  APIGroupDiscovery,
  ConversionReview,
  TokenRequest,
  Scale,
  PodStatusResult,
  ServiceProxyOptions,
  NodeProxyOptions,
  PodAttachOptions,
  PodLogOptions,
  PodExecOptions,
  PodPortForwardOptions,
  PodProxyOptions,
  SerializedReference,
  RangeAllocation,
  MetricValueV1beta1,
  MetricListOptionsV1beta1,
  MetricValue,
  MetricListOptions,
  ExternalMetricValue,
  MetaListOptions,
  MetaGetOptions,
  MetaDeleteOptions,
  MetaCreateOptions,
  UpdateOptions,
  PatchOptions,
  Status,
  APIVersions,
  APIGroup,
  APIResourceList,
  Table,
  TableOptions,
  PartialObjectMetadata,
  Eviction,
]

const byKind = new Map<string, Kind>(
  allKinds.map((k) => [`${k.resource.group}/${k.resource.version}/${k.resource.kind}`, k]),
)
const byPlural = new Map<string, Kind>(
  allKinds.map((k) => [`${k.resource.group}/${k.resource.version}/${k.resource.plural}`, k]),
)

/** `kindFor('apps/v1', 'Deployment')`; undefined when nothing is declared under that name. */
export function kindFor(apiVersion: string, kind: string): Kind | undefined {
  return byKind.get(`${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}/${kind}`)
}

/** `kindForResource('', 'v1', 'pods')`. */
export function kindForResource(group: string, version: string, plural: string): Kind | undefined {
  return byPlural.get(`${group}/${version}/${plural}`)
}
