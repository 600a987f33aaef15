import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { encode, streamEncode } from 'dns-packet'
import { EndpointSlice, Service } from '../../api/index.ts'
import { seededRandom, silentLog } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { hurriedClock, NetCluster } from '../testing/cluster.ts'
import { answersOf, dig, exchangeTcp, exchangeUdp, questionPacket, textOf } from '../testing/dns-client.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { FakeUpstream } from '../testing/upstream.ts'
import { type ClusterDns, startClusterDns } from './dns.ts'
import type { Upstream } from './transport.ts'

const many = Array.from({ length: 60 }, (_, i) => `10.244.1.${i + 1}`)

function startAlone(cluster: NetCluster, upstreams: readonly Upstream[] = []): ClusterDns {
  return startClusterDns({
    informers: cluster.informers,
    clusterDomain: 'cluster.local',
    address: '127.0.0.1',
    port: 0,
    clusterCIDRs: [],
    upstreams,
    clock: cluster.clock,
    random: seededRandom(1),
    log: silentLog,
    signal: cluster.signal,
  })
}

describe('the cluster DNS', () => {
  let cluster: NetCluster
  let dns: ClusterDns
  let port: number
  let first: FakeUpstream
  let second: FakeUpstream

  before(async () => {
    cluster = new NetCluster()
    await cluster.putService(aService('web', '10.96.1.1'), aSlice('web', [anEndpoint('10.244.0.5')]))
    await cluster.putService(
      aService('many', 'None'),
      aSlice(
        'many',
        many.map((ip) => anEndpoint(ip)),
      ),
    )
    await cluster.putService(
      aService('alias', '', [], { type: 'ExternalName', externalName: 'www.example.com', clusterIPs: [] }),
    )
    first = new FakeUpstream(() => ({}))
    second = new FakeUpstream(() => ({}))
    const upstreams = [await first.listen(), await second.listen()].map((p) => ({
      address: '127.0.0.1',
      port: p,
    }))
    dns = startClusterDns({
      informers: cluster.informers,
      clusterDomain: 'cluster.local',
      address: '127.0.0.1',
      port: 0,
      clusterCIDRs: ['10.96.0.0/16', '10.244.0.0/16'],
      upstreams,
      clock: cluster.clock,
      random: seededRandom(1),
      log: silentLog,
      signal: cluster.signal,
    })
    port = (await dns.whenReady()).port
    await cluster.informers.whenSynced()
  })
  after(() => {
    cluster?.stop()
    first?.close()
    second?.close()
  })
  let n = 0
  /** A name that no test before asked for. */
  let fresh: string
  beforeEach(() => {
    fresh = `host${++n}.example.com`
    first.reply = (name, type) =>
      type === 'A' ? { answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }] } : {}
    second.reply = () => ({ answers: [{ type: 'A', name: fresh, ttl: 60, data: '192.0.2.2' }] })
  })
  afterEach(() => {
    first.asked.length = 0
    second.asked.length = 0
  })

  for (const tcp of [false, true]) {
    test(`a Service has its address (${tcp ? 'TCP' : 'UDP'})`, async () => {
      const answer = await dig({ port, name: 'Web.default.svc.cluster.local', tcp })
      assert.deepEqual(answersOf(answer), ['Web.default.svc.cluster.local A 10.96.1.1'])
      assert.equal(answer.rcode, 'NOERROR')
      assert.ok(answer.flag_aa && answer.flag_ra && answer.flag_rd)
    })
  }

  test('a name that does not exist is NXDOMAIN with the SOA of the zone', async () => {
    const answer = await dig({ port, name: 'nobody.default.svc.cluster.local' })
    assert.equal(answer.rcode, 'NXDOMAIN')
    assert.match(textOf(answer.authorities![0]!), /^cluster\.local SOA/)
  })

  test('changes in the API are answered', async () => {
    await cluster.put(EndpointSlice, aSlice('web', [anEndpoint('10.244.0.6', { hostname: 'six' })]))
    await eventually('the new endpoint', async () => {
      const answer = await dig({ port, name: 'six.web.default.svc.cluster.local' })
      return answersOf(answer)[0] === 'six.web.default.svc.cluster.local A 10.244.0.6'
    })
  })

  test('what does not fit is cut, says so, and comes whole over TCP', async () => {
    const name = 'many.default.svc.cluster.local'
    const plain = await dig({ port, name })
    assert.ok(plain.flag_tc && plain.size <= 512)
    assert.ok(plain.answers!.length >= 28, `${plain.answers!.length} addresses in ${plain.size} bytes`)
    const wide = await dig({ port, name, edns: 4096 })
    assert.ok(!wide.flag_tc && wide.size <= 1232)
    assert.equal(wide.answers!.length, many.length)
    const narrow = await dig({ port, name, edns: 100 })
    assert.ok(narrow.flag_tc && narrow.size <= 512)
    assert.equal((await dig({ port, name, tcp: true })).answers!.length, many.length)
  })

  test('other names are asked for upstream, once, and remembered with what is left of their time', async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await dig({ port, name: i === 1 ? fresh.toUpperCase() : fresh })
      assert.match(answersOf(answer)[0]!, / A 192\.0\.2\.1$/)
      assert.equal(answer.questions![0]!.name, i === 1 ? fresh.toUpperCase() : fresh)
      assert.ok(!answer.flag_aa)
    }
    assert.deepEqual(first.asked, [`${fresh} A`])
  })

  test('those who ask the same at the same time wait for one answer', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => dig({ port, name: fresh })))
    assert.ok(answers.every((a) => answersOf(a).length === 1))
    assert.equal(first.asked.length, 1)
  })

  test('that a name does not exist is remembered too', async () => {
    const soa = {
      type: 'SOA' as const,
      name: 'example.com',
      ttl: 60,
      data: { mname: 'a', rname: 'b', minimum: 60 },
    }
    first.reply = () => ({ rcode: 3, authorities: [soa] })
    for (let i = 0; i < 2; i++) assert.equal((await dig({ port, name: fresh })).rcode, 'NXDOMAIN')
    assert.equal(first.asked.length, 1)
  })

  test('an answer too long for a datagram is fetched over TCP', async () => {
    const answers = Array.from({ length: 40 }, (_, i) => ({
      type: 'A' as const,
      name: fresh,
      ttl: 60,
      data: `192.0.2.${i + 1}`,
    }))
    first.reply = () => ({ answers, truncate: true })
    const answer = await dig({ port, name: fresh })
    assert.deepEqual(first.asked, [`${fresh} A`, `${fresh} A tcp`])
    assert.ok(answer.flag_tc && answer.size <= 512 && answer.answers!.length > 10)
    assert.equal((await dig({ port, name: fresh, tcp: true })).answers!.length, 40)
  })

  test('an external name is followed', async () => {
    const answer = await dig({ port, name: 'alias.default.svc.cluster.local' })
    assert.deepEqual(answersOf(answer), [
      'alias.default.svc.cluster.local CNAME www.example.com',
      'www.example.com A 192.0.2.1',
    ])
  })

  test('when an upstream fails or refuses, the next one is asked', async () => {
    first.reply = () => ({ rcode: 5 })
    assert.deepEqual(answersOf(await dig({ port, name: fresh })), [`${fresh} A 192.0.2.2`])
  })

  test('when an upstream is silent, the next one is asked', async () => {
    first.reply = () => 'silence'
    assert.deepEqual(answersOf(await dig({ port, name: fresh })), [`${fresh} A 192.0.2.2`])
  })

  test('malformed messages are answered with FORMERR or not at all, and hurt nobody', async () => {
    const query = Buffer.from(encode(questionPacket({ name: 'web.default.svc.cluster.local' })))
    const rcode = async (message: Buffer) => (await exchangeUdp({ port }, message)).readUInt16BE(2) & 0xf
    assert.equal(await rcode(query.subarray(0, 20)), 1)
    const twoQuestions = Buffer.from(query)
    twoQuestions.writeUInt16BE(2, 4)
    assert.equal(await rcode(twoQuestions), 1)
    const update = Buffer.from(query)
    update.writeUInt16BE(5 << 11, 2)
    assert.equal(await rcode(update), 4)
    const chaos = Buffer.from(query)
    chaos.writeUInt16BE(3, chaos.length - 2)
    assert.equal(await rcode(chaos), 5)
    await assert.rejects(exchangeTcp({ port }, streamEncode({ type: 'response', id: 1 })), /ended/)
    assert.equal((await dig({ port, name: 'web.default.svc.cluster.local' })).rcode, 'NOERROR')
  })
})

