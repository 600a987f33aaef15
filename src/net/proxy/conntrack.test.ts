import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFlows, staleFlows } from './conntrack.ts'
import type { Frontend } from './frontends.ts'

const LISTING = `udp      17 26 src=10.244.0.20 dst=10.96.1.9 sport=40000 dport=53 src=10.244.0.11 dst=10.244.0.20 sport=5353 dport=40000 mark=0 use=1
udp      17 26 src=10.244.0.20 dst=10.96.1.9 sport=40001 dport=53 [UNREPLIED] src=10.96.1.9 dst=10.244.0.20 sport=53 dport=40001 mark=0 use=1
udp      17 26 src=192.0.2.2 dst=192.0.2.1 sport=40002 dport=30053 src=10.244.0.12 dst=10.244.0.1 sport=5353 dport=1024 [ASSURED] mark=0 use=1
tcp      6 119 TIME_WAIT src=10.244.0.20 dst=10.96.1.1 sport=56294 dport=80 src=10.244.0.11 dst=10.244.0.20 sport=8080 dport=56294 [ASSURED] mark=0 use=1
something else
`

const frontend = (targets: readonly string[]): Frontend => ({
  scope: 'all',
  address: '',
  protocol: 'udp',
  port: 0,
  action: targets.length > 0 ? { do: 'forward', targets } : { do: 'reject' },
  affinitySeconds: 0,
  masquerade: false,
  isClusterIp: true,
  sources: undefined,
  localAddresses: [],
})

test('UDP flows are read from what conntrack prints', () => {
  assert.deepEqual(parseFlows(LISTING), [
    {
      source: '10.244.0.20',
      sourcePort: '40000',
      frontend: '10.96.1.9 . udp . 53',
      target: '10.244.0.11 . 5353',
    },
    {
      source: '10.244.0.20',
      sourcePort: '40001',
      frontend: '10.96.1.9 . udp . 53',
      target: '10.96.1.9 . 53',
    },
    {
      source: '192.0.2.2',
      sourcePort: '40002',
      frontend: '192.0.2.1 . udp . 30053',
      target: '10.244.0.12 . 5353',
    },
  ])
})

test('stale are flows to endpoints that are gone, and those from before there were rules', () => {
  const ports = (frontends: Record<string, Frontend>, gone: readonly string[] = []) =>
    staleFlows(parseFlows(LISTING), (key) => (frontends[key] ? [frontends[key]] : []), new Set(gone)).map(
      (f) => f.sourcePort,
    )
  const cluster = '10.96.1.9 . udp . 53'
  assert.deepEqual(ports({ [cluster]: frontend(['10.244.0.11 . 5353']) }), ['40001'])
  assert.deepEqual(ports({ [cluster]: frontend(['10.244.0.12 . 5353']) }), ['40000', '40001'])
  assert.deepEqual(ports({ [cluster]: frontend([]) }), ['40000'])
  assert.deepEqual(ports({}, [cluster]), ['40000'])
  assert.deepEqual(ports({}, []), [], 'flows of others are left alone')
})
