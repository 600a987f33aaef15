import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, CSINode, isApiError, Node, Pod, type UserInfo } from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { FakeObjects } from '../auth/fake-objects.test-support.ts'
import { NodeAuthorizer } from '../auth/node-authorizer.ts'
import { NodeGraph } from '../auth/node-graph.ts'
import type { AdmissionRequest } from '../contracts.ts'
import { nodeRestriction } from './node-restriction.ts'

const n1: UserInfo = { username: 'system:node:n1', groups: ['system:nodes'] }
const plugin = nodeRestriction(new FakeObjects(), new NodeAuthorizer(new NodeGraph()))

function request(
  kind: Kind,
  object: object | undefined,
  more: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  const { name = '', namespace } = (object as KubeObject | undefined)?.metadata ?? {}
  const base = {
    operation: 'CREATE',
    subresource: '',
    old: undefined,
    user: n1,
    dryRun: false,
    warn() {},
  } as const
  return { ...base, kind, name, namespace, object: object as KubeObject | undefined, ...more }
}

function refusalOf(asked: AdmissionRequest): string {
  try {
    plugin.admit!(asked)
    return 'admitted'
  } catch (error) {
    assert.ok(isApiError(error), String(error))
    return `${error.reason}: ${error.message}`
  }
}

const mirror = (spec: object = {}, metadata: object = {}) => ({
  metadata: {
    namespace: 'shop',
    name: 'm',
    annotations: { 'kubernetes.io/config.mirror': 'x' },
    ...metadata,
  },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...spec },
})
const volume = (source: object) => mirror({ volumes: [{ name: 'v', ...source }] })
const container = (more: object) => mirror({ containers: [{ name: 'c', image: 'i', ...more }] })
const owner = (kind: string, name: string) => ({ apiVersion: 'v1', kind, name, uid: 'u' })

for (const [what, pod, expected] of [
  ['as it is', mirror(), /^admitted$/],
  ['of the node', mirror({}, { ownerReferences: [owner('Node', 'n1')] }), /^admitted$/],
  [
    'of another node',
    mirror({}, { ownerReferences: [owner('Node', 'n2')] }),
    /owner reference set to itself/,
  ],
  ['of a pod', mirror({}, { ownerReferences: [owner('Pod', 'n1')] }), /owner reference set to itself/],
  [
    'of two owners',
    mirror({}, { ownerReferences: [owner('Node', 'n1'), owner('Node', 'n1')] }),
    /a single owner reference/,
  ],
  ['with a service account', mirror({ serviceAccountName: 'robot' }), /reference a service account/],
  ['with a secret to pull with', mirror({ imagePullSecrets: [{ name: 's' }] }), /reference secrets/],
  ['with a volume of a secret', volume({ secret: { secretName: 's' } }), /reference secrets/],
  [
    'with the secret of a driver',
    volume({ csi: { driver: 'd', nodePublishSecretRef: { name: 's' } } }),
    /secrets/,
  ],
  [
    'with a variable of a secret',
    container({ envFrom: [{ secretRef: { name: 's' } }] }),
    /reference secrets/,
  ],
  ['with a volume of a ConfigMap', volume({ configMap: { name: 'm' } }), /reference configmaps/],
  [
    'with a variable of a ConfigMap',
    container({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }] }),
    /reference configmaps/,
  ],
  ['with a claim', volume({ persistentVolumeClaim: { claimName: 'c' } }), /reference persistentvolumeclaims/],
  ['with a host path', volume({ hostPath: { path: '/var' } }), /^admitted$/],
] as const) {
  test(`a node's mirror pod ${what}`, () => assert.match(refusalOf(request(Pod, pod)), expected))
}

for (const [what, asked, expected] of [
  ['make its CSINode', request(CSINode, { metadata: { name: 'n1' } }), /^admitted$/],
  [
    "make another's CSINode",
    request(CSINode, { metadata: { name: 'n2' } }),
    /same name as the requesting node/,
  ],
  [
    'evict a pod that is not there',
    request(Pod, { metadata: {} }, { subresource: 'eviction', name: 'gone', namespace: 'shop' }),
    /^NotFound/,
  ],
  ['open a stream', request(Pod, undefined, { operation: 'CONNECT', subresource: 'exec' }), /^admitted$/],
  [
    'bind pods',
    request(Pod, { metadata: {} }, { subresource: 'binding', name: 'p' }),
    /unexpected operation "CREATE" on "binding"/,
  ],
  [
    'give itself an owner',
    request(Node, { metadata: { name: 'n1', ownerReferences: [owner('Pod', 'p')] } }),
    /modify owner references/,
  ],
  [
    'take off labels that are not its own',
    request(
      Node,
      { metadata: { name: 'n1' } },
      {
        operation: 'UPDATE',
        old: {
          metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/x': '' } },
        } as unknown as KubeObject,
      },
    ),
    /modify labels: node-role.kubernetes.io\/x/,
  ],
  ['write what this rule is not about', request(ConfigMap, { metadata: { name: 'm' } }), /^admitted$/],
] as const) {
  test(`a node asks to ${what}`, () => assert.match(refusalOf(asked), expected))
}

test('who is no node is none of its business', () => {
  const user = { username: 'system:node:n1', groups: ['dev'] }
  assert.equal(refusalOf(request(Node, { metadata: { name: 'n2' } }, { user })), 'admitted')
})
