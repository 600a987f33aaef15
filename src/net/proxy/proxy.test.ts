import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { EndpointSlice, Service } from '../../api/index.ts'
import { silentLog } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { ensureOwnAddress, removeOwnAddress } from '../dns/link.ts'
import { hurriedClock, NetCluster } from '../testing/cluster.ts'
import {
  CAN_MAKE_NAMESPACES,
  CLIENT_POD_IP,
  Lab,
  NODE_IP,
  OUTSIDE_IP,
  POD_CIDR,
  PODS,
} from '../testing/lab.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { type ServiceProxy, startServiceProxy } from './proxy.ts'

const TABLE = 'dhow_test_proxy'
const [A, B, C] = PODS
const onNode = (address: string) => anEndpoint(address, { nodeName: 'node1' })
const elsewhere = (address: string) => anEndpoint(address, { nodeName: 'node2' })

function startProxy(cluster: NetCluster, lab: Lab): ServiceProxy {
  return startServiceProxy({
    informers: cluster.informers,
    nodeName: 'node1',
    nodeIPs: [NODE_IP],
    clusterCIDR: POD_CIDR,
    serviceCIDR: '10.96.0.0/16',
    tableName: TABLE,
    reservedIPs: ['10.96.0.10'],
    dnsFallback: { address: '10.96.0.10', to: { address: OUTSIDE_IP, port: 5300 } },
    clock: cluster.clock,
    log: silentLog,
    signal: cluster.signal,
    run: lab.onNode,
  })
}

