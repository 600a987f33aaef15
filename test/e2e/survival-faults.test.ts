import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { seededRandom, sleep, systemClock } from '../../src/base/index.ts'
import { cgroupHierarchies, findProcesses, runCommand } from '../../src/cluster/index.ts'
import { APP_IMAGES } from './app.ts'
import { cannotRun, dhow, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'
import {
  apply,
  fill,
  Hall,
  isWell,
  killContainer,
  lostNothing,
  type PodView,
  podsOf,
  processesOf,
} from './survival-kit.ts'

/** Faults in the middle of something, each met on purpose: shims, sidecars, half-done work of the agent, a full disk. */

const clock = systemClock()
const SEED = Number(process.env.DHOW_SURVIVAL_SEED ?? Math.trunc(clock.now()) % 1_000_000)
/** Of each kind of work that is interrupted. */
const ROUNDS = Number(process.env.DHOW_SURVIVAL_FAULTS ?? 2)

const IDLE = ['sh', '-c', 'while :; do sleep 1; done']

const skip = cannotRun
let disk: string
let cluster: TestCluster
let hall: Hall

before(async () => {
  if (skip) return
  disk = mkdtempSync('/tmp/dhow-disk-')
  const mounted = await runCommand(['mount', '-t', 'tmpfs', '-o', 'size=400m', 'dhow-test', disk])
  assert.equal(mounted.exitCode, 0, mounted.stderr)
  const dataDir = join(disk, 'data')
  mkdirSync(dataDir)
  cluster = await startCluster({ dataDir })
  await cluster.dhow('image', 'build', APP_IMAGES)
  hall = await new Hall(cluster, 'hall').open({ replicas: 2, preStopSeconds: 0 })
})

after(async () => {
  await cluster?.remove()
  if (!disk) return
  await until('the disk to be let go', async () => (await runCommand(['umount', disk])).exitCode === 0)
  rmdirSync(disk)
})

const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** kill -9 of the agent some time after now, and the wait for its return. */
async function agentDies(delayMs: number): Promise<void> {
  const pid = await until('the agent to run', async () => cluster.pidOf('agent-node1'))
  await sleep(clock, delayMs)
  kill(pid)
  await until('another agent', async () => cluster.pidOf('agent-node1') !== pid)
}

const ready = (pod: PodView | undefined) =>
  pod?.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false

const podNamed = async (name: string): Promise<PodView | undefined> =>
  (await podsOf(cluster, '')).find((pod) => pod.metadata.name === name)

const idOf = (pod: PodView, index = 0) => pod.status.containerStatuses![index]!.containerID!

/** The process that keeps the containers of a pod: its sandbox's id is in its arguments. */
async function shimOf(pod: PodView): Promise<number> {
  const [container] = processesOf(idOf(pod))
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${container}/status`, 'utf8'))![1]
  const [shim] = (await findProcesses((args) => args[0]!.includes('containerd-shim'))).filter(
    (p) => p.pid === Number(parent),
  )
  assert.ok(shim, `${pod.metadata.name} has a shim`)
  return shim.pid
}

const configOfContainerd = () => cluster.layout.nodes[0]!.containerd.config
const identityOf = ({ layout: { config } }: TestCluster) => [
  '--name',
  config.name,
  '--data-dir',
  config.dataDir,
]

/** How many cgroups of the pod have processes: one for its sandbox, and one for each container that runs. */
function groupsOf(uid: string): number {
  const groups = processesOf(`pod${uid}`).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    } catch {
      return undefined // ended meanwhile
    }
  })
  return new Set(groups.filter((group) => group !== undefined)).size
}

/** No process, cgroup, folder or mount tells of the pod any more. */
async function isForgotten(uid: string): Promise<boolean> {
  const [node] = cluster.layout.nodes
  const cgroups = await Promise.all(
    cgroupHierarchies().map((top) =>
      runCommand(['find', join(top, cluster.layout.cgroupRoot), '-type', 'd', '-name', `*${uid}*`]),
    ),
  )
  return (
    processesOf(`pod${uid}`).length === 0 &&
    cgroups.every(({ stdout }) => stdout === '') &&
    !readdirSync(join(node!.agentDir, 'pods')).includes(uid) &&
    !readFileSync('/proc/self/mountinfo', 'utf8').includes(uid)
  )
}

for (const alsoDies of [undefined, 'containerd-node1'] as const) {
  test(`a pod whose shim is killed${alsoDies ? ` with ${alsoDies}` : ''} starts over, the others run on`, {
    skip,
  }, async () => {
    const [victim, other] = (await hall.pods()) as [PodView, PodView]
    const before = await hall.lives()
    const shim = await shimOf(victim)
    if (alsoDies) kill(cluster.pidOf(alsoDies))
    kill(shim)
    const now = await until(
      'the next life',
      async () => {
        const pod = await podNamed(victim.metadata.name)
        return ready(pod) && pod!.status.containerStatuses![0]!.restartCount === restartsOf(victim) + 1 && pod
      },
      120,
    )
    await until('the end of all that is left of the last life', async () => {
      return processesOf(idOf(victim)).length === 0 && groupsOf(victim.metadata.uid) === 2
    })
    assert.equal((await hall.lives())[other.metadata.name], before[other.metadata.name])
    assert.equal((await ask(`http://${now.status.podIP}:8080/`)).status, 200)
    await isWell(cluster)
  })
}

