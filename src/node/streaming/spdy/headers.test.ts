import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { DICTIONARY } from './dictionary.ts'
import { decodeHeaders, encodeHeaders, HeaderReader, HeaderWriter } from './headers.ts'

test('the dictionary is the one that compressed streams name', () => {
  // Adler-32, as it stands in the first six bytes of every stream that uses it: 78 f9 e3 c6 a7 c2.
  const stream = deflateSync('x', { dictionary: DICTIONARY, level: 9 })
  assert.equal(stream.subarray(2, 6).toString('hex'), 'e3c6a7c2')
  assert.equal(DICTIONARY.length, 1423)
})

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
const value = fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((s) => s.replaceAll('\0', '0'))
const headers = fc.dictionary(name, fc.array(value, { minLength: 1, maxLength: 3 }), { maxKeys: 10 })

test('headers come back as they were, block after block of one stream', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(headers, { minLength: 1, maxLength: 4 }), async (blocks) => {
      const writer = new HeaderWriter()
      const reader = new HeaderReader()
      for (const block of blocks)
        assert.deepEqual({ ...(await reader.read(writer.write(block))) }, { ...block })
      reader.close()
    }),
    { numRuns: 50 },
  )
})

test('what containerd compressed is opened', async () => {
  const reader = new HeaderReader()
  assert.deepEqual({ ...(await reader.read(Buffer.from('78f9e3c6a7c26260606000000000ffff', 'hex'))) }, {})
  assert.deepEqual({ ...(await reader.read(Buffer.from('026100000000ffff', 'hex'))) }, {})
  reader.close()
})

test('a block that grows without end is given up', async () => {
  const reader = new HeaderReader()
  const bomb = deflateSync(Buffer.alloc(32 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH })
  await assert.rejects(reader.read(bomb), /cannot read a header block: expected at most 65536 bytes/)
  await assert.rejects(reader.read(Buffer.from('00', 'hex')), /cannot read a header block/)
})

test('what is not compressed at all is refused', async () => {
  await assert.rejects(new HeaderReader().read(Buffer.from('no zlib')), /cannot read a header block/)
})

for (const [what, block, message] of [
  ['ends early', Buffer.from('0000000100000005', 'hex'), /it ends too early/],
  ['promises 2^32 headers', Buffer.from('ffffffff', 'hex'), /expected at most 256 headers/],
  [
    'repeats a name',
    Buffer.concat([
      Buffer.from('00000002', 'hex'),
      encodeHeaders({ a: ['1'] }).subarray(4),
      encodeHeaders({ a: ['2'] }).subarray(4),
    ]),
    /"a" is empty or repeated/,
  ],
] as const) {
  test(`a block that ${what} is refused`, () => {
    assert.throws(() => decodeHeaders(block), message)
  })
}

test('a name that objects have already is a name like any other', () => {
  const block = encodeHeaders(JSON.parse('{"__proto__":["1"],"constructor":["2"]}'))
  assert.deepEqual(Object.entries(decodeHeaders(block)), [
    ['__proto__', ['1']],
    ['constructor', ['2']],
  ])
})
