import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { BACKOFF_MS } from '../spec/labels.ts'
import { facts, NOW, pod, sandbox, seen } from '../testing/pods.ts'
import type { LocalFacts } from './facts.ts'
import { planPod } from './plan.ts'
import { podStatus } from './status.ts'

function statusOf(
  p: Pod,
  containers: readonly ObservedContainer[],
  local: Partial<LocalFacts> = {},
  sandboxes = [sandbox()],
) {
  const f = facts(p, { containers, sandboxes }, local)
  return podStatus(f, planPod(f))
}

const conditions = (s: ReturnType<typeof statusOf>) =>
  Object.fromEntries(s.conditions.map((c) => [c.type, c.reason ? `${c.status} ${c.reason}` : c.status]))

const plain = pod()
const init = pod({ initContainers: [{ name: 'i' }], containers: [{ name: 'a' }] })
const never = pod({ restartPolicy: 'Never', containers: [{ name: 'a' }, { name: 'b' }] })
const onFailure = pod({ restartPolicy: 'OnFailure' })
const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }]
const ruled = pod({
  restartPolicy: 'Never',
  containers: [{ name: 'a', restartPolicy: 'Never', restartPolicyRules: rules }],
})
const once = pod({ containers: [{ name: 'a', restartPolicy: 'Never' }] })
const initOnce = pod({ initContainers: [{ name: 'i', restartPolicy: 'Never' }], containers: [{ name: 'a' }] })
const hooked = pod({ containers: [{ name: 'a', lifecycle: { postStart: { sleep: { seconds: 5 } } } }] })
const deleted = pod({}, { metadata: { deletionTimestamp: 'x', deletionGracePeriodSeconds: 30 } })

test('a container is not running, let alone ready, before its postStart handler is done', () => {
  const containers = [seen(hooked, 'a', 'running')]
  const during = statusOf(hooked, containers, { inFlight: new Set(['startContainer:a']) })
  assert.equal(during.phase, 'Pending')
  assert.deepEqual(during.containerStatuses[0]!.state, { waiting: { reason: 'ContainerCreating' } })
  assert.deepEqual([during.containerStatuses[0]!.started, during.containerStatuses[0]!.ready], [false, false])
  assert.equal(conditions(during).Ready, 'False ContainersNotReady')
  assert.equal(statusOf(hooked, containers).containerStatuses[0]!.ready, true)
})

test('containers can start when the sandbox is there, and the volumes too', () => {
  const of = (...args: Parameters<typeof statusOf>) => conditions(statusOf(...args)).PodReadyToStartContainers
  assert.equal(of(plain, [], { volumesReady: true }, []), 'False')
  assert.equal(of(plain, [], { volumesReady: false }), 'False')
  assert.equal(of(plain, [], { volumesReady: true }), 'True')
  // An agent that has just started has not looked at the volumes of what runs.
  assert.equal(of(plain, [seen(plain, 'a', 'running')], { volumesReady: false }), 'True')
})

for (const [name, p, containers, phase] of [
  ['nothing started yet', plain, [], 'Pending'],
  ['running', plain, [seen(plain, 'a', 'running')], 'Running'],
  ['one of two running, the other not started', never, [seen(never, 'a', 'running')], 'Pending'],
  ['an init container running', init, [seen(init, 'i', 'running')], 'Pending'],
  ['an init container failed and tried again', init, [seen(init, 'i', 'exited', { exitCode: 1 })], 'Pending'],
  [
    'all ended well, never again',
    never,
    [seen(never, 'a', 'exited'), seen(never, 'b', 'exited')],
    'Succeeded',
  ],
  [
    'one ended badly, never again',
    never,
    [seen(never, 'a', 'exited', { exitCode: 2 }), seen(never, 'b', 'exited')],
    'Failed',
  ],
  [
    'one ended badly while another runs',
    never,
    [seen(never, 'a', 'exited', { exitCode: 2 }), seen(never, 'b', 'running')],
    'Running',
  ],
  ['failed and tried again', onFailure, [seen(onFailure, 'a', 'exited', { exitCode: 2 })], 'Running'],
  ['ended, and always started again', plain, [seen(plain, 'a', 'exited')], 'Running'],
  ['ended as a rule wants it again', ruled, [seen(ruled, 'a', 'exited', { exitCode: 42 })], 'Running'],
  ['ended as no rule wants it again', ruled, [seen(ruled, 'a', 'exited', { exitCode: 1 })], 'Failed'],
  ['all that never start again ended well', once, [seen(once, 'a', 'exited')], 'Succeeded'],
  ['one that never starts again ended badly', once, [seen(once, 'a', 'exited', { exitCode: 1 })], 'Failed'],
  [
    'an init container that is tried only once failed',
    initOnce,
    [seen(initOnce, 'i', 'exited', { exitCode: 1 })],
    'Failed',
  ],
  ['deleted while running', deleted, [seen(deleted, 'a', 'running')], 'Running'],
  ['deleted and killed', deleted, [seen(deleted, 'a', 'exited', { exitCode: 137 })], 'Failed'],
  ['deleted and ended well', deleted, [seen(deleted, 'a', 'exited')], 'Succeeded'],
  ['deleted before anything started', deleted, [], 'Failed'],
] as const) {
  test(`phase: ${name} is ${phase}`, () => assert.equal(statusOf(p, containers).phase, phase))
}

