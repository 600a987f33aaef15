import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../command.ts'
import { nftKernel, parseElements } from './kernel.ts'
import { chooserRules, isChooser, markerOf } from './table.ts'

test('elements are read back in the notation in which they are written', () => {
  const listing = {
    nftables: [
      { metainfo: {} },
      {
        map: {
          elem: [
            [{ concat: ['10.96.0.1', 'tcp', 80] }, { goto: { target: 'all-pick-2' } }],
            [{ concat: ['10.96.0.2', 'tcp', 80] }, { drop: null }],
            [{ concat: ['10.96.0.1', 'tcp', 80, '0:1'] }, { concat: ['10.244.0.1', 8080] }],
            [
              { elem: { val: { concat: ['10.244.0.9', '10.96.0.1'] }, expires: 9 } },
              { concat: ['10.244.0.1', 8080] },
            ],
            [{ concat: ['10.96.0.3', 'tcp', 80] }, { accept: null }],
          ],
        },
      },
      {
        set: {
          elem: [
            '10.96.0.1',
            { concat: ['10.96.0.1', 'tcp', 80, { prefix: { addr: '192.0.2.0', len: 24 } }] },
          ],
        },
      },
    ],
  }
  assert.deepEqual(parseElements(JSON.stringify(listing)), [
    ['10.96.0.1 . tcp . 80', 'goto all-pick-2'],
    ['10.96.0.2 . tcp . 80', 'drop'],
    ['10.96.0.1 . tcp . 80 . 0:1', '10.244.0.1 . 8080'],
    ['10.244.0.9 . 10.96.0.1', '10.244.0.1 . 8080'],
    ['10.96.0.3 . tcp . 80', '{"accept":null}'],
    ['10.96.0.1', ''],
    ['10.96.0.1 . tcp . 80 . 192.0.2.0/24', ''],
  ])
})

test('a table counts as ours only when nft says so; other failures are failures', async () => {
  const options = { table: 't', podCidr: '10.244.0.0/16' }
  const kernel = (error?: Error) =>
    nftKernel(options, async () => {
      if (error) throw error
      return ''
    })
  assert.equal(await kernel().isOurs(), true)
  assert.equal(await kernel(new CommandError('nft', 1, 'No such file or directory')).isOurs(), false)
  await assert.rejects(kernel(new CommandError('nft', null, 'ENOENT')).isOurs(), /cannot run nft/)
})

test('another pod network makes another table', () => {
  const marker = (podCidr: string) => markerOf({ table: 't', podCidr })
  assert.equal(marker('10.244.0.0/16'), marker('10.244.0.0/16'))
  assert.notEqual(marker('10.244.0.0/16'), marker('10.245.0.0/16'))
})

test('chains for counts are recognized by their names', () => {
  for (const name of ['all-pick-1', 'outside-pick-12', 'all-sticky-3', 'remember-60']) {
    assert.ok(isChooser(name))
    assert.ok(chooserRules(name).length > 0)
  }
  for (const name of ['prerouting', 'remember', 'all-pick-', 'version-12']) assert.ok(!isChooser(name))
})
