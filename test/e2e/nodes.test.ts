import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findProcesses, runCommand } from '../../src/cluster/index.ts'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'
import { processesOf } from './survival-kit.ts'

const skip = cannotRun
const root = join(import.meta.dirname, '..', '..')

let cluster: TestCluster

before(async () => {
  if (skip) return
  cluster = await startCluster({ nodes: 3 })
  await cluster.dhow('image', 'build', join(root, 'examples/web/images/images.yaml'))
})

after(async () => {
  await cluster?.remove()
})

const spread = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: spread }
spec:
  replicas: 3
  selector: { matchLabels: { app: spread } }
  template:
    metadata: { labels: { app: spread } }
    spec:
      tolerations:
        - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1 }
        - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1 }
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: spread } } }
      containers:
        - { name: web, image: example/web:1.0, readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: spread }
spec: { selector: { app: spread }, ports: [{ port: 80, targetPort: 8080 }] }
`

const pods = async () => {
  const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-l', 'app=spread', '-o', 'json'))
  return items as {
    metadata: { name: string; deletionTimestamp?: string }
    spec: { nodeName: string }
    status: {
      podIP: string
      conditions: { type: string; status: string }[]
      containerStatuses?: { containerID?: string }[]
    }
  }[]
}

test('three nodes are Ready, each with a range of its own for its pods', { skip }, async () => {
  const ranges = (await cluster.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}')).split(' ')
  assert.equal(new Set(ranges).size, 3)
})

test('pods of different nodes reach each other by address, by Service and by name', { skip }, async () => {
  const result = await cluster.tryKubectl(['apply', '-f', '-'], { input: spread })
  assert.equal(result.code, 0, result.stderr)
  await cluster.kubectl('rollout', 'status', 'deployment/spread', '--timeout=90s')
  const all = await pods()
  assert.deepEqual(new Set(all.map((p) => p.spec.nodeName)), new Set(['node1', 'node2', 'node3']))
  for (const from of all) {
    for (const to of [
      ...all.map((p) => `${p.status.podIP}:8080`),
      'spread',
      'spread.default.svc.cluster.local',
    ]) {
      const answer = await cluster.kubectl(
        'exec',
        from.metadata.name,
        '--',
        '/bin/busybox',
        'wget',
        '-q',
        '-O',
        '-',
        `http://${to}/cgi-bin/whoami`,
      )
      assert.match(answer, /^pod spread-/, `${from.spec.nodeName} to ${to}`)
    }
  }
})

test('a drain waits for a disruption budget, and goes on as it allows', { skip }, async () => {
  const drain = ['drain', 'node2', '--ignore-daemonsets', '--delete-emptydir-data', '--grace-period=1']
  await cluster.kubectl('create', 'pdb', 'spread', '--selector=app=spread', '--min-available=3')
  const refused = await cluster.tryKubectl([...drain, '--timeout=3s'])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/)
  assert.ok((await pods()).some((p) => p.spec.nodeName === 'node2'))
  await cluster.kubectl('patch', 'pdb', 'spread', '-p', '{"spec":{"minAvailable":2}}')
  assert.match(await cluster.kubectl(...drain, '--timeout=60s'), /node2 drained/)
  assert.ok((await pods()).every((p) => p.spec.nodeName !== 'node2' || p.metadata.deletionTimestamp))
  await cluster.kubectl('uncordon', 'node2')
  await cluster.kubectl('delete', 'pdb', 'spread')
  await cluster.kubectl('rollout', 'status', 'deployment/spread', '--timeout=60s')
})

test('a node that is cut off loses its pods to the others, and when it comes back none of them runs twice', {
  skip,
}, async () => {
  const node = cluster.layout.nodes[2]!
  const victim = (await pods()).find((p) => p.spec.nodeName === node.name)!
  const itsProcesses = processesOf(victim.status.containerStatuses![0]!.containerID!)
  assert.ok(itsProcesses.length > 0)
  // Frozen, the supervisor brings nothing back: as when the machine is gone.
  const supervisor = cluster.pidOf('supervisor')
  process.kill(supervisor, 'SIGSTOP')
  try {
    for (const part of ['agent-node3', 'containerd-node3']) process.kill(cluster.pidOf(part), 'SIGKILL')
    await runCommand(['ip', 'link', 'delete', node.hostLink!])
    await until(
      'three ready pods on two nodes',
      async () => {
        const ready = (await pods()).filter(
          (p) =>
            p.metadata.name !== victim.metadata.name &&
            p.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        )
        return ready.length === 3 && ready.every((p) => p.spec.nodeName !== node.name)
      },
      120,
    )
  } finally {
    process.kill(supervisor, 'SIGCONT')
  }
  await cluster.dhow('up', '--no-kubeconfig')
  await until('node3 to be Ready again', async () =>
    /node3 +Ready/.test(await cluster.kubectl('get', 'nodes')),
  )
  await until('the pod of before to be gone', async () => {
    const all = await pods()
    return all.length === 3 && !all.some((p) => p.metadata.name === victim.metadata.name)
  })
  await until('its containers to have ended', async () =>
    itsProcesses.every((pid) => !existsSync(`/proc/${pid}`)),
  )
})

test('a cluster shrinks: the node leaves the machine and the cluster', { skip }, async () => {
  await cluster.dhow('up', '--no-kubeconfig', '--nodes', '2')
  const nodes = await cluster.kubectl('get', 'nodes', '-o', 'name')
  assert.equal(nodes, 'node/node1\nnode/node2\n')
  assert.equal(existsSync(cluster.layout.nodes[2]!.netns!), false)
  assert.deepEqual(
    await findProcesses((args) => args.some((arg) => arg.includes(cluster.layout.nodes[2]!.dir))),
    [],
  )
  assert.match(await cluster.dhow('status'), /all is well/)
})
