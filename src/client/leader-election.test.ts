import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, Lease } from '../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { runElected } from './leader-election.ts'
import { MemoryApi } from './testing/index.ts'

const key = { namespace: 'kube-system', name: 'lock' }

function candidates(
  clock: VirtualClock,
  api: MemoryApi,
  onNewLeader: (by: string, leader: string) => void = () => {},
) {
  const leading = new Set<string>()
  const most = { atOnce: 0 }
  const run = (identity: string, reach: MemoryApi = api) => {
    const stop = new AbortController()
    const done = runElected({
      ...key,
      api: reach,
      clock,
      random: seededRandom(1, identity),
      log: silentLog,
      identity,
      signal: stop.signal,
      onNewLeader: (leader) => onNewLeader(identity, leader),
      lead: async (lost) => {
        leading.add(identity)
        most.atOnce = Math.max(most.atOnce, leading.size)
        await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
        leading.delete(identity)
      },
    })
    return { stop: () => stop.abort(), done }
  }
  return { run, leading, most }
}

/** The same objects behind a connection that can be cut. */
function cuttable(api: MemoryApi) {
  const state = { cut: false }
  const reach = new Proxy(api, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (state.cut) return Promise.reject(new ApiError('ServiceUnavailable', 'cut off'))
        return value.apply(target, args)
      }
    },
  })
  return { reach, state }
}

async function pass(clock: VirtualClock, ms: number) {
  for (let t = 0; t < ms; t += 500) await clock.advance(500)
}

test('of several candidates one leads, and goes on leading', async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const { run, leading, most } = candidates(clock, api)
  const all = ['a', 'b', 'c'].map((id) => run(id))
  await pass(clock, 120_000)
  assert.equal(leading.size, 1)
  assert.equal(most.atOnce, 1)
  const { spec } = await api.get(Lease, key)
  assert.equal(spec?.holderIdentity, [...leading][0])
  assert.equal(spec?.leaseDurationSeconds, 15)
  assert.equal(spec?.leaseTransitions, 0)
  for (const c of all) c.stop()
  await Promise.all(all.map((c) => c.done))
})

test('a leader that stops hands over at once', async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const { run, leading } = candidates(clock, api)
  const a = run('a')
  await pass(clock, 3000)
  const b = run('b')
  await pass(clock, 3000)
  assert.deepEqual([...leading], ['a'])
  a.stop()
  await pass(clock, 4000)
  assert.deepEqual([...leading], ['b'])
  assert.equal((await api.get(Lease, key)).spec?.leaseTransitions, 1)
  b.stop()
  await Promise.all([a.done, b.done])
})

test('a leader that is cut off stops before another begins', async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const { run, leading, most } = candidates(clock, api)
  const { reach, state } = cuttable(api)
  const a = run('a', reach)
  await pass(clock, 3000)
  const b = run('b')
  await pass(clock, 3000)
  state.cut = true
  await pass(clock, 11_500)
  assert.deepEqual([...leading], [])
  await pass(clock, 10_000)
  assert.deepEqual([...leading], ['b'])
  state.cut = false
  await pass(clock, 60_000)
  assert.deepEqual([...leading], ['b'])
  assert.equal(most.atOnce, 1)
  a.stop()
  b.stop()
  await Promise.all([a.done, b.done])
})

test("another's clock does not matter: its lease runs out by ours", async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const spec = { holderIdentity: 'ghost', leaseDurationSeconds: 15, renewTime: '2099-01-01T00:00:00.000000Z' }
  await api.create(Lease, { metadata: key, spec })
  const { run, leading } = candidates(clock, api)
  const a = run('a')
  await pass(clock, 14_000)
  assert.equal(leading.size, 0)
  await pass(clock, 5000)
  assert.deepEqual([...leading], ['a'])
  a.stop()
  await a.done
})

for (const [what, times] of [
  ['a lease as short as the deadline', { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 }],
  ['a deadline too short for a second try', { renewDeadlineMs: 2400, retryPeriodMs: 2000 }],
] as const) {
  test(`${what} is refused: a leader could go on while another begins`, async () => {
    const options = {
      api: new MemoryApi(),
      clock: new VirtualClock(),
      random: seededRandom(1),
      log: silentLog,
    }
    const lead = async () => {}
    await assert.rejects(
      runElected({ ...options, ...key, ...times, identity: 'a', lead, signal: AbortSignal.abort() }),
      /leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs/,
    )
  })
}

test('each candidate hears of a new leader once, however often that renews', async () => {
  const clock = new VirtualClock()
  const heard: string[] = []
  const { run } = candidates(clock, new MemoryApi({ clock }), (by, leader) => heard.push(`${by}: ${leader}`))
  const a = run('a')
  await pass(clock, 10_000)
  const b = run('b')
  await pass(clock, 30_000)
  a.stop()
  await a.done
  await pass(clock, 10_000)
  assert.deepEqual(heard, ['a: a', 'b: a', 'b: b'])
  b.stop()
  await b.done
})

test('a leader whose lease another has taken stops, and leaves it to that one', async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const { run, leading } = candidates(clock, api)
  const a = run('a')
  await pass(clock, 5_000)
  assert.deepEqual([...leading], ['a'])
  const lease = await api.get(Lease, key)
  await api.update(Lease, {
    ...lease,
    spec: { ...lease.spec, holderIdentity: 'thief', leaseDurationSeconds: 600 },
  })
  await pass(clock, 5_000)
  assert.deepEqual([...leading], [])
  assert.equal((await api.get(Lease, key)).spec?.holderIdentity, 'thief')
  a.stop()
  await a.done
  assert.equal((await api.get(Lease, key)).spec?.holderIdentity, 'thief')
})
