import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { decodeJwt, importPKCS8, SignJWT } from 'jose'
import {
  isApiError,
  Node,
  Pod,
  Secret,
  ServiceAccount,
  type TokenRequest,
  type TokenReview,
} from '../../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../../base/index.ts'
import type { Authorizer, RequestFacts } from '../contracts.ts'
import { RequestAuthenticator, reviewToken } from './authenticator.ts'
import { issueCertificate, makeAuthority, newPrivateKey, publicKeyOf } from './certificates.ts'
import { FakeObjects } from './fake-objects.test-support.ts'
import { ServiceAccountTokens } from './service-account-tokens.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const DAY_MS = 24 * 3600 * 1000

async function setUp(authorizer?: Partial<Authorizer>) {
  const clock = new VirtualClock()
  const objects = new FakeObjects()
  const privateKey = newPrivateKey()
  const tokens = await ServiceAccountTokens.create({
    objects,
    clock,
    random: seededRandom(1),
    privateKey,
    publicKey: publicKeyOf(privateKey),
    issuer: ISSUER,
    jwksUri: `${ISSUER}/openid/v1/jwks`,
  })
  const yes = { allowed: true, reason: '' }
  const rules = { resourceRules: [], nonResourceRules: [], incomplete: false }
  const authenticator = new RequestAuthenticator({
    tokens,
    authorizer: { authorize: () => yes, rulesFor: () => rules, ...authorizer },
    objects,
    clock,
    log: silentLog,
  })
  const account = objects.put(ServiceAccount, { metadata: { namespace: 'shop', name: 'robot' } })
  return { clock, objects, tokens, authenticator, account, privateKey }
}

type Fixture = Awaited<ReturnType<typeof setUp>>

const tokenRequest = (spec: object = {}) =>
  ({ kind: 'TokenRequest', spec: { audiences: [], ...spec } }) as unknown as TokenRequest

async function issue({ tokens, account }: Fixture, spec: object = {}): Promise<string> {
  return (await tokens.issue(account, tokenRequest(spec))).status.token
}

function facts(headers: Record<string, string>, peerCertificate?: Uint8Array): RequestFacts {
  return { peerCertificate, path: '/api', headers, header: (name) => headers[name] }
}

const bearer = (token: string) => facts({ authorization: `Bearer ${token}` })

async function refused(f: Fixture, token: string): Promise<void> {
  await assert.rejects(
    async () => f.authenticator.authenticate(bearer(token)),
    (error) => isApiError(error, 'Unauthorized'),
  )
}

test('a token names its service account, its groups and what it is bound to', async () => {
  const f = await setUp()
  const node = f.objects.put(Node, { metadata: { name: 'n1' } })
  const pod = f.objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { serviceAccountName: 'robot', nodeName: 'n1', containers: [] },
  })
  const token = await issue(f, {
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: pod.metadata.uid },
  })
  const user = await f.authenticator.authenticate(bearer(token))
  assert.equal(user?.username, 'system:serviceaccount:shop:robot')
  assert.equal(user?.uid, f.account.metadata.uid)
  assert.deepEqual(user?.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:shop',
    'system:authenticated',
  ])
  assert.deepEqual(user?.extra?.['authentication.kubernetes.io/pod-name'], ['web'])
  assert.deepEqual(user?.extra?.['authentication.kubernetes.io/node-uid'], [node.metadata.uid])
  assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^JTI=[0-9a-f-]{36}$/)
})

test('claims have the form that other verifiers of Kubernetes tokens expect', async () => {
  const f = await setUp()
  const claims = decodeJwt(await issue(f, { audiences: ['vault'], expirationSeconds: 600 }))
  const now = Math.floor(f.clock.now() / 1000)
  assert.deepEqual(
    { ...claims, jti: undefined },
    {
      iss: ISSUER,
      sub: 'system:serviceaccount:shop:robot',
      aud: ['vault'],
      iat: now,
      nbf: now,
      exp: now + 600,
      jti: undefined,
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'robot', uid: f.account.metadata.uid } },
    },
  )
})

test('a token ends at its time, also when it was just used', async () => {
  const f = await setUp()
  const token = await issue(f, { expirationSeconds: 600 })
  assert.ok(await f.authenticator.authenticate(bearer(token)))
  await f.clock.advance(599_000)
  assert.ok(await f.authenticator.authenticate(bearer(token)))
  await f.clock.advance(12_000)
  await refused(f, token)
})

