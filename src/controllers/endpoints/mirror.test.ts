import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointSlice, Endpoints, Service } from '../../api/index.ts'
import { harness } from '../testing/harness.ts'
import { endpointMirror, endpointSlices, endpoints } from './index.ts'

const key = { namespace: 'default', name: 'db' }
const subsets = [
  {
    addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1', nodeName: 'n' }],
    notReadyAddresses: [{ ip: '192.0.2.2', hostname: 'b' }],
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' as const }],
  },
]

async function running(labels: Record<string, string> = { team: 'a' }) {
  const h = await harness([endpointMirror, endpointSlices, endpoints])
  await h.api.create(Service, {
    metadata: key,
    spec: { clusterIP: '10.0.0.9', ports: [{ name: 'sql', port: 5432 }] },
  })
  await h.api.create(Endpoints, { metadata: { ...key, labels }, subsets })
  await h.settle()
  const slices = async () => (await h.api.list(EndpointSlice)).items
  return { ...h, slices }
}

test('Endpoints kept by hand for a Service without selector appear as slices, a family each', async () => {
  const h = await running()
  const slices = await h.slices()
  assert.deepEqual(slices.map((s) => [s.addressType, s.endpoints, s.ports]).sort(), [
    [
      'IPv4',
      [
        { addresses: ['192.0.2.1'], conditions: { ready: true } },
        { addresses: ['192.0.2.2'], conditions: { ready: false }, hostname: 'b' },
      ],
      [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    ],
    [
      'IPv6',
      [{ addresses: ['2001:db8::1'], conditions: { ready: true }, nodeName: 'n' }],
      [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    ],
  ])
  assert.equal(
    slices[0]?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'],
    'endpointslicemirroring-controller.k8s.io',
  )
  assert.equal(slices[0]?.metadata.labels?.team, 'a')
  assert.equal(slices[0]?.metadata.ownerReferences?.[0]?.kind, 'Endpoints')
  await h.end()
})

test('a change is written to the slice it concerns, and what is gone is removed', async () => {
  const h = await running()
  const before = await h.slices()
  const addresses = [{ ip: '192.0.2.1' }, { ip: '192.0.2.3' }]
  await h.api.patch(Endpoints, key, {
    type: 'merge',
    body: { subsets: [{ addresses, ports: subsets[0]!.ports }] },
  })
  await h.settle()
  const [only, ...more] = await h.slices()
  assert.equal(more.length, 0)
  assert.ok(before.some((s) => s.metadata.uid === only?.metadata.uid))
  assert.deepEqual(
    only?.endpoints.flatMap((e) => e.addresses),
    ['192.0.2.1', '192.0.2.3'],
  )
  await h.end()
})

for (const [when, change] of [
  [
    'the Service gets a selector',
    (h: Awaited<ReturnType<typeof running>>) =>
      h.api.patch(Service, key, { type: 'merge', body: { spec: { selector: { app: 'x' } } } }),
  ],
  ['the Service goes', (h: Awaited<ReturnType<typeof running>>) => h.api.delete(Service, key)],
  [
    'it is marked to be skipped',
    (h: Awaited<ReturnType<typeof running>>) =>
      h.api.patch(Endpoints, key, {
        type: 'merge',
        body: { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
      }),
  ],
] as const) {
  test(`mirroring ends when ${when}`, async () => {
    const h = await running()
    assert.equal((await h.slices()).length, 2)
    await change(h)
    await h.settle()
    const mirrored = (await h.slices()).filter((s) =>
      s.metadata.labels?.['endpointslice.kubernetes.io/managed-by']?.startsWith('endpointslicemirroring'),
    )
    assert.deepEqual(mirrored, [])
    await h.end()
  })
}

test('at rest nothing is written', async () => {
  const h = await running()
  const { revision } = h.api
  await h.settle(3_600_000)
  assert.equal(h.api.revision, revision)
  await h.end()
})
