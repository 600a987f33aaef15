import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isIpv4, keepWidest } from './ranges.ts'

test('ranges that lie in others are left out, as nft refuses overlaps', () => {
  const cases: readonly [readonly string[], readonly string[]][] = [
    [
      ['10.1.2.3/8', '10.5.0.0/16', 'fd00::/8', '192.0.2.7/32'],
      ['10.0.0.0/8', '192.0.2.7'],
    ],
    [
      ['10.0.0.0/16', '10.1.0.0/16', '10.0.0.0/16'],
      ['10.0.0.0/16', '10.1.0.0/16'],
    ],
    [['10.0.0.0/8', '0.0.0.0/0'], ['0.0.0.0/0']],
    [['255.255.255.255/32', '128.0.0.0/1'], ['128.0.0.0/1']],
    [['nonsense', '10.0.0.0/33', '10.0.0.256/8', '10.0.0.0'], []],
  ]
  for (const [given, expected] of cases) assert.deepEqual(keepWidest(given), expected)
})

test('only plain IPv4 addresses are taken', () => {
  for (const good of ['0.0.0.0', '10.96.0.1', '255.255.255.255']) assert.ok(isIpv4(good), good)
  for (const bad of ['', '10.96.0', '10.96.0.256', '010.96.0.1', '10.96.0.1/32', '10.96.0.1 }', 'fd00::1'])
    assert.ok(!isIpv4(bad), bad)
})
