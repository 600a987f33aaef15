import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Lease, Node } from '../../api/index.ts'
import { nextTurn, silentLog, VirtualClock } from '../../base/index.ts'
import { eventually, MemoryApi } from '../../client/testing/index.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import { NOW, pod } from '../testing/pods.ts'
import { admitPod, matchesNode } from './admission.ts'
import { keepLease } from './lease.ts'
import { type MachineFacts, pressureOf } from './machine.ts'
import { nodeNews } from './news.ts'
import { type NodeHealth, nodeConditions, nodeStatus } from './node-object.ts'
import { Registration } from './registration.ts'

const machine: MachineFacts = {
  cpuMilli: 1500,
  memoryBytes: 2 ** 30,
  ephemeralBytes: 10 * 2 ** 30,
  maxPods: 3,
  machineID: 'm',
  systemUUID: 's',
  bootID: 'b',
  kernelVersion: '6',
  osImage: 'Debian',
  architecture: 'amd64',
}
const nodeFacts = {
  name: 'n1',
  ips: ['192.0.2.1'],
  machine,
  runtimeVersion: 'containerd://1',
  kubeletVersion: 'v1',
  port: 10250,
  labels: { zone: 'z' },
}
const healthy = { problems: [], pressure: { memory: false, disk: false, pid: false }, images: [] }

test('the status says what the node has, and what of it pods may use', () => {
  const status = nodeStatus(nodeFacts, healthy, undefined, '2026-11-21T12:00:00Z')
  assert.deepEqual(
    [status.capacity!.cpu, status.capacity!.memory, status.allocatable!.memory, status.allocatable!.pods],
    ['1500m', '1048576Ki', '946176Ki', '3'],
  )
})

test('a node is not ready while anything is wrong, and says what', () => {
  const conditions = nodeConditions(
    { ...healthy, problems: ['one', 'two'], pressure: { memory: true, disk: false, pid: false } },
    [{ type: 'NetworkUnavailable', status: 'False' }] as never,
    'now',
  )
  const short = conditions.map((c) => `${c.type} ${c.status} ${c.reason ?? ''}: ${c.message ?? ''}`)
  assert.deepEqual(short, [
    'NetworkUnavailable False : ',
    'MemoryPressure True KubeletHasInsufficientMemory: kubelet has insufficient memory available',
    'DiskPressure False KubeletHasNoDiskPressure: kubelet has no disk pressure',
    'PIDPressure False KubeletHasSufficientPID: kubelet has sufficient PID available',
    'Ready False KubeletNotReady: [one, two]',
  ])
  const alone = nodeConditions({ ...healthy, problems: ['one'] }, undefined, 'now')
  assert.equal(alone.find((c) => c.type === 'Ready')?.message, 'one')
})

test('events tell of a start, and of what the node has too little of', () => {
  const node = (health: NodeHealth, name = 'n1') =>
    ({
      metadata: { name },
      status: { conditions: nodeConditions(health, undefined, 'now') },
    }) as unknown as Node
  const reasons = (before: Node | undefined, now: Node) => nodeNews(before, now).map((n) => n.reason)
  const short = node({ ...healthy, pressure: { memory: false, disk: true, pid: false } })
  assert.deepEqual(reasons(undefined, node(healthy)), [
    'Starting',
    'NodeHasSufficientMemory',
    'NodeHasNoDiskPressure',
    'NodeHasSufficientPID',
    'NodeReady',
  ])
  assert.deepEqual(nodeNews(node(healthy), short), [
    { reason: 'NodeHasDiskPressure', message: 'Node n1 status is now: NodeHasDiskPressure' },
  ])
  assert.deepEqual(reasons(short, node({ ...healthy, problems: ['x'] })), [
    'NodeHasNoDiskPressure',
    'NodeNotReady',
  ])
  assert.deepEqual(reasons(node(healthy), node(healthy)), [])
})

test('a condition that stays keeps the time since when', () => {
  const [first] = nodeConditions(healthy, undefined, 'then')
  const [again] = nodeConditions(healthy, [first!], 'now')
  assert.deepEqual([again!.lastTransitionTime, again!.lastHeartbeatTime], ['then', 'now'])
})

for (const [name, signals, expected] of [
  ['all is well', {}, ''],
  ['little memory', { memoryAvailableBytes: 50 * 2 ** 20 }, 'memory'],
  ['little disk', { diskAvailable: 0.05 }, 'disk'],
  ['few inodes', { inodesAvailable: 0.01 }, 'disk'],
  ['few process numbers', { pidsAvailable: 0.001 }, 'pid'],
] as const) {
  test(`pressure: ${name}`, () => {
    const pressure = pressureOf({
      memoryAvailableBytes: 2 ** 30,
      diskAvailable: 0.5,
      inodesAvailable: 0.5,
      pidsAvailable: 0.9,
      ...signals,
    })
    assert.equal(
      Object.entries(pressure)
        .filter(([, on]) => on)
        .map(([k]) => k)
        .join(),
      expected,
    )
  })
}

