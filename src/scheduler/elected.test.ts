import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node, Pod } from '../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { MemoryApi } from '../client/testing/index.ts'
import { runElectedScheduler } from './index.ts'
import { podObject } from './testing/objects.ts'
import { nodeObject } from './testing/simulated-nodes.ts'

test('of several schedulers one works, and another takes over when it ends', async () => {
  const clock = new VirtualClock()
  const api = new MemoryApi({ clock })
  await api.create(Node, nodeObject({ name: 'a' }))
  const stops = ['one', 'two'].map(() => new AbortController())
  const ended = stops.map((stop, i) =>
    runElectedScheduler({
      api,
      clock,
      random: seededRandom(i),
      log: silentLog,
      signal: stop.signal,
      identity: `host_${i}`,
    }),
  )
  const bindings = () => api.calls.filter((c) => c.verb === 'call').length
  const create = (name: string) => {
    const { spec } = podObject({ name })
    return api.create(Pod, { metadata: { name, namespace: 'default' }, spec } as never)
  }
  await clock.advance(5000)
  await create('first')
  await clock.advance(100)
  assert.equal(bindings(), 1, 'bound once')
  stops[0]!.abort()
  await clock.advance(20_000)
  await ended[0]
  await create('second')
  await clock.advance(100)
  assert.equal(bindings(), 2)
  assert.equal((await api.get(Pod, { namespace: 'default', name: 'second' })).spec.nodeName, 'a')
  stops[1]!.abort()
  await clock.advance(20_000)
  await ended[1]
})
