import { EndpointSlice, Node, Service } from '../../api/index.ts'
import { type Clock, seededRandom, silentLog, systemClock } from '../../base/index.ts'
import { Informers } from '../../client/index.ts'
import { MemoryApi } from '../../client/testing/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'

/** A clock on which time goes by `times` as fast. */
export function hurriedClock(times: number): Clock {
  const clock = systemClock({ background: true })
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() * times,
    after: (delayMs, fn) => clock.after(delayMs / times, fn),
  }
}

/** An API that holds what a test puts into it, and informers on it. */
export class NetCluster {
  readonly api = new MemoryApi()
  readonly clock: Clock
  readonly #stop = new AbortController()
  readonly informers: Informers

  constructor(clock: Clock = systemClock({ background: true })) {
    this.clock = clock
    const { api, signal } = this
    this.informers = new Informers({ api, clock, random: seededRandom(1), log: silentLog, signal })
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  async put<T extends KubeObject>(kind: Kind<T>, object: T): Promise<void> {
    const { resourceVersion: _, ...metadata } = object.metadata
    const { namespace, name } = metadata
    const bare = { ...object, metadata } as never
    const exists = await this.api.get(kind, { namespace, name }).then(
      () => true,
      () => false,
    )
    // The fake keeps the status apart, so that an object with another status is made anew.
    if (exists) await this.api.delete(kind, { namespace, name })
    await this.api.create(kind, bare)
  }

  async putService(service: Service, ...slices: readonly EndpointSlice[]): Promise<void> {
    for (const slice of slices) await this.put(EndpointSlice, slice)
    await this.put(Service, service)
  }

  async putNode(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.put(Node, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, uid: '', resourceVersion: '', creationTimestamp: '', labels },
      spec: {},
      status: {},
    } as unknown as Node)
  }

  stop(): void {
    this.#stop.abort()
  }
}