interface World {
  readonly api: MemoryApi
  readonly clock: VirtualClock
  readonly problems: string[]
  /** Set: the agent has not looked at its pods yet. */
  starting: boolean
  /** Set: the runtime does not answer. */
  down: boolean
  patches(): number
  /** The object may be gone. */
  lost(): void
}

async function registered(
  check: (world: World) => Promise<void>,
  before: (world: World) => Promise<void> = async () => {},
  stop = new AbortController(),
  onNode: () => void = () => {},
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'dhow-self-'))
  const clock = new VirtualClock(NOW)
  const api = new MemoryApi({ clock })
  const patches = () => api.calls.filter((c) => c.verb === 'patch').length
  const lost = () => registration.again()
  const world: World = { api, clock, problems: [], starting: false, down: false, patches, lost }
  const runtime = new FakeRuntime({ clock })
  runtime.problems = async () => {
    if (world.down) throw new Error('no answer')
    return []
  }
  await before(world)
  const registration = new Registration({
    api,
    clock,
    log: silentLog,
    runtime,
    rootDir: dir,
    signal: stop.signal,
    facts: async () => nodeFacts,
    starting: () => world.starting,
    problems: () => world.problems,
    onNode,
    onHealth: () => {},
  })
  const running = registration.run()
  try {
    await check(world)
  } finally {
    stop.abort()
    await running
    await rm(dir, { recursive: true, force: true })
  }
}

const ready = async (api: MemoryApi) =>
  (await api.get(Node, { name: 'n1' })).status.conditions!.find((c) => c.type === 'Ready')!.status

test('a node makes its object, and tells changes at once but nothing when nothing changes', () =>
  registered(async ({ api, clock, problems, patches }) => {
    await eventually('ready', async () => (await ready(api)) === 'True')
    const before = patches()
    for (let i = 0; i < 5; i++) {
      await clock.advance(10_000)
      await nextTurn()
    }
    const quiet = patches() - before
    assert.ok(quiet <= 5, `${quiet} writes while nothing changed`)
    problems.push('broken')
    await eventually('not ready', async () => {
      await clock.advance(10_000)
      return (await ready(api)) === 'False'
    })
    problems.length = 0
    await eventually('ready again', async () => {
      await clock.advance(200)
      return (await ready(api)) === 'True'
    })
  }))

test('a node that was deleted comes back', () =>
  registered(async ({ api, clock }) => {
    await eventually('ready', async () => (await ready(api)) === 'True')
    await api.delete(Node, { name: 'n1' })
    await eventually('back', async () => {
      await clock.advance(60_000)
      return (await ready(api).catch(() => '')) === 'True'
    })
  }))

test('a node that was deleted comes back at once when somebody notices', () =>
  registered(async ({ api, clock, lost }) => {
    await eventually('ready', async () => (await ready(api)) === 'True')
    const passed = clock.monotonic()
    await api.delete(Node, { name: 'n1' })
    await nextTurn()
    lost()
    await eventually('back', async () => (await ready(api).catch(() => '')) === 'True')
    assert.equal(clock.monotonic(), passed)
  }))

test('an agent that starts again does not make a ready node unready', () =>
  registered(
    async (world) => {
      world.problems.push('the network is not there yet')
      for (let i = 0; i < 10; i++) await world.clock.advance(200)
      assert.equal(world.patches(), 0)
      assert.equal(await ready(world.api), 'True')
      world.starting = false
      world.problems.length = 0
      await eventually('a report', async () => {
        await world.clock.advance(200)
        return world.patches() > 0
      })
      assert.equal(await ready(world.api), 'True')
    },
    async (world) => {
      world.starting = true
      await world.api.create(Node, {
        metadata: { name: 'n1' },
        status: nodeStatus(nodeFacts, healthy, undefined, 'then'),
      })
    },
  ))

test('an agent that does not get ready again says so after a while', () =>
  registered(
    async (world) => {
      await eventually('not ready', async () => {
        await world.clock.advance(5_000)
        return (await ready(world.api)) === 'False'
      })
      assert.ok(world.clock.monotonic() >= 30_000)
    },
    async (world) => {
      world.starting = true
      await world.api.create(Node, {
        metadata: { name: 'n1' },
        status: nodeStatus(nodeFacts, healthy, undefined, 'then'),
      })
    },
  ))

