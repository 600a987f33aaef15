import { always, int64, kind, opt, rawObject, req, type Shape, typeMeta } from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const controllerRevisionFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  data: opt(2, rawObject),
  revision: req(3, int64),
} as const

export interface ControllerRevision extends Shape<typeof controllerRevisionFields> {}
export const ControllerRevision = kind<ControllerRevision>(
  'apps.v1.ControllerRevision',
  controllerRevisionFields,
  { doc: "An immutable snapshot of a workload's template.", group: 'apps', plural: 'controllerrevisions' },
)