test('a token ends with what it is bound to', async () => {
  const changes: [string, (f: Fixture) => void][] = [
    ['account deleted', (f) => f.objects.delete(ServiceAccount, 'shop', 'robot')],
    [
      'account replaced',
      (f) => f.objects.put(ServiceAccount, { metadata: { namespace: 'shop', name: 'robot' } }),
    ],
    ['pod deleted', (f) => f.objects.delete(Pod, 'shop', 'web')],
    ['pod replaced', (f) => f.objects.put(Pod, { metadata: { namespace: 'shop', name: 'web' } })],
    [
      'pod long ending',
      (f) => {
        const pod = f.objects.get(Pod, 'shop', 'web')!
        f.objects.put(Pod, {
          ...pod,
          metadata: { ...pod.metadata, deletionTimestamp: new Date(f.clock.now() - 61_000).toISOString() },
        })
      },
    ],
  ]
  for (const [name, change] of changes) {
    const f = await setUp()
    f.objects.put(Pod, {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { serviceAccountName: 'robot', containers: [] },
    })
    const token = await issue(f, { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' } })
    assert.ok(await f.authenticator.authenticate(bearer(token)), name)
    change(f)
    await refused(f, token)
  }
})

for (const [kind, namespace] of [
  [Secret, 'shop'],
  [Node, undefined],
] as const) {
  test(`a token that is bound to a ${kind.resource.kind} ends with it`, async () => {
    const bound = { kind: kind.resource.kind, apiVersion: 'v1', name: 'it' }
    const changes: ((f: Fixture) => void)[] = [
      (f) => f.objects.delete(kind as typeof Secret, namespace, 'it'),
      (f) =>
        f.objects.put<Secret | Node>(kind, { metadata: { ...(namespace ? { namespace } : {}), name: 'it' } }),
    ]
    for (const change of changes) {
      const f = await setUp()
      f.objects.put<Secret | Node>(kind, { metadata: { ...(namespace ? { namespace } : {}), name: 'it' } })
      const token = await issue(f, { boundObjectRef: bound })
      assert.ok(await f.authenticator.authenticate(bearer(token)))
      change(f)
      await refused(f, token)
    }
  })
}

test('a pod that has just begun to end keeps its token', async () => {
  const f = await setUp()
  const pod = f.objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { serviceAccountName: 'robot', containers: [] },
  })
  const token = await issue(f, { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' } })
  f.objects.put(Pod, {
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: new Date(f.clock.now() - 5000).toISOString() },
  })
  assert.ok(await f.authenticator.authenticate(bearer(token)))
})

test('tokens for others, of others, and changed ones are refused alike', async () => {
  const f = await setUp()
  const good = await issue(f)
  const other = await setUp()
  const key = await importPKCS8(f.privateKey, 'ES256')
  const sign = (claims: object, sub: string) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setSubject(sub)
      .setExpirationTime(f.clock.now() / 1000 + 600)
      .sign(key)
  const [head = '', body = '', signature = ''] = good.split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const account = { name: 'robot', uid: f.account.metadata.uid }
  const bad = [
    await issue(f, { audiences: ['vault'] }),
    await issue(other),
    `${head}.${body}.${signature.split('').reverse().join('')}`,
    `${none}.${body}.`,
    await sign({}, 'system:serviceaccount:shop:robot'),
    await sign(
      { 'kubernetes.io': { namespace: 'shop', serviceaccount: account } },
      'system:serviceaccount:kube-system:admin',
    ),
    await sign(
      { 'kubernetes.io': { namespace: 'shop', serviceaccount: account, pod: 'web' } },
      'system:serviceaccount:shop:robot',
    ),
    'nonsense',
    'a.b.c',
    'x'.repeat(100_000),
  ]
  for (const token of bad) await refused(f, token)
  await assert.rejects(
    async () => f.authenticator.authenticate(facts({ authorization: 'Basic YTpi' })),
    (e) => isApiError(e, 'Unauthorized'),
  )
  assert.ok(await f.authenticator.authenticate(bearer(good)))
})

test('token requests that cannot be granted say why', async () => {
  const f = await setUp()
  f.objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { serviceAccountName: 'other', containers: [] },
  })
  f.objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'mine' },
    spec: { serviceAccountName: 'robot', containers: [] },
  })
  const ref = (name: string, more: object = {}) => ({
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, ...more },
  })
  const cases: [object, RegExp][] = [
    [{ expirationSeconds: 599 }, /may not specify a duration less than 10 minutes/],
    [{ expirationSeconds: 2 ** 33 }, /may not specify a duration larger than 2\^32 seconds/],
    [ref('gone'), /pods "gone" not found/],
    [ref('web'), /pod running with different serviceaccount name/],
    [ref('mine', { uid: 'zzz' }), /does not match the UID in record/],
    [ref('mine', { kind: 'ConfigMap' }), /to object of type v1, Kind=ConfigMap/],
  ]
  for (const [spec, expected] of cases) await assert.rejects(issue(f, spec), expected)
})

