import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointSlice, Endpoints, Node, Pod, Service } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import { type Harness, harness, setPod } from '../testing/harness.ts'
import { endpointSlices, endpoints } from './index.ts'

const key = { namespace: 'default', name: 'web' }

async function running(spec: Input<Service['spec']> = {}, labels: Record<string, string> = { team: 'a' }) {
  const h = await harness([endpointSlices, endpoints])
  await h.api.create(Node, { metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z' } } })
  await h.api.create(Service, {
    metadata: { ...key, labels },
    spec: {
      selector: { app: 'web' },
      clusterIP: '10.0.0.1',
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }],
      ...spec,
    },
  })
  await h.settle()
  const slices = async () => (await h.api.list(EndpointSlice)).items
  const ep = () => h.api.get(Endpoints, key)
  return { ...h, slices, ep }
}

const containers = [{ name: 'c', ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' as const }] }]
let serial = 0

async function addPod(
  h: Pick<Harness, 'api' | 'clock'>,
  name: string,
  ready = true,
  spec: object = {},
): Promise<Pod> {
  const pod = await h.api.create(Pod, {
    metadata: { namespace: 'default', name, labels: { app: 'web' } },
    spec: { containers, ...spec },
  })
  serial++
  await setPod(h, pod, { ready, nodeName: 'n', ip: `10.1.${serial >> 8}.${serial & 255}` })
  return h.api.get(Pod, { namespace: 'default', name })
}

test('a Service without pods has one empty slice and empty Endpoints', async () => {
  const h = await running()
  const [slice, ...more] = await h.slices()
  assert.equal(more.length, 0)
  assert.deepEqual([slice?.endpoints, slice?.ports, slice?.addressType], [[], [], 'IPv4'])
  assert.deepEqual((await h.ep()).subsets, undefined)
  await h.end()
})

test('a ready pod shows with its address, port, node and zone', async () => {
  const h = await running()
  const pod = await addPod(h, 'a')
  await h.settle()
  const [slice] = await h.slices()
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'a', uid: pod.metadata.uid }
  assert.deepEqual(slice?.metadata.labels, {
    team: 'a',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': 'web',
  })
  assert.equal(slice?.metadata.ownerReferences?.[0]?.kind, 'Service')
  assert.deepEqual(slice?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }])
  assert.deepEqual(slice?.endpoints, [
    {
      addresses: [pod.status.podIP],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef,
      nodeName: 'n',
      zone: 'z',
    },
  ])
  const { subsets, metadata } = await h.ep()
  assert.deepEqual(metadata.labels, {
    team: 'a',
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
  })
  assert.deepEqual(subsets, [
    {
      addresses: [{ ip: pod.status.podIP, nodeName: 'n', targetRef }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
  ])
  await h.end()
})

for (const [state, publish, change, conditions, inEndpoints] of [
  ['not ready', false, 'unready', { ready: false, serving: false, terminating: false }, 'notReadyAddresses'],
  [
    'not ready, but published all the same',
    true,
    'unready',
    { ready: true, serving: false, terminating: false },
    'addresses',
  ],
  [
    'terminating and still serving',
    false,
    'delete',
    { ready: false, serving: true, terminating: true },
    undefined,
  ],
  [
    'terminating, but published all the same',
    true,
    'delete',
    { ready: true, serving: true, terminating: true },
    'addresses',
  ],
] as const) {
  test(`a pod that is ${state} shows as that`, async () => {
    const h = await running({ publishNotReadyAddresses: publish })
    const pod = await addPod(h, 'a', change !== 'unready')
    if (change === 'delete') await h.api.delete(Pod, { namespace: 'default', name: 'a' })
    await h.settle()
    const [slice] = await h.slices()
    assert.deepEqual(
      slice?.endpoints.map((e) => [e.addresses, e.conditions]),
      [[[pod.status.podIP], conditions]],
    )
    const subset = (await h.ep()).subsets?.[0]
    assert.deepEqual(
      Object.keys(subset ?? {}).filter((k) => k !== 'ports'),
      inEndpoints ? [inEndpoints] : [],
    )
    await h.end()
  })
}

test('a pod that has ended, has no address or does not match is no endpoint', async () => {
  const h = await running()
  const over = await addPod(h, 'over')
  await setPod(h, over, { phase: 'Succeeded', ip: '10.9.9.9' })
  await h.api.create(Pod, {
    metadata: { namespace: 'default', name: 'young', labels: { app: 'web' } },
    spec: { containers },
  })
  const moved = await addPod(h, 'moved')
  await h.settle()
  assert.equal((await h.slices())[0]?.endpoints.length, 1)
  await h.api.patch(Pod, moved.metadata, { type: 'merge', body: { metadata: { labels: { app: 'x' } } } })
  await h.settle()
  assert.equal((await h.slices())[0]?.endpoints.length, 0)
  await h.end()
})

test('slices hold at most 100, and a change of one pod writes one slice', async () => {
  const h = await running()
  const pods: Pod[] = []
  for (let i = 0; i < 250; i++) pods.push(await addPod(h, `p${i}`))
  await h.settle()
  const before = await h.slices()
  assert.equal(
    before.reduce((n, s) => n + s.endpoints.length, 0),
    250,
  )
  assert.ok(before.every((s) => s.endpoints.length <= 100))
  assert.equal(before.length, 3)
  await setPod(h, pods[7]!, { ready: false, ip: pods[7]!.status.podIP! })
  await h.settle()
  const after = await h.slices()
  assert.equal(after.filter((s) => !before.includes(s)).length, 1)
  assert.equal((await h.ep()).subsets?.[0]?.notReadyAddresses?.length, 1)
  await h.end()
})

test('Endpoints stop at 1,000 addresses and say so', async () => {
  const h = await running()
  for (let i = 0; i < 1003; i++) await addPod(h, `p${i}`, i > 5)
  await h.settle()
  const { subsets, metadata } = await h.ep()
  assert.equal(subsets?.[0]?.addresses?.length, 997)
  assert.equal(subsets?.[0]?.notReadyAddresses?.length, 3)
  assert.equal(metadata.annotations?.['endpoints.kubernetes.io/over-capacity'], 'truncated')
  await h.end()
})

test('pods that resolve a named port differently are in slices of their own', async () => {
  const h = await running()
  await addPod(h, 'a')
  await addPod(h, 'b', true, {
    containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 9090, protocol: 'TCP' }] }],
  })
  await addPod(h, 'c', true, { containers: [{ name: 'c' }] })
  await h.settle()
  const ports = (await h.slices()).map((s) => s.ports.map((p) => p.port)).sort()
  assert.deepEqual(ports, [[8080], [9090]])
  assert.equal((await h.ep()).subsets?.length, 2)
  await h.end()
})

