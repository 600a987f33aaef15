import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCommit, checkRange, limits } from './limits.ts'
import { StoreLimitError, type Write } from './store.ts'

const value = Buffer.from('v')
const write = (more: Partial<Write> = {}): Write => ({ key: 'k', value, ...more })
const keys = (count: number) => Array.from({ length: count }, (_, i) => write({ key: `k${i}` }))
const bytes = (count: number) => Buffer.alloc(count)

const refused: [string, Write[], RegExp][] = [
  ['more writes than one commit takes', keys(limits.writesPerCommit + 1), /129 writes at once/],
  ['a value that is too large', [write({ value: bytes(limits.valueBytes + 1) })], /a value of at most/],
  [
    'values that are too large together',
    ['a', 'b', 'c'].map((key) => write({ key, value: bytes(limits.valueBytes - 1) })),
    /bytes at once/,
  ],
  ['a key twice', [write(), write()], /at most one write a key/],
  ['an empty key', [write({ key: '' })], /an empty key/],
  ['a key that is too long', [write({ key: 'k'.repeat(limits.keyLength + 1) })], /1025 characters/],
  ['a key with a NUL', [write({ key: 'a\0' })], /a NUL character/],
  ['a key of half a character', [write({ key: '\ud800' })], /half a surrogate pair/],
  ['a revision below zero to compare with', [write({ expect: -1 })], /a revision of 0 or more/],
  ['half a revision to compare with', [write({ expect: 1.5 })], /a revision of 0 or more/],
  ['no time to live', [write({ ttlMs: 0 })], /milliseconds above 0, got 0/],
  ['part of a millisecond to live', [write({ ttlMs: 0.5 })], /milliseconds above 0, got 0.5/],
  ['a time to live of a deletion', [write({ value: null, ttlMs: 5 })], /on a deletion/],
]
for (const [what, writes, pattern] of refused) {
  test(`a commit with ${what} is refused`, () => {
    assert.throws(
      () => checkCommit(writes),
      (e) => e instanceof StoreLimitError && pattern.test(e.message),
    )
  })
}

test('a commit at every limit is taken, and its bytes are counted', () => {
  assert.equal(checkCommit(keys(limits.writesPerCommit)), 10 * 3 + 90 * 4 + 28 * 5)
  assert.equal(checkCommit([write({ value: bytes(limits.valueBytes) })]), limits.valueBytes + 1)
  assert.equal(checkCommit([write({ key: 'k'.repeat(limits.keyLength), value: null })]), limits.keyLength)
  assert.equal(checkCommit([write({ expect: 0, ttlMs: 1 })]), 2)
})

test('a range whose bounds have no order is refused, one just behind the longest key is read', () => {
  const longest = 'k'.repeat(limits.keyLength)
  checkRange({ start: longest, end: `${longest}\0` })
  checkRange({ start: '' })
  for (const range of [{ start: '\ud800' }, { start: 'a', end: '\udc00' }, { start: `${longest}kk` }])
    assert.throws(() => checkRange(range), StoreLimitError)
})
