import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigMap, Pod, type PodStatus } from '../api/index.ts'
import { systemClock } from '../base/index.ts'
import { eventually as within } from '../client/testing/index.ts'
import { readLog } from './logs/read.ts'
import { whyNoContainers } from './testing/containerd.ts'
import { STOP_SIGNAL_IMAGE } from './testing/image-archive.ts'
import { type PodInput, TestNode } from './testing/node.ts'

/** Clauses of what a node does for a pod, on real containers. All pods start at once; each test looks at its own. */
const why = whyNoContainers()
/** A machine that does much else starts two dozen pods slowly. */
const PATIENCE_MS = 60_000
const eventually: typeof within = (what, probe, deadlineMs = PATIENCE_MS) => within(what, probe, deadlineMs)
const options = { skip: why ?? false, timeout: 2 * PATIENCE_MS } as const
let node: TestNode

const sh = (script: string) => ({ command: ['sh', '-c', script] })
/** Runs until it is told to end, and says so in a file that outlives the pod. */
const loop = (word: string) =>
  sh(`trap 'echo ${word} >> /v/said; exit 0' TERM; while true; do sleep 0.1; done`)
const only = (script: string, more: object = {}) => [{ name: 'a', ...sh(script), ...more }]
const hook = (script: string) => ({ exec: { command: ['sh', '-c', script] } })
const often = { periodSeconds: 1, failureThreshold: 1 }
const mount = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
const kept = (name: string): PodInput['volumes'] => [
  { name: 'v', hostPath: { path: join(node.containerd.dir, 'kept', name), type: 'DirectoryOrCreate' } },
]
const said = (name: string) =>
  readFile(join(node.containerd.dir, 'kept', name, 'said'), 'utf8').catch(() => '')

