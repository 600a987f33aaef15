import type { Pod } from '../../api/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { BACKOFF_MS, CONTAINER_HASH, RESOURCES, resourcesText } from '../spec/labels.ts'
import { NOW, pod, sandbox, seen } from '../testing/pods.ts'
import { run } from './rows.test-support.ts'

const plain = pod()
const probes = (facts: { started?: boolean; ready?: boolean; failed?: 'liveness' | 'startup' }) => () => ({
  started: facts.started ?? true,
  ready: facts.ready ?? true,
  failed: facts.failed,
})

run([
  {
    name: 'a new pod gets its sandbox and its image side by side',
    pod: plain,
    sandboxes: [],
    local: { images: new Set() },
    actions: ['image a#0', 'sandbox #0'],
  },
  {
    name: 'actions under way are not repeated',
    pod: plain,
    sandboxes: [],
    local: { images: new Set(), inFlight: new Set(['createSandbox', 'ensureImage:a']) },
    actions: [],
  },
  {
    name: 'with sandbox, image and volumes there, the container starts',
    pod: plain,
    actions: ['start a#0 then 0s'],
  },
  { name: 'a container waits for the volumes', pod: plain, local: { volumesReady: false }, actions: [] },
  {
    name: 'a container waits for its image',
    pod: plain,
    local: { images: new Set() },
    actions: ['image a#0'],
  },
  {
    name: 'all regular containers start together',
    pod: pod({ containers: [{ name: 'a' }, { name: 'b' }] }),
    actions: ['start a#0 then 0s', 'start b#0 then 0s'],
  },
  {
    name: 'a failed pull waits until it may be tried again',
    pod: plain,
    local: {
      images: new Set(),
      failures: new Map([['a', { reason: 'ErrImagePull', message: '', at: NOW, retryAt: NOW + 10_000 }]]),
    },
    actions: [],
    wakeIn: 10_000,
  },
  {
    name: 'a sandbox without an address on the pod network is not used',
    pod: plain,
    sandboxes: [sandbox({ ips: [] })],
    actions: ['stop sandbox s0'],
  },
  {
    name: "on the host's network, a sandbox has no address of its own",
    pod: pod({ hostNetwork: true }),
    sandboxes: [sandbox({ ips: [] })],
    actions: ['start a#0 then 0s'],
  },
  {
    name: 'a container that runs is left alone',
    pod: plain,
    containers: [seen(plain, 'a', 'running')],
    actions: [],
  },
])

const hook = { lifecycle: { postStart: { exec: { command: ['wait'] } } } }
const ordered = pod({ containers: [{ name: 'a', ...hook }, { name: 'b' }] })
const pulling = { reason: 'ErrImagePull', message: '', at: NOW, retryAt: NOW + 10_000 }

run([
  {
    name: 'a container with a postStart handler starts before those after it',
    pod: ordered,
    actions: ['start a#0 then 0s'],
  },
  {
    name: 'while the handler runs, those after it wait',
    pod: ordered,
    containers: [seen(ordered, 'a', 'running')],
    local: { inFlight: new Set(['startContainer:a']) },
    actions: [],
  },
  {
    name: 'when the handler is done, they start',
    pod: ordered,
    containers: [seen(ordered, 'a', 'running')],
    actions: ['start b#0 then 0s'],
  },
  {
    name: 'a container that cannot be started holds nobody up',
    pod: ordered,
    local: { failures: new Map([['a', pulling]]) },
    actions: ['start b#0 then 0s'],
    wakeIn: 10_000,
  },
  {
    name: 'what runs is looked after while a handler of another runs again',
    pod: ordered,
    containers: [seen(ordered, 'a', 'running'), seen(ordered, 'b', 'running')],
    local: {
      inFlight: new Set(['startContainer:a']),
      probes: (c: { name: string }) => ({
        ...probes({})(),
        ...(c.name === 'b' ? { failed: 'liveness' as const } : {}),
      }),
    },
    actions: ['kill b 30s'],
  },
])

const never = pod({ restartPolicy: 'Never' })
const onFailure = pod({ restartPolicy: 'OnFailure' })
const ended = (p: Pod, more: Partial<ObservedContainer>) => [seen(p, 'a', 'exited', more)]
const backoff = (ms: number) => ({ annotations: { [BACKOFF_MS]: String(ms) } })

