import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../base/index.ts'
import { eventually } from '../../client/testing/index.ts'
import { NOW } from '../testing/pods.ts'
import type { LogQuery } from './line.ts'
import { readLog } from './read.ts'
import { rotateLog } from './rotate.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dhow-logs-'))
})
after(() => rm(dir, { recursive: true, force: true }))

const line = (second: number, text: string, stream = 'stdout', tag = 'F') =>
  `2026-11-21T12:00:${String(second).padStart(2, '0')}.000000001Z ${stream} ${tag} ${text}\n`
const query = (q: Partial<LogQuery>): LogQuery => ({ follow: false, timestamps: false, ...q })

async function read(path: string, q: Partial<LogQuery>): Promise<string> {
  let out = ''
  const deps = { clock: systemClock(), running: () => false, signal: new AbortController().signal }
  for await (const chunk of readLog(path, query(q), deps)) out += chunk.toString()
  return out
}

test('what of a log is shown', async (t) => {
  const path = join(dir, 'shown.log')
  await writeFile(
    path,
    line(1, 'one') +
      line(2, 'oops', 'stderr') +
      line(3, 'th', 'stdout', 'P') +
      line(3, 'ree') +
      line(4, '') +
      line(5, 'five'),
  )
  for (const [name, q, expected] of [
    ['all of it', {}, 'one\noops\nthree\n\nfive\n'],
    ['with times', { timestamps: true, tailLines: 1 }, '2026-11-21T12:00:05.000000001Z five\n'],
    [
      'the time of a line in parts is written once',
      { timestamps: true, tailLines: 4, limitBytes: 40 },
      '2026-11-21T12:00:03.000000001Z three\n202',
    ],
    ['the last two lines', { tailLines: 2 }, '\nfive\n'],
    ['no lines', { tailLines: 0 }, ''],
    ['more lines than there are', { tailLines: 100 }, 'one\noops\nthree\n\nfive\n'],
    ['since a time', { sinceMs: Date.parse('2026-11-21T12:00:03Z') }, 'three\n\nfive\n'],
    ['so many bytes', { limitBytes: 6 }, 'one\noo'],
    ['one stream', { stream: 'stderr' }, 'oops\n'],
  ] as const) {
    await t.test(name, async () => assert.equal(await read(path, q), expected))
  }
})

test('the end of a large log is found from its end', async () => {
  const path = join(dir, 'large.log')
  await writeFile(
    path,
    Array.from({ length: 5000 }, (_, i) => line(i % 60, `line ${i} ${'x'.repeat(50)}`)).join(''),
  )
  const text = await read(path, { tailLines: 1500 })
  assert.equal(text.split('\n').length, 1501)
  assert.ok(text.startsWith('line 3500 '))
})

test('a followed log shows what is written, over a rotation, and ends with the container', async () => {
  const path = join(dir, 'followed.log')
  await writeFile(path, line(1, 'one'))
  let running = true
  let out = ''
  const reading = (async () => {
    const deps = { clock: systemClock(), running: () => running, signal: new AbortController().signal }
    for await (const chunk of readLog(path, query({ follow: true }), deps)) out += chunk.toString()
  })()
  await eventually('one', () => out === 'one\n')
  await appendFile(path, line(2, 'two'))
  await eventually('two', () => out === 'one\ntwo\n')
  await appendFile(path, line(3, 'three'))
  await rename(path, `${path}.20261121-120003`)
  await writeFile(path, line(4, 'four'))
  await eventually('four', () => out === 'one\ntwo\nthree\nfour\n')
  await appendFile(path, line(5, 'last'))
  running = false
  await reading
  assert.equal(out, 'one\ntwo\nthree\nfour\nlast\n')
})

test('a reader that goes away ends the reading', async () => {
  const path = join(dir, 'left.log')
  await writeFile(path, line(1, 'one'))
  const stop = new AbortController()
  const reading = (async () => {
    for await (const _ of readLog(path, query({ follow: true }), {
      clock: systemClock(),
      running: () => true,
      signal: stop.signal,
    }))
      stop.abort()
  })()
  await reading
})

test('a log that grew too large is put aside; old ones are compressed, the oldest go, and all are read in order', async () => {
  const path = join(dir, 'rotated', '0.log')
  await rm(join(dir, 'rotated'), { recursive: true, force: true })
  const { mkdir } = await import('node:fs/promises')
  await mkdir(join(dir, 'rotated'))
  const options = { maxBytes: 10, maxFiles: 3 }
  for (let i = 0; i < 5; i++) {
    await writeFile(path, line(i, `round ${i}`))
    assert.equal(await rotateLog(path, options, NOW + i * 1000, () => writeFile(path, '')), true)
  }
  assert.deepEqual((await readdir(join(dir, 'rotated'))).sort(), [
    '0.log',
    '0.log.20261121-120003.gz',
    '0.log.20261121-120004',
  ])
  assert.equal(await rotateLog(path, options, NOW, async () => {}), false)
  await writeFile(path, line(9, 'now'))
  assert.equal(await read(path, {}), 'round 3\nround 4\nnow\n')
})

test('when the runtime cannot begin a new file, nothing is lost', async () => {
  const path = join(dir, 'stuck.log')
  await writeFile(path, line(1, 'kept'))
  await assert.rejects(
    rotateLog(path, { maxBytes: 1, maxFiles: 3 }, NOW, () => Promise.reject(new Error('no'))),
  )
  assert.equal(await readFile(path, 'utf8'), line(1, 'kept'))
})
