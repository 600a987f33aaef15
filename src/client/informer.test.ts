import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError, ConfigMap } from '../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { UnreachableError } from './http.ts'
import { Informers } from './informers.ts'
import { eventually, MemoryApi } from './testing/index.ts'

function setup() {
  const clock = new VirtualClock()
  const memory = new MemoryApi({ clock })
  const stop = new AbortController()
  const options = { api: memory, clock, random: seededRandom(1), log: silentLog, signal: stop.signal }
  return { clock, memory, stop, informers: new Informers(options) }
}

const configMap = (name: string, n = '1') => ({ metadata: { namespace: 'd', name }, data: { n } })
const watches = (memory: MemoryApi) => memory.calls.filter((c) => c.verb === 'watch').length

test('the cache shows the list first and each change after it', async () => {
  const { clock, memory, informers, stop } = setup()
  const first = await memory.create(ConfigMap, configMap('a'))
  const informer = informers.for(ConfigMap)
  const seen: string[] = []
  informer.on((e) => seen.push(`${e.type} ${e.object.metadata.name}`))
  await informer.whenSynced()
  assert.equal(informer.cache.get({ namespace: 'd', name: 'a' }), first)
  await memory.update(ConfigMap, { ...first, data: { n: '2' } })
  await memory.create(ConfigMap, configMap('b'))
  await memory.delete(ConfigMap, { namespace: 'd', name: 'a' })
  await clock.advance(0)
  assert.deepEqual(seen, ['added a', 'updated a', 'added b', 'deleted a'])
  assert.equal(informer.cache.size, 1)
  assert.equal(informer.revision, memory.revision)
  stop.abort()
})

test('all who ask for a kind share one watch, and a late handler sees what is there', async () => {
  const { memory, informers, stop } = setup()
  await memory.create(ConfigMap, configMap('a'))
  assert.equal(informers.for(ConfigMap), informers.for(ConfigMap))
  await informers.whenSynced()
  const late: string[] = []
  informers.for(ConfigMap).on((e) => late.push(e.object.metadata.name))
  assert.deepEqual(late, ['a'])
  assert.equal(watches(memory), 1)
  stop.abort()
})

test('a dropped watch resumes without a gap or a repeat', async () => {
  const { clock, memory, informers, stop } = setup()
  const informer = informers.for(ConfigMap)
  const seen: string[] = []
  informer.on((e) => seen.push(`${e.type} ${e.object.metadata.name}`))
  await informer.whenSynced()
  for (let i = 0; i < 5; i++) {
    await memory.create(ConfigMap, configMap(`a${i}`))
    memory.dropWatches()
    await memory.create(ConfigMap, configMap(`b${i}`))
    await clock.advance(1000)
  }
  assert.deepEqual(
    seen,
    [0, 1, 2, 3, 4].flatMap((i) => [`added a${i}`, `added b${i}`]),
  )
  assert.equal(memory.calls.filter((c) => c.verb === 'list').length, 0)
  stop.abort()
})

test('after 410 the new list is swapped in whole and only differences are told', async () => {
  const { clock, memory, informers, stop } = setup()
  await memory.create(ConfigMap, configMap('gone'))
  const kept = await memory.create(ConfigMap, configMap('kept'))
  const changed = await memory.create(ConfigMap, configMap('changed'))
  await memory.create(ConfigMap, configMap('reborn'))
  const informer = informers.for(ConfigMap)
  await informer.whenSynced()
  const seen: string[] = []
  memory.fault = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  memory.dropWatches()
  await clock.advance(100)
  memory.fault = undefined
  for (const name of ['gone', 'reborn']) await memory.delete(ConfigMap, { namespace: 'd', name })
  await memory.create(ConfigMap, configMap('reborn'))
  await memory.update(ConfigMap, { ...changed, data: { n: '2' } })
  await memory.create(ConfigMap, configMap('new'))
  memory.compact()
  await memory.create(ConfigMap, configMap('after'))
  let first = true
  informer.on((e) => {
    if (first) assert.equal(informer.cache.size >= 4, true)
    seen.push(`${e.type} ${e.object.metadata.name}`)
  })
  seen.length = 0
  first = true
  await clock.advance(40_000)
  assert.deepEqual(seen.sort(), [
    'added after',
    'added new',
    'added reborn',
    'deleted gone',
    'deleted reborn',
    'updated changed',
  ])
  assert.equal(informer.cache.get({ namespace: 'd', name: 'kept' }), kept)
  stop.abort()
})

test('a server that is away is asked again with growing pauses, for ever', async () => {
  const { clock, memory, informers, stop } = setup()
  memory.fault = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  const informer = informers.for(ConfigMap)
  await clock.advance(600_000)
  assert.equal(informer.hasSynced, false)
  assert.ok(watches(memory) > 50 && watches(memory) < 130, `${watches(memory)} tries in ten minutes`)
  memory.fault = undefined
  await clock.advance(31_000)
  assert.equal(informer.hasSynced, true)
  stop.abort()
})

test('a server that nobody listens for is tried every other second, to be found soon after its start', async () => {
  const { clock, memory, informers, stop } = setup()
  memory.fault = () => {
    throw new UnreachableError('cannot reach it', { cause: new Error('connect ECONNREFUSED'), unsent: true })
  }
  const informer = informers.for(ConfigMap)
  await clock.advance(600_000)
  assert.ok(watches(memory) > 300 && watches(memory) < 700, `${watches(memory)} tries in ten minutes`)
  memory.fault = undefined
  await clock.advance(2_000)
  assert.equal(informer.hasSynced, true)
  stop.abort()
})

