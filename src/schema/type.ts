import type { Kind, KubeObject, Resource, Subresource, Verb } from './kind.ts'

/**
 * The type language. A declaration is data: one line a field, from which static types, decoding, defaulting,
 * OpenAPI, protobuf and patch behaviour are derived, one file each. Example:
 *
 *     const fields = {
 *       name: req(1, str),
 *       ports: opt(6, listOf(() => ContainerPort, { mapKeys: ['containerPort', 'protocol'], merge: 'containerPort' })),
 *       resources: always(8, () => ResourceRequirements),
 *     }
 *     export interface Container extends Shape<typeof fields> {}
 *     export const Container = struct<Container>('core.v1.Container', fields)
 */

declare const shape: unique symbol

/** Any node of the language; `T` is what a decoded value looks like (it exists for the type checker only). */
export interface Type<T = unknown> {
  readonly form: Form
  readonly [shape]: T
}

export type Form = 'scalar' | 'enum' | 'list' | 'map' | 'struct' | 'schemaOr'

/** The static type of a node: `TypeOf<typeof Protocol>`. */
export type TypeOf<D> = D extends { readonly [shape]: infer T } ? T : never

/** How a scalar looks in JSON is told by its static type; `bytes` are base64, times RFC 3339, quantities canonical text. */
export type ScalarName =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'quantity'
  | 'intOrString'
  | 'rawObject'
  | 'json'
  | 'fieldsV1'

export interface ScalarType<T = unknown> extends Type<T> {
  readonly form: 'scalar'
  readonly scalar: ScalarName
}

/** A string with known values. `closed` enums have no others; open ones only name the usual. */
export interface EnumType<T extends string = string> extends Type<T> {
  readonly form: 'enum'
  readonly values: readonly string[]
  readonly closed: boolean
}

export interface ListType<T = unknown> extends Type<readonly T[]> {
  readonly form: 'list'
  readonly item: AnyType
  /** Who owns what in server-side apply: the list as a whole, each value, or each item by its keys. */
  readonly listType: 'atomic' | 'set' | 'map'
  readonly mapKeys: readonly string[]
  /** Strategic merge patch: items are merged, not replaced; by `mergeKey` where they are objects. */
  readonly merge: boolean
  readonly mergeKey: string | undefined
  /** In protobuf the list is a message of its own with the items as number 1. */
  readonly boxed: boolean
}

export interface MapType<T = unknown> extends Type<Readonly<Record<string, T>>> {
  readonly form: 'map'
  readonly value: AnyType
  readonly atomic: boolean
}

/** A JSON schema, or something simpler in its place: apiextensions has three such unions. */
export interface SchemaOrType<T = unknown> extends Type<T> {
  readonly form: 'schemaOr'
  readonly other: 'bool' | 'list' | 'strings'
  readonly schema: StructType
}

export interface StructType<T = unknown> extends Type<T> {
  readonly form: 'struct'
  /** `core.v1.PodSpec` */
  readonly name: string
  /** One or two sentences for `kubectl explain`. */
  readonly description: string | undefined
  /** In declaration order, which is the order in JSON; inlined members are in place. */
  readonly fields: readonly Field[]
  readonly field: ReadonlyMap<string, Field>
  /** Set on top-level kinds. The group is '' for core. */
  readonly apiKind: { readonly group: string; readonly version: string; readonly kind: string } | undefined
  /** Server-side apply owns the struct as a whole. */
  readonly atomic: boolean
  /** Has a protobuf form. */
  readonly protobuf: boolean
}

export type AnyType = ScalarType | EnumType | ListType | MapType | StructType | SchemaOrType

export interface Field {
  readonly name: string
  /** Protobuf field number; 0: not in protobuf. */
  readonly number: number
  readonly type: AnyType
  /** The API reference calls it required. Whether an empty value passes is validation's business. */
  readonly required: boolean
  /** Written to JSON even when zero or empty. */
  readonly always: boolean
  /** Absent and zero differ: zero is written, absent is not. */
  readonly pointer: boolean
  readonly default: unknown
  readonly description: string | undefined
  readonly deprecated: boolean
  /** Upstream feature gates that guard the field. */
  readonly gates: readonly string[]
  /** Strategic merge patch: keys of the struct that the patch does not name are dropped. */
  readonly retainKeys: boolean
  /** Strategic merge patch: the value is replaced, never merged. */
  readonly replace: boolean
  /** Which group of "one of these" the field belongs to. */
  readonly union: string | undefined
  /** Protobuf numbers of the messages the field sits in when its struct is merged into the parent in JSON. */
  readonly within: readonly number[]
}

export interface FieldOptions {
  /** What the name does not say. */
  readonly doc?: string
  readonly default?: unknown
  readonly deprecated?: true
  readonly gates?: readonly string[]
  readonly retainKeys?: true
  readonly replace?: true
  readonly union?: string
  /** A required field that nevertheless is left out when zero. */
  readonly omitEmpty?: true
  /** A required field where absent and zero differ. */
  readonly pointer?: true
}

