import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bool, bytes, decode, encode, int, ints, map, message, msg, msgs, str, strs } from './wire.ts'

const Inner = message({ name: str(1), n: int(2) })
const Outer = message({
  text: str(1),
  count: int(2),
  yes: bool(3),
  list: strs(4),
  numbers: ints(5),
  labels: map(6),
  inner: msg(7, Inner),
  inners: msgs(8, Inner),
  raw: bytes(16),
})

test('the bytes are those of the specification', () => {
  assert.equal(Buffer.from(encode(message({ a: int(1) }), { a: 150 })).toString('hex'), '089601')
  assert.equal(
    Buffer.from(encode(message({ b: str(2) }), { b: 'testing' })).toString('hex'),
    '120774657374696e67',
  )
  assert.equal(
    Buffer.from(encode(message({ c: msg(3, message({ a: int(1) })) }), { c: { a: 150 } })).toString('hex'),
    '1a03089601',
  )
  assert.deepEqual(decode(message({ f: ints(4) }), Buffer.from('2206038e029ea705', 'hex')).f, [3, 270, 86942])
})

test('negative numbers take ten bytes and come back', () => {
  const data = encode(message({ a: int(1) }), { a: -2 })
  assert.equal(Buffer.from(data).toString('hex'), '08feffffffffffffffff01')
  assert.equal(decode(message({ a: int(1) }), data).a, -2)
})

test('whatever is written is read back', () => {
  const inner = fc.record(
    { name: fc.string(), n: fc.nat(Number.MAX_SAFE_INTEGER) },
    { noNullPrototype: true },
  )
  const outer = fc.record(
    {
      text: fc.string(),
      count: fc.nat(Number.MAX_SAFE_INTEGER),
      yes: fc.boolean(),
      list: fc.array(fc.string()),
      numbers: fc.array(fc.nat()),
      labels: fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { noNullPrototype: true }),
      inner,
      inners: fc.array(inner),
      raw: fc.uint8Array(),
    },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(outer, (value) => assert.deepEqual(decode(Outer, encode(Outer, value)), value)))
})

test('unknown fields are passed over, absent ones are empty', () => {
  const wide = message({ text: str(1), extra: str(90), more: msg(91, Inner) })
  const data = encode(wide, { text: 'x', extra: 'y', more: { name: 'z' } })
  const read = decode(Outer, data)
  assert.deepEqual([read.text, read.count, read.inner, read.list, read.labels], ['x', 0, undefined, [], {}])
})

test('broken bytes are an error, never a hang or a wrong value', () => {
  const data = encode(Outer, { text: 'hello', inner: { name: 'x' }, list: ['a'] })
  for (let i = 1; i < data.length; i++) {
    try {
      decode(Outer, data.subarray(0, i))
    } catch (error) {
      assert.match((error as Error).message, /^cannot decode a message/)
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
      try {
        decode(Outer, random)
      } catch (error) {
        assert.match((error as Error).message, /^cannot decode a message/)
      }
    }),
  )
})
