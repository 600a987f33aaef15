import { type Api, isApiError, type Key, type UserInfo } from '../../api/index.ts'
import { type Clock, type Log, type Metrics, noMetrics, type Random } from '../../base/index.ts'
import { EventRecorder, Informers, keyText, type Outcome, parseKey, WorkQueue } from '../../client/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { Controller, Trigger } from './define.ts'
import { Executor, endedWithNamespace, type Failure, PlanFailedError, type Written } from './executor.ts'
import { ControllerView } from './view.ts'

export interface RunOptions {
  /** The API as this user. Each controller writes as a user of its own. */
  readonly api: (user: UserInfo) => Api
  readonly controllers: readonly Controller[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  /** Ends everything. */
  readonly signal: AbortSignal
  /** Shared with others in the process (the scheduler); made here when absent. */
  readonly informers?: Informers
}

export interface RunningControllers {
  /** Resolves when every cache is filled and every controller works. */
  readonly ready: Promise<void>
  /** Resolves once the signal has aborted and nothing is in work any more. */
  readonly stopped: Promise<void>
  readonly informers: Informers
  /** What the controllers wait for, by controller and key: the answer to "why does nothing happen?". */
  waits(): { readonly controller: string; readonly key: string; readonly waits: readonly string[] }[]
}

/** Whoever watches for all controllers. */
export const CONTROLLER_MANAGER: UserInfo = {
  username: 'system:kube-controller-manager',
  groups: ['system:authenticated'],
}

export function controllerUser(controller: Pick<Controller, 'name' | 'serviceAccount'>): UserInfo {
  const name = controller.serviceAccount ?? `${controller.name}-controller`
  return {
    username: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  }
}

export function runControllers(options: RunOptions): RunningControllers {
  const { api, clock, random, log, signal, metrics = noMetrics } = options
  const informers =
    options.informers ?? new Informers({ api: api(CONTROLLER_MANAGER), clock, random, log, signal, metrics })
  const running = options.controllers.map(
    (controller) => new Running(controller, { ...options, metrics, informers }),
  )
  const stopped = new Promise<void>((resolve) => {
    const stop = () => resolve(Promise.all(running.map((r) => r.stop())).then(() => {}))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  const ready = Promise.all(running.map((r) => r.start())).then(() => {})
  // Whoever does not wait for it is not to be brought down by a stop before the first list.
  ready.catch(() => {})
  return { ready, stopped, informers, waits: () => running.flatMap((r) => r.waits()) }
}

const CONFLICT_MAX_MS = 100
/** A write that no cache shows after this long is not waited for any longer. */
const SEEN_WITHIN_MS = 30_000

/** One controller at work: events become keys, keys become plans, plans become writes. */
class Running {
  readonly #controller: Controller
  readonly #options: RunOptions & { metrics: Metrics }
  readonly #view: ControllerView
  readonly #queue: WorkQueue
  readonly #executor: Executor
  readonly #recorder: EventRecorder
  readonly #log: Log
  readonly #failures = new Map<string, Failure>()
  readonly #waits = new Map<string, readonly string[]>()
  readonly #unsubscribe: (() => void)[] = []

  constructor(controller: Controller, options: RunOptions & { informers: Informers; metrics: Metrics }) {
    const { clock, random, metrics } = options
    const api = options.api(controllerUser(controller))
    this.#controller = controller
    this.#options = options
    this.#log = options.log.child({ controller: controller.name })
    this.#view = new ControllerView(controller, options.informers, api)
    const component = controller.serviceAccount ?? `${controller.name}-controller`
    this.#recorder = new EventRecorder({ api, clock, random, log: this.#log, component })
    this.#executor = new Executor({ controller, api, recorder: this.#recorder })
    this.#queue = new WorkQueue({
      name: controller.name,
      clock,
      random,
      metrics,
      log: this.#log,
      concurrency: controller.concurrency ?? 5,
      process: (key) => this.#pass(key),
    })
  }

  /** Each waits for its own kinds only: one that cannot be read holds up nobody who does not read it. */
  async start(): Promise<void> {
    const { signal } = this.#options
    await Promise.all(this.#controller.reads.map((kind) => this.#view.informer(kind).whenSynced(signal)))
    if (signal.aborted) return
    for (const trigger of this.#controller.on) this.#unsubscribe.push(this.#subscribe(trigger))
    for (const key of this.#controller.initialKeys ?? []) this.#queue.add(key)
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    await this.#queue.stop()
    await this.#recorder.stop()
  }

  waits() {
    return [...this.#waits].map(([key, waits]) => ({ controller: this.#controller.name, key, waits }))
  }

  #subscribe(trigger: Trigger): () => void {
    const enqueue = (object: KubeObject) => {
      for (const key of trigger.keys(object, this.#view)) this.#queue.add(key)
    }
    return this.#view.informer(trigger.kind).on((event) => {
      if (event.type === 'updated') {
        if (trigger.changed && !trigger.changed(event.object, event.old)) return
        enqueue(event.old)
      }
      enqueue(event.object)
    })
  }

  async #pass(text: string): Promise<Outcome> {
    const key = parseKey(text)
    const written: Written[] = []
    let again: number | undefined
    try {
      const observed = await this.#controller.observe(key, this.#view)
      if (observed === undefined) {
        this.#forget(text)
        return { next: 'forget' }
      }
      const context = { now: this.#options.clock.now(), failure: this.#failures.get(text) }
      const plan = this.#controller.plan(observed, context)
      this.#remember(text, plan.waits)
      again = plan.againAfterMs
      await this.#executor.execute(plan, written)
      this.#failures.delete(text)
    } catch (error) {
      const outcome = this.#afterFailure(text, error)
      await this.#whenShown(written)
      return outcome
    }
    if (!(await this.#whenShown(written)))
      return { next: 'retry', error: new Error('its writes did not show in time') }
    return again === undefined ? { next: 'forget' } : { next: 'again', afterMs: again }
  }

  #afterFailure(text: string, error: unknown): Outcome {
    const failures: readonly Failure[] =
      error instanceof PlanFailedError ? error.failures : [{ action: undefined, error }]
    const causes = failures.map((f) => f.error)
    if (causes.every(endedWithNamespace)) {
      this.#forget(text)
      return { next: 'forget' }
    }
    this.#failures.set(text, failures[0]!)
    // Somebody else was first: what they wrote is on its way into the cache.
    const usual = causes.every((cause) => isApiError(cause, 'Conflict', 'AlreadyExists', 'NotFound'))
    this.#log[usual ? 'debug' : 'warn']({ key: text, err: error }, 'a pass failed')
    // A conflict is over as soon as the cache has caught up: never worth a long wait.
    const conflict = causes.every((cause) => isApiError(cause, 'Conflict'))
    return conflict ? { next: 'retry', error, maxMs: CONFLICT_MAX_MS } : { next: 'retry', error }
  }

  #forget(text: string): void {
    this.#failures.delete(text)
    this.#waits.delete(text)
  }

  #remember(text: string, waits: readonly string[]): void {
    if (waits.length > 0) this.#waits.set(text, waits)
    else this.#waits.delete(text)
  }

  /** Read your own writes: a pass ends when the caches show what it wrote, so the next one cannot repeat it. */
  async #whenShown(written: readonly Written[]): Promise<boolean> {
    const shown = await Promise.all(newest(written).map((w) => this.#shown(w)))
    return shown.every(Boolean)
  }

  /** False when it took too long. */
  #shown(written: Written): Promise<boolean> {
    const informer = this.#view.find(written.kind as Kind)
    const { signal, clock } = this.#options
    if (!informer || signal.aborted) return Promise.resolve(true)
    return new Promise((resolve) => {
      let release = () => {}
      const end = (inTime: boolean) => {
        cancelTimer()
        release()
        signal.removeEventListener('abort', done)
        resolve(inTime)
      }
      const done = () => end(true)
      const cancelTimer = clock.after(SEEN_WITHIN_MS, () => {
        this.#log.warn({ written: describeWritten(written) }, 'a write did not show in the cache in time')
        end(false)
      })
      signal.addEventListener('abort', done, { once: true })
      if ('revision' in written) release = informer.whenSeen(written.revision, done)
      else {
        const gone = () => {
          const now = informer.cache.get(written.goneKey)
          return !now || now.metadata.uid !== written.uid || now.metadata.deletionTimestamp !== undefined
        }
        if (gone()) return done()
        const onChange = () => {
          if (gone()) done()
        }
        release = informer.on(onChange, { replay: false })
      }
    })
  }
}

/** Of the writes of a kind only the newest has to be waited for: changes show in order. */
function newest(written: readonly Written[]): Written[] {
  const latest = new Map<Kind, number>()
  for (const w of written) {
    if ('revision' in w) latest.set(w.kind, Math.max(w.revision, latest.get(w.kind) ?? 0))
  }
  const revisions = [...latest].map(([kind, revision]) => ({ kind, revision }))
  return [...revisions, ...written.filter((w) => !('revision' in w))]
}

function describeWritten(written: Written): string {
  const kind = written.kind.resource.kind
  return 'revision' in written
    ? `${kind} at ${written.revision}`
    : `delete of ${kind} ${keyText(written.goneKey as Key)}`
}
