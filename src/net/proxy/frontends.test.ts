import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EndpointSlice, Service } from '../../api/index.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { type Frontend, type NodeView, planFrontends } from './frontends.ts'

const NODE: NodeView = { name: 'node1', addresses: ['192.0.2.1'], zone: 'east', reserved: ['10.96.0.10'] }
const here = { nodeName: 'node1' }
const there = { nodeName: 'node2' }
const notReady = { conditions: { ready: false, serving: false, terminating: false } }
const draining = { conditions: { ready: false, serving: true, terminating: true } }
const A = '10.244.0.1'
const B = '10.244.0.2'
const C = '10.244.0.3'

/** `10.96.1.1:80/tcp -> 10.244.0.1:8080`, with what is special about it. */
function text(f: Frontend): string {
  const targets =
    f.action.do === 'forward' ? f.action.targets.map((t) => t.replace(' . ', ':')).join(' ') : f.action.do
  const marks = [
    f.scope === 'outside' ? 'outside' : '',
    f.masquerade ? 'masqueraded' : '',
    f.affinitySeconds ? `sticky ${f.affinitySeconds}` : '',
    f.sources ? `from ${f.sources.join(' ')}` : '',
  ].filter((m) => m !== '')
  return `${f.address}:${f.port}/${f.protocol} -> ${targets}${marks.map((m) => `, ${m}`).join('')}`
}

const plan = (service: Service, slices: readonly EndpointSlice[], node = NODE) =>
  planFrontends(service, slices, node).map(text)
const web = (...args: Parameters<typeof aService> extends [string, string, ...infer R] ? R : never) =>
  aService('web', '10.96.1.1', ...args)

describe('which endpoints serve a Service', () => {
  const cases: readonly [string, EndpointSlice[], string][] = [
    ['those that are ready', [aSlice('web', [anEndpoint(A), anEndpoint(B, notReady)])], `${A}:8080`],
    [
      'of all slices, each once',
      [aSlice('web', [anEndpoint(B), anEndpoint(A)]), aSlice('web', [anEndpoint(A)], undefined, 'b')],
      `${A}:8080 ${B}:8080`,
    ],
    ['unknown readiness is readiness', [aSlice('web', [anEndpoint(A, { conditions: {} })])], `${A}:8080`],
    ['the first address stands for all', [aSlice('web', [{ addresses: [A, B] }])], `${A}:8080`],
    [
      'those that end but still serve, when none is ready',
      [aSlice('web', [anEndpoint(A, draining), anEndpoint(B, notReady)])],
      `${A}:8080`,
    ],
    [
      'not those that end, when one is ready',
      [aSlice('web', [anEndpoint(A, draining), anEndpoint(B)])],
      `${B}:8080`,
    ],
    ['none', [aSlice('web', [anEndpoint(A, notReady)])], 'reject'],
    [
      'slices without the port do not count',
      [aSlice('web', [anEndpoint(A)], [{ name: 'x', port: 1 }])],
      'reject',
    ],
    [
      'slices of IPv6 addresses do not count',
      [{ ...aSlice('web', [anEndpoint('fd00::1')]), addressType: 'IPv6' }],
      'reject',
    ],
    [
      'addresses that nft would not read do not count',
      [aSlice('web', [anEndpoint('10.244.0.300')])],
      'reject',
    ],
    [
      'those hinted to the zone of the node',
      [
        aSlice('web', [
          anEndpoint(A, { hints: { forZones: [{ name: 'east' }] } }),
          anEndpoint(B, { hints: { forZones: [{ name: 'west' }] } }),
        ]),
      ],
      `${A}:8080`,
    ],
    [
      'those hinted to the node go before those of the zone',
      [
        aSlice('web', [
          anEndpoint(A, { hints: { forZones: [{ name: 'east' }], forNodes: [{ name: 'node2' }] } }),
          anEndpoint(B, { hints: { forZones: [{ name: 'east' }], forNodes: [{ name: 'node1' }] } }),
        ]),
      ],
      `${B}:8080`,
    ],
    [
      'all, when one has no hint',
      [aSlice('web', [anEndpoint(A, { hints: { forZones: [{ name: 'east' }] } }), anEndpoint(B)])],
      `${A}:8080 ${B}:8080`,
    ],
    [
      'those of the zone, when one has no hint for a node',
      [
        aSlice('web', [
          anEndpoint(A, { hints: { forZones: [{ name: 'east' }] } }),
          anEndpoint(B, { hints: { forZones: [{ name: 'west' }], forNodes: [{ name: 'node1' }] } }),
        ]),
      ],
      `${A}:8080`,
    ],
    [
      'all, when no hint is for this zone',
      [aSlice('web', [anEndpoint(A, { hints: { forZones: [{ name: 'west' }] } })])],
      `${A}:8080`,
    ],
  ]
  for (const [what, slices, expected] of cases)
    test(what, () => assert.deepEqual(plan(web(), slices), [`10.96.1.1:80/tcp -> ${expected}`]))
})

