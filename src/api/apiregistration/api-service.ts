import {
  always,
  anyOf,
  bool,
  bytes,
  int32,
  kind,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const ConditionStatus = anyOf('True', 'False', 'Unknown')

export const APIServiceConditionType = anyOf('Available')

const serviceReferenceFields = {
  namespace: opt(1, str),
  name: opt(2, str),
  port: ptr(3, int32),
} as const

export interface ServiceReference extends Shape<typeof serviceReferenceFields> {}
export const ServiceReference = struct<ServiceReference>(
  'apiregistration.v1.ServiceReference',
  serviceReferenceFields,
)

const apiServiceSpecFields = {
  service: opt(1, () => ServiceReference),
  group: opt(2, str),
  version: opt(3, str),
  insecureSkipTLSVerify: opt(4, bool),
  caBundle: opt(5, bytes),
  groupPriorityMinimum: req(7, int32),
  versionPriority: req(8, int32),
} as const

export interface APIServiceSpec extends Shape<typeof apiServiceSpecFields> {}
export const APIServiceSpec = struct<APIServiceSpec>(
  'apiregistration.v1.APIServiceSpec',
  apiServiceSpecFields,
)

const apiServiceConditionFields = {
  type: req(1, APIServiceConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface APIServiceCondition extends Shape<typeof apiServiceConditionFields> {}
export const APIServiceCondition = struct<APIServiceCondition>(
  'apiregistration.v1.APIServiceCondition',
  apiServiceConditionFields,
)

const apiServiceStatusFields = {
  conditions: opt(
    1,
    listOf(() => APIServiceCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface APIServiceStatus extends Shape<typeof apiServiceStatusFields> {}
export const APIServiceStatus = struct<APIServiceStatus>(
  'apiregistration.v1.APIServiceStatus',
  apiServiceStatusFields,
)

const apiServiceFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => APIServiceSpec),
  status: always(3, () => APIServiceStatus),
} as const

export interface APIService extends Shape<typeof apiServiceFields> {}
export const APIService = kind<APIService>('apiregistration.v1.APIService', apiServiceFields, {
  doc: 'A group version that another server serves.',
  group: 'apiregistration.k8s.io',
  plural: 'apiservices',
  categories: ['api-extensions'],
  cluster: true,
  subresources: {
    status: { kind: 'APIService', verbs: ['get', 'patch', 'update'] },
  },
})
