import { type Clock, type Log, type Metrics, noMetrics, type Random } from '../../base/index.ts'
import { ResponseCache } from './cache.ts'
import { adapt, type ResponseShape, shapeOf, upstreamQuestion } from './message.ts'
import { type Exchange, exchangeTcp, exchangeUdp, type Upstream } from './transport.ts'
import type { Query } from './wire.ts'

export interface ForwarderOptions {
  /** In order of preference. Asked anew for each question: the list may change. */
  readonly upstreams: () => readonly Upstream[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  readonly exchange?: { readonly udp: Exchange; readonly tcp: Exchange }
}

export interface Forwarded {
  readonly response: Buffer
  readonly shape: ResponseShape
}

const ATTEMPT_MS = 1_000
/** How often each upstream is asked: datagrams get lost. */
const ROUNDS = 2
/** Resolvers in pods give up after 5 s. */
const TOTAL_MS = 4_000
const MAX_IN_FLIGHT = 500
const MAX_UPSTREAMS = 5
/** An upstream that failed twice in a row is left out for so long, doubling. */
const DOWN_MS = { first: 2_000, most: 8_000 }
const SERVFAIL = 2
const REFUSED = 5

interface Health {
  readonly failures: number
  readonly failedAt: number
  readonly downUntil: number
}

/**
 * Asks the resolvers of the machine, one after the other until one answers, and remembers what they said. Who asks what
 * is being asked already waits for that answer, so that a loop of resolvers ends here.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #cache = new ResponseCache()
  readonly #inFlight = new Map<string, Promise<Forwarded | undefined>>()
  readonly #health = new Map<string, Health>()

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  /** A response made for this client, or undefined when nobody answers. */
  async ask(query: Query): Promise<Forwarded | undefined> {
    const { clock, metrics = noMetrics } = this.#options
    const key = keyOf(query)
    const cached = this.#cache.get(key, clock.monotonic())
    if (cached) {
      metrics.increment('coredns_cache_hits_total', {})
      const age = Math.floor((clock.monotonic() - cached.storedAt) / 1000)
      return { response: adapt(cached.response, cached.shape, query, age), shape: cached.shape }
    }
    metrics.increment('coredns_cache_misses_total', {})
    let flight = this.#inFlight.get(key)
    if (!flight) {
      if (this.#inFlight.size >= MAX_IN_FLIGHT) return undefined
      flight = this.#resolve(query, key).finally(() => this.#inFlight.delete(key))
      this.#inFlight.set(key, flight)
    }
    const found = await flight
    return found && { response: adapt(found.response, found.shape, query, 0), shape: found.shape }
  }

  async #resolve(query: Query, key: string): Promise<Forwarded | undefined> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + TOTAL_MS
    let refusal: Forwarded | undefined
    const refusedBy = new Set<Upstream>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const upstream of this.#candidates(query)) {
        const left = deadline - clock.monotonic()
        if (left <= 0) break
        if (refusedBy.has(upstream)) continue
        const found = await this.#attempt(upstream, this.#question(query), Math.min(ATTEMPT_MS, left))
        if (!found) continue
        if (found.shape.rcode !== SERVFAIL && found.shape.rcode !== REFUSED) {
          this.#cache.put(key, found.response, found.shape, clock.monotonic())
          return found
        }
        // One that will not say may have a neighbour that does.
        refusal ??= found
        refusedBy.add(upstream)
      }
      if (refusal) break
    }
    if (refusal) this.#cache.put(key, refusal.response, refusal.shape, clock.monotonic())
    return refusal
  }

  /** Those that answered last time. The others are asked beside them now and then, without anybody waiting for it. */
  #candidates(query: Query): readonly Upstream[] {
    const now = this.#options.clock.monotonic()
    const all = this.#options.upstreams().slice(0, MAX_UPSTREAMS)
    const good = all.filter((u) => !this.#health.has(textOf(u)))
    const due = all.filter((u) => (this.#health.get(textOf(u))?.downUntil ?? Number.POSITIVE_INFINITY) <= now)
    if (good.length === 0) return due
    for (const upstream of due) {
      const health = this.#health.get(textOf(upstream))!
      this.#health.set(textOf(upstream), { ...health, downUntil: now + DOWN_MS.first })
      void this.#attempt(upstream, this.#question(query), ATTEMPT_MS)
    }
    return good
  }

  #question(query: Query): Buffer {
    return upstreamQuestion(query, Math.floor(this.#options.random.next() * 65_536))
  }

  async #attempt(upstream: Upstream, question: Buffer, timeoutMs: number): Promise<Forwarded | undefined> {
    const {
      clock,
      metrics = noMetrics,
      log,
      exchange = { udp: exchangeUdp, tcp: exchangeTcp },
    } = this.#options
    const stop = new AbortController()
    const cancel = clock.after(timeoutMs, () => stop.abort(new Error(`no answer within ${timeoutMs} ms`)))
    const to = textOf(upstream)
    const startedAt = clock.monotonic()
    try {
      metrics.increment('coredns_forward_requests_total', { to })
      let response = await exchange.udp(upstream, question, stop.signal)
      let shape = shapeOf(response)
      if (shape.isTruncated) {
        response = await exchange.tcp(upstream, question, stop.signal)
        shape = shapeOf(response)
      }
      this.#health.delete(to)
      return { response, shape }
    } catch (error) {
      this.#fail(to, startedAt)
      metrics.increment('coredns_forward_healthcheck_failures_total', { to })
      log.debug({ upstream: to, error: String(error) }, 'an upstream resolver does not answer')
      return undefined
    } finally {
      cancel()
      stop.abort()
    }
  }

  /** Many questions that were lost at the same time are one failure. */
  #fail(to: string, startedAt: number): void {
    const now = this.#options.clock.monotonic()
    const before = this.#health.get(to)
    if (before && startedAt < before.failedAt) return
    const failures = (before?.failures ?? 0) + 1
    const downMs = failures < 2 ? 0 : Math.min(DOWN_MS.most, DOWN_MS.first * 2 ** (failures - 2))
    this.#health.set(to, { failures, failedAt: now, downUntil: now + downMs })
  }
}

const textOf = ({ address, port }: Upstream) => `${address}:${port}`

/** What makes two clients ask the same. */
function keyOf(query: Query): string {
  const { name, type, class: c, edns, checkingDisabled } = query
  return `${name.toLowerCase()} ${type} ${c} ${edns ? (edns.wantsDnssec ? 2 : 1) : 0} ${checkingDisabled ? 1 : 0}`
}
