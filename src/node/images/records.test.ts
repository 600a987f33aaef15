import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PullRecords } from './records.ts'
import { parseImage } from './reference.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-records-'))
})
after(() => rm(dir, { recursive: true, force: true }))

const image = parseImage('reg.example/team/app:1')!
const present = { id: 'sha256:1', digests: ['reg.example/team/app@sha256:1'] }
const credential = (username: string, secret = 'default/s/1') => ({
  auth: { username, password: 'p' },
  secret,
})
const me = credential('me')

/** Whether a pod with these credentials may use the image, as told by records that were read again from the file. */
const may = (file: string, own: readonly ReturnType<typeof credential>[] = [], what = present, ref = image) =>
  new PullRecords(join(dir, file)).mayUse(what, ref, async () => own)

async function pulled(file: string, used?: ReturnType<typeof credential>, others: readonly string[] = []) {
  const records = new PullRecords(join(dir, file))
  await records.begin(image)
  await records.done(image, present.id, used, [present.id, ...others])
  return records
}

test('what was brought here by hand is for everybody', async () => {
  assert.ok(await may('none'))
  await pulled('mixed', me)
  const imported = { ...present, digests: [] }
  assert.ok(await may('mixed', [], imported, parseImage('mine/app:1')!), 'under a name that no registry gave')
})

test('what was pulled without credentials is for everybody, also when it was pulled with them before', async () => {
  const records = await pulled('open', me)
  assert.ok(!(await may('open')))
  await records.done(image, present.id, undefined, [present.id])
  assert.ok(await may('open'))
})

for (const [name, own, expected] of [
  ['nobody', [], false],
  ['somebody else', [credential('you', 'default/t/2')], false],
  ['the same user by another secret', [credential('me', 'other/t/3')], true],
  ['the same secret, with a new password', [{ ...me, auth: { username: 'me', password: 'new' } }], true],
  ['one of several', [credential('you', 'default/t/2'), me], true],
] as const) {
  test(`what was pulled with credentials is ${expected ? '' : 'not '}for ${name}`, async () => {
    await pulled('closed', me)
    assert.equal(await may('closed', own), expected)
  })
}

test('a pull that never came to its end proves nothing; one that failed changes nothing', async () => {
  const records = new PullRecords(join(dir, 'cut'))
  await records.begin(image)
  assert.ok(!(await may('cut', [me])))
  await records.failed(image)
  assert.ok(await may('cut'))
})

test('the same image of another repository is asked for there', async () => {
  await pulled('other', undefined)
  const both = { ...present, digests: [...present.digests, 'reg.example/secret/app@sha256:1'] }
  assert.ok(!(await may('other', [], both, parseImage('reg.example/secret/app:1')!)))
})

test('images that are gone are forgotten, and passwords are not written down', async () => {
  const records = await pulled('gone', me)
  await records.done(parseImage('reg.example/next:1')!, 'sha256:2', me, ['sha256:2'])
  const text = await readFile(join(dir, 'gone'), 'utf8')
  assert.deepEqual(Object.keys(JSON.parse(text).images), ['sha256:2'])
  assert.ok(!text.includes('"p"') && !text.includes('"me"'))
})

test('a file that cannot be read is an error, not a permission', async () => {
  await writeFile(join(dir, 'broken'), '{')
  await assert.rejects(may('broken'), /^Error: cannot read how images were pulled from /)
})