test('what is written says since when it should have been', async () => {
  const h = await running()
  const told = async () => {
    const [slice] = await h.slices()
    return [slice, await h.ep()].map(
      (o) => o!.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'],
    )
  }
  const { creationTimestamp } = (await h.api.get(Service, key)).metadata
  assert.deepEqual(await told(), [creationTimestamp, creationTimestamp])
  await h.settle(60_000)
  const first = await addPod(h, 'first')
  const at = first.status.conditions![0]!.lastTransitionTime
  await h.settle(60_000)
  assert.deepEqual(await told(), [at, at])
  const second = await addPod(h, 'second')
  await h.settle()
  const later = second.status.conditions![0]!.lastTransitionTime
  assert.notEqual(later, at)
  assert.deepEqual(await told(), [later, later])
  await h.api.delete(Pod, first.metadata, { gracePeriodSeconds: 0 })
  await h.settle()
  assert.deepEqual(await told(), [undefined, undefined])
  await h.end()
})

test('a headless Service names its pods, and marks what it owns', async () => {
  const h = await running({ clusterIP: 'None', ports: [] })
  await addPod(h, 'a', true, { hostname: 'a-0', subdomain: 'web' })
  await h.settle()
  const [slice] = await h.slices()
  assert.equal(slice?.metadata.labels?.['service.kubernetes.io/headless'], '')
  assert.equal(slice?.endpoints[0]?.hostname, 'a-0')
  assert.equal((await h.ep()).subsets?.[0]?.addresses?.[0]?.hostname, 'a-0')
  await h.end()
})

