import {
  type AnyType,
  equalJson,
  type Kind,
  type KubeObject,
  type Problem,
  type StructType,
} from '../schema/index.ts'
import { assign } from './copy.strategy.ts'
import { type NameCheck, subdomainName } from './meta/names.validate.ts'
import type { ObjectMeta } from './meta/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './meta/object-meta.validate.ts'
import type { Problems } from './meta/report.validate.ts'
import type { Strategy } from './strategy.ts'

/** What a kind says of itself; everything left out follows from its declaration. */
export interface Rules<T extends KubeObject> {
  readonly defaults?: (object: T) => T
  /** After the generic part: status cleared, generation 1. */
  readonly create?: (object: T) => T
  /** After the generic part: status or specification taken from `old`, and before the generation is counted. */
  readonly update?: (object: T, old: T, subresource: string) => T
  /** What its names may look like; DNS subdomains when absent. */
  readonly name?: NameCheck
  readonly validate?: (out: Problems, object: T) => void
  /** On updates of the main resource, in addition to `validate`. */
  readonly validateUpdate?: (out: Problems, object: T, old: T) => void
  /** `validateUpdate` says all there is to say on updates, `validate` is left out. */
  readonly validatesUpdatesAlone?: boolean
  /** Instead of the two above on a subresource; nothing but metadata when absent. */
  readonly validateSubresource?: (out: Problems, object: T, old: T, subresource: string) => void
  readonly warnings?: (object: T, old: T | undefined) => readonly string[]
  readonly fields?: Readonly<Record<string, (object: T) => string>>
  readonly gracePeriodSeconds?: (object: T, requested: number | undefined) => number | undefined
  /** Counts specification changes in metadata.generation. */
  readonly generation?: boolean
  readonly createOnUpdate?: boolean
  /** True when absent. */
  readonly unconditionalUpdate?: boolean
  /** A status given on create is kept (kinds whose clients report themselves, such as nodes). */
  readonly keepsStatus?: boolean
}

/** Subresources whose change of the specification comes with one of the status. */
const SETS_STATUS: ReadonlySet<string> = new Set(['binding', 'finalize', 'approval'])

interface Loose extends KubeObject {
  readonly metadata: ObjectMeta
  readonly spec?: unknown
  readonly status?: unknown
}

const NO_WARNINGS: readonly string[] = []

/** The complete strategy of a kind from what is particular to it. */
export function defineStrategy<T extends KubeObject>(kind: Kind<T>, rules: Rules<T> = {}): Strategy<T> {
  const { resource } = kind
  const name = rules.name ?? subdomainName
  let emptyStatus: object | undefined
  const hasStatus = resource.subresources.status !== undefined
  const meta = (object: T) => object.metadata as ObjectMeta
  return {
    defaults: rules.defaults ?? same,
    prepareForCreate(object) {
      let ready = prepareCreate(object as Loose, rules.generation === true) as T & Loose
      if (hasStatus && !rules.keepsStatus) {
        emptyStatus ??= emptyStruct(kind.field.get('status')?.type)
        if (!equalJson(ready.status, emptyStatus)) ready = { ...ready, status: emptyStatus }
      }
      return rules.create ? rules.create(ready) : ready
    },
    prepareForUpdate(object, old, subresource) {
      let ready = keepFixed(object as Loose, old as Loose) as Loose
      if (hasStatus) {
        if (subresource === 'status') ready = keepAllButStatus(ready, old as Loose)
        else if (!SETS_STATUS.has(subresource)) ready = assign(ready, { status: (old as Loose).status })
      }
      if (rules.update) ready = rules.update(ready as T & Loose, old, subresource) as Loose
      return countGeneration(
        ready,
        old as Loose,
        rules.generation === true && subresource !== 'binding',
      ) as T & Loose
    },
    validate(object) {
      const out: Problem[] = []
      validateObjectMeta(out, meta(object), resource.namespaced, name)
      rules.validate?.(out, object)
      return out
    },
    validateUpdate(object, old, subresource) {
      const out: Problem[] = []
      validateObjectMetaUpdate(out, meta(object), meta(old))
      if (subresource !== '' && subresource !== 'scale')
        rules.validateSubresource?.(out, object, old, subresource)
      else {
        if (!rules.validatesUpdatesAlone) rules.validate?.(out, object)
        rules.validateUpdate?.(out, object, old)
      }
      return out
    },
    warnings: rules.warnings ?? (() => NO_WARNINGS),
    selectableFields: {
      'metadata.name': (object) => object.metadata.name,
      ...(resource.namespaced
        ? { 'metadata.namespace': (object: T) => object.metadata.namespace ?? '' }
        : {}),
      ...rules.fields,
    },
    gracePeriodSeconds: rules.gracePeriodSeconds ?? (() => undefined),
    createOnUpdate: rules.createOnUpdate ?? false,
    unconditionalUpdate: rules.unconditionalUpdate ?? true,
  }
}

