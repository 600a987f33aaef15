import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Json, PatchError } from './json.ts'
import { applyJsonPatch } from './json-patch.ts'

const doc = { a: { b: 1 }, list: [1, 2, 3], 'x/y': { '~': true } }

const applies: [string, Json, unknown[], Json][] = [
  ['add sets a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['add overwrites a member', { a: 1 }, [{ op: 'add', path: '/a', value: null }], { a: null }],
  ['add inserts into a list', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
  ['add at "-" appends', [1], [{ op: 'add', path: '/-', value: 2 }], [1, 2]],
  ['remove drops a list element', [1, 2, 3], [{ op: 'remove', path: '/1' }], [1, 3]],
  ['replace keeps the position', [1, 2], [{ op: 'replace', path: '/0', value: 9 }], [9, 2]],
  ['the empty path is the whole document', { a: 1 }, [{ op: 'replace', path: '', value: 5 }], 5],
  ['escapes are undone', doc, [{ op: 'test', path: '/x~1y/~0', value: true }], doc],
  [
    'move takes the value along',
    { a: { b: 1 } },
    [{ op: 'move', from: '/a/b', path: '/c' }],
    { a: {}, c: 1 },
  ],
  [
    'a copy changes apart from its source',
    { a: { b: 1 } },
    [
      { op: 'copy', from: '/a', path: '/c' },
      { op: 'replace', path: '/c/b', value: 2 },
    ],
    { a: { b: 1 }, c: { b: 2 } },
  ],
  [
    'test compares objects without order',
    { a: { x: 1, y: 2 } },
    [{ op: 'test', path: '/a', value: { y: 2, x: 1 } }],
    { a: { x: 1, y: 2 } },
  ],
  ['an absent member passes a test for null', { a: 1 }, [{ op: 'test', path: '/b', value: null }], { a: 1 }],
]

for (const [name, before, operations, after] of applies) {
  test(`JSON patch: ${name}`, () => {
    const text = JSON.stringify(before)
    assert.deepEqual(applyJsonPatch(before, operations), after)
    assert.equal(JSON.stringify(before), text, 'the document was changed')
  })
}

const refused: [unknown, number, string][] = [
  [{}, 400, 'cannot read JSON patch: expected a list of operations, got an object'],
  [[1], 400, 'cannot read JSON patch operation 0: expected an object, got a number'],
  [[{ op: 'add', value: 1 }], 400, 'cannot read JSON patch operation 0: expected a string "path"'],
  [
    [{ op: 'add', path: 'a', value: 1 }],
    400,
    'cannot read JSON patch operation 0: expected a path that begins with "/", got "a"',
  ],
  [[{ op: 'add', path: '/a' }], 400, 'cannot read JSON patch operation 0: expected a "value"'],
  [[{ op: 'copy', path: '/a' }], 400, 'cannot read JSON patch operation 0: expected a string "from"'],
  [[{ op: 'frob', path: '/a' }], 422, 'Unexpected kind: frob'],
  [
    [{ op: 'add', path: '/q/w', value: 1 }],
    422,
    'add operation does not apply: doc is missing path: "/q/w": missing value',
  ],
  [
    [{ op: 'add', path: '/a/b/c', value: 1 }],
    422,
    'add operation does not apply: doc is missing path: "/a/b/c": missing value',
  ],
  [
    [{ op: 'remove', path: '/q' }],
    422,
    "error in remove for path: '/q': Unable to remove nonexistent key: q: missing value",
  ],
  [
    [{ op: 'replace', path: '/q', value: 1 }],
    422,
    'replace operation does not apply: doc is missing key: /q: missing value',
  ],
  [
    [{ op: 'add', path: '/list/9', value: 1 }],
    422,
    "error in add for path: '/list/9': Unable to access invalid index: 9: invalid index referenced",
  ],
  [
    [{ op: 'remove', path: '/list/01' }],
    422,
    "error in remove for path: '/list/01': Unable to access invalid index: 01: invalid index referenced",
  ],
  [[{ op: 'test', path: '/a', value: 1 }], 422, 'testing value /a failed: test failed'],
  [
    [{ op: 'copy', from: '/q', path: '/r' }],
    422,
    'copy operation does not apply: doc is missing path: "/q": missing value',
  ],
  [[{ op: 'move', from: '/a', path: '/a/b' }], 422, 'cannot move "/a" into itself at "/a/b"'],
  [
    Array(10_001).fill({ op: 'test', path: '/a', value: 1 }),
    413,
    'The allowed maximum operations in a JSON patch is 10000, got 10001',
  ],
]

for (const [operations, status, message] of refused) {
  test(`JSON patch refuses with ${status}: ${message.slice(0, 80)}`, () => {
    assert.throws(
      () => applyJsonPatch(doc, operations),
      (e) => e instanceof PatchError && e.status === status && e.message === message,
    )
  })
}

test('JSON patch refuses copies that double the document again and again', () => {
  const operations = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/k${i}` }))
  assert.throws(() => applyJsonPatch({ a: 'x'.repeat(100) }, operations), /accumulated size increase/)
})

test('JSON patch refuses to shift a huge list ten thousand times', () => {
  const operations = Array.from({ length: 10_000 }, () => ({ op: 'add', path: '/0', value: 0 }))
  assert.throws(() => applyJsonPatch(Array(1_000_000).fill(0), operations), /moves too many list elements/)
})

test('JSON patch leaves prototypes alone', () => {
  const result = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }])
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  assert.equal(JSON.stringify(result), '{"__proto__":{"polluted":true}}')
  assert.throws(
    () => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }]),
    PatchError,
  )
})

test('JSON patch: adding and removing again gives the document back', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.string(),
      fc.jsonValue(),
      (document, key, value) => {
        if (Object.hasOwn(document, key)) return
        const path = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
        const result = applyJsonPatch(document as Json, [
          { op: 'add', path, value },
          { op: 'test', path, value },
          { op: 'remove', path },
        ])
        assert.equal(JSON.stringify(result), JSON.stringify(document))
      },
    ),
  )
})
