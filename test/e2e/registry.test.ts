import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../src/cluster/index.ts'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'

const PROGRAM = '/usr/bin/docker-registry'
const skip = cannotRun || (existsSync(PROGRAM) ? false : 'needs docker-registry')
const root = join(import.meta.dirname, '..', '..')
/** bcrypt of the password. */
const USER = 'ali'
const PASSWORD = 'open sesame'
const HASH = '$2b$04$vC5cL9fhVhm9QCdWIJLtxOLOd2axp235N/fHGPq.WPeGPD2iLEbxK'

const dir = mkdtempSync(join(tmpdir(), 'dhow-registry-'))
let cluster: TestCluster
let registry: ChildProcess
let host = ''

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

before(async () => {
  if (skip) return
  host = `127.0.0.1:${await freePort()}`
  writeFileSync(join(dir, 'users'), `${USER}:${HASH}\n`)
  writeFileSync(
    join(dir, 'config.yml'),
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${dir}/data } }
http: { addr: "${host}" }
auth: { htpasswd: { realm: test, path: ${dir}/users } }
`,
  )
  registry = spawn(PROGRAM, ['serve', join(dir, 'config.yml')], { stdio: 'ignore' })
  await until('the registry to answer', async () => (await ask(`http://${host}/v2/`)).status === 401)
  cluster = await startCluster({ up: ['--insecure-registry', host] })
  await cluster.dhow('image', 'build', join(root, 'examples/web/images/images.yaml'))
  const socket = cluster.layout.nodes[0]!.containerd.socket
  const ctr = async (...args: string[]) => {
    const result = await runCommand(['ctr', '--address', socket, '--namespace', 'k8s.io', 'images', ...args])
    assert.equal(result.exitCode, 0, result.stderr)
  }
  await ctr(
    'push',
    '--plain-http',
    '--user',
    `${USER}:${PASSWORD}`,
    `${host}/team/web:1`,
    'docker.io/example/web:1.0',
  )
})

after(async () => {
  await cluster?.remove()
  registry?.kill()
  rmSync(dir, { recursive: true, force: true })
})

async function createPod(name: string, pullSecret?: string): Promise<void> {
  const secrets = pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }
  const containers = [{ name: 'web', image: `${host}/team/web:1`, imagePullPolicy: 'Always' }]
  const input = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers, ...secrets, terminationGracePeriodSeconds: 1 },
  })
  const result = await cluster.tryKubectl(['apply', '-f', '-'], { input })
  assert.equal(result.code, 0, result.stderr)
}

const reasonOf = (name: string) =>
  cluster.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.reason}')

test('an image of a registry that asks for credentials is not pulled without them, and the pod says why', {
  skip,
}, async () => {
  await createPod('nobody')
  await until('the pod to back off', async () => (await reasonOf('nobody')) === 'ImagePullBackOff')
  assert.match(
    await cluster.kubectl('describe', 'pod', 'nobody'),
    /Failed to pull image .*(401|[Uu]nauthorized|authorization failed|no basic auth)/,
  )
})

test('with a pull secret it is', { skip }, async () => {
  await cluster.kubectl(
    'create',
    'secret',
    'docker-registry',
    'sesame',
    `--docker-server=${host}`,
    `--docker-username=${USER}`,
    `--docker-password=${PASSWORD}`,
  )
  await createPod('ali', 'sesame')
  await cluster.kubectl('wait', 'pod/ali', '--for=condition=Ready', '--timeout=30s')
})

test('with wrong credentials it is not', { skip }, async () => {
  await cluster.kubectl(
    'create',
    'secret',
    'docker-registry',
    'wrong',
    `--docker-server=${host}`,
    `--docker-username=${USER}`,
    '--docker-password=guess',
  )
  await createPod('guess', 'wrong')
  await until('the pod to back off', async () =>
    /ErrImagePull|ImagePullBackOff/.test(await reasonOf('guess')),
  )
})
