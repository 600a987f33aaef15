import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Lease, Node, Pod } from '../../api/index.ts'
import { microTimestamp, timestamp } from '../../base/index.ts'
import { podGarbageCollector } from '../podgc/index.ts'
import { type Harness, harness, podsOf, setPod } from '../testing/harness.ts'
import { taintEviction, tolerates } from './eviction.ts'
import { nodeLifecycle } from './health.ts'
import { nodeIpam, parseCidr } from './ipam.ts'

const start = () =>
  harness((clock) => [nodeLifecycle(clock), taintEviction(clock), podGarbageCollector(clock)])

async function addNode(h: Harness, name: string, zone = ''): Promise<void> {
  await h.api.create(Node, {
    metadata: { name, labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} },
  })
  await h.api.create(Lease, {
    metadata: { namespace: 'kube-node-lease', name },
    spec: { holderIdentity: name },
  })
  await beat(h, name)
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(h.clock.now()) }]
  await h.api.patch(
    Node,
    { name },
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  )
}

const beat = (h: Harness, name: string) =>
  h.api.patch(
    Lease,
    { namespace: 'kube-node-lease', name },
    {
      type: 'merge',
      body: { spec: { renewTime: microTimestamp(h.clock.now()) } },
    },
  )

/** Lets `seconds` pass while these nodes give signs of life. */
async function pass(h: Harness, seconds: number, alive: readonly string[]): Promise<void> {
  for (let t = 0; t < seconds; t += 5) {
    for (const name of alive) await beat(h, name)
    await h.settle(5000)
  }
}

async function addPod(h: Harness, name: string, nodeName: string, spec: object = {}): Promise<void> {
  const pod = await h.api.create(Pod, {
    metadata: { namespace: 'default', name },
    spec: { containers: [], ...spec },
  })
  await setPod(h, pod, { nodeName, ready: true })
}

const taints = async (h: Harness, name: string) =>
  ((await h.api.get(Node, { name })).spec.taints ?? [])
    .map((t) => `${t.key.split('/')[1]}:${t.effect}`)
    .sort()
const ready = async (h: Harness, name: string) =>
  (await h.api.get(Node, { name })).status.conditions?.find((c) => c.type === 'Ready')

test('a node that falls silent becomes Unknown after 50 s, is tainted, and its pods are not ready', async () => {
  const h = await start()
  for (const name of ['a', 'b', 'c']) await addNode(h, name)
  await addPod(h, 'p', 'a')
  await pass(h, 45, ['b', 'c'])
  assert.equal((await ready(h, 'a'))?.status, 'True')
  await pass(h, 10, ['b', 'c'])
  const condition = await ready(h, 'a')
  assert.deepEqual([condition?.status, condition?.reason], ['Unknown', 'NodeStatusUnknown'])
  assert.deepEqual(await taints(h, 'a'), ['unreachable:NoExecute', 'unreachable:NoSchedule'])
  assert.deepEqual(await taints(h, 'b'), [])
  const events = (await h.api.list(Event)).items.map((e) => e.reason)
  assert.ok(events.includes('NodeNotReady') && events.includes('TaintManagerEviction'))
  await h.end()
})

test('a node that comes back loses its taints', async () => {
  const h = await start()
  for (const name of ['a', 'b']) await addNode(h, name)
  await pass(h, 60, ['b'])
  assert.equal((await taints(h, 'a')).length, 2)
  await beat(h, 'a')
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: timestamp(h.clock.now()) }]
  await h.api.patch(
    Node,
    { name: 'a' },
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  )
  await pass(h, 10, ['a', 'b'])
  assert.deepEqual(await taints(h, 'a'), [])
  await h.end()
})

