import {
  always,
  body,
  bool,
  listOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'

const apiVersionsFields = {
  ...typeMeta,
  versions: req(1, listOf(str)),
  serverAddressByClientCIDRs: req(
    2,
    listOf(() => ServerAddressByClientCIDR),
  ),
} as const

export interface APIVersions extends Shape<typeof apiVersionsFields> {}
export const APIVersions = body<APIVersions>('meta.v1.APIVersions', apiVersionsFields, { group: '' })

const apiGroupListFields = {
  ...typeMeta,
  groups: req(
    1,
    listOf(() => APIGroup),
  ),
} as const

export interface APIGroupList extends Shape<typeof apiGroupListFields> {}
export const APIGroupList = body<APIGroupList>('meta.v1.APIGroupList', apiGroupListFields, { group: '' })

const apiGroupFields = {
  ...typeMeta,
  name: req(1, str),
  versions: req(
    2,
    listOf(() => GroupVersionForDiscovery),
  ),
  preferredVersion: always(3, () => GroupVersionForDiscovery),
  serverAddressByClientCIDRs: opt(
    4,
    listOf(() => ServerAddressByClientCIDR),
  ),
} as const

export interface APIGroup extends Shape<typeof apiGroupFields> {}
export const APIGroup = body<APIGroup>('meta.v1.APIGroup', apiGroupFields, { group: '' })

const serverAddressByClientCIDRFields = {
  clientCIDR: req(1, str),
  serverAddress: req(2, str),
} as const

export interface ServerAddressByClientCIDR extends Shape<typeof serverAddressByClientCIDRFields> {}
export const ServerAddressByClientCIDR = struct<ServerAddressByClientCIDR>(
  'meta.v1.ServerAddressByClientCIDR',
  serverAddressByClientCIDRFields,
)

const groupVersionForDiscoveryFields = {
  groupVersion: req(1, str),
  version: req(2, str),
} as const

export interface GroupVersionForDiscovery extends Shape<typeof groupVersionForDiscoveryFields> {}
export const GroupVersionForDiscovery = struct<GroupVersionForDiscovery>(
  'meta.v1.GroupVersionForDiscovery',
  groupVersionForDiscoveryFields,
)

const apiResourceFields = {
  name: req(1, str),
  singularName: req(6, str),
  namespaced: req(2, bool),
  group: opt(8, str),
  version: opt(9, str),
  kind: req(3, str),
  verbs: req(4, listOf(str, { boxed: true })),
  shortNames: opt(5, listOf(str)),
  categories: opt(7, listOf(str)),
  storageVersionHash: opt(10, str),
} as const

export interface APIResource extends Shape<typeof apiResourceFields> {}
export const APIResource = struct<APIResource>('meta.v1.APIResource', apiResourceFields)

const apiResourceListFields = {
  ...typeMeta,
  groupVersion: req(1, str),
  resources: req(
    2,
    listOf(() => APIResource),
  ),
} as const

export interface APIResourceList extends Shape<typeof apiResourceListFields> {}
export const APIResourceList = body<APIResourceList>('meta.v1.APIResourceList', apiResourceListFields, {
  group: '',
})

const rootPathsFields = {
  paths: req(1, listOf(str)),
} as const

export interface RootPaths extends Shape<typeof rootPathsFields> {}
export const RootPaths = struct<RootPaths>('meta.v1.RootPaths', rootPathsFields)
