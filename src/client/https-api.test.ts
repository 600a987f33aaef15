import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, isApiError, Pod } from '../api/index.ts'
import { httpsApi } from './https-api.ts'
import { UnreachableError } from './index.ts'
import { apiContract, eventually, httpFront, type Intercept, MemoryApi } from './testing/index.ts'

async function front(intercept?: Intercept) {
  const memory = new MemoryApi()
  const server = await httpFront(memory, intercept)
  const api = httpsApi({ server: server.url, userAgent: 'test' })
  const close = async () => {
    api.close()
    await server.close()
  }
  return { memory, api, close }
}

apiContract('over HTTP', () => front())

test('what the server refuses with Retry-After is asked again until it is taken', async () => {
  let refusals = 0
  const { api, memory, close } = await front((request, response) => {
    if (request.method !== 'POST' || refusals++ > 1) return false
    response.writeHead(429, { 'retry-after': '0' }).end('slow down')
    return true
  })
  await api.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  assert.equal(refusals, 3)
  assert.equal(memory.calls.length, 1)
  await close()
})

test('a 429 without Retry-After is handed to the caller', async () => {
  const { api, close } = await front((_, response) => {
    response.writeHead(429).end('no')
    return true
  })
  await assert.rejects(api.get(ConfigMap, { namespace: 'd', name: 'a' }), (e) =>
    isApiError(e, 'TooManyRequests'),
  )
  await close()
})

test('a read whose connection breaks is repeated, a write is not', async () => {
  const seen: string[] = []
  const { api, memory, close } = await front((request) => {
    seen.push(request.method!)
    if (seen.length > 1 && request.method === 'GET') return false
    request.socket.destroy()
    return true
  })
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  await api.get(ConfigMap, { namespace: 'd', name: 'a' })
  assert.deepEqual(seen, ['GET', 'GET'])
  await assert.rejects(api.create(ConfigMap, { metadata: { namespace: 'd', name: 'b' } }), UnreachableError)
  assert.deepEqual(seen, ['GET', 'GET', 'POST'])
  await close()
})

test('a server that does not listen is an UnreachableError that was not sent', async () => {
  const api = httpsApi({ server: 'http://127.0.0.1:1', userAgent: 'test' })
  await assert.rejects(api.get(ConfigMap, { namespace: 'd', name: 'a' }), (e: unknown) => {
    assert.ok(e instanceof UnreachableError)
    assert.equal(e.unsent, true)
    return true
  })
})

test('a server that says nothing is given up after the time limit', async () => {
  const memory = new MemoryApi()
  const server = await httpFront(memory, () => true)
  const api = httpsApi({ server: server.url, userAgent: 'test', timeoutMs: 50 })
  await assert.rejects(api.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } }), UnreachableError)
  api.close()
  await server.close()
})

test('an answer that is no Status keeps its code and text', async () => {
  const { api, close } = await front((_, response) => {
    response.writeHead(502).end('<html>bad gateway')
    return true
  })
  await assert.rejects(api.get(ConfigMap, { namespace: 'd', name: 'a' }), (e: unknown) => {
    assert.ok(isApiError(e, 'InternalError'))
    assert.equal(e.code, 502)
    assert.match(e.message, /bad gateway/)
    return true
  })
  await close()
})

test('what the server warns of is told, each text by itself', async () => {
  const server = await httpFront(new MemoryApi(), (_, response) => {
    response.setHeader('warning', ['299 - "say \\"no\\""', '299 - "old"'])
    return false
  })
  const warnings: string[] = []
  const api = httpsApi({ server: server.url, userAgent: 'test', onWarning: (text) => warnings.push(text) })
  await api.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  assert.deepEqual(warnings, ['say "no"', 'old'])
  api.close()
  await server.close()
})

test('items of a list carry their type although the wire leaves it out', async () => {
  const { api, close } = await front((_, response) => {
    response.end(
      '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}',
    )
    return true
  })
  const { items } = await api.list(Pod)
  assert.equal(items[0]?.kind, 'Pod')
  assert.equal(items[0]?.apiVersion, 'v1')
  await close()
})

test('an expired watch rejects with Expired, and one that is cut with UnreachableError', async () => {
  let cut = false
  const { api, memory, close } = await front((_, response) => {
    if (!cut) return false
    response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":')
    response.on('close', () => {})
    setImmediate(() => response.destroy())
    return true
  })
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  memory.compact()
  const { signal } = new AbortController()
  const drain = async () => {
    for await (const _ of api.watch(ConfigMap, { resourceVersion: '1', signal }));
  }
  await assert.rejects(drain(), (e) => isApiError(e, 'Expired'))
  cut = true
  await assert.rejects(drain(), UnreachableError)
  await close()
})

test('the token is read anew for each request', async () => {
  const seen: (string | undefined)[] = []
  const memory = new MemoryApi()
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  const server = await httpFront(memory, (request) => {
    seen.push(request.headers.authorization)
    return false
  })
  let n = 0
  const api = httpsApi({ server: server.url, userAgent: 'test', token: () => `t${++n}` })
  await api.get(ConfigMap, { namespace: 'd', name: 'a' })
  await api.get(ConfigMap, { namespace: 'd', name: 'a' })
  assert.deepEqual(seen, ['Bearer t1', 'Bearer t2'])
  api.close()
  await server.close()
})

test('breaking out of a watch closes its connection', async () => {
  let open = 0
  const { api, memory, close } = await front((_, response) => {
    open++
    response.on('close', () => open--)
    return false
  })
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  for await (const _ of api.watch(ConfigMap, { signal: new AbortController().signal })) break
  await eventually('the connection to close', () => open === 0)
  await close()
})