test('a running container is ready unless its probe says otherwise', () => {
  assert.deepEqual(conditions(statusOf(plain, [seen(plain, 'a', 'running')])), {
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  })
  const unready = statusOf(plain, [seen(plain, 'a', 'running')], {
    probes: () => ({ started: true, ready: false, failed: undefined }),
  })
  assert.equal(conditions(unready).Ready, 'False ContainersNotReady')
  assert.equal(
    unready.conditions.find((c) => c.type === 'Ready')!.message,
    'containers with unready status: [a]',
  )
  assert.equal(unready.containerStatuses[0]!.started, true)
})

test('a container whose startup probe has not succeeded is neither started nor ready', () => {
  const [status] = statusOf(plain, [seen(plain, 'a', 'running')], {
    probes: () => ({ started: false, ready: true, failed: undefined }),
  }).containerStatuses
  assert.equal(status!.started, false)
  assert.equal(status!.ready, false)
})

test('init containers that have not ended well are named', () => {
  const s = statusOf(init, [seen(init, 'i', 'running')])
  assert.equal(conditions(s).Initialized, 'False ContainersNotInitialized')
  assert.equal(
    s.conditions.find((c) => c.type === 'Initialized')!.message,
    'containers with incomplete status: [i]',
  )
  assert.deepEqual(s.containerStatuses[0]!.state, { waiting: { reason: 'PodInitializing' } })
  assert.equal(conditions(statusOf(init, [seen(init, 'i', 'exited')])).Initialized, 'True')
})

test('a pod that is done is not ready because it completed', () => {
  const s = statusOf(never, [seen(never, 'a', 'exited'), seen(never, 'b', 'exited')])
  assert.equal(conditions(s).Ready, 'False PodCompleted')
  assert.equal(conditions(s).Initialized, 'True PodCompleted')
})

test('a readiness gate holds the pod back, not its containers', () => {
  const gated = pod({ readinessGates: [{ conditionType: 'example.com/lb' }] })
  const s = statusOf(gated, [seen(gated, 'a', 'running')])
  assert.equal(conditions(s).ContainersReady, 'True')
  assert.equal(conditions(s).Ready, 'False ReadinessGatesNotReady')
  const open = pod(
    { readinessGates: [{ conditionType: 'example.com/lb' }] },
    { status: { conditions: [{ type: 'example.com/lb', status: 'True' }] } },
  )
  assert.equal(conditions(statusOf(open, [seen(open, 'a', 'running')])).Ready, 'True')
})

test('while a restart is held back, the container waits in CrashLoopBackOff and its end is the last state', () => {
  const [status] = statusOf(plain, [
    seen(plain, 'a', 'exited', { attempt: 3, exitCode: 7, annotations: { [BACKOFF_MS]: '80000' } }),
    seen(plain, 'a', 'exited', { attempt: 2, exitCode: 6, createdAt: NOW - 90_000 }),
  ]).containerStatuses
  assert.deepEqual(status!.state, {
    waiting: {
      reason: 'CrashLoopBackOff',
      message: 'back-off 1m20s restarting failed container=a pod=web_default(uid-1)',
    },
  })
  assert.equal(status!.lastState.terminated!.exitCode, 7)
  assert.equal(status!.restartCount, 3)
})

test('a container that runs again shows how it ended before', () => {
  const [status] = statusOf(plain, [
    seen(plain, 'a', 'running', { attempt: 1 }),
    seen(plain, 'a', 'exited', { exitCode: 1, createdAt: NOW - 90_000 }),
  ]).containerStatuses
  assert.equal(status!.state.running!.startedAt, '2026-11-21T11:59:10Z')
  assert.deepEqual(status!.lastState.terminated, {
    exitCode: 1,
    reason: 'Error',
    startedAt: '2026-11-21T11:59:10Z',
    finishedAt: '2026-11-21T11:59:59Z',
    containerID: 'containerd://a-0',
  })
})

test('a failed pull is shown as such at first, then as waiting for the next try', () => {
  const failure = {
    reason: 'ErrImagePull',
    message: 'no',
    at: NOW - 1_000,
    retryAt: NOW + 9_000,
    later: { reason: 'ImagePullBackOff', message: 'Back-off' },
  }
  const shown = (at: number) =>
    statusOf(plain, [], { failures: new Map([['a', { ...failure, at }]]), images: new Set() })
      .containerStatuses[0]!.state.waiting!.reason
  assert.equal(shown(NOW - 1_000), 'ErrImagePull')
  assert.equal(shown(NOW - 6_000), 'ImagePullBackOff')
})

