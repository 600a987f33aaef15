import { TYPES } from './records.ts'
import { endOfName, type Query } from './wire.ts'

const HEADER_BYTES = 12
const TRUNCATED = 0x0200
const KEPT_FLAGS = 0x0110 // recursion desired, checking disabled: repeated from the question

/** What the cache and the forwarder need to know of an upstream's response, without decoding it. */
export interface ResponseShape {
  readonly rcode: number
  readonly isTruncated: boolean
  /** Where the answers end: the first is the end of the question section. */
  readonly answerEnds: readonly number[]
  /** Where time-to-live values stand (OPT has none). */
  readonly ttlOffsets: readonly number[]
  /** The smallest of them, seconds. */
  readonly minTtl: number | undefined
  /** For how long the absence of an answer may be remembered, seconds (RFC 2308). */
  readonly negativeTtl: number | undefined
}

/** Throws when the bytes are not a whole message. */
export function shapeOf(response: Buffer): ResponseShape {
  const flags = response.readUInt16BE(2)
  if (response.readUInt16BE(4) !== 1) throw new Error('cannot read a DNS response: expected one question')
  const counts = [6, 8, 10].map((at) => response.readUInt16BE(at))
  let offset = endOfName(response, HEADER_BYTES) + 4
  const answerEnds = [offset]
  const ttlOffsets: number[] = []
  let minTtl: number | undefined
  let negativeTtl: number | undefined
  for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      const fixed = endOfName(response, offset)
      const type = response.readUInt16BE(fixed)
      const ttl = response.readUInt32BE(fixed + 4)
      offset = fixed + 10 + response.readUInt16BE(fixed + 8)
      if (offset > response.length) throw new RangeError('cannot read a DNS response: a record has no end')
      if (section === 0) answerEnds.push(offset)
      if (type === TYPES.OPT) continue
      ttlOffsets.push(fixed + 4)
      minTtl = Math.min(minTtl ?? ttl, ttl)
      if (section === 1 && type === TYPES.SOA) negativeTtl = Math.min(ttl, response.readUInt32BE(offset - 4))
    }
  }
  return {
    rcode: flags & 0xf,
    isTruncated: (flags & TRUNCATED) !== 0,
    answerEnds,
    ttlOffsets,
    minTtl,
    negativeTtl,
  }
}

/** A response to the same question as this client asked it, with what is left of its times. */
export function adapt(response: Buffer, shape: ResponseShape, query: Query, ageSeconds: number): Buffer {
  const copy = Buffer.from(response)
  copy.writeUInt16BE(query.id, 0)
  const asked = (query.recursionDesired ? 0x0100 : 0) | (query.checkingDisabled ? 0x0010 : 0)
  copy.writeUInt16BE((copy.readUInt16BE(2) & ~KEPT_FLAGS) | asked, 2)
  copy.set(query.question, HEADER_BYTES)
  for (const at of shape.ttlOffsets) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(at) - ageSeconds), at)
  return copy
}

/** At most `limit` bytes: the answers that fit, and the hint to ask again over TCP. */
export function cut(response: Buffer, shape: ResponseShape, limit: number): Buffer {
  if (response.length <= limit) return response
  const fitting = shape.answerEnds.filter((end) => end <= limit)
  const copy = Buffer.from(response.subarray(0, fitting.at(-1) ?? HEADER_BYTES))
  copy.writeUInt16BE(copy.readUInt16BE(2) | TRUNCATED, 2)
  copy.writeUInt16BE(Math.max(0, fitting.length - 1), 6)
  copy.writeUInt32BE(0, 8)
  return copy
}

/** A question to an upstream in its own right: with our number, and nothing of the client but what it wants to know. */
export function upstreamQuestion(query: Query, id: number): Buffer {
  const opt = query.edns ? 11 : 0
  const message = Buffer.alloc(HEADER_BYTES + query.question.length + opt)
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE(0x0100 | (query.checkingDisabled ? 0x0010 : 0), 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(opt ? 1 : 0, 10)
  message.set(query.question, HEADER_BYTES)
  if (query.edns) {
    const at = HEADER_BYTES + query.question.length
    message.writeUInt16BE(TYPES.OPT, at + 1)
    message.writeUInt16BE(1232, at + 3)
    message.writeUInt16BE(query.edns.wantsDnssec ? 0x8000 : 0, at + 7)
  }
  return message
}

/** Does it answer this question? Whoever guesses an answer has to guess number and port, and repeat the name. */
export function answersTo(response: Buffer, question: Buffer): boolean {
  if (response.length < HEADER_BYTES || !(response.readUInt16BE(2) & 0x8000)) return false
  if (response.readUInt16BE(0) !== question.readUInt16BE(0) || response.readUInt16BE(4) !== 1) return false
  const end = endOfName(question, HEADER_BYTES) + 4
  if (response.length < end) return false
  const lower = (bytes: Buffer) => bytes.subarray(HEADER_BYTES, end).toString('latin1').toLowerCase()
  return lower(response) === lower(question)
}