interface Spec {
  readonly number: number
  readonly type: Thunk<unknown>
  readonly required: boolean
  readonly always: boolean
  readonly pointer: boolean
  readonly options: FieldOptions
  readonly within: readonly number[]
}

/** A field that a decoded object always has. */
export interface Present<T> extends Spec {
  readonly [shape]: T
  readonly there: 'always'
}

/** A field that may be absent. */
export interface Maybe<T> extends Spec {
  readonly [shape]: T
  readonly there: 'maybe'
}

type Thunk<T> = Type<T> | (() => Type<T>)
type Specs = Readonly<Record<string, Present<unknown> | Maybe<unknown>>>

/** The static type of a const of fields: deeply readonly. */
export type Shape<F> = {
  readonly [K in keyof F as F[K] extends Present<unknown> ? K : never]: TypeOf<F[K]>
} & {
  readonly [K in keyof F as F[K] extends Maybe<unknown> ? K : never]?: TypeOf<F[K]> | undefined
}

// --- scalars ---

const scalar = <T>(name: ScalarName): ScalarType<T> => ({ form: 'scalar', scalar: name }) as ScalarType<T>

export const str = scalar<string>('string')
export const bool = scalar<boolean>('bool')
export const int32 = scalar<number>('int32')
/** A number; beyond 2^53 precision is lost, as in every JavaScript client. */
export const int64 = scalar<number>('int64')
export const float64 = scalar<number>('float64')
export const bytes = scalar<string>('bytes')
export const time = scalar<string>('time')
export const microTime = scalar<string>('microTime')
export const duration = scalar<string>('duration')
export const quantity = scalar<string>('quantity')
export const intOrString = scalar<number | string>('intOrString')
/** An embedded object of any type. */
export const rawObject = scalar<{ readonly [key: string]: unknown }>('rawObject')
/** Any JSON value. */
export const json = scalar<unknown>('json')
export const fieldsV1 = scalar<{ readonly [key: string]: unknown }>('fieldsV1')

// --- composites ---

/** A string that has one of these values and no other. */
export function oneOf<const V extends readonly string[]>(...values: V): EnumType<V[number]> {
  return { form: 'enum', values, closed: true } as unknown as EnumType<V[number]>
}

/** A string that usually has one of these values. */
export function anyOf(...values: string[]): EnumType<string> {
  return { form: 'enum', values, closed: false } as unknown as EnumType<string>
}

export interface ListOptions {
  /** Makes it a `map` list: items are told apart by these keys. */
  readonly mapKeys?: readonly string[]
  /** Makes it a `set`. */
  readonly set?: true
  /** Strategic merge patch merges items: by this key, or by value (`true`). */
  readonly merge?: string | true
  readonly boxed?: true
}

export function listOf<T>(item: Thunk<T>, options: ListOptions = {}): ListType<T> {
  return {
    form: 'list',
    get item() {
      return resolve(item)
    },
    listType: options.mapKeys ? 'map' : options.set ? 'set' : 'atomic',
    mapKeys: options.mapKeys ?? [],
    merge: options.merge !== undefined,
    mergeKey: typeof options.merge === 'string' ? options.merge : undefined,
    boxed: options.boxed ?? false,
  } as ListType<T>
}

export function mapOf<T>(value: Thunk<T>, options: { readonly atomic?: true } = {}): MapType<T> {
  return {
    form: 'map',
    get value() {
      return resolve(value)
    },
    atomic: options.atomic ?? false,
  } as MapType<T>
}

function schemaOr<T>(other: SchemaOrType['other'], schema: () => StructType): SchemaOrType<T> {
  return {
    form: 'schemaOr',
    other,
    get schema() {
      return schema()
    },
  } as SchemaOrType<T>
}

export const schemaOrBool = <T>(schema: () => StructType<T>): SchemaOrType<T | boolean> =>
  schemaOr('bool', schema)
export const schemaOrList = <T>(schema: () => StructType<T>): SchemaOrType<T | readonly T[]> =>
  schemaOr('list', schema)
export const schemaOrStrings = <T>(schema: () => StructType<T>): SchemaOrType<T | readonly string[]> =>
  schemaOr('strings', schema)

// --- fields ---

/** Required: always written, also when zero. */
export function req<T>(number: number, type: Thunk<T>, options: FieldOptions = {}): Present<T> {
  const pointer = options.pointer ?? false
  return {
    ...spec(number, type, options),
    required: true,
    always: !options.omitEmpty && !pointer,
    pointer,
    there: 'always',
  } as Spec as Present<T>
}

/** Optional in the reference, yet always written: structs that are never absent, lists that are `[]` when empty. */
export function always<T>(number: number, type: Thunk<T>, options: FieldOptions = {}): Present<T> {
  return { ...spec(number, type, options), always: true, there: 'always' } as Spec as Present<T>
}