const specs: Readonly<Record<string, () => PodInput>> = {
  greedy: () => ({
    restartPolicy: 'Never',
    containers: only('x=a; while true; do x=$x$x; done', { resources: { limits: { memory: '24Mi' } } }),
  }),
  working: () => ({
    containers: only('exec sleep 1000', { resources: { requests: { cpu: '300m' } } }),
  }),
  wordy: () => ({
    restartPolicy: 'Never',
    containers: only('echo one; echo two; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
  }),
  late: () => ({ activeDeadlineSeconds: 12, containers: only('exec sleep 1000') }),
  confined: () => ({
    restartPolicy: 'Never',
    securityContext: {
      runAsUser: 1000,
      supplementalGroups: [4000],
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '79' }],
      seccompProfile: { type: 'Localhost', localhostProfile: 'no-mkdir.json' },
    },
    containers: only(
      'id -G; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; mkdir /tmp/x 2>&1; grep CapEff /proc/self/status',
      { securityContext: { capabilities: { drop: ['ALL'] } } },
    ),
  }),
  mighty: () => ({
    restartPolicy: 'Never',
    hostPID: true,
    hostIPC: true,
    containers: only(
      'grep -E "CapEff|Seccomp:" /proc/self/status; ls -d /proc/[0-9]* 2>/dev/null | grep -c .; ls -l /proc/self/ns/ipc',
      { securityContext: { privileged: true } },
    ),
  }),
  signalled: () => ({
    volumes: kept('signalled'),
    containers: only(
      "trap 'echo usr1 > /v/said; exit 0' USR1; trap 'echo term > /v/said' TERM; while true; do sleep 0.1; done",
      { image: STOP_SIGNAL_IMAGE, ...mount },
    ),
  }),
  resignalled: () => ({
    volumes: kept('resignalled'),
    os: { name: 'linux' },
    containers: only(
      "trap 'echo usr2 > /v/said; exit 0' USR2; trap 'echo term > /v/said' TERM; while true; do sleep 0.1; done",
      { ...mount, lifecycle: { stopSignal: 'SIGUSR2' } },
    ),
  }),
  stubborn: () => ({
    terminationGracePeriodSeconds: 4,
    volumes: kept('stubborn'),
    containers: only("trap 'echo term >> /v/said' TERM; while true; do sleep 0.1; done", {
      ...mount,
      lifecycle: { preStop: { sleep: { seconds: 2 } } },
    }),
  }),
  gated: () => ({
    readinessGates: [{ conditionType: 'example.com/gate' }],
    containers: only('exec sleep 1000'),
  }),
  waited: () => ({
    containers: [
      { name: 'a', ...sh('exec sleep 1000'), lifecycle: { postStart: hook('sleep 3') } },
      { name: 'b', ...sh('exec sleep 1000') },
    ],
  }),
  unhooked: () => ({
    containers: only('exec sleep 1000', { lifecycle: { postStart: hook('echo geheim; exit 3') } }),
  }),
  sidecars: () => ({
    terminationGracePeriodSeconds: 10,
    volumes: kept('sidecars'),
    initContainers: [
      {
        name: 'first',
        restartPolicy: 'Always',
        command: [
          'sh',
          '-c',
          "trap 'echo first ends >> /v/said; exit 0' TERM; sleep 1; echo first is up >> /v/said; while true; do sleep 0.1; done",
        ],
        startupProbe: { ...often, failureThreshold: 30, ...hook('grep -q up /v/said') },
        ...mount,
      },
      { name: 'init', ...sh('echo init >> /v/said'), ...mount },
      { name: 'second', restartPolicy: 'Always', ...loop('second ends'), ...mount },
    ],
    containers: [{ name: 'a', ...loop('a ends'), ...mount }],
  }),
  volumes: () => ({
    volumes: [
      { name: 'files', configMap: { name: 'files' } },
      { name: 'later', configMap: { name: 'later', optional: true } },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'null', hostPath: { path: '/dev/null', type: 'CharDevice' } },
      { name: 'made', hostPath: { path: join(node.containerd.dir, 'made'), type: 'FileOrCreate' } },
      {
        name: 'labels',
        downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
      },
    ],
    containers: only(
      'head -n 1 /sub; stat -c %F /null /made; while ! test -e /files/stop; do sleep 0.1; done; exit 1',
      {
        resources: { limits: { memory: '48Mi' } },
        volumeMounts: [
          { name: 'files', mountPath: '/files' },
          { name: 'files', mountPath: '/sub', subPath: 'text' },
          { name: 'later', mountPath: '/later' },
          { name: 'memory', mountPath: '/memory' },
          { name: 'null', mountPath: '/null' },
          { name: 'made', mountPath: '/made' },
          { name: 'labels', mountPath: '/labels' },
        ],
      },
    ),
  }),
  unmounted: () => ({
    volumes: [{ name: 'v', hostPath: { path: '/nowhere-at-all', type: 'Directory' } }],
    containers: only('exec sleep 1000', mount),
  }),
  never: () => ({ containers: only('true', { image: 'dhow.local/absent:1', imagePullPolicy: 'Never' }) }),
  misnamed: () => ({ containers: only('true', { image: 'UPPER/case' }) }),
  unsecret: () => ({
    imagePullSecrets: [{ name: 'absent' }],
    containers: only('true', { image: '127.0.0.1:1/absent:1' }),
  }),
  hanging: () => ({
    containers: only("trap '' TERM; while true; do sleep 0.1; done", {
      livenessProbe: { ...often, terminationGracePeriodSeconds: 1, ...hook('sleep 100') },
    }),
    terminationGracePeriodSeconds: 600,
  }),
  unstarted: () => ({
    containers: only('exec sleep 1000', { startupProbe: { ...often, ...hook('exit 7') } }),
  }),
  unready: () => ({
    containers: [
      { name: 'tcp', ...sh('exec sleep 1000'), readinessProbe: { ...often, tcpSocket: { port: 81 } } },
      { name: 'grpc', ...sh('exec sleep 1000'), readinessProbe: { ...often, grpc: { port: 82 } } },
    ],
  }),
  named: () => ({
    restartPolicy: 'Never',
    hostname: 'box',
    subdomain: 'sub',
    setHostnameAsFQDN: true,
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['192.0.2.53'], searches: ['one.example'], options: [{ name: 'edns0' }] },
    containers: only('hostname; cat /etc/resolv.conf'),
  }),
  broken: () => ({
    restartPolicy: 'Never',
    initContainers: [{ name: 'init', ...sh('exit 2') }],
    containers: only('true'),
  }),
  ruled: () => ({
    restartPolicy: 'Never',
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: only('test -e /v/again && exit 0; touch /v/again; exit 42', {
      ...mount,
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
    }),
  }),
  talking: () => ({
    restartPolicy: 'Never',
    containers: only(
      `i=0; while test $i -lt ${LINES}; do i=$((i+1)); echo "$i $(head -c 300 /dev/zero | tr "\\0" x)"; sleep 0.1; done`,
    ),
  }),
  failing: () => ({ containers: only('echo again; exit 1') }),
  adopted: () => ({
    containers: only('touch /tmp/fine; exec sleep 1000', {
      livenessProbe: { ...often, ...hook('cat /tmp/fine') },
      readinessProbe: { ...often, initialDelaySeconds: 2, ...hook('cat /tmp/fine') },
    }),
  }),
}

