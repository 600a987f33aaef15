import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Pod } from '../api/index.ts'
import { type Random, seededRandom, silentLog, VirtualClock } from '../base/index.ts'
import { MemoryApi } from '../client/testing/index.ts'
import type { Input } from '../schema/index.ts'
import { type NodeAgent, startNodeAgent } from './agent.ts'
import { mountlessHost } from './host.ts'
import { type Behaviour, FakeRuntime } from './runtime/fake-runtime.ts'
import type { Runtime } from './runtime/runtime.ts'
import { NOW } from './testing/pods.ts'

/**
 * A node lives through faults from a seed: the runtime and the server refuse calls, containers and sandboxes die, the agent
 * is restarted, pods come and go. Then the faults end, and everything must be as it should. The seed is in the test's name.
 */
const SEEDS = [1, 2, 3, 4]
const PODS = 12
const ROUNDS = 40

/** A runtime some of whose calls fail, before or after they did their work. */
function flaky(runtime: FakeRuntime, random: Random, chance: () => number): Runtime {
  const spared = new Set(['changes', 'version'])
  return new Proxy(runtime, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function' || spared.has(String(name)))
        return typeof value === 'function' ? value.bind(target) : value
      return async (...args: unknown[]) => {
        const roll = random.next()
        if (roll < chance() / 2) throw new Error(`${String(name)} failed before`)
        const answer = await (value as (...a: unknown[]) => Promise<unknown>).apply(target, args)
        if (roll < chance()) throw new Error(`${String(name)} failed after`)
        return answer
      }
    },
  }) as unknown as Runtime
}

interface Kind {
  readonly name: string
  readonly spec: object
  readonly ends: 'Running' | 'Succeeded' | 'Failed'
}

const c = (name: string, behaviour: string, more = {}) => ({
  name,
  image: 'app:1',
  resources: {},
  command: [behaviour],
  ...more,
})
const KINDS: readonly Kind[] = [
  { name: 'plain', spec: { containers: [c('a', 'run')] }, ends: 'Running' },
  { name: 'two', spec: { containers: [c('a', 'run'), c('b', 'slow')] }, ends: 'Running' },
  { name: 'job', spec: { restartPolicy: 'Never', containers: [c('a', 'done')] }, ends: 'Succeeded' },
  { name: 'broken', spec: { restartPolicy: 'Never', containers: [c('a', 'fails')] }, ends: 'Failed' },
  { name: 'init', spec: { initContainers: [c('i', 'done')], containers: [c('a', 'run')] }, ends: 'Running' },
  {
    name: 'sidecar',
    spec: {
      restartPolicy: 'OnFailure',
      initContainers: [c('s', 'run', { restartPolicy: 'Always' })],
      containers: [c('a', 'done')],
    },
    ends: 'Succeeded',
  },
]

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  done: { exitAfterMs: 3_000, exitCode: 0 },
  fails: { exitAfterMs: 2_000, exitCode: 1 },
  slow: { stopAfterMs: 4_000 },
}

class World {
  readonly clock = new VirtualClock(NOW)
  readonly random: Random
  readonly api: MemoryApi
  readonly runtime: FakeRuntime
  readonly dir: string
  readonly pods = new Map<string, Kind>()
  faults = 0
  agent: NodeAgent | undefined
  #serial = 0

  constructor(seed: number, dir: string) {
    this.dir = dir
    this.random = seededRandom(seed, 'world')
    this.api = new MemoryApi({ clock: this.clock })
    this.runtime = new FakeRuntime({
      clock: this.clock,
      images: ['app:1'],
      latencyMs: 50,
      behave: (config) => BEHAVIOURS[config.command?.[0] ?? ''] ?? {},
    })
    const coin = seededRandom(seed, 'api')
    this.api.fault = () => {
      if (coin.next() < this.faults) throw new Error('connect ECONNREFUSED')
    }
  }

  async start(): Promise<void> {
    const starting = startNodeAgent({
      api: this.api,
      nodeName: 'n1',
      nodeIPs: ['192.0.2.1'],
      runtime: flaky(this.runtime, seededRandom(1, 'runtime'), () => this.faults),
      rootDir: this.dir,
      cgroupBase: '',
      clusterDNS: [],
      clusterDomain: 'cluster.local',
      clock: this.clock,
      random: this.random,
      log: silentLog,
      host: mountlessHost,
      capacity: { maxPods: 1000 },
    }).then((agent) => {
      this.agent = agent
    })
    for (let i = 0; i < 200 && !this.agent; i++) await this.pass(200)
    await starting
  }