const same = <T>(value: T): T => value

function prepareCreate(object: Loose, generation: boolean): Loose {
  const metadata = assign(object.metadata, {
    generation: generation ? 1 : undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    selfLink: undefined,
  } as Partial<ObjectMeta>)
  return metadata === object.metadata ? object : { ...object, metadata }
}

/** What a status says before anybody reported: the members that are always written, at zero. */
function emptyStruct(type: AnyType | undefined): object {
  const result: Record<string, unknown> = {}
  if (type?.form !== 'struct') return result
  for (const field of (type as StructType).fields) if (field.always) result[field.name] = zeroOf(field.type)
  return Object.freeze(result)
}

function zeroOf(type: AnyType): unknown {
  switch (type.form) {
    case 'struct':
      return emptyStruct(type)
    case 'list':
      return []
    case 'map':
      return {}
    case 'scalar':
      return type.scalar === 'bool'
        ? false
        : /^(int|float)/.test(type.scalar)
          ? 0
          : type.scalar === 'quantity'
            ? '0'
            : ''
    default:
      return ''
  }
}

/** What nobody but the server may change: taken from the old object where the new one leaves it out. */
function keepFixed(object: Loose, old: Loose): Loose {
  const metadata = assign(object.metadata, {
    generation: old.metadata.generation,
    selfLink: undefined,
    ...(object.metadata.uid ? {} : { uid: old.metadata.uid }),
    ...(object.metadata.creationTimestamp ? {} : { creationTimestamp: old.metadata.creationTimestamp }),
    ...(object.metadata.deletionTimestamp ? {} : { deletionTimestamp: old.metadata.deletionTimestamp }),
    ...(object.metadata.deletionGracePeriodSeconds !== undefined
      ? {}
      : { deletionGracePeriodSeconds: old.metadata.deletionGracePeriodSeconds }),
  } as Partial<ObjectMeta>)
  return metadata === object.metadata ? object : { ...object, metadata }
}

/** The old object with the new status and the metadata that clients of /status may touch. */
function keepAllButStatus(object: Loose, old: Loose): Loose {
  const metadata = assign(object.metadata, { ownerReferences: old.metadata.ownerReferences })
  const result = { ...old, metadata, status: object.status }
  if (object.status === undefined) delete (result as { status?: unknown }).status
  return result
}

/** Generation counts changes of everything but metadata and status. */
function countGeneration(object: Loose, old: Loose, counts: boolean): Loose {
  if (!counts || sameIntent(object, old)) return object
  return { ...object, metadata: { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 } }
}

/** Whether two objects ask for the same: everything but metadata and status is equal. */
export function sameIntent(object: object, old: object): boolean {
  const a = object as Readonly<Record<string, unknown>>
  const b = old as Readonly<Record<string, unknown>>
  for (const key in a) {
    if (key === 'metadata' || key === 'status') continue
    if (a[key] !== b[key] && !equalJson(a[key], b[key])) return false
  }
  for (const key in b)
    if (b[key] !== undefined && a[key] === undefined && key !== 'metadata' && key !== 'status') return false
  return true
}
