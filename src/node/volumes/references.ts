import { type Api, ConfigMap, isApiError, Secret } from '../../api/index.ts'
import type { Clock, Log, Random } from '../../base/index.ts'
import { type Informer, Informers } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'

/** How long a start waits for an object before it is tried again later. */
const FIRST_LOOK_MS = 10_000

interface Entry {
  readonly informer: Informer<KubeObject>
  readonly stop: AbortController
  readonly users: Set<string>
}

/**
 * The ConfigMaps and Secrets that pods of this node use: each is watched on its own while somebody uses it, because a
 * node may see only what its pods refer to.
 */
export class References {
  readonly #deps: {
    readonly api: Api
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly signal: AbortSignal
  }
  readonly #entries = new Map<string, Entry>()
  readonly #onChange: (uid: string) => void

  /** `onChange` is called with the uid of each pod that uses an object that changed. */
  constructor(
    deps: {
      readonly api: Api
      readonly clock: Clock
      readonly random: Random
      readonly log: Log
      readonly signal: AbortSignal
    },
    onChange: (uid: string) => void,
  ) {
    this.#deps = deps
    this.#onChange = onChange
  }

  configMap(uid: string, namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#get(ConfigMap, uid, namespace, name)
  }

  secret(uid: string, namespace: string, name: string): Promise<Secret | undefined> {
    return this.#get(Secret, uid, namespace, name)
  }

  /** The pod uses nothing any more. */
  release(uid: string): void {
    for (const [id, entry] of this.#entries) {
      if (!entry.users.delete(uid) || entry.users.size > 0) continue
      entry.stop.abort()
      this.#entries.delete(id)
    }
  }

  async #get<T extends KubeObject>(
    kind: Kind<T>,
    uid: string,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    const entry = this.#entry(kind, namespace, name)
    entry.users.add(uid)
    const { informer } = entry
    if (!informer.hasSynced) {
      const late = new AbortController()
      const cancel = this.#deps.clock.after(FIRST_LOOK_MS, () => late.abort())
      try {
        // Asking once is quicker than waiting for the watch, and says why when it is refused.
        const [first] = await Promise.race([
          this.#ask(kind, namespace, name, late.signal).then((o) => [o] as const),
          informer
            .whenSynced(late.signal)
            .then(() => [informer.cache.get({ namespace, name }) as T | undefined] as const),
        ])
        return first
      } catch (error) {
        if (late.signal.aborted)
          throw new Error(
            `failed to sync ${kind.resource.kind.toLowerCase()} cache: timed out waiting for the condition`,
            { cause: error },
          )
        throw error
      } finally {
        cancel()
        late.abort()
      }
    }
    return informer.cache.get({ namespace, name }) as T | undefined
  }

  async #ask<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.#deps.api.get(kind, { namespace, name }, { signal })
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    }
  }

  #entry(kind: Kind, namespace: string, name: string): Entry {
    const id = `${kind.resource.kind}/${namespace}/${name}`
    let entry = this.#entries.get(id)
    if (entry) return entry
    const stop = new AbortController()
    const informers = new Informers({
      ...this.#deps,
      signal: AbortSignal.any([stop.signal, this.#deps.signal]),
    })
    const informer = informers.for(kind, { namespace, fieldSelector: `metadata.name=${name}` })
    entry = { informer, stop, users: new Set() }
    const { users } = entry
    informer.on(() => {
      for (const uid of users) this.#onChange(uid)
    })
    this.#entries.set(id, entry)
    return entry
  }
}
