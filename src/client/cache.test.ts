import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigMap } from '../api/index.ts'
import { Cache } from './cache.ts'

const object = (namespace: string, name: string, app = '') =>
  ({ metadata: { namespace, name, labels: { app } } }) as unknown as ConfigMap
const byApp = (o: ConfigMap) => [o.metadata.labels?.app ?? '']
const names = (objects: Iterable<ConfigMap>) => [...objects].map((o) => o.metadata.name)

test('an index that is added late knows what was there before', () => {
  const cache = new Cache<ConfigMap>()
  cache.put(object('x', 'a', 'web'))
  cache.put(object('y', 'b', 'db'))
  cache.addIndex('app', byApp)
  assert.deepEqual(names(cache.byIndex('app', 'web')), ['a'])
  assert.deepEqual(names(cache.byIndex('app', 'none')), [])
  assert.deepEqual(names(cache.list('y')), ['b'])
  assert.deepEqual(names(cache.list()), ['a', 'b'])
})

test('an index is what its first owner made it', () => {
  const cache = new Cache<ConfigMap>()
  cache.addIndex('app', byApp)
  cache.addIndex('app', byApp)
  assert.throws(() => cache.addIndex('app', () => []), /it exists with another function/)
  assert.throws(() => cache.byIndex('other', 'x'), /expected one of namespace, app/)
})

test('taking out what is not there changes nothing', () => {
  const cache = new Cache<ConfigMap>()
  const a = object('x', 'a')
  assert.equal(cache.put(a), undefined)
  assert.equal(cache.remove({ namespace: 'y', name: 'a' }), undefined)
  assert.equal(cache.size, 1)
  assert.equal(cache.remove({ namespace: 'x', name: 'a' }), a)
  assert.deepEqual(names(cache.list('x')), [])
})
