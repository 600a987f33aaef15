import {
  always,
  anyOf,
  body,
  listOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { GroupVersionKind } from '../meta/group-kind.ts'
import { ListMeta, ObjectMeta } from '../meta/object-meta.ts'

export const ResourceScope = anyOf('Cluster', 'Namespaced')

export const DiscoveryFreshness = anyOf('Current', 'Stale')

const apiGroupDiscoveryListFields = {
  ...typeMeta,
  metadata: always(1, () => ListMeta),
  items: req(
    2,
    listOf(() => APIGroupDiscovery),
  ),
} as const

export interface APIGroupDiscoveryList extends Shape<typeof apiGroupDiscoveryListFields> {}
export const APIGroupDiscoveryList = body<APIGroupDiscoveryList>(
  'apidiscovery.v2.APIGroupDiscoveryList',
  apiGroupDiscoveryListFields,
  { group: 'apidiscovery.k8s.io' },
)

const apiGroupDiscoveryFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  versions: opt(
    2,
    listOf(() => APIVersionDiscovery, { mapKeys: ['version'] }),
  ),
} as const

export interface APIGroupDiscovery extends Shape<typeof apiGroupDiscoveryFields> {}
export const APIGroupDiscovery = body<APIGroupDiscovery>(
  'apidiscovery.v2.APIGroupDiscovery',
  apiGroupDiscoveryFields,
  { group: 'apidiscovery.k8s.io' },
)

const apiVersionDiscoveryFields = {
  version: req(1, str),
  resources: opt(
    2,
    listOf(() => APIResourceDiscovery, { mapKeys: ['resource'] }),
  ),
  freshness: opt(3, DiscoveryFreshness),
} as const

export interface APIVersionDiscovery extends Shape<typeof apiVersionDiscoveryFields> {}
export const APIVersionDiscovery = struct<APIVersionDiscovery>(
  'apidiscovery.v2.APIVersionDiscovery',
  apiVersionDiscoveryFields,
)

const apiResourceDiscoveryFields = {
  resource: req(1, str),
  responseKind: opt(2, () => GroupVersionKind),
  scope: req(3, ResourceScope),
  singularResource: req(4, str),
  verbs: req(5, listOf(str, { set: true })),
  shortNames: opt(6, listOf(str, { set: true })),
  categories: opt(7, listOf(str, { set: true })),
  subresources: opt(
    8,
    listOf(() => APISubresourceDiscovery, { mapKeys: ['subresource'] }),
  ),
} as const

export interface APIResourceDiscovery extends Shape<typeof apiResourceDiscoveryFields> {}
export const APIResourceDiscovery = struct<APIResourceDiscovery>(
  'apidiscovery.v2.APIResourceDiscovery',
  apiResourceDiscoveryFields,
)

const apiSubresourceDiscoveryFields = {
  subresource: req(1, str),
  responseKind: opt(2, () => GroupVersionKind),
  acceptedTypes: opt(
    3,
    listOf(() => GroupVersionKind, { mapKeys: ['group', 'version', 'kind'] }),
  ),
  verbs: req(4, listOf(str, { set: true })),
} as const

export interface APISubresourceDiscovery extends Shape<typeof apiSubresourceDiscoveryFields> {}
export const APISubresourceDiscovery = struct<APISubresourceDiscovery>(
  'apidiscovery.v2.APISubresourceDiscovery',
  apiSubresourceDiscoveryFields,
)
