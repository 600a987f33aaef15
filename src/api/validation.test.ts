import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '../schema/index.ts'
import * as api from './index.ts'
import { problemsOf, updateProblems } from './validation.test-support.ts'

const template = (labels: object = { app: 'x' }, spec: object = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
})
const workload = (spec: object = {}) => ({
  spec: { selector: { matchLabels: { app: 'x' } }, template: template(), ...spec },
})
const service = (spec: object = {}) => ({ spec: { ports: [{ port: 80 }], selector: { a: 'b' }, ...spec } })
const kind = (k: unknown) => k as Kind

const accepted: readonly (readonly [string, unknown, object])[] = [
  ['a deployment', api.Deployment, workload()],
  ['a deployment that recreates', api.Deployment, workload({ strategy: { type: 'Recreate' } })],
  ['a replica set', api.ReplicaSet, workload()],
  ['a daemon set', api.DaemonSet, workload()],
  [
    'a stateful set with claims',
    api.StatefulSet,
    workload({
      serviceName: 's',
      template: template(
        { app: 'x' },
        { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/d' }] }] },
      ),
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    }),
  ],
  ['a service', api.Service, service()],
  ['a headless service without ports', api.Service, service({ clusterIP: 'None', ports: [] })],
  ['an external name', api.Service, { spec: { type: 'ExternalName', externalName: 'a.example.com.' } }],
  ['a node port service', api.Service, service({ type: 'NodePort' })],
  ['a load balancer', api.Service, service({ type: 'LoadBalancer' })],
  ['a secret from texts', api.Secret, { stringData: { a: 'b' } }],
  ['a namespace', api.Namespace, {}],
  ['a node', api.Node, { status: { capacity: { cpu: '1' } } }],
  ['a role', api.Role, { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] }],
  [
    'a binding',
    api.ClusterRoleBinding,
    { roleRef: { kind: 'ClusterRole', name: 'system:node' }, subjects: [{ kind: 'Group', name: 'g' }] },
  ],
  [
    'an endpoint slice',
    api.EndpointSlice,
    { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.1.1'] }], ports: [{ port: 80 }] },
  ],
  ['a lease', api.Lease, { spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } }],
  ['a lease that was given back', api.Lease, { spec: { holderIdentity: '', leaseDurationSeconds: 1 } }],
  ['an event', api.Event, { involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' } }],
]

for (const [name, k, object] of accepted) {
  test(`accepted: ${name}`, () => assert.deepEqual(problemsOf(kind(k), object), []))
}

const refused: readonly (readonly [string, unknown, object, ...string[]])[] = [
  [
    'a deployment without selector',
    api.Deployment,
    { spec: { template: template() } },
    'spec.selector: Required value',
  ],
  [
    'a selector of nothing',
    api.Deployment,
    workload({ selector: {} }),
    'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
  ],
  [
    'a selector of other pods',
    api.Deployment,
    workload({ template: template({ app: 'y' }) }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    'a template that ends',
    api.Deployment,
    workload({ template: template({ app: 'x' }, { activeDeadlineSeconds: 5 }) }),
    'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
  ],
  [
    'a template that runs once',
    api.Deployment,
    workload({ template: template({ app: 'x' }, { restartPolicy: 'Never' }) }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    'negative replicas',
    api.Deployment,
    workload({ replicas: -1 }),
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'a rollout that cannot move',
    api.Deployment,
    workload({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
  ],
  [
    'a percentage that is none',
    api.Deployment,
    workload({ strategy: { rollingUpdate: { maxSurge: 'x' } } }),
    `spec.strategy.rollingUpdate.maxSurge: Invalid value: "x": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
  ],
  [
    'recreate with a rolling update',
    api.Deployment,
    workload({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    'a deadline before a pod can be available',
    api.Deployment,
    workload({ minReadySeconds: 600 }),
    'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds',
  ],
  [
    'a broken template',
    api.Deployment,
    workload({ template: template({ app: 'x' }, { containers: [{ name: 'c' }] }) }),
    'spec.template.spec.containers[0].image: Required value',
  ],
  ['a service without ports', api.Service, service({ ports: [] }), 'spec.ports: Required value'],
  [
    'two ports without names',
    api.Service,
    service({ ports: [{ port: 1 }, { port: 2 }] }),
    'spec.ports[0].name: Required value',
    'spec.ports[1].name: Required value',
  ],
  [
    'a service name that begins with a digit',
    api.Service,
    { metadata: { name: '1a' }, ...service() },
    `metadata.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    'a port twice',
    api.Service,
    service({
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 1 },
      ],
    }),
    'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":1}',
  ],
  [
    'a node port of a cluster IP',
    api.Service,
    service({ ports: [{ port: 1, nodePort: 30000 }] }),
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  [
    'a cluster IP that is none',
    api.Service,
    service({ clusterIP: 'x' }),
    'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    'an unknown type',
    api.Service,
    service({ type: 'X' }),
    'spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    'an external name without name',
    api.Service,
    { spec: { type: 'ExternalName' } },
    'spec.externalName: Required value',
  ],
  [
    'an affinity that lasts for days',
    api.Service,
    service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 90_000 } } }),
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than 86400',
  ],
  [
    'a traffic policy for the outside',
    api.Service,
    service({ externalTrafficPolicy: 'Local' }),
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    'a loopback external IP',
    api.Service,
    service({ externalIPs: ['127.0.0.1'] }),
    'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    'a bad key',
    api.ConfigMap,
    { data: { 'a b': '' } },
    `data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  ],
  [
    'a key in both bags',
    api.ConfigMap,
    { data: { a: '' }, binaryData: { a: '' } },
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ],
  [
    'a config map of more than 1 MiB',
    api.ConfigMap,
    { data: { a: 'x'.repeat(1_048_577) } },
    '[]: Too long: may not be more than 1048576 bytes',
  ],
  [
    'a TLS secret without key',
    api.Secret,
    { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'a' } },
    'data[tls.key]: Required value',
  ],
  [
    'a registry secret that is no JSON',
    api.Secret,
    { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'x' } },
    'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": the contents are not valid JSON',
  ],
  [
    'a namespace with a dot',
    api.Namespace,
    { metadata: { name: 'a.b' } },
    'metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  [
    'a taint twice',
    api.Node,
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule' },
        ],
      },
    },
    'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and effect pair',
  ],
  [
    'a rule without verbs',
    api.Role,
    { rules: [{ apiGroups: [''], resources: ['pods'] }] },
    'rules[0].verbs: Required value: verbs must contain at least one value',
  ],
  [
    'a namespaced URL',
    api.Role,
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ],
  [
    'a binding to a pod',
    api.RoleBinding,
    { roleRef: { kind: 'Pod', name: 'a' } },
    'roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole"',
  ],
  [
    'a service account of no namespace',
    api.ClusterRoleBinding,
    { roleRef: { kind: 'ClusterRole', name: 'a' }, subjects: [{ kind: 'ServiceAccount', name: 's' }] },
    'subjects[0].namespace: Required value',
  ],
  [
    'an address of another family',
    api.EndpointSlice,
    { addressType: 'IPv6', endpoints: [{ addresses: ['10.1.1.1'] }] },
    'endpoints[0].addresses[0]: Invalid value: "10.1.1.1": must be a valid IPv6 address',
  ],
  [
    'too many endpoints',
    api.EndpointSlice,
    { addressType: 'IPv4', endpoints: Array(1001).fill({ addresses: ['10.1.1.1'] }) },
    'endpoints: Too many: 1001: must have at most 1000 items',
  ],
  [
    'a lease of no time',
    api.Lease,
    { spec: { leaseDurationSeconds: 0 } },
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
  ],
  [
    'an event about another namespace',
    api.Event,
    { involvedObject: { kind: 'Pod', name: 'a', namespace: 'other' } },
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ],
]

for (const [name, k, object, ...expected] of refused) {
  test(`refused: ${name}`, () => assert.deepEqual(problemsOf(kind(k), object), expected))
}

type Change = (object: never) => object
const changes: readonly (readonly [string, unknown, object, Change, ...string[]])[] = [
  [
    'a deployment may scale',
    api.Deployment,
    workload(),
    (d: api.Deployment) => ({ ...d, spec: { ...d.spec, replicas: 3 } }),
  ],
  [
    'a deployment keeps its selector',
    api.Deployment,
    workload(),
    (d: api.Deployment) => ({
      ...d,
      spec: { ...d.spec, selector: { matchLabels: { b: 'c' } }, template: template({ b: 'c' }) },
    }),
    'spec.selector: Invalid value: {"matchLabels":{"b":"c"}}: field is immutable',
  ],
  [
    'a service keeps its address',
    api.Service,
    service({ clusterIP: '10.96.0.7' }),
    (s: api.Service) => ({ ...s, spec: { ...s.spec, clusterIP: '10.96.0.8' } }),
    'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
  ],
  [
    'a service update without address keeps what was allocated',
    api.Service,
    service({ clusterIP: '10.96.0.7' }),
    (s: api.Service) => ({ ...s, spec: { ...s.spec, clusterIP: undefined, clusterIPs: undefined } }),
  ],
  [
    'a service may become an external name',
    api.Service,
    service({ clusterIP: '10.96.0.7', type: 'NodePort', ports: [{ port: 1, nodePort: 30001 }] }),
    (s: api.Service) => ({ ...s, spec: { ...s.spec, type: 'ExternalName', externalName: 'a.b' } }),
  ],
  [
    'an immutable config map keeps its data',
    api.ConfigMap,
    { data: { a: '1' }, immutable: true },
    (c: api.ConfigMap) => ({ ...c, data: { a: '2' } }),
    'data: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'a secret keeps its type',
    api.Secret,
    {},
    (s: api.Secret) => ({ ...s, type: 'x' }),
    'type: Invalid value: "x": field is immutable',
  ],
  [
    'a binding keeps its role',
    api.RoleBinding,
    { roleRef: { kind: 'Role', name: 'a' } },
    (b: api.RoleBinding) => ({ ...b, roleRef: { ...b.roleRef, name: 'b' } }),
    'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"b"}: cannot change roleRef',
  ],
  [
    'a stateful set keeps its claims',
    api.StatefulSet,
    workload({ serviceName: 's' }),
    (s: api.StatefulSet) => ({ ...s, spec: { ...s.spec, serviceName: 't' } }),
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
  [
    'a node keeps its pod range',
    api.Node,
    { spec: { podCIDRs: ['10.1.0.0/24'] } },
    (n: api.Node) => ({ ...n, spec: { ...n.spec, podCIDRs: ['10.2.0.0/24'] } }),
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ],
  [
    'a node keeps its pod range in the single form too',
    api.Node,
    { spec: { podCIDRs: ['10.1.0.0/24'] } },
    (n: api.Node) => ({ ...n, spec: { ...n.spec, podCIDR: '10.2.0.0/24' } }),
    'spec.podCIDR: Invalid value: "10.2.0.0/24": must be equal to `podCIDRs[0]`',
  ],
]

for (const [name, k, before, change, ...expected] of changes) {
  test(name, () => assert.deepEqual(updateProblems(kind(k), before, change as never), expected))
}
