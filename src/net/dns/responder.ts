import { decode } from 'dns-packet'
import type { Forwarded, Forwarder } from './forwarder.ts'
import { cut } from './message.ts'
import { CLASS_IN, type DnsAnswer, type DnsRecord, type Rcode } from './records.ts'
import { encodeResponse, failure, type Query } from './wire.ts'
import { resolveInZone, type ZoneOptions, type ZoneView } from './zone.ts'

export interface ResponderOptions {
  readonly zone: ZoneOptions
  readonly view: ZoneView
  /** Are all Services and endpoints known? Until then nobody is told that a name does not exist. */
  readonly isReady: () => boolean
  /** Is there an older view of them, from before a restart? Better than none. */
  readonly remembers: boolean
  /** Resolves when they are, or when a client should not wait any longer. */
  readonly whenReady: () => Promise<void>
  readonly forwarder: Pick<Forwarder, 'ask'>
}

const MAX_WAITING = 2_000
const CLASS_ANY = 255

/** Answers one question, from the cluster's zone or with the help of an upstream. */
export class Responder {
  readonly #options: ResponderOptions
  #waiting = 0

  constructor(options: ResponderOptions) {
    this.#options = options
  }

  /** At most `limit` bytes. Answers of the zone come at once, not as a promise. */
  respond(query: Query, limit: number): Buffer | Promise<Buffer> {
    const reply = (answer: DnsAnswer) => encodeResponse(query, answer, limit)
    if (query.class !== CLASS_IN && query.class !== CLASS_ANY) return reply(failure('REFUSED'))
    const { view, zone, isReady } = this.#options
    const resolved = resolveInZone(query.name, query.type, view, zone)
    if (resolved.is === 'answer') {
      if (isReady() || resolved.answer.answers.length > 0) return reply(resolved.answer)
      // Resolvers give up on a failure sooner than on silence.
      return this.#once(async () => {
        await this.#options.whenReady()
        if (isReady()) return this.respond(query, limit)
        return reply(this.#options.remembers ? resolved.answer : failure('SERVFAIL'))
      }).then((response) => response ?? reply(failure('SERVFAIL')))
    }
    if (resolved.aliases.length > 0) return this.#chase(query, resolved.aliases, resolved.name).then(reply)
    if (!query.recursionDesired) return reply(failure('REFUSED'))
    return this.#forward(query, limit)
  }

  async #forward(query: Query, limit: number): Promise<Buffer> {
    const found = await this.#ask(query)
    return found ? cut(found.response, found.shape, limit) : encodeResponse(query, failure('SERVFAIL'), limit)
  }

  #ask(query: Query): Promise<Forwarded | undefined> {
    return this.#once(() => this.#options.forwarder.ask(query))
  }

  /** Undefined when too many wait already. */
  async #once<T>(wait: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting >= MAX_WAITING) return undefined
    this.#waiting++
    try {
      return await wait()
    } finally {
      this.#waiting--
    }
  }

  /** The end of an alias that leads out of the cluster. */
  async #chase(query: Query, aliases: readonly DnsRecord[], target: string): Promise<DnsAnswer> {
    const question = questionFor(target, query.type)
    const found = question && (await this.#ask({ ...query, name: target, question, edns: undefined }))
    if (!found) return failure('SERVFAIL')
    const rcode: Rcode =
      found.shape.rcode === 0 ? 'NOERROR' : found.shape.rcode === 3 ? 'NXDOMAIN' : 'SERVFAIL'
    if (rcode === 'SERVFAIL') return failure(rcode)
    return { rcode, answers: [...aliases, ...addressesIn(found.response)], authority: [], additional: [] }
  }
}

function questionFor(name: string, type: number): Uint8Array | undefined {
  const labels = name.split('.')
  if (name.length > 253 || labels.some((l) => l === '' || l.length > 63)) return undefined
  const bytes = Buffer.alloc(name.length + 6)
  let at = 0
  for (const label of labels) {
    bytes[at] = label.length
    bytes.write(label, at + 1, 'latin1')
    at += label.length + 1
  }
  bytes.writeUInt16BE(type, at + 1)
  bytes.writeUInt16BE(CLASS_IN, at + 3)
  return bytes
}

function addressesIn(response: Buffer): DnsRecord[] {
  const records: DnsRecord[] = []
  for (const answer of decode(response).answers ?? []) {
    const { name } = answer
    if (answer.type === 'A' || answer.type === 'AAAA')
      records.push({ type: answer.type, name, ttl: answer.ttl ?? 0, address: answer.data })
    else if (answer.type === 'CNAME')
      records.push({ type: 'CNAME', name, ttl: answer.ttl ?? 0, target: answer.data })
  }
  return records
}
