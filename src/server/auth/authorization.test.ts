import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Api,
  ApiError,
  ClusterRole,
  ClusterRoleBinding,
  PersistentVolume,
  Pod,
  Role,
  RoleBinding,
  type UserInfo,
} from '../../api/index.ts'
import { silentLog, VirtualClock } from '../../base/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { RequestAttributes } from '../contracts.ts'
import { RoleAggregation } from './aggregation.ts'
import { follow, followRbac, RequestAuthorizer } from './authorizer.ts'
import { DEFAULT_BINDINGS, DEFAULT_ROLES } from './default-policy.ts'
import { FakeObjects } from './fake-objects.test-support.ts'
import { NodeAuthorizer } from './node-authorizer.ts'
import { NodeGraph } from './node-graph.ts'
import { ensurePolicy } from './policy-reconcile.ts'

/** Writes straight into the objects, and counts. */
function apiOver(objects: FakeObjects) {
  const writes: string[] = []
  const write = (verb: string) => async (kind: Kind, object: KubeObject) => {
    writes.push(`${verb} ${kind.resource.plural} ${object.metadata.name}`)
    return objects.put(kind, object as never)
  }
  const api = {
    create: write('create'),
    update: write('update'),
    async delete(kind: Kind, key: { namespace?: string; name: string }) {
      writes.push(`delete ${kind.resource.plural} ${key.name}`)
      objects.delete(kind, key.namespace, key.name)
    },
  } as unknown as Api
  return { api, writes }
}

async function setUp() {
  const objects = new FakeObjects()
  const clock = new VirtualClock()
  const { rbac } = await followRbac(objects)
  const graph = new NodeGraph()
  follow(objects, Pod, (pod, deleted, previous) => graph.setPod(previous, deleted ? undefined : pod))
  follow(objects, PersistentVolume, (volume, deleted, previous) =>
    graph.setVolume(previous, deleted ? undefined : volume),
  )
  const authorizer = new RequestAuthorizer(rbac, new NodeAuthorizer(graph))
  const { api, writes } = apiOver(objects)
  const policy = () => ensurePolicy(api, objects, DEFAULT_ROLES, DEFAULT_BINDINGS, silentLog)
  const aggregation = () => new RoleAggregation({ api, objects, clock, log: silentLog })
  return { objects, clock, authorizer, api, writes, policy, aggregation }
}

function ask(
  verb: string,
  what: string,
  namespace = '',
  name = '',
  more: Partial<RequestAttributes> = {},
): RequestAttributes {
  const isResource = !what.startsWith('/')
  const [group, rest] = what.includes('|') ? (what.split('|') as [string, string]) : ['', what]
  const [resource = '', subresource = ''] = rest.split('/')
  const none = { group: '', resource: '', subresource: '' }
  return {
    verb,
    isResource,
    path: what,
    version: 'v1',
    namespace,
    name,
    ...(isResource ? { group, resource, subresource } : none),
    ...more,
  }
}

const user = (username: string, ...groups: string[]): UserInfo => ({
  username,
  groups: [...groups, 'system:authenticated'],
})
const account = (namespace: string, name: string) =>
  user(
    `system:serviceaccount:${namespace}:${name}`,
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
  )

