import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, ApiError, ConfigMap, Event, Secret } from '../../api/index.ts'
import { seededRandom, silentLog, VirtualClock } from '../../base/index.ts'
import { lagging, MemoryApi } from '../../client/testing/index.ts'
import {
  type Controller,
  create,
  defineController,
  each,
  event,
  type Failure,
  mergePatch,
  nothingToDo,
  plan,
  remove,
  runControllers,
  slowStart,
} from './index.ts'

async function start(
  controller: Controller,
  memory = new MemoryApi(),
  clock = new VirtualClock(),
  api: Api = memory,
) {
  const stop = new AbortController()
  const running = runControllers({
    api: () => api,
    controllers: [controller],
    clock,
    random: seededRandom(1),
    log: silentLog,
    signal: stop.signal,
  })
  await running.ready
  await clock.advance(0)
  const end = async () => {
    stop.abort()
    await running.stopped
  }
  return { memory, clock, end, running }
}

/** Keeps as many Secrets as the ConfigMap of the same namespace says. */
const counting = (
  overrides: Partial<Controller<{ want: number; have: readonly Secret[]; map: ConfigMap }>> = {},
) =>
  defineController({
    name: 'counting',
    reads: [ConfigMap, Secret],
    writes: [{ kind: Secret, verbs: ['create', 'delete'] }],
    on: [each(ConfigMap)],
    observe: (key, view) => {
      const map = view.get(ConfigMap, key)
      return map && { map, want: Number(map.data?.n), have: [...view.list(Secret, key.namespace)] }
    },
    plan: ({ want, have, map }) => {
      const missing = Array.from({ length: Math.max(0, want - have.length) }, () =>
        create(
          Secret,
          { metadata: { namespace: 'd', generateName: 's-' } },
          {
            about: map,
            done: (made) => ({ type: 'Normal', reason: 'Made', message: `Made ${made?.metadata.name}` }),
            failed: (e) => ({
              type: 'Warning',
              reason: 'NotMade',
              message: `Not made: ${(e as Error).message}`,
            }),
          },
        ),
      )
      return plan([slowStart(missing), ...have.slice(want).map((s) => remove(Secret, s))])
    },
    ...overrides,
  })

const setCount = (memory: MemoryApi, n: number) =>
  memory.patch(ConfigMap, { namespace: 'd', name: 'a' }, { type: 'merge', body: { data: { n: String(n) } } })
const count = async (memory: MemoryApi) => (await memory.list(Secret)).items.length

test('a pass never repeats a write that its cache does not show yet', async () => {
  const { memory, clock, end } = await start(counting())
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '7' } })
  for (const n of [7, 3, 12, 0, 5]) {
    await setCount(memory, n)
    await setCount(memory, n + 1)
    await setCount(memory, n)
    await clock.advance(10)
    assert.equal(await count(memory), n)
  }
  await end()
})

test('a cache that is a second behind leads to no write too many, however often the key comes up', async () => {
  const memory = new MemoryApi()
  const clock = new VirtualClock()
  const { end } = await start(counting(), memory, clock, lagging(memory, clock, 1000, Secret))
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '0' } })
  for (const n of [5, 2, 4]) {
    await setCount(memory, n)
    for (let i = 0; i < 150; i++) {
      await memory.patch(
        ConfigMap,
        { namespace: 'd', name: 'a' },
        { type: 'merge', body: { data: { poke: String(i) } } },
      )
      await clock.advance(100)
    }
    assert.equal(await count(memory), n)
  }
  const writes = memory.calls.filter((c) => c.kind === 'Secret' && ['create', 'delete'].includes(c.verb))
  assert.equal(writes.length, 5 + 3 + 2)
  await end()
})

test('a create that fails is tried alone first, told by an event, and tried again later', async () => {
  const memory = new MemoryApi()
  const { clock, end } = await start(counting(), memory)
  let tries = 0
  memory.fault = ({ verb, kind }) => {
    if (verb === 'create' && kind === 'Secret' && ++tries <= 2)
      throw new ApiError('Forbidden', 'exceeded quota')
  }
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '20' } })
  await clock.advance(0)
  assert.equal(tries, 1)
  await clock.advance(100)
  assert.equal(await count(memory), 20)
  const events = (await memory.list(Event)).items
  const refused = events.filter((e) => e.reason === 'NotMade')
  assert.equal(refused.length, 1)
  assert.equal(refused[0]?.count, 2)
  assert.equal(refused[0]?.message, 'Not made: exceeded quota')
  assert.equal(refused[0]?.source.component, 'counting-controller')
  assert.equal(
    events.some((e) => /^\(combined from similar events\): Made/.test(e.message ?? '')),
    true,
  )
  await end()
})

