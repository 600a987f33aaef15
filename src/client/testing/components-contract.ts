import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ConfigMap, Lease, Namespace } from '../../api/index.ts'
import { seededRandom, silentLog, systemClock } from '../../base/index.ts'
import { Informers } from '../informers.ts'
import { keyText } from '../keys.ts'
import { runElected } from '../leader-election.ts'
import { WorkQueue } from '../work-queue.ts'
import type { ContractSetup } from './contract.ts'
import { eventually } from './eventually.ts'

/**
 * What components are built of, working on a binding of `Api` in real time: informers, work queues and leader election.
 * Their finer points are tested on the fake, under a clock that the test owns.
 */
export function componentsContract(binding: string, setup: () => Promise<ContractSetup>): void {
  let serial = 0
  const clock = systemClock({ background: true })
  const on = (name: string, body: (api: Api, namespace: string, stop: AbortSignal) => Promise<void>) =>
    test(`${binding}: ${name}`, { timeout: 30_000 }, async () => {
      const { api, close } = await setup()
      const stop = new AbortController()
      const namespace = `components-${process.pid}-${performance.now().toString(36).replace('.', '-')}-${++serial}`
      try {
        await api.create(Namespace, { metadata: { name: namespace } })
        await body(api, namespace, stop.signal)
      } finally {
        stop.abort()
        await close()
      }
    })
  const informersOf = (api: Api, signal: AbortSignal) =>
    new Informers({ api, clock, random: seededRandom(1), log: silentLog, signal })

  on('an informer shows what is there and what becomes of it', async (api, namespace, signal) => {
    for (let i = 0; i < 20; i++)
      await api.create(ConfigMap, { metadata: { namespace, name: `m${i}` }, data: { n: '0' } })
    const maps = informersOf(api, signal).for(ConfigMap, { namespace })
    await maps.whenSynced(signal)
    const names = () => [...maps.cache.list(namespace)].map((m) => m.metadata.name)
    assert.equal(names().filter((n) => n.startsWith('m')).length, 20)
    const told: string[] = []
    maps.on(({ type, object }) => told.push(`${type} ${object.metadata.name}`), { replay: false })
    await api.create(ConfigMap, { metadata: { namespace, name: 'new' } })
    await api.patch(ConfigMap, { namespace, name: 'm1' }, { type: 'merge', body: { data: { n: '1' } } })
    await api.delete(ConfigMap, { namespace, name: 'm2' })
    const expected = ['added new', 'updated m1', 'deleted m2']
    await eventually('all changes', () => expected.every((e) => told.includes(e)))
    assert.equal(maps.cache.get({ namespace, name: 'm1' })?.data?.n, '1')
    assert.equal(maps.cache.get({ namespace, name: 'm2' }), undefined)
  })

  on(
    'a loop of informer and work queue reads its own writes, and tries again what fails',
    async (api, namespace, signal) => {
      const maps = informersOf(api, signal).for(ConfigMap, { namespace, labelSelector: 'count=yes' })
      const failing = new Set(['a', 'b', 'c'])
      const queue = new WorkQueue({
        name: 'count',
        clock,
        random: seededRandom(1),
        log: silentLog,
        concurrency: 3,
        process: async (key) => {
          const name = key.split('/')[1]!
          if (failing.delete(name)) throw new Error('the first try always fails')
          const map = maps.cache.get({ namespace, name })
          const n = Number(map?.data?.n ?? 0)
          if (!map || n >= 5) return { next: 'forget' }
          const written = await api.update(ConfigMap, { ...map, data: { n: String(n + 1) } })
          await new Promise<void>((resolve) =>
            maps.whenSeen(Number(written.metadata.resourceVersion), resolve),
          )
          return { next: 'forget' }
        },
      })
      maps.on(({ object }) => queue.add(keyText(object.metadata)))
      const metadata = (name: string) => ({ namespace, name, labels: { count: 'yes' } })
      for (const name of ['a', 'b', 'c'])
        await api.create(ConfigMap, { metadata: metadata(name), data: { n: '0' } })
      await eventually('each to be counted up', async () => {
        const { items } = await api.list(ConfigMap, { namespace, labelSelector: 'count=yes' })
        return items.every((m) => m.data?.n === '5')
      })
      await queue.stop()
    },
  )

  on('one of two candidates leads, and the other when it is gone', async (api, namespace) => {
    const candidate = (identity: string) => {
      const stop = new AbortController()
      const state = { leads: false }
      const done = runElected({
        api,
        clock,
        random: seededRandom(1, identity),
        log: silentLog,
        namespace,
        name: 'lock',
        identity,
        leaseDurationMs: 3000,
        renewDeadlineMs: 2000,
        retryPeriodMs: 100,
        signal: stop.signal,
        lead: async (lost) => {
          state.leads = true
          await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
          state.leads = false
        },
      })
      const end = () => {
        stop.abort()
        return done
      }
      return { identity, state, end }
    }
    const both = [candidate('one'), candidate('two')]
    const leader = await eventually('a leader', () => both.find((c) => c.state.leads))
    const other = both.find((c) => c !== leader)!
    assert.equal(other.state.leads, false)
    await leader.end()
    assert.equal(leader.state.leads, false)
    // Sooner than the Lease would have run out: it was given back.
    await eventually('the other to lead', () => other.state.leads, 2000)
    const lease = await api.get(Lease, { namespace, name: 'lock' })
    assert.deepEqual([lease.spec?.holderIdentity, lease.spec?.leaseTransitions], [other.identity, 1])
    await other.end()
    assert.equal((await api.get(Lease, { namespace, name: 'lock' })).spec?.holderIdentity ?? '', '')
  })
}
