import { req, type Shape, str, struct } from '../../schema/index.ts'

const groupResourceFields = {
  group: req(1, str),
  resource: req(2, str),
} as const

export interface GroupResource extends Shape<typeof groupResourceFields> {}
export const GroupResource = struct<GroupResource>('meta.v1.GroupResource', groupResourceFields)

const groupVersionResourceFields = {
  group: req(1, str),
  version: req(2, str),
  resource: req(3, str),
} as const

export interface GroupVersionResource extends Shape<typeof groupVersionResourceFields> {}
export const GroupVersionResource = struct<GroupVersionResource>(
  'meta.v1.GroupVersionResource',
  groupVersionResourceFields,
)

const groupKindFields = {
  group: req(1, str),
  kind: req(2, str),
} as const

export interface GroupKind extends Shape<typeof groupKindFields> {}
export const GroupKind = struct<GroupKind>('meta.v1.GroupKind', groupKindFields)

const groupVersionKindFields = {
  group: req(1, str),
  version: req(2, str),
  kind: req(3, str),
} as const

export interface GroupVersionKind extends Shape<typeof groupVersionKindFields> {}
export const GroupVersionKind = struct<GroupVersionKind>('meta.v1.GroupVersionKind', groupVersionKindFields)

const groupVersionFields = {
  group: req(1, str),
  version: req(2, str),
} as const

export interface GroupVersion extends Shape<typeof groupVersionFields> {}
export const GroupVersion = struct<GroupVersion>('meta.v1.GroupVersion', groupVersionFields)
