import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigMap, isApiError } from '../../src/api/index.ts'
import { seededRandom, silentLog, systemClock } from '../../src/base/index.ts'
import { type HttpsApi, httpsApi, Informers } from '../../src/client/index.ts'
import { apiContract, componentsContract, eventually } from '../../src/client/testing/index.ts'
import { type ControlPlane, startControlPlane } from '../../src/cluster/testing/index.ts'
import { type ApiServer, ensurePki, type Pki } from '../../src/server/index.ts'
import { openMemoryStore, type Store } from '../../src/store/index.ts'

/** Both bindings of the API against the real server, by the suite that the fake passes as well. */

const clock = systemClock({ background: true })
const ADMIN = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }
let dir: string
let pki: Pki
let plane: ControlPlane
let store: Store
let server: ApiServer
let port = 0

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-client-'))
  pki = await ensurePki(dir, { clock, serviceIp: '10.96.0.1' })
  store = openMemoryStore({ clock })
  await start()
})
after(async () => {
  await plane.close(0)
  await store.close()
  await rm(dir, { recursive: true })
})

/** Starts a server on the store; again on the same port after it was closed. */
async function start(): Promise<void> {
  plane = await startControlPlane({
    store,
    clock,
    random: seededRandom(1),
    log: silentLog,
    security: {
      serviceAccountKey: pki.serviceAccountKey,
      kubeletClient: pki.kubeletClient,
      nodeAuthority: pki.ca.cert,
    },
    serviceCidr: '10.96.0.0/16',
    podCidr: '10.244.0.0/16',
    rootCa: pki.ca.cert,
  })
  await plane.ready
  server = plane.server
  const tls = { cert: pki.server.cert, key: pki.server.key, clientCa: pki.ca.cert }
  port = (await server.listen({ host: '127.0.0.1', port, tls })).port
}

const connect = (): HttpsApi =>
  httpsApi({
    server: `https://127.0.0.1:${port}`,
    tls: { ca: pki.ca.cert, cert: pki.admin.cert, key: pki.admin.key },
    userAgent: 'dhow-test',
  })

const inProcess = async () => ({ api: server.apiFor(ADMIN), close: async () => {} })
const overHttps = async () => {
  const api = connect()
  return { api, close: async () => api.close() }
}
for (const contract of [apiContract, componentsContract]) {
  contract('in process', inProcess)
  contract('over HTTPS', overHttps)
}

test('both bindings hand out the same objects', async () => {
  const api = connect()
  const local = server.apiFor(ADMIN)
  await local.create(ConfigMap, { metadata: { namespace: 'default', name: 'same' }, data: { a: '1' } })
  const key = { namespace: 'default', name: 'same' }
  assert.deepEqual(await api.get(ConfigMap, key), await local.get(ConfigMap, key))
  const options = { namespace: 'default', fieldSelector: 'metadata.name=same' }
  assert.deepEqual((await api.list(ConfigMap, options)).items, (await local.list(ConfigMap, options)).items)
  api.close()
})

test('without a certificate the server refuses, and a server that is not ours is not trusted', async () => {
  const { ca } = pki
  const key = { namespace: 'default', name: 'kube-root-ca.crt' }
  const nobody = httpsApi({
    server: `https://127.0.0.1:${port}`,
    tls: { ca: ca.cert },
    userAgent: 'dhow-test',
  })
  await assert.rejects(nobody.get(ConfigMap, key), (e) => isApiError(e, 'Unauthorized', 'Forbidden'))
  nobody.close()
  const stranger = httpsApi({ server: `https://127.0.0.1:${port}`, userAgent: 'dhow-test' })
  await assert.rejects(stranger.get(ConfigMap, key), { name: 'UnreachableError' })
  stranger.close()
})

test('a watch is open before anything happens, and a raw request is refused like any other', async () => {
  const api = connect()
  const { metadata } = await api.list(ConfigMap, { limit: 1 })
  const path = `/api/v1/configmaps?watch=1&resourceVersion=${metadata.resourceVersion}`
  const signal = AbortSignal.timeout(5000)
  const response = await api.request({ path, long: true, signal })
  assert.equal(response.status, 200)
  response.body.destroy()
  await assert.rejects(api.request({ path: '/api/v1/nothings' }), (e) => isApiError(e, 'NotFound'))
  api.close()
})

test('an informer over HTTPS follows every change while its connections are cut again and again', async () => {
  const api = connect()
  const stop = new AbortController()
  const fast = { ...clock, after: (ms: number, fn: () => void) => clock.after(Math.min(ms, 60), fn) }
  // Watches are ended by the client's own limit every 60 ms; each resumes where it was.
  const informers = new Informers({
    api,
    clock: fast,
    random: seededRandom(1),
    log: silentLog,
    signal: stop.signal,
  })
  const seen: string[] = []
  const informer = informers.for(ConfigMap, { labelSelector: 'cut=yes' })
  informer.on((e) => seen.push(`${e.type} ${e.object.metadata.name}`))
  await informer.whenSynced()
  const local = server.apiFor(ADMIN)
  const labels = { cut: 'yes' }
  const expected: string[] = []
  for (let i = 0; i < 100; i++) {
    await local.create(ConfigMap, { metadata: { namespace: 'default', name: `cut-${i}`, labels } })
    expected.push(`added cut-${i}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await eventually('all changes', () => seen.length >= 100)
  assert.deepEqual(seen, expected)
  stop.abort()
  api.close()
})

test('when the server is restarted, an informer goes on where it was and misses nothing', async () => {
  const api = connect()
  const stop = new AbortController()
  const informers = new Informers({
    api,
    clock,
    random: seededRandom(1),
    log: silentLog,
    signal: stop.signal,
  })
  const seen: string[] = []
  const informer = informers.for(ConfigMap, { labelSelector: 'restart=yes' })
  informer.on((e) => seen.push(`${e.type} ${e.object.metadata.name}`))
  await informer.whenSynced()
  const labels = { restart: 'yes' }
  const make = (name: string) =>
    server.apiFor(ADMIN).create(ConfigMap, { metadata: { namespace: 'default', name, labels } })
  await make('before')
  await eventually('the first', () => seen.length === 1)
  for (const round of [1, 2]) {
    await plane.close(0)
    await assert.rejects(api.get(ConfigMap, { namespace: 'default', name: 'before' }), {
      name: 'UnreachableError',
    })
    await start()
    await make(`after-${round}`)
    await eventually('the change after the restart', () => seen.at(-1) === `added after-${round}`)
  }
  await server.apiFor(ADMIN).delete(ConfigMap, { namespace: 'default', name: 'before' })
  await eventually('the deletion', () => seen.at(-1) === 'deleted before')
  assert.deepEqual(seen, ['added before', 'added after-1', 'added after-2', 'deleted before'])
  assert.equal(informer.cache.size, 2)
  await api.get(ConfigMap, { namespace: 'default', name: 'after-1' })
  stop.abort()
  api.close()
})
