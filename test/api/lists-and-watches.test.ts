import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Api,
  type ApiError,
  ConfigMap,
  isApiError,
  type ListOptions,
  Secret,
  type WatchEvent,
  type WatchOptions,
} from '../../src/api/index.ts'
import { seededRandom, systemClock } from '../../src/base/index.ts'
import { openMemoryStore, type Store } from '../../src/store/index.ts'
import { type Binding, bindings } from './bindings.ts'

const at = (namespace: string, name: string) => ({ namespace, name })

async function put(
  api: Api,
  namespace: string,
  name: string,
  labels: Record<string, string> = {},
  data: Record<string, string> = {},
) {
  return api.create(ConfigMap, { metadata: { namespace, name, labels }, data })
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise
  } catch (error) {
    if (!isApiError(error)) throw error
    return error
  }
  throw new Error('expected the request to be refused, it was answered')
}

const names = (list: { items: readonly ConfigMap[] }) => list.items.map((i) => i.metadata.name)

/** The store of a server that restarts: closing the server leaves it open. */
function unclosed(store: Store): Store {
  return {
    revision: () => store.revision(),
    range: (query) => store.range(query),
    commit: (writes) => store.commit(writes),
    watch: (query) => store.watch(query),
    compact: (revision) => store.compact(revision),
    stats: () => store.stats(),
    async close() {},
  }
}

