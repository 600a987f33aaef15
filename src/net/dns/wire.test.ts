import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { answersOf, questionPacket, textOf } from '../testing/dns-client.ts'
import type { DnsRecord } from './records.ts'
import { encodeResponse, failure, MAX_TCP_BYTES, parseQuery, type Query, udpLimit } from './wire.ts'

function queryFor(name: string, type = 'A', edns?: number): Query {
  const message = Buffer.from(
    encode(questionPacket({ name, type, ...(edns === undefined ? {} : { edns }) }, 7)),
  )
  const parsed = parseQuery(message)
  assert.ok(parsed.is === 'query')
  return parsed.query
}

const label = fc.stringMatching(/^[a-zA-Z0-9_]([-a-zA-Z0-9]{0,20}[a-zA-Z0-9])?$/)
const someName = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'))
const octet = fc.nat(255)
const port = fc.nat(65_535)
const someRecord: fc.Arbitrary<DnsRecord> = fc.oneof(
  fc.record({
    type: fc.constant('A' as const),
    name: someName,
    ttl: fc.nat(86_400),
    address: fc.tuple(octet, octet, octet, octet).map((o) => o.join('.')),
  }),
  fc.record({
    type: fc.constantFrom('CNAME' as const, 'PTR' as const, 'NS' as const),
    name: someName,
    ttl: fc.nat(86_400),
    target: someName,
  }),
  fc.record({
    type: fc.constant('SRV' as const),
    name: someName,
    ttl: fc.nat(86_400),
    priority: port,
    weight: port,
    port,
    target: someName,
  }),
  fc.record({ type: fc.constant('TXT' as const), name: someName, ttl: fc.nat(86_400), text: label }),
)

const expected = (record: DnsRecord): string => {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return `${record.name} ${record.type} ${record.address}`
    case 'SRV':
      return `${record.name} SRV ${record.priority} ${record.weight} ${record.port} ${record.target}`
    case 'TXT':
      return `${record.name} TXT ${record.text}`
    case 'SOA':
      return `${record.name} SOA`
    default:
      return `${record.name} ${record.type} ${record.target}`
  }
}

test('another implementation reads what is written, compressed names and all', () => {
  fc.assert(
    fc.property(someName, fc.array(someRecord, { maxLength: 12 }), fc.boolean(), (name, answers, hasEdns) => {
      const query = queryFor(name, 'ANY', hasEdns ? 4096 : undefined)
      const bytes = encodeResponse(query, { ...failure('NOERROR'), answers }, MAX_TCP_BYTES)
      const packet = decode(bytes)
      assert.equal(packet.id, 7)
      assert.equal(packet.questions![0]!.name, name)
      assert.deepEqual(packet.answers!.map(textOf), answers.map(expected))
      assert.equal(packet.additionals!.length, hasEdns ? 1 : 0)
    }),
  )
})

test('no limit is exceeded, and what is left out is told', () => {
  fc.assert(
    fc.property(
      someName,
      fc.array(someRecord, { maxLength: 40 }),
      fc.integer({ min: 0, max: 3000 }),
      (name, answers, edns) => {
        const query = queryFor(name, 'A', edns)
        const limit = udpLimit(query)
        const bytes = encodeResponse(query, { ...failure('NOERROR'), answers }, limit)
        assert.ok(bytes.length <= limit && limit <= 1232 && limit >= 512)
        const packet = decode(bytes)
        assert.equal(packet.flag_tc, packet.answers!.length < answers.length)
        assert.deepEqual(answersOf(packet), answers.slice(0, packet.answers!.length).map(expected).sort())
      },
    ),
  )
})

test('whatever bytes arrive, the answer is a response or silence', () => {
  const query = Buffer.from(encode(questionPacket({ name: 'web.default.svc.cluster.local', edns: 1232 }, 1)))
  const someBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)),
    // A good question in which some bytes are wrong.
    fc.array(fc.tuple(fc.nat(query.length - 1), fc.nat(255)), { maxLength: 4 }).map((edits) => {
      const copy = Buffer.from(query)
      for (const [at, value] of edits) copy[at] = value
      return copy
    }),
  )
  fc.assert(
    fc.property(someBytes, (bytes) => {
      const parsed = parseQuery(bytes)
      const response =
        parsed.is === 'noise'
          ? undefined
          : parsed.is === 'refused'
            ? parsed.response
            : encodeResponse(parsed.query, failure('SERVFAIL'), udpLimit(parsed.query))
      if (!response) return
      assert.equal(response.readUInt16BE(0), bytes.readUInt16BE(0))
      assert.ok(response.readUInt16BE(2) & 0x8000)
    }),
    { numRuns: 2_000 },
  )
})

test('names that point to themselves or never end are refused', () => {
  const looping = Buffer.from('000101000001000000000000c00c00010001', 'hex')
  assert.equal(parseQuery(looping).is, 'refused')
  const endless = Buffer.concat([Buffer.from('000101000001000000000000', 'hex'), Buffer.alloc(200, 0x3f)])
  assert.equal(parseQuery(endless).is, 'refused')
})

test('a later version of EDNS is answered with BADVERS', () => {
  const message = Buffer.from(encode(questionPacket({ name: 'a.example', edns: 1232 }, 1)))
  message.writeUInt8(1, message.length - 5)
  const parsed = parseQuery(message)
  assert.ok(parsed.is === 'refused')
  const opt = decode(parsed.response).additionals![0]!
  assert.ok(opt.type === 'OPT' && opt.extendedRcode === 1)
})
