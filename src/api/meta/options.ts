import {
  anyOf,
  body,
  bool,
  int64,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'

export const ResourceVersionMatch = anyOf('NotOlderThan', 'Exact')

export const DeletionPropagation = anyOf('Orphan', 'Background', 'Foreground')

export const FieldSelectorOperator = anyOf('In', 'NotIn', 'Exists', 'DoesNotExist')

export const IncludeObjectPolicy = anyOf('None', 'Metadata', 'Object')

const listOptionsFields = {
  ...typeMeta,
  labelSelector: opt(1, str),
  fieldSelector: opt(2, str),
  watch: opt(3, bool),
  allowWatchBookmarks: opt(9, bool),
  resourceVersion: opt(4, str),
  resourceVersionMatch: opt(10, ResourceVersionMatch),
  timeoutSeconds: ptr(5, int64),
  limit: opt(7, int64),
  continue: opt(8, str),
  sendInitialEvents: ptr(11, bool),
  shardSelector: opt(15, str, { gates: ['ShardedListAndWatch'] }),
} as const

export interface ListOptions extends Shape<typeof listOptionsFields> {}
export const ListOptions = body<ListOptions>('meta.v1.ListOptions', listOptionsFields, { group: '' })

const getOptionsFields = {
  ...typeMeta,
  resourceVersion: opt(1, str),
} as const

export interface GetOptions extends Shape<typeof getOptionsFields> {}
export const GetOptions = body<GetOptions>('meta.v1.GetOptions', getOptionsFields, { group: '' })

const deleteOptionsFields = {
  ...typeMeta,
  gracePeriodSeconds: ptr(1, int64),
  preconditions: opt(2, () => Preconditions),
  orphanDependents: ptr(3, bool, { deprecated: true }),
  propagationPolicy: ptr(4, DeletionPropagation),
  dryRun: opt(5, listOf(str)),
  ignoreStoreReadErrorWithClusterBreakingPotential: ptr(6, bool),
} as const

export interface DeleteOptions extends Shape<typeof deleteOptionsFields> {}
export const DeleteOptions = body<DeleteOptions>('meta.v1.DeleteOptions', deleteOptionsFields, {
  doc: 'How to delete.',
  group: '',
})

const createOptionsFields = {
  ...typeMeta,
  dryRun: opt(1, listOf(str)),
  fieldManager: opt(3, str),
  fieldValidation: opt(4, str),
} as const

export interface CreateOptions extends Shape<typeof createOptionsFields> {}
export const CreateOptions = body<CreateOptions>('meta.v1.CreateOptions', createOptionsFields, { group: '' })

const patchOptionsFields = {
  ...typeMeta,
  dryRun: opt(1, listOf(str)),
  force: ptr(2, bool),
  fieldManager: opt(3, str),
  fieldValidation: opt(4, str),
} as const

export interface PatchOptions extends Shape<typeof patchOptionsFields> {}
export const PatchOptions = body<PatchOptions>('meta.v1.PatchOptions', patchOptionsFields, { group: '' })

const applyOptionsFields = {
  ...typeMeta,
  dryRun: opt(1, listOf(str)),
  force: req(2, bool),
  fieldManager: req(3, str),
} as const

export interface ApplyOptions extends Shape<typeof applyOptionsFields> {}
export const ApplyOptions = body<ApplyOptions>('meta.v1.ApplyOptions', applyOptionsFields, { group: '' })

const updateOptionsFields = {
  ...typeMeta,
  dryRun: opt(1, listOf(str)),
  fieldManager: opt(2, str),
  fieldValidation: opt(3, str),
} as const

export interface UpdateOptions extends Shape<typeof updateOptionsFields> {}
export const UpdateOptions = body<UpdateOptions>('meta.v1.UpdateOptions', updateOptionsFields, { group: '' })

const preconditionsFields = {
  uid: ptr(1, str),
  resourceVersion: ptr(2, str),
} as const

export interface Preconditions extends Shape<typeof preconditionsFields> {}
export const Preconditions = struct<Preconditions>('meta.v1.Preconditions', preconditionsFields)

const fieldSelectorRequirementFields = {
  key: req(1, str),
  operator: req(2, FieldSelectorOperator),
  values: opt(3, listOf(str)),
} as const

export interface FieldSelectorRequirement extends Shape<typeof fieldSelectorRequirementFields> {}
export const FieldSelectorRequirement = struct<FieldSelectorRequirement>(
  'meta.v1.FieldSelectorRequirement',
  fieldSelectorRequirementFields,
)

const tableOptionsFields = {
  ...typeMeta,
  includeObject: opt(1, IncludeObjectPolicy),
} as const

export interface TableOptions extends Shape<typeof tableOptionsFields> {}
export const TableOptions = body<TableOptions>('meta.v1.TableOptions', tableOptionsFields, {
  group: 'meta.k8s.io',
})
