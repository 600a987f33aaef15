import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { silentLog, systemClock } from '../base/index.ts'
import { FakeRuntime } from './runtime/fake-runtime.ts'
import { type KubeletServer, type KubeletView, serveKubelet } from './server.ts'
import { type TestCertificate, testAuthority } from './testing/certificates.ts'
import { pod, sandbox, seen } from './testing/pods.ts'

let dir: string
let server: KubeletServer
let admin: TestCertificate
let user: TestCertificate
let stranger: TestCertificate
let ca: string
let problems: string[] = []

const web = pod(
  { containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
  {
    status: {
      phase: 'Running',
      containerStatuses: [
        { name: 'a', state: {}, lastState: { terminated: { exitCode: 1, containerID: 'containerd://a-0' } } },
        { name: 'b', state: {}, lastState: {} },
        { name: 'c', state: { waiting: { reason: 'ErrImagePull' } }, lastState: {} },
      ],
    },
  },
)
const observed = {
  uid: 'uid-1',
  name: 'web',
  namespace: 'default',
  sandboxes: [sandbox()],
  containers: [seen(web, 'a', 'running', { attempt: 1 }), seen(web, 'a', 'exited'), seen(web, 'b', 'exited')],
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-kubelet-'))
  for (const [file, text] of [
    ['a/1.log', 'now'],
    ['a/0.log', 'before'],
    ['b/0.log', 'once'],
  ] as const) {
    await mkdir(join(dir, file, '..'), { recursive: true })
    await writeFile(
      join(dir, file),
      `2026-11-21T12:00:00.000000001Z stdout F ${text}\n2026-11-21T12:00:01.000000001Z stdout F ${text} 2\n`,
    )
  }
  const authority = await testAuthority()
  ca = authority.cert
  admin = await authority.issue('CN=kube-apiserver-kubelet-client,O=system:masters')
  user = await authority.issue('CN=somebody,O=people')
  stranger = await (await testAuthority()).issue('CN=x,O=system:masters')
  const serving = await authority.issue('CN=system:node:n1,O=system:nodes')
  const view: KubeletView = {
    pods: () => [web],
    find: (namespace, name) =>
      namespace === 'default' && name === 'web' ? { pod: web, observed } : undefined,
    logPath: (_, container, attempt) => join(dir, container, `${attempt}.log`),
    problems: () => problems,
    metrics: async () => ({ contentType: 'text/plain', text: 'x 1\n' }),
    resourceMetrics: async () => 'y 1\n',
    statsSummary: async () => ({ node: { nodeName: 'n1' } }),
  }
  const clock = systemClock()
  server = await serveKubelet({
    tls: () => ({ ...serving, clientCA: ca }),
    host: '127.0.0.1',
    port: 0,
    view,
    runtime: new FakeRuntime({ clock }),
    clock,
    log: silentLog,
  })
})
after(async () => {
  await server.close()
  await rm(dir, { recursive: true, force: true })
})

function get(
  path: string,
  identity: TestCertificate | undefined = admin,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port: server.port, path, ca, agent: false, ...identity },
      (res) => {
        let body = ''
        res.on('data', (chunk) => {
          body += chunk
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body }))
      },
    )
    req.on('error', reject)
    req.end()
  })
}

for (const [path, status, body] of [
  ['/healthz', 200, 'ok'],
  ['/metrics', 200, 'x 1\n'],
  ['/metrics/resource', 200, 'y 1\n'],
  ['/stats/summary', 200, '{"node":{"nodeName":"n1"}}'],
  ['/nothing', 404, '404 page not found\n'],
  ['/containerLogs/default/web/a', 200, 'now\nnow 2\n'],
  ['/containerLogs/default/web/a?tailLines=1', 200, 'now 2\n'],
  ['/containerLogs/default/web/a?previous=true', 200, 'before\nbefore 2\n'],
  ['/containerLogs/default/web/b', 200, 'once\nonce 2\n'],
  ['/containerLogs/default/web/b?follow=true', 200, 'once\nonce 2\n'],
  [
    '/containerLogs/default/web/b?previous=true',
    400,
    'previous terminated container "b" in pod "web" not found',
  ],
  ['/containerLogs/default/web/c', 400, 'container "c" in pod "web" is waiting to start: ErrImagePull'],
  ['/containerLogs/default/web/x', 404, 'container "x" not found in pod "web"\n'],
  ['/containerLogs/default/none/a', 404, 'pod "none" not found\n'],
  [
    '/containerLogs/default/web/a?tailLines=-1',
    400,
    'cannot read tailLines "-1": expected a whole number of 0 or more',
  ],
  [
    '/containerLogs/default/web/a?sinceTime=soon',
    400,
    'cannot read sinceTime "soon": expected an RFC 3339 time',
  ],
] as const) {
  test(`GET ${path} answers ${status}`, async () => assert.deepEqual(await get(path), { status, body }))
}

test('the pods of the node are listed', async () => {
  const { body } = await get('/pods')
  const list = JSON.parse(body) as { kind: string; items: { metadata: { name: string } }[] }
  assert.deepEqual([list.kind, list.items.map((p) => p.metadata.name)], ['PodList', ['web']])
})

test('who is not the server or an administrator is turned away', async () => {
  assert.equal((await get('/pods', user)).status, 403)
})

test('who has no certificate of the cluster does not get through', async () => {
  await assert.rejects(get('/healthz', stranger))
  await assert.rejects(get('/healthz', { cert: '', key: '' }))
})

test('a sick agent says why', async () => {
  problems = ['the runtime is away']
  assert.deepEqual(await get('/healthz'), { status: 500, body: 'the runtime is away' })
  problems = []
})
