import type { Pod } from '../../api/index.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { NOW, pod, sandbox, seen } from '../testing/pods.ts'
import { run } from './rows.test-support.ts'

const plain = pod()
const never = pod({ restartPolicy: 'Never' })
const ended = (p: Pod, more: Partial<ObservedContainer>) => [seen(p, 'a', 'exited', more)]
const dead = [sandbox({ ready: false, ips: [] })]

const deleted = { metadata: { deletionTimestamp: '2026-11-21T12:00:30Z', deletionGracePeriodSeconds: 30 } }
const going = pod({ containers: [{ name: 'a' }, { name: 'b' }] }, deleted)
const sidecars = pod(
  {
    initContainers: [
      { name: 's1', restartPolicy: 'Always' },
      { name: 's2', restartPolicy: 'Always' },
    ],
    containers: [{ name: 'a' }],
  },
  deleted,
)
const limited = pod({ activeDeadlineSeconds: 60 })
const notYet = pod({ activeDeadlineSeconds: 90 })

run([
  {
    name: 'a deleted pod is stopped, all containers at once',
    pod: going,
    containers: [seen(going, 'a', 'running'), seen(going, 'b', 'running')],
    actions: ['kill a 30s', 'kill b 30s'],
    terminal: true,
  },
  {
    name: 'a container that was about to start does not keep others from being stopped',
    pod: going,
    containers: [seen(going, 'a', 'running')],
    local: { inFlight: new Set(['startContainer:b']) },
    actions: ['kill a 30s'],
    terminal: true,
  },
  {
    name: 'the end waits for starts under way',
    pod: going,
    local: { inFlight: new Set(['startContainer:b']) },
    actions: [],
    terminal: true,
  },
  {
    name: 'a grace period of zero still gives a second',
    pod: pod({}, { metadata: { deletionTimestamp: 'x', deletionGracePeriodSeconds: 0 } }),
    containers: [seen(plain, 'a', 'running')],
    actions: ['kill a 1s'],
    terminal: true,
  },
  {
    name: 'sidecars outlive the containers they serve',
    pod: sidecars,
    containers: [
      seen(sidecars, 'a', 'running'),
      seen(sidecars, 's2', 'running'),
      seen(sidecars, 's1', 'running'),
    ],
    actions: ['kill a 30s'],
    terminal: true,
  },
  {
    name: 'sidecars end in the reverse of their order, with the time that is left',
    pod: sidecars,
    containers: [
      seen(sidecars, 'a', 'exited'),
      seen(sidecars, 's2', 'running'),
      seen(sidecars, 's1', 'running'),
    ],
    local: { terminatingSince: NOW - 12_000 },
    actions: ['kill s2 18s'],
    terminal: true,
  },
  {
    name: 'a sidecar gets two seconds even when the time is used up',
    pod: sidecars,
    containers: [
      seen(sidecars, 'a', 'exited'),
      seen(sidecars, 's2', 'exited'),
      seen(sidecars, 's1', 'running'),
    ],
    local: { terminatingSince: NOW - 40_000 },
    actions: ['kill s1 2s'],
    terminal: true,
  },
  {
    name: 'then the sandbox is stopped',
    pod: going,
    containers: [seen(going, 'a', 'exited')],
    actions: ['stop sandbox s0'],
    terminal: true,
  },
  { name: 'then volumes and cgroups go', pod: going, sandboxes: dead, actions: ['cleanUp'], terminal: true },
  {
    name: 'last the object is deleted for good',
    pod: going,
    sandboxes: dead,
    local: { cleanedUp: true },
    actions: ['deletePod'],
    terminal: true,
  },
  {
    name: 'a pod that is gone from the server leaves nothing here',
    pod: plain,
    sandboxes: dead,
    local: { cleanedUp: true, removed: true },
    actions: ['forget'],
    terminal: true,
  },
  {
    name: 'a pod that ended by itself keeps its containers for their logs',
    pod: never,
    sandboxes: dead,
    containers: ended(never, {}),
    local: { cleanedUp: true },
    actions: [],
    terminal: true,
  },
  {
    name: 'a pod that the server calls Failed is stopped',
    pod: pod({}, { status: { phase: 'Failed' } }),
    containers: [seen(plain, 'a', 'running')],
    actions: ['kill a 30s'],
    terminal: true,
  },
  {
    name: 'a pod is stopped at its deadline',
    pod: limited,
    containers: [seen(limited, 'a', 'running')],
    actions: ['kill a 30s'],
    terminal: true,
  },
  {
    name: 'and looked at again when that comes',
    pod: notYet,
    containers: [seen(notYet, 'a', 'running')],
    actions: [],
    wakeIn: 30_000,
  },
  {
    name: 'a pod that was refused needs no cleaning up',
    pod: plain,
    sandboxes: [],
    local: { verdict: { phase: 'Failed', reason: 'OutOfcpu', message: '', refused: true } },
    actions: [],
    terminal: true,
  },
])