const restartsOf = (pod: PodView, index = 0) => pod.status.containerStatuses![index]!.restartCount

test('of a pod with a sidecar only the container starts again that was killed', { skip }, async () => {
  const container = (name: string) => ({ name, image: 'example/web:1.0', command: IDLE })
  const spec = {
    terminationGracePeriodSeconds: 1,
    initContainers: [{ ...container('sidecar'), restartPolicy: 'Always' }],
    containers: [container('a'), container('b')],
  }
  await apply(cluster, [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'several' }, spec }])
  type Several = PodView & { status: { initContainerStatuses?: PodView['status']['containerStatuses'] } }
  const see = async () => {
    const pod = (await podNamed('several')) as Several | undefined
    const all = [...(pod?.status.initContainerStatuses ?? []), ...(pod?.status.containerStatuses ?? [])]
    return ready(pod) && all.length === 3 && { pod, all }
  }
  let { pod, all } = await until('the pod', see)
  for (const [i, name] of ['sidecar', 'a', 'b'].entries()) {
    const counts = all.map((c) => c.restartCount)
    for (const pid of processesOf(all[i]!.containerID!)) kill(pid)
    const now = await until(`${name} again`, async () => {
      const seen = await see()
      return seen && seen.all[i]!.restartCount === counts[i]! + 1 && seen
    })
    for (const [j, c] of now.all.entries()) {
      if (j === i) continue
      assert.equal(c.containerID, all[j]!.containerID)
      assert.equal(c.restartCount, counts[j])
    }
    ;({ pod, all } = now)
  }
  await cluster.kubectl('delete', 'pod', 'several')
  await until('nothing to be left', () => isForgotten(pod!.metadata.uid))
})

test(`an agent that dies while it starts and ends pods goes on where it was (seed ${SEED})`, {
  skip,
}, async () => {
  const random = seededRandom(SEED, 'faults')
  const container = { name: 'a', image: 'example/web:1.0', command: IDLE }
  for (let round = 0; round < ROUNDS; round++) {
    const name = `started-${round}`
    const spec = { terminationGracePeriodSeconds: 1, containers: [container] }
    await apply(cluster, [{ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }])
    await agentDies(random.next() * 500)
    const pod = await until(`${name} to run`, async () => {
      const now = await podNamed(name)
      return ready(now) && now
    })
    const { uid } = pod.metadata
    await until('one sandbox and one container', async () => groupsOf(uid) === 2, 30)
    await cluster.kubectl('delete', 'pod', name, '--wait=false')
    await agentDies(random.next() * 1_500)
    await until(`${name} to be gone`, async () => (await podNamed(name)) === undefined)
    await until('nothing to be left', () => isForgotten(uid))
  }
})

