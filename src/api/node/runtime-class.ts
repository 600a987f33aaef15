import {
  always,
  kind,
  listOf,
  mapOf,
  opt,
  quantity,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { Toleration } from '../core/affinity.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const runtimeClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  handler: req(2, str),
  overhead: opt(3, () => Overhead),
  scheduling: opt(4, () => Scheduling),
} as const

export interface RuntimeClass extends Shape<typeof runtimeClassFields> {}
export const RuntimeClass = kind<RuntimeClass>('node.v1.RuntimeClass', runtimeClassFields, {
  doc: 'A way to run containers that pods can ask for.',
  group: 'node.k8s.io',
  plural: 'runtimeclasses',
  cluster: true,
})

const overheadFields = {
  podFixed: opt(1, mapOf(quantity)),
} as const

export interface Overhead extends Shape<typeof overheadFields> {}
export const Overhead = struct<Overhead>('node.v1.Overhead', overheadFields)

const schedulingFields = {
  nodeSelector: opt(1, mapOf(str, { atomic: true })),
  tolerations: opt(
    2,
    listOf(() => Toleration),
  ),
} as const

export interface Scheduling extends Shape<typeof schedulingFields> {}
export const Scheduling = struct<Scheduling>('node.v1.Scheduling', schedulingFields)
