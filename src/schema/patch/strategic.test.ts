import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { int32, listOf, mapOf, opt, type StructType, str, struct } from '../type.ts'
import { equalJson, type Json, type JsonObject, PatchError } from './json.ts'
import { mergeNode } from './of-type.ts'
import { applyStrategicPatch } from './strategic.ts'
import { strategicPatchFor } from './strategic-diff.ts'

const Port: StructType = struct('test.Port', { port: opt(1, int32), name: opt(2, str) })
const Item: StructType = struct('test.Item', {
  name: opt(1, str),
  image: opt(2, str),
  ports: opt(
    3,
    listOf(() => Port, { merge: 'port' }),
  ),
  args: opt(4, listOf(str)),
})
const Strategy: StructType = struct('test.Strategy', {
  type: opt(1, str),
  rolling: opt(2, () => Port),
  other: opt(3, str),
})
const Thing: StructType = struct('test.Thing', {
  labels: opt(1, mapOf(str)),
  items: opt(
    2,
    listOf(() => Item, { merge: 'name' }),
  ),
  finalizers: opt(3, listOf(str, { merge: true })),
  strategy: opt(4, () => Strategy, { retainKeys: true }),
  whole: opt(5, () => Port, { replace: true }),
  plain: opt(6, listOf(str)),
})
const node = mergeNode(Thing)