/** Optional to write, left out when zero, yet every stored object has it: the server sees to that. */
export function given<T>(number: number, type: Thunk<T>, options: FieldOptions = {}): Present<T> {
  return { ...spec(number, type, options), there: 'always' } as Spec as Present<T>
}

/** Optional: left out when zero or empty. A struct is absent or set as a whole. */
export function opt<T>(number: number, type: Thunk<T>, options: FieldOptions = {}): Maybe<T> {
  return { ...spec(number, type, options), there: 'maybe' } as Spec as Maybe<T>
}

/** Optional where absent and zero differ, as with `replicas: 0`. Structs need no `ptr`: `opt` does that for them. */
export function ptr<T>(number: number, type: Thunk<T>, options: FieldOptions = {}): Maybe<T> {
  return { ...spec(number, type, options), pointer: true, there: 'maybe' } as Spec as Maybe<T>
}

/** The members of another struct, merged in JSON; in protobuf they stay a message under `number`. Spread it. */
export function inline<F extends Specs>(number: number, fields: F): F {
  const out: Record<string, Spec> = {}
  for (const [name, f] of Object.entries(fields)) out[name] = { ...f, within: [number, ...f.within] }
  return out as F
}

function spec(number: number, type: Thunk<unknown>, options: FieldOptions) {
  return { number, type, required: false, always: false, pointer: false, options, within: [] }
}

function resolve(type: Thunk<unknown>): AnyType {
  return (typeof type === 'function' ? type() : type) as AnyType
}

// --- structs and kinds ---

/** What tells a top-level object apart; spread it first into a kind's fields. */
export const typeMeta = { kind: given(0, str), apiVersion: given(0, str) }

export interface StructOptions {
  readonly doc?: string
  readonly atomic?: true
  readonly protobuf?: false
}

export function struct<T>(name: string, fields: Specs, options: StructOptions = {}): StructType<T> {
  return makeStruct(name, fields, options, undefined)
}

/** A top-level kind that is not a REST resource: the body of a subresource, an answer, query options. */
export function body<T>(
  name: string,
  fields: Specs,
  options: StructOptions & { readonly group: string },
): StructType<T> {
  const [, version, kind] = splitName(name)
  return makeStruct(name, fields, options, { group: options.group, version, kind })
}

export interface KindOptions {
  readonly doc?: string
  readonly group: string
  readonly plural: string
  /** The lower-case kind when absent. */
  readonly singular?: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  /** `true`: not in a namespace. */
  readonly cluster?: true
  /** All eight when absent. */
  readonly verbs?: readonly Verb[]
  readonly subresources?: Readonly<Record<string, Subresource>>
}

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** A top-level kind that is served as a REST resource. */
export function kind<T extends KubeObject>(name: string, fields: Specs, options: KindOptions): Kind<T> {
  const [, version, kindName] = splitName(name)
  const resource: Resource = {
    group: options.group,
    version,
    kind: kindName,
    listKind: `${kindName}List`,
    plural: options.plural,
    singular: options.singular ?? kindName.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    namespaced: !options.cluster,
    verbs: options.verbs ?? ALL_VERBS,
    subresources: options.subresources ?? {},
  }
  const base = makeStruct<T>(name, fields, options.doc === undefined ? {} : { doc: options.doc }, {
    group: options.group,
    version,
    kind: kindName,
  })
  return Object.defineProperty(base, 'resource', { value: resource, enumerable: true }) as unknown as Kind<T>
}

function splitName(name: string): [group: string, version: string, kind: string] {
  const [group = '', version = '', kindName = ''] = name.split('.')
  return [group, version, kindName]
}

function makeStruct<T>(
  name: string,
  specs: Specs,
  options: StructOptions,
  apiKind: StructType['apiKind'],
): StructType<T> {
  let fields: readonly Field[] | undefined
  let byName: ReadonlyMap<string, Field> | undefined
  const made: Omit<StructType, typeof shape> = {
    form: 'struct',
    name,
    description: options.doc,
    // Built on first use: by then every file is loaded and the references resolve.
    get fields() {
      fields ??= Object.entries(specs).map(([fieldName, s]) => makeField(fieldName, s))
      return fields
    },
    get field() {
      byName ??= new Map(this.fields.map((f) => [f.name, f]))
      return byName
    },
    apiKind,
    atomic: options.atomic ?? false,
    protobuf: options.protobuf ?? true,
  }
  return made as StructType<T>
}

function makeField(name: string, s: Spec): Field {
  const type = resolve(s.type)
  const o = s.options
  return {
    name,
    number: s.number,
    type,
    required: s.required,
    always: s.always,
    pointer: s.pointer || (type.form === 'struct' && !s.always && !o.omitEmpty),
    default: o.default,
    description: o.doc,
    deprecated: o.deprecated ?? false,
    gates: o.gates ?? [],
    retainKeys: o.retainKeys ?? false,
    replace: o.replace ?? false,
    union: o.union,
    within: s.within,
  }
}
