import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../../api/index.ts'
import { requestInfo } from './request-info.ts'

/** verb group/version resource/subresource namespace name rest */
const cases: readonly (readonly [string, string, string])[] = [
  ['GET', '/api/v1/pods', 'list /v1 pods'],
  ['GET', '/api/v1/namespaces/a/pods', 'list /v1 pods ns=a'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch /v1 pods ns=a'],
  ['GET', '/api/v1/namespaces/a/pods?watch=false', 'list /v1 pods ns=a'],
  ['GET', '/api/v1/watch/namespaces/a/pods', 'watch /v1 pods ns=a'],
  ['GET', '/api/v1/watch/namespaces/a/pods/p', 'watch /v1 pods ns=a name=p'],
  ['GET', '/api/v1/namespaces/a/pods/p', 'get /v1 pods ns=a name=p'],
  ['HEAD', '/api/v1/namespaces/a/pods/p', 'get /v1 pods ns=a name=p'],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dp', 'list /v1 pods ns=a name=p'],
  ['GET', '/api/v1/namespaces/a/pods/p/log?follow=1', 'get /v1 pods/log ns=a name=p'],
  ['POST', '/api/v1/namespaces/a/pods/p/exec', 'create /v1 pods/exec ns=a name=p'],
  [
    'GET',
    '/api/v1/namespaces/a/services/s:80/proxy/x/y?z=1',
    'get /v1 services/proxy ns=a name=s:80 rest=/x/y',
  ],
  ['GET', '/api/v1/namespaces', 'list /v1 namespaces'],
  ['GET', '/api/v1/namespaces/a', 'get /v1 namespaces ns=a name=a'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update /v1 namespaces/finalize ns=a name=a'],
  ['PATCH', '/api/v1/namespaces/a/status', 'patch /v1 namespaces/status ns=a name=a'],
  ['POST', '/apis/apps/v1/namespaces/a/deployments', 'create apps/v1 deployments ns=a'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection apps/v1 deployments ns=a'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments/d', 'delete apps/v1 deployments ns=a name=d'],
  [
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab',
    'get rbac.authorization.k8s.io/v1 clusterroles name=a:b',
  ],
  ['GET', '/api/v1', 'get path /api/v1'],
  ['GET', '/apis/apps/v1/', 'get path /apis/apps/v1/'],
  ['POST', '/healthz/x', 'post path /healthz/x'],
  ['GET', '/api', 'get path /api'],
  ['GET', '/', 'get path /'],
]

for (const [method, target, expected] of cases) {
  test(`${method} ${target} asks to ${expected}`, () => {
    const i = requestInfo(method, target)
    const told = i.isResource
      ? [
          `${i.verb} ${i.group}/${i.version} ${i.resource}${i.subresource ? `/${i.subresource}` : ''}`,
          i.namespace && `ns=${i.namespace}`,
          i.name && `name=${i.name}`,
          i.rest && `rest=${i.rest}`,
        ]
          .filter(Boolean)
          .join(' ')
      : `${i.verb} path ${i.path}`
    assert.equal(told, expected)
  })
}

test('any target is understood or refused', () => {
  const part = fc.oneof(
    fc.constantFrom('api', 'apis', 'v1', 'namespaces', 'watch', 'pods', '', '%', '%2f', '..', '?', 'status'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      try {
        requestInfo('GET', `/${parts.join('/')}`)
      } catch (error) {
        assert.ok(error instanceof ApiError && error.code === 400, String(error))
      }
    }),
  )
})
