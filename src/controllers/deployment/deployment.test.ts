import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, Deployment, Event, Pod, ReplicaSet } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import { replicaSets } from '../replicaset/index.ts'
import { deployment, type Harness, harness, podsOf, setPod } from '../testing/harness.ts'
import { deployments } from './index.ts'
import { planDeployment } from './plan.ts'

const key = { namespace: 'default', name: 'web' }

async function running(spec: Input<Deployment['spec']> = {}) {
  const h = await harness([deployments, replicaSets])
  await h.api.create(Deployment, deployment('web', spec))
  await h.settle()
  return { ...h, ...steering(h) }
}

function steering(h: Harness) {
  const get = () => h.api.get(Deployment, key)
  const patch = (body: object) => h.api.patch(Deployment, key, { type: 'merge', body })
  const sets = async () => {
    const { items } = await h.api.list(ReplicaSet)
    return items.map((rs) => ({
      image: rs.spec.template.spec?.containers[0]?.image,
      size: rs.spec.replicas,
      revision: rs.metadata.annotations?.['deployment.kubernetes.io/revision'],
      rs,
    }))
  }
  const sizes = async () => Object.fromEntries((await sets()).map((s) => [s.image, s.size]))
  /** Makes pods ready until nothing changes any more; `check` sees every state on the way. */
  const roll = async (check: () => Promise<void> = async () => {}) => {
    for (let round = 0; round < 200; round++) {
      await h.settle()
      await check()
      const next = (await podsOf(h)).find(
        (p) => !p.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
      )
      if (!next) return
      await setPod(h, next, { ready: true })
    }
    assert.fail('the rollout does not end')
  }
  const setImage = (image: string) =>
    patch({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } })
  const progressing = async () => (await get()).status.conditions?.find((c) => c.type === 'Progressing')
  return { get, patch, sets, sizes, roll, setImage, progressing }
}

test('a Deployment makes a ReplicaSet that carries hash, revision and sizes', async () => {
  const h = await running()
  await h.roll()
  const [only] = await h.sets()
  const hash = only!.rs.metadata.labels?.['pod-template-hash']
  assert.match(hash!, /^[a-z0-9]{5,10}$/)
  assert.equal(only!.rs.metadata.name, `web-${hash}`)
  assert.deepEqual(only!.rs.spec.selector.matchLabels, { app: 'web', 'pod-template-hash': hash })
  assert.deepEqual(only!.rs.metadata.annotations, {
    'deployment.kubernetes.io/revision': '1',
    'deployment.kubernetes.io/desired-replicas': '3',
    'deployment.kubernetes.io/max-replicas': '4',
  })
  const d = await h.get()
  assert.equal(d.metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  const { conditions, ...counts } = d.status
  assert.deepEqual(counts, {
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    terminatingReplicas: 0,
  })
  assert.deepEqual(conditions?.map((c) => [c.type, c.status, c.reason, c.message]).sort(), [
    ['Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'],
    [
      'Progressing',
      'True',
      'NewReplicaSetAvailable',
      `ReplicaSet "web-${hash}" has successfully progressed.`,
    ],
  ])
  const scaled = (await h.api.list(Event)).items.find((e) => e.reason === 'ScalingReplicaSet')
  assert.equal(scaled?.message, `Scaled up replica set web-${hash} from 0 to 3`)
  await h.end()
})

for (const [maxSurge, maxUnavailable, replicas] of [
  ['25%', '25%', 10],
  [1, 0, 3],
  [0, 1, 4],
  ['100%', '100%', 5],
  [0, 0, 2],
  ['50%', '10%', 7],
] as const) {
  test(`a rolling update of ${replicas} with surge ${maxSurge} and unavailable ${maxUnavailable} keeps within its bounds`, async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } as const
    const h = await running({ replicas, strategy })
    await h.roll()
    const part = (v: number | string, round: (n: number) => number) =>
      typeof v === 'number' ? v : round((Number.parseInt(v, 10) * replicas) / 100)
    const surge = part(maxSurge, Math.ceil)
    const unavailable = part(maxUnavailable, Math.floor) || (surge === 0 ? 1 : 0)
    await h.setImage('two')
    let least: number = replicas
    let most: number = replicas
    await h.roll(async () => {
      const pods = (await podsOf(h)).filter((p) => !p.metadata.deletionTimestamp)
      const ready = pods.filter((p) => p.status.conditions?.some((c) => c.status === 'True'))
      least = Math.min(least, ready.length)
      most = Math.max(most, pods.length)
    })
    assert.ok(least >= replicas - unavailable, `${least} ready of ${replicas}`)
    assert.ok(most <= replicas + surge, `${most} pods for ${replicas}`)
    assert.deepEqual(await h.sizes(), { one: 0, two: replicas })
    assert.equal((await h.progressing())?.reason, 'NewReplicaSetAvailable')
    await h.end()
  })
}

