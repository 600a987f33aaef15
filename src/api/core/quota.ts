import {
  always,
  anyOf,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  quantity,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const LimitType = anyOf('Pod', 'Container', 'PersistentVolumeClaim')

export const ResourceQuotaScope = oneOf(
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
)
export type ResourceQuotaScope = TypeOf<typeof ResourceQuotaScope>

export const ScopeSelectorOperator = oneOf('In', 'NotIn', 'Exists', 'DoesNotExist')
export type ScopeSelectorOperator = TypeOf<typeof ScopeSelectorOperator>

const limitRangeItemFields = {
  type: req(1, LimitType),
  max: opt(2, mapOf(quantity)),
  min: opt(3, mapOf(quantity)),
  default: opt(4, mapOf(quantity)),
  defaultRequest: opt(5, mapOf(quantity)),
  maxLimitRequestRatio: opt(6, mapOf(quantity)),
} as const

export interface LimitRangeItem extends Shape<typeof limitRangeItemFields> {}
export const LimitRangeItem = struct<LimitRangeItem>('core.v1.LimitRangeItem', limitRangeItemFields)

const limitRangeSpecFields = {
  limits: req(
    1,
    listOf(() => LimitRangeItem),
  ),
} as const

export interface LimitRangeSpec extends Shape<typeof limitRangeSpecFields> {}
export const LimitRangeSpec = struct<LimitRangeSpec>('core.v1.LimitRangeSpec', limitRangeSpecFields)

const limitRangeFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => LimitRangeSpec),
} as const

export interface LimitRange extends Shape<typeof limitRangeFields> {}
export const LimitRange = kind<LimitRange>('core.v1.LimitRange', limitRangeFields, {
  doc: 'Limits and default resources for each pod, container or claim of a namespace.',
  group: '',
  plural: 'limitranges',
  shortNames: ['limits'],
})

const resourceQuotaSpecFields = {
  hard: opt(1, mapOf(quantity)),
  scopes: opt(2, listOf(ResourceQuotaScope)),
  scopeSelector: opt(3, () => ScopeSelector),
} as const

export interface ResourceQuotaSpec extends Shape<typeof resourceQuotaSpecFields> {}
export const ResourceQuotaSpec = struct<ResourceQuotaSpec>(
  'core.v1.ResourceQuotaSpec',
  resourceQuotaSpecFields,
)

const scopeSelectorFields = {
  matchExpressions: opt(
    1,
    listOf(() => ScopedResourceSelectorRequirement),
  ),
} as const

export interface ScopeSelector extends Shape<typeof scopeSelectorFields> {}
export const ScopeSelector = struct<ScopeSelector>('core.v1.ScopeSelector', scopeSelectorFields, {
  atomic: true,
})

const scopedResourceSelectorRequirementFields = {
  scopeName: req(1, ResourceQuotaScope),
  operator: req(2, ScopeSelectorOperator),
  values: opt(3, listOf(str)),
} as const

export interface ScopedResourceSelectorRequirement
  extends Shape<typeof scopedResourceSelectorRequirementFields> {}
export const ScopedResourceSelectorRequirement = struct<ScopedResourceSelectorRequirement>(
  'core.v1.ScopedResourceSelectorRequirement',
  scopedResourceSelectorRequirementFields,
)

const resourceQuotaStatusFields = {
  hard: opt(1, mapOf(quantity)),
  used: opt(2, mapOf(quantity)),
} as const

export interface ResourceQuotaStatus extends Shape<typeof resourceQuotaStatusFields> {}
export const ResourceQuotaStatus = struct<ResourceQuotaStatus>(
  'core.v1.ResourceQuotaStatus',
  resourceQuotaStatusFields,
)

const resourceQuotaFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ResourceQuotaSpec),
  status: always(3, () => ResourceQuotaStatus),
} as const

export interface ResourceQuota extends Shape<typeof resourceQuotaFields> {}
export const ResourceQuota = kind<ResourceQuota>('core.v1.ResourceQuota', resourceQuotaFields, {
  doc: 'Limits for the sum of what a namespace uses.',
  group: '',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  subresources: {
    status: { kind: 'ResourceQuota', verbs: ['get', 'patch', 'update'] },
  },
})
