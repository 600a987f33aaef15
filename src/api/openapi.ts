import {
  groupVersionPath,
  type Kind,
  type OpenApiObject,
  type OpenApiVersion,
  pathsOf,
  type Resource,
  type StructType,
  type Subresource,
  schemasOf,
  struct,
} from '../schema/index.ts'
import { bodyKinds, kindFor } from './kinds.ts'
import { listTypeOf } from './list.ts'
import { DeleteOptions } from './meta/options.ts'
import { Status } from './meta/status.ts'

/** A patch of any of the patch types: an object, or a list of operations. */
const Patch = struct<object>('meta.v1.Patch', {}, { doc: 'A patch; its form follows from the content type.' })

const info = (title: string, version: string) => ({ title, version })

/** A document in the making, in short steps. */
type Steps = Generator<void, OpenApiObject>

/** The OpenAPI 3 document of one group version: its resources, their subresources and all they refer to. */
export function* openApiV3(kinds: readonly Kind[], version: string): Steps {
  return {
    openapi: '3.0.0',
    info: info('Kubernetes', version),
    paths: yield* paths(kinds, 3),
    components: { schemas: yield* schemas(kinds, 3) },
  }
}

/** The OpenAPI 2 document of everything that is served. */
export function* openApiV2(kinds: readonly Kind[], version: string): Steps {
  return {
    swagger: '2.0',
    info: info('Kubernetes', version),
    paths: yield* paths(kinds, 2),
    definitions: yield* schemas(kinds, 2),
  }
}

/** The kinds by group version, keyed as OpenAPI 3 names its documents: `api/v1`, `apis/apps/v1`. */
export function byGroupVersion(kinds: readonly Kind[]): ReadonlyMap<string, readonly Kind[]> {
  const groups = new Map<string, Kind[]>()
  for (const kind of kinds) {
    const key = groupVersionPath(kind.resource)
    const group = groups.get(key)
    if (group) group.push(kind)
    else groups.set(key, [kind])
  }
  return groups
}

function* paths(kinds: readonly Kind[], version: OpenApiVersion): Steps {
  const out: Record<string, OpenApiObject> = {}
  for (const kind of kinds) {
    Object.assign(out, pathsOf(kind.resource, bodiesOf(kind), version))
    yield
  }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function bodiesOf(kind: Kind) {
  return {
    object: kind,
    list: listTypeOf(kind),
    status: Status,
    deleteOptions: DeleteOptions,
    patch: Patch,
    ofSubresource: (s: Subresource) => subresourceType(kind.resource, s),
  }
}

/** The type of a subresource's body: `Scale` of deployments/scale. */
export function subresourceType(parent: Resource, s: Subresource): StructType | undefined {
  const group = s.group ?? parent.group
  const version = s.version ?? parent.version
  const apiVersion = group === '' ? version : `${group}/${version}`
  const isIt = (t: StructType) =>
    t.apiKind?.group === group && t.apiKind.version === version && t.apiKind.kind === s.kind
  return kindFor(apiVersion, s.kind) ?? bodyKinds.find(isIt)
}

function* schemas(kinds: readonly Kind[], version: OpenApiVersion): Steps {
  const types: StructType[] = [Status, DeleteOptions, Patch]
  for (const kind of kinds) {
    types.push(kind, listTypeOf(kind))
    for (const s of Object.values(kind.resource.subresources)) {
      const type = subresourceType(kind.resource, s)
      if (type) types.push(type)
    }
  }
  return yield* schemasOf(types, version)
}