test('an agent that is told to stop while it reports does not wait for the next report', () => {
  const stopInReport = new AbortController()
  return registered(
    async ({ clock }) => {
      await clock.advance(0)
    },
    async () => {},
    stopInReport,
    () => stopInReport.abort(),
  )
})

test('a new node is not ready before its agent has looked', () =>
  registered(
    async (world) => {
      await eventually('not ready', async () => (await ready(world.api).catch(() => '')) === 'False')
      world.starting = false
      await eventually('ready', async () => {
        await world.clock.advance(200)
        return (await ready(world.api)) === 'True'
      })
    },
    async (world) => {
      world.starting = true
    },
  ))

test('a runtime that is away for a moment does not make the node unready, one that stays away does', () =>
  registered(async (world) => {
    await eventually('ready', async () => (await ready(world.api).catch(() => '')) === 'True')
    world.down = true
    await world.clock.advance(20_000)
    assert.equal(await ready(world.api), 'True')
    await eventually('not ready', async () => {
      await world.clock.advance(10_000)
      return (await ready(world.api)) === 'False'
    })
  }))

test('the lease is renewed every ten seconds, and made again when it is gone', async () => {
  let lost = 0
  const clock = new VirtualClock(NOW)
  const api = new MemoryApi({ clock })
  const stop = new AbortController()
  const running = keepLease({
    api,
    clock,
    log: silentLog,
    nodeName: 'n1',
    nodeUid: () => 'u',
    onLost: () => lost++,
    signal: stop.signal,
  })
  const key = { namespace: 'kube-node-lease', name: 'n1' }
  const renewed = async () => (await api.get(Lease, key)).spec?.renewTime
  await eventually('a lease', () => renewed().catch(() => undefined))
  assert.equal(await renewed(), '2026-11-21T12:00:00.000000Z')
  await clock.advance(10_000)
  await eventually('a renewal', async () => (await renewed()) === '2026-11-21T12:00:10.000000Z')
  await api.delete(Lease, key)
  await clock.advance(10_000)
  await clock.advance(1_000)
  await eventually('another lease', () => renewed().catch(() => undefined))
  assert.equal((await api.get(Lease, key)).metadata.ownerReferences?.[0]?.uid, 'u')
  assert.equal(lost, 1)
  stop.abort()
  await running
})

const allocatable = { cpuMilli: 1000, memoryBytes: 2 ** 30, pods: 2 }
const admit = (spec: object, active: object[] = []) =>
  admitPod(
    pod(spec as never),
    active.map((s) => pod(s as never)),
    { node: undefined, allocatable },
  )?.reason
const cpu = (n: string) => ({ containers: [{ name: 'a', resources: { requests: { cpu: n } } }] })
const port = (hostPort: number, more = {}) => ({
  containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort, ...more }] }],
})

for (const [name, spec, active, expected] of [
  ['what fits', cpu('400m'), [cpu('600m')], undefined],
  ['more CPU than is left', cpu('500m'), [cpu('600m')], 'OutOfcpu'],
  ['one pod too many', {}, [{}, {}], 'OutOfpods'],
  ['a port of the host that is taken', port(80), [port(80)], 'NodePorts'],
  ['the same port of another protocol', port(80, { protocol: 'UDP' }), [port(80)], undefined],
  [
    'groups without those of the image',
    { securityContext: { supplementalGroupsPolicy: 'Strict' } },
    [],
    'SupplementalGroupsPolicyNotSupported',
  ],
  ['user namespaces', { hostUsers: false }, [], 'UnsupportedFeature'],
  [
    'an unsafe sysctl',
    { securityContext: { sysctls: [{ name: 'kernel.panic', value: '1' }] } },
    [],
    'SysctlForbidden',
  ],
] as const) {
  test(`admission: ${name} is ${expected ?? 'taken'}`, () =>
    assert.equal(admit(spec, active as never), expected))
}

const node = { metadata: { name: 'n1', labels: { zone: 'a', size: '5' } } } as unknown as Node
const affinity = (key: string, operator: string, values?: string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
      },
    },
  },
})
for (const [spec, expected] of [
  [{ nodeSelector: { zone: 'a' } }, true],
  [{ nodeSelector: { zone: 'b' } }, false],
  [affinity('zone', 'In', ['a', 'b']), true],
  [affinity('zone', 'NotIn', ['a']), false],
  [affinity('none', 'DoesNotExist'), true],
  [affinity('size', 'Gt', ['4']), true],
  [affinity('size', 'Lt', ['5']), false],
] as const) {
  test(`a node ${expected ? 'fits' : 'does not fit'} ${JSON.stringify(spec)}`, () =>
    assert.equal(matchesNode(pod(spec as never), node), expected))
}
