import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../base/index.ts'
import {
  adminKubeconfig,
  changeKubeconfig,
  findUserContext,
  loadKubeconfig,
  mergeKubeconfig,
  userKubeconfig,
  withoutContext,
} from './kubeconfig.ts'
import { layoutOf } from './layout.ts'
import { newCluster } from './slots.ts'

const clock = systemClock()
const dir = mkdtempSync(join(tmpdir(), 'dhow-kubeconfig-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const oursFor = (name: string) =>
  adminKubeconfig(layoutOf(newCluster({ name }, [], { networks: [], portIsFree: () => true })), {
    caPem: 'CA',
    certPem: 'CERT',
    keyPem: 'KEY',
  })

const theirs = {
  apiVersion: 'v1',
  kind: 'Config',
  preferences: { colors: true },
  clusters: [{ name: 'work', cluster: { server: 'https://work' } }],
  users: [{ name: 'me', user: { token: 't' } }],
  contexts: [{ name: 'work', context: { cluster: 'work', user: 'me' } }],
  'current-context': 'work',
}

test('the context joins those that are there and becomes the current one; the rest is untouched', () => {
  const merged = mergeKubeconfig(theirs, oursFor('dhow'))
  assert.equal(merged['current-context'], 'dhow')
  assert.deepEqual(
    merged.contexts!.map((c) => c.name),
    ['work', 'dhow'],
  )
  assert.deepEqual(merged.users![0], theirs.users[0])
  assert.deepEqual(merged.preferences, { colors: true })
  assert.deepEqual(mergeKubeconfig(merged, oursFor('dhow')), merged)
  assert.deepEqual(withoutContext(merged, 'dhow'), { ...theirs, 'current-context': '' })
})

test('another context that was chosen since stays the current one, unless the cluster is started anew', () => {
  const ours = oursFor('dhow')
  const chosen = { ...mergeKubeconfig(theirs, ours), 'current-context': 'work' }
  assert.deepEqual(mergeKubeconfig(chosen, ours), chosen)
  assert.equal(mergeKubeconfig(chosen, ours, true)['current-context'], 'dhow')
})

test('a kubeconfig that is a link stays one', async () => {
  const real = join(dir, 'dotfiles')
  const link = join(dir, 'link')
  writeFileSync(real, '')
  symlinkSync(real, link)
  await changeKubeconfig(link, clock, (c) => mergeKubeconfig(c, oursFor('dhow')))
  assert.ok(lstatSync(link).isSymbolicLink())
  assert.equal((await loadKubeconfig(real))['current-context'], 'dhow')
})

test('clusters of other names have contexts of their own', () => {
  const both = mergeKubeconfig(mergeKubeconfig(undefined, oursFor('dhow')), oursFor('second'))
  assert.deepEqual(
    both.contexts!.map((c) => c.name),
    ['dhow', 'dhow-second'],
  )
  assert.equal(findUserContext(both, 'dhow-second')?.certPem, 'CERT')
  assert.equal(findUserContext(both, 'other'), undefined)
  assert.equal(withoutContext(both, 'other'), undefined)
})

test('KUBECONFIG is respected as kubectl does: the first file that exists, else the first', () => {
  const file = join(dir, 'exists')
  writeFileSync(file, '')
  assert.equal(userKubeconfig({ KUBECONFIG: `${dir}/none:${file}` }), file)
  assert.equal(userKubeconfig({ KUBECONFIG: `${dir}/none:${dir}/neither` }), `${dir}/none`)
})

test('a file is changed whole, keeps its mode, and one that is not a kubeconfig is left alone', async () => {
  const file = join(dir, 'sub', 'config')
  assert.equal(await changeKubeconfig(file, clock, (c) => mergeKubeconfig(c, oursFor('dhow'))), true)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(await changeKubeconfig(file, clock, (c) => mergeKubeconfig(c, oursFor('dhow'))), false)
  assert.equal((await loadKubeconfig(file))['current-context'], 'dhow')
  const broken = join(dir, 'broken')
  writeFileSync(broken, 'a: [')
  await assert.rejects(
    changeKubeconfig(broken, clock, (c) => mergeKubeconfig(c, oursFor('dhow'))),
    /cannot add a context to .*broken/,
  )
  assert.equal(readFileSync(broken, 'utf8'), 'a: [')
})