const LINES = 160
let followed: Promise<{ readonly path: string; readonly text: string }>

/** Reads the log of a container from its first line until its end. */
async function follow(name: string): Promise<{ readonly path: string; readonly text: string }> {
  const { uid } = (await node.api.get(Pod, { namespace: 'default', name })).metadata
  const path = join(node.podDir(uid), 'logs', 'a', '0.log')
  await eventually('its beginning', () => existsSync(path))
  let ended = false
  const end = node.until(name, 'its end', (s) => s.phase === 'Succeeded', 2 * PATIENCE_MS)
  end.then(
    () => {
      ended = true
    },
    () => {},
  )
  const deps = { clock: systemClock(), running: () => !ended, signal: AbortSignal.timeout(2 * PATIENCE_MS) }
  const seen: string[] = []
  for await (const chunk of readLog(path, { follow: true, timestamps: false }, deps))
    seen.push(chunk.toString())
  return { path, text: seen.join('') }
}

before(
  async () => {
    if (why) return
    node = await TestNode.start({ logRotation: { maxBytes: 10_000, maxFiles: 3 } })
    const seccomp = join(node.containerd.dir, 'agent', 'seccomp')
    await mkdir(seccomp, { recursive: true })
    await writeFile(
      join(seccomp, 'no-mkdir.json'),
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
      }),
    )
    await node.api.create(ConfigMap, {
      metadata: { namespace: 'default', name: 'files' },
      data: { text: 'one\n' },
    })
    await Promise.all(
      Object.entries(specs).map(([name, spec]) => node.create(name, spec(), { labels: { turn: '1' } })),
    )
    followed = follow('talking')
    followed.catch(() => {})
  },
  { timeout: 2 * PATIENCE_MS },
)
after(() => node?.close(), { timeout: 2 * PATIENCE_MS })

const first = (s: PodStatus) => s.containerStatuses![0]!
const waiting = (name: string, reason: string) =>
  node.until(name, reason, (s) => s.containerStatuses?.[0]?.state.waiting?.reason === reason, PATIENCE_MS)
const condition = (s: PodStatus, type: string) => s.conditions!.find((c) => c.type === type)!
const idOf = (s: PodStatus) => first(s).containerID!.replace('containerd://', '')
const hears = (name: string, event: string) =>
  eventually(
    `the event "${event}"`,
    async () => {
      const events = await node.events(name)
      return events.includes(event) || Promise.reject(new Error(events.join('\n')))
    },
    PATIENCE_MS,
  )

test(
  'a container that takes more memory than it may is killed, and the status says why',
  options,
  async () => {
    const s = await node.done('greedy')
    assert.equal(s.phase, 'Failed')
    assert.deepEqual(
      [first(s).state.terminated!.reason, first(s).state.terminated!.exitCode],
      ['OOMKilled', 137],
    )
  },
)

