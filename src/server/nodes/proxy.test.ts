import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { type Duplex, PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type ApiError, EndpointSlice, isApiError, Node, Pod, Service } from '../../api/index.ts'
import { silentLog, systemClock } from '../../base/index.ts'
import { type CertifiedKey, issueCertificate, makeAuthority } from '../auth/certificates.ts'
import { FakeObjects } from '../auth/fake-objects.test-support.ts'
import type { NodeProxy, PlainExchange, ProxyRequest } from '../contracts.ts'
import { createNodeProxy } from './proxy.ts'

/** A node's agent that does what the test says. */
interface FakeKubelet {
  readonly port: number
  handle: (req: IncomingMessage, res: ServerResponse) => void
  upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly seen: { path: string; client: string; headers: IncomingMessage['headers'] }[]
}

let kubelet: FakeKubelet
let kubeletServer: Server
let appServer: Server
let appPort: number
let proxy: NodeProxy & { close(): void }
const objects = new FakeObjects()
const closers: (() => void)[] = []

before(async () => {
  const dates = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 }
  const ca = await makeAuthority({ commonName: 'ca', ...dates, serial: '01' })
  const issue = (commonName: string, usages: ('client' | 'server')[]): Promise<CertifiedKey> =>
    issueCertificate(ca, {
      commonName,
      organizations: ['system:masters'],
      usages,
      ips: ['127.0.0.1'],
      ...dates,
      serial: '02',
    })
  const serving = await issue('n1', ['server'])
  const client = await issue('kube-apiserver-kubelet-client', ['client'])
  const server = createHttpsServer({
    ...serving,
    ca: ca.cert,
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
  } as object)
  kubeletServer = server
  const note = (req: IncomingMessage) => {
    const { subject } = (
      req.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
    ).getPeerCertificate()
    kubelet.seen.push({ path: req.url ?? '', client: subject.CN, headers: req.headers })
  }
  server.on('request', (req, res) => {
    note(req)
    kubelet.handle(req, res)
  })
  server.on('upgrade', (req, socket, head) => {
    note(req)
    socket.on('error', () => {})
    kubelet.upgrade(req, socket, head)
  })
  server.on('connection', (socket) => closers.push(() => socket.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  kubelet = {
    port: (server.address() as AddressInfo).port,
    handle: (_req, res) => res.end('hello\n'),
    upgrade: (_req, socket) => socket.destroy(),
    seen: [],
  }
  appServer = createHttpServer((req, res) => {
    res.setHeader('x-path', req.url ?? '')
    res.setHeader('x-auth', String(req.headers.authorization))
    if (req.url === '/moved') return res.writeHead(302, { location: '/elsewhere' }).end()
    req.pipe(res)
  })
  appServer.listen(0, '127.0.0.1')
  await once(appServer, 'listening')
  appPort = (appServer.address() as AddressInfo).port
  proxy = await createNodeProxy({
    objects,
    clock: systemClock(),
    random: { next: () => 0 },
    log: silentLog,
    client,
    authority: ca.cert,
  })
})

after(() => {
  proxy.close()
  for (const close of closers) close()
  kubeletServer.close()
  appServer.close()
  appServer.closeAllConnections()
})

function putNode(name: string, port: number) {
  objects.put(Node, {
    metadata: { name },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  })
}

function putPod(name: string, more: Record<string, unknown> = {}) {
  const spec = { nodeName: 'n1', containers: [{ name: 'c' }], ...(more.spec as object) }
  objects.put(Pod, {
    metadata: { namespace: 'shop', name },
    spec,
    status: { phase: 'Running', ...(more.status as object) },
  })
}

interface Asked {
  readonly resource?: string
  readonly subresource: string
  readonly name?: string
  readonly query?: string
  readonly method?: string
  readonly headers?: ProxyRequest['headers']
  readonly proxyPath?: string
  readonly signal?: AbortSignal
}

function request(asked: Asked, connection: ProxyRequest['connection']): ProxyRequest {
  const { resource = 'pods', subresource, name = 'web', proxyPath = '' } = asked
  const path = `/api/v1/namespaces/shop/${resource}/${name}/${subresource}${proxyPath}`
  return {
    attributes: {
      verb: 'get',
      isResource: true,
      path,
      group: '',
      version: 'v1',
      resource,
      subresource,
      namespace: 'shop',
      name,
    },
    user: { username: 'ann', groups: [] },
    method: asked.method ?? 'GET',
    proxyPath,
    query: new URLSearchParams(asked.query ?? ''),
    headers: asked.headers ?? {},
    signal: asked.signal ?? AbortSignal.timeout(20_000),
    connection,
  }
}

/** A client whose answer can be read as it comes. */
class FakeExchange extends EventEmitter implements PlainExchange {
  readonly type = 'plain'
  readonly body: Readable
  readonly answer = new PassThrough()
  status = 0
  headers: Readonly<Record<string, string | readonly string[]>> = {}

  constructor(body = '') {
    super()
    this.body = Readable.from(body === '' ? [] : [Buffer.from(body)])
  }

  respond(status: number, headers: Readonly<Record<string, string | readonly string[]>>) {
    this.status = status
    this.headers = headers
    this.emit('head')
    return this.answer
  }
}

async function plain(
  asked: Asked,
  body = '',
): Promise<{ status: number; headers: FakeExchange['headers']; body: string }> {
  const exchange = new FakeExchange(body)
  const [, answer] = await Promise.all([proxy.handle(request(asked, exchange)), text(exchange.answer)])
  return { status: exchange.status, headers: exchange.headers, body: answer }
}

/** Two ends of a real TCP connection: what the client holds, and what the server got from its listener. */
async function socketPair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createTcpServer({ allowHalfOpen: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  const [server] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  for (const socket of [client, server]) {
    socket.on('error', () => {})
    closers.push(() => socket.destroy())
  }
  return { client, server }
}

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'SPDY/3.1',
  'x-stream-protocol-version': 'v5.channel.k8s.io, v4.channel.k8s.io',
  authorization: 'Bearer secret',
}

const refusal = (pattern: RegExp, code: number) => (error: unknown) =>
  isApiError(error) && pattern.test(error.message) && error.code === code

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
  await assert.rejects(handled)
  await gone.promise
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

/** Everything up to the other side's end; unlike `text` it leaves our side open. */
function readAll(socket: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = ''
    socket.on('data', (chunk) => {
      all += chunk
    })
    socket.once('end', () => resolve(all))
    socket.once('close', () => reject(new Error(`closed before its end, after ${JSON.stringify(all)}`)))
  })
}

