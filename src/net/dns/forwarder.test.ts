import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, decode, encode } from 'dns-packet'
import { seededRandom, silentLog, VirtualClock } from '../../base/index.ts'
import { answersOf, questionPacket } from '../testing/dns-client.ts'
import { cacheSeconds, ResponseCache } from './cache.ts'
import { Forwarder } from './forwarder.ts'
import { shapeOf } from './message.ts'
import type { Exchange } from './transport.ts'
import { parseQuery, type Query } from './wire.ts'

function queryFor(name: string): Query {
  const parsed = parseQuery(Buffer.from(encode(questionPacket({ name }, 1))))
  assert.ok(parsed.is === 'query')
  return parsed.query
}

function responseTo(question: Buffer, answers: Answer[], rcode = 0, authorities: Answer[] = []): Buffer {
  const { id, questions } = decode(question)
  return Buffer.from(
    encode({ type: 'response', id: id!, flags: 0x180 | rcode, questions: questions!, answers, authorities }),
  )
}

const a = (name: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data: '192.0.2.1' })
const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'example.com',
  ttl,
  data: { mname: 'ns.example.com', rname: 'root.example.com', serial: 1, minimum },
})

function setUp(udp: Exchange, upstreams = 2) {
  const clock = new VirtualClock()
  const asked: string[] = []
  const forwarder = new Forwarder({
    upstreams: () =>
      Array.from({ length: upstreams }, (_, i) => ({ address: `192.0.2.${i + 53}`, port: 53 })),
    clock,
    random: seededRandom(1),
    log: silentLog,
    exchange: {
      udp: (upstream, question, signal) => {
        asked.push(upstream.address)
        return udp(upstream, question, signal)
      },
      tcp: async () => {
        throw new Error('no TCP here')
      },
    },
  })
  return { clock, asked, forwarder }
}

