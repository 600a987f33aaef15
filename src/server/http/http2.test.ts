import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { silentLog, systemClock, systemRandom } from '../../base/index.ts'
import { openMemoryStore, type Store } from '../../store/index.ts'
import { ensurePki, type Pki } from '../auth/pki.ts'
import { type ApiServer, createApiServer } from '../server.ts'
import { openSecurity } from '../testing.ts'
import type { Listener } from './listener.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const clock = systemClock({ background: true })
let dir: string
let pki: Pki
let store: Store
let server: ApiServer
let listener: Listener
let seen: (Uint8Array | undefined)[] = []

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-http2-'))
  pki = await ensurePki(dir, { clock, serviceIp: '10.96.0.1', serverIps: ['127.0.0.1'] })
  store = openMemoryStore({ clock })
  server = await createApiServer({
    store,
    clock,
    random: systemRandom(),
    log: silentLog,
    network: { serviceCidr: '10.96.0.0/24', nodePorts: { from: 30_000, to: 30_100 } },
    security: () =>
      openSecurity({
        authenticator: {
          authenticate(facts) {
            seen.push(facts.peerCertificate)
            return { username: 'a', groups: ['system:masters'] }
          },
        },
      }),
  })
  const tls = { cert: pki.server.cert, key: pki.server.key, clientCa: pki.ca.cert }
  listener = await server.listen({ host: '127.0.0.1', port: 0, tls })
})
after(async () => {
  await server.close(0)
  await store.close()
  await rm(dir, { recursive: true })
})

function session(credentials: { cert?: string; key?: string } = pki.admin): ClientHttp2Session {
  const { cert, key } = credentials
  return connect(`https://127.0.0.1:${listener.port}`, {
    ca: pki.ca.cert,
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  })
}

function ask(
  client: ClientHttp2Session,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': method, ':path': path, 'content-type': 'application/json' })
    let status = 0
    let text = ''
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.setEncoding('utf8')
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('close', () => resolve({ status, text }))
    stream.on('error', reject)
    stream.end(body)
  })
}

const map = (name: string, data: object = {}) => JSON.stringify({ metadata: { name }, data })

test('requests share a connection, and the client’s certificate is known to each', async () => {
  seen = []
  const client = session()
  const made = await Promise.all(
    Array.from({ length: 100 }, (_, i) => ask(client, 'POST', MAPS, map(`m${i}`))),
  )
  assert.ok(made.every((m) => m.status === 201))
  assert.equal(JSON.parse((await ask(client, 'GET', MAPS)).text).items.length, 100)
  assert.equal(seen.length, 101)
  assert.ok(seen.every((c) => c !== undefined))
  client.close()
})

test('a body that is too long is refused, and the connection lives on', async () => {
  const client = session()
  const { status } = await ask(client, 'POST', MAPS, map('big', { x: 'x'.repeat(4 * 1024 * 1024) }))
  assert.equal(status, 413)
  assert.equal((await ask(client, 'GET', '/readyz')).text, 'ok')
  client.close()
})

test('a watch streams, and ends with the time it was given', async () => {
  const client = session()
  const start = JSON.parse((await ask(client, 'GET', MAPS)).text).metadata.resourceVersion
  const watching = ask(client, 'GET', `${MAPS}?watch=1&resourceVersion=${start}&timeoutSeconds=1`)
  await ask(client, 'POST', MAPS, map('watched'))
  assert.equal(JSON.parse((await watching).text).object.metadata.name, 'watched')
  client.close()
})

test('a watch that the client drops leaves nothing behind', async () => {
  const client = session()
  const stream = client.request({ ':path': `${MAPS}?watch=1` })
  await new Promise((resolve) => stream.once('data', resolve))
  const gauge = async () =>
    (await ask(client, 'GET', '/metrics')).text.includes(
      'apiserver_longrunning_requests{resource="configmaps"} 1',
    )
  assert.equal(await gauge(), true)
  stream.close()
  for (let i = 0; i < 100 && (await gauge()); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(await gauge(), false)
  client.close()
})

test('without a certificate the client is nobody; with one of another authority it is refused', async () => {
  seen = []
  const nobody = session({})
  assert.equal((await ask(nobody, 'GET', '/version')).status, 200)
  assert.deepEqual(seen, [undefined])
  nobody.close()
  const otherDir = await mkdtemp(join(tmpdir(), 'dhow-http2-other-'))
  const other = await ensurePki(otherDir, { clock, serviceIp: '10.96.0.1' })
  const stranger = session(other.admin)
  const answer = await ask(stranger, 'GET', '/version')
  assert.equal(answer.status, 401)
  assert.equal(JSON.parse(answer.text).reason, 'Unauthorized')
  stranger.close()
  await rm(otherDir, { recursive: true })
})

test('HTTP/1.1 is spoken on the same port, and a renewed certificate is used from then on', async () => {
  const ca = pki.ca.cert
  const subject = () =>
    new Promise<string>((resolve, reject) => {
      const req = request(
        {
          host: '127.0.0.1',
          port: listener.port,
          path: '/version',
          ca,
          agent: false,
        },
        (res) => {
          const { fingerprint256 } = (res.socket as import('node:tls').TLSSocket).getPeerCertificate()
          res.resume()
          res.on('end', () => resolve(fingerprint256))
        },
      )
      req.on('error', reject)
      req.end()
    })
  const first = await subject()
  await rm(join(dir, 'apiserver.crt'), { force: true })
  const renewed = await ensurePki(dir, {
    clock,
    serviceIp: '10.96.0.1',
    serverIps: ['127.0.0.1'],
    serverNames: ['other.example'],
  })
  listener.renew({ cert: renewed.server.cert, key: renewed.server.key, clientCa: renewed.ca.cert })
  assert.notEqual(await subject(), first)
})

test('closing ends watches in order and lets nothing new in', async () => {
  const client = session()
  client.on('error', () => {})
  const watching = ask(client, 'GET', `${MAPS}?watch=1`)
  await ask(client, 'GET', '/version')
  // Over HTTP/1.1, on a connection that its client would like to keep.
  const agent = new Agent({ keepAlive: true })
  const old = new Promise((resolve, reject) => {
    const req = request({
      host: '127.0.0.1',
      port: listener.port,
      path: `${MAPS}?watch=1`,
      ca: pki.ca.cert,
      agent,
    })
    req.on('response', (res) => {
      res.resume()
      res.on('end', () => resolve('end'))
    })
    req.on('error', reject)
    req.end()
  })
  await ask(client, 'GET', '/version')
  const started = performance.now()
  await server.close(5_000)
  assert.ok(performance.now() - started < 2_000)
  assert.equal((await watching).status, 200)
  assert.equal(await old, 'end')
  await assert.rejects(new Promise((_, reject) => session().on('error', reject)))
})