for (const [trafficDistribution, hints] of [
  ['PreferClose', { forZones: [{ name: 'z' }] }],
  ['PreferSameZone', { forZones: [{ name: 'z' }] }],
  ['PreferSameNode', { forZones: [{ name: 'z' }], forNodes: [{ name: 'n' }] }],
] as const) {
  test(`${trafficDistribution} gives ready endpoints hints, and others none`, async () => {
    const h = await running({ trafficDistribution })
    await addPod(h, 'a')
    await addPod(h, 'b', false)
    await h.settle()
    assert.deepEqual(
      (await h.slices())[0]?.endpoints.map((e) => e.hints),
      [hints, undefined],
    )
    await h.end()
  })
}

test('a slice that somebody deletes or changes is put right', async () => {
  const h = await running()
  await addPod(h, 'a')
  await h.settle()
  const [slice] = await h.slices()
  await h.api.delete(EndpointSlice, slice!.metadata)
  await h.settle()
  assert.equal((await h.slices())[0]?.endpoints.length, 1)
  const [again] = await h.slices()
  await h.api.update(EndpointSlice, { ...again!, endpoints: [] })
  await h.settle()
  assert.equal((await h.slices())[0]?.endpoints.length, 1)
  await h.end()
})

test('what others keep for a Service without selector is left alone, and ours goes with its Service', async () => {
  const h = await running()
  await h.api.create(Endpoints, { metadata: { namespace: 'default', name: 'theirs' } })
  await h.api.delete(Service, key)
  await h.settle()
  assert.deepEqual(
    (await h.api.list(Endpoints)).items.map((e) => e.metadata.name),
    ['theirs'],
  )
  await h.end()
})

test('a change of the labels of a Service reaches its slices, and nothing else is written', async () => {
  const h = await running()
  await addPod(h, 'a')
  await h.settle()
  await h.api.patch(Service, key, { type: 'merge', body: { metadata: { labels: { team: 'b' } } } })
  const { revision } = h.api
  await h.settle()
  assert.equal((await h.slices())[0]?.metadata.labels?.team, 'b')
  assert.equal(h.api.revision, revision + 2)
  await h.end()
})

test('pods that come go where there is room first, and no slice is overfilled', async () => {
  const h = await running()
  const pods: Pod[] = []
  for (let i = 0; i < 150; i++) pods.push(await addPod(h, `p${i}`))
  await h.settle()
  const sizes = async () => (await h.slices()).map((s) => s.endpoints.length).sort((a, b) => b - a)
  assert.deepEqual(await sizes(), [100, 50])
  // One goes and sixty come in the same pass: the slice that is written anyhow takes one of them.
  await h.api.delete(Pod, pods[0]!.metadata, { gracePeriodSeconds: 0 })
  for (let i = 0; i < 60; i++) await addPod(h, `q${i}`)
  await h.settle()
  const after = await sizes()
  assert.ok(after[0]! <= 100, `${after}`)
  assert.equal(
    after.reduce((sum, n) => sum + n, 0),
    209,
  )
  await h.end()
})

test('a node that moves to another zone takes the endpoints of its own pods along', async () => {
  const h = await running()
  await addPod(h, 'a')
  await h.settle()
  const zones = async () => (await h.slices()).flatMap((s) => s.endpoints.map((e) => e.zone))
  assert.deepEqual(await zones(), ['z'])
  const labels = { 'topology.kubernetes.io/zone': 'y' }
  await h.api.patch(Node, { name: 'n' }, { type: 'merge', body: { metadata: { labels } } })
  await h.settle()
  assert.deepEqual(await zones(), ['y'])
  await h.end()
})
