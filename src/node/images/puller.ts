import type { Pod, Secret } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import type { Failure } from '../plan/facts.ts'
import type { ImageRuntime, ObservedImage } from '../runtime/runtime.ts'
import { type Credential, matchingCredentials } from './credentials.ts'
import { PullRecords } from './records.ts'
import { type ImageReference, parseImage } from './reference.ts'

const FIRST_DELAY_MS = 10_000
const MAX_DELAY_MS = 300_000
const AT_ONCE = 5

/** What the puller says while it works; becomes the events of the pod. */
export interface PullReporter {
  pulling(image: string): void
  pulled(
    image: string,
    how:
      | { readonly present: true }
      | { readonly tookMs: number; readonly waitedMs: number; readonly sizeBytes: number },
  ): void
}

export type ImageOutcome =
  | { readonly image: ObservedImage; readonly ref: string }
  | { readonly failure: Failure }

interface Backoff {
  readonly until: number
  readonly delayMs: number
  readonly message: string
}

/** Gets images onto the node: by policy, with secrets, at most a few at once, and with a growing pause after failures. */
export class ImagePuller {
  readonly #runtime: ImageRuntime
  readonly #clock: Clock
  readonly #records: PullRecords
  readonly #backoffs = new Map<string, Backoff>()
  readonly #waiting: (() => void)[] = []
  #pulling = 0

  constructor(runtime: ImageRuntime, clock: Clock, records = new PullRecords()) {
    this.#runtime = runtime
    this.#clock = clock
    this.#records = records
  }

  async ensure(
    pod: Pod,
    image: string,
    policy: string,
    secrets: () => Promise<readonly Secret[]>,
    report: PullReporter,
    signal: AbortSignal,
  ): Promise<ImageOutcome> {
    const now = this.#clock.now()
    const reference = parseImage(image)
    if (!reference) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`
      return fail({ reason: 'InvalidImageName', message, at: now, retryAt: now + MAX_DELAY_MS })
    }
    const credentials = async () => matchingCredentials(await secrets(), reference)
    let present: ObservedImage | undefined
    let usable = false
    try {
      present = await this.#runtime.imageStatus(reference.full)
      usable =
        present !== undefined &&
        policy !== 'Always' &&
        (await this.#records.mayUse(present, reference, credentials))
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${(error as Error).message}`
      return fail({ reason: 'ImageInspectError', message, at: now, retryAt: now + FIRST_DELAY_MS })
    }
    if (present && usable) {
      report.pulled(image, { present: true })
      return { image: present, ref: present.id }
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`
      return fail({ reason: 'ErrImageNeverPull', message, at: now, retryAt: now + FIRST_DELAY_MS })
    }
    const key = `${pod.metadata.uid}/${image}`
    const backoff = this.#backoffs.get(key)
    if (backoff && now < backoff.until) {
      return fail({
        reason: 'ImagePullBackOff',
        message: waitingText(image, backoff.message),
        at: now,
        retryAt: backoff.until,
      })
    }
    return this.#pull(key, image, reference, credentials, report, signal)
  }

  async #pull(
    key: string,
    image: string,
    reference: ImageReference,
    credentials: () => Promise<readonly Credential[]>,
    report: PullReporter,
    signal: AbortSignal,
  ): Promise<ImageOutcome> {
    const { full } = reference
    const asked = this.#clock.monotonic()
    report.pulling(image)
    await this.#turn()
    const started = this.#clock.monotonic()
    try {
      const own = await credentials()
      await this.#records.begin(reference)
      const { ref, used } = await this.#pullWith(own, full, signal)
      const pulled = (await this.#runtime.imageStatus(ref)) ?? (await this.#runtime.imageStatus(full))
      if (!pulled) throw new Error('the image is not there after the pull')
      const present = (await this.#runtime.images()).map((i) => i.id)
      await this.#records.done(reference, pulled.id, used, present)
      this.#backoffs.delete(key)
      const done = this.#clock.monotonic()
      report.pulled(image, { tookMs: done - started, waitedMs: done - asked, sizeBytes: pulled.sizeBytes })
      return { image: pulled, ref: pulled.id }
    } catch (error) {
      await this.#records.failed(reference).catch(() => {})
      return this.#failed(key, image, error)
    } finally {
      this.#pulling--
      this.#waiting.shift()?.()
    }
  }

  /** Each of the credentials in turn, or none at all where none fits; the last refusal counts. */
  async #pullWith(
    credentials: readonly Credential[],
    full: string,
    signal: AbortSignal,
  ): Promise<{ readonly ref: string; readonly used: Credential | undefined }> {
    let refusal: unknown
    for (const used of credentials.length === 0 ? [undefined] : credentials) {
      try {
        return { ref: await this.#runtime.pull(full, used?.auth, signal), used }
      } catch (error) {
        if (signal.aborted) throw error
        refusal = error
      }
    }
    throw refusal
  }

  async #turn(): Promise<void> {
    if (this.#pulling >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#pulling++
  }

  #failed(key: string, image: string, error: unknown): ImageOutcome {
    const now = this.#clock.now()
    const before = this.#backoffs.get(key)
    const delayMs = before ? Math.min(before.delayMs * 2, MAX_DELAY_MS) : FIRST_DELAY_MS
    const text = (error as Error).message
    const reason = 'ErrImagePull'
    const shown = `${reason}: ${text}`
    this.#backoffs.set(key, { until: now + delayMs, delayMs, message: shown })
    return fail({
      reason,
      message: text,
      at: now,
      retryAt: now + delayMs,
      later: { reason: 'ImagePullBackOff', message: waitingText(image, shown) },
    })
  }

  /** The pod is gone: its failures do not matter any more. */
  forget(uid: string): void {
    for (const key of this.#backoffs.keys()) if (key.startsWith(`${uid}/`)) this.#backoffs.delete(key)
  }
}

const waitingText = (image: string, cause: string): string => `Back-off pulling image "${image}": ${cause}`
const fail = (failure: Failure): ImageOutcome => ({ failure })

/** The policy of an image whose container names none: Always for `latest`, else only when it is absent. */
export function pullPolicy(policy: string | undefined, image: string): string {
  if (policy) return policy
  return parseImage(image)?.tag === 'latest' ? 'Always' : 'IfNotPresent'
}
