import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutOf } from './layout.ts'
import { mountsBelow } from './mounts.ts'
import { planNetwork, planRoutes } from './network.ts'
import { newCluster } from './slots.ts'

const config = newCluster({ name: 'dhow', nodes: 2 }, [], { networks: [], portIsFree: () => true })
const layout = layoutOf(config)
const nothing = { links: new Set<string>(), namespaces: new Set<string>(), linksInside: new Map() }
const commands = (steps: readonly { command: readonly string[] }[]) => steps.map((s) => s.command.join(' '))

test('a second node is a network namespace on the bridge', () => {
  assert.deepEqual(commands(planNetwork(layout, nothing)), [
    'ip link add dhow0 type bridge',
    'ip address replace 10.90.0.1/24 dev dhow0',
    'ip link set dhow0 up',
    'ip netns add dhow-dhow-node2',
    'ip link add dhow0n2 type veth peer name eth0 netns dhow-dhow-node2',
    'ip link set dhow0n2 master dhow0 mtu 1500 up',
    'ip link set dhow0n2 type bridge_slave hairpin on',
    'ip -n dhow-dhow-node2 link set lo up',
    'ip -n dhow-dhow-node2 address replace 10.90.0.2/24 dev eth0',
    'ip -n dhow-dhow-node2 link set eth0 mtu 1500 up',
    'ip -n dhow-dhow-node2 route replace default via 10.90.0.1',
    'nft -f -',
  ])
})

test('what is in place is not made again', () => {
  const state = {
    links: new Set(['dhow0', 'dhow0n2']),
    namespaces: new Set(['dhow-dhow-node2']),
    linksInside: new Map([['dhow-dhow-node2', new Set(['lo', 'eth0'])]]),
  }
  assert.deepEqual(
    commands(planNetwork(layout, state)).filter((c) => / (add|delete) /.test(c)),
    [],
  )
})

test('a link whose other end is lost is made anew', () => {
  const state = {
    links: new Set(['dhow0', 'dhow0n2']),
    namespaces: new Set(['dhow-dhow-node2']),
    linksInside: new Map(),
  }
  const made = commands(planNetwork(layout, state)).filter((c) => / (add|delete) /.test(c))
  assert.deepEqual(made, [
    'ip link delete dhow0n2',
    'ip link add dhow0n2 type veth peer name eth0 netns dhow-dhow-node2',
  ])
})

test('each node has a route to the pods of the others, and none that is out of date', () => {
  const nodes = [
    { name: 'node1', podCidr: '10.244.0.0/24', ip: '10.90.0.1' },
    { name: 'node2', podCidr: '10.244.1.0/24', ip: '10.90.0.2' },
    { name: 'node3', podCidr: '10.244.2.0/24', ip: '10.90.0.3' },
    { name: 'node4', podCidr: undefined, ip: '10.90.0.4' },
  ]
  const current = new Map([
    ['10.244.2.0/24', '10.90.0.3'],
    ['10.244.9.0/24', '10.90.0.9'],
    ['172.16.0.0/24', '192.0.2.1'],
  ])
  assert.deepEqual(commands(planRoutes(config, 'node1', nodes, current)), [
    'ip route replace 10.244.1.0/24 via 10.90.0.2',
    'ip route delete 10.244.9.0/24 via 10.90.0.9',
  ])
})

test('mounts are found below a folder only, the newest first, also with spaces in them', () => {
  const line = (point: string) => `36 35 98:0 / ${point} rw - ext4 /dev/root rw`
  const info = [line('/data'), line('/data/a'), line('/database'), line('/data/a/b\\040c')].join('\n')
  assert.deepEqual(mountsBelow(info, '/data'), ['/data/a/b c', '/data/a', '/data'])
})
