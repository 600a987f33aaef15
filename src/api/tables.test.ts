import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { apiVersionOf, type Kind } from '../schema/index.ts'
import * as api from './index.ts'
import { humanDuration, selectorText } from './table.columns.ts'
import { tableColumns, tableRow, tableRowConditions } from './tables.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const CREATED = '2026-11-21T09:30:00Z'

const cells = (kind: unknown, object: object) =>
  tableRow(kind as Kind, { metadata: { name: 'x', creationTimestamp: CREATED }, ...object } as never, NOW)

for (const [seconds, text] of [
  [-5, '<invalid>'],
  [-1, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [312, '5m12s'],
  [600, '10m'],
  [10_799, '179m'],
  [10_800, '3h'],
  [3 * 3600 + 300, '3h5m'],
  [8 * 3600 + 300, '8h'],
  [47 * 3600, '47h'],
  [50 * 3600, '2d2h'],
  [8 * 86_400 + 3600, '8d'],
  [400 * 86_400, '400d'],
  [800 * 86_400, '2y70d'],
  [4000 * 86_400, '10y'],
] as const) {
  test(`${seconds} seconds read as ${text}`, () => assert.equal(humanDuration(seconds * 1000), text))
}

test('a selector reads as text sorted by key', () => {
  const selector = {
    matchLabels: { z: '1' },
    matchExpressions: [
      { key: 'b', operator: 'In' as const, values: ['y', 'x'] },
      { key: 'a', operator: 'DoesNotExist' as const },
    ],
  }
  assert.equal(selectorText(selector), '!a,b in (x,y),z=1')
})

const container = (name: string, state: object, more: object = {}) => ({
  name,
  state,
  lastState: {},
  ready: false,
  restartCount: 0,
  image: '',
  imageID: '',
  ...more,
})
const running = { running: { startedAt: CREATED } }
const spec = (names: readonly string[], init: readonly object[] = []) => ({
  containers: names.map((name) => ({ name })),
  initContainers: init,
})

const pods: [string, object, [ready: string, status: string, restarts: string]][] = [
  ['waits to be scheduled', { spec: spec(['a']), status: { phase: 'Pending' } }, ['0/1', 'Pending', '0']],
  [
    'runs',
    {
      spec: spec(['a', 'b']),
      status: {
        phase: 'Running',
        containerStatuses: [container('a', running, { ready: true }), container('b', running)],
      },
    },
    ['1/2', 'Running', '0'],
  ],
  [
    'crashes again and again',
    {
      spec: spec(['a']),
      status: {
        phase: 'Running',
        containerStatuses: [
          container(
            'a',
            { waiting: { reason: 'CrashLoopBackOff' } },
            {
              restartCount: 4,
              lastState: { terminated: { exitCode: 1, finishedAt: '2026-11-21T11:58:30Z' } },
            },
          ),
        ],
      },
    },
    ['0/1', 'CrashLoopBackOff', '4 (90s ago)'],
  ],
  [
    'is initialising',
    {
      spec: spec(['a'], [{ name: 'i' }, { name: 'j' }]),
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('i', { terminated: { exitCode: 0 } }), container('j', running)],
      },
    },
    ['0/1', 'Init:1/2', '0'],
  ],
  [
    'fails to initialise',
    {
      spec: spec(['a'], [{ name: 'i' }]),
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('i', { terminated: { exitCode: 2 } }, { restartCount: 3 })],
      },
    },
    ['0/1', 'Init:ExitCode:2', '3'],
  ],
  [
    'has a sidecar',
    {
      spec: spec(['a'], [{ name: 's', restartPolicy: 'Always' }]),
      status: {
        phase: 'Running',
        initContainerStatuses: [container('s', running, { started: true, ready: true, restartCount: 1 })],
        containerStatuses: [container('a', running, { ready: true })],
      },
    },
    ['2/2', 'Running', '1'],
  ],
  [
    'has ended',
    {
      spec: spec(['a']),
      status: {
        phase: 'Succeeded',
        containerStatuses: [container('a', { terminated: { exitCode: 0, reason: 'Completed' } })],
      },
    },
    ['0/1', 'Completed', '0'],
  ],
  [
    'was killed by a signal',
    {
      spec: spec(['a']),
      status: {
        phase: 'Failed',
        containerStatuses: [container('a', { terminated: { exitCode: 137, signal: 9 } })],
      },
    },
    ['0/1', 'Signal:9', '0'],
  ],
  [
    'has one container that completed while the other runs',
    {
      spec: spec(['a', 'b']),
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses: [
          container('a', { terminated: { exitCode: 0, reason: 'Completed' } }),
          container('b', running, { ready: true }),
        ],
      },
    },
    ['1/2', 'NotReady', '0'],
  ],
  [
    'is terminating',
    {
      metadata: { name: 'x', creationTimestamp: CREATED, deletionTimestamp: CREATED },
      spec: spec(['a']),
      status: { phase: 'Running', containerStatuses: [container('a', running, { ready: true })] },
    },
    ['1/1', 'Terminating', '0'],
  ],
  [
    'was evicted',
    { spec: spec(['a']), status: { phase: 'Failed', reason: 'Evicted' } },
    ['0/1', 'Evicted', '0'],
  ],
  [
    'is gated',
    {
      spec: spec(['a']),
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
      },
    },
    ['0/1', 'SchedulingGated', '0'],
  ],
]

