import type { EndpointSlice, Service } from '../../api/index.ts'
import { serviceOf } from '../indexes.ts'

/** A pod that ends. */
export interface Leaver {
  readonly namespace: string
  readonly uid: string
}

/** What the API tells of Services and their endpoints. */
export interface EndpointView {
  readonly services: { get(key: { namespace: string; name: string }): Service | undefined }
  readonly slices: { list(namespace: string): Iterable<EndpointSlice> }
}

interface Waiting {
  readonly leaver: Leaver
  readonly resolve: () => void
}

/**
 * Pods that end, and those who wait until the rules have heard of it. A pass over the rules takes up all that is known
 * when it begins: who is not sent to by then is not sent to once the pass is over.
 */
export class Departures {
  readonly #waiting = new Set<Waiting>()
  #asked = false

  /** Somebody has come since the last pass began. */
  get asked(): boolean {
    return this.#asked
  }

  /** Resolves after a pass that knew the pod as one that ends; rejects with the signal. */
  wait(leaver: Leaver, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { leaver, resolve: () => leave(resolve) }
      const leave = (end: () => void) => {
        this.#waiting.delete(waiting)
        signal.removeEventListener('abort', abort)
        end()
      }
      const abort = () => leave(() => reject(signal.reason))
      if (signal.aborted) return reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.add(waiting)
      this.#asked = true
    })
  }

  /** A pass begins with what `view` shows; call the result when its rules are in the kernel. */
  begin(view: EndpointView): () => void {
    this.#asked = false
    if (this.#waiting.size === 0) return () => {}
    const namespaces = new Set([...this.#waiting].map((w) => w.leaver.namespace))
    const wanted = new Set([...namespaces].flatMap((namespace) => [...wantedIn(namespace, view)]))
    const free = [...this.#waiting].filter((w) => !wanted.has(w.leaver.uid))
    return () => {
      for (const waiting of free) waiting.resolve()
    }
  }
}

/** The pods of a namespace (by uid) to which Services send, with no word of their end. */
function* wantedIn(namespace: string, { services, slices }: EndpointView): Iterable<string> {
  for (const slice of slices.list(namespace)) {
    const known = serviceOf(slice).some((key) => services.get({ namespace, name: key.split('/')[1] ?? '' }))
    if (!known) continue
    for (const { targetRef, conditions } of slice.endpoints ?? []) {
      if (targetRef?.uid && (conditions?.ready ?? true) && !conditions?.terminating) yield targetRef.uid
    }
  }
}
