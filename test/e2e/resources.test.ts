import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'

/**
 * What requests and limits become in the kernel: the files of the control groups of classes, pods and containers are
 * read back, on whichever version of cgroups this machine has (`test/vm/run` has machines with version 2).
 */
const V2 = existsSync('/sys/fs/cgroup/cgroup.controllers')
const APPLETS = ['sh', 'cat', 'sleep', 'tail', 'dd']
const MIB = 1024 * 1024

const IMAGES = `images:
  - name: test/resources:1
    files:
      - { path: /bin/busybox, from: "program:busybox", mode: "0755" }
${APPLETS.map((a) => `      - { path: /bin/${a}, link: busybox }`).join('\n')}
`

const pod = (name: string, containers: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 0, containers },
})

const container = (name: string, resources: object, script = 'sleep 100000') => ({
  name,
  image: 'test/resources:1',
  command: ['sh', '-c', script],
  resources,
})

const PODS = [
  pod('guaranteed', [container('a', { limits: { cpu: '200m', memory: '64Mi' } })]),
  pod('burstable', [
    container('a', { requests: { cpu: '500m', memory: '16Mi' }, limits: { memory: '48Mi' } }),
    container('b', {}),
  ]),
  pod('besteffort', [container('a', {})]),
]

let cluster: TestCluster
let dir: string

before(async () => {
  if (cannotRun) return
  dir = mkdtempSync(join(tmpdir(), 'dhow-resources-'))
  cluster = await startCluster()
  writeFileSync(join(dir, 'images.yaml'), IMAGES)
  await cluster.dhow('image', 'build', join(dir, 'images.yaml'))
  for (const p of PODS) await create(p)
  await cluster.kubectl('wait', 'pod', '--all', '--for=condition=Ready', '--timeout=120s')
})

after(async () => {
  await cluster?.remove()
  if (dir) rmSync(dir, { recursive: true, force: true })
})

async function create(object: object): Promise<void> {
  const result = await cluster.tryKubectl(['create', '-f', '-'], { input: JSON.stringify(object) })
  assert.equal(result.code, 0, result.stderr)
}

const read = async (name: string) => JSON.parse(await cluster.kubectl('get', 'pod', name, '-o', 'json'))

/** One value, under the name that version 2 has for it. */
function settingOf(path: string, name: 'cpu.weight' | 'cpu.max' | 'memory.max'): string {
  const file = (controller: string, v1: string) =>
    readFileSync(join('/sys/fs/cgroup', V2 ? '' : controller, path, V2 ? name : v1), 'utf8').trim()
  switch (name) {
    case 'cpu.weight':
      return file('cpu', 'cpu.shares')
    case 'memory.max': {
      const value = file('memory', 'memory.limit_in_bytes')
      return !V2 && Number(value) > 2 ** 60 ? 'max' : value
    }
    case 'cpu.max': {
      if (V2) return file('', '')
      const quota = file('cpu', 'cpu.cfs_quota_us')
      return `${quota === '-1' ? 'max' : quota} ${file('cpu', 'cpu.cfs_period_us')}`
    }
  }
}

const classCgroup = (name: string) => `${cluster.layout.nodes[0]!.cgroupBase}/kubepods${name}`

async function podCgroup(name: string): Promise<string> {
  const { metadata, status } = await read(name)
  const under = status.qosClass === 'Guaranteed' ? '' : `/${status.qosClass.toLowerCase()}`
  return classCgroup(`${under}/pod${metadata.uid}`)
}

async function containerCgroup(name: string, containerName: string): Promise<string> {
  const { status } = await read(name)
  const found = status.containerStatuses.find((c: { name: string }) => c.name === containerName)
  return `${await podCgroup(name)}/${found.containerID.replace(/^containerd:\/\//, '')}`
}

