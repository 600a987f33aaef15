import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Api,
  ConfigMap,
  isApiError,
  Namespace,
  ResourceQuota,
  ServiceAccount,
  type WatchEvent,
  type WatchOptions,
} from '../../api/index.ts'

export interface ContractSetup {
  readonly api: Api
  close(): Promise<void>
}

/**
 * What every binding of `Api` promises, as tests: `apiContract('over HTTPS', setup)`. `setup` gives a server (or
 * the fake) that allows everything; the tests keep to a namespace each.
 */
export function apiContract(binding: string, setup: () => Promise<ContractSetup>): void {
  let serial = 0
  const withApi = (name: string, body: (api: Api, namespace: string) => Promise<void>) =>
    test(`${binding}: ${name}`, { timeout: 20_000 }, async () => {
      const { api, close } = await setup()
      const namespace = `contract-${process.pid}-${performance.now().toString(36).replace('.', '-')}-${++serial}`
      try {
        await api.create(Namespace, { metadata: { name: namespace } })
        await body(api, namespace)
      } finally {
        await close()
      }
    })

  withApi('what was created is read back with a uid and a resource version', async (api, namespace) => {
    const made = await api.create(ConfigMap, { metadata: { namespace, name: 'a' }, data: { k: 'ü' } })
    assert.equal(made.kind, 'ConfigMap')
    assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/)
    assert.deepEqual(await api.get(ConfigMap, { namespace, name: 'a' }), made)
    const { items } = await api.list(ConfigMap, { namespace, fieldSelector: 'metadata.name=a' })
    assert.deepEqual(items, [made])
  })

  withApi('an object that is not there is an ApiError NotFound with details', async (api, namespace) => {
    await assert.rejects(api.get(ConfigMap, { namespace, name: 'no' }), (e: unknown) => {
      assert.ok(isApiError(e, 'NotFound'))
      assert.equal(e.code, 404)
      assert.equal(e.message, 'configmaps "no" not found')
      assert.equal(e.details?.name, 'no')
      return true
    })
  })

  withApi('a second create is AlreadyExists, an outdated update is Conflict', async (api, namespace) => {
    const made = await api.create(ConfigMap, { metadata: { namespace, name: 'a' }, data: { n: '1' } })
    await assert.rejects(api.create(ConfigMap, { metadata: { namespace, name: 'a' } }), (e) =>
      isApiError(e, 'AlreadyExists'),
    )
    const second = await api.update(ConfigMap, { ...made, data: { n: '2' } })
    assert.notEqual(second.metadata.resourceVersion, made.metadata.resourceVersion)
    await assert.rejects(api.update(ConfigMap, { ...made, data: { n: '3' } }), (e) =>
      isApiError(e, 'Conflict'),
    )
  })

  withApi('an update that changes nothing keeps the resource version', async (api, namespace) => {
    const made = await api.create(ConfigMap, { metadata: { namespace, name: 'a' }, data: { n: '1' } })
    const same = await api.update(ConfigMap, made)
    assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion)
  })

  withApi('merge and JSON patches change what they name', async (api, namespace) => {
    await api.create(ConfigMap, { metadata: { namespace, name: 'a' }, data: { a: '1', b: '2' } })
    const key = { namespace, name: 'a' }
    const merged = await api.patch(ConfigMap, key, { type: 'merge', body: { data: { a: null, c: '3' } } })
    assert.deepEqual(merged.data, { b: '2', c: '3' })
    const patch = [{ op: 'replace', path: '/data/b', value: '9' }] as const
    const replaced = await api.patch(ConfigMap, key, { type: 'json', body: patch })
    assert.deepEqual(replaced.data, { b: '9', c: '3' })
  })

  withApi('generateName gives distinct names', async (api, namespace) => {
    const names = new Set<string>()
    for (let i = 0; i < 5; i++) {
      names.add(
        (await api.create(ConfigMap, { metadata: { namespace, generateName: 'gen-' } })).metadata.name,
      )
    }
    assert.equal(names.size, 5)
    for (const name of names) assert.match(name, /^gen-[a-z0-9]{5}$/)
  })

  withApi('delete checks the uid it is given', async (api, namespace) => {
    const made = await api.create(ConfigMap, { metadata: { namespace, name: 'a' } })
    const key = { namespace, name: 'a' }
    const other = { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } }
    await assert.rejects(api.delete(ConfigMap, key, other), (e) => isApiError(e, 'Conflict'))
    await api.delete(ConfigMap, key, { preconditions: { uid: made.metadata.uid } })
    await assert.rejects(api.get(ConfigMap, key), (e) => isApiError(e, 'NotFound'))
  })

  withApi('a finalizer holds a deleted object until it is taken off', async (api, namespace) => {
    const finalizers = ['example.com/hold']
    await api.create(ConfigMap, { metadata: { namespace, name: 'a', finalizers } })
    const key = { namespace, name: 'a' }
    const held = await api.delete(ConfigMap, key)
    assert.ok(held?.metadata.deletionTimestamp)
    await api.patch(ConfigMap, key, { type: 'merge', body: { metadata: { finalizers: null } } })
    await assert.rejects(api.get(ConfigMap, key), (e) => isApiError(e, 'NotFound'))
  })

  withApi('a list comes in pages when it is limited', async (api, namespace) => {
    const labels = { page: 'yes' }
    for (const name of ['a', 'b', 'c']) await api.create(ConfigMap, { metadata: { namespace, name, labels } })
    const options = { namespace, limit: 2, labelSelector: 'page=yes' }
    const first = await api.list(ConfigMap, { ...options })
    assert.equal(first.items.length, 2)
    const second = await api.list(ConfigMap, { ...options, continue: first.metadata.continue! })
    const names = [...first.items, ...second.items].map((o) => o.metadata.name)
    for (const name of ['a', 'b', 'c']) assert.ok(names.includes(name))
    assert.ok(!second.metadata.continue)
  })

  withApi('a watch gives each change after its start once, in order', async (api, namespace) => {
    const before = await api.list(ConfigMap, { namespace })
    const made = await api.create(ConfigMap, { metadata: { namespace, name: 'w' }, data: { n: '1' } })
    await api.update(ConfigMap, { ...made, data: { n: '2' } })
    await api.delete(ConfigMap, { namespace, name: 'w' })
    const events = await take(api, namespace, before.metadata.resourceVersion, 3)
    assert.deepEqual(
      events.map((e) => [e.type, e.type === 'BOOKMARK' ? '' : e.object.data?.n]),
      [
        ['ADDED', '1'],
        ['MODIFIED', '2'],
        ['DELETED', '2'],
      ],
    )
  })

  withApi('a watch with a selector tells when objects begin and cease to match', async (api, namespace) => {
    const before = await api.list(ConfigMap, { namespace })
    const key = { namespace, name: 'w' }
    await api.create(ConfigMap, { metadata: key, data: { n: '1' } })
    for (const [labels, n] of [
      [{ on: 'yes' }, '2'],
      [{ on: 'yes' }, '3'],
      [{ on: null }, '4'],
      [{}, '5'],
    ] as const)
      await api.patch(ConfigMap, key, { type: 'merge', body: { metadata: { labels }, data: { n } } })
    await api.create(ConfigMap, { metadata: { namespace, name: 'last', labels: { on: 'yes' } } })
    const options = { labelSelector: 'on=yes', resourceVersion: before.metadata.resourceVersion }
    assert.deepEqual(await told(api, { namespace, ...options }, 4), [
      'ADDED w',
      'MODIFIED w',
      'DELETED w',
      'ADDED last',
    ])
  })

  withApi('a watch from what is no revision is refused', async (api, namespace) => {
    await assert.rejects(told(api, { namespace, resourceVersion: 'x' }, 1), (e) =>
      isApiError(e, 'BadRequest', 'Invalid'),
    )
  })

  withApi('what is only tried leaves nothing behind', async (api, namespace) => {
    const dryRun = { dryRun: true }
    const key = { namespace, name: 'a' }
    const tried = await api.create(ConfigMap, { metadata: key, data: { n: '1' } }, dryRun)
    assert.deepEqual(tried.data, { n: '1' })
    await assert.rejects(api.get(ConfigMap, key), (e) => isApiError(e, 'NotFound'))
    const made = await api.create(ConfigMap, { metadata: key, data: { n: '1' } })
    await api.update(ConfigMap, { ...made, data: { n: '2' } }, dryRun)
    await api.patch(ConfigMap, key, { type: 'merge', body: { data: { n: '3' } } }, dryRun)
    await api.delete(ConfigMap, key, dryRun)
    assert.deepEqual(await api.get(ConfigMap, key), made)
  })

  withApi('the status is written apart from the rest', async (api, namespace) => {
    const key = { namespace, name: 'q' }
    const made = await api.create(ResourceQuota, { metadata: key, spec: { hard: { pods: '1' } } })
    const both = { ...made, spec: { hard: { pods: '2' } }, status: { hard: { pods: '3' } } }
    const status = await api.update(ResourceQuota, both, { subresource: 'status' })
    assert.deepEqual([status.spec.hard, status.status.hard], [{ pods: '1' }, { pods: '3' }])
    const body = { spec: { hard: { pods: '4' } }, status: { hard: { pods: '5' } } }
    const rest = await api.patch(ResourceQuota, key, { type: 'merge', body })
    assert.deepEqual([rest.spec.hard, rest.status.hard], [{ pods: '4' }, { pods: '3' }])
  })

  withApi('a strategic patch merges lists by their keys', async (api, namespace) => {
    const key = { namespace, name: 'robot' }
    await api.create(ServiceAccount, { metadata: key, secrets: [{ name: 'a' }] })
    const body = { secrets: [{ name: 'b' }] }
    const { secrets = [] } = await api.patch(ServiceAccount, key, { type: 'strategic', body })
    assert.deepEqual(secrets.map((s) => s.name).sort(), ['a', 'b'])
  })

  withApi('a streaming list is the state, then a bookmark, then the changes', async (api, namespace) => {
    await api.create(ConfigMap, { metadata: { namespace, name: 's' } })
    const stop = new AbortController()
    const seen: string[] = []
    const options = {
      namespace,
      fieldSelector: 'metadata.name=s',
      sendInitialEvents: true,
      allowWatchBookmarks: true,
    }
    for await (const e of api.watch(ConfigMap, { ...options, signal: stop.signal })) {
      seen.push(e.type)
      if (e.type === 'BOOKMARK' && e.initialEventsEnd) await api.delete(ConfigMap, { namespace, name: 's' })
      if (e.type === 'DELETED') break
    }
    stop.abort()
    assert.deepEqual(seen, ['ADDED', 'BOOKMARK', 'DELETED'])
  })

  withApi('an aborted watch ends without an error', async (api, namespace) => {
    const stop = new AbortController()
    const ended = (async () => {
      for await (const _ of api.watch(ConfigMap, { namespace, resourceVersion: '', signal: stop.signal }))
        stop.abort()
    })()
    await api.create(ConfigMap, { metadata: { namespace, name: 'x' } })
    await ended
  })
}

/** `ADDED web` for each of the first `count` events. */
async function told(api: Api, options: Omit<WatchOptions, 'signal'>, count: number): Promise<string[]> {
  const stop = new AbortController()
  const events: string[] = []
  for await (const event of api.watch(ConfigMap, { ...options, signal: stop.signal })) {
    if (event.type !== 'BOOKMARK') events.push(`${event.type} ${event.object.metadata.name}`)
    if (events.length >= count) break
  }
  stop.abort()
  return events
}

async function take(api: Api, namespace: string, resourceVersion: string, count: number) {
  const stop = new AbortController()
  const events: WatchEvent<ConfigMap>[] = []
  const options = { namespace, resourceVersion, fieldSelector: 'metadata.name=w', signal: stop.signal }
  for await (const event of api.watch(ConfigMap, options)) {
    if (event.type !== 'BOOKMARK') events.push(event)
    if (events.length >= count) break
  }
  stop.abort()
  return events
}
