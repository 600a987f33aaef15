import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { seededRandom, sleep, systemClock } from '../../src/base/index.ts'
import { clusterParts } from '../../src/cluster/index.ts'
import { APP_IMAGES, app } from './app.ts'
import { assertNothingLeft, cannotRun, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'
import {
  apply,
  cutPower,
  Hall,
  isWell,
  killContainer,
  lostNothing,
  podsOf,
  rolledOut,
  stopAll,
} from './survival-kit.ts'

/** Small in `npm test`, large in `npm run soak`; DHOW_SURVIVAL_SEED repeats an order of kills. */
const clock = systemClock()
const KILLS = Number(process.env.DHOW_SURVIVAL_KILLS ?? 8)
const ROLLOUTS = Number(process.env.DHOW_SURVIVAL_ROLLOUTS ?? 1)
const AWAY_MS = Number(process.env.DHOW_SURVIVAL_AWAY_MS ?? 5_000)
const SEED = Number(process.env.DHOW_SURVIVAL_SEED ?? Math.trunc(clock.now()) % 1_000_000)
const PARTS = ['server', 'agent-node1', 'containerd-node1', 'supervisor', 'guard'] as const

const skip = cannotRun
let cluster: TestCluster
let hall: Hall

before(async () => {
  if (skip) return
  cluster = await startCluster()
  await cluster.dhow('image', 'build', APP_IMAGES)
  hall = await new Hall(cluster, 'hall').open({ replicas: 3 })
})

after(async () => {
  await cluster?.remove()
})

/** kill -9, and a moment in which the next kill may come before or after the restart. */
async function kill(part: string): Promise<void> {
  const pid = await until(`${part} to run`, async () => cluster.pidOf(part))
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

test(`while only dhow's processes die, connections lose nothing and no container restarts (seed ${SEED})`, {
  skip,
}, async () => {
  const random = seededRandom(SEED, 'parts')
  const before = await hall.lives()
  const running = {
    new: hall.newConnections(),
    kept: hall.keptConnections(),
    long: await hall.longConnections(),
    inside: await hall.inside(),
  }
  const killed: string[] = []
  for (let i = 0; i < KILLS; i++) {
    const part = PARTS[Math.floor(random.next() * PARTS.length)]!
    await kill(part)
    killed.push(part)
    await sleep(clock, random.next() * 2_500)
  }
  try {
    await isWell(cluster)
    assert.deepEqual(await hall.lives(), before)
    await lostNothing(running)
  } catch (cause) {
    throw new Error(`seed ${SEED} killed ${killed.join(', ')}`, { cause })
  } finally {
    await stopAll(running)
  }
})

test(`whatever dies in whatever order, what should run runs again (seed ${SEED})`, { skip }, async () => {
  const random = seededRandom(SEED, 'all')
  const traffic = hall.newConnections()
  const deaths = new Map<string, number>()
  const killed: string[] = []
  for (let i = 0; i < KILLS; i++) {
    const at = Math.floor(random.next() * (PARTS.length + 3))
    const part = PARTS[at]
    if (part) await kill(part)
    else {
      const pods = await until('the pods to be listed', () => hall.pods())
      const pod = pods[Math.floor(random.next() * pods.length)]!
      const before = pod.status.containerStatuses![0]!
      try {
        killContainer(pod)
        deaths.set(pod.metadata.name, before.restartCount + 1)
      } catch {
        // It is dead already, and not yet reported.
      }
    }
    killed.push(part ?? 'container')
    await sleep(clock, random.next() * 1_500)
  }
  try {
    await until(
      'each pod to be ready in its next life',
      async () => {
        const pods = await hall.pods()
        return (
          pods.length === 3 &&
          pods.every(({ metadata, status }) => {
            const container = status.containerStatuses?.[0]
            return container?.ready && container.restartCount >= (deaths.get(metadata.name) ?? 0)
          })
        )
      },
      150,
    )
    await isWell(cluster)
    await until('three pods to answer', async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask(hall.url)))
      return new Set(answers.map((a) => a.status === 200 && JSON.parse(a.body).pod)).size === 3
    })
    assert.ok(traffic.traffic().exchanges > 50)
  } catch (cause) {
    throw new Error(`seed ${SEED} killed ${killed.join(', ')}`, { cause })
  } finally {
    await traffic.stop()
  }
})

