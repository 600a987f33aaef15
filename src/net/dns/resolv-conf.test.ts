import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, parseResolvConf } from './resolv-conf.ts'

const addresses = (text: string, ours: readonly string[] = []) =>
  parseResolvConf(text, ours).map((u) => `${u.address} ${u.port}`)

test('the resolvers of a resolv.conf are asked in its order, each once', () => {
  const text = [
    '# nameserver 192.0.2.9',
    'search example.com',
    'nameserver 192.0.2.2',
    '\tnameserver\t2001:db8::1  ',
    'nameserver 192.0.2.2',
    'nameserver 192.0.2.3 # the last',
    'nameserver example.com',
    'nameserver',
    'options ndots:5',
  ].join('\n')
  assert.deepEqual(addresses(text), ['192.0.2.2 53', '2001:db8::1 53', '192.0.2.3 53'])
  assert.deepEqual(addresses(''), [])
})

test('we do not ask ourselves', () => {
  assert.deepEqual(addresses('nameserver 10.96.0.10\nnameserver 192.0.2.1', ['10.96.0.10']), ['192.0.2.1 53'])
})

test('the loopback of the host is known', () => {
  const at = (address: string) => isLoopback({ address, port: 53 })
  assert.deepEqual(['127.0.0.53', '127.0.0.1', '::1', '12.7.0.1', '192.0.2.1', '2001:db8::1'].map(at), [
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})
