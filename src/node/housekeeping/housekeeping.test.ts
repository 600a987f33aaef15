import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObservedImage } from '../runtime/runtime.ts'
import { NOW, pod, sandbox, seen } from '../testing/pods.ts'
import { chooseEviction, overLimit } from './eviction.ts'
import { imageGarbage, podGarbage } from './garbage.ts'

const p = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
const observed = (containers: ReturnType<typeof seen>[], sandboxes = [sandbox()]) => ({
  uid: 'uid-1',
  name: 'web',
  namespace: 'default',
  containers,
  sandboxes,
})

test('of each container the newest end is kept, older ones go', () => {
  const { containers } = podGarbage(
    observed([
      seen(p, 'a', 'running', { attempt: 3 }),
      seen(p, 'a', 'exited', { attempt: 2 }),
      seen(p, 'b', 'exited', { attempt: 1 }),
      seen(p, 'a', 'exited', { attempt: 1 }),
      seen(p, 'b', 'exited', { attempt: 0 }),
      seen(p, 'a', 'exited', { attempt: 0 }),
    ]),
  )
  assert.deepEqual(
    containers.map((c) => c.id),
    ['a-1', 'b-0', 'a-0'],
  )
})

test('an old sandbox goes once nothing in it is kept', () => {
  const sandboxes = [
    sandbox({ id: 's2', attempt: 2 }),
    sandbox({ id: 's1', attempt: 1, ready: false }),
    sandbox({ id: 's0', ready: false }),
  ]
  const kept = seen(p, 'a', 'exited', { sandboxId: 's1', attempt: 1 })
  assert.deepEqual(
    podGarbage(
      observed(
        [
          seen(p, 'a', 'running', { sandboxId: 's2', attempt: 2 }),
          kept,
          seen(p, 'a', 'exited', { sandboxId: 's0' }),
        ],
        sandboxes,
      ),
    ).sandboxes,
    ['s0'],
  )
})

const image = (id: string, more: Partial<ObservedImage> = {}): ObservedImage => ({
  id,
  tags: [`registry:5000/${id}:1`],
  digests: [`registry:5000/${id}@sha256:1`],
  sizeBytes: 10,
  uid: undefined,
  username: '',
  pinned: false,
  ...more,
})
const old = (lastUsed: number) => ({ firstSeen: NOW - 3_600_000, lastUsed })
const uses = new Map([
  ['used', old(NOW)],
  ['never', old(0)],
  ['once', old(NOW - 1000)],
  ['pinned', old(0)],
  ['imported', old(0)],
  ['imported too', old(0)],
  ['new', { firstSeen: NOW - 1000, lastUsed: 0 }],
])
const images = [
  image('used'),
  image('once'),
  image('never'),
  image('pinned', { pinned: true }),
  // As the image of sandboxes is, too.
  image('imported', { digests: [] }),
  image('imported too', { tags: ['registry:5000/imported too:1', 'mine:1'] }),
  image('new'),
]
const gone = (usedBytes: number) =>
  imageGarbage(
    images,
    new Set(['used']),
    uses,
    { totalBytes: 100, usedBytes },
    { highPercent: 85, lowPercent: 80 },
    NOW,
  ).map((i) => i.id)

test('images go only when the disk is filling up, those that were not used for longest first, and no more than needed', () => {
  assert.deepEqual(gone(84), [])
  assert.deepEqual(gone(86), ['never'])
  assert.deepEqual(gone(100), ['never', 'once'])
})

const named = (uid: string, spec: object = {}) =>
  pod({ containers: [{ name: 'a', ...spec }] } as never, { metadata: { uid } })
const usage = (bytes: Record<string, number>) =>
  new Map(Object.entries(bytes).map(([uid, memoryBytes]) => [uid, { memoryBytes, diskBytes: 0 }]))
const pressed = { memory: true, disk: false, pid: false }

test('who uses more than was asked for goes first, then who matters least, then who uses most', () => {
  const modest = named('modest', { resources: { requests: { memory: '1Gi' } } })
  const greedy = named('greedy')
  const big = named('big')
  assert.equal(
    chooseEviction([modest, greedy], usage({ modest: 2 ** 29, greedy: 2 ** 20 }), pressed)?.pod,
    greedy,
  )
  assert.equal(chooseEviction([greedy, big], usage({ greedy: 1, big: 2 }), pressed)?.pod, big)
  const important = pod({ priority: 1000 }, { metadata: { uid: 'important' } })
  assert.equal(
    chooseEviction([important, greedy], usage({ important: 2 ** 30, greedy: 1 }), pressed)?.pod,
    greedy,
  )
  const critical = pod({ priority: 2_000_001_000 }, { metadata: { uid: 'critical' } })
  assert.equal(chooseEviction([critical], usage({ critical: 2 ** 30 }), pressed), undefined)
  assert.equal(
    chooseEviction([greedy], usage({ greedy: 1 }), { memory: false, disk: false, pid: true }),
    undefined,
  )
})

test('an eviction says what was short, and what was used', () => {
  const { verdict } = chooseEviction([named('x')], usage({ x: 2048 }), pressed)!
  assert.deepEqual(
    [verdict.phase, verdict.reason, verdict.message],
    ['Failed', 'Evicted', 'The node was low on resource: memory. Container usage 2Ki, request is 0Ki. '],
  )
  assert.deepEqual([verdict.disrupted, verdict.graceSeconds], [true, 1])
})

test('local disk beyond its limit', () => {
  const limited = pod({
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Ki' } }],
    containers: [{ name: 'a', resources: { limits: { 'ephemeral-storage': '1Ki' } } }],
  })
  assert.equal(overLimit(limited, new Map([['v', 1024]]), new Map([['a', 1024]])), undefined)
  assert.equal(
    overLimit(limited, new Map([['v', 1025]]), new Map()),
    'Usage of EmptyDir volume "v" exceeds the limit "1Ki". ',
  )
  assert.equal(
    overLimit(limited, new Map(), new Map([['a', 1025]])),
    'Container a exceeded its local ephemeral storage limit "1Ki". ',
  )
})
