import type { Api } from '../api/index.ts'
import { type Clock, type Log, type Metrics, noMetrics, type Random } from '../base/index.ts'
import type { Kind, KubeObject } from '../schema/index.ts'
import { type Informer, type InformerDependencies, ReflectingInformer, type Selection } from './informer.ts'

export interface InformersOptions {
  readonly api: Api
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  /** Ends every watch. */
  readonly signal: AbortSignal
}

/**
 * One watch a kind (and selection) for all who ask:
 *
 *     const informers = new Informers({ api, clock, random, log, signal })
 *     const pods = informers.for(Pod)
 *     pods.on((event) => …)
 *     await informers.whenSynced()
 */
export class Informers {
  readonly #deps: InformerDependencies
  readonly #informers = new Map<string, Informer<KubeObject>>()

  constructor(options: InformersOptions) {
    this.#deps = { ...options, metrics: options.metrics ?? noMetrics }
  }

  /** The informer starts with the first who asks. */
  for<T extends KubeObject>(kind: Kind<T>, selection: Selection = {}): Informer<T> {
    const { group, version, plural } = kind.resource
    const { namespace = '', labelSelector = '', fieldSelector = '' } = selection
    const id = [group, version, plural, namespace, labelSelector, fieldSelector].join('|')
    let informer = this.#informers.get(id)
    if (!informer) {
      informer = new ReflectingInformer(kind, selection, this.#deps) as unknown as Informer<KubeObject>
      this.#informers.set(id, informer)
    }
    return informer as unknown as Informer<T>
  }

  /** Resolves when every informer asked for so far has its first list. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((i) => i.whenSynced(signal)))
  }

  get hasSynced(): boolean {
    return [...this.#informers.values()].every((i) => i.hasSynced)
  }
}
