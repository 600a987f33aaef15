import {
  always,
  anyOf,
  body,
  bool,
  bytes,
  listOf,
  mapOf,
  opt,
  ptr,
  rawObject,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { UserInfo } from '../authentication/token.ts'
import { GroupVersionKind, GroupVersionResource } from '../meta/group-kind.ts'
import { Status } from '../meta/status.ts'

export const PatchType = anyOf('JSONPatch')

export const Operation = anyOf('CREATE', 'UPDATE', 'DELETE', 'CONNECT')

const admissionReviewFields = {
  ...typeMeta,
  request: opt(1, () => AdmissionRequest),
  response: opt(2, () => AdmissionResponse),
} as const

export interface AdmissionReview extends Shape<typeof admissionReviewFields> {}
export const AdmissionReview = body<AdmissionReview>('admission.v1.AdmissionReview', admissionReviewFields, {
  group: 'admission.k8s.io',
})

const admissionRequestFields = {
  uid: always(1, str),
  kind: always(2, () => GroupVersionKind),
  resource: always(3, () => GroupVersionResource),
  subResource: opt(4, str),
  requestKind: opt(13, () => GroupVersionKind),
  requestResource: opt(14, () => GroupVersionResource),
  requestSubResource: opt(15, str),
  name: opt(5, str),
  namespace: opt(6, str),
  operation: always(7, Operation),
  userInfo: always(8, () => UserInfo),
  object: opt(9, rawObject),
  oldObject: opt(10, rawObject),
  dryRun: ptr(11, bool),
  options: opt(12, rawObject),
} as const

export interface AdmissionRequest extends Shape<typeof admissionRequestFields> {}
export const AdmissionRequest = struct<AdmissionRequest>(
  'admission.v1.AdmissionRequest',
  admissionRequestFields,
)

const admissionResponseFields = {
  uid: always(1, str),
  allowed: always(2, bool),
  status: opt(3, () => Status),
  patch: opt(4, bytes),
  patchType: ptr(5, PatchType),
  auditAnnotations: opt(6, mapOf(str)),
  warnings: opt(7, listOf(str)),
} as const

export interface AdmissionResponse extends Shape<typeof admissionResponseFields> {}
export const AdmissionResponse = struct<AdmissionResponse>(
  'admission.v1.AdmissionResponse',
  admissionResponseFields,
)
