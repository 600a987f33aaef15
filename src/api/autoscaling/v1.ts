import {
  always,
  anyOf,
  int32,
  int64,
  kind,
  oneOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus, ResourceName } from '../core/common.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const MetricSourceType = oneOf('Object', 'Pods', 'Resource', 'ContainerResource', 'External')
export type MetricSourceType = TypeOf<typeof MetricSourceType>

export const HorizontalPodAutoscalerConditionType = anyOf(
  'ScalingActive',
  'AbleToScale',
  'ScalingLimited',
  'ScaledToZero',
)

const crossVersionObjectReferenceFields = {
  kind: req(1, str),
  name: req(2, str),
  apiVersion: opt(3, str),
} as const

export interface CrossVersionObjectReference extends Shape<typeof crossVersionObjectReferenceFields> {}
export const CrossVersionObjectReference = struct<CrossVersionObjectReference>(
  'autoscaling.v1.CrossVersionObjectReference',
  crossVersionObjectReferenceFields,
  { atomic: true },
)

const horizontalPodAutoscalerSpecFields = {
  scaleTargetRef: req(1, () => CrossVersionObjectReference),
  minReplicas: ptr(2, int32),
  maxReplicas: req(3, int32),
  targetCPUUtilizationPercentage: ptr(4, int32),
} as const

export interface HorizontalPodAutoscalerSpec extends Shape<typeof horizontalPodAutoscalerSpecFields> {}
export const HorizontalPodAutoscalerSpec = struct<HorizontalPodAutoscalerSpec>(
  'autoscaling.v1.HorizontalPodAutoscalerSpec',
  horizontalPodAutoscalerSpecFields,
)

const horizontalPodAutoscalerStatusFields = {
  observedGeneration: ptr(1, int64),
  lastScaleTime: ptr(2, time),
  currentReplicas: req(3, int32),
  desiredReplicas: req(4, int32),
  currentCPUUtilizationPercentage: ptr(5, int32),
} as const

export interface HorizontalPodAutoscalerStatus extends Shape<typeof horizontalPodAutoscalerStatusFields> {}
export const HorizontalPodAutoscalerStatus = struct<HorizontalPodAutoscalerStatus>(
  'autoscaling.v1.HorizontalPodAutoscalerStatus',
  horizontalPodAutoscalerStatusFields,
)

const horizontalPodAutoscalerFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => HorizontalPodAutoscalerSpec),
  status: always(3, () => HorizontalPodAutoscalerStatus),
} as const