test('the next plan is told what the last one failed with', async () => {
  const memory = new MemoryApi()
  const failures: (Failure | undefined)[] = []
  const controller = counting({
    plan: ({ map }, { failure }) => {
      failures.push(failure)
      return plan([create(Secret, { metadata: { namespace: 'd', name: map.metadata.name } })])
    },
  })
  const { clock, end } = await start(controller, memory)
  await memory.create(Secret, { metadata: { namespace: 'd', name: 'a' } })
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  await clock.advance(6)
  assert.equal(failures[0], undefined)
  assert.equal((failures[1]!.error as ApiError).reason, 'AlreadyExists')
  assert.equal(failures[1]?.action?.do, 'create')
  await end()
})

test('a namespace that is going away ends the matter without a retry', async () => {
  const memory = new MemoryApi()
  let tries = 0
  memory.fault = ({ kind, verb }) => {
    if (kind !== 'Secret' || verb !== 'create') return
    tries++
    throw new ApiError('Forbidden', 'going away', { causes: [{ reason: 'NamespaceTerminating' }] })
  }
  const { clock, end } = await start(counting(), memory)
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '1' } })
  await clock.advance(60_000)
  assert.equal(tries, 1)
  assert.equal((await memory.list(Event)).items.length, 0)
  await end()
})

test('what is not declared cannot be read or written', async () => {
  for (const [controller, words] of [
    [counting({ reads: [ConfigMap] }), /cannot read Secret: controller counting declares only ConfigMap/],
    [counting({ writes: [] }), /cannot create Secret: controller counting does not declare it/],
  ] as const) {
    const errors: Error[] = []
    const log = { ...silentLog, child: () => log, warn: (f: { err: Error }) => errors.push(f.err) } as never
    const memory = new MemoryApi()
    const clock = new VirtualClock()
    const stop = new AbortController()
    const options = { api: () => memory, clock, random: seededRandom(1), log, signal: stop.signal }
    const running = runControllers({ ...options, controllers: [controller] })
    await running.ready
    await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '1' } })
    await clock.advance(0)
    assert.match(String(errors[0]?.cause ?? errors[0]), words)
    stop.abort()
    await running.stopped
  }
})

test('a plan that asks to be looked at again is, and what it waits for can be asked', async () => {
  const at: number[] = []
  const controller = counting({
    plan: (_, { now }) => {
      at.push(now)
      return at.length < 3 ? plan([], { waits: ['the moon'], againAfterMs: 1000 }) : nothingToDo
    },
  })
  const { memory, clock, end, running } = await start(controller)
  const began = clock.now()
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' }, data: { n: '1' } })
  await clock.advance(0)
  assert.deepEqual(running.waits(), [{ controller: 'counting', key: 'd/a', waits: ['the moon'] }])
  await clock.advance(10_000)
  assert.deepEqual(
    at.map((t) => t - began),
    [0, 1000, 2000],
  )
  assert.deepEqual(running.waits(), [])
  await end()
})

test('a merge patch is bound to the life of the object it was made for', async () => {
  const controller = defineController<ConfigMap>({
    name: 'marking',
    reads: [ConfigMap],
    writes: [{ kind: ConfigMap, verbs: ['patch'] }],
    on: [each(ConfigMap)],
    observe: (key, view) => view.get(ConfigMap, key),
    plan: (map) =>
      map.data?.marked
        ? nothingToDo
        : plan([
            mergePatch(ConfigMap, map, { data: { marked: 'yes' } }),
            event(map, 'Normal', 'Marked', 'Marked it'),
          ]),
  })
  const { memory, clock, end } = await start(controller)
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  await clock.advance(10)
  assert.equal((await memory.get(ConfigMap, { namespace: 'd', name: 'a' })).data?.marked, 'yes')
  assert.equal((await memory.list(Event)).items[0]?.reason, 'Marked')
  await end()
})

test('a kind that cannot be read holds up only those who read it', async () => {
  const memory = new MemoryApi()
  memory.fault = ({ verb, kind }) => {
    if (kind === 'Secret' && verb === 'watch') throw new ApiError('Forbidden', 'not yours')
  }
  const clock = new VirtualClock()
  const stop = new AbortController()
  const seen: string[] = []
  const looking = (name: string, reads: Controller['reads']) =>
    defineController<ConfigMap>({
      name,
      reads,
      writes: [],
      on: [each(ConfigMap)],
      observe: (key, view) => view.get(ConfigMap, key),
      plan: () => {
        seen.push(name)
        return nothingToDo
      },
    })
  const controllers = [looking('free', [ConfigMap]), looking('held', [ConfigMap, Secret])]
  const options = { api: () => memory, clock, random: seededRandom(1), log: silentLog, signal: stop.signal }
  const running = runControllers({ ...options, controllers })
  await memory.create(ConfigMap, { metadata: { namespace: 'd', name: 'a' } })
  await clock.advance(1000)
  assert.deepEqual(seen, ['free'])
  memory.fault = undefined
  await clock.advance(60_000)
  assert.deepEqual(seen, ['free', 'held'])
  stop.abort()
  await running.stopped
})