test('without an upstream that can be reached the answer is SERVFAIL, at once', async () => {
  const cluster = new NetCluster()
  const gone = new FakeUpstream(() => ({}))
  const upstreams = [{ address: '127.0.0.1', port: await gone.listen() }]
  gone.close()
  const dns = startAlone(cluster, upstreams)
  const { port } = await dns.whenReady()
  for (let i = 0; i < 3; i++) {
    const answer = await dig({ port, name: `${i}.example.com` })
    assert.equal(answer.rcode, 'SERVFAIL')
  }
  cluster.stop()
})

test('a question that comes before the Services are known waits for them', async () => {
  const cluster = new NetCluster()
  const released = Promise.withResolvers<void>()
  cluster.api.fault = (call) => (call.verb === 'create' ? undefined : released.promise)
  const { port } = await startAlone(cluster).whenReady()
  const early = dig({ port, name: 'web.default.svc.cluster.local' })
  await cluster.api.create(Service, aService('web', '10.96.1.1'))
  released.resolve()
  assert.deepEqual(answersOf(await early), ['web.default.svc.cluster.local A 10.96.1.1'])
  cluster.stop()
})

test('when they do not become known in time, the answer is a failure, not that there is no such name', async () => {
  const cluster = new NetCluster(hurriedClock(100))
  cluster.api.fault = () => new Promise(() => {})
  const { port } = await startAlone(cluster).whenReady()
  assert.equal((await dig({ port, name: 'web.default.svc.cluster.local' })).rcode, 'SERVFAIL')
  cluster.stop()
})