test('pods are evicted when their toleration of the taint ends, and not before', async () => {
  const h = await start()
  for (const name of ['a', 'b', 'c']) await addNode(h, name)
  const tolerating = (tolerationSeconds?: number) => ({
    tolerations: [
      {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
      },
    ],
  })
  await addPod(h, 'never', 'a', tolerating())
  await addPod(h, 'soon', 'a', tolerating(30))
  await addPod(h, 'late', 'a', tolerating(300))
  await addPod(h, 'elsewhere', 'b')
  await pass(h, 60, ['b', 'c'])
  const leaving = async () =>
    (await podsOf(h)).filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name)
  assert.deepEqual(await leaving(), [])
  await pass(h, 20, ['b', 'c'])
  assert.deepEqual(await leaving(), ['soon'])
  await pass(h, 270, ['b', 'c'])
  assert.deepEqual((await leaving()).sort(), ['late', 'soon'])
  const target = (await podsOf(h)).find((p) => p.metadata.name === 'soon')
  assert.equal(
    target?.status.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason,
    'DeletionByTaintManager',
  )
  await h.end()
})

const OWN = { key: 'example.com/broken', value: 'disk', effect: 'NoExecute' }
const ownTaint = (h: Harness, taints: readonly object[] | null) =>
  h.api.patch(Node, { name: 'a' }, { type: 'merge', body: { spec: { taints } } })
const forSeconds = (tolerationSeconds: number) => ({
  tolerations: [{ key: OWN.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }],
})
const leavingOf = async (h: Harness) =>
  (await podsOf(h)).filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name)

test('a taint that goes in time evicts nobody, and one that comes again gives all the time again', async () => {
  const h = await start()
  await addNode(h, 'a')
  await addPod(h, 'p', 'a', forSeconds(60))
  for (let again = 0; again < 3; again++) {
    await ownTaint(h, [OWN])
    await pass(h, 50, ['a'])
    await ownTaint(h, null)
    await pass(h, 50, ['a'])
    assert.deepEqual(await leavingOf(h), [])
  }
  await ownTaint(h, [OWN])
  await pass(h, 70, ['a'])
  assert.deepEqual(await leavingOf(h), ['p'])
  await h.end()
})

test('a pod that comes onto a tainted node later has its own time, counted from then', async () => {
  const h = await start()
  await addNode(h, 'a')
  await ownTaint(h, [OWN])
  await addPod(h, 'early', 'a', forSeconds(300))
  await pass(h, 280, ['a'])
  await addPod(h, 'late', 'a', forSeconds(300))
  await pass(h, 40, ['a'])
  assert.deepEqual(await leavingOf(h), ['early'])
  await pass(h, 240, ['a'])
  assert.deepEqual(await leavingOf(h), ['early'])
  await pass(h, 40, ['a'])
  assert.deepEqual((await leavingOf(h)).sort(), ['early', 'late'])
  await h.end()
})

test('when no node is heard any more, nobody is evicted: it may be us who are deaf', async () => {
  const h = await start()
  for (const name of ['a', 'b']) await addNode(h, name)
  await addPod(h, 'p', 'a')
  await pass(h, 120, [])
  assert.equal((await ready(h, 'a'))?.status, 'Unknown')
  assert.equal((await podsOf(h))[0]?.metadata.deletionTimestamp, undefined)
  assert.ok((await taints(h, 'a')).every((t) => t.endsWith('NoSchedule')))
  await h.end()
})

test('nodes of a zone are evicted one after the other, and not at all when most are down', async () => {
  const h = await start()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await addNode(h, name, 'z')
  await pass(h, 55, ['c', 'd', 'e'])
  const evicting = async () =>
    (await Promise.all(names.map((n) => taints(h, n)))).filter((t) => t.includes('unreachable:NoExecute'))
      .length
  assert.equal(await evicting(), 1)
  await pass(h, 15, ['c', 'd', 'e'])
  assert.equal(await evicting(), 2)
  await pass(h, 60, ['d', 'e'])
  assert.equal(await evicting(), 2)
  assert.match(h.waits().find((w) => w.key === 'c')?.waits[0] ?? '', /most nodes of its zone are down/)
  await h.end()
})

