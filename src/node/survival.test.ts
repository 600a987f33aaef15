import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { ConfigMap, Pod } from '../api/index.ts'
import { eventually } from '../client/testing/index.ts'
import { whyNoContainers } from './testing/containerd.ts'
import { TestNode } from './testing/node.ts'

const why = whyNoContainers()
const options = { skip: why ?? false, timeout: 60_000 } as const
let node: TestNode

before(
  async () => {
    if (!why) node = await TestNode.start()
  },
  { timeout: 60_000 },
)
after(
  async () => {
    await node?.close()
  },
  { timeout: 60_000 },
)

const sh = (script: string) => ({ command: ['sh', '-c', script] })

test('force: a pod that ignores SIGTERM is gone at once when its time is cut', options, async () => {
  await node.create('stubborn', {
    terminationGracePeriodSeconds: 60,
    containers: [{ name: 'a', ...sh("trap '' TERM; while true; do sleep 1; done") }],
  })
  const { containerStatuses } = await node.running('stubborn')
  const id = containerStatuses![0]!.containerID!.replace('containerd://', '')
  await node.delete('stubborn')
  await eventually('the event', async () =>
    (await node.events('stubborn')).includes('Normal Killing: Stopping container a'),
  )
  await node.delete('stubborn', 0)
  await eventually('the container gone', async () => !(await node.containerIds()).includes(id), 15_000)
})

test('a restart of the agent disturbs nothing, and it notices what happened meanwhile', options, async () => {
  await node.create('kept', {
    containers: [
      { name: 'a', ...sh('sleep 1000'), readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } },
    ],
  })
  await node.create('dies', { containers: [{ name: 'a', ...sh('sleep 1000') }] })
  await node.create('goes', { containers: [{ name: 'a', ...sh('sleep 1000') }] })
  const ready = (s: { conditions?: readonly { type: string; status: string }[] }) =>
    s.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')
  const before = await node.until('kept', 'ready', ready as never)
  const victim = await node.running('dies')
  const going = await node.running('goes')
  await node.agent.stop()
  await node.signal(victim.containerStatuses![0]!.containerID!.replace('containerd://', ''), 'SIGKILL')
  await node.api.delete(Pod, { namespace: 'default', name: 'goes' }, { gracePeriodSeconds: 0 })
  await node.startAgent()
  await node.until(
    'dies',
    'restarted',
    (s) => s.containerStatuses?.[0]?.restartCount === 1 && s.containerStatuses[0].state.running,
  )
  await eventually(
    'the leftovers gone',
    async () =>
      !(await node.containerIds()).includes(
        going.containerStatuses![0]!.containerID!.replace('containerd://', ''),
      ),
  )
  const after = await node.status('kept')
  assert.equal(after.containerStatuses![0]!.containerID, before.containerStatuses![0]!.containerID)
  assert.equal(after.containerStatuses![0]!.restartCount, 0)
  const transition = (s: typeof before) => s.conditions!.find((c) => c.type === 'Ready')!.lastTransitionTime
  assert.equal(transition(after), transition(before))
  for (const name of ['kept', 'dies']) await node.delete(name)
})

test(
  'containerd may die and come back: what ran still runs, and what must run is started',
  options,
  async () => {
    await node.create('survivor', { containers: [{ name: 'a', ...sh('sleep 1000') }] })
    await node.create('victim', { containers: [{ name: 'a', ...sh('sleep 1000') }] })
    const survivor = await node.running('survivor')
    const victim = await node.running('victim')
    const pid = await node.pidOf(victim.containerStatuses![0]!.containerID!.replace('containerd://', ''))
    await node.containerd.kill()
    process.kill(pid, 'SIGKILL')
    await node.create('meanwhile', { containers: [{ name: 'a', ...sh('sleep 1000') }] })
    await node.containerd.restart()
    await node.running('meanwhile')
    await node.until(
      'victim',
      'restarted',
      (s) => s.containerStatuses?.[0]?.restartCount === 1 && s.containerStatuses[0].state.running,
    )
    const after = await node.status('survivor')
    assert.equal(after.containerStatuses![0]!.containerID, survivor.containerStatuses![0]!.containerID)
    assert.equal(after.containerStatuses![0]!.restartCount, 0)
    for (const name of ['survivor', 'victim', 'meanwhile']) await node.delete(name)
  },
)

test('a pod whose sandbox died gets another, and starts over in it', options, async () => {
  await node.create('homeless', {
    initContainers: [{ name: 'i', ...sh('echo init') }],
    containers: [{ name: 'a', ...sh('sleep 1000') }],
  })
  const before = await node.running('homeless')
  const { uid } = (await node.api.get(Pod, { namespace: 'default', name: 'homeless' })).metadata
  const [sandbox] = (await node.observe(uid)).sandboxes
  await node.signal(sandbox!.id, 'SIGKILL')
  const after = await node.until(
    'homeless',
    'running again',
    (s) => s.containerStatuses?.[0]?.restartCount === 1 && s.containerStatuses[0].state.running,
  )
  assert.equal(after.initContainerStatuses![0]!.restartCount, 1)
  assert.notEqual(after.podIP, before.podIP)
  assert.deepEqual(after.podIPs, [{ ip: after.podIP }])
  await node.delete('homeless')
})

test(
  'while the server cannot be reached, containers are started again; also by an agent that starts meanwhile',
  options,
  async () => {
    await node.api.create(ConfigMap, { metadata: { namespace: 'default', name: 'far' }, data: { K: 'v' } })
    await node.create('alone', {
      containers: [{ name: 'a', ...sh('echo $K; sleep 1000'), envFrom: [{ configMapRef: { name: 'far' } }] }],
    })
    const { containerStatuses } = await node.running('alone')
    const { uid } = (await node.api.get(Pod, { namespace: 'default', name: 'alone' })).metadata
    await node.agent.stop()
    node.api.fault = () => {
      throw new Error('connect ECONNREFUSED')
    }
    node.api.dropWatches()
    try {
      await node.startAgent()
      await node.signal(containerStatuses![0]!.containerID!.replace('containerd://', ''), 'SIGKILL')
      await eventually(
        'a second life',
        async () =>
          (await readFile(`${node.podDir(uid)}/logs/a/1.log`, 'utf8').catch(() => '')).endsWith(' v\n'),
        30_000,
      )
    } finally {
      node.api.fault = undefined
    }
    await node.until('alone', 'reported', (s) => s.containerStatuses?.[0]?.restartCount === 1, 30_000)
    await node.delete('alone')
    await node.gone('alone')
  },
)

test('a pod that does not fit is refused', options, async () => {
  await node.create('huge', { containers: [{ name: 'a', resources: { requests: { cpu: '1000' } } }] })
  const status = await node.done('huge')
  assert.equal(status.reason, 'OutOfcpu')
  assert.equal(status.containerStatuses, undefined, 'kubectl would show the container as being created')
  assert.match(
    status.message!,
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000/,
  )
  await node.delete('huge')
  await node.gone('huge')
})

test('a pod is stopped at its deadline', options, async () => {
  await node.create('short', { activeDeadlineSeconds: 1, containers: [{ name: 'a', ...sh('sleep 1000') }] })
  const status = await node.done('short')
  assert.deepEqual([status.phase, status.reason], ['Failed', 'DeadlineExceeded'])
})