test('pods that asked for nothing get what those that did leave over', options, async () => {
  const shares = (group: string) =>
    readFile(`/sys/fs/cgroup/cpu/${node.cgroupBase}/kubepods/${group}/cpu.shares`, 'utf8').then(Number)
  if (!existsSync('/sys/fs/cgroup/cpu')) return
  await node.running('working')
  await eventually('its share', async () => (await shares('burstable')) === 307)
  assert.equal(await shares('besteffort'), 2)
})

test('where a container left no message, the end of its log is one', options, async () => {
  const { state } = first(await node.done('wordy'))
  assert.deepEqual([state.terminated!.message, state.terminated!.exitCode], ['one\ntwo\n', 4])
})

test('a pod that runs longer than it may is ended', options, async () => {
  const s = await node.done('late')
  const message = 'Pod was active on the node longer than the specified deadline'
  assert.deepEqual([s.phase, s.reason, s.message], ['Failed', 'DeadlineExceeded', message])
  assert.ok(!first(s).state.running, 'it has failed only when nothing runs any more')
  await hears('late', `Normal DeadlineExceeded: ${message}`)
})

test('a process has the groups, kernel settings and system calls that its pod allows', options, async () => {
  await node.done('confined')
  assert.equal(
    await node.log('confined'),
    "0 4000\n79\nmkdir: can't create directory '/tmp/x': Operation not permitted\nCapEff:\t0000000000000000\n",
  )
})

test(
  'a privileged container has all rights, and the processes of the host where it asks for them',
  options,
  async () => {
    await node.done('mighty')
    const text = await node.log('mighty')
    const lines = text.split('\n')
    assert.match(lines[0]!, /^CapEff:\t0000[0-9a-f]+f{4}$/)
    assert.equal(lines[1], 'Seccomp:\t0')
    assert.ok(Number(lines[2]) > 10, text)
    assert.equal(lines[3]!.split('-> ')[1], await readlink('/proc/self/ns/ipc'))
  },
)

test('a container is told to end by the signal that its image names, or the pod', options, async () => {
  for (const [name, word] of [
    ['signalled', 'usr1\n'],
    ['resignalled', 'usr2\n'],
  ] as const) {
    await node.running(name)
    await node.delete(name)
    await node.gone(name)
    assert.equal(await said(name), word)
  }
})

test(
  'hook and signal share the grace period; who does not listen is killed when it is over',
  options,
  async () => {
    await node.running('stubborn')
    await eventually('its trap', async () => (await node.status('stubborn')).phase === 'Running')
    const began = performance.now()
    await node.delete('stubborn', 4)
    await eventually('SIGTERM', async () => (await said('stubborn')) === 'term\n')
    assert.ok(performance.now() - began > 1_900, 'not before the hook is over')
    await node.gone('stubborn')
    const took = performance.now() - began
    assert.ok(took > 3_500 && took < 20_000, `it took ${took} ms`)
    await hears('stubborn', 'Normal Killing: Stopping container a')
  },
)

test('a pod is ready when its gates are open', options, async () => {
  const closed = await node.running('gated')
  assert.deepEqual(
    [condition(closed, 'ContainersReady').status, condition(closed, 'Ready').reason],
    ['True', 'ReadinessGatesNotReady'],
  )
  const key = { namespace: 'default', name: 'gated' }
  const conditions = [...closed.conditions!, { type: 'example.com/gate', status: 'True' }]
  await node.api.patch(
    Pod,
    key,
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  )
  await node.until('gated', 'ready', (s) => condition(s, 'Ready').status === 'True')
})

test('a postStart handler holds back its container, and those after it', options, async () => {
  const s = await node.until('waited', 'running', (now) => {
    const [a, b] = now.containerStatuses ?? []
    assert.ok(!(b?.state.running && !a?.state.running), 'not in its order')
    return b?.state.running
  })
  const [a, b] = s.containerStatuses!.map((c) => Date.parse(c.state.running!.startedAt!))
  assert.ok(b! - a! >= 2_000, `${b! - a!} ms between them`)
})

