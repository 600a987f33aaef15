import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input, Kind, KubeObject } from '../schema/index.ts'
import * as api from './index.ts'
import { problemsOf, updateProblems } from './validation.test-support.ts'

/** What other kinds than pods are just still allowed: a rule that refuses one too many refuses one of these. */

const labels = { app: 'x' }
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
const deployment = (spec: object) => ({ spec: { selector: { matchLabels: labels }, template, ...spec } })
const rolling = (maxSurge: number | string, maxUnavailable: number | string) =>
  deployment({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } })
const service = (spec: object) => ({ spec: { ports: [{ port: 80 }], selector: labels, ...spec } })
const ports = (...list: object[]) => service({ ports: list })
const slice = (more: object) => ({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ...more })
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

const allowed: readonly (readonly [string, unknown, object])[] = [
  ['a deployment of nothing', api.Deployment, deployment({ replicas: 0 })],
  ['a deployment that surges only', api.Deployment, rolling(1, 0)],
  ['a deployment that shrinks only', api.Deployment, rolling('0%', '1%')],
  ['a deployment that may shrink to nothing', api.Deployment, rolling(0, '100%')],
  ['a deployment that may double and more', api.Deployment, rolling('200%', 0)],
  ['a deployment that is made anew', api.Deployment, deployment({ strategy: { type: 'Recreate' } })],
  [
    'a deployment with a deadline just behind its patience',
    api.Deployment,
    deployment({ minReadySeconds: 9, progressDeadlineSeconds: 10, revisionHistoryLimit: 0 }),
  ],
  [
    'a selector of expressions',
    api.Deployment,
    {
      spec: {
        selector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['x', 'y'] },
            { key: 'app', operator: 'Exists' },
            { key: 'tier', operator: 'DoesNotExist' },
            { key: 'tier', operator: 'NotIn', values: ['db'] },
          ],
        },
        template,
      },
    },
  ],
  ['the first and the last port', api.Service, ports({ name: 'a', port: 1 }, { name: 'b', port: 65_535 })],
  [
    'a port by name, and one number for three protocols',
    api.Service,
    ports(
      { name: 'a', port: 53, targetPort: 'dns', protocol: 'TCP' },
      { name: 'b', port: 53, targetPort: 53, protocol: 'UDP' },
      { name: 'c', port: 53, protocol: 'SCTP', appProtocol: 'example.com/x' },
    ),
  ],
  [
    'affinity from a second to a day',
    api.Service,
    service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_400 } } }),
  ],
  [
    'the shortest affinity',
    api.Service,
    service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }),
  ],
  [
    'a node port service for local traffic',
    api.Service,
    service({ type: 'NodePort', externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }),
  ],
  [
    'a load balancer with a port for health and sources',
    api.Service,
    service({
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 65_535,
      loadBalancerSourceRanges: ['10.0.0.0/8', ' 192.0.2.0/24 '],
    }),
  ],
  [
    'a slice of 1,000',
    api.EndpointSlice,
    slice({ endpoints: times(1000, (i) => ({ addresses: [`10.0.${i >> 8}.${i & 255}`] })) }),
  ],
  [
    'an endpoint of 100 addresses',
    api.EndpointSlice,
    slice({ endpoints: [{ addresses: times(100, (i) => `10.0.0.${i}`) }] }),
  ],
  [
    'a slice of names',
    api.EndpointSlice,
    slice({ addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] }),
  ],
  ['a slice of ports without number', api.EndpointSlice, slice({ ports: [{ name: '', port: undefined }] })],
  [
    'the longest lease in one second',
    api.Lease,
    { spec: { holderIdentity: 'a', leaseDurationSeconds: 1, leaseTransitions: 0 } },
  ],
  [
    'a role for paths',
    api.ClusterRole,
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/api/*', '*'] }] },
  ],
  [
    'a binding to users, groups and accounts',
    api.RoleBinding,
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'ann@example.com' },
        { kind: 'Group', name: 'system:masters' },
        { kind: 'ServiceAccount', name: 'robot', namespace: 'shop' },
      ],
    },
  ],
  ['a binding of nobody', api.RoleBinding, { roleRef: { kind: 'ClusterRole', name: 'r' } }],
  [
    'quotas with every scope that may go together',
    api.ResourceQuota,
    { spec: { hard: { pods: '4' }, scopes: ['NotTerminating', 'BestEffort'] } },
  ],
  [
    'a limit range whose bounds meet',
    api.LimitRange,
    {
      spec: {
        limits: [
          {
            type: 'Container',
            min: { cpu: '1' },
            max: { cpu: '1' },
            default: { cpu: '1' },
            defaultRequest: { cpu: '1' },
          },
        ],
      },
    },
  ],
]
for (const [what, kind, object] of allowed) {
  test(`allowed: ${what}`, () =>
    assert.deepEqual(problemsOf(kind as Kind<KubeObject>, object as Input<KubeObject>), []))
}

const running = (status: object) => (d: api.Deployment) =>
  ({ ...d, status: { ...d.status, ...status } }) as unknown as api.Deployment
for (const [status, ...expected] of [
  [{ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 }],
  [{ replicas: 3, readyReplicas: 3, availableReplicas: 0, collisionCount: 2 }],
  [
    { replicas: 3, readyReplicas: 1, availableReplicas: 2 },
    'status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas',
  ],
  [
    { replicas: 1, updatedReplicas: 2 },
    'status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ],
  [
    { unavailableReplicas: -1 },
    'status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0',
  ],
] as readonly (readonly [object, ...string[]])[]) {
  test(`a deployment that reports ${JSON.stringify(status)} is ${expected.length === 0 ? 'believed' : 'refused'}`, () => {
    const before = deployment({}) as Input<api.Deployment>
    assert.deepEqual(updateProblems(api.Deployment, before, running(status), 'status'), expected)
  })
}
