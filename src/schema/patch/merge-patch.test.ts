import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from './json.ts'
import { applyMergePatch } from './merge-patch.ts'

// The examples of RFC 7386, appendix A.
const examples: [Json, Json, Json][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

for (const [target, patch, result] of examples) {
  test(`merge patch ${JSON.stringify(patch)} on ${JSON.stringify(target)}`, () => {
    const text = JSON.stringify(target)
    assert.deepEqual(applyMergePatch(target, patch), result)
    assert.equal(JSON.stringify(target), text, 'the target was changed')
  })
}

test('a merge patch that changes nothing returns the target itself', () => {
  const target = { a: { b: 1 }, c: 2 }
  assert.equal(applyMergePatch(target, { a: { b: 1 }, d: null }), target)
})

test('a merge patch leaves prototypes alone', () => {
  applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'))
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})
