import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atOnce } from '../base/index.ts'
import { byGroupVersion, kindFor, openApiV2, openApiV3, Pod, servedKinds } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: the documents are walked by path
type Doc = Record<string, any>
const groups = byGroupVersion(servedKinds)
const v3 = (key: string) => atOnce(openApiV3(groups.get(key)!, 'v1.36.0')) as Doc

function references(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref') found.add(item as string)
    else references(item, found)
  }
  return found
}

test('every reference in every document leads to a schema', () => {
  for (const key of groups.keys()) {
    const doc = v3(key)
    for (const ref of references(doc)) {
      assert.ok(doc.components.schemas[ref.replace('#/components/schemas/', '')], `${key}: ${ref}`)
    }
  }
  const doc = atOnce(openApiV2(servedKinds, 'v1.36.0')) as Doc
  for (const ref of references(doc)) assert.ok(doc.definitions[ref.replace('#/definitions/', '')], ref)
})

test('operation ids are unique, and verbs are the resource’s own', () => {
  const doc = atOnce(openApiV2(servedKinds, 'v1.36.0')) as Doc
  const ids: string[] = []
  for (const item of Object.values<Doc>(doc.paths)) {
    for (const [method, operation] of Object.entries<Doc>(item)) {
      if (method !== 'parameters') ids.push(operation.operationId)
    }
  }
  assert.equal(new Set(ids).size, ids.length)
  for (const id of [
    'listCoreV1NamespacedPod',
    'listCoreV1PodForAllNamespaces',
    'createCoreV1NamespacedPodBinding',
    'createCoreV1NamespacedPodEviction',
    'deleteCoreV1CollectionNamespacedPod',
    'readCoreV1NamespacedPodLog',
    'connectCoreV1PostNamespacedPodExec',
    'replaceAppsV1NamespacedDeploymentScale',
    'patchCoreV1NodeStatus',
    'createAuthorizationV1SubjectAccessReview',
  ]) {
    assert.ok(ids.includes(id), id)
  }
  assert.ok(!ids.includes('readAuthorizationV1SubjectAccessReview'))
})

test('what kubectl looks for is there: kinds on definitions and operations, and the parameters it relies on', () => {
  const doc = v3('api/v1')
  const pod = doc.components.schemas['io.k8s.api.core.v1.Pod']
  assert.deepEqual(pod['x-kubernetes-group-version-kind'], [{ group: '', kind: 'Pod', version: 'v1' }])
  const patch = doc.paths['/api/v1/namespaces/{namespace}/pods/{name}'].patch
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: '', version: 'v1', kind: 'Pod' })
  assert.ok('application/strategic-merge-patch+json' in patch.requestBody.content)
  const names = patch.parameters.map((p: Doc) => p.name)
  assert.ok(names.includes('dryRun') && names.includes('fieldValidation'))
  const eviction = doc.paths['/api/v1/namespaces/{namespace}/pods/{name}/eviction'].post
  assert.deepEqual(eviction['x-kubernetes-group-version-kind'], {
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
  })
})

test('merge and apply behaviour is stated on the field', () => {
  const { properties, required } = v3('api/v1').components.schemas['io.k8s.api.core.v1.PodSpec']
  assert.deepEqual(required, ['containers'])
  assert.deepEqual(strip(properties.volumes), {
    type: 'array',
    items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Volume' },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-patch-strategy': 'merge,retainKeys',
    'x-kubernetes-patch-merge-key': 'name',
  })
  const strategy =
    v3('apis/apps/v1').components.schemas['io.k8s.api.apps.v1.DeploymentSpec'].properties.strategy
  assert.equal(strategy['x-kubernetes-patch-strategy'], 'retainKeys')
  assert.deepEqual(strategy.allOf, [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy' }])
  const port = v3('api/v1').components.schemas['io.k8s.api.core.v1.ServicePort'].properties.protocol
  assert.deepEqual(strip(port), { type: 'string', enum: ['SCTP', 'TCP', 'UDP'], default: 'TCP' })
})

function strip({ description: _, ...rest }: Doc): Doc {
  return rest
}

test('a kind is found by its apiVersion and by its resource', () => {
  assert.equal(kindFor('v1', 'Pod'), Pod)
  assert.equal(kindFor('apps/v1', 'Deployment')?.resource.plural, 'deployments')
  assert.equal(kindFor('v1', 'Deployment'), undefined)
  assert.equal(kindFor('v1', 'constructor'), undefined)
})
