import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { load } from 'js-yaml'
import { ConfigMap } from '../../api/index.ts'
import { decodeProtobuf, encodeProtobuf, type StructType } from '../../schema/index.ts'
import { type Answer, type PlainServer, plainServer } from './plain.test-support.ts'

let plain: PlainServer
let port: number
const send: PlainServer['send'] = (...args) => plain.send(...args)

before(async () => {
  plain = await plainServer()
  port = plain.port
})
after(() => plain.close())

const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'
const map = (name: string, data: object = {}) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name },
  data,
})
const pod = (name: string) => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } })

describe('what is refused', () => {
  const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`
  const cases: [string, () => Promise<Answer>, number, RegExp][] = [
    ['a body that is no JSON', () => send('POST', MAPS, '{"a":'), 400, /cannot read the body as JSON/],
    ['no body', () => send('POST', MAPS), 400, /the body is empty/],
    ['a body that is no object', () => send('POST', MAPS, '[]'), 400, /expected an object/],
    ['null', () => send('POST', MAPS, 'null'), 400, /expected an object/],
    ['JSON nested too deep', () => send('POST', MAPS, deep), 400, /deep|nest/],
    [
      'bytes that are no UTF-8',
      () => send('POST', MAPS, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      /UTF-8/,
    ],
    [
      'a body of more than 3 MiB',
      () => send('POST', MAPS, map('big', { a: 'x'.repeat(3 * 1024 * 1024) })),
      413,
      /Request entity too large: limit is 3145728/,
    ],
    [
      'another kind',
      () => send('POST', MAPS, pod('p') && { kind: 'Pod', apiVersion: 'v1', metadata: {} }),
      400,
      /expected v1 ConfigMap, got v1 Pod/,
    ],
    [
      'an unknown content type',
      () => send('POST', MAPS, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      /unknown format/,
    ],
    [
      'a packed body',
      () => send('POST', MAPS, map('x'), { 'content-encoding': 'gzip' }),
      415,
      /encoded with gzip/,
    ],
    [
      'an unacceptable answer',
      () => send('GET', MAPS, undefined, { accept: 'text/html' }),
      406,
      /only the following media types are accepted/,
    ],
    [
      'YAML that is broken',
      () => send('POST', MAPS, 'a: [', { 'content-type': 'application/yaml' }),
      400,
      /cannot read the body as YAML/,
    ],
    [
      'YAML whose aliases stand for far more than was sent',
      () => send('POST', MAPS, bomb(), { 'content-type': 'application/yaml' }),
      413,
      /too large/,
    ],
    [
      'protobuf without its envelope',
      () => send('POST', MAPS, 'hello', { 'content-type': 'application/vnd.kubernetes.protobuf' }),
      400,
      /cannot read the body as protobuf/,
    ],
    [
      'a value of the wrong type',
      () => send('POST', PODS, { metadata: { name: 'p' }, spec: { containers: 'none' } }),
      400,
      /^Pod in version "v1" cannot be handled as a Pod/,
    ],
    [
      'an unknown field, strictly',
      () => send('POST', `${MAPS}?fieldValidation=Strict`, { ...map('s'), spec: {} }),
      400,
      /strict decoding error: unknown field "spec"/,
    ],
    [
      'a field given twice, strictly',
      () => send('POST', `${MAPS}?fieldValidation=Strict`, '{"metadata":{"name":"a","name":"b"},"spec":{}}'),
      400,
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "metadata\.name", unknown field "spec"$/,
    ],
    [
      'a dry run of something else than all',
      () => send('POST', `${MAPS}?dryRun=Some`, map('x')),
      422,
      /CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: \["Some"\]: supported values: "All"/,
    ],
    [
      'a field validation that there is not',
      () => send('PUT', `${MAPS}/x?fieldValidation=Some`, map('x')),
      422,
      /UpdateOptions.*fieldValidation: Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"/,
    ],
    [
      'a field manager with a name that is too long',
      () => send('POST', `${MAPS}?fieldManager=${'m'.repeat(129)}`, map('x')),
      422,
      /fieldManager: Too long: may not be more than 128 bytes/,
    ],
    [
      'a field manager that cannot be printed',
      () => send('POST', `${MAPS}?fieldManager=m%01`, map('x')),
      422,
      /fieldManager: Invalid value: .*: invalid character U\+0001 \(at position 1\)/,
    ],
    [
      'a forced patch that is no apply',
      () => send('PATCH', `${MAPS}/x?force=true`, '{}', { 'content-type': 'application/merge-patch+json' }),
      422,
      /PatchOptions.*force: Forbidden: may not be specified for non-apply patch/,
    ],
    [
      'a deletion in a way that there is not',
      () => send('DELETE', `${MAPS}/x`, { propagationPolicy: 'Some' }),
      422,
      /DeleteOptions.*propagationPolicy: Unsupported value: .*: supported values: .*Foreground.*Background.*Orphan.*nil/,
    ],
    [
      'a deletion in both the new and the old way',
      () => send('DELETE', `${MAPS}/x`, { propagationPolicy: 'Orphan', orphanDependents: true }),
      422,
      /orphanDependents and deletionPropagation cannot be both set/,
    ],
    [
      'a streaming list that is no watch',
      () => send('GET', `${MAPS}?sendInitialEvents=true`),
      422,
      /ListOptions.*sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list/,
    ],
    [
      'a streaming list without a match of revisions',
      () => send('GET', `${MAPS}?watch=1&sendInitialEvents=true`),
      422,
      /resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/,
    ],
    [
      'a watch with a match of revisions',
      () => send('GET', `${MAPS}?watch=1&resourceVersionMatch=Exact&resourceVersion=1`),
      422,
      /forbidden for watch unless sendInitialEvents is provided.*Unsupported value: .*Exact/,
    ],
    [
      'rows with an object of a kind that there is not',
      () =>
        send('GET', `${MAPS}?includeObject=Some`, undefined, {
          accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
        }),
      400,
      /includeObject: Invalid value: .*must be 'Metadata', 'Object', 'None', or empty/,
    ],
    [
      'another namespace than the path’s',
      () => send('POST', MAPS, { ...map('x'), metadata: { name: 'x', namespace: 'kube-system' } }),
      400,
      /does not match the namespace sent on the request/,
    ],
    [
      'another name than the path’s',
      () => send('PUT', `${MAPS}/a`, map('b')),
      400,
      /the name of the object \(b\) does not match the name on the URL \(a\)/,
    ],
    [
      'a name of 100 KB',
      () => send('POST', MAPS, map('x'.repeat(100_000))),
      422,
      /must be no more than 253 (?:characters|bytes)/,
    ],
    [
      'an unknown resource',
      () => send('GET', '/api/v1/namespaces/default/gizmos'),
      404,
      /could not find the requested resource/,
    ],
    [
      'an unknown group',
      () => send('GET', '/apis/example.com/v1/things'),
      404,
      /could not find the requested resource/,
    ],
    [
      'a namespaced object without its namespace',
      () => send('GET', '/api/v1/pods/web'),
      404,
      /could not find the requested resource/,
    ],
    [
      'an unknown subresource',
      () => send('GET', `${PODS}/web/gizmo`),
      404,
      /could not find the requested resource/,
    ],
    [
      'a method that the resource has not',
      () => send('DELETE', '/api/v1/namespaces'),
      405,
      /does not allow this method/,
    ],
    ['a made-up method', () => send('PROPFIND', MAPS), 405, /does not allow this method/],
    [
      'server-side apply',
      () => send('PATCH', `${MAPS}/a`, {}, { 'content-type': 'application/apply-patch+yaml' }),
      415,
      /server-side apply .* is not supported by this server yet/,
    ],
    [
      'a patch of an unknown type',
      () => send('PATCH', `${MAPS}/a`, {}),
      415,
      /accepted media types include: application\/json-patch\+json/,
    ],
    ['a path that is no UTF-8', () => send('GET', `${MAPS}/%ff`), 400, /percent-encoding/],
    [
      'a limit that is no number',
      () => send('GET', `${MAPS}?limit=many`),
      400,
      /cannot read limit: expected a whole number, got "many"/,
    ],
    ['a negative limit', () => send('GET', `${MAPS}?limit=-1`), 400, /not negative/],
    [
      'a prototype for a resource',
      () => send('GET', '/api/v1/namespaces/default/__proto__'),
      404,
      /could not find/,
    ],
  ]
  for (const [what, ask, status, text] of cases) {
    test(what, async () => {
      const answer = await ask()
      assert.equal(answer.status, status, answer.text.slice(0, 300))
      assert.equal(answer.json.kind, 'Status')
      assert.equal(answer.json.code, status)
      assert.match(answer.json.message, text)
    })
  }

  test('leaves the server well', async () => {
    assert.equal((await send('GET', '/readyz')).text, 'ok')
    assert.equal((await send('GET', `${MAPS}/s`)).status, 404)
  })
})

/** Nine levels of nine references each: a few hundred bytes that stand for gigabytes. */
function bomb(): string {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 10; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    )
  return `${lines.join('\n')}\n`
}

describe('Status objects', () => {
  test('say what is missing', async () => {
    assert.deepEqual((await send('GET', '/apis/apps/v1/namespaces/default/deployments/web')).json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'deployments.apps "web" not found',
      reason: 'NotFound',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
      code: 404,
    })
  })

  test('say what is invalid, a cause a field', async () => {
    const { json } = await send('POST', PODS, {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c' }], restartPolicy: 'Sometimes' },
    })
    assert.equal(json.reason, 'Invalid')
    assert.deepEqual(
      json.details.causes.map((c: { field: string; reason: string }) => [c.field, c.reason]).sort(),
      [
        ['spec.containers[0].image', 'FieldValueRequired'],
        ['spec.restartPolicy', 'FieldValueNotSupported'],
      ],
    )
    assert.match(json.message, /^Pod "p" is invalid: \[/)
  })

  test('confirm a deletion with what was deleted', async () => {
    const created = (await send('POST', MAPS, map('gone'))).json
    const { json } = await send('DELETE', `${MAPS}/gone`)
    assert.deepEqual(json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'gone', kind: 'configmaps', uid: created.metadata.uid },
    })
  })
})

describe('what is answered', () => {
  test('unknown and repeated fields are warned about', async () => {
    const answer = await send(
      'POST',
      MAPS,
      '{"metadata":{"name":"warned"},"data":{"a":"1"},"spec":1,"data":{"b":"2"}}',
    )
    assert.equal(answer.status, 201)
    assert.match(String(answer.headers.warning), /299 - "unknown field \\"spec\\""/)
    assert.match(String(answer.headers.warning), /duplicate field \\"data\\"/)
    assert.deepEqual(answer.json.data, { b: '2' })
  })

  test('whoever creates what nothing acts on is told', async () => {
    const path = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies'
    const answer = await send('POST', path, { metadata: { name: 'np' }, spec: { podSelector: {} } })
    assert.equal(answer.status, 201)
    assert.match(String(answer.headers.warning), /299 - "network policies are stored but not enforced/)
  })

  test('YAML goes in and comes out', async () => {
    const text = 'metadata:\n  name: yaml\ndata:\n  "on": "yes"\n  hex: "0x10"\nimmutable: no\n'
    const answer = await send('POST', MAPS, text, {
      'content-type': 'application/yaml',
      accept: 'application/yaml',
    })
    assert.equal(answer.status, 201)
    assert.equal(answer.headers['content-type'], 'application/yaml')
    assert.match(answer.text, /^kind: ConfigMap\napiVersion: v1\nmetadata:\n {2}name: yaml\n/)
    assert.deepEqual((await send('GET', `${MAPS}/yaml`)).json.data, { on: 'yes', hex: '0x10' })
  })

  test('a list in YAML is the list, item by item', async () => {
    const odd = { a: 'two\nlines\n\n  and more\n', b: '- no: list', c: '#', d: ' padded ', e: '' }
    await send('POST', MAPS, {
      ...map('yaml-1', odd),
      metadata: { name: 'yaml-1', labels: { yaml: 'list' } },
    })
    await send('POST', MAPS, { ...map('yaml-2'), metadata: { name: 'yaml-2', labels: { yaml: 'list' } } })
    for (const selected of ['yaml=list', 'yaml=nothing']) {
      const path = `${MAPS}?labelSelector=${encodeURIComponent(selected)}`
      const yaml = await send('GET', path, undefined, { accept: 'application/yaml' })
      assert.deepEqual(load(yaml.text), (await send('GET', path)).json)
    }
  })

  test('protobuf goes in and comes out, alone and in lists', async () => {
    const type = ConfigMap as unknown as StructType<ConfigMap>
    const media = {
      'content-type': 'application/vnd.kubernetes.protobuf',
      accept: 'application/vnd.kubernetes.protobuf',
    }
    const created = await send(
      'POST',
      MAPS,
      encodeProtobuf(type, { ...map('binary'), data: { k: 'v' } } as unknown as ConfigMap),
      media,
    )
    assert.equal(created.status, 201, created.text)
    const decoded = decodeProtobuf(type, created.bytes)
    assert.deepEqual(decoded.data, { k: 'v' })
    assert.deepEqual(decoded, (await send('GET', `${MAPS}/binary`)).json)
    const list = await send('GET', `${MAPS}?fieldSelector=metadata.name=binary`, undefined, media)
    assert.equal(list.headers['content-type'], 'application/vnd.kubernetes.protobuf')
    assert.ok(list.bytes.includes('ConfigMapList') && list.bytes.includes('binary'))
  })

  test('tables have the columns of the kind', async () => {
    await send('POST', PODS, pod('row'))
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
    const { json } = await send('GET', `${PODS}?fieldSelector=metadata.name=row`, undefined, { accept })
    assert.equal(json.kind, 'Table')
    assert.deepEqual(
      json.columnDefinitions
        .filter((c: { priority: number }) => c.priority === 0)
        .map((c: { name: string }) => c.name),
      ['Name', 'Ready', 'Status', 'Restarts', 'Age'],
    )
    assert.deepEqual(json.rows[0].cells.slice(0, 3), ['row', '0/1', 'Pending'])
    assert.equal(json.rows[0].object.kind, 'PartialObjectMetadata')
    const whole = await send('GET', `${PODS}/row?includeObject=Object`, undefined, { accept })
    assert.equal(whole.json.rows[0].object.kind, 'Pod')
    const none = await send('GET', `${PODS}/row?includeObject=None`, undefined, { accept })
    assert.ok(!('object' in none.json.rows[0]))
  })

  test('metadata alone when that is asked for', async () => {
    await send('POST', MAPS, map('partial', { a: 'secret' }))
    const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
    const { json, text } = await send('GET', MAPS, undefined, { accept })
    assert.equal(json.kind, 'PartialObjectMetadataList')
    assert.ok(text.includes('"partial"') && !text.includes('"secret"'))
  })

  test('items in a list do not repeat their kind', async () => {
    const { json } = await send('GET', `${PODS}?fieldSelector=metadata.name=row`)
    assert.deepEqual([json.kind, json.apiVersion, json.items[0].kind], ['PodList', 'v1', undefined])
    assert.equal(json.items[0].metadata.name, 'row')
  })

  test('large answers are packed for who takes that', async () => {
    await send('POST', MAPS, map('large', { a: 'x'.repeat(300_000) }))
    const plain = await send('GET', `${MAPS}/large`)
    const packed = await send('GET', `${MAPS}/large`, undefined, { 'accept-encoding': 'gzip' })
    assert.equal(packed.headers['content-encoding'], 'gzip')
    assert.ok(packed.bytes.length < 10_000)
    assert.equal(gunzipSync(packed.bytes).toString(), plain.text)
    const refused = await send('GET', `${MAPS}/large`, undefined, { 'accept-encoding': 'gzip;q=0' })
    assert.equal(refused.headers['content-encoding'], undefined)
  })

  test('a long list arrives whole, packed or not', async () => {
    for (let i = 0; i < 12; i++)
      await send(
        'POST',
        '/api/v1/namespaces/kube-public/configmaps',
        map(`l${i}`, { a: `${i}`.repeat(200_000) }),
      )
    const plain = await send('GET', '/api/v1/namespaces/kube-public/configmaps')
    assert.equal(plain.json.items.length, 12)
    const packed = await send('GET', '/api/v1/namespaces/kube-public/configmaps', undefined, {
      'accept-encoding': 'gzip',
    })
    assert.deepEqual(JSON.parse(gunzipSync(packed.bytes).toString()).items, plain.json.items)
  })

  test('HEAD answers like GET, without a body', async () => {
    const answer = await send('HEAD', `${MAPS}/large`)
    assert.deepEqual([answer.status, answer.bytes.length], [200, 0])
  })

  test('a deletion of all that is selected tells what it was', async () => {
    for (const n of ['x1', 'x2'])
      await send('POST', MAPS, { ...map(n), metadata: { name: n, labels: { sweep: 'me' } } })
    const { json } = await send('DELETE', `${MAPS}?labelSelector=sweep%3Dme`, {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
    })
    assert.equal(json.items.length, 2)
    assert.equal((await send('GET', `${MAPS}?labelSelector=sweep%3Dme`)).json.items.length, 0)
    assert.equal((await send('GET', `${MAPS}/large`)).status, 200)
  })

  test('a watch writes an event a line, and its table form says its columns once', async () => {
    const start = (await send('GET', MAPS)).json.metadata.resourceVersion
    await send('POST', MAPS, map('seen1'))
    await send('POST', MAPS, map('seen2'))
    const plain = await send('GET', `${MAPS}?watch=true&resourceVersion=${start}&timeoutSeconds=1`)
    assert.deepEqual(
      plain.text
        .trim()
        .split('\n')
        .map((l) => JSON.parse(l))
        .map((e) => [e.type, e.object.metadata.name, e.object.kind]),
      [
        ['ADDED', 'seen1', 'ConfigMap'],
        ['ADDED', 'seen2', 'ConfigMap'],
      ],
    )
    const table = await send(
      'GET',
      `${MAPS}?watch=true&resourceVersion=${start}&timeoutSeconds=1`,
      undefined,
      { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    )
    const events = table.text
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l))
    assert.deepEqual(
      events.map((e) => e.object.columnDefinitions.length > 0),
      [true, false],
    )
    assert.deepEqual(
      events.map((e) => e.object.rows[0].cells[0]),
      ['seen1', 'seen2'],
    )
  })

  test('a watch from forgotten history is told so in the stream or at once', async () => {
    await plain.store.compact(plain.store.revision())
    const answer = await send('GET', `${MAPS}?watch=true&resourceVersion=1&timeoutSeconds=1`)
    assert.equal(answer.json.code, 410)
  })
})

describe('what needs no resource', () => {
  test('health, each check by its name', async () => {
    for (const path of ['/livez', '/readyz', '/healthz', '/readyz/store'])
      assert.equal((await send('GET', path)).text, 'ok', path)
    assert.match((await send('GET', '/readyz?verbose')).text, /\[\+\]store ok\n[\s\S]*readyz check passed/)
    assert.equal((await send('GET', '/livez/nonsense')).status, 404)
  })

  test('the parts of the server as objects', async () => {
    const { json } = await send('GET', '/api/v1/componentstatuses')
    assert.equal(json.kind, 'ComponentStatusList')
    assert.deepEqual(json.items, [
      { metadata: { name: 'store' }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
    ])
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const table = await send('GET', '/api/v1/componentstatuses/store', undefined, { accept })
    assert.deepEqual(table.json.rows[0].cells, ['store', 'Healthy', 'ok', ''])
    assert.equal((await send('GET', '/api/v1/componentstatuses/other')).status, 404)
  })

  test('version and metrics', async () => {
    const { json } = await send('GET', '/version')
    assert.match(json.gitVersion, /^v1\.36\./)
    const { text } = await send('GET', '/metrics')
    assert.match(
      text,
      /apiserver_request_total\{verb="POST",group="",version="v1",resource="configmaps",subresource="",scope="namespace",code="201"\} \d+/,
    )
    assert.match(text, /apiserver_storage_objects\{resource="configmaps"\} \d+/)
    assert.ok(!text.includes('gizmos'))
  })

  test('discovery in both forms, answered briefly to who has it', async () => {
    const old = (await send('GET', '/api/v1')).json
    assert.ok(old.resources.some((r: { name: string }) => r.name === 'pods/eviction'))
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
    const answer = await send('GET', '/apis', undefined, { accept })
    assert.equal(answer.json.kind, 'APIGroupDiscoveryList')
    assert.equal(
      answer.headers['content-type'],
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    )
    assert.equal(
      (await send('GET', '/apis', undefined, { accept, 'if-none-match': answer.headers.etag! })).status,
      304,
    )
    assert.equal((await send('GET', '/apis')).json.kind, 'APIGroupList')
    assert.equal((await send('GET', '/apis/apps')).json.kind, 'APIGroup')
  })

  test('OpenAPI, its documents named by their content', async () => {
    const index = (await send('GET', '/openapi/v3')).json
    const url = index.paths['apis/apps/v1'].serverRelativeURL
    const document = await send('GET', url)
    assert.ok(document.json.components.schemas['io.k8s.api.apps.v1.Deployment'])
    assert.match(document.headers['cache-control']!, /immutable/)
    assert.equal((await send('GET', '/openapi/v2')).json.swagger, '2.0')
    assert.equal((await send('GET', '/openapi/v3/apis/nobody/v1')).status, 404)
  })

  test('an upgrade where there is nothing to upgrade to is refused', async () => {
    const answer = await send('GET', MAPS, undefined, { connection: 'Upgrade', upgrade: 'websocket' })
    assert.equal(answer.status, 400)
    assert.match(answer.json.message, /takes no protocol upgrade/)
  })
})

test('garbage on the wire hurts nobody', async () => {
  const garbage = [
    'GET / HTTP/9.9\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(20_000)}\r\n`,
  ]
  for (const bytes of garbage) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
      socket.on('data', () => {})
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
      setTimeout(() => socket.destroy(), 500)
    })
  }
  assert.equal((await send('GET', '/readyz')).text, 'ok')
})
