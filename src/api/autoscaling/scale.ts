import { always, body, int32, opt, req, type Shape, str, struct, typeMeta } from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const scaleFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ScaleSpec),
  status: always(3, () => ScaleStatus),
} as const

export interface Scale extends Shape<typeof scaleFields> {}
export const Scale = body<Scale>('autoscaling.v1.Scale', scaleFields, {
  doc: 'The number of replicas of a workload.',
  group: 'autoscaling',
})

const scaleSpecFields = {
  replicas: opt(1, int32, { default: 0 }),
} as const

export interface ScaleSpec extends Shape<typeof scaleSpecFields> {}
export const ScaleSpec = struct<ScaleSpec>('autoscaling.v1.ScaleSpec', scaleSpecFields)

const scaleStatusFields = {
  replicas: req(1, int32),
  selector: opt(2, str),
} as const

export interface ScaleStatus extends Shape<typeof scaleStatusFields> {}
export const ScaleStatus = struct<ScaleStatus>('autoscaling.v1.ScaleStatus', scaleStatusFields)
