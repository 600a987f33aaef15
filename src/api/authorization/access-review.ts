import {
  always,
  bool,
  kind,
  listOf,
  mapOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { LabelSelectorRequirement } from '../meta/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { FieldSelectorRequirement } from '../meta/options.ts'

const subjectAccessReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => SubjectAccessReviewSpec),
  status: always(3, () => SubjectAccessReviewStatus),
} as const

export interface SubjectAccessReview extends Shape<typeof subjectAccessReviewFields> {}
export const SubjectAccessReview = kind<SubjectAccessReview>(
  'authorization.v1.SubjectAccessReview',
  subjectAccessReviewFields,
  {
    doc: 'Asks whether somebody may do something.',
    group: 'authorization.k8s.io',
    plural: 'subjectaccessreviews',
    cluster: true,
    verbs: ['create'],
  },
)

const selfSubjectAccessReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => SelfSubjectAccessReviewSpec),
  status: always(3, () => SubjectAccessReviewStatus),
} as const

export interface SelfSubjectAccessReview extends Shape<typeof selfSubjectAccessReviewFields> {}
export const SelfSubjectAccessReview = kind<SelfSubjectAccessReview>(
  'authorization.v1.SelfSubjectAccessReview',
  selfSubjectAccessReviewFields,
  {
    doc: 'Asks whether the caller may do something.',
    group: 'authorization.k8s.io',
    plural: 'selfsubjectaccessreviews',
    cluster: true,
    verbs: ['create'],
  },
)

const localSubjectAccessReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => SubjectAccessReviewSpec),
  status: always(3, () => SubjectAccessReviewStatus),
} as const

export interface LocalSubjectAccessReview extends Shape<typeof localSubjectAccessReviewFields> {}
export const LocalSubjectAccessReview = kind<LocalSubjectAccessReview>(
  'authorization.v1.LocalSubjectAccessReview',
  localSubjectAccessReviewFields,
  {
    doc: 'Asks whether somebody may do something in a namespace.',
    group: 'authorization.k8s.io',
    plural: 'localsubjectaccessreviews',
    verbs: ['create'],
  },
)

const resourceAttributesFields = {
  namespace: opt(1, str),
  verb: opt(2, str),
  group: opt(3, str),
  version: opt(4, str),
  resource: opt(5, str),
  subresource: opt(6, str),
  name: opt(7, str),
  fieldSelector: opt(8, () => FieldSelectorAttributes),
  labelSelector: opt(9, () => LabelSelectorAttributes),
} as const

export interface ResourceAttributes extends Shape<typeof resourceAttributesFields> {}
export const ResourceAttributes = struct<ResourceAttributes>(
  'authorization.v1.ResourceAttributes',
  resourceAttributesFields,
)

const labelSelectorAttributesFields = {
  rawSelector: opt(1, str),
  requirements: opt(
    2,
    listOf(() => LabelSelectorRequirement),
  ),
} as const

export interface LabelSelectorAttributes extends Shape<typeof labelSelectorAttributesFields> {}
export const LabelSelectorAttributes = struct<LabelSelectorAttributes>(
  'authorization.v1.LabelSelectorAttributes',
  labelSelectorAttributesFields,
)

const fieldSelectorAttributesFields = {
  rawSelector: opt(1, str),
  requirements: opt(
    2,
    listOf(() => FieldSelectorRequirement),
  ),
} as const

export interface FieldSelectorAttributes extends Shape<typeof fieldSelectorAttributesFields> {}
export const FieldSelectorAttributes = struct<FieldSelectorAttributes>(
  'authorization.v1.FieldSelectorAttributes',
  fieldSelectorAttributesFields,
)

const nonResourceAttributesFields = {
  path: opt(1, str),
  verb: opt(2, str),
} as const

export interface NonResourceAttributes extends Shape<typeof nonResourceAttributesFields> {}
export const NonResourceAttributes = struct<NonResourceAttributes>(
  'authorization.v1.NonResourceAttributes',
  nonResourceAttributesFields,
)