async function openStream(asked: Asked, head = Buffer.alloc(0)) {
  const { client, server } = await socketPair()
  const done = proxy.handle(
    request({ headers: UPGRADE, ...asked }, { type: 'upgrade', socket: server, head }),
  )
  return { client, done }
}

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n'

test('exec is a tunnel: the node’s head, then bytes both ways, each side’s end handed on alone', async () => {
  kubelet.seen.length = 0
  kubelet.upgrade = (_req, socket, head) => {
    socket.write(`${SWITCH}greeting;`)
    const chunks = [head]
    socket.on('data', (chunk) => chunks.push(chunk))
    // The answer is sent only after the client has ended its side: `cat f | kubectl exec -i`.
    socket.on('end', () => socket.end(`got ${Buffer.concat(chunks)}`))
  }
  const { client, done } = await openStream(
    {
      subresource: 'exec',
      method: 'POST',
      query: 'stdin=true&stdout=true&stderr=true&tty=false&command=sh&command=-c&command=a%20b',
    },
    Buffer.from('early '),
  )
  client.end('late')
  assert.equal(await text(client), `${SWITCH}greeting;got early late`)
  await done
  const [seen] = kubelet.seen
  assert.equal(seen?.path, '/exec/shop/web/c?input=1&output=1&error=1&command=sh&command=-c&command=a+b')
  assert.equal(seen?.headers['x-stream-protocol-version'], 'v5.channel.k8s.io, v4.channel.k8s.io')
  assert.equal(seen?.headers.authorization, undefined)
})

test('the node may end first, and the client still sends', async () => {
  const received = Promise.withResolvers<string>()
  kubelet.upgrade = (_req, socket) => {
    socket.end(SWITCH)
    readAll(socket).then(received.resolve, received.reject)
  }
  const { client, done } = await openStream({ subresource: 'attach', query: 'stdin=1&stdout=1' })
  assert.equal(await readAll(client), SWITCH)
  client.end('after the end')
  assert.equal(await received.promise, 'after the end')
  await done
})

