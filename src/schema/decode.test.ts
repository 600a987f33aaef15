import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, decodeErrorText } from './decode.ts'
import {
  always,
  bytes,
  inline,
  int32,
  intOrString,
  json,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  quantity,
  req,
  type Shape,
  type StructType,
  str,
  struct,
  time,
} from './type.ts'

const resourceFields = { limits: opt(1, mapOf(quantity)) } as const
interface Resources extends Shape<typeof resourceFields> {}
const Resources = struct<Resources>('test.v1.Resources', resourceFields)

const sourceFields = { path: opt(1, str), optional: ptr(2, int32) } as const

const boxFields = {
  name: req(1, str),
  policy: opt(2, oneOf('Always', 'Never')),
  replicas: ptr(3, int32),
  priority: opt(4, int32),
  port: opt(5, intOrString),
  resources: always(6, () => Resources),
  limits: opt(7, () => Resources),
  args: opt(8, listOf(str)),
  items: req(
    9,
    listOf(() => Resources),
  ),
  labels: opt(10, mapOf(str)),
  data: opt(11, mapOf(bytes)),
  at: opt(12, time),
  ...inline(13, sourceFields),
  extra: opt(14, json),
  child: opt(15, (): StructType<Box> => Box),
} as const
interface Box {
  readonly name: string
  readonly child?: Box | undefined
}
const Box: StructType<Box> = struct<Box>('test.v1.Box', boxFields)

const strict = (input: unknown) => decode(Box, input, { unknown: 'strict' })

test('an empty object gets what is always there, and nothing else', () => {
  assert.equal(JSON.stringify(strict({}).value), '{"name":"","resources":{},"items":[]}')
  assert.equal(JSON.stringify(strict(null).value), '{"name":"","resources":{},"items":[]}')
})

test('properties come in the order of the declaration and map keys sorted', () => {
  const { value } = strict({ labels: { b: '1', a: '2' }, items: [], args: ['x'], name: 'n' })
  assert.equal(
    JSON.stringify(value),
    '{"name":"n","resources":{},"args":["x"],"items":[],"labels":{"a":"2","b":"1"}}',
  )
})

test('zero is left out, except where absent and zero differ', () => {
  const zeros = {
    policy: '',
    replicas: 0,
    priority: 0,
    port: 0,
    args: [],
    labels: {},
    limits: {},
    optional: 0,
    at: null,
  }
  assert.equal(
    JSON.stringify(strict(zeros).value),
    '{"name":"","replicas":0,"resources":{},"limits":{},"items":[],"optional":0}',
  )
})

test('nulls in lists and maps stand for zero', () => {
  const { value } = strict({
    args: [null],
    labels: { a: null },
    items: [null],
    data: { a: null },
    extra: null,
  })
  assert.equal(
    JSON.stringify(value),
    '{"name":"","resources":{},"args":[""],"items":[{}],"labels":{"a":""},"data":{"a":""}}',
  )
})

test('quantities, times and numbers are written in one way', () => {
  const { value } = strict({
    resources: { limits: { memory: '1024Mi', cpu: 0.5 } },
    at: '2026-01-01T01:00:00+01:00',
    data: { a: 'YQ\n==' },
  })
  assert.equal(
    JSON.stringify(value),
    '{"name":"","resources":{"limits":{"cpu":"500m","memory":"1Gi"}},"items":[],"data":{"a":"YQ=="},"at":"2026-01-01T00:00:00Z"}',
  )
})

test('unknown fields are dropped, and reported as asked', () => {
  const input = { nope: 1, resources: { foo: {} }, items: [{ 'a"b': 1 }] }
  const texts = ['unknown field "nope"', 'unknown field "resources.foo"', 'unknown field "items[0].a\\"b"']
  const clean = '{"name":"","resources":{},"items":[{}]}'
  for (const unknown of ['strict', 'warn', 'ignore'] as const) {
    const result = decode(Box, input, { unknown })
    assert.equal(JSON.stringify(result.value), clean)
    assert.deepEqual(
      result.problems.map((p) => p.text),
      unknown === 'strict' ? texts : [],
    )
    assert.deepEqual(result.warnings, unknown === 'warn' ? texts : [])
  }
})

test('a value of the wrong type is a problem with its path', () => {
  const table: [unknown, string][] = [
    ['text', 'expected object, got string "text"'],
    [[], 'expected object, got array'],
    [{ name: 7 }, 'name: expected string, got number 7'],
    [{ policy: false }, 'policy: expected string, got bool false'],
    [{ replicas: 'three' }, 'replicas: expected int32, got string "three"'],
    [{ replicas: 1.5 }, 'replicas: expected int32, got number 1.5'],
    [{ replicas: 2 ** 31 }, 'replicas: expected int32, got number 2147483648'],
    [{ port: {} }, 'port: expected int32 or string, got object'],
    [{ resources: [] }, 'resources: expected object, got array'],
    [{ args: 'x' }, 'args: expected array, got string "x"'],
    [{ args: ['x', 1] }, 'args[1]: expected string, got number 1'],
    [{ labels: { a: 1 } }, 'labels.a: expected string, got number 1'],
    [{ labels: [] }, 'labels: expected object, got array'],
    [{ data: { k: '*' } }, 'data.k: expected base64 string, got string "*"'],
    [{ at: 'noon' }, 'at: expected RFC 3339 time, got string "noon"'],
    [
      { items: [{ limits: { cpu: '1x' } }] },
      'items[0].limits.cpu: expected quantity such as 500m or 1Gi, got string "1x"',
    ],
  ]
  for (const [input, text] of table) {
    assert.deepEqual(
      decode(Box, input).problems.map((p) => p.text),
      [text],
    )
  }
})

test('__proto__ is a key like any other', () => {
  const { value } = strict(JSON.parse('{"labels":{"__proto__":"x"}}'))
  assert.equal(JSON.stringify(value), '{"name":"","resources":{},"items":[],"labels":{"__proto__":"x"}}')
  assert.equal(({} as { x?: unknown }).x, undefined)
  assert.equal(
    strict(JSON.parse('{"__proto__":{"name":"x"}}')).problems[0]?.text,
    'unknown field "__proto__"',
  )
})

test('bad input has bounded cost: depth and the number of problems are limited', () => {
  let deep: object = {}
  for (let i = 0; i < 5000; i++) deep = { child: deep }
  assert.match(strict(deep).problems[0]!.text, /nested deeper than 1000 levels$/)
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x${i}`, 1]))
  assert.equal(strict(many).problems.length, 100)
})

test('the refusal reads as users of kubectl know it', () => {
  const resource = { kind: 'Box', version: 'v1' }
  assert.equal(
    decodeErrorText(resource, strict({ a: 1, b: 2 }).problems),
    'Box in version "v1" cannot be handled as a Box: strict decoding error: unknown field "a", unknown field "b"',
  )
  assert.equal(
    decodeErrorText(resource, strict({ a: 1, replicas: '3' }).problems),
    'Box in version "v1" cannot be handled as a Box: replicas: expected int32, got string "3"',
  )
})
