import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import { EndpointSlice, Service } from '../../api/index.ts'
import {
  type Asked,
  appPort,
  certificates,
  FakeExchange,
  kubelet,
  objects,
  plain,
  proxy,
  putNode,
  putPod,
  refusal,
  request,
  socketPair,
  UPGRADE,
} from './proxy.test-support.ts'

test('a log comes from the pod’s node, as the server, with the options passed on', async () => {
  putNode('n1', kubelet.port)
  putPod('web')
  kubelet.seen.length = 0
  kubelet.handle = (_req, res) => res.end('one\ntwo\n')
  const { status, body } = await plain({
    subresource: 'log',
    query: 'follow=true&tailLines=5&previous=false&timestamps=1&limitBytes=100&sinceSeconds=60&pretty=true',
    headers: { authorization: 'Bearer secret' },
  })
  assert.equal(status, 200)
  assert.equal(body, 'one\ntwo\n')
  const [seen] = kubelet.seen
  assert.equal(
    seen?.path,
    '/containerLogs/shop/web/c?follow=true&timestamps=true&tailLines=5&limitBytes=100&sinceSeconds=60',
  )
  assert.equal(seen?.client, 'kube-apiserver-kubelet-client')
  assert.equal(seen?.headers.authorization, undefined)
})

test('a log from a moment on names that moment to the node', async () => {
  kubelet.seen.length = 0
  kubelet.handle = (_req, res) => res.end('')
  await plain({ subresource: 'log', query: 'sinceTime=2026-01-01T00:00:00Z&stream=Stderr' })
  const { searchParams } = new URL(kubelet.seen[0]!.path!, 'https://node')
  assert.equal(searchParams.get('sinceTime'), '2026-01-01T00:00:00Z')
  assert.equal(searchParams.get('stream'), 'Stderr')
})

test('a renewed certificate is shown from the next request on', async () => {
  const before = certificates.current
  kubelet.handle = (_req, res) => res.end()
  await plain({ subresource: 'log' })
  certificates.current = certificates.renewed
  await plain({ subresource: 'log' })
  assert.deepEqual(
    kubelet.seen.slice(-2).map((seen) => seen.client),
    ['kube-apiserver-kubelet-client', 'renewed'],
  )
  certificates.current = before
})

test('a followed log arrives line by line, and ends when the client goes', async () => {
  const gone = Promise.withResolvers<void>()
  kubelet.handle = (req, res) => {
    res.write('first\n')
    req.socket.once('close', () => gone.resolve())
  }
  const abort = new AbortController()
  const exchange = new FakeExchange()
  const handled = proxy.handle(
    request({ subresource: 'log', query: 'follow=true', signal: abort.signal }, exchange),
  )
  const [chunk] = await once(exchange.answer, 'data')
  assert.equal(String(chunk), 'first\n')
  abort.abort()
  await handled
  await gone.promise
  assert.ok(exchange.answer.destroyed)
})

test('log requests that make no sense are refused before the node is asked', async () => {
  putPod('two', { spec: { containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] } })
  kubelet.seen.length = 0
  const cases: [Asked, RegExp, number][] = [
    [{ subresource: 'log', name: 'gone' }, /^pods "gone" not found$/, 404],
    [
      { subresource: 'log', name: 'two' },
      /^a container name must be specified for pod two, choose one of: \[a b\] or one of the init containers: \[i\]$/,
      400,
    ],
    [{ subresource: 'log', query: 'container=x' }, /^container x is not valid for pod web$/, 400],
    [
      { subresource: 'log', query: 'tailLines=-1' },
      /tailLines: Invalid value: -1: must be greater than or equal to 0/,
      422,
    ],
    [{ subresource: 'log', query: 'limitBytes=0' }, /limitBytes/, 422],
    [{ subresource: 'log', query: 'tailLines=many' }, /expected an integer, got "many"/, 400],
    [{ subresource: 'log', query: 'sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z' }, /at most one of/, 422],
    [{ subresource: 'log', query: 'sinceTime=yesterday' }, /RFC 3339/, 400],
    [{ subresource: 'log', query: 'stream=both' }, /Unsupported value: "both"/, 422],
  ]
  for (const [asked, pattern, code] of cases)
    await assert.rejects(plain(asked), refusal(pattern, code), JSON.stringify(asked))
  assert.deepEqual(kubelet.seen, [])
})

test('a pod that is not placed yet has an empty log', async () => {
  putPod('pending', { spec: { nodeName: undefined } })
  assert.deepEqual(await plain({ subresource: 'log', name: 'pending' }), {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: '',
  })
})

