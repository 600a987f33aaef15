import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog, VirtualClock } from '../base/index.ts'
import { Checkpoints } from './checkpoints.ts'
import { pod } from './testing/pods.ts'

const dir = mkdtempSync(join(tmpdir(), 'dhow-checkpoints-'))
after(() => rmSync(dir, { recursive: true }))

test('pods come back as they were last seen; those that went do not', async () => {
  const clock = new VirtualClock()
  const first = new Checkpoints(dir, clock, silentLog)
  assert.deepEqual(await first.load(), [])
  const newer = pod({}, { metadata: { resourceVersion: '2' } })
  first.save(pod())
  first.save(newer)
  first.save(pod({}, { metadata: { uid: 'uid-2' } }))
  await clock.advance(1_000)
  await first.flush()
  await first.remove('uid-2')
  assert.deepEqual(await new Checkpoints(dir, clock, silentLog).load(), [JSON.parse(JSON.stringify(newer))])
})

test('what was half written when the power went is left out, and goes', async () => {
  for (const [name, content] of [
    ['empty.json', ''],
    ['half.json', '{"metadata":{"uid":"half"'],
    ['null.json', 'null'],
    ['other.json', '{"metadata":{"uid":"other"}}'],
    ['zeros.json', '\0'.repeat(100)],
    ['uid-9.json.new', '{"metadata"'],
  ] as const)
    writeFileSync(join(dir, name), content)
  const loaded = await new Checkpoints(dir, new VirtualClock(), silentLog).load()
  assert.deepEqual(
    loaded.map((p) => p.metadata.uid),
    ['uid-1'],
  )
  assert.deepEqual(readdirSync(dir), ['uid-1.json'])
})
