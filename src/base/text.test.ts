import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flat } from './text.ts'

test('a text in one piece is the same text', () => {
  for (const text of [
    '',
    'a',
    `${'kube-api-access-'}${'x'.repeat(20)}`,
    'żółw🐢',
    'x'.repeat(10_000).slice(7),
  ])
    assert.equal(flat(text), text)
})
