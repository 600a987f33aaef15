import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { kindFor, servedKinds } from '../../api/index.ts'
import { type Log, silentLog, systemClock } from '../../base/index.ts'
import { apiVersionOf, decode, encodeProtobuf, type Kind, type StructType } from '../../schema/index.ts'
import { arbitraryOf } from '../../schema/testing.ts'
import { ensurePki } from '../auth/pki.ts'
import { createSecurity } from '../security.ts'
import { type Answer, type PlainServer, plainServer } from './plain.test-support.ts'

/** More of them find more, and others than before: `DHOW_FUZZ=100`. */
const RUNS = Number(process.env.DHOW_FUZZ ?? 4)
if (process.env.DHOW_FUZZ === undefined) fc.configureGlobal({ seed: 1 })
const bugs: unknown[] = []
const ADMIN = { username: 'root', groups: ['system:masters', 'system:authenticated'] }
const NODE = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
let dir: string
let plain: PlainServer
const send: PlainServer['send'] = (...args) => plain.send(...args)

before(async () => {
  const log: Log = { ...silentLog, error: (...seen: unknown[]) => bugs.push(seen), child: () => log }
  dir = await mkdtemp(join(tmpdir(), 'dhow-hostile-'))
  const pki = await ensurePki(dir, { clock: systemClock(), serviceIp: '10.96.0.1' })
  const options = { ...pki, nodeAuthority: pki.ca.cert }
  plain = await plainServer(log, async (context) => ({
    ...(await createSecurity(context, options)),
    authenticator: { authenticate: (facts) => (facts.header('x-user') === 'node' ? NODE : ADMIN) },
  }))
  await send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
})
after(async () => {
  await plain.close()
  await rm(dir, { recursive: true })
})

/** Whatever was sent, the answer is a clear one: no failure of the server, and a Status where it is a refusal. */
function assertClear({ status, text }: Answer): void {
  assert.deepEqual(bugs.splice(0), [])
  assert.ok(status < 500 || status === 504, `${status} ${text}`)
  if (status < 400) return
  const answer = JSON.parse(text)
  assert.equal(answer.kind, 'Status')
  assert.ok(answer.message && answer.code === status, text)
}

const stored = servedKinds.filter((kind) => kind.resource.verbs.includes('create'))
const accepts = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
]

