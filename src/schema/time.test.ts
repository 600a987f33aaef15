import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, normalMicroTime, normalTime, parseDuration, parseTime } from './time.ts'

test('times become UTC with whole seconds', () => {
  const table: [string, string | undefined][] = [
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02T03:04:05.999Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02T03:04:05+01:30', '2026-01-02T01:34:05Z'],
    ['2026-01-01T00:00:00-02:00', '2026-01-01T02:00:00Z'],
    ['0001-01-01T00:00:00Z', ''],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['2023-02-29T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-00-01T00:00:00Z', undefined],
    ['2026-01-01T24:00:00Z', undefined],
    ['2026-01-01T00:60:00Z', undefined],
    ['2026-01-01', undefined],
    ['2026-01-01T00:00:00', undefined],
    ['2026-01-01T00:00:00+24:00', undefined],
    ['0000-01-01T00:00:00+01:00', undefined],
    ['9999-12-31T23:59:59-00:01', undefined],
    ['', undefined],
    ['now', undefined],
  ]
  for (const [text, expected] of table) assert.equal(normalTime(text), expected, text)
})

test('micro times keep six decimals', () => {
  assert.equal(normalMicroTime('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05.000000Z')
  assert.equal(normalMicroTime('2026-01-02T03:04:05.1234567Z'), '2026-01-02T03:04:05.123456Z')
  assert.equal(normalMicroTime('0001-01-01T00:00:00Z'), '')
  assert.equal(normalMicroTime('yesterday'), undefined)
  assert.deepEqual(parseTime('1969-12-31T23:59:59.5Z'), { seconds: -1, nanos: 500_000_000 })
})

test('durations are read and written as Go does', () => {
  const table: [string, string | undefined][] = [
    ['1h2m3s', '1h2m3s'],
    ['90s', '1m30s'],
    ['1.5h', '1h30m0s'],
    ['100ms', '100ms'],
    ['1500us', '1.5ms'],
    ['10ns', '10ns'],
    ['-5m', '-5m0s'],
    ['0', '0s'],
    ['1m0.25s', '1m0.25s'],
    ['5', undefined],
    ['', undefined],
    ['-', undefined],
    ['1x', undefined],
    ['.s', undefined],
    ['9999999999h', undefined],
    ['1s'.repeat(200), undefined],
  ]
  for (const [text, expected] of table) {
    const nanos = parseDuration(text)
    assert.equal(nanos === undefined ? undefined : formatDuration(nanos), expected, text)
  }
})
