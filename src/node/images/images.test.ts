import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Secret } from '../../api/index.ts'
import { VirtualClock } from '../../base/index.ts'
import type { AuthConfig } from '../cri/index.ts'
import type { ObservedImage } from '../runtime/runtime.ts'
import { NOW, pod } from '../testing/pods.ts'
import { matchingCredentials } from './credentials.ts'
import { ImagePuller, pullPolicy } from './puller.ts'
import { parseImage } from './reference.ts'

const digest = `sha256:${'a'.repeat(64)}`
for (const [text, expected] of [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.25', 'docker.io/library/nginx:1.25'],
  ['team/app', 'docker.io/team/app:latest'],
  ['localhost/app:1', 'localhost/app:1'],
  ['registry.example.com:5000/a/b:v1', 'registry.example.com:5000/a/b:v1'],
  [`quay.io/a/b@${digest}`, `quay.io/a/b@${digest}`],
  [`quay.io/a/b:v1@${digest}`, `quay.io/a/b:v1@${digest}`],
  ['Nginx', undefined],
  ['nginx:', undefined],
  ['a//b', undefined],
  ['', undefined],
  ['x@sha256:short', undefined],
] as const) {
  test(`reference: ${JSON.stringify(text)} is ${expected ?? 'none'}`, () =>
    assert.equal(parseImage(text)?.full, expected))
}

for (const [policy, image, expected] of [
  [undefined, 'nginx', 'Always'],
  [undefined, 'nginx:latest', 'Always'],
  [undefined, 'nginx:1', 'IfNotPresent'],
  [undefined, `nginx@${digest}`, 'IfNotPresent'],
  ['Never', 'nginx', 'Never'],
] as const) {
  test(`pull policy: ${policy ?? 'none'} for ${image} is ${expected}`, () =>
    assert.equal(pullPolicy(policy, image), expected))
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const secretOf = (auths: object, name = 's'): Secret =>
  ({
    metadata: { namespace: 'default', name, uid: `uid of ${name}` },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
  }) as unknown as Secret
const login = (user: string) => ({ auth: base64(`${user}:pass:word`) })

for (const [name, auths, image, expected] of [
  ['the registry by name', { 'reg.example': login('a') }, 'reg.example/x', ['a']],
  ['another registry', { 'reg.example': login('a') }, 'other.example/x', []],
  ['another port', { 'reg.example:5000': login('a') }, 'reg.example/x', []],
  ['a wildcard for one part', { '*.example': login('a') }, 'reg.example/x', ['a']],
  ['a wildcard is not for two parts', { '*.example': login('a') }, 'a.reg.example/x', []],
  [
    'the most specific path first',
    { 'reg.example': login('a'), 'reg.example/team': login('b') },
    'reg.example/team/app',
    ['b', 'a'],
  ],
  ['a path that is no prefix', { 'reg.example/team': login('b') }, 'reg.example/teams/app', []],
  ["Docker's own registry by its old address", { 'https://index.docker.io/v1/': login('a') }, 'nginx', ['a']],
  ['user and password apart', { 'reg.example': { username: 'u', password: 'p' } }, 'reg.example/x', ['u']],
] as const) {
  test(`credentials: ${name}`, () => {
    const found = matchingCredentials([secretOf(auths)], parseImage(image)!).map((c) => c.auth)
    assert.deepEqual(
      found.map((a) => a.username),
      expected,
    )
    if (found[0]?.username === 'a') assert.equal(found[0].password, 'pass:word')
  })
}

test('a secret with broken content gives nothing', () => {
  const broken = {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64('{') },
  } as unknown as Secret
  assert.deepEqual(matchingCredentials([broken], parseImage('nginx')!), [])
})

class Registry {
  readonly here = new Map<string, ObservedImage>()
  readonly tried: (string | undefined)[] = []
  accepts: (auth: AuthConfig | undefined) => boolean = () => true

  put(name: string): ObservedImage {
    const image = {
      id: `id of ${name}`,
      tags: [name],
      digests: this.tried.length > 0 ? [name.replace(/:[^/:]*$/, '@sha256:1')] : [],
      sizeBytes: 7,
      uid: undefined,
      username: '',
      pinned: false,
    }
    this.here.set(name, image)
    this.here.set(image.id, image)
    return image
  }
  imageStatus = async (name: string) => this.here.get(name)
  pull = async (name: string, auth: AuthConfig | undefined) => {
    this.tried.push(auth?.username)
    if (!this.accepts(auth)) throw new Error('unauthorized')
    return this.put(name).id
  }
  images = async () => [...this.here.values()]
  removeImage = async () => {}
  imageFilesystem = async () => ({ mountpoint: '/', usedBytes: 0 })
}

function puller() {
  const registry = new Registry()
  const clock = new VirtualClock(NOW)
  const it = new ImagePuller(registry, clock)
  const said: string[] = []
  const report = {
    pulling: () => said.push('pulling'),
    pulled: (_: string, how: object) => said.push('present' in how ? 'present' : 'pulled'),
  }
  const ensure = (policy: string, image = 'reg.example/x:1', secrets: Secret[] = []) =>
    it.ensure(pod(), image, policy, async () => secrets, report, new AbortController().signal)
  return { registry, clock, said, ensure }
}

test('an image that is there is used, unless it is always to be pulled', async () => {
  const { registry, said, ensure } = puller()
  registry.put('reg.example/x:1')
  assert.ok('image' in (await ensure('IfNotPresent')))
  assert.ok('image' in (await ensure('Always')))
  assert.deepEqual(said, ['present', 'pulling', 'pulled'])
})

test('an image that may not be pulled has to be there', async () => {
  const outcome = await puller().ensure('Never')
  assert.ok('failure' in outcome && outcome.failure.reason === 'ErrImageNeverPull')
})

test('a name that is none is refused', async () => {
  const outcome = await puller().ensure('IfNotPresent', 'UPPER/case')
  assert.ok('failure' in outcome && outcome.failure.reason === 'InvalidImageName')
})

test('credentials are tried one after the other', async () => {
  const { registry, ensure } = puller()
  registry.accepts = (auth) => auth?.username === 'b'
  const outcome = await ensure('Always', 'reg.example/team/x:1', [
    secretOf({ 'reg.example/team': login('a'), 'reg.example': login('b') }),
  ])
  assert.ok('image' in outcome)
  assert.deepEqual(registry.tried, ['a', 'b'])
})

test('after a failed pull the registry is left alone for a while, longer each time', async () => {
  const { registry, clock, ensure } = puller()
  registry.accepts = () => false
  const retries: number[] = []
  for (let i = 0; i < 7; i++) {
    const outcome = await ensure('Always')
    assert.ok('failure' in outcome && outcome.failure.reason === 'ErrImagePull')
    const waiting = await ensure('Always')
    assert.ok('failure' in waiting && waiting.failure.reason === 'ImagePullBackOff')
    retries.push((outcome.failure.retryAt - clock.now()) / 1000)
    await clock.advance(outcome.failure.retryAt - clock.now())
  }
  assert.deepEqual(retries, [10, 20, 40, 80, 160, 300, 300])
})