test('a container whose postStart handler fails is killed, and no secret is told', options, async () => {
  await waiting('unhooked', 'CrashLoopBackOff')
  await hears('unhooked', 'Warning FailedPostStartHook: PostStartHook failed')
  await hears('unhooked', 'Normal Killing: FailedPostStartHook')
  assert.ok(!(await node.events('unhooked')).some((e) => e.includes('geheim')))
})

test('sidecars start in order with init containers, and end last, in reverse', options, async () => {
  await node.running('sidecars')
  await eventually('all of it', async () => (await said('sidecars')) === 'first is up\ninit\n')
  await node.delete('sidecars')
  await node.gone('sidecars')
  assert.equal(await said('sidecars'), 'first is up\ninit\na ends\nsecond ends\nfirst ends\n')
})

test('volumes follow what they show; a sub-path does when its container starts again', options, async () => {
  const s = await node.running('volumes')
  assert.equal(await node.log('volumes'), 'one\ncharacter special file\nregular empty file\n')
  const see = async (what: string, expected: string) =>
    eventually(`${expected} of ${what}`, async () => {
      const { stdout } = await node.exec(idOf(s), ['sh', '-c', what])
      return stdout.trim() === expected || Promise.reject(new Error(stdout))
    })
  await see('df -k /memory | tail -n 1 | tr -s " " | cut -d " " -f 2', String(48 * 1024))
  const change = (name: string, data: object) =>
    node.api.patch(ConfigMap, { namespace: 'default', name }, { type: 'merge', body: { data } })
  await change('files', { text: 'two\n' })
  await node.api.create(ConfigMap, { metadata: { namespace: 'default', name: 'later' }, data: { now: '' } })
  await node.api.patch(
    Pod,
    { namespace: 'default', name: 'volumes' },
    { type: 'merge', body: { metadata: { labels: { turn: '2' } } } },
  )
  await see('cat /files/text /sub', 'two\none')
  await see('ls /later', 'now')
  await see('cat /labels/labels', 'turn="2"')
  await change('files', { stop: '' })
  await eventually('the new text', async () =>
    (await node.log('volumes', 'a', 1).catch(() => '')).startsWith('two\n'),
  )
})

test(
  'a volume that cannot be had is told, and nothing is said to be ready for a start',
  options,
  async () => {
    await hears(
      'unmounted',
      'Warning FailedMount: MountVolume.SetUp failed for volume "v" : hostPath type check failed: /nowhere-at-all is not a directory',
    )
    assert.equal(condition(await node.status('unmounted'), 'PodReadyToStartContainers').status, 'False')
  },
)

test('images: what may not be pulled, has no name, or no secret', options, async () => {
  await waiting('never', 'ErrImageNeverPull')
  await hears(
    'never',
    'Warning ErrImageNeverPull: Container image "dhow.local/absent:1" is not present with pull policy of Never',
  )
  await waiting('misnamed', 'InvalidImageName')
  await waiting('unsecret', 'ImagePullBackOff')
  await hears(
    'unsecret',
    'Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (absent); attempting to pull the image may not succeed.',
  )
  await hears('unsecret', 'Normal BackOff: Back-off pulling image "127.0.0.1:1/absent:1"')
  await hears('unsecret', 'Warning Failed: Error: ImagePullBackOff')
})

test('a probe that takes too long has failed; its own grace period counts', options, async () => {
  await node.until('hanging', 'started again', (s) => first(s)?.restartCount >= 1, PATIENCE_MS)
  await hears(
    'hanging',
    'Warning Unhealthy: Liveness probe failed: command timed out: "sh -c sleep 100" timed out after 1s',
  )
  await hears('hanging', 'Normal Killing: Container a failed liveness probe, will be restarted')
  await node.delete('hanging', 0)
})

