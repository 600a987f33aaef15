import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input } from '../../schema/index.ts'
import { problemsOf, updateProblems } from '../validation.test-support.ts'
import { ConfigMap, Secret } from './config.ts'

const MAX = 1024 * 1024
const base64 = (text: string) => Buffer.from(text).toString('base64')
const secret = (type: string, texts: Record<string, string> = {}, annotations?: object): Input<Secret> => ({
  metadata: { name: 'x', ...(annotations ? { annotations } : {}) } as never,
  type,
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)])),
})
const account = { 'kubernetes.io/service-account.name': 'robot' }

for (const [what, object, ...expected] of [
  ['without data', secret('Opaque')],
  ['of a type of somebody else', secret('example.com/any', { a: '' })],
  ['of 1 MiB', secret('Opaque', { a: 'x'.repeat(MAX) })],
  [
    'of more than 1 MiB',
    secret('Opaque', { a: 'x'.repeat(MAX), b: 'y' }),
    'data: Too long: may not be more than 1048576 bytes',
  ],
  ['of TLS without key', secret('kubernetes.io/tls', { 'tls.crt': '' }), 'data[tls.key]: Required value'],
  ['of TLS', secret('kubernetes.io/tls', { 'tls.crt': 'c', 'tls.key': 'k' })],
  ['of SSH', secret('kubernetes.io/ssh-auth', { 'ssh-privatekey': 'k' })],
  [
    'of SSH with an empty key',
    secret('kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }),
    'data[ssh-privatekey]: Required value',
  ],
  ['of a name alone', secret('kubernetes.io/basic-auth', { username: 'u' })],
  ['of a password alone', secret('kubernetes.io/basic-auth', { password: 'p' })],
  [
    'of neither name nor password',
    secret('kubernetes.io/basic-auth'),
    'data[username]: Required value',
    'data[password]: Required value',
  ],
  ['for registries', secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"auths":{}}' })],
  [
    'for registries that is no JSON',
    secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{' }),
    'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": the contents are not valid JSON',
  ],
  [
    'for registries that is no object',
    secret('kubernetes.io/dockercfg', { '.dockercfg': '[1]' }),
    'data[.dockercfg]: Invalid value: "<secret contents redacted>": expected a JSON object',
  ],
  ['for registries without content', secret('kubernetes.io/dockercfg'), 'data[.dockercfg]: Required value'],
  ['of an account', secret('kubernetes.io/service-account-token', {}, account)],
  [
    'of no account',
    secret('kubernetes.io/service-account-token'),
    'metadata.annotations[kubernetes.io/service-account.name]: Required value',
  ],
] as readonly (readonly [string, Input<Secret>, ...string[]])[]) {
  test(`a secret ${what} ${expected.length === 0 ? 'is fine' : 'is refused'}`, () =>
    assert.deepEqual(problemsOf(Secret, object), expected))
}

for (const [what, object, ...expected] of [
  ['of texts and bytes', { data: { a: 'é' }, binaryData: { b: base64('x') } }],
  ['of 1 MiB', { data: { a: 'x'.repeat(MAX - 2), b: 'é' } }],
  [
    'of more than 1 MiB together',
    { data: { a: 'x'.repeat(MAX - 1) }, binaryData: { b: base64('yy') } },
    '[]: Too long: may not be more than 1048576 bytes',
  ],
  [
    'that says a key twice',
    { data: { a: 'x' }, binaryData: { a: base64('y') } },
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ],
] as readonly (readonly [string, Input<ConfigMap>, ...string[]])[]) {
  test(`a ConfigMap ${what} ${expected.length === 0 ? 'is fine' : 'is refused'}`, () =>
    assert.deepEqual(problemsOf(ConfigMap, object), expected))
}

const FROZEN = 'field is immutable when `immutable` is set'
const frozen = { data: { a: base64('1') }, immutable: true }

for (const [what, change, ...expected] of [
  ['keep everything', (s: Secret) => s],
  ['change its labels', (s: Secret) => ({ ...s, metadata: { ...s.metadata, labels: { a: 'b' } } })],
  ['change its data', (s: Secret) => ({ ...s, data: { a: base64('2') } }), `data: Forbidden: ${FROZEN}`],
  ['drop its data', ({ data: _, ...s }: Secret) => s as Secret, `data: Forbidden: ${FROZEN}`],
  ['thaw', (s: Secret) => ({ ...s, immutable: false }), `immutable: Forbidden: ${FROZEN}`],
  [
    'change its type',
    (s: Secret) => ({ ...s, type: 'example.com/other' }),
    'type: Invalid value: "example.com/other": field is immutable',
  ],
] as readonly (readonly [string, (s: Secret) => Secret, ...string[]])[]) {
  test(`a frozen secret ${expected.length === 0 ? 'may' : 'may not'} ${what}`, () =>
    assert.deepEqual(updateProblems(Secret, frozen, change), expected))
}

for (const [what, change, ...expected] of [
  ['keep everything', (c: ConfigMap) => c],
  ['change its texts', (c: ConfigMap) => ({ ...c, data: {} }), `data: Forbidden: ${FROZEN}`],
  [
    'get bytes',
    (c: ConfigMap) => ({ ...c, binaryData: { b: base64('x') } }),
    `binaryData: Forbidden: ${FROZEN}`,
  ],
  ['thaw', ({ immutable: _, ...c }: ConfigMap) => c as ConfigMap, `immutable: Forbidden: ${FROZEN}`],
] as readonly (readonly [string, (c: ConfigMap) => ConfigMap, ...string[]])[]) {
  test(`a frozen ConfigMap ${expected.length === 0 ? 'may' : 'may not'} ${what}`, () =>
    assert.deepEqual(updateProblems(ConfigMap, { data: { a: '1' }, immutable: true }, change), expected))
}

test('what is not frozen may change, and freeze', () => {
  const before = { data: { a: '1' } }
  assert.deepEqual(
    updateProblems(ConfigMap, before, (c) => ({ ...c, data: { a: '2' } })),
    [],
  )
  assert.deepEqual(
    updateProblems(ConfigMap, before, (c) => ({ ...c, immutable: true })),
    [],
  )
})
