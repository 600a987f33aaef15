import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ApiError,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  Deployment,
  isApiError,
  Lease,
  Namespace,
  Node,
  Pod,
  PriorityClass,
  Role,
  RoleBinding,
  ServiceAccount,
  type UserInfo,
} from '../../api/index.ts'
import { seededRandom, VirtualClock } from '../../base/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import { followRbac, RequestAuthorizer } from '../auth/authorizer.ts'
import { FakeObjects } from '../auth/fake-objects.test-support.ts'
import { NodeAuthorizer } from '../auth/node-authorizer.ts'
import { NodeGraph } from '../auth/node-graph.ts'
import type { Admission, AdmissionRequest } from '../contracts.ts'
import { createAdmission } from './chain.ts'

const ann: UserInfo = { username: 'ann', groups: ['dev'] }
const n1: UserInfo = { username: 'system:node:n1', groups: ['system:nodes'] }

async function setUp() {
  const objects = new FakeObjects()
  const clock = new VirtualClock()
  const { rbac } = await followRbac(objects)
  const nodes = new NodeAuthorizer(new NodeGraph())
  const authorizer = new RequestAuthorizer(rbac, nodes)
  const admission = await createAdmission({
    objects,
    clock,
    random: seededRandom(1),
    authorizer,
    rbac,
    nodes,
  })
  objects.put(Namespace, { metadata: { name: 'shop' }, status: { phase: 'Active' } })
  objects.put(ServiceAccount, { metadata: { namespace: 'shop', name: 'default' } })
  return { objects, clock, admission }
}

function about(
  kind: Kind,
  object: object | undefined,
  more: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  const metadata =
    (object as KubeObject | undefined)?.metadata ?? (more.old?.metadata as KubeObject['metadata'] | undefined)
  return {
    operation: 'CREATE',
    kind,
    subresource: '',
    namespace: kind.resource.namespaced ? 'shop' : undefined,
    name: metadata?.name ?? '',
    object: object as KubeObject | undefined,
    old: undefined,
    user: ann,
    dryRun: false,
    warn() {},
    ...more,
  }
}

function podWith(spec: object = {}, metadata: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'web', ...metadata },
    spec: { containers: [{ name: 'c' }], ...spec },
  } as unknown as Pod
}

const admitted = async (admission: Admission, pod: Pod, more: Partial<AdmissionRequest> = {}) =>
  (await admission.admit(about(Pod, pod, more))) as Pod

