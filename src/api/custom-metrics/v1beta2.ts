import {
  always,
  body,
  int64,
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
import { ObjectReference } from '../core/common.ts'
import { LabelSelector, ListMeta } from '../meta/object-meta.ts'

const metricIdentifierFields = {
  name: req(1, str),
  selector: opt(2, () => LabelSelector),
} as const

export interface MetricIdentifier extends Shape<typeof metricIdentifierFields> {}
export const MetricIdentifier = struct<MetricIdentifier>(
  'custom_metrics.v1beta2.MetricIdentifier',
  metricIdentifierFields,
)

const metricValueListFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  items: req(
    2,
    listOf(() => MetricValue),
  ),
} as const

export interface MetricValueList extends Shape<typeof metricValueListFields> {}
export const MetricValueList = body<MetricValueList>(
  'custom_metrics.v1beta2.MetricValueList',
  metricValueListFields,
  { group: 'custom.metrics.k8s.io' },
)

const metricValueFields = {
  ...typeMeta,
  describedObject: req(1, () => ObjectReference),
  metric: req(2, () => MetricIdentifier),
  timestamp: req(3, time),
  windowSeconds: ptr(4, int64),
  value: req(5, quantity),
} as const

export interface MetricValue extends Shape<typeof metricValueFields> {}
export const MetricValue = body<MetricValue>('custom_metrics.v1beta2.MetricValue', metricValueFields, {
  group: 'custom.metrics.k8s.io',
})

const metricListOptionsFields = {
  ...typeMeta,
  labelSelector: opt(1, str),
  metricLabelSelector: opt(2, str),
} as const

export interface MetricListOptions extends Shape<typeof metricListOptionsFields> {}
export const MetricListOptions = body<MetricListOptions>(
  'custom_metrics.v1beta2.MetricListOptions',
  metricListOptionsFields,
  { group: 'custom.metrics.k8s.io' },
)
