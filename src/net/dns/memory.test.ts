import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Service } from '../../api/index.ts'
import { seededRandom, silentLog } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { hurriedClock, NetCluster } from '../testing/cluster.ts'
import { answersOf, dig } from '../testing/dns-client.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { startClusterDns } from './dns.ts'

const dir = mkdtempSync(join(tmpdir(), 'dhow-dns-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** A DNS of one life of the node's agent. */
async function live(memoryFile: string, change: (cluster: NetCluster) => void | Promise<void>) {
  const cluster = new NetCluster(hurriedClock(10))
  await change(cluster)
  const dns = startClusterDns({
    informers: cluster.informers,
    clusterDomain: 'cluster.local',
    address: '127.0.0.1',
    port: 0,
    clusterCIDRs: ['10.96.0.0/16'],
    upstreams: [],
    memoryFile,
    clock: cluster.clock,
    random: seededRandom(1),
    log: silentLog,
    signal: cluster.signal,
  })
  const { port } = await dns.whenReady()
  const ask = async (name: string) => {
    const answer = await dig({ port, name: `${name}.default.svc.cluster.local` })
    return answer.rcode === 'NOERROR' ? answersOf(answer).map((a) => a.split(' ').at(-1)) : answer.rcode
  }
  return { cluster, ask }
}

const away = ({ api }: NetCluster) => {
  api.fault = () => {
    throw new Error('connect ECONNREFUSED')
  }
}

test('a restart while the API is away answers what was known, until the API tells more', async () => {
  const file = join(dir, 'a', 'names')
  const first = await live(file, async (cluster) => {
    await cluster.putService(aService('web', '10.96.1.1'), aSlice('web', [anEndpoint('10.244.0.5')]))
    await cluster.putService(aService('all', 'None'), aSlice('all', [anEndpoint('10.244.0.6')]))
  })
  await eventually('the memory', () => existsSync(file))
  await first.cluster.putService(aService('late', '10.96.1.2'))
  await eventually('the change in it', () => readFileSync(file, 'utf8').includes('10.96.1.2'))
  first.cluster.stop()

  const second = await live(file, away)
  assert.deepEqual(await second.ask('web'), ['10.96.1.1'])
  assert.deepEqual(await second.ask('all'), ['10.244.0.6'])
  assert.deepEqual(await second.ask('late'), ['10.96.1.2'])
  assert.equal(await second.ask('nobody'), 'NXDOMAIN')
  second.cluster.api.fault = undefined
  await second.cluster.put(Service, aService('web', '10.96.9.9'))
  await eventually('the news', async () => (await second.ask('web'))[0] === '10.96.9.9')
  assert.equal(await second.ask('late'), 'NXDOMAIN')
  second.cluster.stop()
})

for (const [what, content] of [
  ['none', undefined],
  ['one of another version', '0\n{}\n'],
  ['a broken one', '1\n{"metadata"'],
] as const) {
  test(`without a memory (${what}) nobody is told that a name does not exist`, async () => {
    const file = join(dir, what)
    if (content !== undefined) writeFileSync(file, content)
    const { cluster, ask } = await live(file, away)
    assert.equal(await ask('web'), 'SERVFAIL')
    cluster.stop()
  })
}