test('connections lose nothing while the server is away, nor when it returns', { skip }, async () => {
  const before = await hall.lives()
  const supervisor = cluster.pidOf('supervisor')
  const running = { new: hall.newConnections(), kept: hall.keptConnections(), inside: await hall.inside() }
  try {
    // Frozen, the supervisor brings nothing back.
    process.kill(supervisor, 'SIGSTOP')
    process.kill(cluster.pidOf('server'), 'SIGKILL')
    await sleep(clock, AWAY_MS)
    process.kill(supervisor, 'SIGCONT')
    await isWell(cluster)
    assert.deepEqual(await hall.lives(), before)
    await lostNothing(running, 2_000)
  } finally {
    process.kill(supervisor, 'SIGCONT')
    await stopAll(running)
  }
})

test('while the server is away pods run on and are started again, also by an agent that starts meanwhile', {
  skip,
}, async () => {
  const pods = await hall.pods()
  const lifeOf = async (ip: string) => JSON.parse((await ask(`http://${ip}:8080/`)).body).boot as string
  const dies = async (pod: (typeof pods)[number]) => {
    const ip = pod.status.podIP!
    const before = await lifeOf(ip)
    killContainer(pod)
    await until(`${pod.metadata.name} in its next life`, async () => (await lifeOf(ip)) !== before, 90)
  }
  const restarts = (pod: (typeof pods)[number]) => pod.status.containerStatuses![0]!.restartCount
  const supervisor = cluster.pidOf('supervisor')
  let agent: ChildProcess | undefined
  const inside = await hall.inside()
  // Frozen, the supervisor brings nothing back.
  process.kill(supervisor, 'SIGSTOP')
  try {
    process.kill(cluster.pidOf('server'), 'SIGKILL')
    await dies(pods[0]!)
    process.kill(cluster.pidOf('agent-node1'), 'SIGKILL')
    const { command, env } = clusterParts(cluster.layout).find((p) => p.name === 'agent-node1')!
    agent = spawn(command[0]!, command.slice(1), { stdio: 'ignore', env: { ...process.env, ...env } })
    await dies(pods[1]!)
  } finally {
    if (agent) {
      const ended = once(agent, 'exit')
      agent.kill('SIGKILL')
      await ended
    }
    process.kill(supervisor, 'SIGCONT')
  }
  await isWell(cluster)
  const { failures } = await inside.stop()
  // Whose container is killed loses its connections; but names are answered all the time.
  assert.deepEqual(
    failures.filter((line) => line.includes('looking up')),
    [],
  )
  await until('the restarts to be reported', async () => {
    const now = new Map((await hall.pods()).map((pod) => [pod.metadata.uid, pod]))
    return pods.every((pod, i) => {
      const seen = now.get(pod.metadata.uid)
      return (
        seen && restarts(seen) >= restarts(pod) + (i < 2 ? 1 : 0) && seen.status.containerStatuses![0]!.ready
      )
    })
  })
})

test('rolling updates and their undo lose no request, with pods that end at once and with pods that drain', {
  skip,
}, async () => {
  const drain = await new Hall(cluster, 'drain').open({ replicas: 2, onTerm: 'drain', preStopSeconds: 0 })
  const running = {
    'new to hall': hall.newConnections(),
    'new to drain': drain.newConnections(),
    'kept to drain': drain.keptConnections(),
  }
  const both = async (...args: string[]) => {
    for (const { name } of [hall, drain]) await cluster.kubectl(...args.map((arg) => arg.replace('*', name)))
    for (const { name } of [hall, drain]) await rolledOut(cluster, name)
  }
  try {
    for (let round = 0; round < ROLLOUTS; round++) {
      await both('set', 'env', 'deployment/*', `VERSION=${round + 2}`)
      await both('rollout', 'undo', 'deployment/*')
    }
    await lostNothing(running)
  } finally {
    await stopAll(running)
  }
  await cluster.kubectl('delete', 'deployment/drain', 'service/drain')
})

