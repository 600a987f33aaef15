import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { silentLog, systemClock, systemRandom } from '../../base/index.ts'
import { openMemoryStore, type Store } from '../../store/index.ts'
import { type ApiServer, createApiServer } from '../server.ts'
import { openSecurity } from '../testing.ts'

let store: Store
let server: ApiServer
let origin: string
let wrong: string | undefined

before(async () => {
  const clock = systemClock({ background: true })
  const check = () => {
    if (wrong) throw new Error(wrong)
  }
  store = openMemoryStore({ clock })
  server = await createApiServer({
    store,
    clock,
    random: systemRandom(),
    log: silentLog,
    security: () => openSecurity(),
    network: { serviceCidr: '10.96.0.0/24', nodePorts: { from: 30_000, to: 30_100 } },
    healthChecks: [
      { name: 'disk', check },
      { name: 'loops', check, readinessOnly: true },
    ],
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  origin = `http://127.0.0.1:${port}`
})
after(async () => {
  await server.close(0)
  await store.close()
})

async function get(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(origin + path, init)
  return { status: response.status, text: await response.text() }
}

test('the root lists paths, and every one of them answers', async () => {
  const { paths } = JSON.parse((await get('/')).text) as { paths: string[] }
  for (const path of [
    '/api/v1',
    '/apis/apps',
    '/apis/apps/v1',
    '/livez/disk',
    '/readyz/loops',
    '/openapi/v3',
  ])
    assert.ok(paths.includes(path), path)
  assert.ok(!paths.includes('/livez/loops'), 'a check of readiness says nothing of life')
  for (const path of paths) assert.equal((await get(path)).status, 200, path)
})

test('what fails makes a server unready; only what a restart would help makes it dead', async () => {
  wrong = 'no space left'
  try {
    const ready = await get('/readyz')
    assert.equal(ready.status, 500)
    assert.match(ready.text, /\[-\]disk failed: no space left\n\[-\]loops failed/)
    assert.match(ready.text, /readyz check failed\n$/)
    assert.equal((await get('/livez')).status, 500)
    assert.equal((await get('/livez?exclude=disk')).status, 200)
    assert.match((await get('/livez?exclude=disk&verbose')).text, /\[\+\]disk excluded: ok/)
    assert.equal((await get('/readyz?exclude=disk')).status, 500)
    assert.equal((await get('/livez/loops')).status, 404)
    assert.equal((await get('/readyz/loops')).status, 500)
  } finally {
    wrong = undefined
  }
  assert.deepEqual(await get('/readyz'), { status: 200, text: 'ok' })
})

test('these paths are only read', async () => {
  for (const path of ['/', '/version', '/metrics', '/readyz'])
    assert.ok((await get(path, { method: 'POST' })).status >= 400, path)
})