test('a token review answers for the audiences that were asked about', async () => {
  const f = await setUp()
  const token = await issue(f, { audiences: ['vault', ISSUER] })
  const review = async (spec: object) =>
    (await reviewToken({ spec } as unknown as TokenReview, f.authenticator, f.tokens)).status
  const good = await review({ token, audiences: ['vault', 'elsewhere'] })
  assert.equal(good.authenticated, true)
  assert.equal(good.user?.username, 'system:serviceaccount:shop:robot')
  assert.deepEqual(good.audiences, ['vault'])
  assert.deepEqual((await review({ token })).audiences, [ISSUER])
  const bad = await review({ token, audiences: ['elsewhere'] })
  assert.equal(bad.authenticated, undefined)
  assert.match(bad.error ?? '', /audiences/)
  assert.match((await review({ token: 'x' })).error ?? '', /nobody here issues tokens like this/)
})

test('the discovery documents let others check tokens', async () => {
  const f = await setUp()
  const { keys } = JSON.parse(f.tokens.jwks())
  assert.equal(keys[0].kty, 'EC')
  assert.equal(keys[0].d, undefined)
  assert.equal(JSON.parse(f.tokens.openidConfiguration()).jwks_uri, `${ISSUER}/openid/v1/jwks`)
})

test('bootstrap tokens', async () => {
  const good = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:dhow',
    expiration: '2026-01-02T00:00:00Z',
  }
  const cases: [string, Record<string, string>, string, boolean][] = [
    ['good', {}, 'bootstrap.kubernetes.io/token', true],
    ['expired', { expiration: '2025-12-31T00:00:00Z' }, 'bootstrap.kubernetes.io/token', false],
    ['no time', { expiration: 'tomorrow' }, 'bootstrap.kubernetes.io/token', false],
    ['for ever', { expiration: '' }, 'bootstrap.kubernetes.io/token', true],
    ['wrong secret', { 'token-secret': '0123456789abcdee' }, 'bootstrap.kubernetes.io/token', false],
    ['wrong id', { 'token-id': 'abcdeg' }, 'bootstrap.kubernetes.io/token', false],
    ['wrong use', { 'usage-bootstrap-authentication': 'false' }, 'bootstrap.kubernetes.io/token', false],
    ['wrong group', { 'auth-extra-groups': 'system:masters' }, 'bootstrap.kubernetes.io/token', false],
    ['wrong type', {}, 'Opaque', false],
  ]
  for (const [name, change, type, accepted] of cases) {
    const f = await setUp()
    const data = Object.fromEntries(
      Object.entries({ ...good, ...change }).map(([k, v]) => [k, Buffer.from(v).toString('base64')]),
    )
    f.objects.put(Secret, {
      metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
      type,
      data,
    })
    const attempt = async () => f.authenticator.authenticate(bearer('abcdef.0123456789abcdef'))
    if (!accepted) await assert.rejects(attempt, (e) => isApiError(e, 'Unauthorized'), name)
    else assert.equal((await attempt())?.username, 'system:bootstrap:abcdef', name)
  }
})

test('a bootstrap token whose secret is being deleted admits nobody', async () => {
  const f = await setUp()
  const data = Object.fromEntries(
    Object.entries({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
    }).map(([k, v]) => [k, Buffer.from(v).toString('base64')]),
  )
  const type = 'bootstrap.kubernetes.io/token'
  const metadata = { namespace: 'kube-system', name: 'bootstrap-token-abcdef' }
  f.objects.put(Secret, { metadata, type, data })
  const attempt = async () => f.authenticator.authenticate(bearer('abcdef.0123456789abcdef'))
  assert.ok(await attempt())
  f.objects.put(Secret, { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }, type, data })
  await assert.rejects(attempt, (e) => isApiError(e, 'Unauthorized'))
})

