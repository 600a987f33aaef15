import {
  always,
  body,
  bool,
  int64,
  kind,
  listOf,
  mapOf,
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

const tokenReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => TokenReviewSpec),
  status: always(3, () => TokenReviewStatus),
} as const

export interface TokenReview extends Shape<typeof tokenReviewFields> {}
export const TokenReview = kind<TokenReview>('authentication.v1.TokenReview', tokenReviewFields, {
  doc: 'Asks whose token this is.',
  group: 'authentication.k8s.io',
  plural: 'tokenreviews',
  cluster: true,
  verbs: ['create'],
})

const tokenReviewSpecFields = {
  token: req(1, str, { omitEmpty: true }),
  audiences: opt(2, listOf(str)),
} as const

export interface TokenReviewSpec extends Shape<typeof tokenReviewSpecFields> {}
export const TokenReviewSpec = struct<TokenReviewSpec>(
  'authentication.v1.TokenReviewSpec',
  tokenReviewSpecFields,
)

const tokenReviewStatusFields = {
  authenticated: opt(1, bool),
  user: always(2, () => UserInfo),
  audiences: opt(4, listOf(str)),
  error: opt(3, str),
} as const

export interface TokenReviewStatus extends Shape<typeof tokenReviewStatusFields> {}
export const TokenReviewStatus = struct<TokenReviewStatus>(
  'authentication.v1.TokenReviewStatus',
  tokenReviewStatusFields,
)

const userInfoFields = {
  username: opt(1, str),
  uid: opt(2, str),
  groups: opt(3, listOf(str)),
  extra: opt(4, mapOf(listOf(str, { boxed: true }))),
} as const

export interface UserInfo extends Shape<typeof userInfoFields> {}
export const UserInfo = struct<UserInfo>('authentication.v1.UserInfo', userInfoFields)

const tokenRequestFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => TokenRequestSpec),
  status: always(3, () => TokenRequestStatus),
} as const

export interface TokenRequest extends Shape<typeof tokenRequestFields> {}
export const TokenRequest = body<TokenRequest>('authentication.v1.TokenRequest', tokenRequestFields, {
  doc: 'Asks for a token of a service account.',
  group: 'authentication.k8s.io',
})

const tokenRequestSpecFields = {
  audiences: always(1, listOf(str)),
  expirationSeconds: ptr(4, int64),
  boundObjectRef: opt(3, () => BoundObjectReference),
} as const

export interface TokenRequestSpec extends Shape<typeof tokenRequestSpecFields> {}
export const TokenRequestSpec = struct<TokenRequestSpec>(
  'authentication.v1.TokenRequestSpec',
  tokenRequestSpecFields,
)

const tokenRequestStatusFields = {
  token: always(1, str),
  expirationTimestamp: opt(2, time),
} as const

export interface TokenRequestStatus extends Shape<typeof tokenRequestStatusFields> {}
export const TokenRequestStatus = struct<TokenRequestStatus>(
  'authentication.v1.TokenRequestStatus',
  tokenRequestStatusFields,
)

const boundObjectReferenceFields = {
  kind: opt(1, str),
  apiVersion: opt(2, str),
  name: opt(3, str),
  uid: opt(4, str),
} as const

export interface BoundObjectReference extends Shape<typeof boundObjectReferenceFields> {}
export const BoundObjectReference = struct<BoundObjectReference>(
  'authentication.v1.BoundObjectReference',
  boundObjectReferenceFields,
)

const selfSubjectReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  status: always(2, () => SelfSubjectReviewStatus),
} as const

export interface SelfSubjectReview extends Shape<typeof selfSubjectReviewFields> {}
export const SelfSubjectReview = kind<SelfSubjectReview>(
  'authentication.v1.SelfSubjectReview',
  selfSubjectReviewFields,
  {
    doc: 'Asks who the caller is.',
    group: 'authentication.k8s.io',
    plural: 'selfsubjectreviews',
    cluster: true,
    verbs: ['create'],
  },
)

const selfSubjectReviewStatusFields = {
  userInfo: always(1, () => UserInfo),
} as const

export interface SelfSubjectReviewStatus extends Shape<typeof selfSubjectReviewStatusFields> {}
export const SelfSubjectReviewStatus = struct<SelfSubjectReviewStatus>(
  'authentication.v1.SelfSubjectReviewStatus',
  selfSubjectReviewStatusFields,
)
