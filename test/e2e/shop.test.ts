import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'
import { ask, startLoad } from './load.ts'

const skip = cannotRun
const shop = join(import.meta.dirname, '..', '..', 'examples', 'shop')

let cluster: TestCluster
let url = ''

before(async () => {
  if (skip) return
  cluster = await startCluster({ up: ['-f', shop] })
  const nodePort = await cluster.kubectl(
    'get',
    'service',
    'web',
    '-n',
    'shop',
    '-o',
    'jsonpath={.spec.ports[0].nodePort}',
  )
  url = `http://${cluster.layout.nodes[0]!.ip}:${nodePort}`
})

after(async () => {
  await cluster?.remove()
})

const inShop = (...args: string[]) => cluster.kubectl('-n', 'shop', ...args)
const podsOf = async (app: string) =>
  (await inShop('get', 'pods', '-l', `app=${app}`, '-o', 'name')).trim().split('\n')

test('the page is served by all replicas, with the banner of the ConfigMap and the items of the second tier', {
  skip,
}, async () => {
  const servers = new Set<string>()
  for (let i = 0; i < 60; i++) {
    const { status, body } = await ask(`${url}/cgi-bin/shop`)
    assert.equal(status, 200)
    assert.match(body, /Fresh fruit, every day\napples\npears\nplums\nserved by web-/)
    servers.add(/served by (\S+)/.exec(body)![1]!)
  }
  assert.equal(servers.size, 5)
})

test('the sidecar prints what the web server wrote to the volume that they share', { skip }, async () => {
  await until('the log lines', async () => {
    const logs = await Promise.all(
      (await podsOf('web')).map((pod) => inShop('logs', pod, '-c', 'log-forwarder')),
    )
    return logs.join('').includes('GET /cgi-bin/shop')
  })
})

test('a pod that is deleted is replaced, and no request is lost', { skip }, async () => {
  const load = startLoad(`${url}/`)
  const [pod] = await podsOf('web')
  await inShop('delete', pod!, '--wait=false')
  await until(
    'five ready pods',
    async () =>
      (await inShop('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}')) === '5' &&
      !(await podsOf('web')).includes(pod!),
  )
  const { requests, failures } = await load.stop()
  assert.ok(requests > 20)
  assert.deepEqual(failures, [])
})

test('kill -9 of the server, the agent and containerd disturbs no request and restarts no container', {
  skip,
}, async () => {
  const restarts = () =>
    inShop(
      'get',
      'pods',
      '-l',
      'app=web',
      '-o',
      'jsonpath={.items[*].status.containerStatuses[*].containerID}',
    )
  const before = await restarts()
  const load = startLoad(`${url}/`)
  for (const part of ['server', 'agent-node1', 'containerd-node1', 'server']) {
    const pid = cluster.pidOf(part)
    process.kill(pid, 'SIGKILL')
    await until(`${part} to run again`, async () => cluster.pidOf(part) !== pid)
  }
  await until('the cluster to be well', async () => (await cluster.dhow('status')).includes('all is well'))
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.equal(await restarts(), before)
})

test('a rolling update and its undo lose no request', { skip }, async () => {
  const load = startLoad(`${url}/`)
  await inShop('set', 'image', 'deployment/web', 'web=shop/web:1.1.0')
  await inShop('rollout', 'status', 'deployment/web', '--timeout=120s')
  assert.match(
    await inShop('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.containers[0].image}'),
    /shop\/web:1\.1\.0/,
  )
  await inShop('rollout', 'undo', 'deployment/web')
  await inShop('rollout', 'status', 'deployment/web', '--timeout=120s')
  const { requests, failures } = await load.stop()
  assert.ok(requests > 100)
  assert.deepEqual(failures, [])
  assert.equal(
    await inShop('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}'),
    'shop/web:1.0.0',
  )
})

test('a broken image stalls the rollout with the old replicas serving, and undo repairs it', {
  skip,
}, async () => {
  const load = startLoad(`${url}/`)
  await inShop('set', 'image', 'deployment/web', 'web=localhost:1/shop/none:1')
  await until('the new pods to wait for their image', async () =>
    /ErrImagePull|ImagePullBackOff/.test(await inShop('get', 'pods', '-l', 'app=web')),
  )
  assert.equal(await inShop('get', 'deployment', 'web', '-o', 'jsonpath={.status.availableReplicas}'), '4')
  await inShop('rollout', 'undo', 'deployment/web')
  await inShop('rollout', 'status', 'deployment/web', '--timeout=120s')
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
})

test('applying it again changes nothing, and the URL is printed again', { skip }, async () => {
  const printed = await cluster.dhow('up', '--no-kubeconfig', '-f', shop)
  assert.match(printed, /is already running: nothing to do/)
  assert.match(printed, /deployment\.apps\/web unchanged/)
  assert.doesNotMatch(printed, / (created|configured)$/m)
  assert.match(printed, new RegExp(`${url}/ +\\(service "web"\\)`))
})
