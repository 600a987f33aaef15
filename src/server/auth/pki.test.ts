import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createServer, type Server, connect as tlsConnect } from 'node:tls'
import { VirtualClock } from '../../base/index.ts'
import { certificateFacts, isIssuedBy } from './certificates.ts'
import { ensurePki, type PkiOptions, reasonToRenew } from './pki.ts'

const DAY_MS = 24 * 3600 * 1000
const dirs: string[] = []
after(() => Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true }))))

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'dhow-pki-'))
  dirs.push(dir)
  return dir
}

const options = (clock = new VirtualClock(Date.now())): PkiOptions & { clock: VirtualClock } => ({
  clock,
  serviceIp: '10.96.0.1',
  serverNames: ['dhow.example.org'],
  serverIps: ['192.0.2.7', '2001:db8::7'],
  nodes: [{ name: 'node-1', ips: ['192.0.2.8'] }],
})

async function contents(dir: string): Promise<Record<string, string>> {
  const files = await readdir(dir, { recursive: true, withFileTypes: true })
  const paths = files.filter((f) => f.isFile()).map((f) => join(f.parentPath, f.name))
  return Object.fromEntries(await Promise.all(paths.map(async (p) => [p, await readFile(p, 'utf8')])))
}

test('running it again changes no file', async () => {
  const dir = await newDir()
  const first = await ensurePki(dir, options())
  const before = await contents(dir)
  const second = await ensurePki(dir, options())
  assert.deepEqual(await contents(dir), before)
  assert.deepEqual(second, first)
})

test('every file is readable by its owner only', async () => {
  const dir = await newDir()
  await ensurePki(dir, options())
  for (const path of Object.keys(await contents(dir)))
    assert.equal((await stat(path)).mode & 0o777, 0o600, path)
})

test('certificates carry the names and groups that Kubernetes expects', async () => {
  const pki = await ensurePki(await newDir(), options())
  const facts = certificateFacts(pki.server.cert)
  for (const name of [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
    'dhow.example.org',
  ]) {
    assert.ok(facts.dnsNames.includes(name), name)
  }
  assert.deepEqual(facts.ips, [
    '127.0.0.1',
    '0:0:0:0:0:0:0:1',
    '10.96.0.1',
    '192.0.2.7',
    '2001:DB8:0:0:0:0:0:7',
  ])
  const identity = (cert: string) => [
    certificateFacts(cert).commonName,
    ...certificateFacts(cert).organizations,
  ]
  assert.deepEqual(identity(pki.admin.cert), ['kubernetes-admin', 'system:masters'])
  assert.deepEqual(identity(pki.scheduler.cert), ['system:kube-scheduler'])
  assert.deepEqual(identity(pki.controllerManager.cert), ['system:kube-controller-manager'])
  assert.deepEqual(identity(pki.kubeletClient.cert), ['kube-apiserver-kubelet-client', 'system:masters'])
  assert.deepEqual(identity(pki.nodes['node-1']!.client.cert), ['system:node:node-1', 'system:nodes'])
  assert.ok(isIssuedBy(pki.nodes['node-1']!.serving, pki.ca))
})

