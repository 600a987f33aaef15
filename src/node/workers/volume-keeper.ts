import type { Pod } from '../../api/index.ts'
import { podText } from '../spec/labels.ts'
import type { PodServices } from './services.ts'
import { setUpVolumes } from './starter.ts'

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 122_000
/** Volumes are looked at again this often, for what no watch announces. */
const RESYNC_MS = 60_000

/** Sets up the volumes of one pod, keeps what they show up to date, and tries again where that fails. */
export class VolumeKeeper {
  readonly #services: PodServices
  readonly #onChange: () => void
  #ready = false
  #busy: Promise<void> | undefined
  #again = false
  #dueAt = Number.NEGATIVE_INFINITY
  #retryMs = 0

  /** `onChange` is called after each look, whatever came of it. */
  constructor(services: PodServices, onChange: () => void) {
    this.#services = services
    this.#onChange = onChange
  }

  /** All volumes have been set up once. */
  get ready(): boolean {
    return this.#ready
  }

  /** When it wants to be called again. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** Something that a volume shows has changed, or what was missing may be there now. */
  expire(): void {
    this.#dueAt = Number.NEGATIVE_INFINITY
    this.#again = this.#busy !== undefined
    this.#retryMs = 0
  }

  /** Resolves when it is not at work. */
  async idle(): Promise<void> {
    await this.#busy
  }

  look(pod: Pod, podIPs: readonly string[], now: number): void {
    if (this.#busy || now < this.#dueAt) return
    this.#again = false
    this.#busy = this.#setUp(pod, podIPs).finally(() => {
      this.#busy = undefined
      this.#onChange()
    })
  }

  async #setUp(pod: Pod, podIPs: readonly string[]): Promise<void> {
    const { clock, tokens, event, log } = this.#services
    try {
      await setUpVolumes(this.#services, pod, podIPs)
      this.#ready = true
      this.#retryMs = 0
      const renewAt = tokens.renewAt(pod.metadata.uid) ?? Number.POSITIVE_INFINITY
      const now = clock.now()
      this.#dueAt = this.#again ? now : Math.max(now + 1000, Math.min(now + RESYNC_MS, renewAt))
    } catch (error) {
      this.#retryMs = Math.min(this.#retryMs === 0 ? FIRST_RETRY_MS : this.#retryMs * 2, MAX_RETRY_MS)
      this.#dueAt = this.#again ? clock.now() : clock.now() + this.#retryMs
      const { message } = error as Error
      // A pod that already runs keeps the files it has.
      if (this.#ready)
        log.warn({ pod: podText(pod), error: message }, 'cannot update the volumes of a pod yet')
      else event(pod, { type: 'Warning', reason: 'FailedMount', message })
    }
  }
}
