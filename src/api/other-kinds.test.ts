import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '../schema/index.ts'
import * as api from './index.ts'
import { created, problemsOf, updateProblems } from './validation.test-support.ts'

const kind = (k: unknown) => k as Kind
const template = (spec: object = {}) => ({
  spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never', ...spec },
})
const claim = (spec: object = {}) => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
})
const ingress = (path: object) => ({
  spec: {
    rules: [
      {
        http: {
          paths: [
            {
              pathType: 'Prefix',
              path: '/',
              backend: { service: { name: 's', port: { number: 80 } } },
              ...path,
            },
          ],
        },
      },
    ],
  },
})
const autoscaler = (spec: object = {}) => ({
  spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, ...spec },
})
const webhook = (more: object = {}) => ({
  webhooks: [
    {
      name: 'a.example.com',
      clientConfig: { url: 'https://a' },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...more,
    },
  ],
})

const accepted: readonly (readonly [string, unknown, object])[] = [
  [
    'a cron job',
    api.CronJob,
    {
      spec: {
        schedule: '*/5 * * * *',
        timeZone: 'Europe/Berlin',
        jobTemplate: { spec: { template: template() } },
      },
    },
  ],
  ['a claim', api.PersistentVolumeClaim, claim()],
  [
    'a volume',
    api.PersistentVolume,
    { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } } },
  ],
  ['an ingress', api.Ingress, ingress({})],
  [
    'an ingress class',
    api.IngressClass,
    { spec: { controller: 'example.com/c', parameters: { kind: 'P', name: 'p' } } },
  ],
  [
    'a network policy',
    api.NetworkPolicy,
    {
      spec: {
        podSelector: {},
        ingress: [
          {
            from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
            ports: [{ port: 80, endPort: 90 }],
          },
        ],
      },
    },
  ],
  [
    'a disruption budget',
    api.PodDisruptionBudget,
    { spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } } },
  ],
  ['an autoscaler', api.HorizontalPodAutoscaler, autoscaler()],
  ['a priority class', api.PriorityClass, { value: 1000 }],
  ['a storage class', api.StorageClass, { provisioner: 'example.com/disk' }],
  [
    'a quota',
    api.ResourceQuota,
    { spec: { hard: { pods: '5', 'requests.cpu': '1', 'count/deployments.apps': '3' } } },
  ],
  [
    'a limit range',
    api.LimitRange,
    { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, default: { cpu: '1' } }] } },
  ],
  ['a webhook', api.ValidatingWebhookConfiguration, webhook()],
  ['a runtime class', api.RuntimeClass, { handler: 'runc' }],
  [
    'an address',
    api.IPAddress,
    {
      metadata: { name: '10.96.0.1' },
      spec: { parentRef: { resource: 'services', namespace: 'a', name: 'b' } },
    },
  ],
  ['a service range', api.ServiceCIDR, { spec: { cidrs: ['10.96.0.0/16'] } }],
  ['a service account', api.ServiceAccount, {}],
  ['a flow schema', api.FlowSchema, { spec: { priorityLevelConfiguration: { name: 'a' } } }],
]

for (const [name, k, object] of accepted) {
  test(`accepted: ${name}`, () => assert.deepEqual(problemsOf(kind(k), object), []))
}

