import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressIn, type ClusterConfig, checkName, layoutOf } from './layout.ts'
import { changedCluster, newCluster, overlaps } from './slots.ts'

const empty = { networks: ['192.0.2.0/24'], portIsFree: () => true }

test('the first cluster gets the usual networks and ports', () => {
  const config = newCluster({ name: 'dhow' }, [], empty)
  assert.equal(config.dataDir, '/var/lib/dhow/dhow')
  assert.deepEqual(
    [config.podCidr, config.serviceCidr, config.apiPort, config.kubeletPort],
    ['10.244.0.0/16', '10.96.0.0/16', 6443, 10250],
  )
  const layout = layoutOf(config)
  assert.equal(layout.dnsIp, '10.96.0.10')
  assert.equal(layout.kubernetesServiceIp, '10.96.0.1')
  assert.equal(layout.contextName, 'dhow')
})

test('forty clusters fit on a machine, and no two of them share a network, a port or a name', () => {
  const all: ClusterConfig[] = []
  for (let i = 0; i < 40; i++) all.push(newCluster({ name: `c${i}`, nodes: 3 }, all, empty))
  const networks = all.flatMap((c) => [c.podCidr, c.serviceCidr, c.nodeCidr])
  networks.forEach((a, i) => {
    networks.slice(i + 1).forEach((b) => {
      assert.ok(!overlaps(a, b), `${a} and ${b}`)
    })
  })
  const names = all.flatMap((c) => {
    const l = layoutOf(c)
    return [l.nodeBridge, l.nftTable, l.contextName, ...l.nodes.flatMap((n) => [n.hostLink, n.netnsName])]
  })
  const given = names.filter((n) => n !== undefined)
  assert.equal(new Set(given).size, given.length)
  assert.ok(all.every((c) => layoutOf(c).nodes.every((n) => (n.hostLink?.length ?? 0) <= 15)))
  assert.equal(new Set(all.flatMap((c) => [c.apiPort, c.kubeletPort])).size, 80)
  assert.throws(() => newCluster({ name: 'one-more' }, all, empty), /has 40 clusters already/)
})

test('networks and ports that the machine uses already are left alone', () => {
  const machine = {
    networks: ['10.244.3.0/24', '10.96.0.0/12', '10.90.0.1/32'],
    portIsFree: (port: number) => port !== 6443,
  }
  const config = newCluster({ name: 'a' }, [], machine)
  assert.deepEqual(
    [config.podCidr, config.serviceCidr, config.nodeCidr, config.apiPort],
    ['10.243.0.0/16', '10.112.0.0/16', '10.90.1.0/24', 6453],
  )
})

const refusals: [string, () => unknown, RegExp][] = [
  [
    'a network that overlaps another cluster',
    () => newCluster({ name: 'b', podCidr: '10.244.0.0/16' }, [newCluster({ name: 'a' }, [], empty)], empty),
    /overlaps 10.244.0.0\/16 of cluster "a"/,
  ],
  [
    'two wishes that overlap',
    () => newCluster({ name: 'b', podCidr: '10.1.0.0/16', serviceCidr: '10.1.2.0/24' }, [], empty),
    /overlaps 10.1.0.0\/16 of this cluster's pods/,
  ],
  [
    'a network too small for its nodes',
    () => newCluster({ name: 'b', podCidr: '10.1.0.0/24' }, [], empty),
    /expected a prefix of 8 to 16 bits/,
  ],
  [
    'an address that is not the first',
    () => newCluster({ name: 'b', podCidr: '10.1.2.0/16' }, [], empty),
    /expected 10.1.0.0\/16/,
  ],
  ['no network at all', () => newCluster({ name: 'b', podCidr: 'ten' }, [], empty), /expected an IPv4 CIDR/],
  [
    'a port in use',
    () => newCluster({ name: 'b', apiPort: 80 }, [], { ...empty, portIsFree: () => false }),
    /port 80/,
  ],
  [
    'a port that is none',
    () => newCluster({ name: 'b', apiPort: 0 }, [], empty),
    /cannot use port 0 for the API: expected 1 to 65535/,
  ],
  [
    'a domain that is none',
    () => newCluster({ name: 'b', clusterDomain: 'my_domain' }, [], empty),
    /cannot use cluster domain "my_domain": expected a DNS name/,
  ],
  ['no nodes', () => newCluster({ name: 'b', nodes: 0 }, [], empty), /0 nodes: expected 1 to 50/],
  [
    'another network for a cluster that exists',
    () => changedCluster(newCluster({ name: 'a' }, [], empty), { name: 'a', podCidr: '10.9.0.0/16' }),
    /cannot change --pod-cidr of cluster "a" from 10.244.0.0\/16 to 10.9.0.0\/16/,
  ],
  ['a name that is a path', () => checkName('../x'), /cannot use cluster name/],
  ['a name with capitals', () => checkName('Prod'), /cannot use cluster name/],
]
for (const [what, act, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(act, message)
  })
}

test('the number of nodes may change', () => {
  const config = newCluster({ name: 'a' }, [], empty)
  assert.equal(changedCluster(config, { name: 'a' }), config)
  assert.equal(changedCluster(config, { name: 'a', nodes: 3 }).nodes, 3)
})

test('addresses are counted from the start of a network', () => {
  assert.equal(addressIn('10.96.0.0/16', 258), '10.96.1.2')
  assert.throws(() => addressIn('10.96.0.0/24', 256), /outside/)
})
