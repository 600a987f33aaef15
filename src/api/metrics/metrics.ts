import {
  always,
  duration,
  kind,
  listOf,
  mapOf,
  quantity,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const nodeMetricsFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  timestamp: req(2, time),
  window: req(3, duration),
  usage: req(4, mapOf(quantity)),
} as const

export interface NodeMetrics extends Shape<typeof nodeMetricsFields> {}
export const NodeMetrics = kind<NodeMetrics>('metrics.v1beta1.NodeMetrics', nodeMetricsFields, {
  doc: 'What a node uses now.',
  group: 'metrics.k8s.io',
  plural: 'nodes',
  cluster: true,
  verbs: ['get', 'list'],
})

const podMetricsFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  timestamp: req(2, time),
  window: req(3, duration),
  containers: req(
    4,
    listOf(() => ContainerMetrics),
  ),
} as const

export interface PodMetrics extends Shape<typeof podMetricsFields> {}
export const PodMetrics = kind<PodMetrics>('metrics.v1beta1.PodMetrics', podMetricsFields, {
  doc: "What a pod's containers use now.",
  group: 'metrics.k8s.io',
  plural: 'pods',
  verbs: ['get', 'list'],
})

const containerMetricsFields = {
  name: req(1, str),
  usage: req(2, mapOf(quantity)),
} as const

export interface ContainerMetrics extends Shape<typeof containerMetricsFields> {}
export const ContainerMetrics = struct<ContainerMetrics>(
  'metrics.v1beta1.ContainerMetrics',
  containerMetricsFields,
)
