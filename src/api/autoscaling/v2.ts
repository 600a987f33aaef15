import {
  always,
  anyOf,
  int32,
  int64,
  kind,
  listOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus, ResourceName } from '../core/common.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const ScalingPolicySelect = anyOf('Max', 'Min', 'Disabled')

export const HPAScalingPolicyType = anyOf('Pods', 'Percent')

export const MetricSourceType = anyOf('Object', 'Pods', 'Resource', 'ContainerResource', 'External')

export const MetricTargetType = anyOf('Utilization', 'Value', 'AverageValue')

export const HorizontalPodAutoscalerConditionType = anyOf(
  'ScalingActive',
  'AbleToScale',
  'ScalingLimited',
  'ScaledToZero',
)

const horizontalPodAutoscalerFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => HorizontalPodAutoscalerSpec),
  status: always(3, () => HorizontalPodAutoscalerStatus),
} as const

export interface HorizontalPodAutoscaler extends Shape<typeof horizontalPodAutoscalerFields> {}
export const HorizontalPodAutoscaler = kind<HorizontalPodAutoscaler>(
  'autoscaling.v2.HorizontalPodAutoscaler',
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

const horizontalPodAutoscalerSpecFields = {
  scaleTargetRef: req(1, () => CrossVersionObjectReference),
  minReplicas: ptr(2, int32),
  maxReplicas: req(3, int32),
  metrics: opt(
    4,
    listOf(() => MetricSpec),
  ),
  behavior: opt(5, () => HorizontalPodAutoscalerBehavior),
} as const

export interface HorizontalPodAutoscalerSpec extends Shape<typeof horizontalPodAutoscalerSpecFields> {}
export const HorizontalPodAutoscalerSpec = struct<HorizontalPodAutoscalerSpec>(
  'autoscaling.v2.HorizontalPodAutoscalerSpec',
  horizontalPodAutoscalerSpecFields,
)

const crossVersionObjectReferenceFields = {
  kind: req(1, str),
  name: req(2, str),
  apiVersion: opt(3, str),
} as const

export interface CrossVersionObjectReference extends Shape<typeof crossVersionObjectReferenceFields> {}
export const CrossVersionObjectReference = struct<CrossVersionObjectReference>(
  'autoscaling.v2.CrossVersionObjectReference',
  crossVersionObjectReferenceFields,
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
export const MetricSpec = struct<MetricSpec>('autoscaling.v2.MetricSpec', metricSpecFields)

const horizontalPodAutoscalerBehaviorFields = {
  scaleUp: opt(1, () => HPAScalingRules),
  scaleDown: opt(2, () => HPAScalingRules),
} as const

export interface HorizontalPodAutoscalerBehavior
  extends Shape<typeof horizontalPodAutoscalerBehaviorFields> {}
export const HorizontalPodAutoscalerBehavior = struct<HorizontalPodAutoscalerBehavior>(
  'autoscaling.v2.HorizontalPodAutoscalerBehavior',
  horizontalPodAutoscalerBehaviorFields,
)

const hpaScalingRulesFields = {
  stabilizationWindowSeconds: ptr(3, int32),
  selectPolicy: ptr(1, ScalingPolicySelect),
  policies: opt(
    2,
    listOf(() => HPAScalingPolicy),
  ),
  tolerance: ptr(4, quantity, { gates: ['HPAConfigurableTolerance'] }),
} as const

export interface HPAScalingRules extends Shape<typeof hpaScalingRulesFields> {}
export const HPAScalingRules = struct<HPAScalingRules>(
  'autoscaling.v2.HPAScalingRules',
  hpaScalingRulesFields,
)

const hpaScalingPolicyFields = {
  type: req(1, HPAScalingPolicyType),
  value: req(2, int32),
  periodSeconds: req(3, int32),
} as const

export interface HPAScalingPolicy extends Shape<typeof hpaScalingPolicyFields> {}
export const HPAScalingPolicy = struct<HPAScalingPolicy>(
  'autoscaling.v2.HPAScalingPolicy',
  hpaScalingPolicyFields,
)

const objectMetricSourceFields = {
  describedObject: req(1, () => CrossVersionObjectReference),
  target: req(2, () => MetricTarget),
  metric: req(3, () => MetricIdentifier),
} as const

export interface ObjectMetricSource extends Shape<typeof objectMetricSourceFields> {}
export const ObjectMetricSource = struct<ObjectMetricSource>(
  'autoscaling.v2.ObjectMetricSource',
  objectMetricSourceFields,
)

const podsMetricSourceFields = {
  metric: req(1, () => MetricIdentifier),
  target: req(2, () => MetricTarget),
} as const

export interface PodsMetricSource extends Shape<typeof podsMetricSourceFields> {}
export const PodsMetricSource = struct<PodsMetricSource>(
  'autoscaling.v2.PodsMetricSource',
  podsMetricSourceFields,
)

const resourceMetricSourceFields = {
  name: req(1, ResourceName),
  target: req(2, () => MetricTarget),
} as const

export interface ResourceMetricSource extends Shape<typeof resourceMetricSourceFields> {}
export const ResourceMetricSource = struct<ResourceMetricSource>(
  'autoscaling.v2.ResourceMetricSource',
  resourceMetricSourceFields,
)

const containerResourceMetricSourceFields = {
  name: req(1, ResourceName),
  target: req(2, () => MetricTarget),
  container: req(3, str),
} as const

export interface ContainerResourceMetricSource extends Shape<typeof containerResourceMetricSourceFields> {}
export const ContainerResourceMetricSource = struct<ContainerResourceMetricSource>(
  'autoscaling.v2.ContainerResourceMetricSource',
  containerResourceMetricSourceFields,
)

const externalMetricSourceFields = {
  metric: req(1, () => MetricIdentifier),
  target: req(2, () => MetricTarget),
} as const

export interface ExternalMetricSource extends Shape<typeof externalMetricSourceFields> {}
export const ExternalMetricSource = struct<ExternalMetricSource>(
  'autoscaling.v2.ExternalMetricSource',
  externalMetricSourceFields,
)

const metricIdentifierFields = {
  name: req(1, str),
  selector: opt(2, () => LabelSelector),
} as const

export interface MetricIdentifier extends Shape<typeof metricIdentifierFields> {}
export const MetricIdentifier = struct<MetricIdentifier>(
  'autoscaling.v2.MetricIdentifier',
  metricIdentifierFields,
)

const metricTargetFields = {
  type: req(1, MetricTargetType),
  value: ptr(2, quantity),
  averageValue: ptr(3, quantity),
  averageUtilization: ptr(4, int32),
} as const

export interface MetricTarget extends Shape<typeof metricTargetFields> {}
export const MetricTarget = struct<MetricTarget>('autoscaling.v2.MetricTarget', metricTargetFields)

const horizontalPodAutoscalerStatusFields = {
  observedGeneration: ptr(1, int64),
  lastScaleTime: ptr(2, time),
  currentReplicas: opt(3, int32),
  desiredReplicas: req(4, int32),
  currentMetrics: always(
    5,
    listOf(() => MetricStatus),
  ),
  conditions: opt(
    6,
    listOf(() => HorizontalPodAutoscalerCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface HorizontalPodAutoscalerStatus extends Shape<typeof horizontalPodAutoscalerStatusFields> {}
export const HorizontalPodAutoscalerStatus = struct<HorizontalPodAutoscalerStatus>(
  'autoscaling.v2.HorizontalPodAutoscalerStatus',
  horizontalPodAutoscalerStatusFields,
)

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
  'autoscaling.v2.HorizontalPodAutoscalerCondition',
  horizontalPodAutoscalerConditionFields,
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
export const MetricStatus = struct<MetricStatus>('autoscaling.v2.MetricStatus', metricStatusFields)

const objectMetricStatusFields = {
  metric: req(1, () => MetricIdentifier),
  current: req(2, () => MetricValueStatus),
  describedObject: req(3, () => CrossVersionObjectReference),
} as const

export interface ObjectMetricStatus extends Shape<typeof objectMetricStatusFields> {}
export const ObjectMetricStatus = struct<ObjectMetricStatus>(
  'autoscaling.v2.ObjectMetricStatus',
  objectMetricStatusFields,
)

const podsMetricStatusFields = {
  metric: req(1, () => MetricIdentifier),
  current: req(2, () => MetricValueStatus),
} as const

export interface PodsMetricStatus extends Shape<typeof podsMetricStatusFields> {}
export const PodsMetricStatus = struct<PodsMetricStatus>(
  'autoscaling.v2.PodsMetricStatus',
  podsMetricStatusFields,
)

const resourceMetricStatusFields = {
  name: req(1, ResourceName),
  current: req(2, () => MetricValueStatus),
} as const

export interface ResourceMetricStatus extends Shape<typeof resourceMetricStatusFields> {}
export const ResourceMetricStatus = struct<ResourceMetricStatus>(
  'autoscaling.v2.ResourceMetricStatus',
  resourceMetricStatusFields,
)

const containerResourceMetricStatusFields = {
  name: req(1, ResourceName),
  current: req(2, () => MetricValueStatus),
  container: req(3, str),
} as const

export interface ContainerResourceMetricStatus extends Shape<typeof containerResourceMetricStatusFields> {}
export const ContainerResourceMetricStatus = struct<ContainerResourceMetricStatus>(
  'autoscaling.v2.ContainerResourceMetricStatus',
  containerResourceMetricStatusFields,
)

const externalMetricStatusFields = {
  metric: req(1, () => MetricIdentifier),
  current: req(2, () => MetricValueStatus),
} as const

export interface ExternalMetricStatus extends Shape<typeof externalMetricStatusFields> {}
export const ExternalMetricStatus = struct<ExternalMetricStatus>(
  'autoscaling.v2.ExternalMetricStatus',
  externalMetricStatusFields,
)

const metricValueStatusFields = {
  value: ptr(1, quantity),
  averageValue: ptr(2, quantity),
  averageUtilization: ptr(3, int32),
} as const

export interface MetricValueStatus extends Shape<typeof metricValueStatusFields> {}
export const MetricValueStatus = struct<MetricValueStatus>(
  'autoscaling.v2.MetricValueStatus',
  metricValueStatusFields,
)