test('a side that breaks takes the other along', async () => {
  const closed = Promise.withResolvers<void>()
  kubelet.upgrade = (_req, socket) => {
    socket.write(SWITCH)
    socket.once('close', () => closed.resolve())
    socket.resume()
  }
  const { client, done } = await openStream({ subresource: 'portforward', query: 'ports=80,8080' })
  await once(client, 'data')
  client.resetAndDestroy()
  await closed.promise
  await done
  assert.match(kubelet.seen.at(-1)?.path ?? '', /^\/portForward\/shop\/web\?port=80&port=8080$/)
})

test('a slow reader slows the node down instead of filling memory', async () => {
  const CHUNK = Buffer.alloc(64 * 1024)
  let written = 0
  let paused = Promise.withResolvers<void>()
  kubelet.upgrade = (_req, socket) => {
    socket.write(SWITCH)
    const fill = () => {
      while (written < 2000 * CHUNK.length) {
        written += CHUNK.length
        if (!socket.write(CHUNK)) {
          socket.once('drain', fill)
          paused.resolve()
          return
        }
      }
      socket.end()
    }
    fill()
  }
  const { client, done } = await openStream({ subresource: 'exec', query: 'stdout=1&command=yes' })
  await paused.promise
  // Wait until nothing moves any more.
  for (let before = -1; before !== written; ) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`)
  let size = -SWITCH.length
  for await (const chunk of client) size += chunk.length
  assert.equal(size, 2000 * CHUNK.length)
  client.end()
  await done
  paused = Promise.withResolvers()
})

test('a refused upgrade is an error, and the client’s bytes never reach the node', async () => {
  let received = 0
  kubelet.upgrade = (_req, socket, head) => {
    received += head.length
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot there')
  }
  const smuggled = Buffer.from('GET /pods HTTP/1.1\r\nHost: x\r\n\r\n')
  const { client, done } = await openStream({ subresource: 'exec', query: 'stdout=1&command=sh' }, smuggled)
  client.write(smuggled)
  await assert.rejects(done, refusal(/^not there$/, 404))
  assert.equal(received, 0)
})

test('streams that cannot be opened say why', async () => {
  putPod('done', { status: { phase: 'Succeeded' } })
  putPod('pending', { spec: { nodeName: undefined } })
  const cases: [Asked, RegExp][] = [
    [{ subresource: 'exec', query: 'command=sh' }, /at least one of stdin, stdout and stderr/],
    [{ subresource: 'exec', query: 'stdout=1' }, /expected a command/],
    [
      { subresource: 'exec', name: 'done', query: 'stdout=1&command=sh' },
      /completed pod; current phase is Succeeded/,
    ],
    [
      { subresource: 'exec', name: 'pending', query: 'stdout=1&command=sh' },
      /pod pending does not have a host assigned/,
    ],
    [{ subresource: 'portforward', query: 'ports=http' }, /expected a number from 1 to 65535/],
    [{ subresource: 'exec', name: '..', query: 'stdout=1&command=sh' }, /not found/],
  ]
  for (const [asked, pattern] of cases) {
    const { done } = await openStream(asked)
    await assert.rejects(done, (error) => pattern.test((error as ApiError).message), JSON.stringify(asked))
  }
  await assert.rejects(
    plain({ subresource: 'exec', query: 'stdout=1&command=sh' }),
    refusal(/expected a request to upgrade/, 400),
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

test('a proxied web socket is a tunnel too; one that is refused is answered and ended', async () => {
  appServer.once('upgrade', (_req: IncomingMessage, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const asked = {
    resource: 'nodes',
    name: `http:n1:${appPort}`,
    subresource: 'proxy',
    proxyPath: '/ws',
    headers,
  }
  const { client, done } = await openStream(asked)
  client.write('echo')
  let seen = ''
  for await (const chunk of client) {
    seen += chunk
    if (seen.endsWith('echo')) break
  }
  assert.match(seen, /^HTTP\/1.1 101 .*\r\n\r\necho$/s)
  client.destroy()
  await done
  // Without an upgrade handler the app answers as to an ordinary request.
  const second = await openStream({ ...asked, proxyPath: '/plain' })
  assert.match(await text(second.client), /^HTTP\/1.1 200 OK\r\n.*connection: close\r\n/s)
  second.client.end()
  await second.done
})
