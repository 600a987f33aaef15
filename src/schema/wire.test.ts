import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Reader, ReverseWriter, WireError } from './wire.ts'

function written(write: (w: ReverseWriter) => void, size = 1): Buffer {
  const writer = new ReverseWriter(size)
  write(writer)
  return writer.finish()
}

test('numbers are written in the bytes that protobuf says', () => {
  const table: [number, string][] = [
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 28, '8080808001'],
    [2 ** 31 - 1, 'ffffffff07'],
    [2 ** 35, '808080808001'],
    [-1, 'ffffffffffffffffff01'],
  ]
  for (const [value, hex] of table)
    assert.equal(written((w) => w.varint(value)).toString('hex'), hex, `${value}`)
})

test('numbers and texts are read as they were written, however the buffer grows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.maxSafeInteger()),
      fc.array(fc.string({ unit: 'grapheme', maxLength: 80 })),
      (numbers, texts) => {
        const bytes = written((w) => {
          for (const text of texts.toReversed()) {
            const mark = w.length
            w.text(text)
            w.varint(w.length - mark)
          }
          for (const n of numbers.toReversed()) w.varint(n)
        })
        const reader = new Reader(bytes)
        assert.deepEqual(
          numbers.map(() => reader.varint()),
          numbers,
        )
        assert.deepEqual(
          texts.map(() => reader.text()),
          texts,
        )
        assert.equal(reader.done, true)
      },
    ),
  )
})

test('lengths are checked before anything is read', () => {
  const table = ['80', 'ffffffffffffffffffff01', '05', '05616263', 'ffffffff0f61']
  for (const hex of table) assert.throws(() => new Reader(Buffer.from(hex, 'hex')).bytes(), WireError, hex)
  assert.throws(() => new Reader(Buffer.from('00', 'hex')).tag(), WireError)
  assert.throws(() => new Reader(Buffer.from('00', 'hex')).double(), WireError)
  for (const wireType of [3, 4, 6, 7])
    assert.throws(() => new Reader(Buffer.alloc(9)).skip(wireType), WireError)
})
