import type { Clock, Log, Random } from '../../base/index.ts'
import { type Metrics, noMetrics } from '../../client/index.ts'
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

const ATTEMPT_MS = 1_500
/** Resolvers in pods give up after 5 s. */
const TOTAL_MS = 4_000
const MAX_IN_FLIGHT = 500
const MAX_UPSTREAMS = 5
/** An upstream that does not answer is left out for so long, doubling. */
const DOWN_MS = { first: 500, most: 8_000 }
const SERVFAIL = 2
const REFUSED = 5

interface Health {
  failures: number
  downUntil: number
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
    const { clock, random } = this.#options
    const deadline = clock.monotonic() + TOTAL_MS
    let refusal: Forwarded | undefined
    for (const upstream of this.#candidates()) {
      const left = deadline - clock.monotonic()
      if (left <= 0) break
      const question = upstreamQuestion(query, Math.floor(random.next() * 65_536))
      const found = await this.#attempt(upstream, question, Math.min(ATTEMPT_MS, left))
      if (!found) continue
      // One that will not say may have a neighbour that does.
      if (found.shape.rcode === SERVFAIL || found.shape.rcode === REFUSED) {
        refusal ??= found
        continue
      }
      this.#cache.put(key, found.response, found.shape, clock.monotonic())
      return found
    }
    if (refusal) this.#cache.put(key, refusal.response, refusal.shape, clock.monotonic())
    return refusal
  }

  #candidates(): readonly Upstream[] {
    const now = this.#options.clock.monotonic()
    return this.#options
      .upstreams()
      .slice(0, MAX_UPSTREAMS)
      .filter((u) => (this.#health.get(textOf(u))?.downUntil ?? 0) <= now)
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
      const failures = (this.#health.get(to)?.failures ?? 0) + 1
      const downMs = Math.min(DOWN_MS.most, DOWN_MS.first * 2 ** (failures - 1))
      this.#health.set(to, { failures, downUntil: clock.monotonic() + downMs })
      metrics.increment('coredns_forward_healthcheck_failures_total', { to })
      log.debug({ upstream: to, error: String(error), downMs }, 'an upstream resolver does not answer')
      return undefined
    } finally {
      cancel()
      stop.abort()
    }
  }
}

const textOf = ({ address, port }: Upstream) => `${address}:${port}`

/** What makes two clients ask the same. */
function keyOf(query: Query): string {
  const { name, type, class: c, edns, checkingDisabled } = query
  return `${name.toLowerCase()} ${type} ${c} ${edns ? (edns.wantsDnssec ? 2 : 1) : 0} ${checkingDisabled ? 1 : 0}`
}
