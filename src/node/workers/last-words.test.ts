import assert from 'node:assert/strict'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MESSAGE_FILE, MESSAGE_POLICY } from '../spec/labels.ts'
import { pod, seen } from '../testing/pods.ts'
import { lastWords, shownOf } from './last-words.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-words-'))
})
after(() => rm(dir, { recursive: true, force: true }))

const ended = (exitCode: number, policy = 'File') =>
  seen(pod(), 'a', 'exited', {
    exitCode,
    annotations: { [MESSAGE_FILE]: join(dir, 'message'), [MESSAGE_POLICY]: policy },
  })
const wordsOf = (c: ReturnType<typeof ended>) => lastWords(c, join(dir, 'log'))
const logLine = (text: string) => `2026-11-21T12:00:00.000000000Z stdout F ${text}\n`

test('a message is what the container wrote into its file', async () => {
  await writeFile(join(dir, 'message'), 'because\n')
  await writeFile(join(dir, 'log'), logLine('from the log'))
  assert.equal(await wordsOf(ended(1, 'FallbackToLogsOnError')), 'because\n')
})

test('of a message of any size only the beginning is read', async () => {
  const file = await open(join(dir, 'message'), 'w')
  await file.write('ä'.repeat(3000))
  // More than a machine has memory.
  await file.truncate(2 ** 42)
  await file.close()
  const words = await wordsOf(ended(1))
  assert.equal(words, 'ä'.repeat(2048))
})

test('without a message, the end of the log is one where the container failed and wants it', async () => {
  await writeFile(join(dir, 'message'), '')
  await writeFile(join(dir, 'log'), Array.from({ length: 500 }, (_, i) => logLine(`line ${i}`)).join(''))
  const words = await wordsOf(ended(1, 'FallbackToLogsOnError'))
  assert.match(words, /line 498\nline 499\n$/)
  assert.ok(words.length <= 2048 && words.split('\n').length <= 81)
  assert.equal(await wordsOf(ended(0, 'FallbackToLogsOnError')), '')
  assert.equal(await wordsOf(ended(1)), '')
})

test('many containers share what a pod may say', () => {
  assert.equal(shownOf('short', 100), 'short')
  assert.equal(shownOf('x'.repeat(4096), 3).length, 4096)
  assert.equal(shownOf('x'.repeat(4096), 12).length, 1024)
  assert.equal(shownOf('ä'.repeat(2048), 11), 'ä'.repeat(558))
})
