import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestAttributes } from '../contracts.ts'
import { Inflight } from './inflight.ts'

const ask = (verb: string, more: Partial<RequestAttributes> = {}): RequestAttributes => ({
  verb,
  isResource: true,
  path: '',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: '',
  name: '',
  ...more,
})
const user = (username: string, ...groups: string[]) => ({ username, groups })

test('one user cannot hold all places, and the cluster’s own parts always get one', () => {
  const inflight = new Inflight({ total: 3, perUser: 2 })
  const release = inflight.enter(user('greedy'), ask('list'))
  inflight.enter(user('greedy'), ask('create'))
  assert.throws(() => inflight.enter(user('greedy'), ask('get')), /too many requests/)
  inflight.enter(user('modest'), ask('get'))
  assert.throws(() => inflight.enter(user('late'), ask('get')), /too many requests/)
  inflight.enter(user('boss', 'system:masters'), ask('get'))
  release()
})

test('watches and streams take no place', () => {
  const inflight = new Inflight({ total: 1, perUser: 1 })
  for (let i = 0; i < 5; i++) {
    inflight.enter(user('a'), ask('watch'))
    inflight.enter(user('a'), ask('create', { subresource: 'exec' }))
  }
  assert.equal(inflight.reading + inflight.writing, 0)
})