test('a rollout to a template that never gets ready stops with the old pods serving, and undo repairs it', async () => {
  const h = await running({
    replicas: 4,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
  })
  await h.roll()
  await h.setImage('broken')
  await h.settle(10_000)
  assert.deepEqual(await h.sizes(), { one: 3, broken: 2 })
  assert.equal((await h.progressing())?.reason, 'ReplicaSetUpdated')
  await h.settle(700_000)
  const late = await h.progressing()
  assert.deepEqual([late?.status, late?.reason], ['False', 'ProgressDeadlineExceeded'])
  assert.match(late!.message!, /^ReplicaSet "web-.*" has timed out progressing\.$/)
  await h.setImage('one')
  await h.roll()
  assert.deepEqual(await h.sizes(), { one: 4, broken: 0 })
  const revisions = Object.fromEntries((await h.sets()).map((s) => [s.image, s.revision]))
  assert.deepEqual(revisions, { one: '3', broken: '2' })
  const restored = (await h.sets()).find((s) => s.image === 'one')
  assert.equal(restored?.rs.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
  assert.equal((await h.get()).metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  assert.equal((await h.progressing())?.reason, 'NewReplicaSetAvailable')
  await h.end()
})

test('paused, a Deployment scales but does not roll; resumed, it rolls', async () => {
  const h = await running()
  await h.roll()
  await h.patch({ spec: { paused: true } })
  await h.setImage('two')
  await h.patch({ spec: { replicas: 5 } })
  await h.roll()
  assert.deepEqual(await h.sizes(), { one: 5 })
  assert.equal((await h.progressing())?.reason, 'DeploymentPaused')
  await h.patch({ spec: { paused: false } })
  await h.roll()
  assert.deepEqual(await h.sizes(), { one: 0, two: 5 })
  await h.end()
})

test('scaling in the middle of a rollout is shared out in proportion', async () => {
  const h = await running({
    replicas: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
  })
  await h.roll()
  await h.setImage('two')
  await h.settle()
  assert.deepEqual(await h.sizes(), { one: 8, two: 5 })
  await h.patch({ spec: { replicas: 15 } })
  await h.settle()
  // 18 may be; 5 more, by 8 to 5, as in the API reference's example of proportional scaling.
  assert.deepEqual(await h.sizes(), { one: 11, two: 7 })
  await h.roll()
  assert.deepEqual(await h.sizes(), { one: 0, two: 15 })
  await h.end()
})

test('Recreate ends every old pod before the first new one', async () => {
  const h = await running({ strategy: { type: 'Recreate' } })
  await h.roll()
  for (const pod of await podsOf(h)) await setPod(h, pod, { nodeName: 'n', ready: true })
  await h.settle()
  await h.setImage('two')
  await h.settle()
  const leaving = await podsOf(h)
  assert.equal(leaving.length, 3)
  assert.ok(leaving.every((p) => p.metadata.deletionTimestamp))
  assert.deepEqual(await h.sizes(), { one: 0 })
  for (const pod of leaving)
    await h.api.delete(Pod, { namespace: 'default', name: pod.metadata.name }, { gracePeriodSeconds: 0 })
  await h.roll()
  assert.deepEqual(await h.sizes(), { one: 0, two: 3 })
  await h.end()
})

test('old revisions beyond the history limit are removed, the oldest first', async () => {
  const h = await running({ replicas: 1, revisionHistoryLimit: 2 })
  await h.roll()
  for (const image of ['two', 'three', 'four', 'five']) {
    await h.setImage(image)
    await h.roll()
  }
  assert.deepEqual(Object.keys(await h.sizes()).sort(), ['five', 'four', 'three'])
  await h.end()
})

test('a name that is taken by something else leads to another name', async () => {
  const probe = await running()
  const taken = (await probe.sets())[0]!.rs.metadata.name
  await probe.end()
  const h = await harness([deployments])
  await h.api.create(ReplicaSet, {
    metadata: { namespace: 'default', name: taken },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'other' } },
      template: { spec: { containers: [] } },
    },
  })
  await h.api.create(Deployment, deployment('web'))
  await h.settle(1000)
  const made = (await h.api.list(ReplicaSet)).items.filter((rs) => rs.metadata.name !== taken)
  assert.equal(made.length, 1)
  assert.equal((await h.api.get(Deployment, key)).status.collisionCount, 1)
  await h.end()
})

