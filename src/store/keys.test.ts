import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareKeys, inRange, keyAfter } from './keys.ts'
import { prefixEnd } from './store.ts'

const unicode = fc.string({ unit: 'binary' })

describe('the order of keys', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(unicode, unicode, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })

  it('has nothing between a key and the one after it', () => {
    fc.assert(
      fc.property(unicode, unicode, (a, b) => {
        assert.ok(compareKeys(a, keyAfter(a)) < 0)
        if (compareKeys(a, b) < 0) assert.ok(compareKeys(keyAfter(a), b) <= 0)
      }),
    )
  })

  it('puts exactly the keys with a prefix between the prefix and its end', () => {
    for (const key of ['/pods/', '/pods/a', '/pods/z/\u{1f600}'])
      assert.ok(inRange(key, '/pods/', prefixEnd('/pods/')))
    for (const key of ['/pods', '/pods0', '/podsa']) assert.ok(!inRange(key, '/pods/', prefixEnd('/pods/')))
  })
})
