import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpsRequest, type RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import {
  ClusterRole,
  ConfigMap,
  isApiError,
  Lease,
  Namespace,
  Node,
  Pod,
  Secret,
  ServiceAccount,
  type TokenRequest,
} from '../api/index.ts'
import { silentLog, systemClock, systemRandom } from '../base/index.ts'
import { openMemoryStore, type Store } from '../store/index.ts'
import { ensurePki, type Pki } from './auth/pki.ts'
import { createSecurity } from './security.ts'
import { type ApiServer, createApiServer } from './server.ts'

const clock = systemClock()
const ADMIN = { username: 'root', groups: ['system:masters', 'system:authenticated'] }

let dir: string
let pki: Pki
let store: Store
let server: ApiServer
let port: number

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-security-'))
  pki = await ensurePki(dir, {
    clock,
    serviceIp: '10.96.0.1',
    nodes: [
      { name: 'n1', ips: ['127.0.0.1'] },
      { name: 'n2', ips: [] },
    ],
  })
  store = openMemoryStore({ clock })
  server = await newServer()
  const tls = { ...pki.server, clientCa: pki.ca.cert }
  port = (await server.listen({ host: '127.0.0.1', port: 0, tls })).port
  const api = server.apiFor(ADMIN)
  await api.create(Namespace, { metadata: { name: 'shop' } })
  await api.create(ServiceAccount, { metadata: { namespace: 'shop', name: 'default' } })
})

after(async () => {
  await server?.close(0)
  await store?.close()
  await rm(dir, { recursive: true, force: true })
})

function newServer(): Promise<ApiServer> {
  return createApiServer({
    store,
    clock,
    random: systemRandom(),
    log: silentLog,
    network: { serviceCidr: '10.96.0.0/16', nodePorts: { from: 30000, to: 32767 } },
    security: (context) => createSecurity(context, { ...pki, nodeAuthority: pki.ca.cert }),
  })
}

interface Answer {
  readonly status: number
  readonly body: {
    message?: string
    items?: { metadata: { name: string } }[]
    status?: Record<string, unknown>
  }
}

/** A request over TLS; `as` are client certificate or headers. */
async function call(as: RequestOptions, path: string, body?: object): Promise<Answer> {
  const req = httpsRequest({
    port,
    host: '127.0.0.1',
    ca: pki.ca.cert,
    path,
    method: body ? 'POST' : 'GET',
    agent: false,
    ...as,
    headers: { 'content-type': 'application/json', ...(as.headers as object) },
  })
  req.end(body ? JSON.stringify(body) : undefined)
  const [res] = await once(req, 'response')
  const all = await text(res)
  return { status: res.statusCode, body: all.startsWith('{') ? JSON.parse(all) : { message: all } }
}

const PODS = '/api/v1/namespaces/shop/pods'

async function tokenOf(namespace: string, name: string): Promise<string> {
  const account = { namespace, name }
  const request = { subresource: 'token', method: 'POST', body: { spec: {} } } as const
  const answer = await server.apiFor(ADMIN).call<object, TokenRequest>(ServiceAccount, account, request)
  return answer.status.token
}

test('a fresh cluster has its default roles, filled', async () => {
  const roles = (await server.apiFor(ADMIN).list(ClusterRole)).items
  const edit = roles.find((role) => role.metadata.name === 'edit')
  assert.ok(roles.length > 60)
  assert.ok(edit?.rules?.some((rule) => rule.resources?.includes('deployments')))
})

