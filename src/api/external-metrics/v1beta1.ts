import {
  always,
  body,
  int64,
  listOf,
  mapOf,
  ptr,
  quantity,
  req,
  type Shape,
  str,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ListMeta } from '../meta/object-meta.ts'

const externalMetricValueListFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  items: req(
    2,
    listOf(() => ExternalMetricValue),
  ),
} as const

export interface ExternalMetricValueList extends Shape<typeof externalMetricValueListFields> {}
export const ExternalMetricValueList = body<ExternalMetricValueList>(
  'external_metrics.v1beta1.ExternalMetricValueList',
  externalMetricValueListFields,
  { group: 'external.metrics.k8s.io' },
)

const externalMetricValueFields = {
  ...typeMeta,
  metricName: req(1, str),
  metricLabels: req(2, mapOf(str)),
  timestamp: req(3, time),
  window: ptr(4, int64),
  value: req(5, quantity),
} as const

export interface ExternalMetricValue extends Shape<typeof externalMetricValueFields> {}
export const ExternalMetricValue = body<ExternalMetricValue>(
  'external_metrics.v1beta1.ExternalMetricValue',
  externalMetricValueFields,
  { group: 'external.metrics.k8s.io' },
)
