import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesFields, parseFieldSelector } from './field-selector.ts'
import {
  formatSelector,
  type Labels,
  matchesLabels,
  parseLabelSelector,
  selectorOf,
  selectorOfLabels,
} from './selector.ts'

test('a label selector in its string form selects by every operator', () => {
  const table: [string, Labels, boolean][] = [
    ['', { a: 'b' }, true],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a=', { a: '' }, true],
    ['a=', {}, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b,c)', undefined, false],
    ['a in (,b)', { a: '' }, true],
    ['a in ()', { a: '' }, true],
    ['a notin (b,c)', { a: 'c' }, false],
    ['a notin (b,c)', {}, true],
    ['a', { a: '' }, true],
    ['a', { b: '' }, false],
    ['!a', { b: '' }, true],
    ['! a', { a: '' }, false],
    ['a>3', { a: '4' }, true],
    ['a>3', { a: 'x' }, false],
    ['a<3', { a: '3' }, false],
    ['a=b,c!=d', { a: 'b', c: 'd' }, false],
    [' example.com/x = y , z ', { 'example.com/x': 'y', z: '' }, true],
    ['toString', {}, false],
  ]
  for (const [text, labels, expected] of table) {
    assert.equal(
      matchesLabels(parseLabelSelector(text), labels),
      expected,
      `${text} on ${JSON.stringify(labels)}`,
    )
  }
})

test('what is no label selector is refused', () => {
  const table = [
    'a,',
    ',a',
    'a=b c',
    'a in b',
    'a in (b',
    'a in (b c)',
    '=',
    '!',
    '!a=b',
    'a>b',
    'a=-',
    '-a',
    'a/b/c',
    'a b',
    'A/',
  ]
  for (const text of table) assert.throws(() => parseLabelSelector(text), { name: 'SelectorError' }, text)
  assert.throws(() => parseLabelSelector('a='.repeat(100_000)), { name: 'SelectorError' })
})

test('a LabelSelector object that is absent selects nothing, an empty one everything', () => {
  assert.equal(matchesLabels(selectorOf(undefined), { a: 'b' }), false)
  assert.equal(matchesLabels(selectorOf({}), { a: 'b' }), true)
  const selector = selectorOf({
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['e', 'd'] },
      { key: 'f', operator: 'NotIn', values: ['g'] },
      { key: 'h', operator: 'Exists' },
      { key: 'i', operator: 'DoesNotExist' },
    ],
  })
  assert.equal(formatSelector(selector), 'a=b,c in (d,e),f notin (g),h,!i')
  assert.equal(matchesLabels(selector, { a: 'b', c: 'd', h: '' }), true)
  assert.equal(matchesLabels(selector, { a: 'b', c: 'd', f: 'g', h: '' }), false)
  assert.throws(
    () => selectorOf({ matchExpressions: [{ key: 'a', operator: 'constructor' }] }),
    /not a valid/,
  )
  assert.equal(matchesLabels(selectorOfLabels({ a: 'b' }), { a: 'b', c: 'd' }), true)
})

const flat = (r: { key: string; operator: string; values: readonly string[] }) => [
  r.key,
  r.operator,
  r.values,
]

test('a selector that is written and read again selects the same', () => {
  const word = fc.stringMatching(/^[a-z0-9]([a-zA-Z0-9_.-]{0,5}[a-z0-9])?$/)
  const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 }).map((w) => w.sort())
  const requirement = fc.oneof(
    fc.record({
      key: word,
      operator: fc.constantFrom('=' as const, '!=' as const),
      values: word.map((w) => [w]),
    }),
    fc.record({ key: word, operator: fc.constantFrom('in' as const, 'notin' as const), values: words }),
    fc.record({
      key: word,
      operator: fc.constantFrom('exists' as const, '!' as const),
      values: fc.constant([]),
    }),
  )
  fc.assert(
    fc.property(fc.array(requirement), (requirements) => {
      const selector = { requirements, nothing: false }
      assert.equal(
        JSON.stringify(parseLabelSelector(formatSelector(selector)).requirements.map(flat)),
        JSON.stringify(requirements.map(flat)),
      )
    }),
  )
})

test('a field selector compares text, with escapes', () => {
  const get = (field: string) => ({ 'status.phase': 'Running', odd: 'a,b=c\\d' })[field] ?? ''
  const table: [string, boolean][] = [
    ['', true],
    ['status.phase=Running', true],
    ['status.phase==Running,', true],
    ['status.phase!=Running', false],
    ['spec.nodeName=', true],
    ['spec.nodeName=,status.phase=Pending', false],
    ['odd=a\\,b\\=c\\\\d', true],
  ]
  for (const [text, expected] of table)
    assert.equal(matchesFields(parseFieldSelector(text), get), expected, text)
  for (const text of ['a', 'a=b=c', 'a=\\x', 'a=b\\']) {
    assert.throws(() => parseFieldSelector(text), { name: 'SelectorError' }, text)
  }
})
