import {
  alreadyExists,
  badRequest,
  conflict,
  type GetOptions,
  invalid,
  type Key,
  notFound,
  type UserInfo,
} from '../../api/index.ts'
import { type Clock, flat, type Log, type Random, timestamp } from '../../base/index.ts'
import { applyDefaults, type Kind, type KubeObject } from '../../schema/index.ts'
import type { Store } from '../../store/index.ts'
import type { Admission, AdmissionRequest } from '../contracts.ts'
import { type Behaviour, behaviourOf } from './behaviours.ts'
import type { Feed } from './feed.ts'
import { type Item, itemKey } from './item.ts'
import { notYetWarning } from './not-yet.ts'
import type { Resources, ServedResource } from './resources.ts'
import {
  inNamespace,
  isFinished,
  nameGiven,
  orderedMetadata,
  parseRevision,
  tooLarge,
  withoutManagedFields,
} from './rules.ts'
import { unavailableAsApiError, Writer, type Written } from './writer.ts'

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

/** What `modify` shall do with the object it looked at. */
export type Decision =
  | { readonly do: 'nothing' }
  | { readonly do: 'write'; readonly object: KubeObject; readonly undo?: () => void }
  /** `last`: what the write that takes the object along made of it, for its answer. */
  | { readonly do: 'remove'; readonly last?: KubeObject }

const NAME_ATTEMPTS = 8
const MAX_ATTEMPTS = 12
/** Made-up names fit where a host's name has to. */
const MAX_GENERATED = 63

/** REST on the store: what happens to an object between a decoded request and a durable write. */
export class Registry {
  readonly #o: RegistryOptions
  readonly #writer: Writer

  constructor(options: RegistryOptions) {
    this.#o = options
    this.#writer = new Writer(options)
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
    if (!waiting) return
    await waiting
    // Had the watch on the store broken meanwhile, the cache would not show `wanted` before it is loaded again.
    const reloading = resource.cache.ready()
    if (reloading) await unavailableAsApiError(reloading)
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
    const given = nameGiven(inNamespace(kind, input, namespace))
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
      const named = this.#named(admitted)
      const born = orderedMetadata(strategy.prepareForCreate(this.#born(named)))
      this.#check(kind, born, strategy.validate(born))
      for (const warning of strategy.warnings(born, undefined)) caller.warn(warning)
      const unattended = notYetWarning(kind)
      if (unattended) caller.warn(unattended)
      await this.#o.admission().validate({ ...request, object: born, name: born.metadata.name })
      const behaviour = behaviourOf(this.#o.behaviours, resource.storage)
      const reserved = behaviour?.reserve ? await behaviour.reserve(born, undefined, dryRun) : undefined
      const object = reserved?.object ?? born
      try {
        const item = await this.#writer.insert(resource, object, dryRun)
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
      if (isFinished(prepared, behaviour)) return { do: 'remove', last: prepared }
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
            ? await this.#writer.remove(resource, stored, dryRun, decision.last)
            : await this.#writer.replace(resource, stored, decision.object, dryRun)
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

  #named(object: KubeObject): KubeObject {
    const { name, generateName } = object.metadata as { name?: string; generateName?: string }
    if (name || !generateName) return object
    const generated = flat(generateName.slice(0, MAX_GENERATED - 5) + this.#o.random.suffix(5))
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