test('a client certificate names user and groups until it expires', async () => {
  const f = await setUp()
  const dates = { notBeforeMs: f.clock.now() - 1000, notAfterMs: f.clock.now() + DAY_MS }
  const ca = await makeAuthority({ commonName: 'ca', ...dates, serial: '01' })
  const pair = await issueCertificate(ca, {
    commonName: 'ann',
    organizations: ['dev', 'ops'],
    usages: ['client'],
    ...dates,
    serial: '02',
  })
  const der = new X509Certificate(pair.cert).raw
  const user = await f.authenticator.authenticate(facts({}, der))
  assert.equal(user?.username, 'ann')
  assert.deepEqual(user?.groups, ['dev', 'ops', 'system:authenticated'])
  assert.equal(await f.authenticator.authenticate(facts({}, der)), user)
  await f.clock.advance(2 * DAY_MS)
  await assert.rejects(
    async () => f.authenticator.authenticate(facts({}, der)),
    (e) => isApiError(e, 'Unauthorized'),
  )
})

test('a client certificate that names nobody admits nobody', async () => {
  const f = await setUp()
  const dates = { notBeforeMs: f.clock.now() - 1000, notAfterMs: f.clock.now() + DAY_MS }
  const ca = await makeAuthority({ commonName: 'ca', ...dates, serial: '01' })
  const usages = ['client'] as const
  const request = { commonName: '', organizations: ['system:masters'], usages, ...dates, serial: '02' }
  const { raw } = new X509Certificate((await issueCertificate(ca, request)).cert)
  await assert.rejects(
    async () => f.authenticator.authenticate(facts({}, raw)),
    (e) => isApiError(e, 'Unauthorized'),
  )
})

test('without credentials nobody is authenticated', async () => {
  const f = await setUp()
  assert.equal(await f.authenticator.authenticate(facts({})), undefined)
})

test('impersonation asks for every part of the other identity', async () => {
  const asked: string[] = []
  const f = await setUp({
    authorize: (user, a) => {
      asked.push(
        `${user.username} ${a.verb} ${a.group}/${a.resource}${a.subresource && `/${a.subresource}`} ${a.namespace}/${a.name}`,
      )
      return { allowed: true, reason: '' }
    },
  })
  const user = await f.authenticator.authenticate(
    facts({
      'impersonate-user': 'bob',
      'impersonate-group': 'dev, ops',
      'impersonate-uid': '7',
      'impersonate-extra-acme.com%2Fproject': 'x',
    }),
  )
  assert.deepEqual(user, {
    username: 'bob',
    uid: '7',
    groups: ['dev', 'ops', 'system:authenticated'],
    extra: { 'acme.com/project': ['x'] },
  })
  assert.deepEqual(asked, [
    'system:anonymous impersonate /users /bob',
    'system:anonymous impersonate /groups /dev',
    'system:anonymous impersonate /groups /ops',
    'system:anonymous impersonate authentication.k8s.io/uids /7',
    'system:anonymous impersonate authentication.k8s.io/userextras/acme.com/project /x',
  ])
  const account = await f.authenticator.authenticate(
    facts({ 'impersonate-user': 'system:serviceaccount:shop:robot' }),
  )
  assert.deepEqual(account?.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:shop',
    'system:authenticated',
  ])
  assert.equal(asked.at(-1), 'system:anonymous impersonate /serviceaccounts shop/robot')
})

test('impersonation that is not allowed, or of nobody, is refused', async () => {
  const f = await setUp({ authorize: () => ({ allowed: false, reason: 'User "x" cannot impersonate' }) })
  await assert.rejects(
    async () => f.authenticator.authenticate(facts({ 'impersonate-user': 'bob' })),
    /users "bob" is forbidden: User "x" cannot impersonate/,
  )
  await assert.rejects(
    async () => f.authenticator.authenticate(facts({ 'impersonate-group': 'system:masters' })),
    /expected the header Impersonate-User/,
  )
})