const silence: Exchange = (_upstream, _question, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('an answer is remembered for its time, which goes down', async () => {
  const { clock, asked, forwarder } = setUp(async (_u, question) =>
    responseTo(question, [a('x.example.com', 60)]),
  )
  const ttl = async () => {
    const [answer] = decode((await forwarder.ask(queryFor('x.example.com')))!.response).answers!
    return (answer as { ttl: number }).ttl
  }
  assert.equal(await ttl(), 60)
  await clock.advance(25_000)
  assert.equal(await ttl(), 35)
  assert.equal(asked.length, 1)
  await clock.advance(36_000)
  assert.equal(await ttl(), 60)
  assert.equal(asked.length, 2)
})

test('for how long responses are remembered', () => {
  const question = Buffer.from(encode(questionPacket({ name: 'x.example.com' }, 1)))
  const seconds = (...rest: [Answer[], number?, Answer[]?]) =>
    cacheSeconds(shapeOf(responseTo(question, ...rest)))
  const cases: readonly [string, number, number][] = [
    ['the smallest time of the records', seconds([a('x', 60), a('x', 20)]), 20],
    ['at most five minutes', seconds([a('x', 86_400)]), 300],
    ['not at all', seconds([a('x', 0)]), 0],
    ['a missing name: as its zone says', seconds([], 3, [soa(60, 10)]), 10],
    ['a missing name: at most half a minute', seconds([], 3, [soa(3600, 3600)]), 30],
    ['a missing type: as its zone says', seconds([], 0, [soa(7, 10)]), 7],
    ['a missing name without a word', seconds([], 3), 5],
    ['a failure', seconds([], 2), 1],
  ]
  for (const [what, actual, expected] of cases) assert.equal(actual, expected, what)
})

test('silent upstreams cost at most four seconds; then they are left out, and tried again later', async () => {
  const { clock, asked, forwarder } = setUp(silence)
  const first = forwarder.ask(queryFor('a.example.com'))
  await clock.advance(4_000)
  assert.equal(await first, undefined)
  assert.deepEqual(asked, ['192.0.2.53', '192.0.2.54', '192.0.2.53', '192.0.2.54'])
  assert.equal(await forwarder.ask(queryFor('b.example.com')), undefined, 'at once')
  assert.equal(asked.length, 4)
  await clock.advance(10_000)
  const later = forwarder.ask(queryFor('c.example.com'))
  await clock.advance(4_000)
  assert.equal(await later, undefined)
  assert.ok(asked.length > 4)
})

test('one lost datagram is asked for again, and says nothing about the upstream', async () => {
  let lost = 1
  const { clock, asked, forwarder } = setUp(async (upstream, question, signal) => {
    if (lost-- > 0) return silence(upstream, question, signal)
    return responseTo(question, [a('x', 60)])
  }, 1)
  const first = forwarder.ask(queryFor('a.example.com'))
  await clock.advance(1_000)
  assert.ok(await first)
  assert.ok(await forwarder.ask(queryFor('b.example.com')))
  assert.equal(asked.length, 3)
})

test('an upstream that answers again is preferred again', async () => {
  let isUp = false
  const { clock, asked, forwarder } = setUp(async (upstream, question) => {
    if (!isUp && upstream.address === '192.0.2.53') throw new Error('unreachable')
    return responseTo(question, [a('x', 60)])
  })
  for (const name of ['a', 'b', 'c']) await forwarder.ask(queryFor(`${name}.example.com`))
  isUp = true
  await clock.advance(3_000)
  for (const name of ['d', 'e']) await forwarder.ask(queryFor(`${name}.example.com`))
  assert.deepEqual(
    asked.map((address) => address.slice(-2)),
    // The second and the fourth question also find out how the first upstream is.
    ['53', '54', '53', '54', '54', '53', '54', '53'],
  )
})

test('beside one that answers, nobody waits for a silent upstream a second time', async () => {
  const { clock, forwarder } = setUp(async (upstream, question, signal) =>
    upstream.address === '192.0.2.53'
      ? silence(upstream, question, signal)
      : responseTo(question, [a('x', 60)]),
  )
  const first = forwarder.ask(queryFor('a.example.com'))
  await clock.advance(1_000)
  assert.ok(await first)
  for (let i = 0; i < 10; i++) assert.ok(await forwarder.ask(queryFor(`${i}.example.com`)))
  await clock.advance(60_000)
  assert.ok(await forwarder.ask(queryFor('b.example.com')))
})

test('no more than 500 questions are open at once', async () => {
  const { clock, asked, forwarder } = setUp(silence, 1)
  const answers = Array.from({ length: 600 }, (_, i) => forwarder.ask(queryFor(`n${i}.example.com`)))
  assert.equal(asked.length, 500)
  await clock.advance(5_000)
  assert.ok((await Promise.all(answers)).every((r) => r === undefined))
})

test('a response that is no message counts as none', async () => {
  const { forwarder } = setUp(async (upstream, question) =>
    upstream.address === '192.0.2.53' ? question.subarray(0, 20) : responseTo(question, [a('x.example.com')]),
  )
  const found = await forwarder.ask(queryFor('x.example.com'))
  assert.deepEqual(answersOf(decode(found!.response)), ['x.example.com A 192.0.2.1'])
})

test('the cache stays within its bytes, and forgets what nobody asks for', () => {
  const cache = new ResponseCache(10_000)
  const question = Buffer.from(encode(questionPacket({ name: 'x.example.com' }, 1)))
  const response = responseTo(question, [a('x.example.com', 60)])
  for (let i = 0; i < 100; i++) {
    cache.put(`key ${i}`, response, shapeOf(response), 0)
    assert.ok(cache.get('key 0', 0), 'what is asked for stays')
    assert.ok(cache.bytes <= 10_000)
  }
  assert.equal(cache.get('key 1', 0), undefined)
  assert.ok(cache.get('key 99', 0))
})