async function refusal(admission: Admission, request: AdmissionRequest): Promise<ApiError> {
  try {
    const object = await admission.admit(request)
    await admission.validate({ ...request, object })
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('it was admitted')
}

test('a pod gets everything that Kubernetes gives it, and the input stays as it was', async () => {
  const { admission } = await setUp()
  const pod = Object.freeze(podWith())
  const { spec } = await admitted(admission, pod)
  assert.equal(spec.serviceAccountName, 'default')
  assert.equal(spec.priority, 0)
  assert.equal(spec.preemptionPolicy, 'PreemptLowerPriority')
  assert.deepEqual(spec.tolerations, [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    {
      key: 'node.kubernetes.io/unreachable',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    },
  ])
  const [volume] = spec.volumes ?? []
  assert.match(volume?.name ?? '', /^kube-api-access-[b-z2-9]{5}$/)
  assert.deepEqual(volume, {
    name: volume?.name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  })
  assert.deepEqual(spec.containers[0]?.volumeMounts, [
    { name: volume?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ])
  assert.deepEqual(pod, podWith())
})

test('namespaces: content needs one that is there and stays', async () => {
  const { objects, admission } = await setUp()
  objects.put(Namespace, { metadata: { name: 'ending', deletionTimestamp: '2026-01-01T00:00:00Z' } })
  objects.put(Namespace, { metadata: { name: 'phase' }, status: { phase: 'Terminating' } })
  const map = { metadata: { name: 'm' } }
  const missing = await refusal(admission, about(ConfigMap, map, { namespace: 'none' }))
  assert.deepEqual([missing.reason, missing.message], ['NotFound', 'namespaces "none" not found'])
  for (const namespace of ['ending', 'phase']) {
    const ending = await refusal(admission, about(ConfigMap, map, { namespace }))
    assert.equal(
      ending.message,
      `configmaps "m" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    )
    assert.equal(ending.details?.causes?.[0]?.reason, 'NamespaceTerminating')
    await admission.admit(about(ConfigMap, map, { namespace, operation: 'UPDATE', old: map as KubeObject }))
  }
  await admission.admit(about(ConfigMap, undefined, { namespace: 'none', operation: 'DELETE', name: 'm' }))
  for (const name of ['default', 'kube-system', 'kube-public']) {
    const refused = await refusal(admission, about(Namespace, undefined, { operation: 'DELETE', name }))
    assert.equal(refused.message, `namespaces "${name}" is forbidden: this namespace may not be deleted`)
  }
  await admission.admit(about(Namespace, undefined, { operation: 'DELETE', name: 'kube-node-lease' }))
})

test('service accounts', async () => {
  const { objects, admission } = await setUp()
  objects.put(ServiceAccount, {
    metadata: { namespace: 'shop', name: 'robot' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'pull' }],
  })
  const mounts = (pod: Pod) => pod.spec.containers.map((c) => c.volumeMounts?.length ?? 0)

  const robot = await admitted(admission, podWith({ serviceAccountName: 'robot' }))
  assert.deepEqual(
    [mounts(robot), robot.spec.volumes, robot.spec.imagePullSecrets],
    [[0], undefined, [{ name: 'pull' }]],
  )
  const insists = await admitted(
    admission,
    podWith({
      serviceAccountName: 'robot',
      automountServiceAccountToken: true,
      imagePullSecrets: [{ name: 'own' }],
    }),
  )
  assert.deepEqual(
    [mounts(insists), insists.spec.volumes?.length, insists.spec.imagePullSecrets],
    [[1], 1, [{ name: 'own' }]],
  )
  const declines = await admitted(admission, podWith({ automountServiceAccountToken: false }))
  assert.deepEqual(mounts(declines), [0])

  const own = { name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
  const mounted = await admitted(admission, podWith({ containers: [{ name: 'a', volumeMounts: [own] }] }))
  assert.deepEqual([mounts(mounted), mounted.spec.volumes], [[1], undefined])
  const several = await admitted(
    admission,
    podWith({
      initContainers: [{ name: 'i' }],
      containers: [{ name: 'a' }, { name: 'b', volumeMounts: [own] }],
    }),
  )
  assert.equal(several.spec.initContainers?.[0]?.volumeMounts?.[0]?.name, several.spec.volumes?.[0]?.name)
  assert.equal(several.spec.volumes?.length, 1)

  const missing = await refusal(admission, about(Pod, podWith({ serviceAccountName: 'nobody' })))
  assert.equal(
    missing.message,
    'pods "web" is forbidden: error looking up service account shop/nobody: serviceaccount "nobody" not found',
  )
})

test('a pod that comes with its namespace waits a moment for the default service account', async () => {
  const { objects, clock, admission } = await setUp()
  objects.put(Namespace, { metadata: { name: 'new' } })
  const request = about(Pod, podWith(), { namespace: 'new' })
  const waiting = admission.admit(request)
  await clock.advance(1000)
  objects.put(ServiceAccount, { metadata: { namespace: 'new', name: 'other' } })
  objects.put(ServiceAccount, { metadata: { namespace: 'new', name: 'default' } })
  const pod = (await waiting) as Pod
  assert.equal(pod.spec.serviceAccountName, 'default')
  assert.equal(pod.spec.priority, 0)
  objects.delete(ServiceAccount, 'new', 'default')
  const inVain = refusal(admission, request)
  await clock.advance(2000)
  assert.match((await inVain).message, /serviceaccount "default" not found/)
  assert.equal(clock.nextTimerAt(), undefined)
})

test('tolerations that are there already are kept', async () => {
  const { admission } = await setUp()
  const cases: [object[], number][] = [
    [
      [
        {
          key: 'node.kubernetes.io/not-ready',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 5,
        },
      ],
      2,
    ],
    [[{ operator: 'Exists' }], 1],
    [[{ operator: 'Exists', effect: 'NoSchedule' }], 3],
    [[{ key: 'node.kubernetes.io/unreachable', operator: 'Exists' }], 2],
  ]
  for (const [tolerations, expected] of cases) {
    const pod = await admitted(admission, podWith({ tolerations }))
    assert.equal(pod.spec.tolerations?.length, expected, JSON.stringify(tolerations))
  }
})

test('priority', async () => {
  const { objects, admission } = await setUp()
  objects.put(PriorityClass, { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' })
  const priorityOf = ({ spec }: Pod) => [spec.priorityClassName, spec.priority, spec.preemptionPolicy]
  const cases: [object, unknown[] | RegExp][] = [
    [{}, [undefined, 0, 'PreemptLowerPriority']],
    [{ priorityClassName: 'high' }, ['high', 1000, 'Never']],
    [
      { priorityClassName: 'system-node-critical' },
      ['system-node-critical', 2000001000, 'PreemptLowerPriority'],
    ],
    [{ priorityClassName: 'none' }, /no PriorityClass with name none was found/],
    [{ priorityClassName: 'toString' }, /no PriorityClass with name toString was found/],
    [{ priorityClassName: 'high', priority: 1000 }, ['high', 1000, 'Never']],
    [
      { priorityClassName: 'high', priority: 5 },
      /the integer value of priority \(5\) must not be provided in pod spec; priority admission controller computed 1000/,
    ],
    [
      { priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' },
      /the string value of PreemptionPolicy/,
    ],
  ]
  for (const [spec, expected] of cases) {
    if (expected instanceof RegExp)
      assert.match((await refusal(admission, about(Pod, podWith(spec)))).message, expected)
    else assert.deepEqual(priorityOf(await admitted(admission, podWith(spec))), expected)
  }
  objects.put(PriorityClass, { metadata: { name: 'usual' }, value: 7, globalDefault: true })
  assert.deepEqual(priorityOf(await admitted(admission, podWith())), ['usual', 7, 'PreemptLowerPriority'])
  const second = { metadata: { name: 'second' }, value: 8, globalDefault: true }
  assert.match(
    (await refusal(admission, about(PriorityClass, second))).message,
    /PriorityClass usual is already marked as default\. Only one default can exist/,
  )
  const old = podWith({ priority: 7, preemptionPolicy: 'Never', tolerations: [{ operator: 'Exists' }] })
  const updated = await admitted(admission, podWith({ tolerations: [{ operator: 'Exists' }] }), {
    operation: 'UPDATE',
    old,
  })
  assert.deepEqual(priorityOf(updated), [undefined, 7, 'Never'])
})

test('a namespace may fix where its pods run', async () => {
  const { objects, admission } = await setUp()
  const annotate = (text: string) =>
    objects.put(Namespace, {
      metadata: { name: 'shop', annotations: { 'scheduler.alpha.kubernetes.io/node-selector': text } },
    })
  annotate('disk=ssd, zone=a')
  assert.deepEqual(
    (await admitted(admission, podWith({ nodeSelector: { x: 'y', zone: 'a' } }))).spec.nodeSelector,
    { disk: 'ssd', zone: 'a', x: 'y' },
  )
  assert.match(
    (await refusal(admission, about(Pod, podWith({ nodeSelector: { zone: 'b' } })))).message,
    /pod node label selector conflicts with its namespace node label selector/,
  )
  annotate('disk')
  assert.match((await refusal(admission, about(Pod, podWith()))).message, /cannot read annotation/)
})

test('a new node is tainted once', async () => {
  const { admission } = await setUp()
  const node = (await admission.admit(about(Node, { metadata: { name: 'n1' } }))) as Node
  assert.deepEqual(node.spec?.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
  assert.equal(await admission.admit(about(Node, node)), node)
})

test('other objects pass as they are', async () => {
  const { admission } = await setUp()
  const deployment = { metadata: { name: 'd' } }
  assert.equal(await admission.admit(about(Deployment, deployment)), deployment)
  await admission.validate(about(Deployment, deployment))
})

const rules = (...verbs: string[]) => [{ verbs, apiGroups: [''], resources: ['pods'] }]

test('nobody grants what they do not hold', async () => {
  const { objects, admission } = await setUp()
  const grant = (name: string, granted: object[]) => {
    objects.put(ClusterRole, { metadata: { name }, rules: granted })
    objects.put(RoleBinding, {
      metadata: { namespace: 'shop', name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', name: 'ann' }],
    })
  }
  grant('own', rules('get', 'list'))
  objects.put(ClusterRole, { metadata: { name: 'strong' }, rules: rules('*') })
  const role = (granted: object[]) =>
    about(Role, { metadata: { namespace: 'shop', name: 'r' }, rules: granted })
  const binding = (kind: string, name: string) =>
    about(RoleBinding, {
      metadata: { namespace: 'shop', name: 'b' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects: [],
    })

  await admission.validate(role(rules('get')))
  await admission.validate(binding('ClusterRole', 'own'))
  const refused = await refusal(admission, role(rules('get', 'delete')))
  assert.equal(
    refused.message,
    'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["dev"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  )
  assert.match(
    (await refusal(admission, binding('ClusterRole', 'strong'))).message,
    /not currently held:\n\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["\*"\]\}/,
  )
  assert.equal(
    (await refusal(admission, binding('Role', 'gone'))).message,
    'roles.rbac.authorization.k8s.io "gone" not found',
  )
  const aggregating = { metadata: { name: 'a' }, aggregationRule: { clusterRoleSelectors: [{}] }, rules: [] }
  assert.match((await refusal(admission, about(ClusterRole, aggregating))).message, /not currently held/)

  const same = role(rules('*'))
  await admission.validate({ ...same, operation: 'UPDATE', old: same.object })
  await admission.validate({ ...role(rules('*')), user: { username: 'root', groups: ['system:masters'] } })
  grant('bind', [
    {
      verbs: ['bind'],
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles'],
      resourceNames: ['strong'],
    },
  ])
  await admission.validate(binding('ClusterRole', 'strong'))
  grant('escalate', [{ verbs: ['escalate'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'] }])
  await admission.validate(role(rules('*')))
  const cluster = about(ClusterRoleBinding, {
    metadata: { name: 'b' },
    roleRef: { kind: 'ClusterRole', name: 'own' },
    subjects: [],
  })
  assert.match((await refusal(admission, cluster)).message, /not currently held/)
})

test('a node writes itself, its lease and its pods, and nothing of others', async () => {
  const { objects, admission } = await setUp()
  const mine = objects.put(Pod, {
    ...podWith({ nodeName: 'n1' }, { name: 'mine', labels: { a: 'b' } }),
  } as never)
  const theirs = objects.put(Pod, { ...podWith({ nodeName: 'n2' }, { name: 'theirs' }) } as never)
  const node = (name: string, labels: object = {}, spec: object = {}) => ({
    metadata: { name, labels },
    spec,
  })
  const mirror = (spec: object) =>
    podWith({ nodeName: 'n1', ...spec }, { annotations: { 'kubernetes.io/config.mirror': 'x' } })
  const lease = (name: string, namespace = 'kube-node-lease') =>
    about(Lease, { metadata: { namespace, name } }, { namespace, user: n1 })
  const token = (boundObjectRef: object | undefined) =>
    about(
      ServiceAccount,
      { metadata: {}, spec: { boundObjectRef } },
      { subresource: 'token', name: 'default', user: n1 },
    )
  const bound = (pod: Pod, uid = pod.metadata.uid) =>
    token({ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid })
  const as = { user: n1 }
  const update = { user: n1, operation: 'UPDATE' } as const
  objects.put(Namespace, { metadata: { name: 'kube-node-lease' } })
  const cases: [string, AdmissionRequest, RegExp | undefined][] = [
    ['own status', about(Pod, mine, { ...update, subresource: 'status', old: mine }), undefined],
    [
      'other status',
      about(Pod, theirs, { ...update, subresource: 'status', old: theirs }),
      /can only update status for pods with spec.nodeName set to itself/,
    ],
    [
      'labels by status',
      about(
        Pod,
        { ...mine, metadata: { ...mine.metadata, labels: {} } },
        { ...update, subresource: 'status', old: mine },
      ),
      /cannot update labels through pod status/,
    ],
    ['own delete', about(Pod, undefined, { ...as, operation: 'DELETE', old: mine }), undefined],
    [
      'other delete',
      about(Pod, undefined, { ...as, operation: 'DELETE', old: theirs }),
      /can only delete pods/,
    ],
    [
      'own eviction',
      about(Pod, { metadata: {} }, { ...as, subresource: 'eviction', name: 'mine' }),
      undefined,
    ],
    [
      'other eviction',
      about(Pod, { metadata: {} }, { ...as, subresource: 'eviction', name: 'theirs' }),
      /can only evict pods/,
    ],
    ['pod', about(Pod, podWith({ nodeName: 'n1' }), as), /can only create mirror pods/],
    ['mirror pod', about(Pod, mirror({}), as), undefined],
    ['mirror elsewhere', about(Pod, mirror({ nodeName: 'n2' }), as), /spec.nodeName set to itself/],
    [
      'mirror with a secret',
      about(Pod, mirror({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }), as),
      /a mirror pod may not reference secrets/,
    ],
    ['pod update', about(Pod, mine, { ...update, old: mine }), /unexpected operation "UPDATE"/],
    [
      'register',
      about(Node, node('n1', { 'kubernetes.io/hostname': 'n1', 'acme.com/x': 'y' }), as),
      undefined,
    ],
    ['register another', about(Node, node('n2'), as), /node "n1" is not allowed to modify node "n2"/],
    [
      'role label',
      about(Node, node('n1', { 'node-role.kubernetes.io/control-plane': '' }), as),
      /is not allowed to modify labels: node-role.kubernetes.io\/control-plane/,
    ],
    [
      'restricted label',
      about(Node, node('n1', { 'acme.node-restriction.kubernetes.io/x': '' }), as),
      /is not allowed to modify labels/,
    ],
    ['kubelet label', about(Node, node('n1', { 'x.kubelet.kubernetes.io/y': '' }), as), undefined],
    [
      'own status',
      about(Node, node('n1'), { ...update, subresource: 'status', old: node('n1') as unknown as KubeObject }),
      undefined,
    ],
    [
      'taints',
      about(Node, node('n1', {}, { taints: [] }), {
        ...update,
        old: node('n1', {}, { taints: [{ key: 'a' }] }) as unknown as KubeObject,
      }),
      /not allowed to modify taints/,
    ],
    [
      'delete itself',
      about(Node, undefined, { ...as, operation: 'DELETE', name: 'n1' }),
      /not allowed to delete itself/,
    ],
    ['own lease', lease('n1'), undefined],
    ['other lease', lease('n2'), /with the same name as the requesting node/],
    ['own name elsewhere', lease('n1', 'shop'), /can only access leases in the "kube-node-lease"/],
    ['token for its pod', bound(mine), undefined],
    ['token for another pod', bound(theirs), /bound to a pod scheduled on a different node/],
    ['token for a former pod', bound(mine, 'old'), /does not match the UID in record/],
    ['token for nobody', token(undefined), /node requested token not bound to a pod/],
    ['token without uid', bound(mine, ''), /without a uid/],
  ]
  for (const [name, request, expected] of cases) {
    if (expected === undefined) await admission.admit(request)
    else assert.match((await refusal(admission, request)).message, expected, name)
  }
  // Everybody else is not restricted by it.
  await admission.admit(about(Node, node('n2', { 'node-role.kubernetes.io/control-plane': '' })))
})

test('refusals are errors that clients can read', async () => {
  const { admission } = await setUp()
  const error = await refusal(admission, about(Pod, podWith({ serviceAccountName: 'nobody' })))
  assert.ok(isApiError(error, 'Forbidden'))
  assert.deepEqual(error.details, { name: 'web', kind: 'pods' })
})
