import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserInfo } from '../../api/index.ts'
import type { RequestAttributes } from '../contracts.ts'
import { Rbac, type Subject } from './rbac.ts'
import { describeRules, missingRules, type PolicyRule, urlMatches } from './rules.ts'

const ann: UserInfo = { username: 'ann', groups: ['dev', 'system:authenticated'] }
const robot: UserInfo = {
  username: 'system:serviceaccount:shop:robot',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
}

/** 'get pods', 'list apps/deployments in shop', 'create pods/exec web in shop', 'get /healthz'. */
function request(text: string): RequestAttributes {
  const [head, namespace = ''] = text.split(' in ')
  const [verb = '', what = '', name = ''] = head!.split(' ')
  const base = { verb, version: 'v1', name, namespace, path: what, group: '', resource: '', subresource: '' }
  if (what.startsWith('/')) return { ...base, isResource: false }
  const [qualified = '', subresource = ''] = what.split(':')
  const slash = qualified.indexOf('/')
  return {
    ...base,
    isResource: true,
    group: slash < 0 ? '' : qualified.slice(0, slash),
    resource: qualified.slice(slash + 1),
    subresource,
  }
}

const user = (name: string): Subject => ({ kind: 'User', name })
const group = (name: string): Subject => ({ kind: 'Group', name })

function rbacWith(scope: string, rules: readonly PolicyRule[], ...subjects: Subject[]): Rbac {
  const rbac = new Rbac()
  rbac.setRole('', 'r', rules)
  rbac.setBinding(scope, 'b', {
    namespace: scope,
    name: 'b',
    roleRef: { kind: 'ClusterRole', name: 'r' },
    subjects,
  })
  return rbac
}

const pods = (...verbs: string[]): PolicyRule => ({ verbs, apiGroups: [''], resources: ['pods'] })

