import { always, bool, int32, kind, opt, ptr, type Shape, str, typeMeta } from '../../schema/index.ts'
import { PreemptionPolicy } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const priorityClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  value: always(2, int32),
  globalDefault: opt(3, bool),
  description: opt(4, str),
  preemptionPolicy: ptr(5, PreemptionPolicy),
} as const

export interface PriorityClass extends Shape<typeof priorityClassFields> {}
export const PriorityClass = kind<PriorityClass>('scheduling.v1.PriorityClass', priorityClassFields, {
  doc: 'A named priority for pods: higher ones are scheduled first and may displace lower ones.',
  group: 'scheduling.k8s.io',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  cluster: true,
})