function bind(objects: FakeObjects, namespace: string | undefined, role: string, username: string) {
  const kind = namespace === undefined ? ClusterRoleBinding : RoleBinding
  objects.put<RoleBinding | ClusterRoleBinding>(kind, {
    metadata: { ...(namespace === undefined ? {} : { namespace }), name: `${username}-${role}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', name: username }],
  })
}

test('what the default roles allow', async () => {
  const { objects, authorizer, policy, aggregation } = await setUp()
  await policy()
  await aggregation().settled()
  for (const role of ['admin', 'edit', 'view']) bind(objects, 'shop', role, role)
  bind(objects, undefined, 'cluster-admin', 'root')
  const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }
  const cases: [UserInfo, RequestAttributes, boolean][] = [
    [user('root'), ask('delete', 'nodes', '', 'n1'), true],
    [user('root'), ask('post', '/anything'), true],
    [user('x', 'system:masters'), ask('escalate', 'rbac.authorization.k8s.io|clusterroles'), true],
    [user('view'), ask('list', 'pods', 'shop'), true],
    [user('view'), ask('list', 'secrets', 'shop'), false],
    [user('view'), ask('create', 'pods', 'shop'), false],
    [user('view'), ask('list', 'pods', 'other'), false],
    [user('edit'), ask('list', 'pods', 'shop'), true],
    [user('edit'), ask('get', 'secrets', 'shop', 's'), true],
    [user('edit'), ask('create', 'pods/exec', 'shop', 'web'), true],
    [user('edit'), ask('patch', 'apps|deployments/scale', 'shop', 'web'), true],
    [user('edit'), ask('create', 'rbac.authorization.k8s.io|roles', 'shop'), false],
    [user('admin'), ask('create', 'rbac.authorization.k8s.io|roles', 'shop'), true],
    [user('admin'), ask('deletecollection', 'configmaps', 'shop'), true],
    [user('admin'), ask('update', 'resourcequotas', 'shop', 'q'), false],
    [anonymous, ask('get', '/healthz'), true],
    [anonymous, ask('get', '/version'), true],
    [anonymous, ask('get', '/api'), false],
    [anonymous, ask('get', '/metrics'), false],
    [anonymous, ask('list', 'pods', 'shop'), false],
    [user('ann'), ask('get', '/apis/apps/v1'), true],
    [user('ann'), ask('get', '/openapi/v3'), true],
    [user('ann'), ask('create', 'authorization.k8s.io|selfsubjectaccessreviews'), true],
    [user('ann'), ask('list', 'namespaces'), false],
    [account('shop', 'default'), ask('get', '/.well-known/openid-configuration'), true],
    [account('shop', 'default'), ask('list', 'pods', 'shop'), false],
    [account('kube-system', 'deployment-controller'), ask('create', 'apps|replicasets', 'shop'), true],
    [account('kube-system', 'deployment-controller'), ask('create', 'pods', 'shop'), false],
    [account('kube-system', 'replicaset-controller'), ask('create', 'pods', 'shop'), true],
    [
      account('kube-system', 'generic-garbage-collector'),
      ask('delete', 'example.com|widgets', 'shop', 'w'),
      true,
    ],
    [user('system:kube-scheduler'), ask('create', 'pods/binding', 'shop', 'web'), true],
    [user('system:kube-scheduler'), ask('get', 'secrets', 'shop', 's'), false],
    [user('system:kube-controller-manager'), ask('watch', 'apps|deployments'), true],
    [user('system:node:n1', 'system:nodes'), ask('watch', 'discovery.k8s.io|endpointslices'), true],
  ]
  for (const [who, attributes, allowed] of cases) {
    const { verb, path, namespace } = attributes
    assert.equal(
      authorizer.authorize(who, attributes).allowed,
      allowed,
      `${who.username} ${verb} ${path} in ${namespace}`,
    )
  }
})

test('refusals are worded as Kubernetes words them', async () => {
  const { objects, authorizer } = await setUp()
  const cases: [RequestAttributes, string][] = [
    [
      ask('list', 'pods', 'default'),
      'User "ann" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      ask('get', 'apps|deployments/scale', 'x', 'y'),
      'User "ann" cannot get resource "deployments/scale" in API group "apps" in the namespace "x"',
    ],
    [ask('list', 'nodes'), 'User "ann" cannot list resource "nodes" in API group "" at the cluster scope'],
    [ask('get', '/metrics'), 'User "ann" cannot get path "/metrics"'],
  ]
  for (const [attributes, expected] of cases) {
    assert.deepEqual(authorizer.authorize(user('ann'), attributes), {
      allowed: false,
      reason: expected,
      more: '',
    })
  }
  bind(objects, 'default', 'gone', 'ann')
  assert.deepEqual(authorizer.authorize(user('ann'), ask('list', 'pods', 'default')), {
    allowed: false,
    reason: `${cases[0]![1]}: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found`,
    more: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  })
})

test('a second start writes nothing', async () => {
  const { writes, policy, aggregation } = await setUp()
  await policy()
  const loop = aggregation()
  await loop.settled()
  await loop.stop()
  writes.length = 0
  await policy()
  const again = aggregation()
  await again.settled()
  assert.deepEqual(writes, [])
})

test('a start repairs what was taken from the defaults and keeps what was added', async () => {
  const { objects, writes, policy } = await setUp()
  await policy()
  const role = objects.get(ClusterRole, undefined, 'system:discovery')!
  const extra = { verbs: ['get'], nonResourceURLs: ['/extra'] }
  objects.put(ClusterRole, { ...role, rules: [extra] })
  const optedOut = objects.get(ClusterRole, undefined, 'system:heapster')!
  objects.put(ClusterRole, {
    ...optedOut,
    metadata: {
      ...optedOut.metadata,
      annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' },
    },
    rules: [],
  })
  const binding = objects.get(ClusterRoleBinding, undefined, 'cluster-admin')!
  objects.put(ClusterRoleBinding, { ...binding, subjects: [{ kind: 'User', name: 'ann' }] })
  const wrong = objects.get(ClusterRoleBinding, undefined, 'system:kube-dns')!
  objects.put(ClusterRoleBinding, { ...wrong, roleRef: { ...wrong.roleRef, name: 'view' } })
  writes.length = 0
  await policy()
  assert.deepEqual(writes.sort(), [
    'create clusterrolebindings system:kube-dns',
    'delete clusterrolebindings system:kube-dns',
    'update clusterrolebindings cluster-admin',
    'update clusterroles system:discovery',
  ])
  assert.deepEqual(objects.get(ClusterRole, undefined, 'system:discovery')?.rules, [
    extra,
    ...(role.rules ?? []),
  ])
  assert.deepEqual(
    objects.get(ClusterRoleBinding, undefined, 'cluster-admin')?.subjects?.map((s) => s.name),
    ['ann', 'system:masters'],
  )
})

test('an aggregating role follows the roles it selects, and tries again after a failure', async () => {
  const { objects, clock, api } = await setUp()
  let failures = 1
  const flaky = {
    ...api,
    update: (kind: Kind, object: KubeObject) =>
      failures-- > 0
        ? Promise.reject(new ApiError('Conflict', 'x'))
        : api.update(kind as never, object as never),
  }
  const loop = new RoleAggregation({ api: flaky as unknown as Api, objects, clock, log: silentLog })
  const part = (name: string, verb: string, label = 'true') =>
    objects.put(ClusterRole, {
      metadata: { name, labels: { 'to-all': label } },
      rules: [{ verbs: [verb], apiGroups: [''], resources: ['pods'] }],
    })
  objects.put(ClusterRole, {
    metadata: { name: 'all' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'to-all': 'true' } }] },
    rules: [],
  })
  part('b', 'list')
  part('a', 'get')
  part('c', 'delete', 'false')
  await loop.settled()
  const verbs = () => objects.get(ClusterRole, undefined, 'all')?.rules?.flatMap((rule) => rule.verbs)
  assert.deepEqual(verbs(), [])
  // By itself: nothing has changed, and nobody asks.
  await clock.advance(1000)
  assert.deepEqual(verbs(), ['get', 'list'])
  part('c', 'delete')
  await loop.settled()
  assert.deepEqual(verbs(), ['get', 'list', 'delete'])
  objects.delete(ClusterRole, undefined, 'b')
  await loop.settled()
  assert.deepEqual(verbs(), ['get', 'delete'])
  await loop.stop()
})

test('a selector that cannot be read selects nothing and stops nobody', async () => {
  const { objects, aggregation } = await setUp()
  const terms = [{ key: 'a', operator: 'Sometimes' }]
  objects.put(ClusterRole, {
    metadata: { name: 'bad' },
    aggregationRule: { clusterRoleSelectors: [{ matchExpressions: terms }] },
    rules: [],
  })
  objects.put(ClusterRole, {
    metadata: { name: 'good' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
  })
  const granted = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
  objects.put(ClusterRole, { metadata: { name: 'part', labels: { a: 'b' } }, rules: granted })
  await aggregation().settled()
  assert.deepEqual(objects.get(ClusterRole, undefined, 'good')?.rules, granted)
  assert.deepEqual(objects.get(ClusterRole, undefined, 'bad')?.rules, [])
})

test('aggregating roles that select each other come to rest with the rules that all of them lead to', {
  timeout: 10_000,
}, async () => {
  const { objects, writes, aggregation } = await setUp()
  const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] })
  const own = { a: 'pods', b: 'nodes', c: 'secrets' }
  for (const [name, resource] of Object.entries(own)) {
    objects.put(ClusterRole, {
      metadata: { name, labels: { ring: 'yes' } },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { ring: 'yes' } }] },
      rules: [rule(resource)],
    })
  }
  objects.put(ClusterRole, {
    metadata: { name: 'part', labels: { ring: 'yes' } },
    rules: [rule('events')],
  })
  const loop = aggregation()
  await loop.settled()
  for (const name of Object.keys(own))
    assert.deepEqual(objects.get(ClusterRole, undefined, name)?.rules, [rule('events')])
  assert.equal(writes.length, 3)
  await loop.stop()
})

test('what a user may do in a namespace, for a rules review', async () => {
  const { objects, authorizer } = await setUp()
  objects.put(ClusterRole, {
    metadata: { name: 'r' },
    rules: [
      { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['web'] },
      { verbs: ['get'], nonResourceURLs: ['/x'] },
    ],
  })
  objects.put(Role, { metadata: { namespace: 'shop', name: 'r' }, rules: [] })
  bind(objects, undefined, 'r', 'ann')
  assert.deepEqual(authorizer.rulesFor(user('ann'), 'shop'), {
    resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['web'] }],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
    incomplete: false,
  })
  assert.equal(authorizer.rulesFor(user('system:node:n1', 'system:nodes'), 'shop').incomplete, true)
})

const PODS_OF_NODE = { fieldSelector: 'spec.nodeName=n1' }

test('a node may do what its pods need, and no more', async () => {
  const { objects, authorizer } = await setUp()
  const n1 = user('system:node:n1', 'system:nodes')
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }]
  objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: {
      nodeName: 'n1',
      serviceAccountName: 'robot',
      imagePullSecrets: [{ name: 'pull' }],
      initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'envfrom' } }] }],
      containers: [{ name: 'c', env }],
      volumes: [
        { name: 'a', secret: { secretName: 'vol' } },
        { name: 'b', projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } },
        { name: 'c', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'd', ephemeral: {} },
      ],
    },
  })
  objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'other' },
    spec: { nodeName: 'n2', containers: [], volumes: [{ name: 'a', secret: { secretName: 'theirs' } }] },
  })
  objects.put(PersistentVolume, {
    metadata: { name: 'pv1' },
    spec: {
      claimRef: { namespace: 'shop', name: 'data' },
      csi: { driver: 'd', volumeHandle: 'h', nodePublishSecretRef: { namespace: 'storage', name: 'csi' } },
    },
  })
  objects.put(PersistentVolume, { metadata: { name: 'pv2' }, spec: {} })
  const cases: [RequestAttributes, boolean][] = [
    [ask('get', 'secrets', 'shop', 'vol'), true],
    [ask('get', 'secrets', 'shop', 'env'), true],
    [ask('watch', 'secrets', 'shop', 'pull'), true],
    [ask('get', 'secrets', 'storage', 'csi'), true],
    [ask('get', 'secrets', 'shop', 'theirs'), false],
    [ask('get', 'secrets', 'other', 'vol'), false],
    [ask('list', 'secrets', 'shop'), false],
    [ask('update', 'secrets', 'shop', 'vol'), false],
    [ask('get', 'configmaps', 'shop', 'envfrom'), true],
    [ask('list', 'configmaps', 'shop', 'kube-root-ca.crt'), true],
    [ask('get', 'configmaps', 'shop', 'vol'), false],
    [ask('get', 'persistentvolumeclaims', 'shop', 'data'), true],
    [ask('get', 'persistentvolumeclaims', 'shop', 'web-d'), true],
    [ask('get', 'persistentvolumes', '', 'pv1'), true],
    [ask('get', 'persistentvolumes', '', 'pv2'), false],
    [ask('create', 'serviceaccounts/token', 'shop', 'robot'), true],
    [ask('create', 'serviceaccounts/token', 'shop', 'admin'), false],
    [ask('get', 'serviceaccounts', 'shop', 'robot'), false],
    [ask('list', 'pods', '', '', PODS_OF_NODE), true],
    [ask('watch', 'pods', '', '', { fieldSelector: 'spec.nodeName==n1,status.phase!=Failed' }), true],
    [ask('watch', 'pods', '', '', { fieldSelector: '' }), false],
    [ask('list', 'pods', '', '', { fieldSelector: 'spec.nodeName=n2' }), false],
    [ask('get', 'pods', 'shop', 'web'), true],
    [ask('get', 'pods', 'shop', 'other'), false],
    [ask('list', 'pods', 'shop', 'web'), true],
    [ask('list', 'pods', 'shop', 'other', { fieldSelector: 'metadata.name=other' }), false],
    [ask('get', 'pods', 'shop', 'other', PODS_OF_NODE), false],
    [ask('list', 'pods'), false],
    [ask('deletecollection', 'pods', 'shop'), false],
    [ask('get', 'pods/log', 'shop', 'web'), false],
    [ask('create', 'pods', 'shop'), true],
    [ask('create', 'pods/eviction', 'shop', 'web'), true],
    [ask('patch', 'pods/status', 'shop', 'web'), true],
    [ask('delete', 'pods', 'shop', 'web'), true],
    [ask('create', 'pods/exec', 'shop', 'web'), false],
    [ask('create', 'nodes'), true],
    [ask('patch', 'nodes/status', '', 'n1'), true],
    [ask('patch', 'nodes/status', '', 'n2'), false],
    [ask('delete', 'nodes', '', 'n1'), false],
    [ask('list', 'nodes'), true],
    [ask('update', 'coordination.k8s.io|leases', 'kube-node-lease', 'n1'), true],
    [ask('update', 'coordination.k8s.io|leases', 'kube-node-lease', 'n2'), false],
    [ask('create', 'coordination.k8s.io|leases', 'kube-node-lease'), true],
    [ask('create', 'coordination.k8s.io|leases', 'kube-system'), false],
    [ask('create', 'events', 'shop'), true],
    [ask('list', 'services'), true],
    [ask('list', 'apps|deployments', 'shop'), false],
    [ask('get', 'rbac.authorization.k8s.io|clusterroles', '', 'admin'), false],
  ]
  for (const [attributes, allowed] of cases) {
    const { verb, path, namespace, name } = attributes
    assert.equal(
      authorizer.authorize(n1, attributes).allowed,
      allowed,
      `${verb} ${path} ${namespace}/${name}`,
    )
  }
  assert.match(
    authorizer.authorize(n1, ask('get', 'secrets', 'shop', 'theirs')).reason,
    /in the namespace "shop": no relationship found between node 'n1' and this object$/,
  )
  assert.equal(
    authorizer.authorize(user('system:node:n1'), ask('get', 'secrets', 'shop', 'vol')).allowed,
    false,
  )

  objects.delete(Pod, 'shop', 'web')
  for (const attributes of [
    ask('get', 'secrets', 'shop', 'vol'),
    ask('get', 'persistentvolumes', '', 'pv1'),
    ask('get', 'secrets', 'storage', 'csi'),
  ]) {
    assert.equal(authorizer.authorize(n1, attributes).allowed, false, attributes.path)
  }
})

test('two pods with the same secret: it stays readable until the second is gone', async () => {
  const { objects, authorizer } = await setUp()
  const spec = { nodeName: 'n1', containers: [], volumes: [{ name: 'a', secret: { secretName: 's' } }] }
  const may = () =>
    authorizer.authorize(user('system:node:n1', 'system:nodes'), ask('get', 'secrets', 'shop', 's')).allowed
  const pod = objects.put(Pod, {
    metadata: { namespace: 'shop', name: 'a' },
    spec: { ...spec, nodeName: undefined },
  })
  assert.equal(may(), false)
  objects.put(Pod, { ...pod, spec })
  objects.put(Pod, { metadata: { namespace: 'shop', name: 'b' }, spec })
  objects.put(Pod, { ...pod, spec, status: { phase: 'Running' } })
  objects.delete(Pod, 'shop', 'a')
  assert.equal(may(), true)
  objects.delete(Pod, 'shop', 'b')
  assert.equal(may(), false)
})
