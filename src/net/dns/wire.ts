import { decode } from 'dns-packet'
import ipaddr from 'ipaddr.js'
import { CLASS_IN, type DnsAnswer, type DnsRecord, RCODES, type Rcode, TYPES } from './records.ts'

/** What a client asks, and how much it can take. */
export interface Query {
  readonly id: number
  /** As it was written: answers repeat it letter by letter. Without a dot at the end. */
  readonly name: string
  readonly type: number
  readonly class: number
  readonly recursionDesired: boolean
  readonly checkingDisabled: boolean
  /** Undefined: a client without EDNS (RFC 6891), which takes 512 bytes over UDP. */
  readonly edns: { readonly payloadBytes: number; readonly wantsDnssec: boolean } | undefined
  /** The question section, byte by byte. */
  readonly question: Uint8Array
}

export type Parsed =
  | { readonly is: 'query'; readonly query: Query }
  /** Not a query, or too short to be answered. */
  | { readonly is: 'noise' }
  | { readonly is: 'refused'; readonly response: Buffer }

const HEADER_BYTES = 12
const MAX_QUERY_BYTES = 4096
/** Without EDNS, and the most that is sent in one datagram, so that it is never cut into fragments. */
const PLAIN_UDP_BYTES = 512
const MAX_UDP_BYTES = 1232
export const MAX_TCP_BYTES = 65_535

const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const
const RECURSION_AVAILABLE = 0x0080
const CHECKING_DISABLED = 0x0010
const OPCODE = 0x7800

/** Reads a message of a client; hostile bytes are answered with FORMERR, or not at all. */
export function parseQuery(message: Buffer): Parsed {
  if (message.length < HEADER_BYTES || message.length > MAX_QUERY_BYTES) return { is: 'noise' }
  const flags = message.readUInt16BE(2)
  if (flags & FLAG.response) return { is: 'noise' }
  if (flags & OPCODE) return { is: 'refused', response: bareResponse(message, 'NOTIMP') }
  try {
    const packet = decode(message)
    const [question] = packet.questions ?? []
    if (message.readUInt16BE(4) !== 1 || !question)
      return { is: 'refused', response: bareResponse(message, 'FORMERR') }
    const end = endOfName(message, HEADER_BYTES) + 4
    const opt = packet.additionals?.find((a) => a.type === 'OPT')
    const query: Query = {
      id: message.readUInt16BE(0),
      name: question.name === '.' ? '' : question.name,
      type: message.readUInt16BE(end - 4),
      class: message.readUInt16BE(end - 2),
      recursionDesired: (flags & FLAG.recursionDesired) !== 0,
      checkingDisabled: (flags & CHECKING_DISABLED) !== 0,
      edns: opt && { payloadBytes: opt.udpPayloadSize, wantsDnssec: opt.flag_do },
      question: message.subarray(HEADER_BYTES, end),
    }
    if (opt && opt.ednsVersion !== 0)
      return { is: 'refused', response: encodeResponse(query, failure('NOERROR'), MAX_UDP_BYTES, 1) }
    return { is: 'query', query }
  } catch {
    return { is: 'refused', response: bareResponse(message, 'FORMERR') }
  }
}

/** How many bytes this client takes in one datagram. */
export function udpLimit(query: Query): number {
  if (!query.edns) return PLAIN_UDP_BYTES
  return Math.max(PLAIN_UDP_BYTES, Math.min(MAX_UDP_BYTES, query.edns.payloadBytes))
}

export const failure = (rcode: Rcode): DnsAnswer => ({ rcode, answers: [], authority: [], additional: [] })

/** Where the name that begins at `offset` ends; throws RangeError when it does not. */
export function endOfName(message: Buffer, offset: number): number {
  for (let at = offset; ; ) {
    const length = message.readUInt8(at)
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    at += length + 1
  }
}

function bareResponse(message: Buffer, rcode: Rcode): Buffer {
  const response = Buffer.alloc(HEADER_BYTES)
  message.copy(response, 0, 0, 2)
  const flags = message.readUInt16BE(2) & (OPCODE | FLAG.recursionDesired)
  response.writeUInt16BE(flags | FLAG.response | RCODES[rcode], 2)
  return response
}

/**
 * The answer as bytes, at most `limit` of them. What does not fit is left out: additional records first; when answers
 * are missing, the client is told to ask again over TCP. Names are compressed (RFC 1035, 4.1.4), so that some 28
 * addresses fit into the 512 bytes of clients without EDNS.
 */