describe(`requests and limits on cgroup v${V2 ? 2 : 1}`, { skip: cannotRun }, () => {
  test('each class of pods has a weight, each pod and container its weight and limits', async () => {
    // From version 1's shares to version 2's weight the node counts in a line, newer runtimes in a curve.
    const weights = (shares: number, line: number, curve: number) =>
      V2 ? [String(line), String(curve)] : [String(shares)]
    const half = weights(512, 20, 59)
    const fifth = weights(204, 8, 29)
    const least = weights(2, 1, 1)
    const groups: readonly [string, string, readonly string[], string, string][] = [
      ['burstable pods', classCgroup('/burstable'), half, 'max', 'max'],
      ['best-effort pods', classCgroup('/besteffort'), least, 'max', 'max'],
      ['a guaranteed pod', await podCgroup('guaranteed'), fifth, '20000', String(64 * MIB)],
      ['its container', await containerCgroup('guaranteed', 'a'), fifth, '20000', String(64 * MIB)],
      ['a burstable pod', await podCgroup('burstable'), half, 'max', 'max'],
      ['its container with requests', await containerCgroup('burstable', 'a'), half, 'max', String(48 * MIB)],
      ['its container without', await containerCgroup('burstable', 'b'), least, 'max', 'max'],
      ['a best-effort pod', await podCgroup('besteffort'), least, 'max', 'max'],
    ]
    for (const [what, path, weight, quota, memory] of groups) {
      // Those of the classes follow the pods there are, now and then.
      await until(
        `${what} to weigh ${weight}`,
        async () => weight.includes(settingOf(path, 'cpu.weight')),
        20,
      )
      assert.equal(settingOf(path, 'cpu.max'), `${quota} 100000`, `CPU limit of ${what}`)
      assert.equal(settingOf(path, 'memory.max'), memory, `memory limit of ${what}`)
    }
  })

  test('a container runs in its group, and sees no more than it', async () => {
    const seen = await cluster.kubectl('exec', 'guaranteed', '--', 'cat', '/proc/self/cgroup')
    const paths = seen
      .trim()
      .split('\n')
      .map((line) => line.split(':').slice(2).join(':'))
    if (V2) {
      assert.deepEqual(paths, ['/'])
      const limit = await cluster.kubectl('exec', 'guaranteed', '--', 'cat', '/sys/fs/cgroup/memory.max')
      assert.equal(limit.trim(), String(64 * MIB))
    } else {
      const path = await containerCgroup('guaranteed', 'a')
      assert.ok(paths.includes(path) || paths.includes('/'), `${path} in ${seen}`)
    }
  })

  test('a resize changes limits in place: pod and container, with no restart', async () => {
    const resources = { limits: { cpu: '300m', memory: '96Mi' }, requests: { cpu: '300m', memory: '96Mi' } }
    const patch = JSON.stringify({ spec: { containers: [{ name: 'a', resources }] } })
    const uri = '/api/v1/namespaces/default/pods/guaranteed/resize'
    const { containerID } = (await read('guaranteed')).status.containerStatuses[0]
    await cluster
      .kubectl('patch', 'pod', 'guaranteed', '--subresource', 'resize', '-p', patch)
      .catch(async () => {
        // Before 1.32 kubectl does not know it.
        const { metadata, spec } = await read('guaranteed')
        const changed = { ...spec, containers: [{ ...spec.containers[0], resources }] }
        const input = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: changed })
        const result = await cluster.tryKubectl(['replace', '--raw', uri, '-f', '-'], { input })
        assert.equal(result.code, 0, result.stderr)
      })
    const groups = [await podCgroup('guaranteed'), await containerCgroup('guaranteed', 'a')]
    for (const path of groups) {
      await until(`${path} to be resized`, async () => settingOf(path, 'memory.max') === String(96 * MIB), 30)
      await until(`${path} to be resized`, async () => settingOf(path, 'cpu.max') === '30000 100000', 30)
    }
    const status = await until('the status to tell', async () => {
      const found = (await read('guaranteed')).status.containerStatuses[0]
      return found.resources?.limits?.memory === '96Mi' && found
    })
    assert.deepEqual([status.containerID, status.restartCount], [containerID, 0])
  })

  test('a container that uses more memory than its limit is killed, is said to be, and starts again', async () => {
    await create(pod('greedy', [container('a', { limits: { memory: '32Mi' } }, 'sleep 1; tail /dev/zero')]))
    const status = await until('the kill to be told', async () => {
      const found = (await read('greedy')).status.containerStatuses?.[0]
      return found?.restartCount > 0 && (found.lastState.terminated ?? found.state.terminated) && found
    })
    const { reason, exitCode } = status.lastState.terminated
    assert.deepEqual([reason, exitCode], ['OOMKilled', 137])
    const events = await cluster.kubectl('get', 'events', '--field-selector', 'involvedObject.name=greedy')
    assert.match(events, /BackOff|Created/)
    await cluster.kubectl('delete', 'pod', 'greedy')
  })

  test('a limit of CPU holds, and what is used is told as the kernel counts it', async () => {
    const script = 'dd if=/dev/zero of=/dev/shm/f bs=1M count=20; while :; do :; done'
    await create(pod('busy', [container('a', { limits: { cpu: '200m', memory: '64Mi' } }, script)]))
    await cluster.kubectl('wait', 'pod/busy', '--for=condition=Ready', '--timeout=60s')
    const path = await containerCgroup('busy', 'a')
    const usedNanoseconds = () =>
      V2
        ? Number(/usage_usec (\d+)/.exec(readFileSync(`/sys/fs/cgroup${path}/cpu.stat`, 'utf8'))![1]) * 1000
        : Number(readFileSync(`/sys/fs/cgroup/cpuacct${path}/cpuacct.usage`, 'utf8'))
    const throttled = () => {
      const text = readFileSync(`/sys/fs/cgroup${V2 ? '' : '/cpu'}${path}/cpu.stat`, 'utf8')
      return Number(/nr_throttled (\d+)/.exec(text)![1])
    }
    await until('it to be held back', async () => throttled() > 3)
    const told = async () => {
      const summary = JSON.parse(
        await cluster.kubectl('get', '--raw', '/api/v1/nodes/node1/proxy/stats/summary'),
      )
      const found = summary.pods.find((p: { podRef: { name: string } }) => p.podRef.name === 'busy')
      return found?.containers[0] as {
        cpu: { usageCoreNanoSeconds: number }
        memory: { workingSetBytes: number }
      }
    }
    const before = usedNanoseconds()
    const stats = await until('figures newer than that', async () => {
      const found = await told()
      return found?.cpu.usageCoreNanoSeconds >= before && found
    })
    assert.ok(stats.cpu.usageCoreNanoSeconds <= usedNanoseconds())
    const { workingSetBytes } = stats.memory
    assert.ok(workingSetBytes > 20 * MIB && workingSetBytes <= 64 * MIB, `${workingSetBytes} bytes`)
    const metrics = await cluster.kubectl('get', '--raw', '/api/v1/nodes/node1/proxy/metrics/resource')
    assert.match(metrics, /container_memory_working_set_bytes\{[^}]*pod="busy"/)
    await cluster.kubectl('delete', 'pod', 'busy')
  })

  test('the groups go with the pod', async () => {
    const path = await podCgroup('burstable')
    await cluster.kubectl('delete', 'pod', 'burstable')
    const memory = join('/sys/fs/cgroup', V2 ? '' : 'memory', path)
    await until('its group to be gone', async () => !existsSync(memory))
    const weight = V2 ? '1' : '2'
    await until(
      'its class to weigh less',
      async () => settingOf(classCgroup('/burstable'), 'cpu.weight') === weight,
    )
  })
})
