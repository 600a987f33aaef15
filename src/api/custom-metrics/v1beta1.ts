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
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectReference } from '../core/common.ts'
import { LabelSelector, ListMeta } from '../meta/object-meta.ts'

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
  'custom_metrics.v1beta1.MetricValueList',
  metricValueListFields,
  { group: 'custom.metrics.k8s.io' },
)

const metricValueFields = {
  ...typeMeta,
  describedObject: req(1, () => ObjectReference),
  metricName: req(2, str),
  timestamp: req(3, time),
  window: ptr(4, int64),
  value: req(5, quantity),
  selector: opt(6, () => LabelSelector),
} as const

export interface MetricValue extends Shape<typeof metricValueFields> {}
export const MetricValue = body<MetricValue>('custom_metrics.v1beta1.MetricValue', metricValueFields, {
  group: 'custom.metrics.k8s.io',
})

const metricListOptionsFields = {
  ...typeMeta,
  labelSelector: opt(1, str),
  metricLabelSelector: opt(2, str),
} as const

export interface MetricListOptions extends Shape<typeof metricListOptionsFields> {}
export const MetricListOptions = body<MetricListOptions>(
  'custom_metrics.v1beta1.MetricListOptions',
  metricListOptionsFields,
  { group: 'custom.metrics.k8s.io' },
)