const subjectAccessReviewSpecFields = {
  resourceAttributes: opt(1, () => ResourceAttributes),
  nonResourceAttributes: opt(2, () => NonResourceAttributes),
  user: opt(3, str),
  groups: opt(4, listOf(str)),
  extra: opt(5, mapOf(listOf(str, { boxed: true }))),
  uid: opt(6, str),
} as const

export interface SubjectAccessReviewSpec extends Shape<typeof subjectAccessReviewSpecFields> {}
export const SubjectAccessReviewSpec = struct<SubjectAccessReviewSpec>(
  'authorization.v1.SubjectAccessReviewSpec',
  subjectAccessReviewSpecFields,
)

const selfSubjectAccessReviewSpecFields = {
  resourceAttributes: opt(1, () => ResourceAttributes),
  nonResourceAttributes: opt(2, () => NonResourceAttributes),
} as const

export interface SelfSubjectAccessReviewSpec extends Shape<typeof selfSubjectAccessReviewSpecFields> {}
export const SelfSubjectAccessReviewSpec = struct<SelfSubjectAccessReviewSpec>(
  'authorization.v1.SelfSubjectAccessReviewSpec',
  selfSubjectAccessReviewSpecFields,
)

const subjectAccessReviewStatusFields = {
  allowed: req(1, bool),
  denied: opt(4, bool),
  reason: opt(2, str),
  evaluationError: opt(3, str),
} as const

export interface SubjectAccessReviewStatus extends Shape<typeof subjectAccessReviewStatusFields> {}
export const SubjectAccessReviewStatus = struct<SubjectAccessReviewStatus>(
  'authorization.v1.SubjectAccessReviewStatus',
  subjectAccessReviewStatusFields,
)

const selfSubjectRulesReviewFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => SelfSubjectRulesReviewSpec),
  status: always(3, () => SubjectRulesReviewStatus),
} as const

export interface SelfSubjectRulesReview extends Shape<typeof selfSubjectRulesReviewFields> {}
export const SelfSubjectRulesReview = kind<SelfSubjectRulesReview>(
  'authorization.v1.SelfSubjectRulesReview',
  selfSubjectRulesReviewFields,
  {
    doc: 'Asks what the caller may do in a namespace.',
    group: 'authorization.k8s.io',
    plural: 'selfsubjectrulesreviews',
    cluster: true,
    verbs: ['create'],
  },
)

const selfSubjectRulesReviewSpecFields = {
  namespace: opt(1, str),
} as const

export interface SelfSubjectRulesReviewSpec extends Shape<typeof selfSubjectRulesReviewSpecFields> {}
export const SelfSubjectRulesReviewSpec = struct<SelfSubjectRulesReviewSpec>(
  'authorization.v1.SelfSubjectRulesReviewSpec',
  selfSubjectRulesReviewSpecFields,
)

const subjectRulesReviewStatusFields = {
  resourceRules: req(
    1,
    listOf(() => ResourceRule),
  ),
  nonResourceRules: req(
    2,
    listOf(() => NonResourceRule),
  ),
  incomplete: req(3, bool),
  evaluationError: opt(4, str),
} as const

export interface SubjectRulesReviewStatus extends Shape<typeof subjectRulesReviewStatusFields> {}
export const SubjectRulesReviewStatus = struct<SubjectRulesReviewStatus>(
  'authorization.v1.SubjectRulesReviewStatus',
  subjectRulesReviewStatusFields,
)

const resourceRuleFields = {
  verbs: req(1, listOf(str)),
  apiGroups: opt(2, listOf(str)),
  resources: opt(3, listOf(str)),
  resourceNames: opt(4, listOf(str)),
} as const

export interface ResourceRule extends Shape<typeof resourceRuleFields> {}
export const ResourceRule = struct<ResourceRule>('authorization.v1.ResourceRule', resourceRuleFields)

const nonResourceRuleFields = {
  verbs: req(1, listOf(str)),
  nonResourceURLs: opt(2, listOf(str)),
} as const

export interface NonResourceRule extends Shape<typeof nonResourceRuleFields> {}
export const NonResourceRule = struct<NonResourceRule>(
  'authorization.v1.NonResourceRule',
  nonResourceRuleFields,
)
