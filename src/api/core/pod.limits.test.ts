import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input } from '../../schema/index.ts'
import { problemsOf } from '../validation.test-support.ts'
import { Pod } from './pod.ts'

/** What is just still allowed: a rule that refuses one too many refuses one of these. */

const container = (more: object = {}) => ({ name: 'c', image: 'i:1', ...more })
const pod = (spec: object, metadata: object = {}): Input<Pod> => ({
  metadata: { name: 'x', ...metadata },
  spec: { containers: [container()], ...spec },
})
const one = (more: object, spec: object = {}) => pod({ containers: [container(more)], ...spec })
const probe = (more: object) => ({ exec: { command: ['true'] }, ...more })
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

const allowed: readonly (readonly [string, Input<Pod>])[] = [
  ['the longest name', pod({}, { name: 'a'.repeat(253) })],
  ['the longest label', pod({}, { labels: { [`${'a.'.repeat(126)}a/${'n'.repeat(63)}`]: 'v'.repeat(63) } })],
  ['annotations of 256 KiB', pod({}, { annotations: { a: 'x'.repeat(262_143) } })],
  ['the longest container name', pod({ containers: [{ name: 'c'.repeat(63), image: 'i' }] })],
  [
    'the first and the last port',
    one({ ports: [{ containerPort: 1 }, { containerPort: 65_535, hostPort: 65_535 }] }),
  ],
  ['the longest port name', one({ ports: [{ name: 'abcdefghijklmno', containerPort: 80 }] })],
  [
    'one number for TCP, UDP and SCTP, and for TCP of two addresses',
    one({
      ports: [
        { containerPort: 53, protocol: 'TCP', hostPort: 53, hostIP: '192.0.2.1' },
        { containerPort: 53, protocol: 'TCP', hostPort: 53, hostIP: '192.0.2.2' },
        { containerPort: 53, protocol: 'UDP', hostPort: 53 },
        { containerPort: 53, protocol: 'SCTP', hostPort: 53 },
      ],
    }),
  ],
  ['a request that is the limit', one({ resources: { requests: { cpu: '1' }, limits: { cpu: '1000m' } } })],
  ['a request of nothing', one({ resources: { requests: { cpu: '0', memory: '0' } } })],
  [
    'a whole device, requested as it is limited',
    one({ resources: { requests: { 'x.org/gpu': '1' }, limits: { 'x.org/gpu': '1' } } }),
  ],
  ['no grace at all', pod({ terminationGracePeriodSeconds: 0 })],
  ['one second to live', pod({ activeDeadlineSeconds: 1 })],
  ['the longest life', pod({ activeDeadlineSeconds: 2_147_483_647 })],
  [
    'probes with the smallest numbers',
    one({
      livenessProbe: probe({
        initialDelaySeconds: 0,
        periodSeconds: 1,
        timeoutSeconds: 1,
        successThreshold: 1,
        failureThreshold: 1,
        terminationGracePeriodSeconds: 1,
      }),
      readinessProbe: probe({ successThreshold: 2 }),
      startupProbe: { httpGet: { port: 65_535, path: '/', scheme: 'HTTPS' } },
    }),
  ],
  [
    'users and groups from 0 to the last',
    pod({
      securityContext: {
        runAsUser: 0,
        runAsGroup: 2_147_483_647,
        fsGroup: 0,
        supplementalGroups: [0, 2_147_483_647],
      },
      containers: [container({ securityContext: { runAsUser: 2_147_483_647, runAsGroup: 0 } })],
    }),
  ],
  [
    'three name servers and 32 search domains',
    pod({
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
        searches: times(32, (i) => `s${i}.example`),
      },
    }),
  ],
  ['search domains of 2,048 characters', pod({ dnsConfig: { searches: times(32, () => 'a'.repeat(63)) } })],
  [
    'every form of toleration',
    pod({
      tolerations: [
        { operator: 'Exists' },
        { key: 'a', operator: 'Exists', effect: 'NoSchedule' },
        { key: 'a', operator: 'Equal', value: 'v', effect: 'PreferNoSchedule' },
        { key: 'a', value: '', effect: 'NoExecute', tolerationSeconds: 0 },
      ],
    }),
  ],
  [
    'weights from 1 to 100',
    pod({
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [1, 100].map((weight) => ({
            weight,
            preference: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
          })),
        },
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [1, 100].map((weight) => ({
            weight,
            podAffinityTerm: { topologyKey: 'zone', labelSelector: {} },
          })),
        },
      },
    }),
  ],
  [
    'a node by its name alone',
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] },
              { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] },
            ],
          },
        },
      },
    }),
  ],
  [
    'a skew of one, and at least one domain',
    pod({
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          minDomains: 1,
          labelSelector: {},
        },
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
      ],
    }),
  ],
  [
    'volumes of every kind that runs here, mounted once each',
    pod({
      serviceAccountName: 'robot',
      volumes: [
        { name: 'e', emptyDir: { medium: 'Memory', sizeLimit: '0' } },
        { name: 'h', hostPath: { path: '/var', type: '' } },
        {
          name: 'm',
          configMap: { name: 'm', defaultMode: 0, items: [{ key: 'a', path: 'b/c', mode: 511 }] },
        },
        { name: 's', secret: { secretName: 's', defaultMode: 511 } },
        {
          name: 'd',
          downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: "metadata.labels['a']" } }] },
        },
        {
          name: 'p',
          projected: {
            sources: [
              { serviceAccountToken: { path: 't', expirationSeconds: 600 } },
              { configMap: { name: 'm', items: [{ key: 'ca', path: 'ca' }] } },
            ],
          },
        },
      ],
      containers: [
        container({
          volumeMounts: ['e', 'h', 'm', 's', 'd', 'p'].map((name) => ({
            name,
            mountPath: `/${name}`,
            subPath: 'x',
          })),
        }),
      ],
    }),
  ],
  [
    'a pod of the host, whose ports are its own',
    pod({ hostNetwork: true, containers: [container({ ports: [{ containerPort: 80, hostPort: 80 }] })] }),
  ],
  [
    'environment from everywhere',
    one({
      env: [
        { name: 'A', value: '' },
        { name: 'a.b-c', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'C', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } },
        { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: '.dot', optional: true } } },
        { name: 'R', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'm' } }, { secretRef: { name: 's' } }],
    }),
  ],
  [
    'a sidecar with what only sidecars have',
    pod({
      initContainers: [
        container({
          name: 's',
          restartPolicy: 'Always',
          startupProbe: probe({}),
          readinessProbe: probe({}),
          lifecycle: { preStop: { sleep: { seconds: 1 } } },
        }),
      ],
    }),
  ],
  [
    'a pause before the end as long as the grace',
    one({ lifecycle: { preStop: { sleep: { seconds: 30 } } } }),
  ],
  ['the longest host name and subdomain', pod({ hostname: 'h'.repeat(63), subdomain: 's'.repeat(63) })],
  ['host names for an address', pod({ hostAliases: [{ ip: '::1', hostnames: ['a.b', 'c'] }] })],
]
for (const [what, object] of allowed) {
  test(`a pod may have ${what}`, () => assert.deepEqual(problemsOf(Pod, object), []))
}