export function encodeResponse(query: Query, answer: DnsAnswer, limit: number, extendedRcode = 0): Buffer {
  const isOurs = answer.answers.length > 0 || answer.authority.length > 0
  const opt = query.edns ? OPT_BYTES : 0
  const writer = new Writer(limit - opt)
  writer.raw(Buffer.alloc(HEADER_BYTES))
  writer.question(query.name, query.question)
  const counts = [0, 0, 0]
  let isTruncated = false
  for (const [section, records] of [answer.answers, answer.authority, answer.additional].entries()) {
    for (const record of records) {
      if (!writer.record(record)) {
        isTruncated ||= section === 0
        break
      }
      counts[section]!++
    }
    if (isTruncated) break
  }
  const message = Buffer.alloc(writer.bytes.length + opt)
  message.set(writer.bytes)
  const flags =
    FLAG.response |
    (isOurs ? FLAG.authoritative : 0) |
    (isTruncated ? FLAG.truncated : 0) |
    (query.recursionDesired ? FLAG.recursionDesired : 0) |
    RECURSION_AVAILABLE |
    (query.checkingDisabled ? CHECKING_DISABLED : 0) |
    RCODES[answer.rcode]
  const header = [query.id, flags, 1, counts[0]!, counts[1]!, counts[2]! + (opt ? 1 : 0)]
  header.forEach((value, i) => {
    message.writeUInt16BE(value, i * 2)
  })
  if (opt) writeOpt(message, writer.bytes.length, query.edns!.wantsDnssec, extendedRcode)
  return message
}

const OPT_BYTES = 11

function writeOpt(message: Buffer, at: number, wantsDnssec: boolean, extendedRcode: number): void {
  message.writeUInt16BE(TYPES.OPT, at + 1)
  message.writeUInt16BE(MAX_UDP_BYTES, at + 3)
  message.writeUInt8(extendedRcode, at + 5)
  message.writeUInt16BE(wantsDnssec ? 0x8000 : 0, at + 7)
}

/** Bytes of a message, with where each name was written first. */
class Writer {
  #bytes: Buffer
  #length = 0
  readonly #limit: number
  readonly #names = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
    this.#bytes = Buffer.alloc(Math.min(limit, 4096))
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  question(name: string, bytes: Uint8Array): void {
    let offset = this.#length
    let rest = name
    while (rest !== '') {
      this.#names.set(rest, offset)
      const dot = rest.indexOf('.')
      offset += (dot < 0 ? rest.length : dot) + 1
      rest = dot < 0 ? '' : rest.slice(dot + 1)
    }
    this.raw(bytes)
  }

  /** False, and nothing written, when it does not fit. */
  record(record: DnsRecord): boolean {
    const start = this.#length
    this.#name(record.name)
    this.raw(header(record))
    const lengthAt = this.#length - 2
    this.#data(record)
    this.#bytes.writeUInt16BE(this.#length - lengthAt - 2, lengthAt)
    if (this.#length <= this.#limit) return true
    this.#length = start
    for (const [name, offset] of this.#names) if (offset >= start) this.#names.delete(name)
    return false
  }

  #data(record: DnsRecord): void {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        this.raw(Uint8Array.from(ipaddr.parse(record.address).toByteArray()))
        break
      case 'CNAME':
      case 'PTR':
      case 'NS':
        this.#name(record.target)
        break
      case 'SRV':
        this.raw(numbers(record.priority, record.weight, record.port))
        this.#name(record.target, false)
        break
      case 'TXT':
        this.raw(Uint8Array.of(Buffer.byteLength(record.text)))
        this.raw(Buffer.from(record.text))
        break
      case 'SOA': {
        this.#name(record.primary)
        this.#name(record.contact)
        const timers = Buffer.alloc(20)
        ;[1, 7200, 1800, 86_400, record.negativeTtl].forEach((value, i) => {
          timers.writeUInt32BE(value, i * 4)
        })
        this.raw(timers)
        break
      }
      default:
        record satisfies never
    }
  }

  /** Names inside of SRV records are written in full (RFC 2782), yet later ones may point to them. */
  #name(name: string, mayPoint = true): void {
    let rest = name
    while (rest !== '') {
      const known = this.#names.get(rest)
      if (known !== undefined && mayPoint) {
        this.raw(numbers(0xc000 | known))
        return
      }
      if (known === undefined && this.#length < 0x4000) this.#names.set(rest, this.#length)
      const dot = rest.indexOf('.')
      const label = Buffer.from(dot < 0 ? rest : rest.slice(0, dot), 'latin1')
      this.raw(Uint8Array.of(label.length))
      this.raw(label)
      rest = dot < 0 ? '' : rest.slice(dot + 1)
    }
    this.raw(Uint8Array.of(0))
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.bytes)
    this.#bytes = grown
  }
}

function header(record: DnsRecord): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeUInt16BE(TYPES[record.type], 0)
  bytes.writeUInt16BE(CLASS_IN, 2)
  bytes.writeUInt32BE(record.ttl, 4)
  return bytes
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, i * 2)
  })
  return bytes
}