test(`rolling updates while dhow's processes die lose no request (seed ${SEED})`, {
  skip: skip || (ROLLOUTS < 2 && 'only in the soak'),
}, async () => {
  const random = seededRandom(SEED, 'rollouts')
  const running = { new: hall.newConnections() }
  const story: string[] = []
  const tell = (what: string) =>
    story.push(`${new Date().toISOString()} ${what}; ${running.new.traffic().failures.length} failures`)
  // Who kills faster than this machine starts a server sees no rollout end.
  const killedAt = clock.monotonic()
  await kill('server')
  await until('the server', () => cluster.kubectl('get', '--raw', '/readyz'))
  const pauseMs = Math.max(4_000, 2 * (clock.monotonic() - killedAt))
  let rolling = true
  const killing = (async () => {
    while (rolling) {
      const part = PARTS[Math.floor(random.next() * PARTS.length)]!
      await kill(part)
      tell(`killed ${part}`)
      await sleep(clock, random.next() * pauseMs)
    }
  })()
  try {
    for (let round = 0; round < ROLLOUTS; round++) {
      const version = `VERSION=${100 + round}`
      await until('the change', () => cluster.kubectl('set', 'env', 'deployment/hall', version))
      tell(`set ${version}`)
      await until('the rollout', () => rolledOut(cluster, 'hall'), 150)
      tell('rolled out')
    }
    rolling = false
    await killing
    await isWell(cluster)
    await lostNothing(running)
  } catch (cause) {
    throw new Error(`seed ${SEED}:\n${story.join('\n')}`, { cause })
  } finally {
    rolling = false
    await Promise.allSettled([killing, stopAll(running)])
  }
})

test('down in the middle of a rollout, of pulls and of deletes leaves nothing, and up goes on from there', {
  skip,
}, async () => {
  // A registry that never answers.
  const registry = createServer(() => {}).listen(0, '127.0.0.1')
  await once(registry, 'listening')
  const { port } = registry.address() as { port: number }
  try {
    const [pulling] = app('default', { name: 'pulling', replicas: 2 })
    const going = app('default', { name: 'going', replicas: 2 })
    const text = JSON.stringify(pulling).replaceAll('example/web:1.0', `127.0.0.1:${port}/none:1`)
    await apply(cluster, [JSON.parse(text), ...going])
    await rolledOut(cluster, 'going')
    await cluster.kubectl('set', 'env', 'deployment/hall', 'VERSION=9')
    await cluster.kubectl('delete', 'deployment', 'going', '--wait=false')
    await cluster.dhow('down', '--grace', '1')
    await assertNothingLeft(cluster.layout)
    await cluster.dhow('up', '--no-kubeconfig')
    await rolledOut(cluster, 'hall')
    await until('the deleted pods to be gone', async () => (await podsOf(cluster, 'app=going')).length === 0)
    assert.equal((await podsOf(cluster, 'app=pulling')).length, 2)
    const answer = await until('an answer', async () => {
      const { status, body } = await ask(hall.url)
      return status === 200 && JSON.parse(body)
    })
    assert.equal(answer.version, '9')
    await cluster.kubectl('delete', 'deployment', 'pulling')
  } finally {
    registry.close()
  }
})

test('after the power was cut, up brings the same pods back', { skip }, async () => {
  const before = await until('the pods of the last rollout to be gone', async () => {
    const pods = await hall.pods()
    return pods.every((pod) => pod.metadata.deletionTimestamp === undefined) && pods
  })
  await cutPower(cluster.layout)
  await cluster.dhow('up', '--no-kubeconfig')
  await until(
    'the pods to be ready again',
    async () => {
      const now = new Map((await hall.pods()).map((pod) => [pod.metadata.uid, pod]))
      return (
        now.size === before.length &&
        before.every(({ metadata, status }) => {
          const [container] = now.get(metadata.uid)?.status.containerStatuses ?? []
          return container?.ready && container.restartCount > status.containerStatuses![0]!.restartCount
        })
      )
    },
    120,
  )
  await isWell(cluster)
  await lostNothing({ calm: hall.newConnections() }, 2_000)
})
