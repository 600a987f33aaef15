import { type Api, isApiError, type Key, type ListOptions } from '../../api/index.ts'
import type { Informer, Informers } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { Controller, View } from './define.ts'

/** Reads of the declared kinds, from the shared caches; any other read is a bug and throws. */
export class ControllerView implements View {
  readonly #controller: Controller
  readonly #api: Api
  readonly #informers = new Map<Kind, Informer<KubeObject>>()

  constructor(controller: Controller, informers: Informers, api: Api) {
    this.#controller = controller
    this.#api = api
    for (const kind of controller.reads) this.#informers.set(kind, informers.for(kind))
    for (const { kind, name, fn } of controller.indexes ?? []) this.informer(kind).addIndex(name, fn)
  }

  /** undefined when the controller does not read the kind. */
  find(kind: Kind): Informer<KubeObject> | undefined {
    return this.#informers.get(kind)
  }

  informer<T extends KubeObject>(kind: Kind<T>): Informer<T> {
    const informer = this.#informers.get(kind)
    if (!informer) {
      const read = this.#controller.reads.map((k) => k.resource.kind).join(', ')
      throw new Error(
        `cannot read ${kind.resource.kind}: controller ${this.#controller.name} declares only ${read}`,
      )
    }
    return informer as unknown as Informer<T>
  }

  get<T extends KubeObject>(kind: Kind<T>, key: Key): T | undefined {
    return this.informer(kind).cache.get(key)
  }

  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): Iterable<T> {
    return this.informer(kind).cache.list(namespace)
  }

  byIndex<T extends KubeObject>(kind: Kind<T>, index: string, value: string): Iterable<T> {
    return this.informer(kind).cache.byIndex(index, value)
  }

  async liveGet<T extends KubeObject>(kind: Kind<T>, key: Key): Promise<T | undefined> {
    this.#mayAsk(kind)
    try {
      return await this.#api.get(kind, key)
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    }
  }

  async liveList<T extends KubeObject>(kind: Kind<T>, options: ListOptions): Promise<readonly T[]> {
    this.#mayAsk(kind)
    return (await this.#api.list(kind, options)).items
  }
  #mayAsk(kind: Kind): void {
    if (!this.#controller.asks?.includes(kind)) this.informer(kind)
  }
}