test('a server that had answered is asked again soon, however often it was lost before', async () => {
  const { clock, memory, stop } = setup()
  const api: Api = Object.create(memory)
  api.watch = async function* watch(kind, options) {
    yield* memory.watch(kind, options)
    throw new UnreachableError('the stream broke', { cause: undefined, unsent: false })
  }
  const { signal } = stop
  const informer = new Informers({ api, clock, random: seededRandom(1), log: silentLog, signal }).for(
    ConfigMap,
  )
  await informer.whenSynced()
  for (let i = 0; i < 12; i++) {
    memory.dropWatches()
    const { metadata } = await memory.create(ConfigMap, configMap(`a${i}`))
    await clock.advance(400)
    assert.ok(informer.cache.get(metadata), `after loss ${i + 1}`)
  }
  stop.abort()
})

test('without streaming lists it lists in pages and then watches', async () => {
  const { clock, memory, informers, stop } = setup()
  const { watch } = memory
  memory.watch = function (this: MemoryApi, kind, options) {
    if (options.sendInitialEvents) throw new ApiError('Invalid', 'sendInitialEvents is forbidden')
    return watch.call(memory, kind, options) as never
  }
  for (let i = 0; i < 1200; i++) await memory.create(ConfigMap, configMap(`c${i}`))
  const informer = informers.for(ConfigMap)
  await clock.advance(2000)
  await informer.whenSynced()
  assert.equal(informer.cache.size, 1200)
  assert.equal(memory.calls.filter((c) => c.verb === 'list').length, 3)
  await memory.create(ConfigMap, configMap('later'))
  await clock.advance(100)
  assert.equal(informer.cache.size, 1201)
  stop.abort()
})

test('whenSeen waits for a revision, and a later delete of the same object still counts', async () => {
  const { clock, memory, informers, stop } = setup()
  const informer = informers.for(ConfigMap)
  await informer.whenSynced()
  const seen: string[] = []
  const made = await memory.create(ConfigMap, configMap('a'))
  informer.whenSeen(Number(made.metadata.resourceVersion), () => seen.push('made'))
  const cancel = informer.whenSeen(Number(made.metadata.resourceVersion), () => seen.push('cancelled'))
  cancel()
  assert.equal(seen.length, 0)
  await clock.advance(0)
  assert.deepEqual(seen, ['made'])
  informer.whenSeen(1, () => seen.push('past'))
  assert.deepEqual(seen, ['made', 'past'])
  stop.abort()
})

test('an index follows its objects through change, removal and relist', async () => {
  const { clock, memory, informers, stop } = setup()
  const made = await memory.create(ConfigMap, configMap('a', 'x'))
  const informer = informers.for(ConfigMap)
  informer.addIndex('n', (o) => [o.data?.n ?? ''])
  await informer.whenSynced()
  const names = (value: string) => [...informer.cache.byIndex('n', value)].map((o) => o.metadata.name)
  assert.deepEqual(names('x'), ['a'])
  await memory.update(ConfigMap, { ...made, data: { n: 'y' } })
  await clock.advance(0)
  assert.deepEqual([names('x'), names('y')], [[], ['a']])
  await memory.delete(ConfigMap, { namespace: 'd', name: 'a' })
  await clock.advance(0)
  assert.deepEqual(names('y'), [])
  assert.throws(() => informer.cache.byIndex('z', ''), /cannot read index "z"/)
  stop.abort()
})

test('a handler that throws disturbs nobody', async () => {
  const { memory, informers, stop } = setup()
  const informer = informers.for(ConfigMap)
  informer.on(() => {
    throw new Error('bad handler')
  })
  const seen: string[] = []
  informer.on((e) => seen.push(e.object.metadata.name))
  await informer.whenSynced()
  await memory.create(ConfigMap, configMap('a'))
  await memory.create(ConfigMap, configMap('b'))
  await eventually('both', () => seen.length === 2)
  stop.abort()
})

test('an object that took the place of another of its name is told as the end of one and the birth of the other', async () => {
  const { clock, memory, stop } = setup()
  const first = await memory.create(ConfigMap, configMap('a'))
  const revision = Number(first.metadata.resourceVersion)
  const later = (uid: string, by: number) => ({
    type: 'MODIFIED' as const,
    object: { ...first, metadata: { ...first.metadata, uid, resourceVersion: String(revision + by) } },
  })
  // A server that passes over a deletion, as one may that was away.
  const api = new Proxy(memory, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (name !== 'watch') return typeof value === 'function' ? value.bind(target) : value
      return async function* () {
        yield { type: 'ADDED', object: first }
        yield { type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd: true }
        yield later('second', 1)
        yield later('second', 2)
        await new Promise(() => {})
      }
    },
  })
  const informers = new Informers({
    api,
    clock,
    random: seededRandom(1),
    log: silentLog,
    signal: stop.signal,
  })
  const seen: string[] = []
  informers.for(ConfigMap).on((e) => seen.push(`${e.type} ${e.object.metadata.uid}`))
  await clock.advance(0)
  const uid = first.metadata.uid
  assert.deepEqual(seen, [`added ${uid}`, `deleted ${uid}`, 'added second', 'updated second'])
  stop.abort()
})

test('whoever waits for the first list is told when there will be none', async () => {
  const { informers, memory, stop } = setup()
  memory.fault = () => {
    throw new ApiError('ServiceUnavailable', 'away')
  }
  const informer = informers.for(ConfigMap)
  const impatient = new AbortController()
  const waits = [
    informer.whenSynced(),
    informer.whenSynced(impatient.signal),
    informer.whenSynced(AbortSignal.abort()),
  ]
  impatient.abort(new Error('enough'))
  await assert.rejects(waits[1]!, /enough/)
  await assert.rejects(waits[2]!, { name: 'AbortError' })
  stop.abort(new Error('the end'))
  await assert.rejects(waits[0]!, /the end/)
})
