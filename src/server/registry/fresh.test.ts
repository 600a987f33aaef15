import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../../api/index.ts'
import { nextTurn, silentLog, systemClock, systemRandom } from '../../base/index.ts'
import { openMemoryStore } from '../../store/index.ts'
import { createApiServer } from '../server.ts'
import { openSecurity } from '../testing.ts'
import { breakable } from './breakable.test-support.ts'

const clock = systemClock({ background: true })
const ADMIN = { username: 'admin', groups: ['system:masters'] }

test('a read that waits for a write while the watch on the store breaks shows that write', async () => {
  const store = breakable(openMemoryStore({ clock }))
  const network = { serviceCidr: '10.96.0.0/24', nodePorts: { from: 30_000, to: 30_015 } }
  const server = await createApiServer({
    store,
    clock,
    random: systemRandom(),
    log: silentLog,
    security: () => openSecurity(),
    network,
  })
  const api = server.apiFor(ADMIN)
  const key = { namespace: 'default', name: 'm' }
  const { metadata } = await api.create(ConfigMap, { metadata: key, data: { v: '1' } })
  // A write that is in the store before the caches have it.
  store.stall()
  const { entries } = await store.range({ start: '/registry/core/configmaps/default/m' })
  const value = Buffer.from(Buffer.from(entries[0]!.value).toString().replace('"v":"1"', '"v":"2"'))
  const { revision } = await store.commit([{ key: entries[0]!.key, value }])
  assert.ok(revision > Number(metadata.resourceVersion))
  const reading = api.get(ConfigMap, key)
  await nextTurn()
  store.break()
  assert.deepEqual((await reading).data, { v: '2' })
  await server.close(0)
  await store.close()
})
