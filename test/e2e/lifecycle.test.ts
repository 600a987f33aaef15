import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/base/index.ts'
import { cgroupHierarchies, findProcesses, removeCgroup, runCommand } from '../../src/cluster/index.ts'
import { cannotRun, dhow, runDhow, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'

const skip = cannotRun
const web = join(import.meta.dirname, '..', '..', 'examples', 'web')

let cluster: TestCluster

before(async () => {
  if (!skip) cluster = await startCluster()
})

after(async () => {
  await cluster?.remove()
})

test('a cluster comes up with its node Ready', { skip }, async () => {
  const node = JSON.parse(await cluster.kubectl('get', 'node', 'node1', '-o', 'json'))
  assert.equal(node.status.conditions.find((c: { type: string }) => c.type === 'Ready').status, 'True')
  assert.match(await cluster.dhow('status'), /all is well/)
})

test('a second up changes nothing and says so', { skip }, async () => {
  const { layout } = cluster
  const state = () => [
    ...['supervisor', 'server', 'agent-node1', 'containerd-node1'].map((part) => cluster.pidOf(part)),
    ...[layout.configFile, layout.kubeconfig, layout.nodes[0]!.containerd.config].map(
      (file) => statSync(file).mtimeMs,
    ),
    ...readdirSync(layout.pkiDir).map((name) => statSync(join(layout.pkiDir, name)).mtimeMs),
  ]
  const before = state()
  assert.match(await cluster.dhow('up', '--no-kubeconfig'), /is already running: nothing to do/)
  assert.deepEqual(state(), before)
})

test('two clusters share a machine, also when they start at the same moment and each is asked for twice', {
  skip,
}, async () => {
  const others = await Promise.all([startCluster(), startCluster()])
  try {
    for (const other of others) assert.match(await other.dhow('status'), /all is well/)
    const again = await Promise.all([
      others[0]!.dhow('up', '--no-kubeconfig'),
      others[0]!.dhow('up', '--no-kubeconfig'),
    ])
    for (const text of again) assert.match(text, /is already running: nothing to do/)
    // The data of one is deleted while it runs: that is said, and down still finds what is left of it.
    const { config, configFile, runDir } = others[1]!.layout
    const identity = ['--name', config.name, '--data-dir', config.dataDir]
    rmSync(configFile)
    rmSync(runDir, { recursive: true })
    await assert.rejects(runDhow(['status', ...identity]), /that data was deleted while it ran/)
    await assert.rejects(runDhow(['up', '--no-kubeconfig', ...identity]), /deleted while it ran \("dhow down/)
  } finally {
    await Promise.all(others.map((other) => other.remove()))
  }
  assert.match(await cluster.dhow('status'), /all is well/)
})

test('what is killed is started again, also the supervisor; what runs is adopted', { skip }, async () => {
  for (const part of ['server', 'agent-node1', 'containerd-node1']) {
    const pid = cluster.pidOf(part)
    process.kill(pid, 'SIGKILL')
    await until(
      `${part} to run again`,
      async () => !existsSync(`/proc/${pid}`) && cluster.pidOf(part) !== pid,
    )
  }
  const supervisor = cluster.pidOf('supervisor')
  const server = cluster.pidOf('server')
  process.kill(supervisor, 'SIGKILL')
  await until('another supervisor', async () => cluster.pidOf('supervisor') !== supervisor)
  assert.equal(cluster.pidOf('server'), server)
  process.kill(server, 'SIGKILL')
  await until('the server to run again', async () => cluster.pidOf('server') !== server)
  await until('all to be well', async () => /all is well/.test(await cluster.dhow('status')))
})

test('down stops all, twice if need be; the data stays for the next up', { skip }, async () => {
  await cluster.kubectl('create', 'configmap', 'kept', '--from-literal=a=b')
  await cluster.dhow('down')
  await cluster.dhow('down')
  assert.ok(existsSync(cluster.layout.storePath))
  await assert.rejects(cluster.dhow('get', 'nodes'), /it is down \("dhow up --name \S+" starts it\)/)
  // Another program has taken the port meanwhile.
  const intruder = createServer().listen(cluster.layout.config.apiPort, '0.0.0.0')
  try {
    const why = `cannot listen on 0\\.0\\.0\\.0:${cluster.layout.config.apiPort}: process ${process.pid} \\(.*\\) uses the port`
    await assert.rejects(cluster.dhow('up', '--no-kubeconfig'), new RegExp(why))
    await assert.rejects(cluster.dhow('status'), new RegExp(`server does not run: ${why}`))
  } finally {
    intruder.close()
  }
  await cluster.dhow('up', '--no-kubeconfig')
  assert.equal(await cluster.kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b')
})

test('what ran "up" may end with all it started, as a login session or a service does: the cluster stays', {
  skip,
}, async () => {
  await cluster.dhow('down')
  const hierarchy = cgroupHierarchies().find((h) => h.endsWith('/systemd')) ?? cgroupHierarchies()[0]!
  const session = join(hierarchy, `session-${cluster.layout.config.name}`)
  mkdirSync(session)
  const { name, dataDir } = cluster.layout.config
  const up = [dhow, 'up', '--no-kubeconfig', '--name', name, '--data-dir', dataDir]
  const inside = ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', session, ...up]
  const result = await runCommand(inside, { timeoutMs: 120_000 })
  assert.equal(result.exitCode, 0, result.stderr)
  assert.equal(readFileSync(join(session, 'cgroup.procs'), 'utf8'), '')
  rmdirSync(session)
  assert.match(await cluster.dhow('status'), /all is well/)
})

const isServed = () =>
  until(
    'the application to be served',
    async () => (await ask(`http://${cluster.layout.apiIp}:30081/`)).status === 200,
  )

test('up and down may be killed at any moment, with pods on the node: the next up works', {
  skip,
}, async () => {
  await cluster.dhow('up', '--no-kubeconfig', '-f', web)
  await isServed()
  const { name, dataDir } = cluster.layout.config
  const identity = ['--name', name, '--data-dir', dataDir]
  const interrupted = async (args: string[], afterMs: number) => {
    const child = spawn(dhow, [...args, ...identity], { stdio: 'ignore' })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    child.kill('SIGKILL')
    await ended
  }
  for (const ms of [120, 250, 400, 600, 900]) {
    await interrupted(['down', '--grace', '1'], ms / 2)
    await interrupted(['up', '--no-kubeconfig'], ms)
  }
  await cluster.dhow('up', '--no-kubeconfig')
  assert.match(await cluster.dhow('status'), /all is well/)
  assert.equal(await cluster.kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b')
  await isServed()
})

test('a restart of the machine: everything is gone but the disk, and up starts it again', {
  skip,
}, async () => {
  const { dataDir } = cluster.layout.config
  for (const { pid } of await findProcesses((args) => args.some((arg) => arg.includes(dataDir)))) {
    process.kill(pid, 'SIGKILL')
  }
  await removeCgroup(cluster.layout.cgroupRoot, systemClock())
  for (const link of [
    cluster.layout.nodeBridge,
    cluster.layout.dnsLink,
    cluster.layout.nodes[0]!.podBridge,
  ]) {
    await runCommand(['ip', 'link', 'delete', link])
  }
  await cluster.dhow('up', '--no-kubeconfig')
  assert.match(await cluster.dhow('status'), /all is well/)
  await isServed()
})

test('another copy of dhow takes over what runs, and disturbs no container', { skip }, async () => {
  const root = join(import.meta.dirname, '..', '..')
  const copy = mkdtempSync(join(tmpdir(), 'dhow-copy-'))
  try {
    for (const name of ['dhow', 'package.json', 'package-lock.json'])
      cpSync(join(root, name), join(copy, name))
    cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const containers = () =>
      cluster.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[*].containerID}')
    const before = await containers()
    const { name, dataDir } = cluster.layout.config
    const up = () =>
      runCommand([join(copy, 'dhow'), 'up', '--no-kubeconfig', '--name', name, '--data-dir', dataDir])
    assert.match((await up()).stderr, /is up/)
    for (const part of ['supervisor', 'server', 'agent-node1'])
      assert.match(readFileSync(`/proc/${cluster.pidOf(part)}/cmdline`, 'utf8'), new RegExp(copy))
    assert.match((await up()).stderr, /is already running: nothing to do/)
    assert.equal(await containers(), before)
    await isServed()
    // It must not outlive its copy.
    assert.match(await cluster.dhow('up', '--no-kubeconfig'), /is up/)
  } finally {
    rmSync(copy, { recursive: true })
  }
})

test('a node that joins has the images that were imported; what ran on a node that leaves runs elsewhere', {
  skip,
}, async () => {
  const images = () => cluster.dhow('image', 'list')
  const podsOn = async (node: string) =>
    (
      await cluster.kubectl(
        'get',
        'pods',
        '-o',
        'name',
        '--field-selector',
        `spec.nodeName=${node},status.phase=Running`,
      )
    ).split('\n').length - 1
  assert.match(await images(), /^node1 +docker\.io\/example\/web:1\.0$/m)
  assert.match(await cluster.dhow('up', '--no-kubeconfig', '--nodes', '2'), /2 nodes are Ready/)
  assert.match(await images(), /^node2 +docker\.io\/example\/web:1\.0$/m)
  await cluster.kubectl('cordon', 'node1')
  await cluster.kubectl('delete', 'pods', '-l', 'app=web', '--wait=false')
  await until('the application on the new node', async () => (await podsOn('node2')) === 2)
  await cluster.kubectl('uncordon', 'node1')
  assert.match(await cluster.dhow('up', '--no-kubeconfig', '--nodes', '1'), /node2 is removed/)
  await until('the application on the other node', async () => (await podsOn('node1')) === 2, 20)
  await isServed()
  assert.equal(existsSync(join(cluster.layout.config.dataDir, 'nodes', 'node2')), false)
})
