import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sleep, systemClock } from '../../src/base/index.ts'
import { APP_IMAGES } from './app.ts'
import { newConnections } from './connections.ts'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'
import { apply, Hall, isWell, lostNothing, type PodView, podsOf, stopAll } from './survival-kit.ts'

/**
 * What happens to a pod that ends while its proxies cannot hear of it. A random kill hits that moment rarely; here the
 * endpoints are written by the test instead of a controller, so that they stay wrong for as long as it takes.
 */

const clock = systemClock()
const skip = cannotRun
let cluster: TestCluster
let hall: Hall

before(async () => {
  if (skip) return
  cluster = await startCluster()
  await cluster.dhow('image', 'build', APP_IMAGES)
  hall = await new Hall(cluster, 'hall').open({ replicas: 2, preStopSeconds: 0 })
})

after(async () => {
  await cluster?.remove()
})

/** A Service whose endpoints are these pods, by word of nobody but this. */
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'told', namespace: 'default' },
  spec: { type: 'NodePort', ports: [{ port: 80, targetPort: 8080 }] },
}

const slice = (pods: readonly PodView[]) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'told', namespace: 'default', labels: { 'kubernetes.io/service-name': 'told' } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: pods.map(({ metadata: { name, uid }, status }) => ({
    addresses: [status.podIP],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', namespace: 'default', name, uid },
  })),
})

/** Longer than any restart takes: half of it is waited for the endpoints. */
const GRACE_SECONDS = 90
const AWAY_MS = 2_500

for (const dying of [['server'], ['agent-node1'], ['server', 'agent-node1']] as const) {
  test(`a pod that is deleted as ${dying.join(' and ')} die is not ended while it is sent to`, {
    skip,
  }, async () => {
    const pods = await until('two pods', async () => {
      const now = (await hall.pods()).filter((pod) => !pod.metadata.deletionTimestamp)
      return now.length === 2 && now.every((p) => p.status.containerStatuses?.[0]?.ready) && now
    })
    const [leaver, stayer] = [pods[0]!, pods[1]!]
    await apply(cluster, [service, slice(pods)])
    const { spec } = JSON.parse(await cluster.kubectl('get', 'service', 'told', '-o', 'json'))
    const url = `http://${cluster.layout.nodes[0]!.ip}:${spec.ports[0].nodePort}/`
    const { name } = leaver.metadata
    await until('the Service to answer', async () => (await fetch(url)).ok)
    const running = { new: newConnections(url) }
    const supervisor = cluster.pidOf('supervisor')
    const pids = dying.map((part) => cluster.pidOf(part))
    // Frozen, it brings nothing back.
    process.kill(supervisor, 'SIGSTOP')
    try {
      await cluster.kubectl('delete', 'pod', name, `--grace-period=${GRACE_SECONDS}`, '--wait=false')
      await until('the agent to hear of it', async () => {
        const selector = `involvedObject.name=${name},reason=Killing`
        return (await cluster.kubectl('get', 'events', '--field-selector', selector)).includes(name)
      })
      for (const pid of pids) process.kill(pid, 'SIGKILL')
      await sleep(clock, AWAY_MS)
      process.kill(supervisor, 'SIGCONT')
      await isWell(cluster)
      const left = await podsOf(cluster, 'app=hall')
      assert.ok(
        left.some((pod) => pod.metadata.name === name),
        `${name} is still there`,
      )
      await apply(cluster, [slice([stayer])])
      await until(`${name} to be gone`, async () =>
        (await podsOf(cluster, 'app=hall')).every((pod) => pod.metadata.name !== name),
      )
      await lostNothing(running)
    } finally {
      process.kill(supervisor, 'SIGCONT')
      await stopAll(running)
    }
  })
}
