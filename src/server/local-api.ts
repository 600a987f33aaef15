import {
  type Api,
  ApiError,
  badRequest,
  type CreateOptions,
  type DeleteOptions,
  type GetOptions,
  type Key,
  type List,
  type ListOptions,
  type Patch,
  Scale,
  type SubresourceCall,
  type UserInfo,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '../api/index.ts'
import { type Clock, nextTurn } from '../base/index.ts'
import { apiVersionOf, type Input, type Kind, type KubeObject, type StructType } from '../schema/index.ts'
import { bodyTypeOf } from './body-types.ts'
import type { RequestAttributes } from './contracts.ts'
import { selection } from './http/request-info.ts'
import { type Operations, OTHER_BODIES, type Writing } from './operations.ts'
import type { WatchCursor } from './registry/cursor.ts'
import { decodeObject } from './registry/decode.ts'
import { listItems, openWatch } from './registry/list.ts'
import type { Caller } from './registry/registry.ts'

const BOOKMARK_MS = 60_000
const READ_MAX = 500

/** The API bound in process: objects are handed over by reference, and everything else is as over HTTPS. */
export function localApi(operations: Operations, user: UserInfo, clock: Clock, closing: AbortSignal): Api {
  return new LocalApi(operations, user, clock, closing)
}

class LocalApi implements Api {
  readonly #operations: Operations
  readonly #caller: Caller
  readonly #clock: Clock
  readonly #closing: AbortSignal

  constructor(operations: Operations, user: UserInfo, clock: Clock, closing: AbortSignal) {
    this.#operations = operations
    this.#caller = { user, warn() {} }
    this.#clock = clock
    this.#closing = closing
  }

  async get<T extends KubeObject>(kind: Kind<T>, key: Key, options: GetOptions = {}): Promise<T> {
    await this.#may(kind, 'get', key, options.subresource)
    if (options.subresource === 'scale') return (await this.#operations.getScale(kind, key)) as unknown as T
    return (await this.#operations.registry.get(kind, key, options)).object as T
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<List<T>> {
    await this.#may(kind, 'list', options)
    const page = await listItems(this.#operations.registry, kind, options)
    return {
      apiVersion: apiVersionOf(kind.resource),
      kind: kind.resource.listKind,
      metadata: {
        resourceVersion: String(page.revision),
        ...(page.continue ? { continue: page.continue } : {}),
        ...(page.remaining ? { remainingItemCount: page.remaining } : {}),
      },
      items: page.items.map((item) => item.object as T),
    }
  }

  async *watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    await this.#may(kind, 'watch', options)
    if (options.signal.aborted) return
    const cursor = await openWatch(this.#operations.registry, kind, options)
    yield* follow<T>(cursor, options, this.#clock, this.#closing)
  }

  async create<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: CreateOptions = {},
  ): Promise<T> {
    const input = this.#decode(kind, object, options)
    const namespace = kind.resource.namespaced ? input.metadata.namespace : undefined
    await this.#may(kind, 'create', { namespace, name: '' })
    if (this.#operations.isReview(kind))
      return (await this.#operations.review(kind, namespace, input, this.#caller.user)) as T
    return (await this.#operations.create(kind, namespace, input, this.#caller, writing(options))).object as T
  }

  async update<T extends KubeObject>(
    kind: Kind<T>,
    object: Input<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const input = this.#decode(kind, object, options)
    const { namespace, name } = input.metadata
    const key = { namespace: kind.resource.namespaced ? namespace : undefined, name }
    if (!name) throw badRequest('name is required')
    await this.#may(kind, 'update', key, options.subresource)
    return (await this.#operations.update(kind, key, input, this.#caller, writing(options))).item.object as T
  }

  async patch<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    await this.#may(kind, 'patch', key, options.subresource)
    if (options.subresource === 'scale') {
      return (await this.#operations.patchScale(
        kind,
        key,
        patch,
        this.#caller,
        writing(options),
      )) as unknown as T
    }
    return (await this.#operations.patch(kind, key, patch, this.#caller, writing(options))).item.object as T
  }

  async delete<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    await this.#may(kind, 'delete', key)
    return (await this.#operations.delete(kind, key, options, this.#caller)).item.object as T
  }

  async call<B extends object, R extends object>(
    kind: Kind,
    key: Key,
    request: SubresourceCall<B>,
  ): Promise<R> {
    const { subresource, method, dryRun = false } = request
    if (!OTHER_BODIES.has(subresource) || !(subresource in kind.resource.subresources)) {
      throw new ApiError('NotFound', 'the server could not find the requested resource', {})
    }
    const verb = method === 'GET' ? 'get' : method === 'PUT' ? 'update' : 'create'
    await this.#may(kind, verb, key, subresource)
    if (subresource === 'scale') {
      if (method === 'GET') return (await this.#operations.getScale(kind, key)) as unknown as R
      const scale = decodeObject(Scale, request.body, 'Strict', () => {})
      return (await this.#operations.putScale(kind, key, scale, this.#caller, dryRun)) as unknown as R
    }
    const body = decodeObject(bodyTypeOf(kind, subresource), request.body, 'Strict', () => {})
    return (await this.#operations.post(kind, key, subresource, body, this.#caller, dryRun)) as unknown as R
  }

  #decode<T extends KubeObject>(kind: Kind<T>, object: Input<T>, options: CreateOptions): T {
    const { kind: kindName, apiVersion } = object as Partial<KubeObject>
    const own = { kind: kind.resource.kind, apiVersion: apiVersionOf(kind.resource) }
    if ((kindName && kindName !== own.kind) || (apiVersion && apiVersion !== own.apiVersion)) {
      throw badRequest(
        `cannot write ${own.apiVersion} ${own.kind}: expected an object of that kind, got ${apiVersion} ${kindName}`,
      )
    }
    const whole = { ...(object as object), ...own }
    return decodeObject(kind as StructType<T>, whole, options.fieldValidation ?? 'Strict', () => {})
  }

  #may(
    kind: Kind,
    verb: string,
    what: Partial<Key> & Pick<ListOptions, 'fieldSelector'>,
    subresource = '',
  ): void | Promise<void> {
    const { group, version, plural } = kind.resource
    const attributes: RequestAttributes = {
      verb,
      isResource: true,
      path: '',
      group,
      version,
      resource: plural,
      subresource,
      namespace: what.namespace ?? '',
      ...(what.name === undefined ? selection(what.fieldSelector) : { name: what.name }),
    }
    return this.#operations.authorize(this.#caller.user, attributes)
  }
}

function writing(options: WriteOptions): Writing {
  return {
    dryRun: options.dryRun === true,
    validation: options.fieldValidation ?? 'Strict',
    subresource: options.subresource ?? '',
  }
}

/** A cursor as an iteration: events, and bookmarks while nothing happens. */
async function* follow<T extends KubeObject>(
  cursor: WatchCursor,
  options: WatchOptions,
  clock: Clock,
  closing: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const signal = AbortSignal.any([options.signal, closing])
  const endAt =
    options.timeoutSeconds === undefined
      ? Number.POSITIVE_INFINITY
      : clock.monotonic() + options.timeoutSeconds * 1000
  let bookmarkAt = clock.monotonic() + BOOKMARK_MS
  let initial = options.sendInitialEvents === true
  try {
    while (!signal.aborted) {
      for (const { type, item } of cursor.read(READ_MAX)) yield { type, object: item.object as T }
      if (initial && cursor.initialDone) {
        initial = false
        yield { type: 'BOOKMARK', resourceVersion: String(cursor.revision), initialEventsEnd: true }
      }
      if (!cursor.caughtUp) {
        await nextTurn()
        continue
      }
      const now = clock.monotonic()
      if (now >= endAt) return
      if (options.allowWatchBookmarks && now >= bookmarkAt) {
        bookmarkAt = now + BOOKMARK_MS
        yield { type: 'BOOKMARK', resourceVersion: String(cursor.bookmark()), initialEventsEnd: false }
        continue
      }
      const wakeAt = Math.min(endAt, options.allowWatchBookmarks ? bookmarkAt : Number.POSITIVE_INFINITY)
      await changeOrTime(cursor, clock, wakeAt - now, signal)
    }
  } finally {
    cursor.close()
  }
}

function changeOrTime(
  cursor: WatchCursor,
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancelTimer?.()
      signal.removeEventListener('abort', done)
      cursor.close()
      resolve()
    }
    const cancelTimer = delayMs === Number.POSITIVE_INFINITY ? undefined : clock.after(delayMs, done)
    signal.addEventListener('abort', done)
    cursor.wait(done)
  })
}