for (const [name, pod, expected] of pods) {
  test(`the row of a pod that ${name}`, () => assert.deepEqual(cells(api.Pod, pod).slice(1, 4), expected))
}

test('a pod that has ended is marked completed', () => {
  const pod = { metadata: { name: 'x' }, spec: spec(['a']), status: { phase: 'Succeeded' } }
  assert.deepEqual(tableRowConditions(api.Pod, pod as never), [
    { type: 'Completed', status: 'True', reason: 'Succeeded' },
  ])
})

const template = {
  spec: {
    containers: [
      { name: 'c', image: 'i:1' },
      { name: 'd', image: 'j' },
    ],
  },
}

const rows: [string, unknown, object, readonly unknown[]][] = [
  [
    'a deployment',
    api.Deployment,
    {
      spec: { replicas: 3, selector: { matchLabels: { app: 'x' } }, template },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 },
    },
    ['x', '2/3', 3, 2, '150m', 'c,d', 'i:1,j', 'app=x'],
  ],
  [
    'a replica set',
    api.ReplicaSet,
    { spec: { replicas: 3, selector: {}, template }, status: { replicas: 3 } },
    ['x', 3, 3, 0, '150m', 'c,d', 'i:1,j', '<none>'],
  ],
  [
    'a service',
    api.Service,
    {
      spec: {
        type: 'NodePort',
        clusterIPs: ['10.0.0.1'],
        ports: [
          { port: 80, nodePort: 30000, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
        selector: { a: 'b' },
      },
      status: {},
    },
    ['x', 'NodePort', '10.0.0.1', '<none>', '80:30000/TCP,53/UDP', '150m', 'a=b'],
  ],
  [
    'a service of an absent load balancer',
    api.Service,
    { spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'] }, status: { loadBalancer: {} } },
    ['x', 'LoadBalancer', '10.0.0.1', '<pending>', '<none>', '150m', '<none>'],
  ],
  [
    'a headless service',
    api.Service,
    { spec: { type: 'ClusterIP', clusterIPs: ['None'], ports: [] }, status: {} },
    ['x', 'ClusterIP', 'None', '<none>', '<none>', '150m', '<none>'],
  ],
  [
    'an external name',
    api.Service,
    { spec: { type: 'ExternalName', externalName: 'a.b' }, status: {} },
    ['x', 'ExternalName', '<none>', 'a.b', '<none>', '150m', '<none>'],
  ],
  ['endpoints without subsets', api.Endpoints, {}, ['x', '<none>', '150m']],
  [
    'endpoints',
    api.Endpoints,
    { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 80 }, { port: 81 }] }] },
    ['x', '1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...', '150m'],
  ],
  [
    'an endpoint slice',
    api.EndpointSlice,
    { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{ addresses: ['1.1.1.1'] }] },
    ['x', 'IPv4', '80', '1.1.1.1', '150m'],
  ],
  [
    'an empty endpoint slice',
    api.EndpointSlice,
    { addressType: 'IPv4', ports: [], endpoints: [] },
    ['x', 'IPv4', '<unset>', '<unset>', '150m'],
  ],
  [
    'a node',
    api.Node,
    {
      metadata: {
        name: 'n',
        creationTimestamp: CREATED,
        labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/role': 'edge' },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.1.1.1' }],
        nodeInfo: {
          kubeletVersion: 'v1',
          osImage: 'Debian',
          kernelVersion: '6.1',
          architecture: 'amd64',
          containerRuntimeVersion: 'containerd://1',
        },
      },
    },
    [
      'n',
      'Ready,SchedulingDisabled',
      'control-plane,edge',
      '150m',
      'v1',
      '10.1.1.1',
      '<none>',
      'Debian',
      '6.1 (amd64)',
      'containerd://1',
    ],
  ],
  ['a config map', api.ConfigMap, { data: { a: '1' }, binaryData: { b: '' } }, ['x', 2, '150m']],
  ['a secret', api.Secret, { type: 'Opaque' }, ['x', 'Opaque', 0, '150m']],
  [
    'an event',
    api.Event,
    {
      involvedObject: { kind: 'Pod', name: 'web', fieldPath: 'spec' },
      reason: 'Pulled',
      type: 'Normal',
      message: ' ok \n',
      source: { component: 'kubelet', host: 'n1' },
      firstTimestamp: CREATED,
      lastTimestamp: '2026-11-21T11:59:00Z',
      count: 3,
      reportingComponent: '',
      reportingInstance: '',
    },
    ['60s', 'Normal', 'Pulled', 'pod/web', 'spec', 'kubelet, n1', 'ok', '150m', '3', 'x'],
  ],
  [
    'a job',
    api.Job,
    { spec: { completions: 2, template }, status: { succeeded: 1, startTime: '2026-11-21T11:59:00Z' } },
    ['x', 'Running', '1/2', '60s', '150m', 'c,d', 'i:1,j', '<none>'],
  ],
  [
    'a cron job',
    api.CronJob,
    { spec: { schedule: '* * * * *', suspend: false, jobTemplate: { spec: { template } } }, status: {} },
    ['x', '* * * * *', '<none>', 'False', 0, '<none>', '150m', 'c,d', 'i:1,j', '<none>'],
  ],
  [
    'an autoscaler',
    api.HorizontalPodAutoscaler,
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'web' },
        maxReplicas: 5,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
          },
        ],
      },
      status: {},
    },
    ['x', 'Deployment/web', 'cpu: <unknown>/80%', '<unset>', 5, 0, '150m'],
  ],
  ['a role', api.Role, { rules: [] }, ['x', CREATED]],
  [
    'a role binding',
    api.RoleBinding,
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', namespace: 'n', name: 's' },
      ],
    },
    ['x', 'Role/r', '150m', 'u', '', 'n/s'],
  ],
  [
    'a claim',
    api.PersistentVolumeClaim,
    {
      spec: { volumeName: 'v', storageClassName: 'fast', volumeMode: 'Filesystem' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
    },
    ['x', 'Bound', 'v', '1Gi', 'RWO', 'fast', '<unset>', '150m', 'Filesystem'],
  ],
  [
    'an ingress',
    api.Ingress,
    {
      spec: { rules: [{ host: 'a' }, {}], tls: [{}] },
      status: { loadBalancer: { ingress: [{ ip: '2.2.2.2' }] } },
    },
    ['x', '<none>', 'a', '2.2.2.2', '80, 443', '150m'],
  ],
  [
    'a storage class',
    api.StorageClass,
    {
      metadata: {
        name: 'x',
        creationTimestamp: CREATED,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'p',
    },
    ['x (default)', 'p', 'Delete', 'Immediate', false, '150m'],
  ],
  [
    'a quota',
    api.ResourceQuota,
    { spec: {}, status: { hard: { pods: '5', 'limits.cpu': '2' }, used: { pods: '1' } } },
    ['x', 'pods: 1/5', 'limits.cpu: 0/2', '150m'],
  ],
]

for (const [name, kind, object, expected] of rows) {
  test(`the row of ${name}`, () => assert.deepEqual(cells(kind, object), expected))
}

test('the table of a scale counts replicas', () => {
  const scale = {
    metadata: { name: 'x', creationTimestamp: CREATED },
    spec: { replicas: 3 },
    status: { replicas: 2 },
  }
  assert.deepEqual(tableRow(api.Scale, scale as never, NOW), ['x', 3, 2, '150m'])
  const columns = tableColumns(api.Scale).map((c) => `${c.name} ${c.type} ${c.format}`)
  assert.deepEqual(columns, ['Name string ', 'Desired integer ', 'Available integer ', 'Age string '])
})

test('an object without a creation time has an unknown age', () => {
  assert.deepEqual(tableRow(api.ServiceAccount, { metadata: { name: 'x' } } as never, NOW), [
    'x',
    '<unknown>',
  ])
})

const FACTS = new URL('../../../shared/api-facts/printer-columns.json', import.meta.url)

interface Fact {
  readonly kind: string
  readonly apiVersion: string
  readonly columns: readonly { name: string; type: string; format: string; priority: number }[]
}

test('every kind has the columns of the API facts', {
  skip: existsSync(FACTS) ? false : 'no API facts here',
}, () => {
  const facts = new Map<string, Fact>()
  for (const fact of JSON.parse(readFileSync(FACTS, 'utf8')).resources as Fact[]) {
    facts.set(`${fact.apiVersion} ${fact.kind}`, fact)
  }
  for (const kind of api.servedKinds) {
    const fact = facts.get(`${apiVersionOf(kind.resource)} ${kind.resource.kind}`)
    if (!fact) continue
    const expected = fact.columns.map(({ name, type, format, priority }) => ({
      name,
      type,
      format,
      priority,
    }))
    const found = tableColumns(kind).map(({ name, type, format, priority }) => ({
      name,
      type,
      format,
      priority,
    }))
    assert.deepEqual(found, expected, kind.name)
  }
})
