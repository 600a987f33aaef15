import type { Pod } from '../../api/index.ts'
import { type Clock, type Log, pause, sleep } from '../../base/index.ts'
import type { Informer, InformerEvent } from '../../client/index.ts'
import type { Checkpoints } from '../checkpoints.ts'
import type { Verdict } from '../plan/facts.ts'
import type { ObservedPod, Runtime } from '../runtime/runtime.ts'
import { orphanPod } from '../spec/orphan.ts'
import { PodWorker } from './pod-worker.ts'
import type { PodServices } from './services.ts'

/** With events from the runtime, looking at everything is only a safety net. */
const RELIST_MS = 10_000
const RELIST_WITHOUT_EVENTS_MS = 1_000
const FIRST_SYNC_MS = 3_000
/** The runtime's own books may lag behind its event by this much. */
const SECOND_LOOK_MS = [15, 60, 250]

export interface PodsOptions {
  readonly informer: Informer<Pod>
  readonly runtime: Runtime
  readonly clock: Clock
  readonly log: Log
  readonly checkpoints: Checkpoints
  readonly signal: AbortSignal
  /** Why a pod that has not started may not run here; undefined: it may. */
  readonly admit: (pod: Pod, active: readonly Pod[]) => Verdict | undefined
}

/** The pods of the node: a worker each, woken by what the API server, the runtime and the probes say. */
export class Pods {
  readonly #options: PodsOptions
  readonly #workers = new Map<string, PodWorker>()
  #services!: PodServices
  #seen: ReadonlyMap<string, string> = new Map()
  #observed: ReadonlyMap<string, ObservedPod> = new Map()
  #events = false

  constructor(options: PodsOptions) {
    this.#options = options
  }

  /** Resolves once the pods are known, from the server or from the checkpoints. */
  async start(services: PodServices): Promise<void> {
    this.#services = services
    const { informer, clock, checkpoints, signal } = this.#options
    const kept = await checkpoints.load()
    this.#observed = await this.#observeFirst()
    const late = new AbortController()
    const cancel = clock.after(FIRST_SYNC_MS, () => late.abort())
    await informer.whenSynced(AbortSignal.any([late.signal, signal])).catch(() => {})
    cancel()
    if (!informer.hasSynced) for (const pod of kept) this.#add(pod, true)
    informer.on((event) => this.#onEvent(event))
    void this.#onceSynced(kept)
    void this.#follow()
    void this.#relist()
  }

  /** All pods of the node are known, from the server. */
  get complete(): boolean {
    return this.#options.informer.hasSynced
  }

  get workers(): Iterable<PodWorker> {
    return this.#workers.values()
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid)
  }

  byName(namespace: string, name: string): PodWorker | undefined {
    // One that was deleted may still be ending when another of its name is there.
    let found: PodWorker | undefined
    for (const w of this.#workers.values()) {
      if (w.pod.metadata.name === name && w.pod.metadata.namespace === namespace && (!found || !w.removed))
        found = w
    }
    return found
  }

  stop(): void {
    for (const w of this.#workers.values()) w.stop()
  }

  /** Called when nothing is left of a pod. */
  forgotten(uid: string): void {
    this.#workers.delete(uid)
    void this.#options.checkpoints.remove(uid)
  }

  #onEvent(event: InformerEvent<Pod>): void {
    const pod = event.object
    const worker = this.#workers.get(pod.metadata.uid)
    if (event.type === 'deleted') {
      worker?.remove(pod)
      return
    }
    // Between two lists a pod may have made way for another of its name.
    if (event.type === 'updated' && event.old.metadata.uid !== pod.metadata.uid)
      this.#workers.get(event.old.metadata.uid)?.remove(event.old)
    this.#options.checkpoints.save(pod)
    if (worker) worker.update(pod)
    else this.#add(pod, false)
  }

