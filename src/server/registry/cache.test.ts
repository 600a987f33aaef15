import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog, systemClock } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { openMemoryStore } from '../../store/index.ts'
import { breakable } from './breakable.test-support.ts'
import { ResourceCache } from './cache.ts'
import { Feed } from './feed.ts'

const PREFIX = '/registry/core/configmaps/'
const clock = systemClock({ background: true })
const object = (name: string, v: number) =>
  Buffer.from(
    JSON.stringify({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name, uid: `uid-${name}` },
      data: { v },
    }),
  )

function setUp() {
  const store = breakable(openMemoryStore({ clock }))
  const feed = new Feed(store, silentLog)
  const cache = new ResourceCache({ prefix: PREFIX, store, feed, clock, log: silentLog })
  feed.start()
  const put = async (name: string, v: number) => {
    const result = await store.commit([{ key: `${PREFIX}ns/${name}`, value: object(name, v) }])
    return result.revision
  }
  const close = async () => {
    await feed.close()
    await store.close()
  }
  return { store, feed, cache, put, close }
}

const state = (cache: ResourceCache) =>
  Object.fromEntries(
    cache.items().map((i) => [i.key, (i.object as unknown as { data: { v: number } }).data.v]),
  )

test('a cache that loads while others write misses nothing', async () => {
  const { feed, cache, put, close } = setUp()
  let last = 0
  const writes = (async () => {
    for (let i = 0; i < 200; i++) last = await put(`m${i % 20}`, i)
  })()
  await cache.ready()
  await writes
  await feed.reached(last)
  assert.deepEqual(
    state(cache),
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`ns/m${i}`, 180 + i])),
  )
  await close()
})

test('an item carries the revision it was written at, in the object and in its bytes', async () => {
  const { feed, cache, put, close } = setUp()
  await put('before', 1)
  await cache.ready()
  const revision = await put('after', 2)
  await feed.reached(revision)
  for (const key of ['ns/before', 'ns/after']) {
    const item = cache.get(key)!
    assert.equal(item.object.metadata.resourceVersion, String(item.revision))
    assert.deepEqual(JSON.parse(item.json.toString()), item.object)
    assert.match(
      item.json.toString(),
      /^\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{"name":"\w+","uid":"uid-\w+","resourceVersion":"\d+"\}/,
    )
  }
  await close()
})

test('after the watch on the store broke the cache is right again, and its listeners were told the difference', async () => {
  const { store, feed, cache, put, close } = setUp()
  await put('stays', 1)
  await put('goes', 1)
  await put('changes', 1)
  await cache.ready()
  const told: string[] = []
  cache.listen((item, previous) =>
    told.push(`${item ? (previous ? 'changed' : 'added') : 'removed'} ${(item ?? previous)!.key}`),
  )
  const before = cache.history
  store.break()
  await store.commit([{ key: `${PREFIX}ns/goes`, value: null }])
  await put('changes', 2)
  const last = await put('comes', 1)
  for (let i = 0; i < 100 && (cache.history === before || feed.revision < last); i++)
    await new Promise((r) => setTimeout(r, 10))
  await cache.ready()
  assert.deepEqual(state(cache), { 'ns/stays': 1, 'ns/changes': 2, 'ns/comes': 1 })
  assert.deepEqual(told.sort(), ['added ns/comes', 'changed ns/changes', 'removed ns/goes'])
  const live = await put('live', 1)
  await feed.reached(live)
  assert.ok(cache.get('ns/live'))
  await close()
})

test('the last eight states that lists were told are kept, and telling one of them again costs no other', async () => {
  const { cache, put, close } = setUp()
  await cache.ready()
  const revisions: number[] = []
  for (let v = 0; v < 9; v++) {
    const revision = await put('a', v)
    await eventually('the write', () => state(cache)['ns/a'] === v)
    cache.keepSnapshot(revision)
    cache.keepSnapshot(revision)
    revisions.push(revision)
  }
  const kept = revisions.map((r) => cache.itemsAt(r)?.[0]?.revision)
  assert.deepEqual(kept, [undefined, ...revisions.slice(1)])
  cache.keepSnapshot(revisions[8]!)
  assert.ok(cache.itemsAt(revisions[1]!))
  await close()
})
