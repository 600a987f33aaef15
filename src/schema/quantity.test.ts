import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  wholeValue,
} from './quantity.ts'

test('a quantity is written with the largest suffix that keeps it whole', () => {
  const table: [string, string][] = [
    ['0', '0'],
    ['-0', '0'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['+1', '1'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1000000', '1M'],
    ['123456789', '123456789'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e-4', '1200e-6'],
    ['100e-2', '1'],
    ['1E', '1E'],
    ['1Ei', '1Ei'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['0.0000000001', '1n'],
    ['1.0000000001', '1000000001n'],
    ['128974848', '128974848'],
    ['129M', '129M'],
    ['123Mi', '123Mi'],
    ['-1.5Gi', '-1536Mi'],
    ['1e99', '9223372036854775807'],
    ['1e-2000000', '1e-9'],
    ['99999Ei', '9223372036854775807'],
    ['0.3Ki', '307200m'],
  ]
  for (const [text, expected] of table) assert.equal(canonicalQuantity(text), expected, text)
})

test('what is no quantity is refused in Kubernetes’ words', () => {
  for (const text of [
    '',
    '.',
    'm',
    'Ki',
    '1 Gi',
    '1.2.3',
    'abc',
    '0x10',
    '1Gi ',
    '--1',
    `1${'0'.repeat(300)}`,
  ]) {
    assert.throws(() => parseQuantity(text), /quantities must match the regular expression/, text)
  }
  for (const text of ['1K', '1ki', '1mm', '1Gii', '1e+', '1e99999999999', '1m5', '1KiE']) {
    assert.throws(() => parseQuantity(text), /unable to parse quantity's suffix/, text)
  }
})

test('hostile texts end at once: no exponent is expanded that is cut off anyway', () => {
  assert.equal(canonicalQuantity(`1e${2 ** 31 - 1}`), '9223372036854775807')
  assert.throws(() => parseQuantity('9'.repeat(1_000_000)))
})

test('sums are exact and keep the first suffix family', () => {
  const q = parseQuantity
  assert.equal(formatQuantity(addQuantities(q('1Gi'), q('1Mi'))), '1025Mi')
  assert.equal(formatQuantity(addQuantities(q('0'), q('1Mi'))), '1Mi')
  assert.equal(formatQuantity(addQuantities(q('100m'), q('0.9'))), '1')
  assert.equal(compareQuantities(q('1Gi'), q('1073741824')), 0)
  assert.equal(compareQuantities(q('-1'), q('1n')), -1)
  assert.equal(milliValue('0.1001'), 101)
  assert.equal(wholeValue('1500m'), 2)
  assert.equal(wholeValue('-1500m'), -2)
})

test('writing and reading again gives the same value, and canonical text is its own canonical form', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      fc.constantFrom('BinarySI' as const, 'DecimalSI' as const, 'DecimalExponent' as const),
      (nanos, format) => {
        const text = formatQuantity({ nanos, format })
        assert.equal(parseQuantity(text).nanos, nanos)
        assert.equal(canonicalQuantity(text), text)
      },
    ),
  )
})
