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
import { after, before } from 'node:test'
import { isApiError, Node, Pod } from '../../api/index.ts'
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

/** What the server shows: a test may put the renewed one in place of the current. */
export const certificates = {} as { current: CertifiedKey; renewed: CertifiedKey }
export let kubelet: FakeKubelet
let kubeletServer: Server
export let appServer: Server
export let appPort: number
export let proxy: NodeProxy & { close(): void }
export const objects = new FakeObjects()
const closers: (() => void)[] = []

before(async () => {
  const clock = systemClock()
  const dates = { notBeforeMs: clock.now() - 60_000, notAfterMs: clock.now() + 3_600_000 }
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
  certificates.current = await issue('kube-apiserver-kubelet-client', ['client'])
  certificates.renewed = await issue('renewed', ['client'])
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
    clock,
    random: { next: () => 0 },
    log: silentLog,
    client: () => certificates.current,
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

export function putNode(name: string, port: number) {
  objects.put(Node, {
    metadata: { name },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  })
}

export function putPod(name: string, more: Record<string, unknown> = {}) {
  const spec = { nodeName: 'n1', containers: [{ name: 'c' }], ...(more.spec as object) }
  objects.put(Pod, {
    metadata: { namespace: 'shop', name },
    spec,
    status: { phase: 'Running', ...(more.status as object) },
  })
}

export interface Asked {
  readonly resource?: string
  readonly subresource: string
  readonly name?: string
  readonly query?: string
  readonly method?: string
  readonly headers?: ProxyRequest['headers']
  readonly proxyPath?: string
  readonly signal?: AbortSignal
}

export function request(asked: Asked, connection: ProxyRequest['connection']): ProxyRequest {
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
export class FakeExchange extends EventEmitter implements PlainExchange {
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

export async function plain(
  asked: Asked,
  body = '',
): Promise<{ status: number; headers: FakeExchange['headers']; body: string }> {
  const exchange = new FakeExchange(body)
  const [, answer] = await Promise.all([proxy.handle(request(asked, exchange)), text(exchange.answer)])
  return { status: exchange.status, headers: exchange.headers, body: answer }
}

/** Two ends of a real TCP connection: what the client holds, and what the server got from its listener. */
export async function socketPair(): Promise<{ client: Socket; server: Socket }> {
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

export const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'SPDY/3.1',
  'x-stream-protocol-version': 'v5.channel.k8s.io, v4.channel.k8s.io',
  authorization: 'Bearer secret',
}

export const refusal = (pattern: RegExp, code: number) => (error: unknown) =>
  isApiError(error) && pattern.test(error.message) && error.code === code

/** Everything up to the other side's end; unlike `text` it leaves our side open. */
export function readAll(socket: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = ''
    socket.on('data', (chunk) => {
      all += chunk
    })
    socket.once('end', () => resolve(all))
    socket.once('close', () => reject(new Error(`closed before its end, after ${JSON.stringify(all)}`)))
  })
}

export async function openStream(asked: Asked, head = Buffer.alloc(0)) {
  const { client, server } = await socketPair()
  const done = proxy.handle(
    request({ headers: UPGRADE, ...asked }, { type: 'upgrade', socket: server, head }),
  )
  return { client, done }
}

export const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n'