test('a TLS client and server that trust the authority accept each other', async () => {
  const pki = await ensurePki(await newDir(), options())
  const peer = Promise.withResolvers<string>()
  const server: Server = createServer(
    { ...pki.server, ca: pki.ca.cert, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      const certificate = socket.getPeerX509Certificate() as unknown as X509Certificate
      peer.resolve(certificate.subject)
      socket.on('error', () => {})
      socket.end()
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = tlsConnect({ port, host: '127.0.0.1', ca: pki.ca.cert, ...pki.admin })
  socket.on('error', peer.reject)
  try {
    assert.equal(await peer.promise, 'O=system:masters\nCN=kubernetes-admin')
  } finally {
    socket.destroy()
    server.close()
  }
})

test('a new address of the server makes a new server certificate and nothing else', async () => {
  const dir = await newDir()
  const first = await ensurePki(dir, options())
  const second = await ensurePki(dir, { ...options(), serverIps: ['192.0.2.99'] })
  assert.notEqual(second.server.cert, first.server.cert)
  assert.ok(certificateFacts(second.server.cert).ips.includes('192.0.2.99'))
  assert.deepEqual({ ...second, server: first.server, renewAtMs: 0 }, { ...first, renewAtMs: 0 })
})

test('certificates are renewed with a third of their life left, and the authority with its own key', async () => {
  const dir = await newDir()
  const o = options()
  const first = await ensurePki(dir, o)
  await o.clock.advance(200 * DAY_MS)
  assert.deepEqual(await ensurePki(dir, o), first)
  await o.clock.advance(50 * DAY_MS)
  const renewed = await ensurePki(dir, o)
  assert.equal(renewed.ca.cert, first.ca.cert)
  assert.notEqual(renewed.admin.cert, first.admin.cert)
  assert.ok(renewed.renewAtMs > o.clock.now())

  await o.clock.advance(7 * 365 * DAY_MS)
  const later = await ensurePki(dir, o)
  assert.notEqual(later.ca.cert, first.ca.cert)
  assert.equal(later.ca.key, first.ca.key)
  assert.ok(new X509Certificate(renewed.admin.cert).verify(new X509Certificate(later.ca.cert).publicKey))
  assert.equal(later.serviceAccountKey.privateKey, first.serviceAccountKey.privateKey)
})

test('a lost leaf is made again; a certificate of another authority too', async () => {
  const dir = await newDir()
  const first = await ensurePki(dir, options())
  const other = await ensurePki(await newDir(), options())
  await rm(join(dir, 'admin.crt'))
  await writeFile(join(dir, 'scheduler.crt'), other.scheduler.cert)
  const second = await ensurePki(dir, options())
  assert.ok(isIssuedBy(second.admin, second.ca))
  assert.ok(isIssuedBy(second.scheduler, second.ca))
  assert.equal(second.ca.cert, first.ca.cert)
})

test('an authority whose halves do not match is refused, and nothing is overwritten', async () => {
  const dir = await newDir()
  await ensurePki(dir, options())
  const other = await ensurePki(await newDir(), options())
  await writeFile(join(dir, 'ca.crt'), other.ca.cert)
  const before = await contents(dir)
  await assert.rejects(
    ensurePki(dir, options()),
    /cannot use the certificate authority .* the two do not match/,
  )
  await rm(join(dir, 'ca.key'))
  await assert.rejects(ensurePki(dir, options()), /ca\.key is missing/)
  assert.equal((await contents(dir))[join(dir, 'ca.crt')], before[join(dir, 'ca.crt')])
})

test('a node name that could leave the folder is refused', async () => {
  const nodes = [{ name: '../../etc', ips: [] }]
  await assert.rejects(
    ensurePki(await newDir(), { ...options(), nodes }),
    /cannot make certificates for node "\.\.\/\.\.\/etc"/,
  )
})

test('reasons to renew', () => {
  const facts = {
    notBeforeMs: 0,
    notAfterMs: 300,
    commonName: 'a',
    organizations: ['g'],
    dnsNames: ['x'],
    ips: ['0:0:0:0:0:0:0:1'],
  }
  const wanted = { commonName: 'a', organizations: ['g'], usages: [], dnsNames: ['x'], ips: ['::1'] }
  const cases: [string, number, object, RegExp | undefined][] = [
    ['fits', 10, {}, undefined],
    ['expired', 300, {}, /expired/],
    ['future', -1, {}, /not valid before/],
    ['late', 200, {}, /expires on/],
    ['name', 10, { commonName: 'b' }, /names a/],
    ['group', 10, { organizations: [] }, /organizations/],
    ['dns', 10, { dnsNames: ['x', 'y'] }, /lacks y/],
    ['ip', 10, { ips: ['fe80::1'] }, /lacks fe80::1/],
  ]
  for (const [name, now, change, expected] of cases) {
    const reason = reasonToRenew(facts, { ...wanted, ...change }, now)
    if (expected === undefined) assert.equal(reason, undefined, name)
    else assert.match(reason ?? '', expected, name)
  }
})
