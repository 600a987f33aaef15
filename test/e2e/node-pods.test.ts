import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { cannotRun, kubectls, startCluster, type TestCluster, until } from './harness.ts'

/** What a node does for pods that only a whole cluster shows: tokens, debugging, its own figures, its own object. */
const APPLETS = ['sh', 'cat', 'echo', 'sleep', 'ps', 'rm', 'touch', 'stty', 'read', 'ls']
const IMAGES = `images:
  - name: test/box:1
    files:
      - { path: /bin/busybox, from: "program:busybox", mode: "0755" }
      - { path: /tmp, directory: true, mode: "1777" }
${APPLETS.map((a) => `      - { path: /bin/${a}, link: busybox }`).join('\n')}
    entrypoint: [sh, -c, "exec sleep 100000"]
`
const dir = mkdtempSync(join(tmpdir(), 'dhow-pods-'))
let cluster: TestCluster

const sh = (script: string) => ({ name: 'a', image: 'test/box:1', command: ['sh', '-c', script] })
const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, ...spec },
})
const PODS = () => [
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'words' }, stringData: { word: 'one' } },
  pod('projected', {
    volumes: [
      {
        name: 'v',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { secret: { name: 'words' } },
          ],
        },
      },
    ],
    containers: [{ ...sh('exec sleep 100000'), volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  }),
  pod('talker', {
    restartPolicy: 'Never',
    containers: [sh('echo early; sleep 4; echo late; exec sleep 100000')],
  }),
  pod('ending', {
    terminationGracePeriodSeconds: 30,
    volumes: [{ name: 'v', hostPath: { path: join(dir, 'ending'), type: 'DirectoryOrCreate' } }],
    containers: [
      {
        ...sh("trap 'echo term >> /v/said; exit 0' TERM; while true; do sleep 0.1; done"),
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
        lifecycle: {
          preStop: {
            exec: { command: ['sh', '-c', 'echo begin >> /v/said; sleep 3; echo done >> /v/said'] },
          },
        },
      },
    ],
  }),
]

before(async () => {
  if (cannotRun) return
  cluster = await startCluster()
  writeFileSync(join(dir, 'images.yaml'), IMAGES)
  await cluster.dhow('image', 'build', join(dir, 'images.yaml'))
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: PODS() })
  const { code, stderr } = await cluster.tryKubectl(['apply', '-f', '-'], { input })
  assert.equal(code, 0, stderr)
  await cluster.kubectl('wait', 'pod', '--all', '--for=condition=Ready', '--timeout=60s')
})
after(async () => {
  await cluster?.remove()
  rmSync(dir, { recursive: true, force: true })
})

/** What a command shows on a terminal where somebody types a line. */
async function onTerminal(command: string, line: string): Promise<string> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
  const child = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const deadline = setTimeout(() => child.kill(), 90_000)
  child.stdin.write(`${line}\n`)
  try {
    return await text(child.stdout)
  } finally {
    clearTimeout(deadline)
  }
}
const inPod = (...command: string[]) => cluster.kubectl('exec', 'projected', '--', ...command)
const raw = (path: string) => cluster.kubectl('get', '--raw', path)

