import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/index.ts'
import { podObject, snapshotOf, testNode } from '../testing/objects.ts'
import { CPU } from './nodes.ts'
import { Shapes } from './shape.ts'

const used = (snapshot: ReturnType<typeof snapshotOf>, node: string) =>
  snapshot.nodes.requested[CPU]![snapshot.nodes.slotOf(node)!]

function withStatus(pod: Pod, requests: Record<string, string> | undefined): Pod {
  const containerStatuses = [{ name: 'c', ...(requests ? { resources: { requests } } : {}) }]
  return { ...pod, status: { ...pod.status, containerStatuses } } as unknown as Pod
}

test('pods of equal specification have one shape, on a node or not, whatever their status says', () => {
  const shapes = new Shapes()
  const waiting = podObject({ name: 'a', requests: { cpu: '1' }, labels: { app: 'web' } })
  const running = podObject({ name: 'b', requests: { cpu: '1' }, labels: { app: 'web' }, on: 'n' })
  const shape = shapes.of(waiting)
  assert.equal(shapes.of(running, true), shape)
  assert.equal(shapes.of(withStatus(running, undefined), true), shape)
  assert.equal(shapes.of(withStatus(running, { cpu: '1' }), true), shape)
  assert.notEqual(shapes.of(podObject({ requests: { cpu: '2' }, labels: { app: 'web' } })), shape)
  const other = shapes.of(podObject({ requests: { cpu: '1' }, labels: { app: 'db' } }))
  assert.notEqual(other, shape)
  assert.equal(other.needs, shape.needs, 'a node does not care about labels')
})

test('while a pod shrinks, what it still has is counted', () => {
  const snapshot = snapshotOf([{ name: 'n' }])
  const pod = podObject({ name: 'p', requests: { cpu: '1' }, on: 'n' })
  snapshot.place(withStatus(pod, { cpu: '2' }), 'n')
  assert.equal(used(snapshot, 'n'), 2000)
  snapshot.place(withStatus(pod, { cpu: '1' }), 'n')
  assert.equal(used(snapshot, 'n'), 1000)
})

test('pods may come before their node, and outlive it', () => {
  const snapshot = snapshotOf([])
  snapshot.place(podObject({ name: 'p', requests: { cpu: '1' }, on: 'n' }), 'n')
  assert.equal(snapshot.nodes.count, 0)
  snapshot.putNode(testNode({ name: 'n' }))
  assert.equal(snapshot.nodes.count, 1)
  assert.equal(used(snapshot, 'n'), 1000)
  snapshot.removeNode('n')
  assert.equal(used(snapshot, 'n'), 1000)
  assert.ok(snapshot.displace('default/p'))
  assert.equal(snapshot.nodes.slotOf('n'), undefined, 'the slot is free again')
  snapshot.putNode(testNode({ name: 'other' }))
  assert.equal(used(snapshot, 'other'), 0)
})

test('a resource that appears later counts the pods that hold it already', () => {
  const snapshot = snapshotOf([{ name: 'n' }], [{ on: 'n', requests: { 'example.com/gpu': '2' } }])
  assert.equal(snapshot.nodes.column('example.com/gpu'), undefined)
  snapshot.putNode(
    testNode({ name: 'n', allocatable: { cpu: '4', memory: '1Gi', pods: '9', 'example.com/gpu': '3' } }),
  )
  const column = snapshot.nodes.column('example.com/gpu')!
  assert.equal(snapshot.nodes.requested[column]![snapshot.nodes.slotOf('n')!], 2)
})

test('a heartbeat of a node changes nothing', () => {
  const snapshot = snapshotOf([{ name: 'n' }])
  const { version } = snapshot.nodes
  const node = testNode({ name: 'n' })
  const conditions = node.status.conditions!.map((c) => ({ ...c, lastHeartbeatTime: '2026-01-01T00:05:00Z' }))
  const changes = snapshot.putNode({ ...node, status: { ...node.status, conditions } })
  assert.deepEqual(changes, [])
  assert.equal(snapshot.nodes.version, version)
})

test('more nodes than there is room for at first', () => {
  const snapshot = snapshotOf(Array.from({ length: 1000 }, (_, i) => ({ name: `n${i}` })))
  for (let i = 0; i < 1000; i++) {
    snapshot.place(podObject({ name: `p${i}`, requests: { cpu: `${i}m` }, on: `n${i}` }), `n${i}`)
  }
  for (let i = 0; i < 1000; i++) assert.equal(used(snapshot, `n${i}`), i)
  const zone = snapshot.nodes.topology('kubernetes.io/hostname')
  assert.equal(new Set(zone.values.subarray(0, 1000)).size, 1000)
})

test('no number of topology keys that pods name takes more than a bounded room', () => {
  const snapshot = snapshotOf([{ name: 'n' }])
  const column = snapshot.nodes.topology('kubernetes.io/hostname')
  for (let i = 0; i < 1000; i++) snapshot.nodes.topology(`example.com/key-${i}`)
  assert.notEqual(snapshot.nodes.topology('kubernetes.io/hostname'), column, 'forgotten, and made again')
})
