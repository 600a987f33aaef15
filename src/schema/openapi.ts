import { apiVersionOf } from './kind.ts'
import type { AnyType, Field, ScalarName, StructType } from './type.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }
/** OpenAPI 2 ("swagger") or 3. They differ in where schemas live and in what a schema may say. */
export type OpenApiVersion = 2 | 3

/** Schemas by their public name, for `types` and all that they refer to; in short steps. */
export function* schemasOf(
  types: Iterable<StructType>,
  version: OpenApiVersion,
): Generator<void, Record<string, JsonObject>> {
  const found = new Map<string, JsonObject>()
  const pending: StructType[] = [...types]
  const seen = new Set<StructType>(pending)
  const refer = (name: string, type?: StructType) => {
    if (type && !seen.has(type)) {
      seen.add(type)
      pending.push(type)
    }
    return { $ref: `${REFS[version]}${name}` }
  }
  for (let type = pending.pop(); type; type = pending.pop()) {
    found.set(publicName(type.name), structSchema(type, { version, refer }))
    yield
  }
  for (const [name, schema] of Object.entries(scalarSchemas(version))) found.set(name, schema)
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A reference to a struct's schema. */
export function refTo(type: StructType, version: OpenApiVersion): JsonObject {
  return { $ref: `${REFS[version]}${publicName(type.name)}` }
}

const REFS: Record<OpenApiVersion, string> = { 2: '#/definitions/', 3: '#/components/schemas/' }

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const PREFIXES: readonly (readonly [string, string])[] = [
  ['meta.', 'io.k8s.apimachinery.pkg.apis.'],
  ['apiextensions.', 'io.k8s.apiextensions-apiserver.pkg.apis.'],
  ['apiregistration.', 'io.k8s.kube-aggregator.pkg.apis.'],
  ['metrics.', 'io.k8s.metrics.pkg.apis.'],
  ['custom_metrics.', 'io.k8s.metrics.pkg.apis.'],
  ['external_metrics.', 'io.k8s.metrics.pkg.apis.'],
]

/** `core.v1.Pod` is `io.k8s.api.core.v1.Pod` to clients. */
export function publicName(name: string): string {
  const prefix = PREFIXES.find(([start]) => name.startsWith(start))?.[1] ?? 'io.k8s.api.'
  return prefix + name
}

interface Context {
  readonly version: OpenApiVersion
  readonly refer: (name: string, type?: StructType) => JsonObject
}

function structSchema(type: StructType, context: Context): JsonObject {
  const properties: Record<string, JsonObject> = {}
  for (const f of type.fields) properties[f.name] = fieldSchema(f, context)
  const required = type.fields.filter((f) => f.required).map((f) => f.name)
  const kind = type.apiKind
  return {
    ...(type.description ? { description: type.description } : {}),
    type: 'object',
    properties,
    ...(required.length > 0 ? { required: required.sort() } : {}),
    ...(type.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...(kind
      ? { 'x-kubernetes-group-version-kind': [{ group: kind.group, kind: kind.kind, version: kind.version }] }
      : {}),
  }
}

function fieldSchema(f: Field, context: Context): JsonObject {
  const schema = typeSchema(f.type, context)
  const more = {
    ...(f.description ? { description: f.description } : {}),
    ...(f.default !== undefined ? { default: f.default as Json } : {}),
    ...mergeExtensions(f),
  }
  if (Object.keys(more).length === 0) return schema
  // OpenAPI 3 allows nothing beside a reference.
  if (context.version === 3 && '$ref' in schema) return { allOf: [schema], ...more }
  return { ...schema, ...more }
}

function mergeExtensions({ type, retainKeys, replace }: Field): JsonObject {
  const strategies = [
    ...(type.form === 'list' && type.merge ? ['merge'] : []),
    ...(retainKeys ? ['retainKeys'] : []),
    ...(replace ? ['replace'] : []),
  ]
  return {
    ...(strategies.length > 0 ? { 'x-kubernetes-patch-strategy': strategies.join(',') } : {}),
    ...(type.form === 'list' && type.mergeKey ? { 'x-kubernetes-patch-merge-key': type.mergeKey } : {}),
  }
}

function typeSchema(type: AnyType, context: Context): JsonObject {
  switch (type.form) {
    case 'scalar':
      return scalarSchema(type.scalar, context)
    case 'enum':
      return type.closed ? { type: 'string', enum: [...type.values].sort() } : { type: 'string' }
    case 'list':
      return {
        type: 'array',
        items: typeSchema(type.item, context),
        'x-kubernetes-list-type': type.listType,
        ...(type.listType === 'map' ? { 'x-kubernetes-list-map-keys': type.mapKeys } : {}),
      }
    case 'map':
      return {
        type: 'object',
        additionalProperties: typeSchema(type.value, context),
        ...(type.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      }
    case 'struct':
      return context.refer(publicName(type.name), type)
    case 'schemaOr':
      context.refer(publicName(type.schema.name), type.schema)
      return {}
    default:
      return type satisfies never
  }
}

const SCALARS: Partial<Record<ScalarName, JsonObject>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  float64: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  json: {},
}

/** Scalars that have a schema of their own. */
const NAMED: Partial<Record<ScalarName, string>> = {
  time: `${META}Time`,
  microTime: `${META}MicroTime`,
  duration: `${META}Duration`,
  fieldsV1: `${META}FieldsV1`,
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  rawObject: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
}

function scalarSchema(scalar: ScalarName, context: Context): JsonObject {
  const name = NAMED[scalar]
  return name === undefined ? SCALARS[scalar]! : context.refer(name)
}

function scalarSchemas(version: OpenApiVersion): Record<string, JsonObject> {
  const either = (...types: string[]): JsonObject =>
    version === 3 ? { oneOf: types.map((type) => ({ type })) } : { type: 'string' }
  return {
    [NAMED.time!]: { description: 'A point in time as RFC 3339 text.', type: 'string', format: 'date-time' },
    [NAMED.microTime!]: {
      description: 'A point in time as RFC 3339 text with microseconds.',
      type: 'string',
      format: 'date-time',
    },
    [NAMED.duration!]: { description: 'A length of time such as 1h2m3s.', type: 'string' },
    [NAMED.fieldsV1!]: { description: 'A set of fields, as nested objects.', type: 'object' },
    [NAMED.quantity!]: {
      description: 'An exact number with a suffix: 500m is half, 1Gi is 2 to the power of 30.',
      ...either('string', 'number'),
    },
    [NAMED.intOrString!]: {
      description: 'A number or a text, such as a port number or name.',
      format: 'int-or-string',
      ...either('integer', 'string'),
    },
    [NAMED.rawObject!]: { description: 'An object of any type.', type: 'object' },
  }
}

/** `apis/apps/v1`, `api/v1`: where a group version is served, and the key of its OpenAPI 3 document. */
export function groupVersionPath(gv: { readonly group: string; readonly version: string }): string {
  return `${gv.group === '' ? 'api' : 'apis'}/${apiVersionOf(gv)}`
}
