import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fingerprint, lastChange, pruneCache } from './compile.ts'

const directory = mkdtempSync(join(tmpdir(), 'dhow-fingerprint-'))
after(() => rmSync(directory, { recursive: true }))
mkdirSync(join(directory, 'inner'))
const file = join(directory, 'inner', 'a.ts')
writeFileSync(file, 'one')

test('the fingerprint of sources stays while nothing changes', async () => {
  assert.equal(await fingerprint(directory), await fingerprint(directory))
})

const changes: readonly [string, () => void][] = [
  ['a file grows', () => writeFileSync(file, 'three')],
  ['a file is written again in another moment', () => utimesSync(file, 1, 1)],
  ['a file is added', () => writeFileSync(join(directory, 'b.ts'), '')],
  ['a file goes', () => rmSync(join(directory, 'b.ts'))],
]
for (const [what, change] of changes) {
  test(`the fingerprint of sources changes when ${what}`, async () => {
    const before = await fingerprint(directory)
    change()
    assert.notEqual(await fingerprint(directory), before)
  })
}

test('code changed last when its newest file did, tests aside', async () => {
  const code = join(directory, 'code')
  mkdirSync(join(code, 'inner'), { recursive: true })
  for (const [name, second] of [
    ['a.ts', 5],
    ['inner/b.ts', 7],
    ['inner/b.test.ts', 9],
    ['notes.md', 9],
  ] as const) {
    writeFileSync(join(code, name), '')
    utimesSync(join(code, name), second, second)
  }
  assert.equal(await lastChange(code), 7000)
})

test('of a cache that has grown too large, what was not used for longest goes', async () => {
  const cache = join(directory, 'cache')
  mkdirSync(join(cache, 'v26'), { recursive: true })
  for (const second of [1, 2, 3, 4]) {
    writeFileSync(join(cache, 'v26', String(second)), Buffer.alloc(100))
    utimesSync(join(cache, 'v26', String(second)), second, second)
  }
  await pruneCache(cache, 400)
  assert.equal(readdirSync(join(cache, 'v26')).length, 4)
  await pruneCache(cache, 399)
  assert.deepEqual(readdirSync(join(cache, 'v26')), ['4'])
})