test('last words become the message of the end', () => {
  const [status] = statusOf(never, [seen(never, 'a', 'exited', { exitCode: 1 })], {
    messages: new Map([['a-0', 'no space left']]),
  }).containerStatuses
  assert.equal(status!.state.terminated!.message, 'no space left')
})

test('a container that the runtime lost is counted as an end that nobody saw', () => {
  const lost = pod(
    {},
    {
      status: {
        containerStatuses: [
          {
            name: 'a',
            containerID: 'containerd://x',
            restartCount: 1,
            state: { running: {} },
            lastState: {},
            image: 'app:1',
            imageID: 'i',
          },
        ],
      },
    },
  )
  const [status] = statusOf(lost, []).containerStatuses
  assert.equal(status!.lastState.terminated!.reason, 'ContainerStatusUnknown')
  assert.equal(status!.lastState.terminated!.exitCode, 137)
  assert.equal(status!.restartCount, 2)

  // The same, whether the loss was written down before the next one started or not.
  const written = pod({}, { status: { containerStatuses: [status!] } })
  assert.equal(statusOf(written, []).containerStatuses[0]!.restartCount, 2, 'a loss counts once')
  for (const p of [lost, written]) {
    const { actions } = planPod(facts(p, { sandboxes: [sandbox()] }))
    const start = actions.find((a) => a.do === 'startContainer')
    assert.equal(start?.do === 'startContainer' && start.attempt, 2)
    const [next] = statusOf(p, [seen(p, 'a', 'running', { attempt: 2 })]).containerStatuses
    assert.equal(next!.lastState.terminated?.reason, 'ContainerStatusUnknown')
  }
})

test('a pod past its deadline has failed once nothing of it runs, and says why', () => {
  const late = pod({ activeDeadlineSeconds: 30 })
  const running = statusOf(late, [seen(late, 'a', 'running')])
  assert.deepEqual([running.phase, running.reason, running.message], ['Running', undefined, undefined])
  const s = statusOf(late, [seen(late, 'a', 'exited')])
  assert.deepEqual(
    [s.phase, s.reason, s.message],
    ['Failed', 'DeadlineExceeded', 'Pod was active on the node longer than the specified deadline'],
  )
})

test('a pod that the node gives up shows from the start that it is not to blame', () => {
  const verdict = { phase: 'Failed', reason: 'Evicted', message: 'low', disrupted: true } as const
  for (const [state, phase] of [
    ['running', 'Running'],
    ['exited', 'Failed'],
  ] as const) {
    const s = statusOf(plain, [seen(plain, 'a', state)], { verdict })
    assert.equal(s.phase, phase)
    assert.equal(conditions(s).DisruptionTarget, 'True TerminationByKubelet')
  }
})

test('a phase that is final stays, with its reason', () => {
  const done = pod({}, { status: { phase: 'Failed', reason: 'Evicted', message: 'low' } })
  const s = statusOf(done, [seen(done, 'a', 'exited')])
  assert.deepEqual([s.phase, s.reason, s.message], ['Failed', 'Evicted', 'low'])
})

test('a pod that was refused has no containers that seem to be on their way, also when the agent starts again', () => {
  const verdict = { phase: 'Failed', reason: 'OutOfcpu', message: 'no room', refused: true } as const
  const refused = statusOf(init, [], { verdict }, [])
  const again = pod({ initContainers: [{ name: 'i' }] }, { status: { phase: 'Failed', reason: 'OutOfcpu' } })
  for (const s of [refused, statusOf(again, [], {}, [])]) {
    assert.deepEqual([s.phase, s.reason], ['Failed', 'OutOfcpu'])
    assert.deepEqual([s.initContainerStatuses, s.containerStatuses], [[], []])
  }
})

test("addresses: the sandbox's on the pod network, the node's on the host network", () => {
  assert.deepEqual(statusOf(plain, []).podIPs, [{ ip: '10.1.0.5' }])
  const host = pod({ hostNetwork: true })
  assert.deepEqual(statusOf(host, [], {}, [sandbox({ ips: [] })]).podIPs, [{ ip: '192.0.2.1' }])
  assert.equal(statusOf(plain, []).hostIP, '192.0.2.1')
})

test('a condition that keeps its status keeps the time of its transition', () => {
  const since = '2026-11-21T10:00:00Z'
  const before = pod(
    {},
    { status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }] } },
  )
  const time = (s: ReturnType<typeof statusOf>) =>
    s.conditions.find((c) => c.type === 'Ready')!.lastTransitionTime
  assert.equal(time(statusOf(before, [seen(before, 'a', 'running')])), since)
  assert.equal(time(statusOf(before, [])), '2026-11-21T12:00:00Z')
})