function pathOf(kind: Kind, name = ''): string {
  const { group, version, plural, namespaced } = kind.resource
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${root}${namespaced ? '/namespaces/default' : ''}/${plural}${name === '' ? '' : `/${name}`}`
}

function named(kind: Kind, object: object, name: string): object {
  const { metadata } = object as { metadata?: object }
  const own = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
  const { kind: kindName, ...rest } = kind.resource
  return { ...object, kind: kindName, apiVersion: apiVersionOf(rest), metadata: { ...own, name } }
}

const anyJson = fc.jsonValue({ maxDepth: 3 })
const pointer = fc
  .array(
    fc.constantFrom(
      'metadata',
      'spec',
      'status',
      'labels',
      'containers',
      '0',
      '-',
      'name',
      'uid',
      '',
      '__proto__',
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.map((part) => `/${part}`).join(''))
const operation = fc.record({
  op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
  path: pointer,
  from: pointer,
  value: anyJson,
})

for (const kind of stored) {
  test(`nothing that is sent as ${kind.name} makes the server fail`, async () => {
    const messy = arbitraryOf(kind, { depth: 6, messy: true }).filter(
      (o) => typeof o === 'object' && o !== null,
    )
    const object = fc.oneof(arbitraryOf(kind, { depth: 6 }), messy) as fc.Arbitrary<object>
    const how = fc.record({
      object,
      other: object,
      patch: fc.oneof(anyJson, object),
      operations: fc.array(operation, { maxLength: 3 }),
      accept: fc.constantFrom(...accepts),
      name: fc.constantFrom('a', 'b', 'n1'),
      user: fc.constantFrom('root', 'root', 'node'),
    })
    await fc.assert(
      fc.asyncProperty(how, async ({ object, other, patch, operations, accept, name, user }) => {
        const headers = { 'content-type': 'application/json', accept, 'x-user': user }
        const body = (value: unknown) => JSON.stringify(value) ?? ''
        const tell = async (...args: Parameters<typeof send>) => assertClear(await send(...args))
        await tell('POST', pathOf(kind), body(object), headers)
        await tell('POST', pathOf(kind), body(named(kind, object, name)), headers)
        await tell('PUT', pathOf(kind, name), body(named(kind, other, name)), headers)
        for (const type of ['merge-patch', 'strategic-merge-patch']) {
          await tell('PATCH', pathOf(kind, name), body(patch), {
            'content-type': `application/${type}+json`,
            accept,
          })
        }
        await tell('PATCH', pathOf(kind, name), body(operations), {
          'content-type': 'application/json-patch+json',
          accept,
        })
        for (const subresource of Object.keys(kind.resource.subresources)) {
          if (['exec', 'attach', 'portforward', 'proxy', 'log'].includes(subresource)) continue
          await tell('PUT', `${pathOf(kind, name)}/${subresource}`, body(named(kind, other, name)), headers)
          await tell('POST', `${pathOf(kind, name)}/${subresource}`, body(patch), headers)
        }
        await tell('GET', pathOf(kind), undefined, { accept })
        await tell('DELETE', pathOf(kind, name), body(patch), headers)
      }),
      { numRuns: RUNS },
    )
  })
}

test('no bytes that claim to be protobuf make the server fail', async () => {
  const kinds = stored.filter((kind) => kind.protobuf)
  const change = fc.tuple(fc.nat(4000), fc.nat(255))
  const how = fc
    .constantFrom(...kinds)
    .chain((kind) =>
      fc.tuple(
        fc.constant(kind),
        arbitraryOf(kind, { protobuf: true }),
        fc.array(change, { maxLength: 4 }),
        fc.nat(4000),
      ),
    )
  await fc.assert(
    fc.asyncProperty(how, async ([kind, json, changes, end]) => {
      const object = decode(kind, named(kind, json as object, 'a')).value
      const whole = encodeProtobuf(kind as StructType<object>, object as object)
      const bytes = Buffer.from(whole.subarray(0, end % 4 === 0 ? end : whole.length))
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
      const type = 'application/vnd.kubernetes.protobuf'
      const headers = { 'content-type': type, accept: 'application/json' }
      assertClear(await send('POST', pathOf(kind), bytes, headers))
      assertClear(await send('PUT', pathOf(kind, 'a'), bytes, headers))
      assertClear(await send('DELETE', pathOf(kind, 'a'), bytes, headers))
    }),
    { numRuns: 50 * RUNS },
  )
})

const template = {
  metadata: { labels: { app: 'web' }, annotations: { a: 'b' } },
  spec: {
    serviceAccountName: 'default',
    initContainers: [{ name: 'init', image: 'i', restartPolicy: 'Always' }],
    containers: [
      {
        name: 'web',
        image: 'web:1',
        command: ['web'],
        ports: [{ containerPort: 80, name: 'http', hostPort: 80 }],
        env: [
          { name: 'A', value: 'b' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'D', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        envFrom: [{ configMapRef: { name: 'c' } }],
        resources: { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '64Mi' } },
        volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x' }],
        livenessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 3 },
        readinessProbe: { exec: { command: ['true'] } },
        startupProbe: { grpc: { port: 9 } },
        lifecycle: { preStop: { exec: { command: ['true'] } } },
        securityContext: { runAsUser: 1, capabilities: { drop: ['ALL'] } },
      },
    ],
    volumes: [
      { name: 'v', emptyDir: { sizeLimit: '1Gi' } },
      {
        name: 'p',
        projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }] },
      },
      { name: 'd', downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { name: 'h', hostPath: { path: '/h', type: 'Directory' } },
    ],
    tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'zone',
            labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
    ],
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['x'] }],
    dnsConfig: { nameservers: ['1.2.3.4'], options: [{ name: 'ndots', value: '2' }] },
    securityContext: { fsGroup: 1, sysctls: [{ name: 'net.a', value: '1' }] },
    nodeSelector: { a: 'b' },
    readinessGates: [{ conditionType: 'a/b' }],
  },
}
const selector = { matchLabels: { app: 'web' } }
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
const seeds: [string, string, object][] = [
  ['v1', 'Pod', template],
  [
    'apps/v1',
    'Deployment',
    { spec: { selector, template, strategy: { rollingUpdate: { maxSurge: '25%' } } } },
  ],
  ['apps/v1', 'ReplicaSet', { spec: { selector, template } }],
  [
    'v1',
    'Service',
    {
      spec: {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [{ name: 'a', port: 80, targetPort: 'http' }],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 3 } },
        externalIPs: ['1.2.3.4'],
      },
    },
  ],
  [
    'discovery.k8s.io/v1',
    'EndpointSlice',
    {
      addressType: 'IPv4',
      ports: [{ name: 'a', port: 80 }],
      endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n' }],
    },
  ],
  ['v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] }],
  ['v1', 'ConfigMap', { data: { a: 'b' }, binaryData: { c: 'ZA==' }, immutable: false }],
  ['v1', 'Secret', { type: 'Opaque', data: { a: 'Yg==' }, stringData: { c: 'd' } }],
  ['v1', 'Namespace', { spec: { finalizers: ['kubernetes'] } }],
  [
    'v1',
    'Node',
    {
      spec: {
        podCIDR: '10.244.0.0/24',
        podCIDRs: ['10.244.0.0/24'],
        taints: [{ key: 'a', effect: 'NoSchedule' }],
      },
      status: { capacity: { cpu: '1' }, addresses: [{ type: 'InternalIP', address: '1.2.3.4' }] },
    },
  ],
  ['v1', 'ServiceAccount', { secrets: [{ name: 'a' }], imagePullSecrets: [{ name: 'b' }] }],
  [
    'v1',
    'Event',
    {
      involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' },
      reason: 'R',
      message: 'm',
      type: 'Normal',
    },
  ],
  ['coordination.k8s.io/v1', 'Lease', { spec: { holderIdentity: 'a', leaseDurationSeconds: 3 } }],
  ['rbac.authorization.k8s.io/v1', 'Role', { rules }],
  [
    'rbac.authorization.k8s.io/v1',
    'ClusterRole',
    { rules, aggregationRule: { clusterRoleSelectors: [selector] } },
  ],
  [
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'u' }],
    },
  ],
]

type Node = Record<string, unknown>

/** Every place in the object, as the way there. */
function places(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))]
}

function withValueAt(value: unknown, [key, ...rest]: readonly string[], put: unknown): unknown {
  if (key === undefined) return put
  const changed = withValueAt((value as Node)[key], rest, put)
  if (!Array.isArray(value)) return { ...(value as Node), [key]: changed }
  return value.map((item, i) => (String(i) === key ? changed : item))
}

const oddValues = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1.5,
    65_536,
    2 ** 31,
    2 ** 53,
    1e300,
    '',
    '-',
    '..',
    '%',
    '0',
    '1e9',
    '-5',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [null],
    ['', ''],
    { '': '' },
    'x'.repeat(300),
    'A_b',
    '1.2.3.4',
    '10.0.0.0/8',
    '::1',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  anyJson,
)

for (const [apiVersion, kindName, seed] of seeds) {
  test(`one odd value in a ${kindName} that is well otherwise is refused or kept`, async () => {
    const kind = kindFor(apiVersion, kindName)!
    const base = {
      ...seed,
      kind: kindName,
      apiVersion,
      metadata: { labels: { a: 'b' }, ...((seed as Node).metadata as object), name: 'odd' },
    }
    const at = fc.constantFrom(...places(base))
    const made = JSON.stringify({ ...base, metadata: { ...base.metadata, name: 'base' } })
    const answer = await send('POST', pathOf(kind), made)
    assert.equal(answer.status, 201, answer.text)
    await fc.assert(
      fc.asyncProperty(at, oddValues, fc.constantFrom(...accepts), async (path, value, accept) => {
        const tell = async (...args: Parameters<typeof send>) => assertClear(await send(...args))
        const headers = { 'content-type': 'application/json', accept }
        const body = JSON.stringify(withValueAt(base, path, value)) ?? ''
        await tell('POST', pathOf(kind), body, headers)
        await tell('PUT', pathOf(kind, 'base'), body.replaceAll('"odd"', '"base"'), headers)
        await tell('PUT', `${pathOf(kind, 'base')}/status`, body.replaceAll('"odd"', '"base"'), headers)
        const patch = body.replaceAll('"odd"', '"base"')
        await tell('PATCH', pathOf(kind, 'base'), patch, {
          'content-type': 'application/strategic-merge-patch+json',
          accept,
        })
        await tell('GET', pathOf(kind), undefined, { accept })
        await tell('DELETE', pathOf(kind, 'odd?gracePeriodSeconds=0'))
      }),
      { numRuns: 10 * RUNS },
    )
  })
}

const MAPS = '/api/v1/namespaces/default/configmaps'

describe('answers to what is large', () => {
  test('a refusal names a hundred problems and counts the rest, and cuts values that are long', async () => {
    const containers = Array.from({ length: 50_000 }, () => ({}))
    const many = await send('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'many' },
      spec: { containers },
    })
    assert.equal(many.status, 422)
    assert.equal(many.json.details.causes.length, 100)
    assert.match(many.json.message, /, and 149899 more\]$/)
    const long = await send('POST', MAPS, { metadata: { name: 'x'.repeat(1_000_000) } })
    assert.equal(long.status, 422)
    assert.match(long.json.details.causes[0].message, /x… \(1000002 characters\)/)
    assert.ok(long.json.details.causes[0].message.length < 3_000)
  })

  test('warnings end at a number that every client takes', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`u${i}`, 1]))
    const answer = await send('POST', MAPS, { metadata: { name: 'warned' }, ...unknown })
    assert.equal(answer.status, 201)
    assert.equal(String(answer.headers.warning).split('299 - ').length - 1, 50)
  })

  test('more node ports than there are are refused without looking for each', async () => {
    const ports = Array.from({ length: 20_000 }, (_, i) => ({ name: `p${i}`, port: i + 1 }))
    const path = '/api/v1/namespaces/default/services'
    const answer = await send('POST', path, { metadata: { name: 'wide' }, spec: { type: 'NodePort', ports } })
    assert.equal(answer.status, 422)
    assert.match(answer.json.message, /range is full \(30000-30100\)/)
  })
})
