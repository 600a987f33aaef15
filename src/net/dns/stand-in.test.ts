import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { seededRandom, silentLog, VirtualClock } from '../../base/index.ts'
import { NetCluster } from '../testing/cluster.ts'
import { FakeUpstream } from '../testing/upstream.ts'
import { startClusterDns } from './dns.ts'
import { leaveToStandIn } from './stand-in.ts'

const random = seededRandom(1)
/** A server that knows nothing yet: it says so at once, and that is enough to stand in. */
const other = new NetCluster()
let port: number
let stop: AbortController

before(async () => {
  other.api.fault = () => new Promise(() => {})
  const dns = startClusterDns({
    informers: other.informers,
    clusterDomain: 'cluster.local',
    address: '127.0.0.1',
    port: 0,
    clusterCIDRs: [],
    clock: other.clock,
    random,
    log: silentLog,
    signal: other.signal,
  })
  port = (await dns.whenReady()).port
})
beforeEach(() => {
  stop = new AbortController()
})
after(() => other.stop())

function start(at: number) {
  const clock = new VirtualClock()
  const known = Promise.withResolvers<void>()
  const options = { clock, random, patienceMs: 3_000, signal: stop.signal }
  let isOver = false
  const waiting = leaveToStandIn({ address: '127.0.0.1', port: at }, known.promise, options).then(() => {
    isOver = true
  })
  /** Lets a second pass, and questions be answered. */
  const second = async () => {
    for (let i = 0; i < 20; i++) {
      await clock.advance(50)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  return { clock, known, waiting, second, isOver: () => isOver }
}

test('questions are left to a stand-in until the names are known', async () => {
  const { known, waiting, second, isOver } = start(port)
  await second()
  assert.ok(!isOver())
  known.resolve()
  await waiting
})

test('nothing is left to a stand-in that is not there', async () => {
  const gone = new FakeUpstream(() => ({}))
  const at = await gone.listen()
  gone.close()
  await start(at).waiting
})

test('nor to one that has stopped answering', async () => {
  const upstream = new FakeUpstream(() => ({ rcode: 5 }))
  const { second, isOver } = start(await upstream.listen())
  await second()
  assert.ok(!isOver())
  upstream.reply = () => 'silence'
  await second()
  assert.ok(isOver())
  upstream.close()
})

test('nor for ever', async () => {
  const { second, isOver } = start(port)
  for (let i = 0; i < 2; i++) await second()
  assert.ok(!isOver())
  for (let i = 0; i < 2; i++) await second()
  assert.ok(isOver())
})

test('the wait ends when the service is stopped', async () => {
  const { waiting } = start(port)
  stop.abort()
  await waiting
})