const refused: readonly (readonly [string, unknown, object, ...string[]])[] = [
  [
    'a cron job that never fires',
    api.CronJob,
    { spec: { schedule: 'now', jobTemplate: { spec: { template: template() } } } },
    'spec.schedule: Invalid value: "now": expected exactly 5 fields, found 1: [now]',
  ],
  [
    'a cron job on the moon',
    api.CronJob,
    { spec: { schedule: '@daily', timeZone: 'Moon/Mare', jobTemplate: { spec: { template: template() } } } },
    'spec.timeZone: Invalid value: "Moon/Mare": unknown time zone Moon/Mare',
  ],
  [
    'a claim of nothing',
    api.PersistentVolumeClaim,
    claim({ resources: {} }),
    'spec.resources[storage]: Required value',
  ],
  [
    'a claim without access',
    api.PersistentVolumeClaim,
    claim({ accessModes: [] }),
    'spec.accessModes: Required value: at least 1 access mode is required',
  ],
  [
    'a volume of nothing',
    api.PersistentVolume,
    { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } } },
    'spec: Required value: must specify a volume type',
  ],
  [
    'a relative path',
    api.Ingress,
    ingress({ path: 'x' }),
    'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
  ],
  [
    'a backend without port',
    api.Ingress,
    ingress({ backend: { service: { name: 's' } } }),
    'spec.rules[0].http.paths[0].backend: Required value: port name or number is required',
  ],
  [
    'an empty ingress',
    api.Ingress,
    { spec: {} },
    'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified',
  ],
  [
    'a peer of nobody',
    api.NetworkPolicy,
    { spec: { podSelector: {}, egress: [{ to: [{}] }] } },
    'spec.egress[0].to[0]: Required value: must specify a peer',
  ],
  [
    'an exception outside its block',
    api.NetworkPolicy,
    {
      spec: {
        podSelector: {},
        ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }],
      },
    },
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
  ],
  [
    'a budget of both kinds',
    api.PodDisruptionBudget,
    { spec: { minAvailable: 1, maxUnavailable: 1 } },
    'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
  ],
  [
    'fewer at most than at least',
    api.HorizontalPodAutoscaler,
    autoscaler({ minReplicas: 5 }),
    'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ],
  [
    'a system priority by a user',
    api.PriorityClass,
    { value: 1_000_000_001 },
    'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
  ],
  [
    'an unknown quota',
    api.ResourceQuota,
    { spec: { hard: { apples: '1' } } },
    'spec.hard[apples]: Invalid value: "apples": must be a standard resource type or fully qualified',
    'spec.hard[apples]: Invalid value: "apples": must be a standard resource for quota',
  ],
  [
    'a limit range upside down',
    api.LimitRange,
    { spec: { limits: [{ type: 'Pod', max: { cpu: '1' }, min: { cpu: '2' } }] } },
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
  ],
  [
    'a webhook over http',
    api.ValidatingWebhookConfiguration,
    webhook({ clientConfig: { url: 'http://a' } }),
    `webhooks[0].clientConfig.url: Invalid value: "http://a": 'https' is the only allowed URL scheme`,
  ],
  [
    'a webhook with side effects',
    api.MutatingWebhookConfiguration,
    webhook({ sideEffects: 'Some' }),
    'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
  ],
  [
    'an address that is none',
    api.IPAddress,
    { metadata: { name: 'x' }, spec: { parentRef: { resource: 'services', name: 'b' } } },
    'metadata.name: Invalid value: "x": must be a valid IP address',
  ],
  [
    'a request that is no PEM',
    api.CertificateSigningRequest,
    { spec: { request: 'eA==', signerName: 'example.com/s', usages: ['client auth'] } },
    'spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST',
  ],
]

for (const [name, k, object, ...expected] of refused) {
  test(`refused: ${name}`, () => assert.deepEqual(problemsOf(kind(k), object), expected))
}

test('a job template keeps what it was made of', () => {
  const job = {
    spec: {
      manualSelector: true,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, ...template() },
    },
  }
  const change = (j: api.Job): api.Job => ({
    ...j,
    spec: { ...j.spec, template: { ...j.spec.template, spec: { ...j.spec.template.spec!, nodeName: 'n' } } },
  })
  const problems = updateProblems(kind(api.Job), job as never, change as never)
  assert.equal(problems.length, 1)
  assert.match(problems[0]!, /^spec.template: Invalid value: .*: field is immutable$/)
})

test('a claim that is not bound keeps its size', () => {
  const grown = (c: api.PersistentVolumeClaim) => ({
    ...c,
    spec: { ...c.spec, resources: { requests: { storage: '2Gi' } } },
  })
  const [problem] = updateProblems(kind(api.PersistentVolumeClaim), claim() as never, grown as never)
  assert.match(problem!, /^spec: Forbidden: spec is immutable after creation/)
})

test('an autoscaler without metrics scales on CPU', () => {
  const { spec } = created(api.HorizontalPodAutoscaler, autoscaler() as never)
  assert.equal(spec.minReplicas, 1)
  assert.deepEqual(spec.metrics, [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
  ])
})

test('a container limit range fills what containers do not say', () => {
  const { spec } = created(api.LimitRange, {
    spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] },
  })
  assert.deepEqual(spec.limits[0]?.default, { cpu: '2' })
  assert.deepEqual(spec.limits[0]?.defaultRequest, { cpu: '2', memory: '1Mi' })
})

test('a network policy applies to what it has rules for', () => {
  const types = (spec: object) =>
    created(api.NetworkPolicy, { spec: { podSelector: {}, ...spec } }).spec.policyTypes
  assert.deepEqual(types({}), ['Ingress'])
  assert.deepEqual(types({ egress: [{}] }), ['Ingress', 'Egress'])
})
