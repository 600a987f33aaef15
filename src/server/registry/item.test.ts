import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '../../schema/index.ts'
import { itemAtDeletion, itemFromStored, itemOf, storedBytes, withRevisionBytes } from './item.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const tricky = fc.constantFrom('"uid":"', ',"resourceVersion":"', '\\"uid\\":\\"', '"}', 'a"b\\', 'ü\u0000')
const word = fc.oneof(text, tricky)

/** Objects whose properties stand in any order, full of what could be mistaken for the place of the revision. */
const objects = fc
  .tuple(
    fc.record({
      name: word,
      generateName: fc.option(word, { nil: undefined }),
      namespace: fc.option(word, { nil: undefined }),
      uid: fc.uuid(),
      resourceVersion: fc.constantFrom('', '7'),
      ownerReferences: fc.array(fc.record({ uid: word, name: word })),
      annotations: fc.dictionary(
        word.filter((w) => w !== '__proto__'),
        word,
      ),
    }),
    fc.infiniteStream(fc.nat()),
    word,
  )
  .map(([fields, order, data]) => {
    const keys = Object.entries(fields).filter(([, v]) => v !== undefined)
    const shuffled = keys.map((k) => ({ k, at: order.next().value })).sort((a, b) => a.at - b.at)
    const metadata = Object.fromEntries(shuffled.map((s) => s.k))
    return { data, metadata, apiVersion: 'v1', kind: 'Thing' } as unknown as KubeObject
  })

test('the revision stands in the metadata, once, whatever the object holds', () => {
  fc.assert(
    fc.property(objects, fc.integer({ min: 1, max: 2 ** 50 }), (object, revision) => {
      const bytes = storedBytes(object)
      const { resourceVersion: _, ...metadata } = object.metadata
      assert.deepEqual(JSON.parse(bytes.toString()), {
        ...object,
        metadata: JSON.parse(JSON.stringify(metadata)),
      })
      const shown = JSON.parse(withRevisionBytes(bytes, revision).toString())
      assert.deepEqual(shown, {
        ...object,
        metadata: { ...JSON.parse(JSON.stringify(metadata)), resourceVersion: String(revision) },
      })
    }),
  )
})

test('an item made from bytes is the item made from the object, and its deletion only changes the revision', () => {
  fc.assert(
    fc.property(objects, (object) => {
      const bytes = storedBytes(object)
      const read = itemFromStored('k', bytes, 12)
      const made = itemOf('k', object, bytes, 12)
      assert.deepEqual(read.object, JSON.parse(JSON.stringify(made.object)))
      assert.ok(read.json.equals(made.json))
      assert.deepEqual(JSON.parse(read.json.toString()), read.object)
      const gone = itemAtDeletion(read, 345)
      assert.deepEqual(JSON.parse(gone.json.toString()), gone.object)
      assert.deepEqual(gone.object, {
        ...read.object,
        metadata: { ...read.object.metadata, resourceVersion: '345' },
      })
    }),
  )
})
