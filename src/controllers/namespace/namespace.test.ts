import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ApiError,
  ConfigMap,
  Deployment,
  isApiError,
  Namespace,
  Pod,
  Secret,
  ServiceAccount,
} from '../../api/index.ts'
import { type Harness, harness, setPod } from '../testing/harness.ts'
import { rootCaPublisher, serviceAccounts } from './defaults.ts'
import { namespaces } from './index.ts'

const start = () => harness([namespaces(), serviceAccounts, rootCaPublisher('PEM')])
const gone = (h: Harness) =>
  assert.rejects(h.api.get(Namespace, { name: 'shop' }), (e) => isApiError(e, 'NotFound'))

test('a new namespace gets its default account and the root certificate, and gets them back', async () => {
  const h = await start()
  await h.api.create(Namespace, { metadata: { name: 'shop' } })
  await h.settle()
  await h.api.get(ServiceAccount, { namespace: 'shop', name: 'default' })
  const key = { namespace: 'shop', name: 'kube-root-ca.crt' }
  assert.deepEqual((await h.api.get(ConfigMap, key)).data, { 'ca.crt': 'PEM' })
  await h.api.delete(ServiceAccount, { namespace: 'shop', name: 'default' })
  await h.api.patch(ConfigMap, key, { type: 'merge', body: { data: { 'ca.crt': 'forged', more: 'x' } } })
  await h.settle()
  await h.api.get(ServiceAccount, { namespace: 'shop', name: 'default' })
  assert.deepEqual((await h.api.get(ConfigMap, key)).data, { 'ca.crt': 'PEM' })
  await h.end()
})

test('deleting a namespace deletes everything in it, and nothing elsewhere', async () => {
  const h = await start()
  for (const name of ['shop', 'other']) {
    await h.api.create(Namespace, { metadata: { name } })
    await h.api.create(Secret, { metadata: { namespace: name, name: 's' } })
    await h.api.create(Deployment, { metadata: { namespace: name, name: 'd' } })
    for (let i = 0; i < 20; i++)
      await h.api.create(Pod, { metadata: { namespace: name, name: `p${i}` }, spec: { containers: [] } })
  }
  await h.settle()
  await h.api.delete(Namespace, { name: 'shop' })
  await h.settle(1000)
  await gone(h)
  for (const kind of [Secret, Deployment, Pod, ConfigMap, ServiceAccount]) {
    const { items } = await h.api.list(kind as typeof Secret)
    assert.ok(items.length > 0)
    assert.ok(items.every((o) => o.metadata.namespace === 'other'))
  }
  await h.end()
})

test('pods go before what they may need, and what remains is said', async () => {
  const h = await start()
  await h.api.create(Namespace, { metadata: { name: 'shop' } })
  await h.api.create(Secret, { metadata: { namespace: 'shop', name: 's' } })
  const pod = await h.api.create(Pod, {
    metadata: { namespace: 'shop', name: 'p', finalizers: ['example.com/slow'] },
    spec: { containers: [] },
  })
  await setPod(h, pod, { nodeName: 'n', ready: true })
  await h.settle()
  await h.api.delete(Namespace, { name: 'shop' })
  await h.settle(2000)
  await h.api.get(Secret, { namespace: 'shop', name: 's' })
  const { status } = await h.api.get(Namespace, { name: 'shop' })
  assert.equal(status.phase, 'Terminating')
  const remains = status.conditions?.find((c) => c.type === 'NamespaceContentRemaining')
  assert.equal(remains?.status, 'True')
  assert.match(remains!.message!, /^Some resources are remaining: .*pods\. has 1 resource instances/)
  const finalizers = status.conditions?.find((c) => c.type === 'NamespaceFinalizersRemaining')
  assert.equal(
    finalizers?.message,
    'Some content in the namespace has finalizers remaining: example.com/slow in 1 resource instances',
  )
  await h.api.patch(Pod, pod.metadata, { type: 'merge', body: { metadata: { finalizers: null } } })
  await h.api.delete(Pod, pod.metadata, { gracePeriodSeconds: 0 })
  await h.settle(1000)
  await gone(h)
  await h.end()
})

test('a namespace that somebody else holds says that its content is gone', async () => {
  const h = await start()
  const finalizers = ['kubernetes', 'example.com/mine']
  await h.api.create(Namespace, { metadata: { name: 'shop' }, spec: { finalizers } })
  await h.api.create(Secret, { metadata: { namespace: 'shop', name: 's', finalizers: ['example.com/slow'] } })
  await h.settle()
  await h.api.delete(Namespace, { name: 'shop' })
  await h.settle(1000)
  const said = async () => {
    const { status } = await h.api.get(Namespace, { name: 'shop' })
    const about = ['NamespaceContentRemaining', 'NamespaceFinalizersRemaining']
    return status.conditions?.filter((c) => about.includes(c.type)).map((c) => c.reason)
  }
  assert.deepEqual(await said(), ['SomeResourcesRemain', 'SomeFinalizersRemain'])
  const body = { metadata: { finalizers: null } }
  await h.api.patch(Secret, { namespace: 'shop', name: 's' }, { type: 'merge', body })
  await h.settle(5000)
  assert.deepEqual(await said(), ['ContentRemoved', 'ContentHasNoFinalizers'])
  assert.deepEqual((await h.api.get(Namespace, { name: 'shop' })).spec.finalizers, ['example.com/mine'])
  await h.end()
})

test('a kind that cannot be listed holds the namespace: not knowing is not being empty', async () => {
  const h = await start()
  await h.api.create(Namespace, { metadata: { name: 'shop' } })
  await h.settle()
  h.api.fault = ({ verb, kind }) => {
    if (verb === 'list' && kind === 'Secret') throw new ApiError('ServiceUnavailable', 'no storage')
  }
  await h.api.delete(Namespace, { name: 'shop' })
  await h.settle(5000)
  const { status } = await h.api.get(Namespace, { name: 'shop' })
  const failure = status.conditions?.find((c) => c.type === 'NamespaceDeletionContentFailure')
  assert.deepEqual([failure?.status, failure?.reason], ['True', 'ContentDeletionFailed'])
  assert.match(failure!.message!, /secrets: no storage/)
  h.api.fault = undefined
  await h.settle(20_000)
  await gone(h)
  await h.end()
})
