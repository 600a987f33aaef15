import {
  type Api,
  alreadyExists,
  badRequest,
  type CreateOptions,
  conflict,
  type DeleteOptions,
  expired,
  type GetOptions,
  type Key,
  type List,
  type ListOptions,
  notFound,
  type Patch,
  type SubresourceCall,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '../../api/index.ts'
import { type Clock, type Random, seededRandom, timestamp, VirtualClock } from '../../base/index.ts'
import { apiVersionOf, deepFreeze, type Input, type Kind, type KubeObject } from '../../schema/index.ts'
import { keyText } from '../keys.ts'
import { patched } from './patching.ts'
import { matchesFields, matchesLabels } from './selectors.ts'

/** An object whose shape the fake does not know. */
export interface Loose {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    uid: string
    resourceVersion: string
    generation?: number
    generateName?: string
    creationTimestamp: string
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
    labels?: Record<string, string>
    finalizers?: string[]
  }
  spec?: Record<string, unknown>
  status?: Record<string, unknown>
}

interface Change {
  readonly revision: number
  readonly id: string
  readonly object: Loose
  readonly previous: Loose | undefined
  readonly deleted: boolean
}

export interface Call {
  readonly verb: 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'call'
  readonly kind: string
  readonly key: string
  readonly subresource?: string | undefined
}

/**
 * The API without a server: enough of its rules for controllers to be tested on (revisions, conflicts, generations,
 * status apart from spec, finalizers, graceful pod deletion, watches that resume or are too old). It validates and
 * defaults nothing. What it hands out is frozen.
 */
export class MemoryApi implements Api {
  /** Everything that was asked, in order. */
  readonly calls: Call[] = []
  /** Runs before each request; what it throws is the answer. */
  fault: ((call: Call) => void | Promise<void>) | undefined
  readonly #clock: Clock
  readonly #random: Random
  readonly #objects = new Map<string, Map<string, Loose>>()
  #history: Change[] = []
  #compacted = 0
  #revision = 1
  #listeners = new Set<() => void>()

  constructor(options: { clock?: Clock; random?: Random } = {}) {
    this.#clock = options.clock ?? new VirtualClock()
    this.#random = options.random ?? seededRandom(1, 'memory-api')
  }

  get revision(): number {
    return this.#revision
  }

  /** Forgets history: watches from before now are answered with 410. */
  compact(): void {
    this.#compacted = this.#revision
    this.#history = []
  }

