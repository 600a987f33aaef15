import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  type GetOptions,
  invalid,
  type Key,
  notFound,
  type UserInfo,
} from '../../api/index.ts'
import { type Clock, type Log, type Random, timestamp } from '../../base/index.ts'
import { applyDefaults, equalJson, type Kind, type KubeObject } from '../../schema/index.ts'
import { type Store, StoreClosedError, StoreUnavailableError, type Write } from '../../store/index.ts'
import type { Admission, AdmissionRequest } from '../contracts.ts'
import { type Behaviour, behaviourOf } from './behaviours.ts'
import type { Feed } from './feed.ts'
import { type Item, itemKey, itemOf, storedBytes, withRevisionBytes } from './item.ts'
import type { Resources, ServedResource } from './resources.ts'

export interface RegistryOptions {
  readonly store: Store
  readonly feed: Feed
  readonly resources: Resources
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly admission: () => Admission
  readonly behaviours: readonly Behaviour[]
}

/** Who writes, and where warnings for them go. */
export interface Caller {
  readonly user: UserInfo
  warn(text: string): void
}

export interface Written {
  readonly item: Item
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'removed'
}

/** What `modify` shall do with the object it looked at. */
export type Decision =
  | { readonly do: 'nothing' }
  | { readonly do: 'write'; readonly object: KubeObject; readonly undo?: () => void }
  | { readonly do: 'remove' }

const NAME_ATTEMPTS = 8
const MAX_ATTEMPTS = 12

/** REST on the store: what happens to an object between a decoded request and a durable write. */
export class Registry {
  readonly #o: RegistryOptions

  constructor(options: RegistryOptions) {
    this.#o = options
  }

  get resources(): Resources {
    return this.#o.resources
  }

  get clock(): Clock {
    return this.#o.clock
  }

  /** What every cache has applied. */
  get revision(): number {
    return this.#o.feed.revision
  }

  /** As new as every write acknowledged before the call; with a resourceVersion of '0' whatever is there. */
  async get(kind: Kind, key: Key, options: GetOptions = {}): Promise<Item> {
    const resource = this.#o.resources.of(kind)
    await this.fresh(resource, options.resourceVersion)
    const item = resource.cache.get(itemKey(key.namespace, key.name))
    if (!item) throw notFound(kind.resource, key.name)
    return resource.present(item)
  }