test('what the node says is wrong reaches the client as its own words and code', async () => {
  kubelet.handle = (_req, res) =>
    res.writeHead(400).end('container "c" in pod "web" is waiting to start: ContainerCreating\n')
  await assert.rejects(
    plain({ subresource: 'log' }),
    refusal(/^container "c" in pod "web" is waiting to start: ContainerCreating$/, 400),
  )
  kubelet.handle = (_req, res) => res.writeHead(403).end('no')
  await assert.rejects(plain({ subresource: 'log' }), refusal(/refused the server's client certificate/, 500))
})

test('a node that does not answer: which, where, why and what to check', async () => {
  const listener = createTcpServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  putNode('dead', port)
  putPod('lost', { spec: { nodeName: 'dead' } })
  putPod('nowhere', { spec: { nodeName: 'unknown' } })
  const expected = new RegExp(
    `^cannot reach node "dead" at 127.0.0.1:${port}: connection refused; check that its agent runs`,
  )
  await assert.rejects(plain({ subresource: 'log', name: 'lost' }), refusal(expected, 503))
  const { server } = await socketPair()
  await assert.rejects(
    proxy.handle(
      request(
        { subresource: 'attach', name: 'lost', query: 'stdout=1', headers: UPGRADE },
        { type: 'upgrade', socket: server, head: Buffer.alloc(0) },
      ),
    ),
    refusal(expected, 503),
  )
  await assert.rejects(
    plain({ subresource: 'log', name: 'nowhere' }),
    refusal(/^nodes "unknown" not found$/, 404),
  )
})

test('a node’s own API through nodes/proxy', async () => {
  kubelet.handle = (req, res) =>
    res.writeHead(req.url === '/metrics' ? 200 : 404, { 'x-kubelet': 'yes' }).end(req.url)
  const good = await plain({ resource: 'nodes', name: 'n1', subresource: 'proxy', proxyPath: '/metrics' })
  assert.deepEqual([good.status, good.body, good.headers['x-kubelet']], [200, '/metrics', 'yes'])
  const missing = await plain({
    resource: 'nodes',
    name: `n1:${kubelet.port}`,
    subresource: 'proxy',
    proxyPath: '/x',
    query: 'a=b',
  })
  assert.deepEqual([missing.status, missing.body], [404, '/x?a=b'])
  const other = await plain(
    {
      resource: 'nodes',
      name: `http:n1:${appPort}`,
      subresource: 'proxy',
      proxyPath: '/app',
      method: 'POST',
      headers: { authorization: 'Bearer x' },
    },
    'ping',
  )
  assert.deepEqual(
    [other.body, other.headers['x-path'], other.headers['x-auth']],
    ['ping', '/app', 'undefined'],
  )
})

test('redirects lead through the proxy again', async () => {
  const { status, headers } = await plain({
    resource: 'nodes',
    name: `http:n1:${appPort}`,
    subresource: 'proxy',
    proxyPath: '/moved',
  })
  assert.deepEqual(
    [status, headers.location],
    [302, `/api/v1/namespaces/shop/nodes/http:n1:${appPort}/proxy/elsewhere`],
  )
})

test('pods and services cannot be made to point at the server’s own machine', async () => {
  for (const podIP of ['127.0.0.1', '169.254.169.254', '::1', '0.0.0.0', '::ffff:127.0.0.1', 'localhost']) {
    putPod('sly', { status: { podIP } })
    await assert.rejects(
      plain({ subresource: 'proxy', name: 'sly:80' }),
      refusal(/is not allowed/, 400),
      podIP,
    )
  }
  objects.put(Service, {
    metadata: { namespace: 'shop', name: 'sly' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  })
  objects.put(EndpointSlice, {
    metadata: { namespace: 'shop', name: 'sly-1', labels: { 'kubernetes.io/service-name': 'sly' } },
    ports: [{ name: 'http', port: 80 }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  })
  await assert.rejects(
    plain({ resource: 'services', name: 'sly', subresource: 'proxy' }),
    refusal(/is not allowed/, 400),
  )
  await assert.rejects(
    plain({ resource: 'services', name: 'sly:web', subresource: 'proxy' }),
    refusal(/expected one of its ports \(http\)/, 400),
  )
  await assert.rejects(
    plain({ resource: 'services', name: 'ftp:sly:http', subresource: 'proxy' }),
    refusal(/expected \[http:\|https:\]NAME\[:PORT\]/, 400),
  )
  objects.put(Service, { metadata: { namespace: 'shop', name: 'none' }, spec: { ports: [{ port: 80 }] } })
  await assert.rejects(
    plain({ resource: 'services', name: 'none', subresource: 'proxy' }),
    refusal(/no endpoints available for service "none"/, 503),
  )
})
