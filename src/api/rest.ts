import type { Input, Kind, KubeObject } from '../schema/index.ts'

/**
 * The API as every component uses it. The server implements it in process (no socket, no encoding: objects are
 * handed over by reference and are immutable); client/ implements it over HTTPS. One suite runs against both.
 * Every method rejects with `ApiError` when the server refuses, and with an operational error (`cause` set) when
 * the server cannot be reached.
 */
export interface Api {
  get<T extends KubeObject>(kind: Kind<T>, key: Key, options?: GetOptions): Promise<T>
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<List<T>>
  /** Ends when the server ends it (time-out) or `signal` aborts; an ERROR event is thrown as ApiError instead. */
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>
  create<T extends KubeObject>(kind: Kind<T>, object: NoInfer<Input<T>>, options?: CreateOptions): Promise<T>
  /** Compares `metadata.resourceVersion` when it is set: 409 when the object has changed since. */
  update<T extends KubeObject>(kind: Kind<T>, object: NoInfer<Input<T>>, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(kind: Kind<T>, key: Key, patch: Patch, options?: WriteOptions): Promise<T>
  /** Resolves to the object as last seen: still there (terminating) when finalizers or grace hold it. */
  delete<T extends KubeObject>(kind: Kind<T>, key: Key, options?: DeleteOptions): Promise<T | undefined>
  /**
   * Any request to a subresource whose body is of another kind: `binding`, `eviction`, `scale`, `token`.
   * `status` is reached through `options.subresource` of update and patch instead.
   */
  call<B extends object, R extends object>(kind: Kind, key: Key, request: SubresourceCall<B>): Promise<R>
}

export interface Key {
  /** undefined on cluster-scoped kinds. */
  readonly namespace?: string | undefined
  readonly name: string
}

export interface GetOptions {
  readonly resourceVersion?: string
  readonly subresource?: string
  readonly signal?: AbortSignal
}

export interface ListOptions {
  /** undefined: all namespaces (or a cluster-scoped kind). */
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan'
  readonly signal?: AbortSignal
}

export interface WatchOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Events after this; '' or '0': the current state as ADDED events first. */
  readonly resourceVersion?: string
  readonly allowWatchBookmarks?: boolean
  /**
   * Streaming list (KEP-3157): the state as ADDED events, then a BOOKMARK annotated k8s.io/initial-events-end.
   * false: no state, also where none or '0' is given as resourceVersion: what happens from now on.
   */
  readonly sendInitialEvents?: boolean
  readonly timeoutSeconds?: number
  readonly signal: AbortSignal
}

export interface CreateOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  readonly signal?: AbortSignal
}

export interface WriteOptions extends CreateOptions {
  /** 'status', 'resize', 'ephemeralcontainers', 'approval', 'finalize'. */
  readonly subresource?: string
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

export interface SubresourceCall<B extends object> {
  readonly subresource: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly body?: B
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly JsonPatchOperation[] }
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'strategic'; readonly body: object }

export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string }

export interface List<T> {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly items: readonly T[]
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }

/** Who asks. Made by authentication, read by authorization, admission and audit. */
export interface UserInfo {
  readonly username: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}