  /** Waits until the cache may be read at `resourceVersion` ('' or undefined: at the newest). */
  async fresh(resource: ServedResource, resourceVersion: string | undefined): Promise<void> {
    const loading = resource.cache.ready()
    if (loading) await unavailableAsApiError(loading)
    if (resourceVersion === '0') return
    const wanted = resourceVersion ? parseRevision(resourceVersion) : this.#o.store.revision()
    if (wanted > this.#o.store.revision()) throw tooLarge(wanted, this.#o.store.revision())
    const waiting = this.#o.feed.reached(wanted)
    if (waiting) await waiting
  }

  async create(
    kind: Kind,
    namespace: string | undefined,
    input: KubeObject,
    caller: Caller,
    dryRun = false,
  ): Promise<Item> {
    const resource = this.#o.resources.of(kind)
    const loading = resource.cache.ready()
    if (loading) await unavailableAsApiError(loading)
    const given = inNamespace(kind, input, namespace)
    if (given.metadata.resourceVersion)
      throw badRequest('resourceVersion should not be set on objects to be created')
    const { strategy } = resource
    const request = this.#admission(
      kind,
      '',
      namespace,
      given.metadata.name,
      undefined,
      caller,
      dryRun,
      'CREATE',
    )
    const admitted = await this.#admit({ ...request, object: strategy.defaults(applyDefaults(kind, given)) })
    for (let attempt = 1; ; attempt++) {
      const named = this.#named(kind, admitted)
      const born = orderedMetadata(strategy.prepareForCreate(this.#born(named)))
      this.#check(kind, born, strategy.validate(born))
      for (const warning of strategy.warnings(born, undefined)) caller.warn(warning)
      await this.#o.admission().validate({ ...request, object: born, name: born.metadata.name })
      const behaviour = behaviourOf(this.#o.behaviours, resource.storage)
      const reserved = behaviour?.reserve ? await behaviour.reserve(born, undefined, dryRun) : undefined
      const object = reserved?.object ?? born
      try {
        const item = await this.#insert(resource, object, dryRun)
        if (item) return resource.present(item)
      } finally {
        reserved?.release()
      }
      const generated = given.metadata.name === '' || given.metadata.name === undefined
      if (!generated || attempt >= NAME_ATTEMPTS) throw alreadyExists(kind.resource, object.metadata.name)
    }
  }

  /**
   * Replaces the object with what `next` makes of the present one; `next` is called again after a lost race. With
   * `createMissing` an absent object is created from `next(undefined)`.
   */
  async update(
    kind: Kind,
    key: Key,
    subresource: string,
    caller: Caller,
    next: (current: KubeObject | undefined) => KubeObject | Promise<KubeObject>,
    dryRun = false,
  ): Promise<Written> {
    const resource = this.#o.resources.of(kind)
    const { strategy } = resource
    const decide = async (current: Item): Promise<Decision> => {
      const old = current.object
      const input = withoutManagedFields(inNamespace(kind, await next(old), key.namespace))
      this.#checkPreconditions(resource, key.name, input, old)
      const request = this.#admission(
        kind,
        subresource,
        key.namespace,
        key.name,
        old,
        caller,
        dryRun,
        'UPDATE',
      )
      const admitted = await this.#admit({
        ...request,
        object: strategy.defaults(applyDefaults(kind, input)),
      })
      const prepared = strategy.prepareForUpdate(admitted, old, subresource)
      this.#check(kind, prepared, strategy.validateUpdate(prepared, old, subresource))
      for (const warning of strategy.warnings(prepared, old)) caller.warn(warning)
      await this.#o.admission().validate({ ...request, object: prepared })
      const behaviour = behaviourOf(this.#o.behaviours, resource.storage)
      if (isFinished(prepared, behaviour)) return { do: 'remove' }
      if (prepared === old) return { do: 'nothing' }
      const reserved = behaviour?.reserve ? await behaviour.reserve(prepared, old, dryRun) : undefined
      return {
        do: 'write',
        object: reserved?.object ?? prepared,
        ...(reserved ? { undo: reserved.release } : {}),
      }
    }
    const loading = resource.cache.ready()
    if (loading) await unavailableAsApiError(loading)
    if (
      !resource.cache.get(itemKey(key.namespace, key.name)) &&
      subresource === '' &&
      strategy.createOnUpdate
    ) {
      const input = await next(undefined)
      if (input.metadata.resourceVersion) throw notFound(kind.resource, key.name)
      return { item: await this.create(kind, key.namespace, input, caller, dryRun), outcome: 'created' }
    }
    return this.modify(kind, key, decide, dryRun)
  }

  /** Compare-and-swap with a bounded number of retries. `decide` sees the object as `kind` shows it. */
  async modify(
    kind: Kind,
    key: Key,
    decide: (current: Item) => Decision | Promise<Decision>,
    dryRun = false,
  ): Promise<Written> {
    const resource = this.#o.resources.of(kind)
    const loading = resource.cache.ready()
    if (loading) await unavailableAsApiError(loading)
    const id = itemKey(key.namespace, key.name)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const stored = resource.cache.get(id)
      if (!stored) throw notFound(kind.resource, key.name)
      const decision = await decide(resource.present(stored))
      if (decision.do === 'nothing') return { item: resource.present(stored), outcome: 'unchanged' }
      try {
        const written =
          decision.do === 'remove'
            ? await this.#remove(resource, stored, dryRun)
            : await this.#replace(resource, stored, decision.object, dryRun)
        if (written) return { ...written, item: resource.present(written.item) }
      } finally {
        if (decision.do === 'write') decision.undo?.()
      }
    }
    throw conflict(kind.resource, key.name)
  }

  admissionFor(
    kind: Kind,
    subresource: string,
    key: Key,
    caller: Caller,
    dryRun: boolean,
    operation: AdmissionRequest['operation'],
    old?: KubeObject,
  ): AdmissionRequest {
    return this.#admission(kind, subresource, key.namespace, key.name, old, caller, dryRun, operation)
  }