const applies: [string, JsonObject, JsonObject, JsonObject][] = [
  [
    'maps merge and null removes',
    { labels: { a: '1', b: '2' } },
    { labels: { a: null, c: '3' } },
    { labels: { b: '2', c: '3' } },
  ],
  ['lists without a merge strategy are replaced', { plain: ['a'] }, { plain: ['b'] }, { plain: ['b'] }],
  [
    'elements merge by key, at every depth',
    { items: [{ name: 'a', image: 'a:1', ports: [{ port: 1, name: 'x' }] }] },
    { items: [{ name: 'a', ports: [{ port: 1, name: 'y' }, { port: 2 }] }] },
    { items: [{ name: 'a', image: 'a:1', ports: [{ port: 1, name: 'y' }, { port: 2 }] }] },
  ],
  [
    'a new element comes first where no order is asked for',
    { items: [{ name: 'a' }, { name: 'b' }] },
    { items: [{ name: 'c' }] },
    { items: [{ name: 'c' }, { name: 'a' }, { name: 'b' }] },
  ],
  [
    '$setElementOrder arranges the list',
    { items: [{ name: 'a' }, { name: 'b' }, { name: 'server' }] },
    {
      '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }, { name: 'c' }],
      items: [{ name: 'c', image: 'c' }],
    },
    { items: [{ name: 'b' }, { name: 'a' }, { name: 'c', image: 'c' }, { name: 'server' }] },
  ],
  [
    '$patch delete removes an element',
    { items: [{ name: 'a' }, { name: 'b' }] },
    { items: [{ name: 'a', $patch: 'delete' }] },
    { items: [{ name: 'b' }] },
  ],
  [
    'a $patch replace element replaces the list',
    { items: [{ name: 'a' }, { name: 'b' }] },
    { items: [{ name: 'c' }, { $patch: 'replace' }] },
    { items: [{ name: 'c' }] },
  ],
  [
    '$patch replace replaces a map',
    { labels: { a: '1' } },
    { labels: { $patch: 'replace', b: '2' } },
    { labels: { b: '2' } },
  ],
  ['$patch delete empties a map', { labels: { a: '1' } }, { labels: { $patch: 'delete' } }, { labels: {} }],
  [
    'lists of scalars with a merge strategy unite',
    { finalizers: ['a', 'b'] },
    { finalizers: ['b', 'c'] },
    { finalizers: ['a', 'b', 'c'] },
  ],
  [
    '$deleteFromPrimitiveList removes values',
    { finalizers: ['a', 'b', 'c'] },
    { '$deleteFromPrimitiveList/finalizers': ['b'] },
    { finalizers: ['a', 'c'] },
  ],
  [
    '$retainKeys drops the members it does not list',
    { strategy: { type: 'Rolling', rolling: { port: 1 } } },
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  [
    'a field marked replace is replaced',
    { whole: { port: 1, name: 'x' } },
    { whole: { port: 2 } },
    { whole: { port: 2 } },
  ],
  [
    'nulls and directives say nothing where nothing was',
    {},
    {
      labels: { a: null, b: '1' },
      items: [
        { name: 'gone', $patch: 'delete' },
        { name: 'a', image: null },
      ],
      strategy: { $retainKeys: ['type'], type: 'x' },
    },
    { labels: { b: '1' }, items: [{ name: 'a' }], strategy: { type: 'x' } },
  ],
]

for (const [name, before, patch, after] of applies) {
  test(`strategic merge patch: ${name}`, () => {
    const text = JSON.stringify([before, patch])
    assert.deepEqual(applyStrategicPatch(node, before, patch), after)
    assert.equal(JSON.stringify([before, patch]), text, 'an argument was changed')
  })
}

const refused: [JsonObject, JsonObject, number, RegExp][] = [
  [
    { items: [{ name: 'a' }] },
    { items: [{ image: 'x' }] },
    422,
    /^map: \{"image":"x"\} does not contain declared merge key: name$/,
  ],
  [{ items: [{ name: 'a' }] }, { items: [{ name: 'a', $patch: 'frob' }] }, 422, /^unknown patch type: frob/],
  [{ labels: { a: '1' } }, { labels: { $patch: 'frob' } }, 422, /^unknown patch type: frob/],
  [{ items: [{ name: 'a' }] }, { items: ['a'] }, 422, /^list element types are not identical/],
  [{ finalizers: ['a'] }, { finalizers: [['a']] }, 422, /^lists of lists are not supported$/],
  [{}, { '$setElementOrder/items': 'x' }, 400, /^invalid patch format of setElementOrder list$/],
  [{ strategy: {} }, { strategy: { $retainKeys: 'x' } }, 400, /^invalid patch format of retainKeys$/],
  [
    { strategy: {} },
    { strategy: { $retainKeys: [], type: 'x' } },
    400,
    /^invalid patch format of retainKeys$/,
  ],
  [
    { finalizers: ['a'] },
    { '$deleteFromPrimitiveList/finalizers': 'a' },
    400,
    /^invalid patch format of primitive list$/,
  ],
  [
    { items: [{ name: 'a' }] },
    { '$setElementOrder/items': [{ name: 'a' }], items: [{ name: 'b' }] },
    422,
    /^The order in patch list/,
  ],
]

for (const [before, patch, status, message] of refused) {
  test(`strategic merge patch refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => applyStrategicPatch(node, before, patch),
      (e) => e instanceof PatchError && e.status === status && message.test(e.message),
    )
  })
}

test('a large list merges in linear time', () => {
  const items = Array.from({ length: 50_000 }, (_, i) => ({ name: `n${i}`, image: 'x' }))
  const patch = items.map(({ name }) => ({ name, image: 'y' }))
  const result = applyStrategicPatch(node, { items }, { items: patch })
  assert.equal((result.items as Json[]).length, 50_000)
})

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const thing = fc.record(
  {
    labels: fc.dictionary(names, names),
    items: fc.uniqueArray(
      fc.record(
        {
          name: names,
          image: names,
          ports: fc.uniqueArray(fc.record({ port: fc.nat(4), name: names }), { selector: (p) => p.port }),
          args: fc.array(names),
        },
        { requiredKeys: ['name'] },
      ),
      { selector: (i) => i.name },
    ),
    finalizers: fc.uniqueArray(names),
    strategy: fc.record(
      { type: names, rolling: fc.record({ port: fc.nat(3) }), other: names },
      { requiredKeys: [] },
    ),
    whole: fc.record({ port: fc.nat(3), name: names }, { requiredKeys: [] }),
    plain: fc.array(names),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<unknown> as fc.Arbitrary<JsonObject>

test('the strategic patch between two objects turns one into the other, order included', () => {
  fc.assert(
    fc.property(thing, thing, (before, after) => {
      const patch = strategicPatchFor(node, before, after, before)
      const result = patch ? applyStrategicPatch(node, before, patch) : before
      assert.ok(equalJson(result, after), JSON.stringify({ patch, result }))
    }),
    { numRuns: 2000 },
  )
})

test('applying a three-way patch leaves nothing to apply', () => {
  fc.assert(
    fc.property(thing, thing, thing, (original, modified, current) => {
      const patch = strategicPatchFor(node, original, modified, current)
      const result = patch ? applyStrategicPatch(node, current, patch) : current
      assert.equal(
        strategicPatchFor(node, modified, modified, result),
        undefined,
        JSON.stringify({ patch, result }),
      )
    }),
    { numRuns: 2000 },
  )
})

test('a three-way patch keeps what others set', () => {
  const patch = strategicPatchFor(
    node,
    { items: [{ name: 'a', image: '1' }, { name: 'b' }], labels: { x: '1' } },
    { items: [{ name: 'a', image: '2' }] },
    {
      items: [{ name: 'a', image: '1', args: ['theirs'] }, { name: 'b' }, { name: 'sidecar' }],
      labels: { x: '1', y: '2' },
    },
  )
  assert.deepEqual(patch, {
    items: [
      { image: '2', name: 'a' },
      { $patch: 'delete', name: 'b' },
    ],
    '$setElementOrder/items': [{ name: 'a' }],
    labels: null,
  })
})
