import { createHash } from 'node:crypto'
import type { Kind, Resource } from '../schema/index.ts'

/** An answer that stays the same as long as the server runs. */
export interface Document {
  readonly body: Buffer
  readonly etag: string
}

/** What the server serves, for clients to find out. */
export class Discovery {
  readonly #documents = new Map<string, Document>()
  readonly #groups: readonly Group[]

  /** `serverAddress`: host and port, '' where the server does not know. */
  constructor(kinds: readonly Kind[], serverAddress: string) {
    this.#groups = groupsOf(kinds)
    const core = this.#groups.find((g) => g.name === '')
    this.#add('/api', {
      kind: 'APIVersions',
      versions: core ? core.versions.map((v) => v.version) : [],
      serverAddressByClientCIDRs: serverAddress === '' ? [] : [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    })
    const named = this.#groups.filter((g) => g.name !== '')
    this.#add('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map((g) => apiGroup(g)) })
    for (const group of named)
      this.#add(`/apis/${group.name}`, { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) })
    for (const group of this.#groups) {
      for (const { version, kinds: ofVersion } of group.versions) {
        const groupVersion = group.name === '' ? version : `${group.name}/${version}`
        const list = {
          kind: 'APIResourceList',
          ...(group.name === '' ? {} : { apiVersion: 'v1' }),
          groupVersion,
          resources: ofVersion.flatMap(apiResources),
        }
        this.#add(group.name === '' ? `/api/${version}` : `/apis/${groupVersion}`, list)
      }
    }
    this.#add('/api aggregated', aggregated(this.#groups.filter((g) => g.name === '')))
    this.#add('/apis aggregated', aggregated(named))
  }

  /** undefined: no such path. `isAggregated` asks for the v2 form of /api and /apis. */
  document(path: string, isAggregated: boolean): Document | undefined {
    const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
    return (
      (isAggregated ? this.#documents.get(`${clean} aggregated`) : undefined) ?? this.#documents.get(clean)
    )
  }

  /** 'api/v1', 'apis/apps/v1', … */
  groupVersionPaths(): string[] {
    return this.#groups.flatMap((g) =>
      g.versions.map((v) => (g.name === '' ? `api/${v.version}` : `apis/${g.name}/${v.version}`)),
    )
  }

  #add(path: string, value: object): void {
    this.#documents.set(path, documentOf(Buffer.from(`${JSON.stringify(value)}\n`)))
  }
}

export function documentOf(body: Buffer): Document {
  return { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` }
}

interface Group {
  readonly name: string
  readonly versions: readonly { readonly version: string; readonly kinds: readonly Kind[] }[]
}

/** In the order of the declarations: the preferred version of a group comes first. */
function groupsOf(kinds: readonly Kind[]): Group[] {
  const groups = new Map<string, Map<string, Kind[]>>()
  for (const kind of kinds) {
    const { group, version } = kind.resource
    const versions = groups.get(group) ?? new Map<string, Kind[]>()
    groups.set(group, versions)
    versions.set(version, [...(versions.get(version) ?? []), kind])
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions].map(([version, of]) => ({ version, kinds: of })),
  }))
}

function apiGroup(group: Group): object {
  const versions = group.versions.map(({ version }) => ({
    groupVersion: `${group.name}/${version}`,
    version,
  }))
  return { name: group.name, versions, preferredVersion: versions[0] }
}

function apiResources(kind: Kind): object[] {
  const { resource } = kind
  const own = {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: [...resource.verbs].sort(),
    ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
    ...(resource.verbs.includes('watch') ? { storageVersionHash: storageHash(resource) } : {}),
  }
  return [
    own,
    ...Object.entries(resource.subresources)
      .sort(byKey)
      .map(([name, sub]) => ({
        name: `${resource.plural}/${name}`,
        singularName: '',
        namespaced: resource.namespaced,
        ...(sub.group === undefined ? {} : { group: sub.group }),
        ...(sub.version === undefined ? {} : { version: sub.version }),
        kind: sub.kind,
        verbs: [...sub.verbs].sort(),
      })),
  ]
}

function storageHash(resource: Resource): string {
  return createHash('sha256')
    .update(`${resource.group}/${resource.version}/${resource.kind}`)
    .digest('base64')
    .slice(0, 12)
}

function aggregated(groups: readonly Group[]): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(groupDiscovery),
  }
}

function groupDiscovery(group: Group): object {
  return {
    metadata: { ...(group.name === '' ? {} : { name: group.name }), creationTimestamp: null },
    versions: group.versions.map(({ version, kinds }) => ({
      version,
      resources: kinds.map(resourceDiscovery),
      freshness: 'Current',
    })),
  }
}

function resourceDiscovery(kind: Kind): object {
  const { resource } = kind
  const subresources = Object.entries(resource.subresources)
    .sort(byKey)
    .map(([name, sub]) => ({
      subresource: name,
      responseKind: {
        group: sub.group ?? resource.group,
        version: sub.version ?? resource.version,
        kind: sub.kind,
      },
      verbs: [...sub.verbs].sort(),
    }))
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: [...resource.verbs].sort(),
    ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  }
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}