  /** Both admission phases on a body that is not stored itself (binding, eviction, token) or on a deletion. */
  async admitOnly(request: AdmissionRequest): Promise<KubeObject | undefined> {
    const admitted = await this.#o.admission().admit(request)
    await this.#o.admission().validate({ ...request, object: admitted })
    return admitted
  }

  // --- the store ---

  /** undefined: the name is taken. */
  async #insert(resource: ServedResource, object: KubeObject, dryRun: boolean): Promise<Item | undefined> {
    const { namespace, name } = object.metadata
    const key = itemKey(namespace, name)
    const stored = resource.conversion ? resource.conversion.toStorage(object) : object
    const bytes = storedBytes(stored)
    if (dryRun) return resource.cache.get(key) ? undefined : itemOf(key, stored, bytes, 0)
    const revision = await this.#commit(resource, key, stored, bytes, 0)
    if (revision === undefined) return undefined
    return this.#seen(resource, key, stored, bytes, revision)
  }

  /** undefined: somebody was faster. */
  async #replace(
    resource: ServedResource,
    current: Item,
    object: KubeObject,
    dryRun: boolean,
  ): Promise<Written | undefined> {
    const stored = resource.conversion ? resource.conversion.toStorage(object) : object
    const bytes = storedBytes(stored)
    if (saysTheSame(withRevisionBytes(bytes, current.revision), current.json))
      return { item: current, outcome: 'unchanged' }
    if (dryRun) return { item: itemOf(current.key, stored, bytes, current.revision), outcome: 'changed' }
    const revision = await this.#commit(resource, current.key, stored, bytes, current.revision)
    if (revision === undefined) return undefined
    return { item: this.#seen(resource, current.key, stored, bytes, revision), outcome: 'changed' }
  }

  async #remove(resource: ServedResource, current: Item, dryRun: boolean): Promise<Written | undefined> {
    if (
      !dryRun &&
      (await this.#commit(resource, current.key, undefined, null, current.revision)) === undefined
    )
      return undefined
    return { item: current, outcome: 'removed' }
  }

  /** The revision of the write once every cache shows it; undefined when the key was not at `expect`. */
  async #commit(
    resource: ServedResource,
    key: string,
    object: KubeObject | undefined,
    value: Buffer | null,
    expect: number,
  ): Promise<number | undefined> {
    const { store, feed } = this.#o
    const write: Write = {
      key: resource.prefix + key,
      value,
      expect,
      ...(resource.ttlMs && value ? { ttlMs: resource.ttlMs } : {}),
    }
    if (object && value) resource.cache.expectWrite(key, value, object)
    try {
      const result = await store.commit([write])
      const waiting = feed.reached(result.revision)
      if (waiting) await waiting
      return result.ok ? result.revision : undefined
    } catch (error) {
      throw storeError(error)
    } finally {
      if (value) resource.cache.forgetWrite(key, value)
    }
  }

  #seen(resource: ServedResource, key: string, object: KubeObject, bytes: Buffer, revision: number): Item {
    const item = resource.cache.get(key)
    return item?.revision === revision ? item : itemOf(key, object, bytes, revision)
  }

  // --- rules ---

  #admission(
    kind: Kind,
    subresource: string,
    namespace: string | undefined,
    name: string | undefined,
    old: KubeObject | undefined,
    caller: Caller,
    dryRun: boolean,
    operation: AdmissionRequest['operation'],
  ): AdmissionRequest {
    const { user } = caller
    return {
      operation,
      kind,
      subresource,
      namespace,
      name: name ?? '',
      object: undefined,
      old,
      user,
      dryRun,
      warn: (text) => caller.warn(text),
    }
  }

  async #admit(request: AdmissionRequest): Promise<KubeObject> {
    const admitted = await this.#o.admission().admit(request)
    return admitted ?? request.object!
  }

  #named(kind: Kind, object: KubeObject): KubeObject {
    const { name, generateName } = object.metadata as { name?: string; generateName?: string }
    if (name || !generateName) return object
    const longest = kind.resource.kind === 'Namespace' ? 63 : 253
    const generated = generateName.slice(0, longest - 5) + this.#o.random.suffix(5)
    return { ...object, metadata: { ...object.metadata, name: generated } }
  }

  #born(object: KubeObject): KubeObject {
    const {
      selfLink: _s,
      managedFields: _m,
      ...metadata
    } = object.metadata as KubeObject['metadata'] & { selfLink?: string; managedFields?: unknown }
    return {
      ...object,
      metadata: {
        ...metadata,
        uid: this.#o.random.uuid(),
        creationTimestamp: timestamp(this.#o.clock.now()),
      },
    }
  }

  #check(kind: Kind, object: KubeObject, problems: Parameters<typeof invalid>[2]): void {
    if (problems.length > 0) throw invalid(kind.resource, object.metadata.name ?? '', problems)
  }

  #checkPreconditions(resource: ServedResource, name: string, input: KubeObject, old: KubeObject): void {
    const { uid, resourceVersion } = input.metadata
    if (uid && uid !== old.metadata.uid) {
      throw conflict(
        resource.kind.resource,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      )
    }
    if (resourceVersion && resourceVersion !== '0') {
      if (resourceVersion !== old.metadata.resourceVersion) throw conflict(resource.kind.resource, name)
    } else if (!resource.strategy.unconditionalUpdate) {
      this.#check(resource.kind, input, [
        {
          type: 'Invalid',
          field: 'metadata.resourceVersion',
          value: 0,
          detail: 'must be specified for an update',
        },
      ])
    }
  }
}

