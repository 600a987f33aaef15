import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  apiVersionOf,
  decode,
  decodeMessage,
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  type StructType,
  WireError,
} from '../schema/index.ts'
import { type ArbitraryOptions, arbitraryOf, interpret } from '../schema/testing.ts'
import { allKinds, bodyKinds, listTypeOf, MetaWatchEvent, Pod } from './index.ts'

const all: readonly StructType<object>[] = [...allKinds, ...bodyKinds]
const byName = new Map(all.map((t) => [t.name, t]))
/** The name of a type and input for it: short in the report of a failure. */
const inputs = (options: ArbitraryOptions) =>
  fc
    .constantFrom(...all.filter((t) => t.protobuf || !options.protobuf).map((t) => t.name))
    .chain((name) => fc.tuple(fc.constant(name), arbitraryOf(byName.get(name)!, options)))
const nameOf = (type: StructType<object>) => `${apiVersionOf(type.apiKind!)}.${type.apiKind!.kind}`

const vectors = new URL('../../../shared/api-facts/vectors/', import.meta.url)
const skip = existsSync(vectors)
  ? false
  : 'the reference vectors (../shared/api-facts/vectors) are not on this machine'

test('every reference vector is decoded and encoded byte for byte', { skip }, () => {
  const names = readdirSync(vectors).filter((name) => name.endsWith('.json'))
  assert.ok(names.length > 0)
  for (const name of names) {
    const json = JSON.parse(readFileSync(new URL(name, vectors), 'utf8'))
    const bytes = readFileSync(new URL(name.replace(/json$/, 'pb'), vectors))
    const kind = name.split('.').at(-2)!
    const type = all.find(
      (t) => t.apiKind!.kind === kind && nameOf(t) === `${json.apiVersion ?? 'v1'}.${kind}`,
    )
    const used: StructType<object> = type ?? MetaWatchEvent
    assert.ok(type || kind === 'WatchEvent', `no type for ${name}`)
    assert.equal(JSON.stringify(decodeProtobuf(used, bytes)), JSON.stringify(json), name)
    assert.ok(encodeProtobuf(used, json).equals(bytes), name)
    const { value, problems } = decode(used, json, { unknown: 'strict' })
    assert.deepEqual(problems, [], name)
    assert.equal(JSON.stringify(value), JSON.stringify(json), name)
  }
})

test('what the compiled decoder makes of any input is what the interpreter makes of it', () => {
  fc.assert(
    fc.property(inputs({ messy: true }), ([name, input]) => {
      const type = byName.get(name)!
      const fast = decode(type, input, { unknown: 'strict' })
      const slow = interpret(type, input, { unknown: 'strict' })
      assert.equal(JSON.stringify(fast), JSON.stringify(slow))
      const again = decode(type, slow.value, { unknown: 'strict' })
      assert.equal(JSON.stringify(again.value), JSON.stringify(slow.value), 'the normal form is not stable')
    }),
    { numRuns: 400 },
  )
})

test('an object survives protobuf unchanged', () => {
  fc.assert(
    fc.property(inputs({ protobuf: true }), ([name, input]) => {
      const type = byName.get(name)!
      const { value, problems } = decode(type, input, { unknown: 'strict' })
      assert.deepEqual(problems, [])
      assert.equal(JSON.stringify(decodeMessage(type, encodeMessage(type, value))), JSON.stringify(value))
    }),
    { numRuns: 400 },
  )
})

test('a list is a message of its items', () => {
  const type = listTypeOf(Pod)
  const pod = { metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }
  const list = decode(type, { metadata: { resourceVersion: '7' }, items: [pod, pod] }).value
  const back = decodeProtobuf(type, encodeProtobuf(type, list))
  assert.equal(back.kind, 'PodList')
  assert.deepEqual(back.items, list.items)
  assert.equal(type.name, 'core.v1.PodList')
  assert.equal(listTypeOf(Pod), type)
})

test('broken protobuf is refused, whatever is broken', () => {
  const good = encodeProtobuf(
    Pod,
    decode(Pod, { metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }).value,
  )
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
      const bad = Buffer.from(good.subarray(0, length))
      if (at < bad.length) bad[at] = byte
      try {
        decodeProtobuf(Pod, bad)
      } catch (error) {
        assert.ok(error instanceof WireError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
  assert.throws(() => decodeProtobuf(Pod, Buffer.from('{"kind":"Pod"}')), WireError)
})

test('a whole number that would come back as another one is refused, in JSON and in protobuf', () => {
  const tolerating = (seconds: number) => ({
    metadata: { name: 'a' },
    spec: { containers: [], tolerations: [{ tolerationSeconds: seconds }] },
  })
  const largest = Number.MAX_SAFE_INTEGER
  const read = (seconds: number) => decode(Pod, tolerating(seconds))
  for (const kept of [largest, -largest]) assert.equal(read(kept).problems.length, 0)
  for (const lost of [2 ** 63 - 1, 2 ** 53, -(2 ** 53)]) {
    assert.match(read(lost).problems[0]!.text, /expected int64 up to 9007199254740991, got number/)
  }
  const tooMuch = { ...read(1).value, spec: tolerating(2 ** 53).spec } as Pod
  const bytes = encodeProtobuf(Pod as StructType<object>, tooMuch)
  assert.throws(() => decodeProtobuf(Pod as StructType<object>, bytes), /expected an int64 up to/)
})