describe('pods on a node', { skip: cannotRun, timeout: 300_000 }, () => {
  test('a projected token is for its audience, its pod and a while; the root CA is beside it', async () => {
    const token = await inPod('cat', '/v/token')
    const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
    assert.deepEqual(payload.aud, ['vault'])
    assert.equal(payload.exp - payload.iat, 600)
    assert.equal(payload['kubernetes.io'].pod.name, 'projected')
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: ['vault'] },
    }
    const input = JSON.stringify(review)
    const create = ['create', '--validate=false', '-o', 'json', '-f', '-']
    const { stdout } = await cluster.tryKubectl(create, { input })
    assert.equal(JSON.parse(stdout).status.user.username, 'system:serviceaccount:default:default')
    const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8')
    const ca = /certificate-authority-data: (\S+)/.exec(kubeconfig)![1]!
    assert.equal((await inPod('cat', '/v/ca.crt')).trim(), Buffer.from(ca, 'base64').toString().trim())
  })

  test('a Secret that changes is seen by the pod that runs', async () => {
    assert.equal(await inPod('cat', '/v/word'), 'one')
    await cluster.kubectl('patch', 'secret', 'words', '-p', '{"stringData":{"word":"two"}}')
    await until('the new word', async () => (await inPod('cat', '/v/word')) === 'two', 20)
  })

  test('logs by their age, with their times, and cut', async () => {
    const logs = (...args: string[]) => cluster.kubectl('logs', 'talker', ...args)
    await until('all of it', async () => (await logs()) === 'early\nlate\n', 20)
    assert.match(await logs('--timestamps', '--tail=1'), /^\d{4}-\d\d-\d\dT\S+Z late\n$/)
    assert.equal(await logs('--limit-bytes=7'), 'early\nl')
    const late = (await logs('--timestamps', '--tail=1')).split(' ')[0]!
    assert.equal(await logs(`--since-time=${late.replace(/\.\d+Z$/, 'Z')}`), 'late\n')
  })

  for (const program of kubectls) {
    test(`${program} debug adds a container that sees the processes of another`, async () => {
      const args = ['debug', 'talker', '--image=test/box:1', '--target=a', '--', 'sh', '-c', 'ps; exit 5']
      const { code, stderr } = await cluster.tryKubectl(args, { program })
      assert.equal(code, 0, stderr)
      const statuses = async () => {
        const path = 'jsonpath={.status.ephemeralContainerStatuses}'
        return JSON.parse((await cluster.kubectl('get', 'pod', 'talker', '-o', path)) || '[]')
      }
      const { name, state } = await until('its end', async () =>
        (await statuses()).findLast((s: { state: { terminated?: object } }) => s.state.terminated),
      )
      assert.equal(state.terminated.exitCode, 5)
      assert.match(await cluster.kubectl('logs', 'talker', '-c', name), /1 .*(sleep|sh)/)
    })

    test(`${program} run -it --rm talks to a pod on a terminal, and leaves nothing`, async () => {
      const script = 'sleep 2; stty size; read word; echo got $word; exit 3'
      const run = `${program} run -it --rm --restart=Never --image=test/box:1 once --command -- sh -c '${script}'`
      const output = await onTerminal(`stty rows 31 cols 71; ${run}; echo code $?`, 'hello')
      assert.match(output, /31 71/)
      assert.match(output, /got hello/)
      assert.match(output, /code 3/)
      const { code } = await cluster.tryKubectl(['get', 'pod', 'once'])
      assert.equal(code, 1, 'it is gone')
    })
  }

  test('the end of a pod goes on where its agent is killed meanwhile', async () => {
    const said = () => readFileSync(join(dir, 'ending', 'said'), 'utf8')
    await cluster.kubectl('delete', 'pod', 'ending', '--wait=false')
    await until('the hook', async () => existsSync(join(dir, 'ending', 'said')))
    process.kill(cluster.pidOf('agent-node1'), 'SIGKILL')
    await cluster.kubectl('wait', 'pod/ending', '--for=delete', '--timeout=60s')
    assert.match(said(), /^begin\n(begin\n|done\n)*done\nterm\n$/)
  })

  test('the node tells what it and its containers use', async () => {
    const metrics = await raw('/api/v1/nodes/node1/proxy/metrics/resource')
    for (const line of [
      /^node_cpu_usage_seconds_total \d/m,
      /^node_memory_working_set_bytes \d/m,
      /^container_start_time_seconds\{container="a",namespace="default",pod="projected"\} \d/m,
      /^container_cpu_usage_seconds_total\{container="a",namespace="default",pod="projected"\} \d/m,
      /^pod_memory_working_set_bytes\{namespace="default",pod="projected"\} [1-9]/m,
    ])
      assert.match(metrics, line)
    const { pods } = JSON.parse(await raw('/api/v1/nodes/node1/proxy/stats/summary'))
    const path = 'jsonpath={.status.containerStatuses[0].state.running.startedAt}'
    const seen = pods.find((p: { podRef: { name: string } }) => p.podRef.name === 'projected')
    assert.equal(seen.containers[0].startTime, await cluster.kubectl('get', 'pod', 'projected', '-o', path))
  })

  test('the node says what it has, renews its Lease, and comes back when it is deleted', async () => {
    const get = async (...what: string[]) => JSON.parse(await cluster.kubectl('get', ...what, '-o', 'json'))
    const { metadata, status } = await get('node', 'node1')
    assert.ok(Number(status.capacity.cpu) > 0 && Number.parseInt(status.allocatable.memory, 10) > 0)
    assert.ok(Number.parseInt(status.allocatable.memory, 10) < Number.parseInt(status.capacity.memory, 10))
    assert.deepEqual(
      status.conditions.map((c: { type: string; status: string }) => `${c.type} ${c.status}`).sort(),
      ['DiskPressure False', 'MemoryPressure False', 'PIDPressure False', 'Ready True'],
    )
    assert.match(status.nodeInfo.containerRuntimeVersion, /^containerd:/)
    const names = status.images.flatMap((i: { names: string[] }) => i.names)
    assert.ok(names.length > 0)
    const renewed = async () => (await get('lease', '-n', 'kube-node-lease', 'node1')).spec.renewTime
    const before = await renewed()
    const after = await until('a renewal', async () => (await renewed()) !== before && renewed(), 40)
    const seconds = (Date.parse(after) - Date.parse(before)) / 1000
    assert.ok(seconds > 5 && seconds < 25, `${seconds} s between renewals`)

    await cluster.kubectl('delete', 'node', 'node1')
    await until(
      'the node',
      async () => {
        const node = await get('node', 'node1')
        assert.notEqual(node.metadata.uid, metadata.uid)
        return node.status.conditions.some(
          (c: { type: string; status: string }) => c.type === 'Ready' && c.status === 'True',
        )
      },
      40,
    )
    await cluster.kubectl('run', 'after', '--image=test/box:1', '--restart=Never')
    await cluster.kubectl('wait', 'pod/after', '--for=condition=Ready', '--timeout=40s')
  })
})
