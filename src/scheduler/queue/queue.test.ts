import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../base/index.ts'
import type { Plugin } from '../framework.ts'
import { defaultPlugins } from '../plugins/index.ts'
import { Shapes } from '../snapshot/shape.ts'
import { podObject, type TestPod, testNode } from '../testing/objects.ts'
import { Heap, type HeapItem } from './heap.ts'
import { SchedulingQueue } from './queue.ts'

function setup(plugins: readonly Plugin[] = defaultPlugins) {
  const clock = new VirtualClock()
  const shapes = new Shapes()
  const queue = new SchedulingQueue({ clock, plugins, wake() {} })
  const put = (pod: TestPod) => {
    const object = podObject(pod)
    queue.put(object, shapes.of(object))
  }
  const pop = () => queue.pop()
  const popNames = () => {
    const names: string[] = []
    for (let item = pop(); item; item = pop()) names.push(item.pod.metadata.name)
    return names
  }
  return { clock, queue, put, pop, popNames }
}

const FIT = new Set(['NodeResourcesFit'])
const NOBODY = new Set<string>()

test('important pods come first, then those that have waited longer', async () => {
  const { clock, put, popNames } = setup()
  put({ name: 'first' })
  await clock.advance(10)
  put({ name: 'second' })
  put({ name: 'important', priority: 5 })
  assert.deepEqual(popNames(), ['important', 'first', 'second'])
})

test('a pod that failed is tried again after 1, 2, 4, 8, 10, 10 seconds', async () => {
  const { clock, queue, put, pop } = setup()
  put({ name: 'a' })
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    const item = pop()!
    queue.retry(item)
    await clock.advance(seconds * 1000 - 1)
    assert.equal(pop(), undefined, `not before ${seconds} s`)
    await clock.advance(1)
    assert.equal(queue.counts().active, 1, `after ${seconds} s`)
  }
})

test('a pod that no node took waits for an event that helps it, not for time', async () => {
  const { clock, queue, put, pop, popNames } = setup()
  put({ name: 'a', requests: { cpu: '2' } })
  queue.park(pop()!, FIT)
  await clock.advance(60_000)
  assert.deepEqual(popNames(), [])
  const small = testNode({ name: 'n', allocatable: { cpu: '1', memory: '1Gi', pods: '9' } })
  queue.on({ type: 'NodeAdded', node: small })
  assert.deepEqual(popNames(), [], 'too small a node')
  queue.on({ type: 'NamespaceChanged', namespace: 'x' })
  assert.deepEqual(popNames(), [], 'an event that resources have nothing to do with')
  queue.on({ type: 'NodeAdded', node: testNode({ name: 'n' }) })
  assert.deepEqual(popNames(), ['a'])
})

test('an event within the back-off is followed at once while few wait', () => {
  const { queue, put, pop, popNames } = setup()
  put({ name: 'a' })
  queue.park(pop()!, FIT)
  assert.equal(pop(), undefined)
  queue.on({ type: 'PodGone', pod: podObject() })
  assert.equal(queue.counts().backoff, 1)
  assert.deepEqual(popNames(), ['a'])
})

test('and after the back-off when many do', async () => {
  const { clock, queue, put, pop, popNames } = setup()
  for (let i = 0; i < 60; i++) put({ name: `p${i}` })
  for (let item = pop(); item; item = pop()) queue.park(item, FIT)
  queue.on({ type: 'PodGone', pod: podObject() })
  assert.deepEqual(popNames(), [])
  await clock.advance(1000)
  assert.equal(popNames().length, 60)
})

test('what no event brought back is tried again after five minutes', async () => {
  const { clock, queue, put, pop, popNames } = setup()
  put({ name: 'a' })
  queue.park(pop()!, FIT)
  await clock.advance(5 * 60_000 - 1)
  assert.deepEqual(popNames(), [])
  await clock.advance(30_000)
  assert.deepEqual(popNames(), ['a'])
})

test('a plugin without declared events is helped by any', () => {
  const mine: Plugin = { name: 'Mine', preFilter: () => undefined }
  const { queue, put, pop, popNames } = setup([...defaultPlugins, mine])
  put({ name: 'a' })
  queue.park(pop()!, new Set(['Mine']))
  queue.on({ type: 'NamespaceChanged', namespace: 'x' })
  assert.deepEqual(popNames(), ['a'])
})