/** Everything a watch tells until `done` says that is enough; fails after ten seconds. */
async function watched(
  api: Api,
  options: Omit<WatchOptions, 'signal'>,
  done: (events: WatchEvent<ConfigMap>[]) => boolean,
): Promise<WatchEvent<ConfigMap>[]> {
  const abort = new AbortController()
  const events: WatchEvent<ConfigMap>[] = []
  const timer = setTimeout(() => abort.abort(), 10_000)
  try {
    for await (const event of api.watch(ConfigMap, { ...options, signal: abort.signal })) {
      events.push(event)
      if (done(events)) return events
    }
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
  throw new Error(`the watch ended after ${JSON.stringify(events.map(tell))}`)
}

const tell = (e: WatchEvent<ConfigMap>) =>
  e.type === 'BOOKMARK' ? 'BOOKMARK' : `${e.type} ${e.object.metadata.name}`
const count = (n: number) => (events: unknown[]) => events.length >= n

for (const [name, open] of bindings) {
  describe(`lists and watches ${name}`, () => {
    let binding: Binding
    let api: Api
    before(async () => {
      binding = await open({ historyLimits: { maxEvents: 500, maxAgeMs: 60_000, minEvents: 10 } })
      api = binding.api
    })
    after(() => binding.close())

    test('a list is sorted, of one namespace or of all, and selected', async () => {
      await put(api, 'l2', 'a', { app: 'web', tier: 'back' })
      await put(api, 'l1', 'c', { app: 'web' })
      await put(api, 'l1', 'b', { app: 'db' })
      const cases: [ListOptions, string[]][] = [
        [{ namespace: 'l1' }, ['b', 'c']],
        [{ namespace: 'l1', labelSelector: 'app=web' }, ['c']],
        [{ labelSelector: 'app in (web,db),!tier' }, ['b', 'c']],
        [{ labelSelector: 'app' }, ['b', 'c', 'a']],
        [{ namespace: 'l1', fieldSelector: 'metadata.name!=b' }, ['c']],
        [{ fieldSelector: 'metadata.namespace=l2,metadata.name=a' }, ['a']],
        [{ namespace: 'l1', fieldSelector: 'metadata.name=absent' }, []],
        [{ namespace: 'nobody' }, []],
      ]
      for (const [options, expected] of cases)
        assert.deepEqual(names(await api.list(ConfigMap, options)), expected, JSON.stringify(options))
    })

    test('selectors that cannot be read or name what cannot be selected are refused', async () => {
      for (const [options, text] of [
        [{ labelSelector: 'a in (' }, /^unable to parse requirement: found '', expected: /],
        [{ labelSelector: 'a=b=c' }, /^found '=', expected: ',' or 'end of string'$/],
        [{ labelSelector: 'a=b,' }, /^found '', expected: identifier after ','$/],
        [{ fieldSelector: 'data.x=1' }, /field label not supported: data\.x/],
        [{ fieldSelector: '__proto__=1' }, /field label not supported/],
      ] as const) {
        const { code, message } = await refusal(api.list(ConfigMap, options))
        assert.equal(code, 400)
        assert.match(message, text)
      }
    })

    test('the pages of a list show one state, whatever is written between them', async () => {
      for (let i = 0; i < 10; i++) await put(api, 'pages', `m${i}`)
      const first = await api.list(ConfigMap, { namespace: 'pages', limit: 4 })
      assert.deepEqual(names(first), ['m0', 'm1', 'm2', 'm3'])
      assert.equal(first.metadata.remainingItemCount, 6)
      await put(api, 'pages', 'm55')
      await api.delete(ConfigMap, at('pages', 'm7'))
      const second = await api.list(ConfigMap, {
        namespace: 'pages',
        limit: 4,
        continue: first.metadata.continue!,
      })
      assert.deepEqual(names(second), ['m4', 'm5', 'm6', 'm7'])
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
      const third = await api.list(ConfigMap, {
        namespace: 'pages',
        limit: 4,
        continue: second.metadata.continue!,
      })
      assert.deepEqual(names(third), ['m8', 'm9'])
      assert.equal(third.metadata.continue, undefined)
      assert.deepEqual(names(await api.list(ConfigMap, { namespace: 'pages' })), [
        'm0',
        'm1',
        'm2',
        'm3',
        'm4',
        'm5',
        'm55',
        'm6',
        'm8',
        'm9',
      ])
    })

    test('a page whose history was forgotten is refused as expired, a token of someone’s own making as bad', async () => {
      for (let i = 0; i < 4; i++) await put(api, 'old', `m${i}`)
      // Nine lists later the snapshot of this one is gone; compaction takes the store's history too.
      const first = await api.list(ConfigMap, { namespace: 'old', limit: 1 })
      for (let i = 0; i < 9; i++) {
        await put(api, 'old', `n${i}`)
        await api.list(ConfigMap, { namespace: 'old', limit: 1 })
      }
      const rest = await api.list(ConfigMap, { namespace: 'old', continue: first.metadata.continue! })
      assert.deepEqual(names(rest), ['m1', 'm2', 'm3'])
      await binding.store.compact(binding.store.revision())
      const expired = await refusal(
        api.list(ConfigMap, { namespace: 'old', continue: first.metadata.continue! }),
      )
      assert.deepEqual([expired.code, expired.reason], [410, 'Expired'])
      // Who can do with an inconsistent rest gets it with the token that comes with the refusal.
      await put(api, 'old', 'm9')
      const inconsistent = { namespace: 'old', continue: expired.continue! }
      const remainder = await api.list(ConfigMap, { ...inconsistent, limit: 2 })
      assert.deepEqual(names(remainder), ['m1', 'm2'])
      await put(api, 'old', 'm99')
      const others = await api.list(ConfigMap, { namespace: 'old', continue: remainder.metadata.continue! })
      assert.deepEqual(names(others).slice(0, 3), ['m3', 'm9', 'n0'])
      assert.equal(others.metadata.resourceVersion, remainder.metadata.resourceVersion)
    })

    test('a continue token of someone’s own making is refused or shows nothing that is not theirs', async () => {
      const there = await put(api, 'tokens', 'a')
      await put(api, 'tokens', 'b')
      await put(api, 'tokenz', 'a')
      const token = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const rv = Number(there.metadata.resourceVersion)
      for (const bad of [
        'x',
        'e30',
        token({ v: 1, rv: -2, after: '' }),
        token({ v: 1, rv: 9e9, after: '' }),
      ]) {
        assert.equal((await refusal(api.list(ConfigMap, { continue: bad }))).code, 400)
      }
      for (const after of ['', 'token/', 'tokens', 'tokens/a', 'tokenz/a', '\uffff', '../x', '\0']) {
        for (const revision of [rv, rv + 1, -1]) {
          const page = await api.list(ConfigMap, {
            namespace: 'tokens',
            continue: token({ v: 1, rv: revision, after }),
          })
          assert.ok(page.items.every((item) => item.metadata.namespace === 'tokens'))
        }
      }
    })

    test('a watch that wants no initial events begins with what happens next', async () => {
      await put(api, 'later', 'a')
      const controller = new AbortController()
      const events = api
        .watch(ConfigMap, { namespace: 'later', sendInitialEvents: false, signal: controller.signal })
        [Symbol.asyncIterator]()
      const first = events.next()
      for (let n = 0, isTold = false; !isTold; n++) {
        await put(api, 'later', `b${n}`)
        isTold = await Promise.race([
          first.then(() => true),
          new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 20)),
        ])
      }
      const { value } = await first
      assert.match(value.object.metadata.name, /^b/)
      controller.abort()
    })

    test('a list at an exact revision shows that moment', async () => {
      const a = await put(api, 'exact', 'a')
      await put(api, 'exact', 'b')
      const then = await api.list(ConfigMap, {
        namespace: 'exact',
        resourceVersion: a.metadata.resourceVersion,
        resourceVersionMatch: 'Exact',
      })
      assert.deepEqual(names(then), ['a'])
      assert.equal(then.metadata.resourceVersion, a.metadata.resourceVersion)
      const notOlder = await api.list(ConfigMap, {
        namespace: 'exact',
        resourceVersion: a.metadata.resourceVersion,
      })
      assert.deepEqual(names(notOlder), ['a', 'b'])
      const future = await refusal(api.list(ConfigMap, { namespace: 'exact', resourceVersion: '999999999' }))
      assert.equal(future.code, 504)
      assert.equal((await refusal(api.list(ConfigMap, { resourceVersionMatch: 'Exact' }))).code, 422)
      assert.equal((await refusal(api.list(ConfigMap, { resourceVersion: 'x' }))).code, 400)
    })

    test('a watch tells every change after its start, in order', async () => {
      const start = await put(api, 'w1', 'zero')
      const events = watched(
        api,
        { namespace: 'w1', resourceVersion: start.metadata.resourceVersion },
        count(4),
      )
      await put(api, 'w1', 'a')
      await put(api, 'elsewhere', 'x')
      await api.patch(ConfigMap, at('w1', 'a'), { type: 'merge', body: { data: { k: 'v' } } })
      await api.delete(ConfigMap, at('w1', 'a'))
      await put(api, 'w1', 'b')
      const told = await events
      assert.deepEqual(told.map(tell), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b'])
      const revisions = told.map((e) => Number(e.type === 'BOOKMARK' ? 0 : e.object.metadata.resourceVersion))
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(revisions).size, 4)
    })

    test('a watch without a start begins with what is there', async () => {
      await put(api, 'w2', 'a')
      await put(api, 'w2', 'b')
      const events = watched(api, { namespace: 'w2' }, count(3))
      setTimeout(() => void put(api, 'w2', 'c'), 50)
      assert.deepEqual((await events).map(tell), ['ADDED a', 'ADDED b', 'ADDED c'])
    })

    test('a streaming list ends its first part with a bookmark', async () => {
      await put(api, 'w3', 'a')
      const options = {
        namespace: 'w3',
        sendInitialEvents: true,
        allowWatchBookmarks: true,
        resourceVersion: '',
        resourceVersionMatch: 'NotOlderThan',
      }
      const events = await watched(api, options, (e) => e.at(-1)?.type === 'BOOKMARK')
      assert.deepEqual(events.map(tell), ['ADDED a', 'BOOKMARK'])
      const end = events.at(-1)!
      assert.ok(end.type === 'BOOKMARK' && end.initialEventsEnd && Number(end.resourceVersion) > 0)
    })

    test('to a selective watcher objects come and go as they start and stop to match', async () => {
      const start = await put(api, 'w4', 'a', { on: 'no' })
      const events = watched(
        api,
        { namespace: 'w4', labelSelector: 'on=yes', resourceVersion: start.metadata.resourceVersion },
        count(4),
      )
      const label = (on: string) =>
        api.patch(ConfigMap, at('w4', 'a'), { type: 'merge', body: { metadata: { labels: { on } } } })
      await label('yes')
      await api.patch(ConfigMap, at('w4', 'a'), { type: 'merge', body: { data: { k: '1' } } })
      const gone = await label('no')
      await api.patch(ConfigMap, at('w4', 'a'), { type: 'merge', body: { data: { k: '2' } } })
      await label('yes')
      const told = await events
      assert.deepEqual(told.map(tell), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a'])
      const deleted = told[2]!
      assert.ok(deleted.type === 'DELETED')
      assert.equal(deleted.object.metadata.labels?.on, 'yes')
      assert.equal(deleted.object.metadata.resourceVersion, gone.metadata.resourceVersion)
    })

    test('a watch from a revision that is forgotten is refused as expired', async () => {
      const start = await put(api, 'w5', 'a')
      for (let i = 0; i < 600; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, j) => put(api, 'w5', `n${i + j}`)))
      }
      const error = await refusal(
        watched(api, { namespace: 'w5', resourceVersion: start.metadata.resourceVersion }, count(1)),
      )
      assert.deepEqual([error.code, error.reason], [410, 'Expired'])
      assert.match(error.message, /^too old resource version: \d+ \(\d+\)$/)
    })

    test('after a restart a watch goes on where it was, deletions included', async () => {
      const clock = systemClock({ background: true })
      const store = openMemoryStore({ clock })
      const first = await open({ store: unclosed(store), clock })
      const start = await put(first.api, 'r', 'a')
      await put(first.api, 'r', 'b', {}, { v: '1' })
      await first.api.patch(ConfigMap, at('r', 'b'), { type: 'merge', body: { data: { v: '2' } } })
      await first.api.delete(ConfigMap, at('r', 'a'))
      await first.close()
      const second = await open({ store: unclosed(store), clock })
      const following = watched(
        second.api,
        { namespace: 'r', resourceVersion: start.metadata.resourceVersion },
        count(4),
      )
      await put(second.api, 'r', 'c')
      assert.deepEqual((await following).map(tell), ['ADDED b', 'MODIFIED b', 'DELETED a', 'ADDED c'])
      // A resource that nobody touched since is not held up by what happened elsewhere.
      const quiet = await second.api.create(Secret, { metadata: at('r', 's') })
      await put(second.api, 'r', 'd')
      await second.close()
      const third = await open({ store: unclosed(store), clock })
      const abort = new AbortController()
      const options = {
        namespace: 'r',
        resourceVersion: quiet.metadata.resourceVersion,
        signal: abort.signal,
      }
      setTimeout(() => void third.api.create(Secret, { metadata: at('r', 't') }), 50)
      for await (const event of third.api.watch(Secret, options)) {
        assert.equal(event.type === 'ADDED' && event.object.metadata.name, 't')
        break
      }
      await store.compact(store.revision())
      const forgotten = await refusal(watched(third.api, { namespace: 'r', resourceVersion: '1' }, count(1)))
      assert.equal(forgotten.code, 410)
      await third.close()
      await store.close()
    })

    test('a watch ends when its time is over', async () => {
      const abort = new AbortController()
      const started = performance.now()
      for await (const _ of api.watch(ConfigMap, {
        namespace: 'w6',
        timeoutSeconds: 1,
        signal: abort.signal,
      }))
        assert.fail('nothing happens there')
      assert.ok(performance.now() - started >= 900)
    })

    test('whoever lists and then watches knows the state, through any sequence of writes', async () => {
      const random = seededRandom(7, name)
      const listed = await api.list(ConfigMap, { namespace: 'model' })
      const state = new Map(listed.items.map((i) => [i.metadata.name, i.metadata.resourceVersion]))
      let isLast = (_: string) => false
      const following = watched(
        api,
        { namespace: 'model', resourceVersion: listed.metadata.resourceVersion },
        (events) => {
          const event = events.at(-1)!
          if (event.type === 'BOOKMARK') return false
          const { name: key, resourceVersion } = event.object.metadata
          if (event.type === 'DELETED') state.delete(key)
          else state.set(key, resourceVersion)
          return isLast(key)
        },
      )
      const write = async () => {
        const key = `k${Math.floor(random.next() * 8)}`
        const what = random.next()
        const done =
          what < 0.5
            ? put(api, 'model', key)
            : what < 0.8
              ? api.patch(ConfigMap, at('model', key), { type: 'merge', body: { data: { x: `${what}` } } })
              : api.delete(ConfigMap, at('model', key))
        await done.catch((error) =>
          assert.ok(isApiError(error, 'AlreadyExists', 'NotFound', 'Conflict'), String(error)),
        )
      }
      for (let i = 0; i < 30; i++) await Promise.all([write(), write(), write(), write()])
      isLast = (key) => key === 'last'
      await put(api, 'model', 'last')
      await following
      const truth = await api.list(ConfigMap, { namespace: 'model' })
      assert.deepEqual(state, new Map(truth.items.map((i) => [i.metadata.name, i.metadata.resourceVersion])))
    })
  })
}
