import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Api,
  ConfigMap,
  Deployment,
  type Eviction,
  isApiError,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  type Scale,
  Secret,
} from '../../src/api/index.ts'
import type { Input } from '../../src/schema/index.ts'
import { type Binding, bindings } from './bindings.ts'

const namespace = 'default'
const at = (name: string) => ({ namespace, name })
const map = (
  name: string,
  data: Record<string, string> = {},
  labels?: Record<string, string>,
): Input<ConfigMap> => ({
  metadata: { namespace, name, ...(labels ? { labels } : {}) },
  data,
})
const pod = (name: string, more: object = {}): Input<Pod> => ({
  metadata: { namespace, name },
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
  ...more,
})

/** Resolves to what the promise was refused with: reason, code and text. */
async function refusal(
  promise: Promise<unknown>,
): Promise<{ reason: string; code: number; message: string }> {
  try {
    await promise
  } catch (error) {
    if (!isApiError(error)) throw error
    return { reason: error.reason, code: error.code, message: error.message }
  }
  throw new Error('expected the request to be refused, it was answered')
}

for (const [name, open] of bindings) {
  describe(`the API ${name}`, () => {
    let binding: Binding
    let api: Api
    before(async () => {
      binding = await open()
      api = binding.api
    })
    after(() => binding.close())

    describe('create', () => {
      test('gives an identity, a revision and defaults', async () => {
        const created = await api.create(Pod, pod('new'))
        assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/)
        assert.match(created.metadata.resourceVersion, /^\d+$/)
        assert.match(created.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        assert.equal(created.spec.restartPolicy, 'Always')
        assert.equal(created.spec.containers[0]!.imagePullPolicy, 'IfNotPresent')
        assert.equal(created.status.phase, 'Pending')
        assert.deepEqual(await api.get(Pod, at('new')), created)
      })

      test('refuses a name that is taken, an object that is wrong, and a revision', async () => {
        await api.create(ConfigMap, map('taken'))
        assert.deepEqual(await refusal(api.create(ConfigMap, map('taken'))), {
          reason: 'AlreadyExists',
          code: 409,
          message: 'configmaps "taken" already exists',
        })
        const invalid = await refusal(api.create(Pod, pod('Bad_Name')))
        assert.equal(invalid.code, 422)
        assert.match(
          invalid.message,
          /^Pod "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
        )
        const withRevision = { ...map('x'), metadata: { namespace, name: 'x', resourceVersion: '3' } }
        assert.equal(
          (await refusal(api.create(ConfigMap, withRevision))).message,
          'resourceVersion should not be set on objects to be created',
        )
      })

      test('makes up names that begin as asked and differ', async () => {
        const made = await Promise.all(
          Array.from({ length: 50 }, () =>
            api.create(ConfigMap, { metadata: { namespace, generateName: 'made-' } }),
          ),
        )
        const names = new Set(made.map((m) => m.metadata.name))
        assert.equal(names.size, 50)
        for (const n of names) assert.match(n, /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
      })

      test('cuts what a made-up name begins with, so that it fits where a host name has to', async () => {
        const generateName = `${'long-'.repeat(20)}`
        const { metadata } = await api.create(ConfigMap, { metadata: { namespace, generateName } })
        assert.equal(metadata.name.length, 63)
        assert.equal(metadata.name.slice(0, 58), generateName.slice(0, 58))
      })

      test('on trial answers what would be and keeps nothing', async () => {
        const tried = await api.create(ConfigMap, map('trial'), { dryRun: true })
        assert.ok(tried.metadata.uid)
        assert.equal((await refusal(api.get(ConfigMap, at('trial')))).message, 'configmaps "trial" not found')
      })
    })

    describe('update', () => {
      test('refuses an old revision and takes the present one, or none', async () => {
        const first = await api.create(ConfigMap, map('u1', { a: '1' }))
        const second = await api.update(ConfigMap, { ...first, data: { a: '2' } })
        assert.ok(Number(second.metadata.resourceVersion) > Number(first.metadata.resourceVersion))
        assert.deepEqual(await refusal(api.update(ConfigMap, { ...first, data: { a: '3' } })), {
          reason: 'Conflict',
          code: 409,
          message:
            'Operation cannot be fulfilled on configmaps "u1": the object has been modified; please apply your changes to the latest version and try again',
        })
        const forced = await api.update(ConfigMap, map('u1', { a: '4' }))
        assert.deepEqual(forced.data, { a: '4' })
        assert.equal(forced.metadata.uid, first.metadata.uid)
      })

      test('that changes nothing writes nothing', async () => {
        const first = await api.create(ConfigMap, map('u2', { a: '1' }))
        const again = await api.update(ConfigMap, { ...first })
        assert.equal(again.metadata.resourceVersion, first.metadata.resourceVersion)
      })

      test('keeps identity, and refuses another one', async () => {
        const first = await api.create(ConfigMap, map('u3'))
        const other = {
          ...map('u3'),
          metadata: { namespace, name: 'u3', uid: '00000000-0000-0000-0000-000000000000' },
        }
        assert.match(
          (await refusal(api.update(ConfigMap, other))).message,
          /Precondition failed: UID in precondition/,
        )
        assert.equal((await refusal(api.update(ConfigMap, map('absent')))).code, 404)
        assert.equal((await api.get(ConfigMap, at('u3'))).metadata.uid, first.metadata.uid)
      })

      test('of status and of the rest keep out of each other', async () => {
        const created = await api.create(Pod, pod('u4'))
        const running = await api.update(
          Pod,
          {
            ...created,
            metadata: { ...created.metadata, labels: { not: 'me' } },
            status: { ...created.status, phase: 'Running' },
          },
          { subresource: 'status' },
        )
        assert.equal(running.status.phase, 'Running')
        const labelled = await api.update(Pod, {
          ...running,
          metadata: { ...running.metadata, labels: { now: 'me' } },
          status: { phase: 'Failed' },
        })
        assert.equal(labelled.status.phase, 'Running')
        assert.deepEqual(labelled.metadata.labels, { now: 'me' })
      })

      test('many at once without a revision all succeed', async () => {
        await api.create(ConfigMap, map('race'))
        await Promise.all(
          Array.from({ length: 8 }, (_, i) => api.update(ConfigMap, map('race', { n: `${i}` }))),
        )
      })
    })

    describe('patch', () => {
      test('changes in each of the three ways', async () => {
        await api.create(Pod, pod('p1', { metadata: { namespace, name: 'p1', labels: { a: '1', b: '2' } } }))
        const merged = await api.patch(Pod, at('p1'), {
          type: 'merge',
          body: { metadata: { labels: { a: null, c: '3' } } },
        })
        assert.deepEqual(merged.metadata.labels, { b: '2', c: '3' })
        const strategic = await api.patch(Pod, at('p1'), {
          type: 'strategic',
          body: { spec: { containers: [{ name: 'c', image: 'web:2' }] } },
        })
        assert.equal(strategic.spec.containers[0]!.image, 'web:2')
        assert.equal(strategic.spec.containers[0]!.imagePullPolicy, 'IfNotPresent')
        const json = await api.patch(Pod, at('p1'), {
          type: 'json',
          body: [{ op: 'replace', path: '/metadata/labels/b', value: 'x' }],
        })
        assert.deepEqual(json.metadata.labels, { b: 'x', c: '3' })
      })

      test('refuses a failed test, an unknown object and an immutable field', async () => {
        await api.create(Pod, pod('p2'))
        const failed = await refusal(
          api.patch(Pod, at('p2'), {
            type: 'json',
            body: [{ op: 'test', path: '/spec/restartPolicy', value: 'Never' }],
          }),
        )
        assert.equal(failed.code, 422)
        assert.equal((await refusal(api.patch(Pod, at('absent'), { type: 'merge', body: {} }))).code, 404)
        const immutable = await refusal(
          api.patch(Pod, at('p2'), { type: 'merge', body: { spec: { hostNetwork: true } } }),
        )
        assert.equal(immutable.reason, 'Invalid')
      })

      test('keeps what the object is: its kind, its name, its identity', async () => {
        const created = await api.create(ConfigMap, map('p5', { a: '1' }))
        const refused: [object, RegExp][] = [
          [{ kind: 'Secret' }, /expected v1 ConfigMap, got v1 Secret/],
          [{ apiVersion: 'v2' }, /expected v1 ConfigMap, got v2 ConfigMap/],
          [
            { metadata: { name: 'x' } },
            /the name of the object \(x\) does not match the name on the URL \(p5\)/,
          ],
          [{ metadata: { name: null } }, /name must be provided/],
          [{ metadata: { namespace: 'x' } }, /namespace of the provided object does not match/],
        ]
        for (const type of ['merge', 'strategic'] as const) {
          for (const [body, message] of refused) {
            const error = await refusal(api.patch(ConfigMap, at('p5'), { type, body }))
            assert.equal(error.code, 400, JSON.stringify(body))
            assert.match(error.message, message)
          }
        }
        const body = { kind: null, apiVersion: null, metadata: { uid: null, creationTimestamp: null } }
        const kept = await api.patch(ConfigMap, at('p5'), { type: 'merge', body })
        assert.deepEqual(kept, created)
      })

      test('many at once all count', async () => {
        await api.create(ConfigMap, map('p3'))
        await Promise.all(
          Array.from({ length: 6 }, (_, i) =>
            api.patch(ConfigMap, at('p3'), { type: 'merge', body: { data: { [`k${i}`]: 'x' } } }),
          ),
        )
        assert.equal(Object.keys((await api.get(ConfigMap, at('p3'))).data ?? {}).length, 6)
      })

      test('on trial changes nothing', async () => {
        await api.create(ConfigMap, map('p4', { a: '1' }))
        const tried = await api.patch(
          ConfigMap,
          at('p4'),
          { type: 'merge', body: { data: { a: '2' } } },
          { dryRun: true },
        )
        assert.deepEqual(tried.data, { a: '2' })
        assert.deepEqual((await api.get(ConfigMap, at('p4'))).data, { a: '1' })
      })
    })

    describe('delete', () => {
      test('removes, once', async () => {
        await api.create(ConfigMap, map('d1'))
        await api.delete(ConfigMap, at('d1'))
        assert.equal((await refusal(api.get(ConfigMap, at('d1')))).reason, 'NotFound')
        assert.equal((await refusal(api.delete(ConfigMap, at('d1')))).reason, 'NotFound')
      })

      test('honours preconditions', async () => {
        const created = await api.create(ConfigMap, map('d2'))
        const wrong = await refusal(api.delete(ConfigMap, at('d2'), { preconditions: { uid: 'other' } }))
        assert.equal(wrong.reason, 'Conflict')
        assert.match(wrong.message, /Precondition failed: UID in precondition: other/)
        await api.delete(ConfigMap, at('d2'), {
          preconditions: { uid: created.metadata.uid, resourceVersion: created.metadata.resourceVersion },
        })
      })

      test('waits for finalizers, and the last one to go takes the object along', async () => {
        await api.create(ConfigMap, {
          ...map('d3'),
          metadata: { namespace, name: 'd3', finalizers: ['example.com/a', 'example.com/b'] },
        })
        const marked = await api.delete(ConfigMap, at('d3'))
        assert.ok(marked?.metadata.deletionTimestamp)
        await api.patch(ConfigMap, at('d3'), {
          type: 'merge',
          body: { metadata: { finalizers: ['example.com/b'] } },
        })
        assert.ok((await api.get(ConfigMap, at('d3'))).metadata.deletionTimestamp)
        const added = await refusal(
          api.patch(ConfigMap, at('d3'), {
            type: 'merge',
            body: { metadata: { finalizers: ['example.com/b', 'example.com/c'] } },
          }),
        )
        assert.equal(added.reason, 'Invalid')
        const last = await api.patch(ConfigMap, at('d3'), {
          type: 'merge',
          body: { metadata: { finalizers: null } },
        })
        assert.equal(last.metadata.finalizers, undefined)
        assert.equal((await refusal(api.get(ConfigMap, at('d3')))).reason, 'NotFound')
      })

      test('gives a scheduled pod its grace, which can be shortened and not lengthened', async () => {
        await api.create(
          Pod,
          pod('d4', {
            spec: {
              nodeName: 'n1',
              containers: [{ name: 'c', image: 'web:1' }],
              terminationGracePeriodSeconds: 20,
            },
          }),
        )
        await api.patch(
          Pod,
          at('d4'),
          { type: 'merge', body: { status: { phase: 'Running' } } },
          { subresource: 'status' },
        )
        const marked = (await api.delete(Pod, at('d4'))) as Pod
        assert.equal(marked.metadata.deletionGracePeriodSeconds, 20)
        const longer = (await api.delete(Pod, at('d4'), { gracePeriodSeconds: 50 })) as Pod
        assert.equal(longer.metadata.deletionGracePeriodSeconds, 20)
        const shorter = (await api.delete(Pod, at('d4'), { gracePeriodSeconds: 5 })) as Pod
        assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5)
        await api.delete(Pod, at('d4'), { gracePeriodSeconds: 0 })
        assert.equal((await refusal(api.get(Pod, at('d4')))).reason, 'NotFound')
      })

      test('removes a pod that no node runs at once', async () => {
        await api.create(Pod, pod('d5'))
        await api.delete(Pod, at('d5'))
        assert.equal((await refusal(api.get(Pod, at('d5')))).reason, 'NotFound')
      })

      test('in the foreground and orphaning leave the rest to the garbage collector', async () => {
        for (const [policy, finalizer] of [
          ['Foreground', 'foregroundDeletion'],
          ['Orphan', 'orphan'],
        ] as const) {
          const created = `d6-${policy.toLowerCase()}`
          await api.create(ConfigMap, map(created))
          await api.delete(ConfigMap, at(created), { propagationPolicy: policy })
          const held = await api.get(ConfigMap, at(created))
          assert.deepEqual(held.metadata.finalizers, [finalizer])
          await api.delete(ConfigMap, at(created), { propagationPolicy: 'Background' })
          assert.equal((await refusal(api.get(ConfigMap, at(created)))).reason, 'NotFound')
        }
      })

      test('of a namespace leaves it terminating until it is finalized', async () => {
        const created = await api.create(Namespace, { metadata: { name: 'going' } })
        assert.deepEqual(created.spec.finalizers, ['kubernetes'])
        assert.equal(created.metadata.labels?.['kubernetes.io/metadata.name'], 'going')
        await api.delete(Namespace, { name: 'going' })
        const going = await api.get(Namespace, { name: 'going' })
        assert.equal(going.status.phase, 'Terminating')
        await api.update(Namespace, { ...going, spec: {} }, { subresource: 'finalize' })
        assert.equal((await refusal(api.get(Namespace, { name: 'going' }))).reason, 'NotFound')
      })

      test('on trial removes nothing', async () => {
        await api.create(ConfigMap, map('d7'))
        await api.delete(ConfigMap, at('d7'), { dryRun: true })
        await api.get(ConfigMap, at('d7'))
      })
    })

    describe('subresources', () => {
      test('scale shows and sets replicas, and nothing else', async () => {
        const deployment: Input<Deployment> = {
          metadata: { namespace, name: 's1' },
          spec: {
            replicas: 2,
            selector: { matchLabels: { app: 'a', tier: 'b' } },
            template: {
              metadata: { labels: { app: 'a', tier: 'b' } },
              spec: { containers: [{ name: 'c', image: 'web:1' }] },
            },
          },
        }
        const created = await api.create(Deployment, deployment)
        const scale = await api.call<Scale, Scale>(Deployment, at('s1'), {
          subresource: 'scale',
          method: 'GET',
        })
        assert.equal(scale.spec?.replicas, 2)
        assert.equal(scale.status?.selector, 'app=a,tier=b')
        assert.equal(scale.metadata.uid, created.metadata.uid)
        const scaled = await api.call<Scale, Scale>(Deployment, at('s1'), {
          subresource: 'scale',
          method: 'PUT',
          body: { ...scale, spec: { replicas: 5 } },
        })
        assert.equal(scaled.spec?.replicas, 5)
        const now = await api.get(Deployment, at('s1'))
        assert.equal(now.spec.replicas, 5)
        assert.equal(now.metadata.generation, 2)
        const stale = await refusal(
          api.call(Deployment, at('s1'), {
            subresource: 'scale',
            method: 'PUT',
            body: { ...scale, spec: { replicas: 6 } },
          }),
        )
        assert.equal(stale.reason, 'Conflict')
        const negative = await refusal(
          api.call(Deployment, at('s1'), {
            subresource: 'scale',
            method: 'PUT',
            body: { ...scaled, spec: { replicas: -1 } },
          }),
        )
        assert.equal(negative.reason, 'Invalid')
      })

      test('binding gives a pod its node once', async () => {
        const created = await api.create(Pod, pod('s2'))
        const bind = (node: string) =>
          api.call(Pod, at('s2'), {
            subresource: 'binding',
            method: 'POST',
            body: {
              kind: 'Binding',
              apiVersion: 'v1',
              metadata: { ...at('s2'), uid: created.metadata.uid },
              target: { kind: 'Node', name: node },
            },
          })
        await bind('node-1')
        const bound = await api.get(Pod, at('s2'))
        assert.equal(bound.spec.nodeName, 'node-1')
        assert.equal(bound.status.conditions?.find((c) => c.type === 'PodScheduled')?.status, 'True')
        const again = await refusal(bind('node-2'))
        assert.equal(again.reason, 'Conflict')
        assert.equal(
          again.message,
          'Operation cannot be fulfilled on pods/binding "s2": pod s2 is already assigned to node "node-1"',
        )
      })

      test('eviction spends the budget and stops when it is spent; a trial evicts nobody', async () => {
        const labels = { app: 'evicted' }
        for (const n of ['e1', 'e2']) {
          await api.create(
            Pod,
            pod(n, {
              metadata: { namespace, name: n, labels },
              spec: { nodeName: 'n', containers: [{ name: 'c', image: 'w' }] },
            }),
          )
          await api.patch(
            Pod,
            at(n),
            {
              type: 'merge',
              body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
            },
            { subresource: 'status' },
          )
        }
        await api.create(PodDisruptionBudget, {
          metadata: { namespace, name: 'b' },
          spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
        })
        const observed = {
          observedGeneration: 1,
          disruptionsAllowed: 1,
          currentHealthy: 2,
          desiredHealthy: 1,
          expectedPods: 2,
        }
        await api.patch(
          PodDisruptionBudget,
          at('b'),
          { type: 'merge', body: { status: observed } },
          { subresource: 'status' },
        )
        const evict = (n: string, dryRun: string[] = []) =>
          api.call<Input<Eviction>, object>(Pod, at(n), {
            subresource: 'eviction',
            method: 'POST',
            body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: at(n), deleteOptions: { dryRun } },
          })
        await evict('e1', ['All'])
        assert.equal((await api.get(Pod, at('e1'))).metadata.deletionTimestamp, undefined)
        assert.equal((await api.get(PodDisruptionBudget, at('b'))).status.disruptionsAllowed, 1)
        assert.equal((await refusal(evict('e1', ['Some']))).code, 400)
        await evict('e1')
        assert.ok((await api.get(Pod, at('e1'))).metadata.deletionTimestamp)
        const refused = await refusal(evict('e2'))
        assert.equal(refused.code, 429)
        assert.equal(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.")
        assert.equal((await api.get(PodDisruptionBudget, at('b'))).status.disruptionsAllowed, 0)
      })
    })

    test('secrets take plain text and give it back encoded', async () => {
      const secret = await api.create(Secret, { metadata: at('secret'), stringData: { user: 'ann' } })
      assert.deepEqual(secret.data, { user: 'YW5u' })
      assert.equal(secret.type, 'Opaque')
      assert.ok(!('stringData' in secret))
    })

    test('a kind without a namespace is found without one', async () => {
      await api.create(Node, { metadata: { name: 'node-x' } })
      assert.equal((await api.get(Node, { name: 'node-x' })).metadata.namespace, undefined)
    })

    test('a read after an acknowledged write shows it, whoever writes meanwhile', async () => {
      await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const written = await api.create(ConfigMap, map(`ryw-${i}`, { v: '0' }))
          assert.equal(
            (await api.get(ConfigMap, at(`ryw-${i}`))).metadata.resourceVersion,
            written.metadata.resourceVersion,
          )
          const changed = await api.patch(ConfigMap, at(`ryw-${i}`), {
            type: 'merge',
            body: { data: { v: '1' } },
          })
          const listed = await api.list(ConfigMap, { namespace, fieldSelector: `metadata.name=ryw-${i}` })
          assert.equal(listed.items[0]?.metadata.resourceVersion, changed.metadata.resourceVersion)
          await api.delete(ConfigMap, at(`ryw-${i}`))
          assert.equal((await refusal(api.get(ConfigMap, at(`ryw-${i}`)))).reason, 'NotFound')
        }),
      )
    })
  })
}
