import { always, body, bytes, kind, opt, req, type Shape, str, struct, typeMeta } from '../../schema/index.ts'
import { ObjectMeta, OwnerReference } from '../meta/object-meta.ts'
import { ObjectReference } from './common.ts'

const podSignatureFields = {
  podController: opt(1, () => OwnerReference),
} as const

export interface PodSignature extends Shape<typeof podSignatureFields> {}
export const PodSignature = struct<PodSignature>('core.v1.PodSignature', podSignatureFields)

const bindingFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  target: req(2, () => ObjectReference),
} as const

export interface Binding extends Shape<typeof bindingFields> {}
export const Binding = kind<Binding>('core.v1.Binding', bindingFields, {
  doc: 'Assigns a pod to a node.',
  group: '',
  plural: 'bindings',
  verbs: ['create'],
})

const rangeAllocationFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  range: req(2, str),
  data: req(3, bytes),
} as const

export interface RangeAllocation extends Shape<typeof rangeAllocationFields> {}
export const RangeAllocation = body<RangeAllocation>('core.v1.RangeAllocation', rangeAllocationFields, {
  group: '',
})
