import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError, Node, Pod } from '../api/index.ts'
import { seededRandom, silentLog, timestamp, VirtualClock } from '../base/index.ts'
import { Informers, keyOf } from '../client/index.ts'
import { MemoryApi } from '../client/testing/index.ts'
import { startScheduler } from './index.ts'
import { podRequests } from './snapshot/requests.ts'
import { podObject } from './testing/objects.ts'
import { nodeObject } from './testing/simulated-nodes.ts'

const NODES = ['a', 'b', 'c']
const ROOM = { cpu: '4', memory: '8Gi', pods: '10' }
const away = () => new ApiError('ServiceUnavailable', 'the server is away')

/** The API with requests that fail on the way there (nothing happened) or on the way back (it did happen). */
function faulty(api: Api, random: () => number, faults: { share: number }): Api {
  return new Proxy(api, {
    get(target, name: keyof Api) {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target)
      if (name === 'watch' || name === 'list') return method
      return async (...args: unknown[]) => {
        if (random() < faults.share) throw away()
        const answer = await method(...args)
        if (random() < faults.share) throw away()
        return answer
      }
    },
  })
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`when requests fail or their answers are lost, no node is overbooked and every pod finds its place (seed ${seed})`, async () => {
    const clock = new VirtualClock()
    const api = new MemoryApi({ clock })
    const random = seededRandom(seed)
    const faults = { share: 0.3 }
    const stop = new AbortController()
    for (const name of NODES) await api.create(Node, nodeObject({ name, allocatable: ROOM }))
    const options = { clock, random, log: silentLog, signal: stop.signal }
    const informers = new Informers({ api, ...options })
    const scheduler = startScheduler({
      api: faulty(api, () => random.next(), faults),
      informers,
      ...options,
    })
    await clock.advance(100)
    await scheduler.ready
    // Twice as many as fit: they find room as others leave.
    for (let i = 0; i < 24; i++) {
      const { metadata, spec } = podObject({ name: `p${i}`, requests: { cpu: i % 3 === 0 ? '2' : '500m' } })
      await api.create(Pod, { metadata: { name: metadata.name, namespace: 'default' }, spec } as never)
    }
    let finished = 0
    for (let round = 0; round < 200 && finished < 24; round++) {
      await clock.advance(1 + Math.floor(random.next() * 2000))
      const pods = (await api.list(Pod)).items
      for (const node of NODES) {
        const used = pods.filter((p) => p.spec.nodeName === node).map((p) => podRequests(p).get('cpu') ?? 0)
        assert.ok(used.reduce((a, b) => a + b, 0) <= 4000, `${node} holds ${used.join(' + ')}`)
      }
      const leaving = pods.find((p) => p.spec.nodeName && random.next() < 0.5)
      if (leaving) {
        await api.delete(Pod, keyOf(leaving), { gracePeriodSeconds: 0 })
        finished++
      }
      if (round === 60) faults.share = 0
      // A node that is cordoned for a while, and one that comes and goes.
      if (round % 10 === 5)
        await api.patch(
          Node,
          { name: 'a' },
          { type: 'merge', body: { spec: { unschedulable: round % 20 === 5 } } },
        )
    }
    assert.equal(finished, 24, `${timestamp(clock.now())}: ${JSON.stringify(scheduler.waiting())}`)
    await clock.advance(1000)
    assert.deepEqual(scheduler.waiting(), { active: 0, backoff: 0, unschedulable: 0, gated: 0, inFlight: 0 })
    stop.abort()
    await clock.advance(60_000)
    await scheduler.stopped
  })
}
