import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_JSON_DEPTH, parseJson } from './parse-json.ts'

test('a key that an object has twice is found, wherever it is', () => {
  const table: [string, string[]][] = [
    ['{"a":1,"b":2}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":2,"a":3}', ['a']],
    ['{"s":{"x":1,"x":2},"x":1}', ['s.x']],
    ['{"c":[{"n":1},{"n":1,"n":2}]}', ['c[1].n']],
    ['{"c":[[{"n":1,"n":2}]]}', ['c[0][0].n']],
    ['{"a\\u0062":1,"ab":2}', ['ab']],
    ['{"a":"\\"a\\":1,{[","b":"\\\\","b":1}', ['b']],
    ['{ "a" : {"b":1} , "a" : {"b":1} }', ['a']],
  ]
  for (const [text, fields] of table) {
    for (const input of [text, Buffer.from(text)]) {
      const { value, duplicates } = parseJson(input, { duplicates: true })
      assert.deepEqual(value, JSON.parse(text))
      assert.deepEqual(
        duplicates,
        fields.map((f) => `duplicate field ${JSON.stringify(f)}`),
        text,
      )
    }
    assert.deepEqual(parseJson(text).duplicates, [])
  }
})

test('any JSON is parsed as JSON.parse does, without false alarms', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const { value, duplicates } = parseJson(text, { duplicates: true })
      assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)))
      assert.deepEqual(duplicates, [])
    }),
  )
})

test('what is no JSON, and what nests too deep, is refused', () => {
  for (const text of ['', '{', '{"a":}', '"open', '"\\', 'nope', '{"a":1}}', '\u0000']) {
    assert.throws(() => parseJson(text, { duplicates: true }), { name: 'JsonError' }, text)
  }
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.ok(Array.isArray(parseJson(nested(MAX_JSON_DEPTH)).value))
  assert.throws(() => parseJson(nested(MAX_JSON_DEPTH + 1)), { message: /nested deeper than/ })
  assert.throws(() => parseJson('['.repeat(3_000_000)), { name: 'JsonError' })
})