export interface HorizontalPodAutoscaler extends Shape<typeof horizontalPodAutoscalerFields> {}
export const HorizontalPodAutoscaler = kind<HorizontalPodAutoscaler>(
  'autoscaling.v1.HorizontalPodAutoscaler',
  horizontalPodAutoscalerFields,
  {
    doc: 'Changes the number of replicas of a workload by what is measured.',
    group: 'autoscaling',
    plural: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
    categories: ['all'],
    subresources: {
      status: { kind: 'HorizontalPodAutoscaler', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const metricSpecFields = {
  type: req(1, MetricSourceType),
  object: opt(2, () => ObjectMetricSource),
  pods: opt(3, () => PodsMetricSource),
  resource: opt(4, () => ResourceMetricSource),
  containerResource: opt(7, () => ContainerResourceMetricSource),
  external: opt(5, () => ExternalMetricSource),
} as const

export interface MetricSpec extends Shape<typeof metricSpecFields> {}
export const MetricSpec = struct<MetricSpec>('autoscaling.v1.MetricSpec', metricSpecFields)

const objectMetricSourceFields = {
  target: req(1, () => CrossVersionObjectReference),
  metricName: req(2, str),
  targetValue: req(3, quantity),
  selector: opt(4, () => LabelSelector),
  averageValue: ptr(5, quantity),
} as const

export interface ObjectMetricSource extends Shape<typeof objectMetricSourceFields> {}
export const ObjectMetricSource = struct<ObjectMetricSource>(
  'autoscaling.v1.ObjectMetricSource',
  objectMetricSourceFields,
)

const podsMetricSourceFields = {
  metricName: req(1, str),
  targetAverageValue: req(2, quantity),
  selector: opt(3, () => LabelSelector),
} as const

export interface PodsMetricSource extends Shape<typeof podsMetricSourceFields> {}
export const PodsMetricSource = struct<PodsMetricSource>(
  'autoscaling.v1.PodsMetricSource',
  podsMetricSourceFields,
)

const resourceMetricSourceFields = {
  name: req(1, ResourceName),
  targetAverageUtilization: ptr(2, int32),
  targetAverageValue: ptr(3, quantity),
} as const

export interface ResourceMetricSource extends Shape<typeof resourceMetricSourceFields> {}
export const ResourceMetricSource = struct<ResourceMetricSource>(
  'autoscaling.v1.ResourceMetricSource',
  resourceMetricSourceFields,
)

const containerResourceMetricSourceFields = {
  name: req(1, ResourceName),
  targetAverageUtilization: ptr(2, int32),
  targetAverageValue: ptr(3, quantity),
  container: req(5, str),
} as const

export interface ContainerResourceMetricSource extends Shape<typeof containerResourceMetricSourceFields> {}
export const ContainerResourceMetricSource = struct<ContainerResourceMetricSource>(
  'autoscaling.v1.ContainerResourceMetricSource',
  containerResourceMetricSourceFields,
)

const externalMetricSourceFields = {
  metricName: req(1, str),
  metricSelector: opt(2, () => LabelSelector),
  targetValue: ptr(3, quantity),
  targetAverageValue: ptr(4, quantity),
} as const

export interface ExternalMetricSource extends Shape<typeof externalMetricSourceFields> {}
export const ExternalMetricSource = struct<ExternalMetricSource>(
  'autoscaling.v1.ExternalMetricSource',
  externalMetricSourceFields,
)

const metricStatusFields = {
  type: req(1, MetricSourceType),
  object: opt(2, () => ObjectMetricStatus),
  pods: opt(3, () => PodsMetricStatus),
  resource: opt(4, () => ResourceMetricStatus),
  containerResource: opt(7, () => ContainerResourceMetricStatus),
  external: opt(5, () => ExternalMetricStatus),
} as const

export interface MetricStatus extends Shape<typeof metricStatusFields> {}
export const MetricStatus = struct<MetricStatus>('autoscaling.v1.MetricStatus', metricStatusFields)

const horizontalPodAutoscalerConditionFields = {
  type: req(1, HorizontalPodAutoscalerConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface HorizontalPodAutoscalerCondition
  extends Shape<typeof horizontalPodAutoscalerConditionFields> {}
export const HorizontalPodAutoscalerCondition = struct<HorizontalPodAutoscalerCondition>(
  'autoscaling.v1.HorizontalPodAutoscalerCondition',
  horizontalPodAutoscalerConditionFields,
)

const objectMetricStatusFields = {
  target: req(1, () => CrossVersionObjectReference),
  metricName: req(2, str),
  currentValue: req(3, quantity),
  selector: opt(4, () => LabelSelector),
  averageValue: ptr(5, quantity),
} as const

export interface ObjectMetricStatus extends Shape<typeof objectMetricStatusFields> {}
export const ObjectMetricStatus = struct<ObjectMetricStatus>(
  'autoscaling.v1.ObjectMetricStatus',
  objectMetricStatusFields,
)

const podsMetricStatusFields = {
  metricName: req(1, str),
  currentAverageValue: req(2, quantity),
  selector: opt(3, () => LabelSelector),
} as const

export interface PodsMetricStatus extends Shape<typeof podsMetricStatusFields> {}
export const PodsMetricStatus = struct<PodsMetricStatus>(
  'autoscaling.v1.PodsMetricStatus',
  podsMetricStatusFields,
)

const resourceMetricStatusFields = {
  name: req(1, ResourceName),
  currentAverageUtilization: ptr(2, int32),
  currentAverageValue: req(3, quantity),
} as const

export interface ResourceMetricStatus extends Shape<typeof resourceMetricStatusFields> {}
export const ResourceMetricStatus = struct<ResourceMetricStatus>(
  'autoscaling.v1.ResourceMetricStatus',
  resourceMetricStatusFields,
)

const containerResourceMetricStatusFields = {
  name: req(1, ResourceName),
  currentAverageUtilization: ptr(2, int32),
  currentAverageValue: req(3, quantity),
  container: req(4, str),
} as const

export interface ContainerResourceMetricStatus extends Shape<typeof containerResourceMetricStatusFields> {}
export const ContainerResourceMetricStatus = struct<ContainerResourceMetricStatus>(
  'autoscaling.v1.ContainerResourceMetricStatus',
  containerResourceMetricStatusFields,
)

const externalMetricStatusFields = {
  metricName: req(1, str),
  metricSelector: opt(2, () => LabelSelector),
  currentValue: req(3, quantity),
  currentAverageValue: ptr(4, quantity),
} as const

export interface ExternalMetricStatus extends Shape<typeof externalMetricStatusFields> {}
export const ExternalMetricStatus = struct<ExternalMetricStatus>(
  'autoscaling.v1.ExternalMetricStatus',
  externalMetricStatusFields,
)
