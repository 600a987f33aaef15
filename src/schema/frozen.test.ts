import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze } from './frozen.ts'

test('a frozen object refuses writes at every depth', () => {
  const pod = deepFreeze({ spec: { containers: [{ name: 'c', image: 'i' }] } })
  assert.throws(() => {
    pod.spec.containers[0]!.name = 'z'
  }, TypeError)
  assert.throws(() => pod.spec.containers.push({ name: 'e', image: 'i' }), TypeError)
})
