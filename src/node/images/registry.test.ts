import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Secret } from '../../api/index.ts'
import { VirtualClock } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { whyNoContainers } from '../testing/containerd.ts'
import { BUSYBOX_IMAGE, PAUSE_IMAGE, STOP_SIGNAL_IMAGE } from '../testing/image-archive.ts'
import { TestNode } from '../testing/node.ts'

const run = promisify(execFile)
const why =
  whyNoContainers() ?? (existsSync('/usr/bin/docker-registry') ? undefined : 'needs docker-registry')
const options = { skip: why ?? false, timeout: 60_000 } as const
/** bcrypt of "geheim". */
const PASSWORDS = 'me:$2y$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu\n'

let node: TestNode
const registries: ChildProcess[] = []
let open: string
let locked: string

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A real registry on loopback; resolves to its host and port. */
async function startRegistry(name: string, auth: string): Promise<string> {
  const port = await freePort()
  const dir = join(node.containerd.dir, name)
  await mkdir(dir)
  await writeFile(
    join(dir, 'config.yml'),
    `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${dir}/data\nhttp:\n  addr: 127.0.0.1:${port}\n${auth}`,
  )
  registries.push(spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: 'ignore' }))
  await eventually(`registry ${name}`, () => answers(port), 15_000)
  return `127.0.0.1:${port}`
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Pushes the busybox under another name. */
const push = (image: string, ...flags: string[]) => pushAs(image, BUSYBOX_IMAGE, flags)

async function pushAs(image: string, source: string, flags: readonly string[] = []): Promise<void> {
  const ctr = ['-a', node.containerd.socket, '-n', 'k8s.io', 'images']
  await run('ctr', [...ctr, 'tag', source, image])
  await run('ctr', [...ctr, 'push', '--plain-http', ...flags, image])
  await run('ctr', [...ctr, 'rm', image])
}

before(
  async () => {
    if (why) return
    node = await TestNode.start()
    open = await startRegistry('open', '')
    const file = join(node.containerd.dir, 'htpasswd')
    await writeFile(file, PASSWORDS)
    locked = await startRegistry('locked', `auth:\n  htpasswd:\n    realm: test\n    path: ${file}\n`)
    await push(`${open}/team/app:1`)
    await push(`${locked}/team/app:1`, '--user', 'me:geheim')
  },
  { timeout: 60_000 },
)

after(
  async () => {
    for (const r of registries) r.kill('SIGKILL')
    await node?.close()
  },
  { timeout: 60_000 },
)

const spec = (image: string, more = {}) => ({
  restartPolicy: 'Never' as const,
  containers: [{ name: 'a', image, command: ['true'] }],
  ...more,
})

test('an image is pulled from a registry, and the events say so', options, async () => {
  await node.create('pulls', spec(`${open}/team/app:1`))
  assert.equal((await node.done('pulls')).phase, 'Succeeded')
  const events = await eventually('the events', async () => {
    const all = await node.events('pulls')
    return all.some((e) => e.includes('Successfully pulled')) && all
  })
  assert.ok(events.includes(`Normal Pulling: Pulling image "${open}/team/app:1"`))
  assert.match(
    events.find((e) => e.startsWith('Normal Pulled'))!,
    /Successfully pulled image ".*" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.$/,
  )
})

test('without credentials a private image is refused', options, async () => {
  await node.create('refused', spec(`${locked}/team/app:1`))
  const status = await node.until(
    'refused',
    'refused',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
  )
  assert.match(
    status.containerStatuses![0]!.state.waiting!.message!,
    /authorization failed|unauthorized|no basic auth/i,
  )
  await node.delete('refused')
  await node.gone('refused')
})

test('with the pull secret of the pod a private image is pulled', options, async () => {
  const auths = { [locked]: { auth: Buffer.from('me:geheim').toString('base64') } }
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') }
  await node.api.create(Secret, {
    metadata: { namespace: 'default', name: 'pull' },
    type: 'kubernetes.io/dockerconfigjson',
    data,
  })
  await node.create('private', spec(`${locked}/team/app:1`, { imagePullSecrets: [{ name: 'pull' }] }))
  assert.equal((await node.done('private')).phase, 'Succeeded')
})

test('a pod without credentials does not get what another one pulled with them', options, async () => {
  const image = `${locked}/team/app:1`
  const pullable = (name: string, imagePullPolicy: 'Never' | 'IfNotPresent', more = {}) =>
    node.create(name, {
      restartPolicy: 'Never',
      containers: [{ name: 'a', image, imagePullPolicy, command: ['true'] }],
      ...more,
    })
  await node.agent.stop()
  await node.startAgent()
  await pullable('thief', 'IfNotPresent')
  await pullable('sly', 'Never')
  await pullable('friend', 'Never', { imagePullSecrets: [{ name: 'pull' }] })
  assert.equal((await node.done('friend')).phase, 'Succeeded')
  const reason = (name: string, expected: string) =>
    node.until(name, expected, (s) => s.containerStatuses?.[0]?.state.waiting?.reason === expected)
  await reason('thief', 'ErrImagePull')
  await reason('sly', 'ErrImageNeverPull')
  await node.delete('thief')
  await node.delete('sly')
})

test('images that nothing uses go, but not those that were imported', options, async () => {
  const ctr = async (...args: string[]) =>
    (await run('ctr', ['-a', node.containerd.socket, '-n', 'k8s.io', 'images', ...args])).stdout.split('\n')
  const image = `${open}/team/other:1`
  await pushAs(image, STOP_SIGNAL_IMAGE)
  // Else it would have this name, too, which was imported.
  await ctr('rm', STOP_SIGNAL_IMAGE)
  const { uid } = (await node.create('uses', spec(image))).metadata
  await node.done('uses')
  const clock = new VirtualClock()
  const removeAll = (uids: string[]) =>
    node.housekeep(uids, clock, async (it) => {
      const all = { highPercent: 0, lowPercent: 0 }
      await it.removeImages(all)
      await clock.advance(180_000)
      await it.removeImages(all)
    })
  await removeAll([uid])
  assert.ok((await ctr('ls', '-q')).includes(image), 'a container is made of it')
  await node.delete('uses')
  await node.gone('uses')
  await removeAll([])
  const left = await ctr('ls', '-q')
  assert.ok(!left.includes(image), 'nobody uses it')
  for (const name of [PAUSE_IMAGE, BUSYBOX_IMAGE]) assert.ok(left.includes(name), name)
})

test(
  'an image that the registry does not have is an error, and the pull is tried again',
  options,
  async () => {
    await node.create('absent', spec(`${open}/team/none:1`))
    const status = await node.until(
      'absent',
      'failing',
      (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
    )
    assert.match(status.containerStatuses![0]!.state.waiting!.message!, /not found/)
    await push(`${open}/team/none:1`)
    assert.equal((await node.done('absent')).phase, 'Succeeded')
  },
)
