import { isDeepStrictEqual } from 'node:util'
import { type Api, isApiError, Pod, type PodCondition } from '../../api/index.ts'
import { type Clock, type Log, pause } from '../../base/index.ts'
import type { NodePodStatus } from '../plan/status.ts'
import { podText } from '../spec/labels.ts'

const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000
/** Conditions that go when this node does not say them any more; all others stay until somebody changes them. */
const PASSING_CONDITIONS = new Set(['PodResizePending', 'PodResizeInProgress'])

interface Entry {
  /** The pod as this node last saw it at the server: from the watch, or the answer to a write. */
  pod: Pod
  wanted: NodePodStatus
  sending: Promise<void> | undefined
  gone: boolean
}

/**
 * Brings the status of pods to the API server: at once, one write at a time a pod, and always the newest. While the
 * server cannot be reached the newest waits.
 */
export class StatusWriter {
  readonly #api: Api
  readonly #clock: Clock
  readonly #log: Log
  readonly #signal: AbortSignal
  readonly #entries = new Map<string, Entry>()

  constructor(deps: {
    readonly api: Api
    readonly clock: Clock
    readonly log: Log
    readonly signal: AbortSignal
  }) {
    this.#api = deps.api
    this.#clock = deps.clock
    this.#log = deps.log
    this.#signal = deps.signal
  }

  set(pod: Pod, wanted: NodePodStatus): void {
    const { uid } = pod.metadata
    const entry = this.#entries.get(uid)
    if (!entry) {
      const fresh: Entry = { pod, wanted, sending: undefined, gone: false }
      this.#entries.set(uid, fresh)
      this.#start(fresh)
      return
    }
    if (newer(pod, entry.pod)) entry.pod = pod
    entry.wanted = wanted
    this.#start(entry)
  }

  /** Resolves once the server has what was last set, or will never take it. */
  async flushed(uid: string): Promise<void> {
    await this.#entries.get(uid)?.sending
  }

  /** The newest version of the pod that is known here. */
  latest(pod: Pod): Pod {
    const known = this.#entries.get(pod.metadata.uid)?.pod
    return known && newer(known, pod) ? known : pod
  }

  forget(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry) entry.gone = true
    this.#entries.delete(uid)
  }

  #start(entry: Entry): void {
    entry.sending ??= this.#send(entry).finally(() => {
      entry.sending = undefined
      if (!entry.gone && !this.#signal.aborted && statusPatch(entry.pod, entry.wanted)) this.#start(entry)
    })
  }

  async #send(entry: Entry): Promise<void> {
    let delay = FIRST_RETRY_MS
    while (!entry.gone && !this.#signal.aborted) {
      const body = statusPatch(entry.pod, entry.wanted)
      if (!body) return
      const { namespace, name } = entry.pod.metadata
      try {
        entry.pod = await this.#api.patch(
          Pod,
          { namespace, name },
          { type: 'merge', body },
          { subresource: 'status', signal: this.#signal },
        )
        delay = FIRST_RETRY_MS
      } catch (error) {
        if (this.#signal.aborted) return
        if (isApiError(error, 'NotFound')) {
          entry.gone = true
          return
        }
        if (isApiError(error, 'Conflict')) {
          const fresh = await this.#reread(entry.pod)
          if (fresh === null) entry.gone = true
          else if (fresh) entry.pod = fresh
        } else
          this.#log.warn(
            { pod: podText(entry.pod), error: (error as Error).message },
            'cannot write the status of a pod yet',
          )
        await pause(this.#clock, delay, this.#signal)
        delay = Math.min(delay * 2, MAX_RETRY_MS)
      }
    }
  }

  /** The pod as the server has it; null: this life of it is over; undefined: nobody can say now. */
  async #reread({ metadata: { namespace, name, uid } }: Pod): Promise<Pod | null | undefined> {
    try {
      const fresh = await this.#api.get(Pod, { namespace, name }, { signal: this.#signal })
      return fresh.metadata.uid === uid ? fresh : null
    } catch (error) {
      // A node may read the pods that are bound to it, and no others that have their names.
      return isApiError(error, 'NotFound', 'Forbidden') ? null : undefined
    }
  }
}

const newer = (a: Pod, b: Pod): boolean =>
  Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion)

/** The merge patch that makes the status what is wanted; undefined when it is already. Conditions of others stay. */
function statusPatch(pod: Pod, wanted: NodePodStatus): object | undefined {
  const now = pod.status
  const others = (now.conditions ?? []).filter(
    (c) => !PASSING_CONDITIONS.has(c.type) && !wanted.conditions.some((w) => w.type === c.type),
  )
  const conditions = [...wanted.conditions.map((c) => keepTransition(c, now.conditions)), ...others]
  const next: Record<string, unknown> = {
    observedGeneration: wanted.observedGeneration,
    phase: wanted.phase,
    reason: wanted.reason,
    message: wanted.message,
    conditions,
    hostIP: wanted.hostIP,
    hostIPs: wanted.hostIPs,
    podIP: wanted.podIP,
    podIPs: wanted.podIPs,
    startTime: now.startTime ?? wanted.startTime,
    qosClass: wanted.qosClass,
    initContainerStatuses: wanted.initContainerStatuses,
    containerStatuses: wanted.containerStatuses,
    ephemeralContainerStatuses: wanted.ephemeralContainerStatuses,
  }
  const changes: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(next)) {
    const before = (now as Record<string, unknown>)[key]
    const empty = value === undefined || (Array.isArray(value) && value.length === 0)
    if (
      empty
        ? before === undefined || (Array.isArray(before) && before.length === 0)
        : isDeepStrictEqual(plain(before), plain(value))
    )
      continue
    changes[key] = empty ? null : value
  }
  if (Object.keys(changes).length === 0) return undefined
  return {
    metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion },
    status: changes,
  }
}

/** A condition that was not true before this status was made may have been set meanwhile; equal ones keep their time. */
function keepTransition(wanted: PodCondition, before: readonly PodCondition[] | undefined): PodCondition {
  const old = before?.find((c) => c.type === wanted.type)
  return old?.status === wanted.status && old.lastTransitionTime
    ? { ...wanted, lastTransitionTime: old.lastTransitionTime }
    : wanted
}

/** Undefined fields and nulls do not tell two statuses apart, nor does the order of fields. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== undefined && v !== null)
      .map(([k, v]) => [k, plain(v)]),
  )
}
