import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze, withField } from './frozen.ts'

const pod = deepFreeze({
  metadata: { name: 'a', labels: { x: 'y' } },
  spec: { containers: [{ name: 'c', image: 'i' }, { name: 'd' }] },
  status: undefined as { phase: string } | undefined,
})

test('only what lies on the path is copied', () => {
  const changed = withField(pod, ['spec', 'containers', 0, 'image'], 'j')
  assert.equal(changed.spec.containers[0]!.image, 'j')
  assert.equal(pod.spec.containers[0]!.image, 'i')
  assert.equal(changed.metadata, pod.metadata)
  assert.equal(changed.spec.containers[1], pod.spec.containers[1])
})

test('nothing changed is the same object', () => {
  assert.equal(withField(pod, ['spec', 'containers', 0, 'image'], 'i'), pod)
  assert.equal(withField(pod, ['metadata', 'annotations', 'a'], undefined).metadata.name, 'a')
})

test('missing objects are made, and undefined removes', () => {
  assert.deepEqual(withField(pod, ['status', 'phase'], 'Running').status, { phase: 'Running' })
  assert.deepEqual(withField(pod, ['metadata', 'labels', 'x'], undefined).metadata.labels, {})
  assert.deepEqual(Object.keys(withField({ a: 1, b: 2 }, ['a'], 3)), ['a', 'b'])
})

test('a frozen object refuses writes', () => {
  assert.throws(() => {
    pod.spec.containers[0]!.name = 'z'
  }, TypeError)
  assert.throws(() => pod.spec.containers.push({ name: 'e' }), TypeError)
})