test(`an agent that dies while volumes change shows no half of a change (seed ${SEED})`, {
  skip,
}, async () => {
  const random = seededRandom(SEED, 'volumes')
  const keys = Array.from({ length: 150 }, (_, i) => `key${i}`)
  const map = (version: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'changing' },
    data: Object.fromEntries(keys.map((key) => [key, `version ${version} ${'x'.repeat(500)}`])),
  })
  const spec = {
    terminationGracePeriodSeconds: 1,
    volumes: [{ name: 'v', configMap: { name: 'changing' } }],
    containers: [
      {
        name: 'a',
        image: 'example/web:1.0',
        command: IDLE,
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
  }
  await apply(cluster, [map(0), { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shows' }, spec }])
  const pod = await until('the pod', async () => {
    const now = await podNamed('shows')
    return ready(now) && now
  })
  const [pid] = processesOf(idOf(pod))
  /** As the container sees it. */
  const look = () =>
    until('a version', async () => {
      // Looked up once, as by somebody who has opened the folder; one that goes meanwhile is tried again.
      const folder = join(`/proc/${pid}/root/v`, readlinkSync(`/proc/${pid}/root/v/..data`))
      const seen = new Set(keys.map((key) => readFileSync(join(folder, key), 'utf8').split(' ')[1]))
      return [...seen]
    }).then((seen) => {
      assert.equal(seen.length, 1, `versions ${seen.join(' and ')} at once`)
      return Number(seen[0])
    })
  for (let round = 1; round <= ROUNDS; round++) {
    await apply(cluster, [map(round)])
    await agentDies(random.next() * 150)
    assert.ok((await look()) >= round - 1)
    await until(`version ${round}`, async () => (await look()) === round)
  }
  await cluster.kubectl('delete', 'pod', 'shows')
})

test('a pod whose image is being pulled as the agent dies can be deleted, and leaves nothing', {
  skip,
}, async () => {
  let asked = 0
  // A registry that never answers.
  const registry = createServer(() => asked++).listen(0, '127.0.0.1')
  try {
    await until('the registry', async () => registry.listening)
    const { port } = registry.address() as { port: number }
    const spec = {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'a', image: `127.0.0.1:${port}/none:1` }],
    }
    await apply(cluster, [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pulls' }, spec }])
    await until('the pull', async () => asked > 0)
    const { uid } = (await podNamed('pulls'))!.metadata
    await agentDies(0)
    const before = asked
    await until('another pull', async () => asked > before)
    await cluster.kubectl('delete', 'pod', 'pulls', '--timeout=60s')
    await until('nothing to be left', () => isForgotten(uid))
  } finally {
    registry.close()
  }
})

test('when all of dhow dies at once, containers run on, status says what to do, and up does it', {
  skip,
}, async () => {
  const before = await hall.lives()
  const ours = () =>
    findProcesses(
      (args) => args.includes(join(disk, 'data')) || args.some((arg) => arg === configOfContainerd()),
    )
  await until('all to be dead', async () => {
    const found = await ours()
    for (const { pid } of found) kill(pid)
    return found.length === 0
  })
  const traffic = hall.newConnections()
  try {
    const { stdout } = await runCommand([dhow, 'status', ...identityOf(cluster)])
    assert.match(stdout, /! the cluster is down\n {2}→ \S*dhow up /)
    await cluster.dhow('up', '--no-kubeconfig')
    await isWell(cluster)
    assert.deepEqual(await hall.lives(), before)
    await lostNothing({ traffic })
  } finally {
    await traffic.stop()
  }
})

test('with a full disk all that runs is kept running, and with room again all is well', {
  skip,
  timeout: 300_000,
}, async () => {
  const filler = join(disk, 'filler')
  const agent = cluster.pidOf('agent-node1')
  const pids = ['supervisor', 'server', 'agent-node1'].map((part) => cluster.pidOf(part))
  await fill(filler)
  try {
    for (const pid of pids) kill(pid)
    const isAgent = (args: readonly string[]) => args.includes('agent') && args.includes(join(disk, 'data'))
    await until('another agent', async () => (await findProcesses(isAgent)).some((p) => p.pid !== agent))
    assert.match(await cluster.dhow('status').catch(String), /the disk of .* is full/)
    assert.equal((await ask(hall.url)).status, 200)
  } finally {
    rmSync(filler)
  }
  await isWell(cluster)
  await until('two pods that answer', async () => {
    const pods = (await hall.pods()).filter(ready)
    const answers = await Promise.all(pods.map((pod) => ask(`http://${pod.status.podIP}:8080/`)))
    return answers.filter(({ status }) => status === 200).length >= 2
  })
  const [pod] = (await hall.pods()).filter(ready)
  killContainer(pod!)
  await until('its next life', async () => {
    const now = await podNamed(pod!.metadata.name)
    return ready(now) && restartsOf(now!) === restartsOf(pod!) + 1
  })
})