test('what a rule allows', () => {
  const cases: [PolicyRule, string, boolean][] = [
    [pods('get'), 'get pods', true],
    [pods('get'), 'list pods', false],
    [pods('*'), 'deletecollection pods', true],
    [pods('get'), 'get pods:log', false],
    [pods('get'), 'get apps/pods', false],
    [{ verbs: ['get'], apiGroups: ['*'], resources: ['pods'] }, 'get apps/pods', true],
    [{ verbs: ['get'], apiGroups: [''], resources: ['*'] }, 'get pods:log web', true],
    [{ verbs: ['get'], apiGroups: ['apps'], resources: ['*'] }, 'get pods', false],
    [{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }, 'get pods:log', true],
    [{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }, 'get pods', false],
    [{ verbs: ['get'], apiGroups: ['*'], resources: ['*/scale'] }, 'get apps/deployments:scale', true],
    [{ verbs: ['get'], apiGroups: ['*'], resources: ['*/scale'] }, 'get apps/deployments', false],
    [{ verbs: ['get'], apiGroups: [''], resources: ['pods/*'] }, 'get pods:log', false],
    [{ ...pods('get'), resourceNames: ['web'] }, 'get pods web', true],
    [{ ...pods('get'), resourceNames: ['web'] }, 'get pods db', false],
    [{ ...pods('create'), resourceNames: ['web'] }, 'create pods', false],
    [{ ...pods('get'), resourceNames: [] }, 'get pods db', true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/apis/*'] }, 'get /healthz', true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/apis/*'] }, 'get /healthz/ping', false],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/apis/*'] }, 'get /apis/apps/v1', true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }, 'post /healthz', false],
    [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, 'get /healthz', false],
    [{ verbs: ['*'], nonResourceURLs: ['*'] }, 'get pods', false],
  ]
  for (const [rule, asked, allowed] of cases) {
    const rbac = rbacWith('', [rule], user('ann'))
    assert.equal(
      rbac.authorize(ann, request(asked)).allowed,
      allowed,
      `${asked} with ${JSON.stringify(rule)}`,
    )
  }
})

test('whom a binding means', () => {
  const cases: [string, Subject, UserInfo, boolean][] = [
    ['', user('ann'), ann, true],
    ['', user('bob'), ann, false],
    ['', group('dev'), ann, true],
    ['', group('ann'), ann, false],
    ['', user('dev'), ann, false],
    ['', { kind: 'ServiceAccount', name: 'robot', namespace: 'shop' }, robot, true],
    ['', { kind: 'ServiceAccount', name: 'robot', namespace: 'other' }, robot, false],
    ['', group('system:serviceaccounts:shop'), robot, true],
    ['shop', { kind: 'ServiceAccount', name: 'robot' }, robot, true],
    ['', user('system:serviceaccount:shop:robot'), robot, true],
  ]
  for (const [scope, subject, who, allowed] of cases) {
    const rbac = rbacWith(scope, [pods('get')], subject)
    assert.equal(
      rbac.authorize(who, request('get pods in shop')).allowed,
      allowed,
      JSON.stringify([scope, subject, who.username]),
    )
  }
})

test('a RoleBinding grants in its namespace only, and never paths', () => {
  const rbac = rbacWith('shop', [pods('get'), { verbs: ['get'], nonResourceURLs: ['*'] }], user('ann'))
  assert.equal(rbac.authorize(ann, request('get pods in shop')).allowed, true)
  assert.equal(rbac.authorize(ann, request('get pods in other')).allowed, false)
  assert.equal(rbac.authorize(ann, request('get pods')).allowed, false)
  assert.equal(rbac.authorize(ann, request('get /healthz')).allowed, false)
})

test('the reason names binding, role and subject', () => {
  const cluster = rbacWith('', [pods('get')], { kind: 'ServiceAccount', name: 'robot', namespace: 'shop' })
  assert.equal(
    cluster.authorize(robot, request('get pods')).reason,
    'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to ServiceAccount "robot/shop"',
  )
  const local = rbacWith('shop', [pods('get')], group('dev'))
  assert.equal(
    local.authorize(ann, request('get pods in shop')).reason,
    'RBAC: allowed by RoleBinding "b/shop" of ClusterRole "r" to Group "dev"',
  )
})

test('changes count from the next request on', () => {
  const rbac = rbacWith('', [pods('get')], user('ann'))
  const allowed = () => rbac.authorize(ann, request('get pods in shop')).allowed
  assert.equal(allowed(), true)
  rbac.setRole('', 'r', [pods('list')])
  assert.equal(allowed(), false)
  rbac.setRole('', 'r', [pods('get')])
  assert.equal(allowed(), true)
  rbac.setBinding('', 'b', {
    namespace: '',
    name: 'b',
    roleRef: { kind: 'ClusterRole', name: 'r' },
    subjects: [user('bob')],
  })
  assert.equal(allowed(), false)
  rbac.setBinding('', 'b', {
    namespace: '',
    name: 'b',
    roleRef: { kind: 'ClusterRole', name: 'r' },
    subjects: [user('ann')],
  })
  assert.equal(allowed(), true)
  rbac.setBinding('', 'b', undefined)
  assert.equal(allowed(), false)
})

test('a binding to a role that is not there grants nothing and says so', () => {
  const rbac = rbacWith('', [pods('get')], user('ann'))
  rbac.setRole('', 'r', undefined)
  assert.deepEqual(rbac.authorize(ann, request('get pods')), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
  })
})

test('what a user may hand on', () => {
  const all: PolicyRule[] = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]
  const cases: [PolicyRule[], PolicyRule[], string[]][] = [
    [all, [pods('get'), { verbs: ['get'], nonResourceURLs: ['/x'] }], []],
    [[pods('get', 'list')], [pods('get')], []],
    [[pods('get')], [pods('get', 'list')], ['{APIGroups:[""], Resources:["pods"], Verbs:["list"]}']],
    [[pods('get'), pods('list')], [pods('get', 'list')], []],
    [[pods('get')], [pods('*')], ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']],
    [
      [{ ...pods('get'), resourceNames: ['a'] }],
      [pods('get')],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
    ],
    [[pods('get')], [{ ...pods('get'), resourceNames: ['a'] }], []],
    [
      [{ verbs: ['get'], apiGroups: [''], resources: ['*/log'] }],
      [{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }],
      [],
    ],
    [
      [{ verbs: ['get'], nonResourceURLs: ['/a/*'] }],
      [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/b'] }],
      ['{NonResourceURLs:["/b"], Verbs:["get"]}'],
    ],
    [[], [pods('get', 'list')], ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']],
  ]
  for (const [owned, wanted, missing] of cases) {
    assert.deepEqual(describeRules(missingRules(owned, wanted)!), missing, JSON.stringify(wanted))
  }
})

test('a role too large to compare is given up on instead of compared for ever', () => {
  const many = (prefix: string) => Array.from({ length: 2000 }, (_, i) => `${prefix}${i}`)
  const huge = { verbs: many('v'), apiGroups: many('g'), resources: many('r') }
  assert.equal(missingRules([pods('get')], [huge]), undefined)
})

test('URL patterns', () => {
  assert.ok(urlMatches('*', '/x'))
  assert.ok(urlMatches('/a*', '/abc'))
  assert.ok(!urlMatches('/a/*', '/a'))
})