describe('the service proxy', { skip: CAN_MAKE_NAMESPACES ? false : 'needs root and nft' }, () => {
  let lab: Lab
  let cluster: NetCluster
  let proxy: ServiceProxy

  before(async () => {
    lab = new Lab()
    await lab.at('pods').ask({ op: 'serveTcp', port: 8080 })
    for (const address of PODS) await lab.at('pods').ask({ op: 'serveUdp', address, port: 5353 })
    cluster = new NetCluster()
    await cluster.putNode('node1', { 'topology.kubernetes.io/zone': 'east' })
    proxy = startProxy(cluster, lab)
    await eventually('rules', () => proxy.isHealthy(), 10_000)
  })
  after(() => {
    cluster?.stop()
    lab?.close()
  })

  /** Who answers, in order, and whom the servers see. */
  const tcp = (place: 'node' | 'pods' | 'client' | 'outside', address: string, port: number) =>
    lab.at(place).tcp(address, port)
  const reaches = (what: string, place: 'node' | 'client' | 'outside', address: string, port: number) =>
    eventually(what, async () => (await tcp(place, address, port)).startsWith('10.'), 5_000)

  test('a pod reaches a cluster IP, and every endpoint gets its share', async () => {
    await cluster.putService(
      aService('web', '10.96.1.1'),
      aSlice('web', [onNode(A), onNode(B), elsewhere(C)]),
    )
    await reaches('an answer', 'client', '10.96.1.1', 80)
    const seen = new Map<string, number>()
    for (let i = 0; i < 90; i++) {
      const [server = '', client] = (await tcp('client', '10.96.1.1', 80)).split(' ')
      assert.equal(client, CLIENT_POD_IP)
      seen.set(server, (seen.get(server) ?? 0) + 1)
    }
    assert.deepEqual([...seen.keys()].sort(), [A, B, C])
    for (const count of seen.values()) assert.ok(count > 10, `${count} of 90`)
  })

  test('the node itself reaches a cluster IP; a client from outside does, hidden behind the node', async () => {
    await cluster.putService(aService('web', '10.96.1.1'), aSlice('web', [onNode(A)]))
    await reaches('an answer', 'node', '10.96.1.1', 80)
    assert.match(await tcp('node', '10.96.1.1', 80), /^10\.244\.0\.11 /)
    assert.equal(await tcp('outside', '10.96.1.1', 80), `${A} 10.244.0.1`)
  })

  test('a pod reaches itself through its Service', async () => {
    await cluster.putService(aService('self', '10.96.1.2'), aSlice('self', [onNode(A)]))
    await reaches('an answer', 'client', '10.96.1.2', 80)
    assert.equal(await lab.at('pods').tcp('10.96.1.2', 80, A), `${A} 10.244.0.1`)
  })

  test('without endpoints, and at a port nobody declared, connections are refused at once', async () => {
    await cluster.putService(aService('empty', '10.96.1.3'))
    for (const place of ['client', 'node', 'outside'] as const)
      await eventually(
        `a refusal at ${place}`,
        async () => (await tcp(place, '10.96.1.3', 80)) === 'ECONNREFUSED',
      )
    assert.equal(await tcp('client', '10.96.1.3', 81), 'ECONNREFUSED')
    await cluster.put(EndpointSlice, aSlice('empty', [onNode(A)]))
    await reaches('an answer', 'client', '10.96.1.3', 80)
  })

  test('a node port answers at the node for everybody, hiding clients from outside', async () => {
    const port = { port: 80, nodePort: 30_080 }
    await cluster.putService(
      aService('np', '10.96.1.4', [port], { type: 'NodePort', externalTrafficPolicy: 'Cluster' }),
      aSlice('np', [elsewhere(A)]),
    )
    await reaches('an answer', 'outside', NODE_IP, 30_080)
    assert.equal(await tcp('outside', NODE_IP, 30_080), `${A} 10.244.0.1`)
    assert.match(await tcp('node', NODE_IP, 30_080), /^10\.244\.0\.11 /)
    assert.match(await tcp('client', NODE_IP, 30_080), /^10\.244\.0\.11 /)
  })

  test('externalTrafficPolicy Local keeps the client address, and drops where the node has no endpoint', async () => {
    const port = { port: 80, nodePort: 30_081 }
    const service = aService('local', '10.96.1.5', [port], {
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
    })
    await cluster.putService(service, aSlice('local', [onNode(A), elsewhere(B)]))
    await reaches('an answer', 'outside', NODE_IP, 30_081)
    for (let i = 0; i < 10; i++) assert.equal(await tcp('outside', NODE_IP, 30_081), `${A} ${OUTSIDE_IP}`)
    const inside = new Set<string>()
    for (let i = 0; i < 40; i++) inside.add(await tcp('client', NODE_IP, 30_081))
    assert.equal(inside.size, 2, 'a pod is not bound by the policy')
    await cluster.put(EndpointSlice, aSlice('local', [elsewhere(B)]))
    await eventually('a drop', async () => (await tcp('outside', NODE_IP, 30_081)) === 'ETIMEDOUT', 10_000)
    assert.match(await tcp('client', NODE_IP, 30_081), /^10\.244\.0\.12 /)
  })

  test('internalTrafficPolicy Local keeps to endpoints of the node', async () => {
    const service = aService('near', '10.96.1.6', undefined, { internalTrafficPolicy: 'Local' })
    await cluster.putService(service, aSlice('near', [onNode(B), elsewhere(A)]))
    await reaches('an answer', 'client', '10.96.1.6', 80)
    for (let i = 0; i < 10; i++) assert.match(await tcp('client', '10.96.1.6', 80), /^10\.244\.0\.12 /)
  })

  test('external and load balancer addresses answer; source ranges keep others out', async () => {
    const spec = {
      type: 'LoadBalancer',
      externalIPs: ['198.51.100.1'],
      externalTrafficPolicy: 'Cluster',
      loadBalancerSourceRanges: ['192.0.2.0/24'],
    } as const
    const status = { loadBalancer: { ingress: [{ ip: '198.51.100.2', ipMode: 'VIP' as const }] } }
    await cluster.putService(
      aService('lb', '10.96.1.7', undefined, spec, { status }),
      aSlice('lb', [onNode(A)]),
    )
    await reaches('an answer', 'outside', '198.51.100.1', 80)
    assert.equal(await tcp('outside', '198.51.100.2', 80), `${A} 10.244.0.1`)
    assert.equal(await tcp('client', '198.51.100.2', 80), 'ETIMEDOUT')
    const closed = { ...spec, loadBalancerSourceRanges: ['203.0.113.0/24', '203.0.113.7/32'] }
    await cluster.put(Service, aService('lb', '10.96.1.7', undefined, closed, { status }))
    await eventually(
      'being kept out',
      async () => (await tcp('outside', '198.51.100.2', 80)) === 'ETIMEDOUT',
      10_000,
    )
    assert.equal(await tcp('outside', '198.51.100.1', 80), `${A} 10.244.0.1`)
  })

  test('with session affinity a client stays with its endpoint, until that is gone', async () => {
    const spec = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    } as const
    await cluster.putService(
      aService('sticky', '10.96.1.8', undefined, spec),
      aSlice('sticky', [onNode(A), onNode(B), onNode(C)]),
    )
    await reaches('an answer', 'client', '10.96.1.8', 80)
    const first = (await tcp('client', '10.96.1.8', 80)).split(' ')[0]!
    for (let i = 0; i < 20; i++) assert.equal((await tcp('client', '10.96.1.8', 80)).split(' ')[0], first)
    const rest = PODS.slice(0, 3).filter((p) => p !== first)
    await cluster.put(EndpointSlice, aSlice('sticky', rest.map(onNode)))
    const next = await eventually('another endpoint', async () => {
      const [server = ''] = (await tcp('client', '10.96.1.8', 80)).split(' ')
      return rest.some((r) => r === server) && server
    })
    for (let i = 0; i < 20; i++) assert.equal((await tcp('client', '10.96.1.8', 80)).split(' ')[0], next)
  })

  test('affinity ends with its time, which each connection starts anew', async () => {
    const spec = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } },
    } as const
    await cluster.putService(
      aService('short', '10.96.1.24', undefined, spec),
      aSlice('short', [onNode(A), onNode(B), onNode(C)]),
    )
    await reaches('an answer', 'client', '10.96.1.24', 80)
    const server = async () => (await tcp('client', '10.96.1.24', 80)).split(' ')[0]!
    const first = await server()
    const began = performance.now()
    while (performance.now() - began < 2500) {
      assert.equal(await server(), first)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    // One in three times the new choice is the old one.
    await eventually(
      'another endpoint after a pause',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 1500))
        return (await server()) !== first
      },
      20_000,
    )
  })

  test('a UDP client that goes on sending from one port is led to the new endpoint', async () => {
    const ports = [{ port: 53, targetPort: 5353, protocol: 'UDP' as const }]
    const service = aService('udp', '10.96.1.9', ports)
    await cluster.putService(service, aSlice('udp', [onNode(A)], ports))
    const udp = () => lab.at('client').udp('10.96.1.9', 53, 40_000)
    await eventually('an answer', async () => (await udp()) === `${A} ${CLIENT_POD_IP}`, 10_000)
    await cluster.put(EndpointSlice, aSlice('udp', [onNode(B)], ports))
    await eventually('the other endpoint', async () => (await udp()) === `${B} ${CLIENT_POD_IP}`, 10_000)
  })

  test('headless Services and those of type ExternalName have no rules', async () => {
    await cluster.putService(aService('headless', 'None'), aSlice('headless', [onNode(A)]))
    await cluster.putService(
      aService('alias', '', [], { type: 'ExternalName', externalName: 'example.com', clusterIPs: [] }),
    )
    await cluster.putService(aService('after', '10.96.1.11'), aSlice('after', [onNode(A)]))
    await reaches('an answer', 'client', '10.96.1.11', 80)
    assert.doesNotMatch(await lab.onNode('nft', ['list', 'map', 'ip', TABLE, 'services']), /None|alias/)
  })

  test('no connection fails while endpoints come and go under load', async () => {
    const slice = (n: number) => aSlice('busy', PODS.slice(0, n).map(onNode))
    await cluster.putService(aService('busy', '10.96.1.12'), slice(1))
    await reaches('an answer', 'client', '10.96.1.12', 80)
    await lab.at('client').ask({ op: 'load', address: '10.96.1.12', port: 80 })
    for (let round = 0; round < 25; round++) {
      await cluster.api.update(EndpointSlice, {
        ...slice(1 + (round % 4)),
        metadata: { ...slice(1).metadata, resourceVersion: '', uid: '' },
      } as never)
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    const { answers, failures } = await lab.at('client').stopLoad()
    assert.deepEqual(failures, [])
    assert.deepEqual(Object.keys(answers).sort(), [...PODS])
  })

  test('who waits for the end of a pod is told once nobody new is sent to it', async () => {
    const pod = { namespace: 'default', uid: 'uid-leaver' }
    const targetRef = { kind: 'Pod', name: 'leaver', ...pod }
    const leaver = (conditions: object) => ({ ...onNode(A), conditions, targetRef })
    await cluster.putService(
      aService('leaving', '10.96.1.16'),
      aSlice('leaving', [leaver({ ready: true }), onNode(B)]),
    )
    await reaches('an answer', 'client', '10.96.1.16', 80)
    let told = false
    const left = proxy.whenLeft(pod, cluster.signal).then(() => {
      told = true
    })
    // A change of another Service, which has gone through the kernel, is no reason to tell.
    await cluster.putService(aService('other', '10.96.1.17'), aSlice('other', [onNode(A)]))
    await reaches('an answer', 'client', '10.96.1.17', 80)
    assert.equal(told, false)
    const ending = { ready: false, serving: true, terminating: true }
    const changed = aSlice('leaving', [leaver(ending), onNode(B)])
    const metadata = { ...changed.metadata, resourceVersion: '', uid: '' }
    await cluster.api.update(EndpointSlice, { ...changed, metadata } as never)
    await left
    for (let i = 0; i < 20; i++) assert.match(await tcp('client', '10.96.1.16', 80), new RegExp(`^${B} `))
    await proxy.whenLeft({ namespace: 'default', uid: 'unknown' }, cluster.signal)
  })

  test('while the node restarts its own DNS, another server answers; without that, clients wait', async () => {
    await ensureOwnAddress(lab.onNode, 'own', '10.96.0.10')
    const ask = () => lab.at('client').udp('10.96.0.10', 53)
    assert.equal(await ask(), 'ETIMEDOUT', 'not refused: resolvers would give up')
    assert.equal(await lab.at('client').udp(NODE_IP, 53), 'ECONNREFUSED')
    await lab.at('outside').ask({ op: 'serveUdp', address: OUTSIDE_IP, port: 5300 })
    assert.equal(await ask(), `${OUTSIDE_IP} ${CLIENT_POD_IP}`)
    await lab.at('node').ask({ op: 'serveUdp', address: '10.96.0.10', port: 53 })
    assert.equal(await ask(), `10.96.0.10 ${CLIENT_POD_IP}`)

    // A resolver asks again from the same port: who answered before, or should have, makes no difference.
    const askAgain = () => lab.at('client').udp('10.96.0.10', 53, 40_053)
    for (let i = 0; i < 2; i++) {
      assert.equal(await askAgain(), `10.96.0.10 ${CLIENT_POD_IP}`)
      await lab.at('node').ask({ op: 'stopUdp', address: '10.96.0.10', port: 53 })
      assert.equal(await askAgain(), `${OUTSIDE_IP} ${CLIENT_POD_IP}`)
      await lab.at('node').ask({ op: 'serveUdp', address: '10.96.0.10', port: 53 })
    }
    await removeOwnAddress(lab.onNode, 'own')
    assert.doesNotMatch(await lab.onNode('ip', ['address']), /10\.96\.0\.10/)
  })

  test('rules outlive the process; the next one adopts them and removes what is no longer wanted', async () => {
    await cluster.putService(aService('stays', '10.96.1.13'), aSlice('stays', [onNode(A)]))
    await cluster.putService(aService('goes', '10.96.1.14'), aSlice('goes', [onNode(A)]))
    await reaches('an answer', 'client', '10.96.1.14', 80)
    await reaches('an answer', 'client', '10.96.1.13', 80)
    cluster.stop()
    await lab.at('client').ask({ op: 'load', address: '10.96.1.13', port: 80 })
    cluster = new NetCluster()
    await cluster.putNode('node1')
    await cluster.putService(aService('stays', '10.96.1.13'), aSlice('stays', [onNode(A), onNode(B)]))
    proxy = startProxy(cluster, lab)
    await eventually('rules', () => proxy.isHealthy(), 10_000)
    const { failures } = await lab.at('client').stopLoad()
    assert.deepEqual(failures, [])
    const rules = await lab.onNode('nft', ['list', 'table', 'ip', TABLE])
    assert.match(rules, /10\.96\.1\.13 \. tcp \. 80/)
    assert.doesNotMatch(rules, /10\.96\.1\.14|sticky-3/)
  })

  test('rules that somebody removed come back', async () => {
    cluster.stop()
    cluster = new NetCluster(hurriedClock(100))
    await cluster.putService(aService('back', '10.96.1.15'), aSlice('back', [onNode(A)]))
    proxy = startProxy(cluster, lab)
    await reaches('an answer', 'client', '10.96.1.15', 80)
    await lab.onNode('nft', ['flush', 'ruleset'])
    await reaches('an answer again', 'client', '10.96.1.15', 80)
    await lab.onNode('nft', ['flush', 'map', 'ip', TABLE, 'services'])
    await eventually(
      'the map to be filled again',
      async () => /10\.96\.1\.15/.test(await lab.onNode('nft', ['list', 'map', 'ip', TABLE, 'services'])),
      15_000,
    )
  })
})