run([
  {
    name: 'Always restarts at once after the first end, whatever the exit code',
    pod: plain,
    containers: ended(plain, { exitCode: 0 }),
    actions: ['start a#1 then 10s'],
  },
  {
    name: 'after the second end a container waits ten seconds',
    pod: plain,
    containers: ended(plain, { attempt: 1, exitCode: 1, ...backoff(10_000) }),
    actions: [],
    wakeIn: 9_000,
  },
  {
    name: 'the pause doubles',
    pod: plain,
    containers: ended(plain, { attempt: 1, ...backoff(10_000), finishedAt: NOW - 10_000 }),
    actions: ['start a#2 then 20s'],
  },
  {
    name: 'the pause ends at five minutes',
    pod: plain,
    containers: ended(plain, {
      attempt: 2,
      ...backoff(300_000),
      finishedAt: NOW - 300_000,
      createdAt: NOW - 301_000,
    }),
    actions: ['start a#3 then 300s'],
  },
  {
    name: 'a container that ran for more than ten minutes starts with a clean sheet',
    pod: plain,
    containers: ended(plain, { attempt: 2, ...backoff(160_000), createdAt: NOW - 700_000 }),
    actions: ['start a#3 then 10s'],
  },
  {
    name: 'OnFailure restarts what failed',
    pod: onFailure,
    containers: ended(onFailure, { exitCode: 3 }),
    actions: ['start a#1 then 10s'],
  },
  {
    name: 'OnFailure lets a success be',
    pod: onFailure,
    containers: ended(onFailure, { exitCode: 0 }),
    actions: ['stop sandbox s0'],
    terminal: true,
  },
  {
    name: 'Never lets a failure be',
    pod: never,
    containers: ended(never, { exitCode: 3 }),
    actions: ['stop sandbox s0'],
    terminal: true,
  },
  {
    name: 'a container that was created but never started is made again under the same number',
    pod: plain,
    containers: [seen(plain, 'a', 'created')],
    actions: ['remove a-0'],
  },
  {
    name: 'a container in an unknown state is killed first',
    pod: plain,
    containers: [seen(plain, 'a', 'unknown')],
    actions: ['kill a 1s'],
  },
  {
    name: 'another image restarts the container',
    pod: plain,
    containers: [seen(plain, 'a', 'running', { annotations: { [CONTAINER_HASH]: 'other' } })],
    actions: ['kill a 30s'],
  },
  {
    name: 'a failed liveness probe kills',
    pod: plain,
    containers: [seen(plain, 'a', 'running')],
    local: { probes: probes({ failed: 'liveness' }) },
    actions: ['kill a 30s'],
  },
])

const probed = pod({
  containers: [{ name: 'a', startupProbe: { terminationGracePeriodSeconds: 3 } }],
  terminationGracePeriodSeconds: 60,
})
const rules = pod({
  restartPolicy: 'Never',
  containers: [
    {
      name: 'a',
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
    },
  ],
})

run([
  {
    name: 'a failed startup probe kills with its own grace period',
    pod: probed,
    containers: [seen(probed, 'a', 'running')],
    local: { probes: probes({ failed: 'startup' }) },
    actions: ['kill a 3s'],
  },
  {
    name: 'a rule for an exit code beats the policy',
    pod: rules,
    containers: ended(rules, { exitCode: 42 }),
    actions: ['start a#1 then 10s'],
  },
  {
    name: 'a rule for another exit code does not',
    pod: rules,
    containers: ended(rules, { exitCode: 1 }),
    actions: ['stop sandbox s0'],
    terminal: true,
  },
])

const twoInits = pod({ initContainers: [{ name: 'i1' }, { name: 'i2' }], containers: [{ name: 'a' }] })
const initNever = pod({
  initContainers: [{ name: 'i1' }],
  containers: [{ name: 'a' }],
  restartPolicy: 'Never',
})
const withSidecar = pod({
  initContainers: [{ name: 'i1' }, { name: 'side', restartPolicy: 'Always' }, { name: 'i2' }],
  containers: [{ name: 'a' }],
  restartPolicy: 'Never',
})
const i1Done = seen(withSidecar, 'i1', 'exited')
const sideUp = seen(withSidecar, 'side', 'running')

