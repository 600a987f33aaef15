import { type Api, ApiError, Event, isApiError } from '../api/index.ts'
import { type Clock, type Log, pause, type Random, timestamp } from '../base/index.ts'
import type { Input, KubeObject } from '../schema/index.ts'
import { type Correlated, EventCorrelator } from './event-correlator.ts'
import { keyText } from './keys.ts'

export interface EventRecorderOptions {
  readonly api: Api
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Who reports: `replicaset-controller`, `kubelet`. */
  readonly component: string
  /** The node it runs on, where that matters. */
  readonly host?: string
}

export interface EventNote {
  readonly type: 'Normal' | 'Warning'
  /** One word: `FailedScheduling`. */
  readonly reason: string
  readonly message: string
  /** Which part of the object: `spec.containers{web}`. */
  readonly fieldPath?: string
}

/** The object an Event is about, as far as it is known. */
export type EventSubject = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: Pick<KubeObject['metadata'], 'name' | 'namespace' | 'uid'> & {
    readonly resourceVersion?: string
  }
}

const MAX_WAITING = 1000
const TRIES = 12
const RETRY_MS = 10_000

interface Waiting {
  readonly about: EventSubject
  readonly note: EventNote
  readonly correlated: Correlated
  readonly atMs: number
}

/**
 * Writes Events in the background, in order. Recording never fails and never waits: when the server cannot take
 * them, up to 1,000 wait, and newer ones are dropped with a line in the log.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #correlator = new EventCorrelator()
  readonly #waiting: Waiting[] = []
  readonly #stop = new AbortController()
  #sending: Promise<void> | undefined
  /** Begins anywhere, so that two recorders do not choose the same names. */
  #serial: number

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#serial = Math.floor(options.random.next() * 1_000_000)
  }

  record(about: EventSubject, note: EventNote): void {
    if (this.#stop.signal.aborted) return
    const { clock, log, component, host = '' } = this.#options
    const { namespace, name, uid } = about.metadata
    const identity = [about.apiVersion, about.kind, namespace ?? '', name, uid, note.fieldPath ?? ''].join(
      '|',
    )
    const { type, reason, message } = note
    const atMs = clock.now()
    const correlated = this.#correlator.correlate(
      { source: `${component}|${host}`, about: identity, type, reason, message },
      atMs,
    )
    if (!correlated) return
    if (this.#waiting.length >= MAX_WAITING) {
      log.warn({ about: keyText(about.metadata), reason }, 'dropped an event: too many wait to be written')
      return
    }
    this.#waiting.push({ about, note, correlated, atMs })
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
    })
  }

  /** Resolves when everything recorded so far is written or given up. */
  async flush(): Promise<void> {
    while (this.#sending) await this.#sending
  }

  /** Writes what waits unless that takes a try more, then takes nothing more. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.flush()
  }

  async #send(): Promise<void> {
    // After the caller's own write, which is what matters.
    await Promise.resolve()
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#deliver(next)
  }

  async #deliver(waiting: Waiting): Promise<void> {
    const { clock, log } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#write(waiting)
        return
      } catch (error) {
        // A refusal stays one; only a server that is away or busy is asked again.
        const refused = error instanceof ApiError && error.code < 500 && error.code !== 429
        if (refused || attempt >= TRIES || this.#stop.signal.aborted) {
          const fields = { about: keyText(waiting.about.metadata), reason: waiting.note.reason, err: error }
          log.debug(fields, 'could not write an event')
          return
        }
        await pause(clock, RETRY_MS, this.#stop.signal)
      }
    }
  }

  async #write(waiting: Waiting): Promise<void> {
    const { api } = this.#options
    const { correlated, about, atMs } = waiting
    const namespace = about.metadata.namespace ?? 'default'
    if (correlated.count > 1) {
      // Asked only now: the one before may have been written since this one was recorded.
      const name = this.#correlator.nameOf(correlated.id)
      if (name !== undefined) {
        const { count, message } = correlated
        const body = { count, message, lastTimestamp: timestamp(atMs) }
        try {
          await api.patch(Event, { namespace, name }, { type: 'merge', body })
          return
        } catch (error) {
          if (!isApiError(error, 'NotFound')) throw error
        }
      }
    }
    const made = await api.create(Event, this.#eventOf(waiting, namespace))
    this.#correlator.written(correlated.id, made.metadata.name)
  }

  #eventOf({ about, note, correlated, atMs }: Waiting, namespace: string): Input<Event> {
    const { component, host } = this.#options
    const { apiVersion, kind } = about
    const { name, namespace: ownNamespace, uid, resourceVersion } = about.metadata
    const unique = (BigInt(Math.floor(atMs)) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)).toString(16)
    return {
      metadata: { namespace, name: `${name.slice(0, 230)}.${unique}` },
      involvedObject: {
        kind,
        apiVersion,
        name,
        uid,
        ...(ownNamespace === undefined ? {} : { namespace: ownNamespace }),
        ...(resourceVersion ? { resourceVersion } : {}),
        ...(note.fieldPath === undefined ? {} : { fieldPath: note.fieldPath }),
      },
      type: note.type,
      reason: note.reason,
      message: correlated.message.slice(0, 1024),
      count: correlated.count,
      firstTimestamp: timestamp(correlated.firstMs),
      lastTimestamp: timestamp(atMs),
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
    }
  }
}
