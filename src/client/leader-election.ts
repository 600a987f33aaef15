import { type Api, isApiError, Lease } from '../api/index.ts'
import { type Clock, type Log, microTimestamp, pause, type Random, sleep } from '../base/index.ts'

export interface LeaderElectionOptions {
  readonly api: Api
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The Lease that is fought for. */
  readonly namespace: string
  readonly name: string
  /** Who we are: unique, `<host>_<uuid>`. */
  readonly identity: string
  /** How long others wait for a silent leader; default 15,000. */
  readonly leaseDurationMs?: number
  /** How long a leader that cannot renew goes on; default 10,000, less than `leaseDurationMs`. */
  readonly renewDeadlineMs?: number
  /** Between tries; default 2,000. */
  readonly retryPeriodMs?: number
  /** Work as the leader until `lost` aborts; then stop at once: another may lead already. */
  readonly lead: (lost: AbortSignal) => Promise<void>
  readonly onNewLeader?: (identity: string) => void
  /** Ends it: a leader gives the Lease back, so that the next one need not wait. */
  readonly signal: AbortSignal
}

/**
 * Leads whenever it holds the Lease, and resolves once the signal has aborted. Kubernetes' protocol
 * (client-go tools/leaderelection): whether a Lease has run out is judged by our own clock, from when we saw it
 * change; the times that others wrote into it are never compared with ours.
 */
export async function runElected(options: LeaderElectionOptions): Promise<void> {
  const elector = new Elector(options)
  while (!options.signal.aborted) {
    if (!(await elector.acquire())) return
    await elector.leadWhileHeld()
  }
}

const JITTER = 1.2

class Elector {
  readonly #options: LeaderElectionOptions
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  /** The Lease as last seen, and when it last changed by our clock. */
  #seen: { readonly lease: Lease; readonly atMs: number } | undefined
  #leader = ''

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryPeriodMs = options.retryPeriodMs ?? 2000
    if (
      this.#leaseDurationMs <= this.#renewDeadlineMs ||
      this.#renewDeadlineMs <= JITTER * this.#retryPeriodMs
    ) {
      throw new Error(
        'cannot elect a leader: expected leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs',
      )
    }
  }

  /** Tries until it holds the Lease; false when stopped before. */
  async acquire(): Promise<boolean> {
    const { signal, clock, random } = this.#options
    while (!signal.aborted) {
      if (await this.#try()) return true
      await pause(clock, this.#retryPeriodMs * (1 + (JITTER - 1) * random.next()), signal)
    }
    return false
  }

  async leadWhileHeld(): Promise<void> {
    const { lead, signal, log, identity } = this.#options
    const lost = new AbortController()
    const stop = () => lost.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    log.info({ identity }, 'leading')
    let over = false
    const work = lead(lost.signal).finally(() => {
      over = true
      lost.abort(new Error('the work of the leader ended'))
    })
    await this.#keep(lost)
    await work.catch((error) => {
      if (!lost.signal.aborted || over) log.error({ err: error }, 'the work of the leader failed')
    })
    signal.removeEventListener('abort', stop)
    await this.#release()
  }

  /** Renews until that fails for too long, or leading is over. */
  async #keep(lost: AbortController): Promise<void> {
    const { clock, log } = this.#options
    let renewedAt = clock.monotonic()
    while (!lost.signal.aborted) {
      await pause(clock, this.#retryPeriodMs, lost.signal)
      if (lost.signal.aborted) return
      // A try that hangs must not outlast the deadline.
      const left = Math.max(0, renewedAt + this.#renewDeadlineMs - clock.monotonic())
      const held = await Promise.race([
        this.#try(lost.signal),
        sleep(clock, left, lost.signal).then(
          () => undefined,
          () => undefined,
        ),
      ])
      if (held) renewedAt = clock.monotonic()
      else if (clock.monotonic() - renewedAt >= this.#renewDeadlineMs || this.#isLedByOther()) {
        log.warn({ identity: this.#options.identity }, 'lost the lease')
        lost.abort(new Error('the lease was lost'))
      }
    }
  }

  #isLedByOther(): boolean {
    const holder = this.#seen?.lease.spec?.holderIdentity
    return holder !== undefined && holder !== '' && holder !== this.#options.identity
  }

  /** One try to take or renew the Lease; false when another holds it or the server cannot be asked. */
  async #try(signal?: AbortSignal): Promise<boolean> {
    const { api, namespace, name, identity, clock, log } = this.#options
    const cancel = signal ? { signal } : {}
    try {
      const lease = await api.get(Lease, { namespace, name }, cancel)
      this.#observe(lease)
      const spec = lease.spec ?? {}
      const mine = spec.holderIdentity === identity
      if (!mine && spec.holderIdentity && !this.#hasRunOut(spec.leaseDurationSeconds)) return false
      const at = microTimestamp(clock.now())
      this.#observe(
        await api.update(
          Lease,
          {
            ...lease,
            spec: {
              ...spec,
              holderIdentity: identity,
              leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
              renewTime: at,
              acquireTime: mine ? (spec.acquireTime ?? at) : at,
              leaseTransitions: (spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
            },
          },
          cancel,
        ),
      )
      return true
    } catch (error) {
      if (isApiError(error, 'NotFound')) return this.#create()
      // Somebody else was quicker: the next look says who.
      if (!isApiError(error, 'Conflict'))
        log.warn({ err: error, lease: name }, 'could not renew or take the lease')
      return false
    }
  }

  async #create(): Promise<boolean> {
    const { api, namespace, name, identity, clock, log } = this.#options
    const at = microTimestamp(clock.now())
    const leaseDurationSeconds = Math.ceil(this.#leaseDurationMs / 1000)
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds,
      acquireTime: at,
      renewTime: at,
      leaseTransitions: 0,
    }
    try {
      this.#observe(await api.create(Lease, { metadata: { namespace, name }, spec }))
      return true
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists'))
        log.warn({ err: error, lease: name }, 'could not create the lease')
      return false
    }
  }

  #observe(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#seen = { lease, atMs: this.#options.clock.monotonic() }
    }
    const leader = lease.spec?.holderIdentity ?? ''
    if (leader !== '' && leader !== this.#leader) this.#options.onNewLeader?.(leader)
    this.#leader = leader
  }

  #hasRunOut(leaseDurationSeconds: number | undefined): boolean {
    const lasts = leaseDurationSeconds === undefined ? this.#leaseDurationMs : leaseDurationSeconds * 1000
    return this.#options.clock.monotonic() - this.#seen!.atMs >= lasts
  }

  async #release(): Promise<void> {
    const { api, clock, identity, log } = this.#options
    const lease = this.#seen?.lease
    if (lease?.spec?.holderIdentity !== identity) return
    const { holderIdentity: _, ...spec } = lease.spec
    const at = microTimestamp(clock.now())
    try {
      this.#observe(
        await api.update(Lease, {
          ...lease,
          spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: at, acquireTime: at },
        }),
      )
    } catch (error) {
      log.debug({ err: error }, 'could not release the lease: it runs out by itself')
    }
  }
}