  /** Lets time pass, and real work on files with it. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      await this.clock.advance(Math.min(left, 500))
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0))
    }
  }

  async addPod(): Promise<void> {
    const kind = KINDS[Math.floor(this.random.next() * KINDS.length)]!
    const name = `${kind.name}-${++this.#serial}`
    await this.#insist(() =>
      this.api.create(Pod, {
        metadata: { namespace: 'default', name },
        spec: { nodeName: 'n1', terminationGracePeriodSeconds: 5, ...kind.spec },
      } as Input<Pod>),
    )
    this.pods.set(name, kind)
  }

  async deletePod(): Promise<void> {
    const name = [...this.pods.keys()][Math.floor(this.random.next() * this.pods.size)]
    if (!name) return
    this.pods.delete(name)
    await this.#insist(() => this.api.delete(Pod, { namespace: 'default', name }))
  }

  /** A user goes on until it works. */
  async #insist(what: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await what()
        return
      } catch (error) {
        if (!/ECONNREFUSED/.test((error as Error).message)) return
      }
    }
  }

  async killSomething(): Promise<void> {
    const pods = [...(await this.runtime.observe()).values()]
    const pod = pods[Math.floor(this.random.next() * pods.length)]
    if (!pod) return
    const running = pod.containers.filter((x) => x.state === 'running')
    if (this.random.next() < 0.3 && pod.sandboxes[0]) await this.runtime.stopSandbox(pod.sandboxes[0].id)
    else if (running[0]) this.runtime.exit(running[0].id, 137)
  }
}

async function settled(world: World): Promise<string[]> {
  const wrong: string[] = []
  const { items } = await world.api.list(Pod, { namespace: 'default' })
  const seen = await world.runtime.observe()
  const alive = new Set(items.map((p) => p.metadata.uid))
  for (const p of items) {
    const kind = world.pods.get(p.metadata.name)
    if (!kind) wrong.push(`${p.metadata.name} is still there`)
    else if (
      kind.ends === 'Running'
        ? p.status.phase !== 'Running'
        : p.status.phase !== 'Succeeded' && p.status.phase !== 'Failed'
    ) {
      wrong.push(`${p.metadata.name} is ${p.status.phase}, expected ${kind.ends}`)
    } else if (
      kind.ends === 'Running' &&
      !p.status.conditions?.some((x) => x.type === 'Ready' && x.status === 'True')
    ) {
      wrong.push(
        `${p.metadata.name} is not ready: ${JSON.stringify(p.status.containerStatuses?.map((s) => s.state))}`,
      )
    }
    const running = (seen.get(p.metadata.uid)?.containers ?? [])
      .filter((x) => x.state === 'running')
      .map((x) => x.name)
    if (new Set(running).size !== running.length)
      wrong.push(`${p.metadata.name} has a container twice: ${running.join()}`)
    if (kind && kind.ends !== 'Running' && running.length > 0)
      wrong.push(`${p.metadata.name} still runs ${running.join()}`)
  }
  for (const name of world.pods.keys())
    if (!items.some((p) => p.metadata.name === name)) wrong.push(`${name} was lost`)
  for (const [uid, p] of seen) if (!alive.has(uid)) wrong.push(`${p.name} (${uid}) is left in the runtime`)
  return wrong
}

for (const seed of SEEDS) {
  test(`seed ${seed}: after faults everywhere, everything is as it should be`, {
    timeout: 60_000,
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'dhow-simulation-'))
    const world = new World(seed, dir)
    try {
      await world.start()
      for (let i = 0; i < PODS; i++) await world.addPod()
      await world.pass(2_000)
      world.faults = 0.15
      for (let round = 0; round < ROUNDS; round++) {
        const roll = world.random.next()
        if (roll < 0.25) await world.addPod()
        else if (roll < 0.45) await world.deletePod()
        else if (roll < 0.8) await world.killSomething()
        else if (roll < 0.9) world.api.dropWatches()
        else {
          await world.agent?.stop()
          world.agent = undefined
          await world.start()
        }
        await world.pass(world.random.next() * 4_000)
      }
      world.faults = 0
      let wrong: string[] = ['not looked at']
      // Held-back restarts take up to five minutes.
      for (let i = 0; i < 40 && wrong.length > 0; i++) {
        await world.pass(20_000)
        wrong = await settled(world)
      }
      assert.deepEqual(wrong, [])
    } finally {
      world.faults = 0
      await world.agent?.stop()
      await rm(dir, { recursive: true, force: true })
    }
  })
}
