import { ApiError, notFound, type Strategy, servedKinds, strategyFor } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import { apiVersionOf, type Kind, type KubeObject } from '../../schema/index.ts'
import type { Store } from '../../store/index.ts'
import { ResourceCache } from './cache.ts'
import { type Conversion, conversions } from './conversions.ts'
import { type Feed, REGISTRY_PREFIX } from './feed.ts'
import type { HistoryLimits } from './history.ts'
import type { Item } from './item.ts'

/** A kind as it is served, with where and how it is stored. Several versions may share a storage. */
export interface ServedResource {
  readonly kind: Kind
  readonly apiVersion: string
  /** What is stored: differs from `kind` where another version or group is the storage form. */
  readonly storage: Kind
  readonly conversion: Conversion | undefined
  readonly strategy: Strategy
  readonly prefix: string
  readonly cache: ResourceCache
  /** Objects of this kind go away by themselves after this time. */
  readonly ttlMs: number | undefined
  /** The item as this version shows it: the same one where it is the storage form. */
  present(item: Item): Item
}

export interface ResourcesOptions {
  readonly store: Store
  readonly feed: Feed
  readonly clock: Clock
  readonly log: Log
  readonly eventTtlMs: number
  readonly historyLimits?: HistoryLimits | undefined
  readonly onObject?: ((object: KubeObject) => void) | undefined
}

/** All resources that are kept in the store. Caches start when they are first used. */
export class Resources {
  readonly #options: ResourcesOptions
  readonly #byKind = new Map<Kind, ServedResource>()
  readonly #byPlural = new Map<string, ServedResource>()
  readonly #caches = new Map<string, ResourceCache>()

  constructor(options: ResourcesOptions) {
    this.#options = options
    for (const kind of servedKinds) {
      if (!kind.resource.verbs.includes('get') || kind.resource.kind === 'ComponentStatus') continue
      this.#add(kind)
    }
  }

  /** Throws NotFound for a kind that is not stored here. */
  of(kind: Kind): ServedResource {
    const resource = this.#byKind.get(kind)
    if (resource) return resource
    const { group, version, plural } = kind.resource
    // A kind that came through another instance of the module is the same kind.
    const same = this.#byPlural.get(`${group}/${version}/${plural}`)
    if (!same) throw notFound(kind.resource, plural)
    return same
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#byPlural.get(`${group}/${version}/${plural}`)
  }

  all(): IterableIterator<ServedResource> {
    return this.#byKind.values()
  }

  #add(kind: Kind): void {
    const { group, version, plural } = kind.resource
    const conversion = conversions.find((c) => c.served === kind)
    const storage = conversion?.storage ?? kind
    const prefix = `${REGISTRY_PREFIX}${storage.resource.group || 'core'}/${storage.resource.plural}/`
    const resource: ServedResource = {
      kind,
      apiVersion: apiVersionOf(kind.resource),
      storage,
      conversion,
      strategy: strategyFor(kind),
      prefix,
      cache: this.#cacheFor(prefix),
      ttlMs: storage.resource.kind === 'Event' ? this.#options.eventTtlMs : undefined,
      present: conversion ? presenter(conversion) : (item) => item,
    }
    this.#byKind.set(kind, resource)
    this.#byPlural.set(`${group}/${version}/${plural}`, resource)
  }

  #cacheFor(prefix: string): ResourceCache {
    let cache = this.#caches.get(prefix)
    if (!cache) {
      const { store, feed, clock, log, historyLimits, onObject } = this.#options
      cache = new ResourceCache({
        prefix,
        store,
        feed,
        clock,
        log,
        ...(historyLimits ? { limits: historyLimits } : {}),
        ...(onObject ? { onObject } : {}),
      })
      this.#caches.set(prefix, cache)
    }
    return cache
  }
}

function presenter(conversion: Conversion): (item: Item) => Item {
  const shown = new WeakMap<Item, Item>()
  return (item) => {
    let view = shown.get(item)
    if (!view) {
      const object = conversion.fromStorage(item.object)
      const { kind, apiVersion, ...rest } = object
      view = {
        ...item,
        object,
        json: Buffer.from(JSON.stringify({ kind, apiVersion, ...rest })),
        proto: undefined,
      }
      shown.set(item, view)
    }
    return view
  }
}

/** 404 in the words for a path that leads nowhere. */
export function noSuchPath(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {})
}