test('a changed pod is tried at once, an unchanged one is not', () => {
  const { queue, put, pop, popNames } = setup()
  put({ name: 'a', requests: { cpu: '9' } })
  queue.park(pop()!, FIT)
  put({ name: 'a', requests: { cpu: '9' } })
  assert.deepEqual(popNames(), [])
  put({ name: 'a', requests: { cpu: '1' } })
  assert.deepEqual(popNames(), ['a'])
})

test('gates hold a pod until they are gone', () => {
  const { queue, put, popNames } = setup()
  put({ name: 'a', spec: { schedulingGates: [{ name: 'wait' }] } })
  queue.on({ type: 'PodGone', pod: podObject() })
  assert.deepEqual(popNames(), [])
  assert.equal(queue.counts().gated, 1)
  put({ name: 'a' })
  assert.deepEqual(popNames(), ['a'])
})

test('a deleted pod is nowhere, whatever happens to its attempt', async () => {
  const { clock, queue, put, pop, popNames } = setup()
  put({ name: 'a' })
  const item = pop()!
  queue.delete(item.pod.metadata.uid)
  queue.park(item, FIT)
  queue.retry(item)
  queue.on({ type: 'PodGone', pod: podObject() })
  await clock.advance(600_000)
  assert.deepEqual(popNames(), [])
  assert.deepEqual(queue.counts(), { active: 0, backoff: 0, unschedulable: 0, gated: 0, inFlight: 0 })
})

test('activate does not wait for anything', () => {
  const { queue, put, pop, popNames } = setup()
  put({ name: 'a' })
  const item = pop()!
  queue.retry(item)
  queue.activate(item.pod.metadata.uid)
  assert.deepEqual(popNames(), ['a'])
})

test('whatever happens, each pod is in one place and none is lost', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('put'), i: fc.nat(5), cpu: fc.nat(1) }),
    fc.record({
      do: fc.constantFrom('pop', 'park', 'retry', 'event', 'time', 'delete', 'activate'),
      i: fc.nat(5),
      cpu: fc.nat(1),
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { queue, put, pop } = setup()
      const known = new Set<string>()
      const flying: NonNullable<ReturnType<typeof pop>>[] = []
      for (const { do: what, i, cpu } of steps) {
        if (what === 'put') {
          put({ name: `p${i}`, requests: { cpu: String(cpu) } })
          known.add(`p${i}`)
        } else if (what === 'delete') {
          queue.delete(`default/p${i}`)
          known.delete(`p${i}`)
        } else if (what === 'pop') {
          const item = pop()
          if (item) flying.push(item)
        } else if (what === 'park') {
          const item = flying.pop()
          if (item) queue.park(item, i % 2 ? FIT : NOBODY)
        } else if (what === 'retry') {
          const item = flying.pop()
          if (item) queue.retry(item)
        } else if (what === 'activate') queue.activate(`default/p${i}`)
        else queue.on({ type: 'PodGone', pod: podObject() })
        const counts = queue.counts()
        const total = Object.values(counts).reduce((a, b) => a + b)
        assert.equal(total, known.size)
        const alive = new Set(flying.filter((f) => queue.get(f.pod.metadata.uid) === f))
        assert.equal(counts.inFlight, alive.size)
      }
    }),
  )
})

test('a heap gives its items in order, whichever were taken out of the middle', () => {
  interface Item extends HeapItem {
    readonly value: number
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.array(fc.nat()), (values, removals) => {
      const heap = new Heap<Item>((a, b) => a.value - b.value)
      const items = values.map((value): Item => ({ value, heapIndex: -1 }))
      for (const item of items) heap.push(item)
      const gone = new Set(removals.filter((r) => r < items.length).map((r) => items[r]!))
      for (const item of gone) heap.remove(item)
      const out: number[] = []
      for (let item = heap.pop(); item; item = heap.pop()) out.push(item.value)
      assert.deepEqual(
        out,
        items
          .filter((i) => !gone.has(i))
          .map((i) => i.value)
          .sort((a, b) => a - b),
      )
    }),
  )
})