test('certificates, tokens and nobody: who may do what', async () => {
  const bearer = { headers: { authorization: `Bearer ${await tokenOf('shop', 'default')}` } }
  const anonymous = {}
  const cases: [string, RequestOptions, string, number, RegExp?][] = [
    ['admin', pki.admin, PODS, 200],
    ['scheduler', pki.scheduler, PODS, 200],
    [
      'scheduler, secrets',
      pki.scheduler,
      '/api/v1/secrets',
      403,
      /User "system:kube-scheduler" cannot list resource "secrets" in API group "" at the cluster scope/,
    ],
    ['nobody, version', anonymous, '/version', 200],
    ['nobody, health', anonymous, '/readyz', 200],
    [
      'nobody, pods',
      anonymous,
      PODS,
      403,
      /^pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "shop"$/,
    ],
    [
      'nobody, metrics',
      anonymous,
      '/metrics',
      403,
      /^forbidden: User "system:anonymous" cannot get path "\/metrics"$/,
    ],
    ['account', bearer, PODS, 403, /User "system:serviceaccount:shop:default" cannot list resource "pods"/],
    ['account, discovery', bearer, '/apis', 200],
    ['account, keys', bearer, '/openid/v1/jwks', 200],
    ['bad token', { headers: { authorization: 'Bearer nonsense' } }, PODS, 401, /^Unauthorized$/],
    [
      'admin as ann',
      { ...pki.admin, headers: { 'impersonate-user': 'ann' } },
      PODS,
      403,
      /User "ann" cannot list/,
    ],
    [
      'scheduler as root',
      { ...pki.scheduler, headers: { 'impersonate-user': 'root' } },
      PODS,
      403,
      /^users "root" is forbidden: User "system:kube-scheduler" cannot impersonate resource "users"/,
    ],
    [
      'node, all pods',
      pki.nodes.n1!.client,
      '/api/v1/pods',
      403,
      /can only list\/watch pods with spec.nodeName field selector/,
    ],
    ['node, own pods', pki.nodes.n1!.client, '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1', 200],
    ['node, pods of another', pki.nodes.n1!.client, '/api/v1/pods?fieldSelector=spec.nodeName%3Dn2', 403],
  ]
  for (const [name, as, path, status, message] of cases) {
    const answer = await call(as, path)
    assert.equal(answer.status, status, `${name}: ${answer.body.message}`)
    if (message) assert.match(answer.body.message ?? '', message, name)
  }
})

test('a pod as it comes out of admission, and what its node may then read', async () => {
  const api = server.apiFor(ADMIN)
  await api.create(Secret, { metadata: { namespace: 'shop', name: 'mine' }, stringData: { a: 'b' } })
  const pod = await api.create(Pod, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 's', secret: { secretName: 'mine' } }],
    },
  })
  assert.equal(pod.spec.volumes?.length, 2)
  assert.equal(pod.spec.serviceAccountName, 'default')
  const path = '/api/v1/namespaces/shop/secrets/mine'
  assert.equal((await call(pki.nodes.n1!.client, path)).status, 200)
  const other = await call(pki.nodes.n2!.client, path)
  assert.equal(other.status, 403)
  assert.match(other.body.message ?? '', /no relationship found between node 'n2' and this object/)
  const bound = (name: string, uid: string) => ({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  })
  const tokens = '/api/v1/namespaces/shop/serviceaccounts/default/token'
  assert.equal((await call(pki.nodes.n1!.client, tokens, bound('web', pod.metadata.uid))).status, 201)
  assert.equal((await call(pki.nodes.n2!.client, tokens, bound('web', pod.metadata.uid))).status, 403)
  assert.equal((await call(pki.nodes.n1!.client, tokens, { ...bound('web', ''), spec: {} })).status, 403)
})

test('a node reports on its own pods and ends them, and touches no others', async () => {
  const admin = server.apiFor(ADMIN)
  const agent = (name: string) =>
    server.apiFor({ username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] })
  const key = { namespace: 'shop', name: 'job' }
  const containers = [{ name: 'c', image: 'i' }]
  await admin.create(Pod, { metadata: key, spec: { nodeName: 'n1', containers } })
  const running = { type: 'strategic', body: { status: { phase: 'Running' } } } as const
  await agent('n1').patch(Pod, key, running, { subresource: 'status' })
  await assert.rejects(
    agent('n2').patch(Pod, key, running, { subresource: 'status' }),
    /can only update status for pods with spec.nodeName set to itself/,
  )
  await assert.rejects(
    agent('n1').patch(Pod, key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } }),
    /cannot patch resource "pods"/,
  )
  await assert.rejects(
    agent('n2').delete(Pod, key, { gracePeriodSeconds: 0 }),
    /can only delete pods with spec.nodeName set to itself/,
  )
  await assert.rejects(
    agent('n1').create(Pod, { metadata: { ...key, name: 'new' }, spec: { nodeName: 'n1', containers } }),
    /can only create mirror pods/,
  )
  await agent('n1').delete(Pod, key, { gracePeriodSeconds: 0 })
  await assert.rejects(admin.get(Pod, key), (error) => isApiError(error, 'NotFound'))
  const lease = (name: string) => ({
    metadata: { namespace: 'kube-node-lease', name },
    spec: { holderIdentity: name },
  })
  await agent('n1').create(Lease, lease('n1'))
  await assert.rejects(
    agent('n1').create(Lease, lease('n3')),
    /can only access node lease with the same name as the requesting node/,
  )
})

