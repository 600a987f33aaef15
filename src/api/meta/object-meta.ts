import {
  anyOf,
  bool,
  fieldsV1,
  given,
  int64,
  listOf,
  mapOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  time,
} from '../../schema/index.ts'
import { ConditionStatus, LabelSelectorRequirement } from './common.ts'

export const ManagedFieldsOperationType = anyOf('Apply', 'Update')

const listMetaFields = {
  selfLink: opt(1, str, { deprecated: true }),
  resourceVersion: opt(2, str),
  continue: opt(3, str),
  remainingItemCount: ptr(4, int64),
  shardInfo: opt(5, () => ShardInfo, { gates: ['ShardedListAndWatch'] }),
} as const

export interface ListMeta extends Shape<typeof listMetaFields> {}
export const ListMeta = struct<ListMeta>('meta.v1.ListMeta', listMetaFields)

const shardInfoFields = {
  selector: req(1, str),
} as const

export interface ShardInfo extends Shape<typeof shardInfoFields> {}
export const ShardInfo = struct<ShardInfo>('meta.v1.ShardInfo', shardInfoFields)

const objectMetaFields = {
  name: given(1, str, { doc: 'Unique in its namespace for its kind. Cannot be changed.' }),
  generateName: opt(2, str, { doc: 'Used with a random suffix when there is no name.' }),
  namespace: opt(3, str),
  selfLink: opt(4, str, { deprecated: true }),
  uid: given(5, str),
  resourceVersion: given(6, str, { doc: 'Changes with every write. Compare for equality only.' }),
  generation: opt(7, int64, { doc: 'Counts changes of what is wanted.' }),
  creationTimestamp: given(8, time),
  deletionTimestamp: ptr(9, time, {
    doc: 'The object is being deleted; it goes when no finalizer holds it.',
  }),
  deletionGracePeriodSeconds: ptr(10, int64),
  labels: opt(11, mapOf(str), { doc: 'Short facts to select objects by.' }),
  annotations: opt(12, mapOf(str), { doc: 'Any other facts; at most 256 KiB in all.' }),
  ownerReferences: opt(
    13,
    listOf(() => OwnerReference, { mapKeys: ['uid'], merge: 'uid' }),
  ),
  finalizers: opt(14, listOf(str, { set: true, merge: true }), {
    doc: 'The object stays until these are removed.',
  }),
  managedFields: opt(
    17,
    listOf(() => ManagedFieldsEntry),
  ),
} as const

export interface ObjectMeta extends Shape<typeof objectMetaFields> {}
export const ObjectMeta = struct<ObjectMeta>('meta.v1.ObjectMeta', objectMetaFields, {
  doc: 'What every object has: its name, labels, owner and history.',
})

const ownerReferenceFields = {
  apiVersion: req(5, str),
  kind: req(1, str),
  name: req(3, str),
  uid: req(4, str),
  controller: ptr(6, bool),
  blockOwnerDeletion: ptr(7, bool),
} as const

export interface OwnerReference extends Shape<typeof ownerReferenceFields> {}
export const OwnerReference = struct<OwnerReference>('meta.v1.OwnerReference', ownerReferenceFields, {
  doc: 'The object that this one belongs to: it is deleted with its owner.',
  atomic: true,
})

const labelSelectorFields = {
  matchLabels: opt(1, mapOf(str)),
  matchExpressions: opt(
    2,
    listOf(() => LabelSelectorRequirement),
  ),
} as const

export interface LabelSelector extends Shape<typeof labelSelectorFields> {}
export const LabelSelector = struct<LabelSelector>('meta.v1.LabelSelector', labelSelectorFields, {
  doc: 'Selects objects by their labels. Empty selects all, absent none; both parts must match.',
  atomic: true,
})

const managedFieldsEntryFields = {
  manager: opt(1, str),
  operation: opt(2, ManagedFieldsOperationType),
  apiVersion: opt(3, str),
  time: ptr(4, time),
  fieldsType: opt(6, str),
  fieldsV1: ptr(7, fieldsV1),
  subresource: opt(8, str),
} as const

export interface ManagedFieldsEntry extends Shape<typeof managedFieldsEntryFields> {}
export const ManagedFieldsEntry = struct<ManagedFieldsEntry>(
  'meta.v1.ManagedFieldsEntry',
  managedFieldsEntryFields,
)

const conditionFields = {
  type: req(1, str),
  status: req(2, ConditionStatus),
  observedGeneration: opt(3, int64),
  lastTransitionTime: req(4, time),
  reason: req(5, str),
  message: req(6, str),
} as const

export interface Condition extends Shape<typeof conditionFields> {}
export const Condition = struct<Condition>('meta.v1.Condition', conditionFields)