test('a container whose startup probe fails is started again', options, async () => {
  await node.until('unstarted', 'started again', (s) => first(s)?.restartCount >= 1, PATIENCE_MS)
  await hears('unstarted', 'Normal Killing: Container a failed startup probe, will be restarted')
})

test('a container that nobody can connect to is not ready, over TCP and gRPC', options, async () => {
  const { podIP, phase } = await node.running('unready')
  assert.equal(phase, 'Running')
  const refused = (port: number) => `dial tcp ${podIP}:${port}: connect: connection refused`
  await hears('unready', `Warning Unhealthy: Readiness probe failed: ${refused(81)}`)
  await hears(
    'unready',
    `Warning Unhealthy: Readiness probe failed: error: failed to connect service at "${podIP}:82": ${refused(82)}`,
  )
  const ready = condition(await node.status('unready'), 'Ready')
  assert.equal(ready.message, 'containers with unready status: [tcp grpc]')
})

test('a pod may have its full name as host name, and a resolver of its own', options, async () => {
  await node.done('named')
  assert.equal(
    await node.log('named'),
    'box.sub.default.svc.cluster.local\nsearch one.example\nnameserver 192.0.2.53\noptions edns0\n',
  )
})

test('a pod whose init container fails for good has failed, and never ran', options, async () => {
  const s = await node.done('broken')
  assert.equal(s.phase, 'Failed')
  assert.equal(condition(s, 'Initialized').reason, 'ContainersNotInitialized')
  assert.equal(s.initContainerStatuses![0]!.state.terminated!.exitCode, 2)
  assert.equal(first(s).state.waiting!.reason, 'PodInitializing')
})

test('a container starts again by a rule of its own', options, async () => {
  const s = await node.done('ruled')
  assert.deepEqual([s.phase, first(s).restartCount], ['Succeeded', 1])
  assert.equal(first(s).lastState.terminated!.exitCode, 42)
})

test('a log that is followed is whole, also while it is rotated', options, async () => {
  const { path, text } = await followed
  const numbers = text.split('\n').map((line) => line.split(' ')[0])
  assert.deepEqual(numbers, [...Array.from({ length: LINES }, (_, i) => String(i + 1)), ''])
  assert.ok((await readFile(path)).length < 30_000, 'it was rotated')
  const deps = { clock: systemClock(), running: () => false, signal: AbortSignal.timeout(10_000) }
  const whole: Buffer[] = []
  for await (const chunk of readLog(path, { follow: false, timestamps: false }, deps)) whole.push(chunk)
  assert.ok(Buffer.concat(whole).length > 30_000, 'what was put aside is shown, too')
})

test('of a container that keeps failing, only the last end is kept', options, async () => {
  await node.until('failing', 'failed twice', (s) => first(s)?.restartCount >= 1 && first(s).state.waiting)
  const { uid } = (await node.api.get(Pod, { namespace: 'default', name: 'failing' })).metadata
  const before = (await node.observe(uid)).containers
  await node.housekeep([uid], systemClock(), (it) => it.removeGarbage())
  const left = (await node.observe(uid)).containers.filter((c) => c.state === 'exited')
  assert.equal(left.length, 1)
  assert.ok(left[0]!.attempt >= before[0]!.attempt)
  assert.equal(await node.log('failing', 'a', left[0]!.attempt), 'again\n')
})

test('an agent that starts again finds its pods as they are, and goes on probing them', options, async () => {
  const before = await node.until('adopted', 'ready', (s) => first(s)?.ready)
  const seen: boolean[] = []
  await node.agent.stop()
  await node.startAgent()
  await eventually('a look at it', async () => {
    seen.push(first(await node.status('adopted')).ready)
    return seen.length > 20
  })
  assert.ok(!seen.includes(false), 'it was ready all the time')
  assert.deepEqual(first(await node.status('adopted')), first(before))
  await node.exec(idOf(before), ['rm', '/tmp/fine'])
  await node.until('adopted', 'started again', (s) => first(s).restartCount === 1)
})