describe('where a Service answers', () => {
  const both = [aSlice('web', [anEndpoint(A, here), anEndpoint(B, there)])]
  const remote = [aSlice('web', [anEndpoint(B, there)])]
  const nodePort = [{ port: 80, nodePort: 30_080 }]
  const balanced = { status: { loadBalancer: { ingress: [{ ip: '198.51.100.2' }] } } }
  const cases: readonly [string, Service, EndpointSlice[], string[]][] = [
    ['headless: nowhere', aService('web', 'None'), both, []],
    [
      'external name: nowhere',
      web([{ port: 80 }], { type: 'ExternalName', externalName: 'example.com' }),
      both,
      [],
    ],
    ['an address that the node serves itself: nowhere', aService('web', '10.96.0.10'), both, []],
    [
      'ports by name and protocol',
      web([
        { name: 'a', port: 80 },
        { name: 'b', port: 53, protocol: 'UDP' },
        { name: 'c', port: 9, protocol: 'SCTP' },
      ]),
      [
        aSlice(
          'web',
          [anEndpoint(A)],
          [
            { name: 'a', port: 8080 },
            { name: 'b', port: 5353, protocol: 'UDP' },
            { name: 'c', port: 9000, protocol: 'SCTP' },
          ],
        ),
      ],
      [`10.96.1.1:80/tcp -> ${A}:8080`, `10.96.1.1:53/udp -> ${A}:5353`, `10.96.1.1:9/sctp -> ${A}:9000`],
    ],
    [
      'node port: at the node too, masqueraded',
      web(nodePort, { type: 'NodePort' }),
      both,
      [`10.96.1.1:80/tcp -> ${A}:8080 ${B}:8080`, `192.0.2.1:30080/tcp -> ${A}:8080 ${B}:8080, masqueraded`],
    ],
    [
      'external policy Local: outsiders stay on the node and keep their address',
      web(nodePort, { type: 'NodePort', externalTrafficPolicy: 'Local' }),
      both,
      [
        `10.96.1.1:80/tcp -> ${A}:8080 ${B}:8080`,
        `192.0.2.1:30080/tcp -> ${A}:8080 ${B}:8080`,
        `192.0.2.1:30080/tcp -> ${A}:8080, outside`,
      ],
    ],
    [
      'external policy Local without an endpoint here: outsiders are dropped',
      web(nodePort, { type: 'NodePort', externalTrafficPolicy: 'Local' }),
      remote,
      [
        `10.96.1.1:80/tcp -> ${B}:8080`,
        `192.0.2.1:30080/tcp -> ${B}:8080`,
        '192.0.2.1:30080/tcp -> drop, outside',
      ],
    ],
    [
      'external policy Local without any endpoint: everybody is refused',
      web(nodePort, { type: 'NodePort', externalTrafficPolicy: 'Local' }),
      [],
      ['10.96.1.1:80/tcp -> reject', '192.0.2.1:30080/tcp -> reject'],
    ],
    [
      'internal policy Local',
      web(undefined, { internalTrafficPolicy: 'Local' }),
      both,
      [`10.96.1.1:80/tcp -> ${A}:8080`],
    ],
    [
      'internal policy Local, with one here that ends and one elsewhere that is ready',
      web(undefined, { internalTrafficPolicy: 'Local' }),
      [aSlice('web', [anEndpoint(C, { ...here, ...draining }), anEndpoint(B, there)])],
      [`10.96.1.1:80/tcp -> ${C}:8080`],
    ],
    [
      'internal policy Local without an endpoint here',
      web(undefined, { internalTrafficPolicy: 'Local' }),
      remote,
      ['10.96.1.1:80/tcp -> drop'],
    ],
    [
      'external addresses, each once',
      web(undefined, { externalIPs: ['198.51.100.1', '198.51.100.1', 'fd00::1'] }),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080`, `198.51.100.1:80/tcp -> ${B}:8080, masqueraded`],
    ],
    [
      'a load balancer, for those whom it lets in',
      web(
        undefined,
        { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.7/24', '192.0.2.0/25', 'fd00::/8'] },
        balanced,
      ),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080`, `198.51.100.2:80/tcp -> ${B}:8080, masqueraded, from 192.0.2.0/24`],
    ],
    [
      'a load balancer for everybody',
      web(undefined, { type: 'LoadBalancer', loadBalancerSourceRanges: ['0.0.0.0/0'] }, balanced),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080`, `198.51.100.2:80/tcp -> ${B}:8080, masqueraded`],
    ],
    [
      'a load balancer that has to see the traffic: not here',
      web(
        undefined,
        { type: 'LoadBalancer' },
        { status: { loadBalancer: { ingress: [{ ip: '198.51.100.2', ipMode: 'Proxy' }] } } },
      ),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080`],
    ],
    [
      'session affinity',
      web(undefined, {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      }),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080, sticky 5`],
    ],
    [
      'session affinity of three hours unless it says otherwise',
      web(undefined, { sessionAffinity: 'ClientIP' }),
      remote,
      [`10.96.1.1:80/tcp -> ${B}:8080, sticky 10800`],
    ],
  ]
  for (const [what, service, slices, expected] of cases)
    test(what, () => assert.deepEqual(plan(service, slices), expected))
})
