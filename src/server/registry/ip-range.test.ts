import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../base/index.ts'
import { addressRange, isIPv4 } from './ip-range.ts'

test('a range gives every usable address once, the upper part first', () => {
  const range = addressRange('10.0.0.0/26')
  const taken = new Set<string>()
  const random = seededRandom(1)
  for (let ip = range.pick(random, (c) => !taken.has(c)); ip; ip = range.pick(random, (c) => !taken.has(c))) {
    assert.ok(range.contains(ip) && isIPv4(ip))
    if (taken.size < 62 - 16) assert.ok(Number(ip.split('.')[3]) > 16, ip)
    taken.add(ip)
  }
  assert.equal(taken.size, 62)
  assert.equal(range.first, '10.0.0.1')
})

test('network, broadcast and foreign addresses are not in the range', () => {
  const range = addressRange('10.96.7.7/16')
  assert.equal(range.cidr, '10.96.0.0/16')
  for (const [ip, inside] of [
    ['10.96.0.0', false],
    ['10.96.0.1', true],
    ['10.96.255.254', true],
    ['10.96.255.255', false],
    ['10.97.0.1', false],
  ] as const) {
    assert.equal(range.contains(ip), inside, ip)
  }
})

test('a CIDR that cannot serve is refused with what was expected', () => {
  for (const cidr of [
    '',
    '10.0.0.0',
    '10.0.0.0/31',
    '10.0.0/16',
    'fd00::/108',
    '10.0.0.256/16',
    '10.0.0.0/1e1',
  ]) {
    assert.throws(() => addressRange(cidr), /expected an IPv4 range/, cidr)
  }
})
