import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../api/index.ts'
import { planAddress } from './load-balancers.ts'

const pool = ['10.90.0.100', '10.90.0.101']

function service(options: { type?: string; ip?: string; wish?: string; class?: string } = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '7',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      type: options.type ?? 'LoadBalancer',
      loadBalancerIP: options.wish,
      loadBalancerClass: options.class,
    },
    status: options.ip ? { loadBalancer: { ingress: [{ ip: options.ip }] } } : {},
  } as unknown as Service
}

/** The addresses that the plan sets; undefined when it leaves the Service alone. */
function chosen(s: Service, others: [string, boolean][] = []): unknown {
  const { steps } = planAddress(
    { service: s, others: new Map(others.map(([ip, isOlder]) => [ip, { isOlder }])) },
    pool,
  )
  const action = steps[0]?.actions[0]
  if (action?.do === 'event') return action.text.message
  if (action?.do !== 'patch') return undefined
  const body = action.patch.body as { status: { loadBalancer: { ingress: { ip: string }[] } } }
  return body.status.loadBalancer.ingress.map(({ ip }) => ip)
}

const cases: [string, unknown, unknown][] = [
  ['a new one gets the first free address', chosen(service()), ['10.90.0.100']],
  ['addresses of others are left to them', chosen(service(), [['10.90.0.100', false]]), ['10.90.0.101']],
  ['one that has an address keeps it', chosen(service({ ip: '10.90.0.101' })), undefined],
  [
    'of two with the same address the older keeps it',
    chosen(service({ ip: '10.90.0.100' }), [['10.90.0.100', false]]),
    undefined,
  ],
  [
    'and the younger gets another',
    chosen(service({ ip: '10.90.0.100' }), [['10.90.0.100', true]]),
    ['10.90.0.101'],
  ],
  ['a wish is granted', chosen(service({ wish: '10.90.0.101' })), ['10.90.0.101']],
  [
    'a wish for what is taken is refused',
    chosen(service({ wish: '10.90.0.101' }), [['10.90.0.101', true]]),
    'cannot give an address: address 10.90.0.101 is taken or outside of 10.90.0.100 to 10.90.0.101',
  ],
  [
    'when all are taken, it says so',
    chosen(
      service(),
      pool.map((ip) => [ip, true]),
    ),
    'cannot give an address: all 2 addresses from 10.90.0.100 to 10.90.0.101 are taken',
  ],
  ['one of another class is left alone', chosen(service({ class: 'example.com/other' })), undefined],
  ['an address that somebody else gave stays', chosen(service({ ip: '192.0.2.7' })), undefined],
  [
    'one that is no load balancer any more gives its address back',
    chosen(service({ type: 'ClusterIP', ip: '10.90.0.100' })),
    [],
  ],
  ['one that never was is left alone', chosen(service({ type: 'NodePort' })), undefined],
]
for (const [what, actual, expected] of cases) {
  test(`load balancer addresses: ${what}`, () => {
    assert.deepEqual(actual, expected)
  })
}