for (const [what, body, expected] of [
  ['cordoned', { spec: { unschedulable: true } }, ['unschedulable:NoSchedule']],
  [
    'short of memory',
    {
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'MemoryPressure', status: 'True' },
        ],
      },
    },
    ['memory-pressure:NoSchedule'],
  ],
  [
    'not ready',
    { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    ['not-ready:NoExecute', 'not-ready:NoSchedule'],
  ],
] as const) {
  test(`a node that is ${what} is tainted for that, and taints of others stay`, async () => {
    const h = await start()
    for (const name of ['a', 'b']) await addNode(h, name)
    await h.api.patch(
      Node,
      { name: 'a' },
      { type: 'merge', body: { spec: { taints: [{ key: 'x/mine', effect: 'NoSchedule' }] } } },
    )
    await h.api.patch(
      Node,
      { name: 'a' },
      { type: 'merge', body },
      'status' in body ? { subresource: 'status' } : {},
    )
    await h.settle()
    assert.deepEqual(await taints(h, 'a'), ['mine:NoSchedule', ...expected].sort())
    await h.end()
  })
}

test('nodes get the lowest free ranges, also those that join together', async () => {
  const h = await harness([nodeIpam('10.244.0.0/22')])
  await h.api.create(Node, {
    metadata: { name: 'has' },
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
  })
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => h.api.create(Node, { metadata: { name } })))
  await h.settle()
  const ranges = (await h.api.list(Node)).items.map((n) => [n.metadata.name, n.spec.podCIDR])
  assert.deepEqual(ranges, [
    ['a', '10.244.0.0/24'],
    ['b', '10.244.2.0/24'],
    ['c', '10.244.3.0/24'],
    ['d', undefined],
    ['has', '10.244.1.0/24'],
  ])
  assert.equal((await h.api.list(Event)).items[0]?.reason, 'CIDRNotAvailable')
  await h.api.delete(Node, { name: 'b' })
  await h.settle()
  assert.equal((await h.api.get(Node, { name: 'd' })).spec.podCIDR, '10.244.2.0/24')
  await h.end()
})

test('a pod network that cannot be cut into /24 is refused', () => {
  for (const bad of ['10.0.0.0', '10.0.0.0/25', '300.0.0.0/16', 'fd00::/48', '']) {
    assert.throws(() => parseCidr(bad), /cannot use pod network/)
  }
})

test('pods of a node that is gone are failed and removed after a quarantine', async () => {
  const h = await start()
  for (const name of ['a', 'b']) await addNode(h, name)
  await addPod(h, 'p', 'a')
  await h.api.delete(Node, { name: 'a' })
  await pass(h, 35, ['b'])
  assert.equal((await podsOf(h)).length, 1)
  await pass(h, 10, ['b'])
  assert.deepEqual(await podsOf(h), [])
  await h.end()
})

test('a terminating pod of a node that is out of service is removed at once', async () => {
  const h = await start()
  for (const name of ['a', 'b']) await addNode(h, name)
  await addPod(h, 'p', 'a')
  await h.api.delete(Pod, { namespace: 'default', name: 'p' })
  const conditions = [{ type: 'Ready', status: 'False' }]
  await h.api.patch(
    Node,
    { name: 'a' },
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  )
  await h.settle()
  assert.equal((await podsOf(h)).length, 1)
  const out = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }]
  await h.api.patch(Node, { name: 'a' }, { type: 'merge', body: { spec: { taints: out } } })
  await h.settle()
  assert.deepEqual(await podsOf(h), [])
  await h.end()
})

for (const [name, toleration, taint, expected] of [
  [
    'by key and value',
    { key: 'k', operator: 'Equal', value: 'v' },
    { key: 'k', value: 'v', effect: 'NoExecute' },
    true,
  ],
  ['not another value', { key: 'k', value: 'w' }, { key: 'k', value: 'v', effect: 'NoExecute' }, false],
  [
    'any value when it exists',
    { key: 'k', operator: 'Exists' },
    { key: 'k', value: 'v', effect: 'NoExecute' },
    true,
  ],
  ['everything without a key', { operator: 'Exists' }, { key: 'k', effect: 'NoExecute' }, true],
  [
    'not another effect',
    { key: 'k', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'k', effect: 'NoExecute' },
    false,
  ],
] as const) {
  test(`a toleration tolerates ${name}`, () => assert.equal(tolerates(toleration, taint), expected))
}
