import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input } from '../../schema/index.ts'
import { problemsOf, updateProblems } from '../validation.test-support.ts'
import { Pod } from './pod.ts'

type Spec = Input<Pod>['spec']
type ContainerInput = NonNullable<NonNullable<Spec>['containers']>[number]

const container = (more: object = {}): ContainerInput => ({ name: 'c', image: 'i:1', ...more })
const pod = (spec: object = {}, metadata: object = {}): Input<Pod> =>
  ({ metadata: { name: 'web', ...metadata }, spec: { containers: [container()], ...spec } }) as Input<Pod>
const one = (more: object, spec: object = {}) => pod({ containers: [container(more)], ...spec })

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

test('a minimal pod is fine', () => assert.deepEqual(problemsOf(Pod, pod()), []))

const refused: readonly (readonly [string, Input<Pod>, ...string[]])[] = [
  ['no containers', pod({ containers: [] }), 'spec.containers: Required value'],
  ['a bad name', pod({}, { name: 'Web' }), `metadata.name: Invalid value: "Web": ${SUBDOMAIN}`],
  [
    'a bad label',
    pod({}, { labels: { a: '-' } }),
    `metadata.labels: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  ],
  [
    'an unknown finalizer',
    pod({}, { finalizers: ['mine'] }),
    'metadata.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    'an owner without uid',
    pod({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '' }] }),
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ],
  [
    'too many annotations',
    pod({}, { annotations: { a: 'x'.repeat(262_144) } }),
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ],
  [
    'a container without name and image',
    pod({ containers: [{}] }),
    'spec.containers[0].name: Required value',
    'spec.containers[0].image: Required value',
  ],
  ['a bad container name', one({ name: 'a_b' }), `spec.containers[0].name: Invalid value: "a_b": ${LABEL}`],
  [
    'a container name with dots',
    one({ name: 'a.b' }),
    'spec.containers[0].name: Invalid value: "a.b": must not contain dots',
  ],
  [
    'two containers of a name',
    pod({ containers: [container(), container()] }),
    'spec.containers[1].name: Duplicate value: "c"',
  ],
  [
    'an image with spaces around',
    one({ image: ' i' }),
    'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
  ],
  [
    'a port out of range',
    one({ ports: [{ containerPort: 70000 }] }),
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'no port number',
    one({ ports: [{ name: 'http' }] }),
    'spec.containers[0].ports[0].containerPort: Required value',
  ],
  [
    'a long port name',
    one({ ports: [{ containerPort: 1, name: 'a-very-long-port-name' }] }),
    'spec.containers[0].ports[0].name: Invalid value: "a-very-long-port-name": must be no more than 15 characters',
  ],
  [
    'an unknown protocol',
    one({ ports: [{ containerPort: 1, protocol: 'HTTP' }] }),
    'spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    'the same host port twice',
    pod({
      containers: [
        container({ ports: [{ containerPort: 1, hostPort: 80 }] }),
        container({ name: 'd', ports: [{ containerPort: 2, hostPort: 80 }] }),
      ],
    }),
    'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"',
  ],
  [
    'host network with another host port',
    one({ ports: [{ containerPort: 1, hostPort: 2 }] }, { hostNetwork: true }),
    'spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
  ],
  [
    'an environment variable with =',
    one({ env: [{ name: 'A=B' }] }),
    `spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '=' (regex used for validation is '[ -<>-~]+')`,
  ],
  [
    'a value and a source',
    one({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    'a source of nothing',
    one({ env: [{ name: 'A', valueFrom: {} }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
  ],
  [
    'an unknown field',
    one({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
  ],
  [
    'a field only files may have',
    one({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
  ],
  [
    'a secret key without key',
    one({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's' } } }] }),
    'spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value',
  ],
  [
    'an envFrom of nothing',
    one({ envFrom: [{}] }),
    'spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
  ],
  [
    'a mount without volume',
    one({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    'two mounts at a path',
    one(
      {
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'v', mountPath: '/v' },
        ],
      },
      { volumes: [{ name: 'v' }] },
    ),
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
  ],
  [
    'a sub path out of the volume',
    one({ volumeMounts: [{ name: 'v', mountPath: '/v', subPath: '../x' }] }, { volumes: [{ name: 'v' }] }),
    `spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
  ],
  [
    'two sources of a volume',
    pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }),
    'spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type',
  ],
  [
    'two volumes of a name',
    pod({ volumes: [{ name: 'v' }, { name: 'v' }] }),
    'spec.volumes[1].name: Duplicate value: "v"',
  ],
  [
    'a secret volume without secret',
    pod({ volumes: [{ name: 'v', secret: {} }] }),
    'spec.volumes[0].secret.secretName: Required value',
  ],
  [
    'a file mode out of range',
    pod({ volumes: [{ name: 'v', configMap: { name: 'c', defaultMode: 1000 } }] }),
    'spec.volumes[0].configMap.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive',
  ],
  [
    'a short-lived token',
    pod({
      serviceAccountName: 's',
      volumes: [
        {
          name: 'v',
          projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] },
        },
      ],
    }),
    'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
  ],
  [
    'a request above its limit',
    one({ resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m',
  ],
  [
    'an unknown resource',
    one({ resources: { limits: { gpu: '1' } } }),
    'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
    'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
    'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
    'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
  ],
  [
    'a negative limit',
    one({ resources: { limits: { cpu: '-1' }, requests: { cpu: '-1' } } }),
    'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    'half a device',
    one({ resources: { limits: { 'example.com/gpu': '500m' }, requests: { 'example.com/gpu': '500m' } } }),
    'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
    'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
  ],
  [
    'a probe without handler',
    one({ livenessProbe: {} }),
    'spec.containers[0].livenessProbe: Required value: must specify a handler type',
  ],
  [
    'a probe with two handlers',
    one({ livenessProbe: { exec: { command: ['x'] }, tcpSocket: { port: 1 } } }),
    'spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
  ],
  [
    'a liveness probe that needs two successes',
    one({ livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
    'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
  ],
  [
    'a probe of a bad port',
    one({ readinessProbe: { httpGet: { port: 0 } } }),
    'spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
  ],
  [
    'an init container with a probe',
    pod({ initContainers: [container({ name: 'i', readinessProbe: { tcpSocket: { port: 1 } } })] }),
    'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
  ],
  [
    'a restart policy that there is not',
    one({ restartPolicy: 'Sometimes' }),
    'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    'restart rules without a policy for the rest',
    one({ restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }),
    'spec.containers[0].restartPolicy: Required value: must be set where there are rules',
  ],
  [
    'a restart rule that restarts everything',
    one({
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
    }),
    'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "RestartAllContainers": supported values: "Restart"',
  ],
  [
    'a restart rule about no exit code',
    one({
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In' } }],
    }),
    'spec.containers[0].restartPolicyRules[0].exitCodes.values: Required value',
  ],
  [
    'restart rules of a sidecar',
    pod({
      initContainers: [
        container({
          name: 'i',
          restartPolicy: 'Always',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [0] } }],
        }),
      ],
    }),
    'spec.initContainers[0].restartPolicyRules: Forbidden: may not be set for init containers that always restart',
  ],
  [
    'privilege escalation off and privileged',
    one({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  [
    'a negative user',
    pod({ securityContext: { runAsUser: -1 } }),
    'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ],
  [
    'a localhost profile of nowhere',
    pod({ securityContext: { seccompProfile: { type: 'Localhost' } } }),
    'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
  ],
  [
    'DNS policy None without servers',
    pod({ dnsPolicy: 'None' }),
    'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
  ],
  [
    'a name server that is none',
    pod({ dnsConfig: { nameservers: ['x'] } }),
    'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    'more name servers than a resolver reads',
    pod({ dnsConfig: { nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] } }),
    'spec.dnsConfig.nameservers: Invalid value: ["192.0.2.1","192.0.2.2","192.0.2.3","192.0.2.4"]: must not have more than 3 nameservers',
  ],
  [
    'a toleration without key',
    pod({ tolerations: [{}] }),
    'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    'toleration seconds without NoExecute',
    pod({ tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 1 }] }),
    `spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
  ],
  [
    'an affinity without terms',
    pod({
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
      },
    }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
  ],
  [
    'a weight out of range',
    pod({
      affinity: {
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 0, podAffinityTerm: { topologyKey: 'a' } },
          ],
        },
      },
    }),
    'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
  ],
  [
    'spreading by nothing',
    pod({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'DoNotSchedule' }] }),
    'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
    'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
  ],
  [
    'a gate and a node',
    pod({ schedulingGates: [{ name: 'a' }], nodeName: 'n' }),
    'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
  ],
  [
    'an ephemeral container from the start',
    pod({ ephemeralContainers: [container({ name: 'e' })] }),
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  ],
  [
    'a deadline of zero',
    pod({ activeDeadlineSeconds: 0 }),
    'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
  ],
  [
    'a host alias that is no address',
    pod({ hostAliases: [{ ip: 'a', hostnames: ['b'] }] }),
    'spec.hostAliases[0].ip: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    'a deletion cost that is no number',
    pod({}, { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'x' } }),
    'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer',
  ],
]

for (const [name, object, ...expected] of refused) {
  test(`a pod is refused for ${name}`, () => assert.deepEqual(problemsOf(Pod, object), expected))
}

const updates: readonly (readonly [string, (pod: Pod) => Pod, ...string[]])[] = [
  ['the same', (p) => p],
  ['labels', (p) => ({ ...p, metadata: { ...p.metadata, labels: { a: 'b' } } })],
  [
    'an image',
    (p) => ({ ...p, spec: { ...p.spec, containers: [{ ...p.spec.containers[0]!, image: 'i:2' }] } }),
  ],
  [
    'a toleration more',
    (p) => ({ ...p, spec: { ...p.spec, tolerations: [{ key: 'a', operator: 'Exists' }] } }),
  ],
  [
    'the node',
    (p) => ({ ...p, spec: { ...p.spec, nodeName: 'n' } }),
    'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n  spec.nodeName: unset -> "n"',
  ],
  [
    'the containers',
    (p) => ({
      ...p,
      spec: { ...p.spec, containers: [...p.spec.containers, { ...p.spec.containers[0]!, name: 'd' }] },
    }),
    'spec.containers: Forbidden: pod updates may not add or remove containers',
  ],
  [
    'its name',
    (p) => ({ ...p, metadata: { ...p.metadata, name: 'y' } }),
    'metadata.name: Invalid value: "y": field is immutable',
  ],
]

for (const [name, change, ...expected] of updates) {
  test(`a pod ${expected.length === 0 ? 'may' : 'may not'} change ${name}`, () => {
    assert.deepEqual(updateProblems(Pod, pod(), change), expected)
  })
}

test('a status may not change the quality of service', () => {
  const change = (p: Pod): Pod => ({ ...p, status: { ...p.status, qosClass: 'Guaranteed' } })
  const expected = ['status.qosClass: Invalid value: "Guaranteed": field is immutable']
  assert.deepEqual(updateProblems(Pod, pod(), change, 'status'), expected)
})
