import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError, Pod } from '../../api/index.ts'
import { silentLog, VirtualClock } from '../../base/index.ts'
import { MemoryApi } from '../../client/testing/index.ts'
import type { NodePodStatus } from '../plan/status.ts'
import { StatusWriter } from './status-writer.ts'

const key = { namespace: 'default', name: 'web' }
const running = { phase: 'Running', conditions: [], containerStatuses: [] } as unknown as NodePodStatus

async function setUp(through: (api: MemoryApi) => Api = (api) => api) {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  const pod = await api.create(Pod, { metadata: key, spec: { containers: [{ name: 'c' }] } })
  const stop = new AbortController()
  const { signal } = stop
  const writer = new StatusWriter({ api: through(api), clock, log: silentLog, signal })
  const phase = async () => (await api.get(Pod, key)).status.phase
  return { clock, api, pod, stop, writer, phase }
}

/** The same API, of which one method is another. */
function changed<M extends 'get' | 'patch'>(api: MemoryApi, method: M, how: () => Promise<never>): Api {
  return new Proxy(api, {
    get(target, name) {
      const value = Reflect.get(target, name)
      return name === method ? how : typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a status is written over what others changed meanwhile', async () => {
  const { api, clock, pod, writer, phase } = await setUp()
  await api.patch(Pod, key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
  writer.set(pod, running)
  await clock.advance(1_000)
  await writer.flushed(pod.metadata.uid)
  assert.equal(await phase(), 'Running')
})

for (const [what, through] of [
  ['may be read', (api: MemoryApi) => api],
  [
    'is on another node, and not to be read',
    (api: MemoryApi) => changed(api, 'get', () => Promise.reject(new ApiError('Forbidden', 'not yours'))),
  ],
] as const) {
  test(`the status of a pod whose name another has now, which ${what}, is given up`, async () => {
    const { api, clock, pod, writer, phase } = await setUp(through)
    await api.delete(Pod, key, { gracePeriodSeconds: 0 })
    await api.create(Pod, { metadata: key, spec: { containers: [{ name: 'c' }] } })
    const before = await phase()
    writer.set(pod, running)
    await clock.advance(60_000)
    await writer.flushed(pod.metadata.uid)
    assert.equal(await phase(), before)
  })
}

test('a writer that is told to stop while the server refuses waits for nothing', async () => {
  const { clock, pod, stop, writer } = await setUp((api) =>
    changed(api, 'patch', () => Promise.reject(new ApiError('ServiceUnavailable', 'away'))),
  )
  writer.set(pod, running)
  await clock.advance(10_000)
  stop.abort()
  await writer.flushed(pod.metadata.uid)
  assert.equal(clock.nextTimerAt(), undefined)
})