test('a ReplicaSet that cannot be created shows on the Deployment until it can', async () => {
  const h = await harness([deployments, replicaSets])
  h.api.fault = ({ verb, kind }) => {
    if (verb === 'create' && kind === 'ReplicaSet') throw new ApiError('Forbidden', 'no room')
  }
  await h.api.create(Deployment, deployment('web'))
  await h.settle(1000)
  const { progressing, roll } = steering(h)
  const failed = await progressing()
  assert.deepEqual([failed?.status, failed?.reason], ['False', 'ReplicaSetCreateError'])
  assert.match(failed!.message!, /^Failed to create new replica set "web-.*": no room$/)
  h.api.fault = undefined
  await h.settle(60_000)
  await roll()
  assert.equal((await progressing())?.reason, 'NewReplicaSetAvailable')
  await h.end()
})

test('a ReplicaSet without an owner is taken in with its pods', async () => {
  const h = await running()
  await h.roll()
  const [only] = await h.sets()
  const names = (await podsOf(h)).map((p) => p.metadata.name).sort()
  await h.api.delete(Deployment, key)
  const rsKey = { namespace: 'default', name: only!.rs.metadata.name }
  await h.api.patch(ReplicaSet, rsKey, { type: 'merge', body: { metadata: { ownerReferences: null } } })
  const again = await h.api.create(Deployment, deployment('web'))
  await h.settle()
  const adopted = await h.api.get(ReplicaSet, rsKey)
  assert.equal(adopted.metadata.ownerReferences?.[0]?.uid, again.metadata.uid)
  assert.deepEqual((await podsOf(h)).map((p) => p.metadata.name).sort(), names)
  await h.end()
})

test('an annotation change on the template (rollout restart) rolls every pod once', async () => {
  const h = await running()
  await h.roll()
  const before = new Set((await podsOf(h)).map((p) => p.metadata.name))
  await h.patch({
    spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } },
  })
  await h.roll()
  const after = await podsOf(h)
  assert.equal(after.length, 3)
  assert.ok(after.every((p) => !before.has(p.metadata.name)))
  await h.end()
})

test('at rest nothing is written, however long', async () => {
  const h = await running()
  await h.roll()
  await h.settle(1000)
  const { revision } = h.api
  await h.settle(86_400_000)
  assert.equal(h.api.revision, revision)
  assert.deepEqual(h.waits(), [])
  await h.end()
})

test('a status that has not caught up with a shrunken ReplicaSet does not make room for more', () => {
  const now = Date.UTC(2026, 0, 1)
  const set = (name: string, image: string, replicas: number, available: number, created: string) =>
    ({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        namespace: 'default',
        uid: name,
        resourceVersion: '1',
        generation: 2,
        creationTimestamp: created,
        labels: { app: 'web' },
        annotations: sizes,
      },
      spec: {
        replicas,
        selector: {},
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
      },
      status: {
        replicas: available,
        readyReplicas: available,
        availableReplicas: available,
        observedGeneration: 1,
      },
    }) as unknown as ReplicaSet
  const sizes = {
    'deployment.kubernetes.io/desired-replicas': '10',
    'deployment.kubernetes.io/max-replicas': '13',
    'deployment.kubernetes.io/revision': '1',
  }
  const old = set('old', 'one', 8, 10, '2026-01-01T00:00:00Z')
  const fresh = set('new', 'two', 5, 5, '2026-01-02T00:00:00Z')
  const d = {
    ...deployment('web', { replicas: 10 }),
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'd',
      resourceVersion: '1',
      generation: 2,
      annotations: { 'deployment.kubernetes.io/revision': '2' },
    },
    status: {},
  } as unknown as Deployment
  const spec = { ...d.spec, template: fresh.spec.template }
  const annotated = {
    ...fresh,
    metadata: { ...fresh.metadata, annotations: { ...sizes, 'deployment.kubernetes.io/revision': '2' } },
  }
  const observed = {
    deployment: { ...d, spec },
    controlled: [old, annotated],
    orphans: [],
    namesake: undefined,
    podsOf: () => [],
  }
  const { steps } = planDeployment(observed, { now, failure: undefined })
  const shrunk = steps
    .flatMap((s) => s.actions)
    .flatMap((a) => (a.do === 'update' && a.kind === ReplicaSet ? [a.object as ReplicaSet] : []))
  // 8 have to stay available. 13 are (8 old, 5 new), so 5 may go; by the stale status it would be 7.
  assert.deepEqual(
    shrunk.map((rs) => [rs.metadata.name, rs.spec.replicas]),
    [['old', 3]],
  )
})
