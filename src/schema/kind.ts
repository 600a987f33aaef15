import type { StructType } from './type.ts'

/** What every top-level object has. `namespace` is absent (never '') on cluster-scoped objects. */
export interface ObjectMetaLike {
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid: string
  readonly resourceVersion: string
  readonly generation?: number | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly creationTimestamp: string
  readonly deletionTimestamp?: string | undefined
  readonly finalizers?: readonly string[] | undefined
}

export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMetaLike
}

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection'

export interface Subresource {
  /** The kind of its body, and that kind's group and version where they differ from the parent's. */
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly Verb[]
}

/** How a kind is served over REST. Source: the API reference of Kubernetes v1.36. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
  readonly subresources: Readonly<Record<string, Subresource>>
}

/**
 * A type that is served: `Pod` is both the static type and this value, so that
 * `client.get(Pod, { namespace: 'default', name: 'web' })` resolves to a `Pod`.
 */
export interface Kind<T extends KubeObject = KubeObject> extends StructType<T> {
  readonly resource: Resource
}

/** 'v1' or 'apps/v1'. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/** What an author writes: everything optional at every depth. The server defaults and validates it. */
export type Input<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Input<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Input<T[K]> | undefined }
      : T