run([
  { name: 'the first init container starts alone', pod: twoInits, actions: ['start i1#0 then 0s'] },
  {
    name: 'while an init container runs, nothing else starts',
    pod: twoInits,
    containers: [seen(twoInits, 'i1', 'running')],
    actions: [],
  },
  {
    name: 'the second init container follows the first',
    pod: twoInits,
    containers: [seen(twoInits, 'i1', 'exited')],
    actions: ['start i2#0 then 0s'],
  },
  {
    name: 'an init container that failed is started again',
    pod: twoInits,
    containers: [seen(twoInits, 'i1', 'exited', { exitCode: 1 })],
    actions: ['start i1#1 then 10s'],
  },
  {
    name: 'after the last init container the others start',
    pod: twoInits,
    containers: [seen(twoInits, 'i2', 'exited'), seen(twoInits, 'i1', 'exited')],
    actions: ['start a#0 then 0s'],
  },
  {
    name: 'what came later proves that an init container had ended well',
    pod: twoInits,
    containers: [seen(twoInits, 'i2', 'exited')],
    actions: ['start a#0 then 0s'],
  },
  {
    name: 'with Never, a failed init container ends the pod',
    pod: initNever,
    containers: [seen(initNever, 'i1', 'exited', { exitCode: 1 })],
    actions: ['stop sandbox s0'],
    terminal: true,
  },
  {
    name: 'in a new sandbox the init containers run again',
    pod: twoInits,
    sandboxes: [sandbox({ id: 's1', attempt: 1 })],
    containers: [
      seen(twoInits, 'a', 'exited', { exitCode: 137 }),
      seen(twoInits, 'i2', 'exited', { createdAt: NOW - 700_000 }),
      seen(twoInits, 'i1', 'exited', { createdAt: NOW - 700_000 }),
    ],
    actions: ['start i1#1 then 10s'],
  },
  {
    name: 'a sidecar starts in its turn',
    pod: withSidecar,
    containers: [i1Done],
    actions: ['start side#0 then 0s'],
  },
  {
    name: 'what follows a sidecar waits until it has started',
    pod: withSidecar,
    containers: [sideUp, i1Done],
    local: { probes: probes({ started: false }) },
    actions: [],
  },
  {
    name: 'a sidecar that has started does not have to end',
    pod: withSidecar,
    containers: [sideUp, i1Done],
    actions: ['start i2#0 then 0s'],
  },
  {
    name: 'a sidecar that ends is started again, whatever the policy of the pod',
    pod: withSidecar,
    containers: [
      seen(withSidecar, 'a', 'running'),
      seen(withSidecar, 'i2', 'exited'),
      seen(withSidecar, 'side', 'exited'),
      i1Done,
    ],
    actions: ['start side#1 then 10s'],
  },
  {
    name: 'when the regular containers are done, the sidecar is ended',
    pod: withSidecar,
    containers: [seen(withSidecar, 'a', 'exited'), seen(withSidecar, 'i2', 'exited'), sideUp, i1Done],
    actions: ['kill side 30s'],
    terminal: true,
  },
])

const dead = [sandbox({ ready: false, ips: [] })]
run([
  {
    name: 'a sandbox that ended takes its containers with it',
    pod: plain,
    sandboxes: dead,
    containers: [seen(plain, 'a', 'running')],
    actions: ['kill a 30s'],
  },
  {
    name: 'then another sandbox is made',
    pod: plain,
    sandboxes: dead,
    containers: [seen(plain, 'a', 'exited', { exitCode: 137 })],
    actions: ['sandbox #1'],
  },
  {
    name: 'without anything to run, no sandbox is made',
    pod: never,
    sandboxes: dead,
    containers: ended(never, {}),
    actions: ['cleanUp'],
    terminal: true,
  },
  {
    name: 'where nothing is left of a container, the status still counts',
    pod: pod(
      {},
      {
        status: {
          containerStatuses: [
            { name: 'a', containerID: 'containerd://x', restartCount: 2, state: {}, lastState: {} },
          ],
        },
      },
    ),
    actions: ['start a#3 then 0s'],
  },
])

const half = { requests: { cpu: '500m' } }
const sized = pod({ containers: [{ name: 'a', resources: half }] })
const strict = pod({
  containers: [
    {
      name: 'a',
      resources: half,
      resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
    },
  ],
})
const ran = (p: Pod, resources: object) => [
  seen(p, 'a', 'running', { annotations: { [RESOURCES]: resourcesText({ resources }) } }),
]

run([
  {
    name: 'a container that has what it asks for is left alone',
    pod: sized,
    containers: ran(sized, half),
    actions: [],
  },
  {
    name: 'a container that asks for more gets it while it runs',
    pod: sized,
    containers: ran(sized, { requests: { cpu: '100m' } }),
    actions: ['resize a'],
  },
  {
    name: 'what was given since it was made counts',
    pod: sized,
    containers: ran(sized, {}),
    local: { resized: new Map([['a-0', resourcesText({ resources: half })]]) },
    actions: [],
  },
  {
    name: 'a container that takes it only with a restart is restarted',
    pod: strict,
    containers: ran(strict, { requests: { cpu: '100m' } }),
    actions: ['kill a 30s'],
  },
  {
    name: 'what the node does not have is not given',
    pod: sized,
    containers: ran(sized, {}),
    local: { resizeProblem: { reason: 'Deferred', message: '' } },
    actions: [],
  },
  {
    name: 'an older sandbox that still stands is stopped',
    pod: plain,
    sandboxes: [sandbox({ id: 's0', attempt: 1 }), sandbox({ id: 'old' })],
    containers: [seen(plain, 'a', 'running')],
    actions: ['stop sandbox old'],
  },
])