/** Metadata in the order of its declaration, with uid where the encoder looks for it. */
function orderedMetadata(object: KubeObject): KubeObject {
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, ...rest } =
    object.metadata as KubeObject['metadata'] & { generateName?: string }
  const metadata = {
    name,
    ...(generateName ? { generateName } : {}),
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    resourceVersion: resourceVersion ?? '',
    ...(generation === undefined ? {} : { generation }),
    creationTimestamp,
    ...rest,
  } as KubeObject['metadata']
  return { ...object, metadata }
}

/** Who set which field is not tracked: what a client claims about it is not kept either. */
function withoutManagedFields(object: KubeObject): KubeObject {
  if (!('managedFields' in object.metadata)) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** The object with its namespace filled in from the path; 400 when it names another one. */
function inNamespace(kind: Kind, object: KubeObject, namespace: string | undefined): KubeObject {
  const own = object.metadata.namespace
  if (!kind.resource.namespaced || own === namespace) return object
  if (own)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  return { ...object, metadata: { ...object.metadata, namespace } }
}

/** Whether nothing holds a deleted object any more. */
export function isFinished(object: KubeObject, behaviour: Behaviour | undefined): boolean {
  const { deletionTimestamp, finalizers } = object.metadata
  if (!deletionTimestamp || (finalizers && finalizers.length > 0)) return false
  const { deletionGracePeriodSeconds } = object.metadata as { deletionGracePeriodSeconds?: number }
  return !deletionGracePeriodSeconds && !behaviour?.holdsDeletion?.(object)
}

export function parseRevision(text: string): number {
  const revision = Number(text)
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(revision)) return revision
  throw invalidResourceVersion(text)
}

function invalidResourceVersion(text: string): ApiError {
  return badRequest(
    `Invalid value: ${JSON.stringify(text.slice(0, 100))}: strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 100))}: invalid syntax`,
  )
}

/** 504 with the cause that client-go recognises and retries. */
function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}

export function storeError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError || error instanceof StoreClosedError) {
    return new ApiError(
      'ServiceUnavailable',
      `the store does not take writes: ${error.message}`,
      { retryAfterSeconds: 1 },
      { cause: error },
    )
  }
  return error
}

async function unavailableAsApiError(loading: Promise<void>): Promise<void> {
  try {
    await loading
  } catch (error) {
    throw storeError(error)
  }
}

/** Whether two objects' bytes differ in nothing, or in the order of properties only. */
function saysTheSame(a: Buffer, b: Uint8Array): boolean {
  if (a.equals(b)) return true
  return a.length === b.length && equalJson(JSON.parse(a.toString()), JSON.parse(Buffer.from(b).toString()))
}