  #add(pod: Pod, fromCheckpoint: boolean): void {
    const { uid } = pod.metadata
    if (this.#workers.has(uid)) return
    const ended = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'
    const known = this.#observed.has(uid)
    if (ended && !known && pod.metadata.deletionTimestamp === undefined) {
      // Nothing of it is left here, and nothing is to be done until it is deleted.
    }
    const started = known || ended || fromCheckpoint || pod.metadata.deletionTimestamp !== undefined
    const verdict = started ? undefined : this.#options.admit(pod, this.active())
    const worker = new PodWorker(this.#services, pod, verdict ? { verdict } : {})
    this.#workers.set(uid, worker)
    if (verdict)
      this.#services.event(pod, { type: 'Warning', reason: verdict.reason, message: verdict.message })
    worker.kick()
  }

  /** Pods that use the node's resources. */
  active(): readonly Pod[] {
    return [...this.#workers.values()]
      .filter((w) => !w.settled && w.pod.status.phase !== 'Succeeded' && w.pod.status.phase !== 'Failed')
      .map((w) => w.pod)
  }

  async #observeFirst(): Promise<ReadonlyMap<string, ObservedPod>> {
    const { runtime, clock, log, signal } = this.#options
    for (;;) {
      try {
        return await runtime.observe()
      } catch (error) {
        if (signal.aborted) throw error
        log.warn({ error: (error as Error).message }, 'waiting for the container runtime')
        await sleep(clock, 500, signal)
      }
    }
  }

  /** Checkpoints and leftovers of pods that the server does not know any more come to an end. */
  async #onceSynced(kept: readonly Pod[]): Promise<void> {
    const { informer, signal } = this.#options
    await informer.whenSynced(signal).catch(() => {})
    if (signal.aborted) return
    for (const pod of kept) {
      const { uid } = pod.metadata
      if (informer.cache.get(pod.metadata)?.metadata.uid === uid) continue
      if (!this.#workers.has(uid)) this.#add(pod, true)
      this.#workers.get(uid)?.remove(pod)
    }
    this.#endOrphans()
  }

  #endOrphans(): void {
    const { informer } = this.#options
    if (!informer.hasSynced) return
    for (const [uid, seen] of this.#observed) {
      if (this.#workers.has(uid) || informer.cache.get(seen)?.metadata.uid === uid) continue
      const pod = orphanPod(seen)
      const worker = new PodWorker(this.#services, pod)
      this.#workers.set(uid, worker)
      worker.remove(pod)
    }
  }

  /** Wakes workers as the runtime reports changes. */
  async #follow(): Promise<void> {
    const { runtime, clock, log, signal } = this.#options
    while (!signal.aborted) {
      try {
        this.#events = true
        for await (const uid of runtime.changes(signal)) {
          const worker = uid === undefined ? undefined : this.#workers.get(uid)
          if (!worker) continue
          worker.kick()
          for (const ms of SECOND_LOOK_MS) clock.after(ms, () => worker.kick())
        }
      } catch (error) {
        if (!signal.aborted)
          log.warn(
            { error: (error as Error).message },
            'events of the container runtime stopped; asking it every second',
          )
      }
      this.#events = false
      await pause(clock, 1000, signal)
    }
  }

  async #relist(): Promise<void> {
    const { runtime, clock, log, signal } = this.#options
    let missed = false
    while (!signal.aborted) {
      await pause(clock, this.#events ? RELIST_MS : RELIST_WITHOUT_EVENTS_MS, signal)
      if (signal.aborted) return
      try {
        this.#observed = await runtime.observe()
        missed = false
      } catch (error) {
        if (!missed) log.warn({ error: (error as Error).message }, 'cannot look at the containers')
        missed = true
        continue
      }
      const now = new Map([...this.#observed].map(([uid, pod]) => [uid, fingerprint(pod)]))
      for (const [uid, worker] of this.#workers) if (now.get(uid) !== this.#seen.get(uid)) worker.kick()
      this.#seen = now
      this.#endOrphans()
    }
  }
}

const fingerprint = (pod: ObservedPod): string =>
  [...pod.sandboxes.map((s) => `${s.id}${s.ready}`), ...pod.containers.map((c) => `${c.id}${c.state}`)].join()