test('access reviews: a plain no has no reason', async () => {
  const ask = (as: RequestOptions, verb: string) =>
    call(as, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb, resource: 'pods', namespace: 'shop' } },
    })
  assert.deepEqual((await ask(pki.scheduler, 'create')).body.status, { allowed: false })
  const yes = (await ask(pki.scheduler, 'list')).body.status
  assert.equal(yes?.allowed, true)
  assert.match(
    String(yes?.reason),
    /RBAC: allowed by ClusterRoleBinding "system:kube-scheduler" of ClusterRole "system:kube-scheduler" to User "system:kube-scheduler"/,
  )
})

test('a token review over the wire', async () => {
  const token = await tokenOf('shop', 'default')
  const { body } = await call(pki.admin, '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } })
  assert.equal(body.status?.authenticated, true)
  assert.equal(
    (body.status?.user as { username: string } | undefined)?.username,
    'system:serviceaccount:shop:default',
  )
})

test('a second server on the same store changes no role', async () => {
  const revision = store.revision()
  const second = await newServer()
  try {
    assert.equal(store.revision(), revision)
  } finally {
    await second.close(0)
  }
})

test('aggregated servers find what they need to trust this one', async () => {
  const map = await server
    .apiFor(ADMIN)
    .get(ConfigMap, { namespace: 'kube-system', name: 'extension-apiserver-authentication' })
  assert.equal(map.data?.['client-ca-file'], pki.ca.cert)
})

test('exec reaches the node through a TLS connection that ends one way first', async () => {
  const kubelet = createServer({
    ...pki.nodes.n1!.serving,
    ca: pki.ca.cert,
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
  } as object)
  kubelet.on('upgrade', (_req, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => socket.end(`got ${Buffer.concat(chunks)}`))
  })
  kubelet.listen(0, '127.0.0.1')
  await once(kubelet, 'listening')
  try {
    const address = [{ type: 'InternalIP', address: '127.0.0.1' }]
    const daemonEndpoints = { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } }
    const api = server.apiFor(ADMIN)
    await api.create(Node, { metadata: { name: 'n1' } })
    await api.patch(
      Node,
      { name: 'n1' },
      { type: 'merge', body: { status: { addresses: address, daemonEndpoints } } },
      { subresource: 'status' },
    )
    const req = httpsRequest({
      port,
      host: '127.0.0.1',
      ca: pki.ca.cert,
      ...pki.admin,
      method: 'POST',
      path: `${PODS}/web/exec?command=cat&stdin=1&stdout=1`,
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
      agent: false,
      allowHalfOpen: true,
    } as RequestOptions)
    req.end()
    const [, socket] = (await once(req, 'upgrade')) as [unknown, Duplex]
    socket.end('some input')
    assert.equal(await text(socket), 'got some input')
  } finally {
    kubelet.close()
    kubelet.closeAllConnections()
  }
})

test('credentials of another cluster are refused', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'dhow-security-'))
  try {
    const other = await ensurePki(elsewhere, { clock, serviceIp: '10.96.0.1' })
    const answer = await call({ ...other.admin, ca: pki.ca.cert }, PODS)
    assert.equal(answer.status, 401)
  } finally {
    await rm(elsewhere, { recursive: true, force: true })
  }
})

test('in process, too, a user may only do what the rules allow', async () => {
  const n1 = server.apiFor({ username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] })
  await n1.list(Pod, { fieldSelector: 'spec.nodeName=n1' })
  await assert.rejects(n1.list(Pod), /can only list\/watch pods with spec.nodeName field selector/)
  await n1.list(Secret, { namespace: 'shop', fieldSelector: 'metadata.name=mine' })
  await assert.rejects(n1.list(Secret, { namespace: 'shop' }), /can only read namespaced object of this type/)
  const ann = server.apiFor({ username: 'ann', groups: ['system:authenticated'] })
  await assert.rejects(
    ann.list(Pod, { namespace: 'shop' }),
    (error) => isApiError(error, 'Forbidden') && /User "ann" cannot list/.test(error.message),
  )
})
