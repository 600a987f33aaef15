import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Pod } from '../../api/index.ts'
import { seededRandom, silentLog, sleep, systemClock, VirtualClock } from '../../base/index.ts'
import { eventually, MemoryApi } from '../../client/testing/index.ts'
import type { Input } from '../../schema/index.ts'
import { type NodeAgent, startNodeAgent } from '../agent.ts'
import { mountlessHost } from '../host.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import { NOW } from '../testing/pods.ts'

/** How a pod ends that is deleted. Its containers only pretend, and end at once with their SIGTERM. */

const clock = new VirtualClock(NOW)
const api = new MemoryApi({ clock })
const runtime = new FakeRuntime({ clock, images: ['app:1'] })
/** By uid: tells that nobody is sent to the pod any more. */
const left = new Map<string, () => void>()
let agent: NodeAgent
let dir: string

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-hold-'))
  agent = await startNodeAgent({
    api,
    nodeName: 'n1',
    nodeIPs: ['192.0.2.1'],
    runtime,
    rootDir: dir,
    cgroupBase: '',
    clusterDNS: [],
    clusterDomain: 'cluster.local',
    clock,
    random: seededRandom(1, 'agent'),
    log: silentLog,
    host: mountlessHost,
    whenLeft: ({ metadata }, signal) =>
      new Promise((resolve, reject) => {
        left.set(metadata.uid, resolve)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  })
})

after(async () => {
  await agent.stop()
  await rm(dir, { recursive: true, force: true })
})

/** Lets time pass, and real work on files with it. */
async function pass(ms: number): Promise<void> {
  for (let past = 0; past < ms; past += 250) {
    await clock.advance(250)
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    await sleep(systemClock(), 2)
  }
}

async function running(name: string, preStopSeconds: number): Promise<string> {
  const lifecycle = preStopSeconds > 0 ? { preStop: { sleep: { seconds: preStopSeconds } } } : {}
  const { metadata } = await api.create(Pod, {
    metadata: { namespace: 'default', name },
    spec: {
      nodeName: 'n1',
      terminationGracePeriodSeconds: 60,
      containers: [{ name: 'a', image: 'app:1', resources: {}, lifecycle }],
    },
  } as Input<Pod>)
  const { uid } = metadata
  await eventually(`${name} to run`, () => pass(250).then(() => isRunning(uid)), 20_000)
  return uid
}

const isRunning = async (uid: string) =>
  (await runtime.observePod(uid)).containers.some((c) => c.state === 'running')

/** It ends long before the time is over that may be spent on waiting. */
async function ends(uid: string): Promise<void> {
  const since = clock.now()
  await eventually('the end', () => pass(250).then(async () => !(await isRunning(uid))))
  assert.ok(clock.now() - since < 10_000, `${clock.now() - since} ms`)
}

const remove = (name: string, gracePeriodSeconds?: number) =>
  api.delete(
    Pod,
    { namespace: 'default', name },
    gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
  )

test('a deleted pod runs until nobody is sent to it, then it ends at once', async () => {
  const uid = await running('told', 0)
  await remove('told')
  await pass(8_000)
  assert.ok(await isRunning(uid))
  left.get(uid)!()
  await ends(uid)
})

test('its preStop hook runs meanwhile, and is waited for as well', async () => {
  const uid = await running('hooked', 5)
  await remove('hooked')
  await pass(1_000)
  left.get(uid)!()
  await pass(3_000)
  assert.ok(await isRunning(uid))
  await ends(uid)
})

test('where that stays unknown, it ends after half of its time', async () => {
  const uid = await running('unknown', 0)
  await remove('unknown')
  await pass(28_500)
  assert.ok(await isRunning(uid))
  await ends(uid)
})

test('whoever cuts its time short is not kept waiting', async () => {
  const uid = await running('hurried', 0)
  await remove('hurried')
  await pass(2_000)
  assert.ok(await isRunning(uid))
  await remove('hurried', 1)
  await ends(uid)
})

test('a server that was away for long is told of the end soon after its return', async () => {
  const uid = await running('unheard', 0)
  await remove('unheard')
  await pass(1_000)
  api.fault = () => {
    throw new Error('connect ECONNREFUSED')
  }
  left.get(uid)!()
  await pass(250_000)
  api.fault = undefined
  const since = clock.now()
  await eventually('the object to go', () =>
    pass(250).then(() =>
      api.get(Pod, { namespace: 'default', name: 'unheard' }).then(
        () => false,
        () => true,
      ),
    ),
  )
  assert.ok(clock.now() - since < 20_000, `${clock.now() - since} ms`)
})