  /** Ends every watch that is open, as a server that goes away does. */
  dropWatches(): void {
    const listeners = this.#listeners
    this.#listeners = new Set()
    for (const fn of listeners) fn()
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: Key, options: GetOptions = {}): Promise<T> {
    await this.#begin('get', kind, keyText(key), options.subresource)
    return this.#must(kind, key) as unknown as T
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<List<T>> {
    await this.#begin('list', kind, options.namespace ?? '')
    const matching = [...this.#all(kind).entries()]
      .filter(([, o]) => selects(options, o))
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const rest = options.continue ? matching.filter(([k]) => k > options.continue!) : matching
    const page = options.limit ? rest.slice(0, options.limit) : rest
    const more = page.length < rest.length ? { continue: page.at(-1)![0] } : {}
    return {
      apiVersion: apiVersionOf(kind.resource),
      kind: kind.resource.listKind,
      metadata: { resourceVersion: String(this.#revision), ...more },
      items: page.map(([, o]) => o as unknown as T),
    }
  }

  async *watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    await this.#begin('watch', kind, options.namespace ?? '')
    const id = idOf(kind)
    let at = Number(options.resourceVersion || 0)
    if (Number.isNaN(at)) throw badRequest(`cannot watch from resource version "${options.resourceVersion}"`)
    if (options.sendInitialEvents || at === 0) {
      at = this.#revision
      const now = [...this.#all(kind).values()].filter((o) => selects(options, o))
      for (const object of now) yield { type: 'ADDED', object: object as unknown as T }
      if (options.sendInitialEvents)
        yield { type: 'BOOKMARK', resourceVersion: String(at), initialEventsEnd: true }
    }
    if (at < this.#compacted) throw expired(`too old resource version: ${at} (${this.#compacted})`)
    let open = true
    while (open && !options.signal.aborted) {
      for (const change of this.#after(at)) {
        at = change.revision
        const event = change.id === id ? eventOf(change, options) : undefined
        if (event) yield event as unknown as WatchEvent<T>
        if (options.signal.aborted) return
      }
      if (at < this.#revision) continue
      open = await this.#changed(options.signal)
      if (at < this.#compacted && this.#compacted < this.#revision) throw expired('the history was compacted')
    }
  }

  async create<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: CreateOptions = {},
  ): Promise<T> {
    const given = structuredClone(object) as unknown as Loose
    const { generateName } = given.metadata
    const name = given.metadata.name || (generateName ? generateName + this.#random.suffix(5) : '')
    await this.#begin('create', kind, keyText({ namespace: given.metadata.namespace, name }))
    if (name === '') throw badRequest('name or generateName is required')
    if (kind.resource.namespaced !== (given.metadata.namespace !== undefined)) {
      throw badRequest(`the namespace of ${kind.resource.kind} "${name}" does not fit its scope`)
    }
    if (this.#all(kind).has(keyText({ ...given.metadata, name }))) throw alreadyExists(kind.resource, name)
    const created: Loose = {
      ...given,
      apiVersion: apiVersionOf(kind.resource),
      kind: kind.resource.kind,
      metadata: {
        ...given.metadata,
        name,
        uid: this.#random.uuid(),
        creationTimestamp: timestamp(this.#clock.now()),
        resourceVersion: '',
      },
    }
    // What the declaration promises to be there, is.
    for (const part of ['spec', 'status'] as const) if (kind.field.get(part)?.always) created[part] ??= {}
    if (created.spec) created.metadata.generation = 1
    if (kind.resource.kind === 'Namespace') {
      created.spec = { finalizers: ['kubernetes'], ...created.spec }
      created.status = { phase: 'Active' }
    } else if ('status' in kind.resource.subresources) {
      created.status =
        kind.resource.kind === 'Pod' ? { phase: 'Pending', ...created.status } : (created.status ?? {})
    }
    return (options.dryRun ? created : this.#write(kind, created, undefined)) as unknown as T
  }

  async update<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const given = structuredClone(object) as unknown as Loose
    await this.#begin('update', kind, keyText(given.metadata), options.subresource)
    return this.#replace(kind, given, options) as unknown as T
  }

  async patch<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    await this.#begin('patch', kind, keyText(key), options.subresource)
    const before = this.#must(kind, key)
    const after = patched(kind, before, patch)
    if (after.metadata.uid !== before.metadata.uid)
      throw conflict(kind.resource, key.name, 'the UID in the precondition does not match')
    return this.#replace(kind, after, options) as unknown as T
  }

  async delete<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    await this.#begin('delete', kind, keyText(key))
    const before = this.#must(kind, key)
    const { uid, resourceVersion } = options.preconditions ?? {}
    if (
      (uid && uid !== before.metadata.uid) ||
      (resourceVersion && resourceVersion !== before.metadata.resourceVersion)
    ) {
      throw conflict(kind.resource, key.name, 'the precondition does not match')
    }
    if (options.dryRun) return before as unknown as T
    const finalizers = new Set(before.metadata.finalizers)
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion').delete('orphan')
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan').delete('foregroundDeletion')
    if (options.propagationPolicy === 'Background') {
      finalizers.delete('orphan')
      finalizers.delete('foregroundDeletion')
    }
    const grace = graceOf(kind, before, options)
    const marked: Loose = {
      ...before,
      metadata: {
        ...before.metadata,
        ...(finalizers.size > 0 || before.metadata.finalizers ? { finalizers: [...finalizers] } : {}),
        deletionTimestamp: before.metadata.deletionTimestamp ?? timestamp(this.#clock.now() + grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
      ...(kind.resource.kind === 'Namespace' ? { status: { ...before.status, phase: 'Terminating' } } : {}),
    }
    if (finalizers.size === 0 && grace === 0 && !holdsNamespace(marked)) {
      this.#remove(kind, before)
      return before as unknown as T
    }
    return this.#write(kind, marked, before) as unknown as T
  }

  async call<B extends object, R extends object>(
    kind: Kind,
    key: Key,
    request: SubresourceCall<B>,
  ): Promise<R> {
    await this.#begin('call', kind, keyText(key), request.subresource)
    const before = this.#must(kind, key)
    const body = request.body as { target?: { name?: string }; spec?: object } | undefined
    if (request.subresource === 'binding') {
      this.#write(kind, { ...before, spec: { ...before.spec, nodeName: body?.target?.name } }, before)
      return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as unknown as R
    }
    if (request.subresource === 'eviction') return (await this.delete(kind, key)) as unknown as R
    throw badRequest(`the fake does not serve ${kind.resource.plural}/${request.subresource}`)
  }

  async #begin(verb: Call['verb'], kind: Kind, key: string, subresource?: string): Promise<void> {
    const call: Call = { verb, kind: kind.resource.kind, key, ...(subresource ? { subresource } : {}) }
    this.calls.push(call)
    await this.fault?.(call)
  }

  #all(kind: Kind): Map<string, Loose> {
    const id = idOf(kind)
    let all = this.#objects.get(id)
    if (!all) {
      all = new Map()
      this.#objects.set(id, all)
    }
    return all
  }

  #must(kind: Kind, key: Key): Loose {
    const found = this.#all(kind).get(keyText(key))
    if (!found) throw notFound(kind.resource, key.name)
    return found
  }

  #replace(kind: Kind, given: Loose, options: WriteOptions): Loose {
    const before = this.#must(kind, given.metadata)
    const { resourceVersion, uid } = given.metadata
    if (resourceVersion && resourceVersion !== before.metadata.resourceVersion)
      throw conflict(kind.resource, given.metadata.name)
    if (uid && uid !== before.metadata.uid)
      throw conflict(kind.resource, given.metadata.name, 'the UID in the precondition does not match')
    const {
      uid: ownUid,
      creationTimestamp,
      generation,
      deletionTimestamp,
      deletionGracePeriodSeconds,
    } = before.metadata
    const kept = JSON.parse(
      JSON.stringify({
        uid: ownUid,
        creationTimestamp,
        generation,
        deletionTimestamp,
        deletionGracePeriodSeconds,
      }),
    )
    const metadata = { ...given.metadata, ...kept, resourceVersion: before.metadata.resourceVersion }
    const served = kind.resource.subresources
    let after: Loose = { ...given, apiVersion: before.apiVersion, kind: before.kind, metadata }
    if (options.subresource === 'status') after = { ...before, status: given.status ?? {} }
    else if ('status' in served) after = { ...after, ...(before.status ? { status: before.status } : {}) }
    if (!same(after.spec, before.spec) && before.metadata.generation !== undefined) {
      after = { ...after, metadata: { ...after.metadata, generation: before.metadata.generation + 1 } }
    }
    if (options.dryRun) return after
    const over =
      after.metadata.deletionTimestamp && !after.metadata.finalizers?.length && !holdsNamespace(after)
    if (over && (after.metadata.deletionGracePeriodSeconds ?? 0) === 0) {
      this.#remove(kind, after)
      return after
    }
    return same(after, before) ? before : this.#write(kind, after, before)
  }

  #write(kind: Kind, object: Loose, previous: Loose | undefined): Loose {
    const revision = ++this.#revision
    const written = deepFreeze({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(revision) },
    })
    this.#all(kind).set(keyText(written.metadata), written)
    this.#record({ revision, id: idOf(kind), object: written, previous, deleted: false })
    return written
  }

  #remove(kind: Kind, before: Loose): void {
    const revision = ++this.#revision
    this.#all(kind).delete(keyText(before.metadata))
    const object = deepFreeze({
      ...before,
      metadata: { ...before.metadata, resourceVersion: String(revision) },
    })
    this.#record({ revision, id: idOf(kind), object, previous: before, deleted: true })
  }

  #record(change: Change): void {
    this.#history.push(change)
    for (const fn of [...this.#listeners]) fn()
  }

  /** Each revision is one change, so its place in the history is known. */
  #after(revision: number): Change[] {
    const first = this.#history[0]
    return first ? this.#history.slice(Math.max(0, revision + 1 - first.revision)) : []
  }

  /** Resolves to false when the watch was dropped. */
  #changed(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const listeners = this.#listeners
      const done = () => {
        signal.removeEventListener('abort', done)
        const dropped = listeners !== this.#listeners
        listeners.delete(done)
        resolve(!dropped)
      }
      listeners.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}

const idOf = (kind: Kind) => `${kind.resource.group}/${kind.resource.plural}`

type Selects = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>

function selects(options: Selects, object: Loose): boolean {
  if (options.namespace !== undefined && object.metadata.namespace !== options.namespace) return false
  return (
    matchesLabels(options.labelSelector, object.metadata.labels) &&
    matchesFields(options.fieldSelector, object)
  )
}

function eventOf(change: Change, options: Selects): WatchEvent<Loose> | undefined {
  const before = change.previous !== undefined && selects(options, change.previous)
  const now = !change.deleted && selects(options, change.object)
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object: change.object }
  return before ? { type: 'DELETED', object: change.object } : undefined
}

function graceOf(kind: Kind, object: Loose, options: DeleteOptions): number {
  if (kind.resource.kind !== 'Pod') return 0
  const over = object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed'
  if (!object.spec?.nodeName || over) return 0
  return options.gracePeriodSeconds ?? Number(object.spec.terminationGracePeriodSeconds ?? 30)
}

function holdsNamespace(object: Loose): boolean {
  return object.kind === 'Namespace' && ((object.spec?.finalizers as string[] | undefined)?.length ?? 0) > 0
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
