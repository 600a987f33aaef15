import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { lastWordsIn, portHolder } from './last-words.ts'

const fatal = (msg: string) => JSON.stringify({ level: 'error', fatal: true, msg })

const logs: [string, string, string][] = [
  ['the words that it ended with', `${fatal('old')}\n{"msg":"more"}\n${fatal('port taken')}\n`, 'port taken'],
  ['its last lines, when it was cut off', 'panic\nat a.go:1\n', 'panic\nat a.go:1'],
  ['nothing of a log that is empty', '', ''],
]
for (const [what, log, words] of logs) {
  test(`a part's log tells ${what}`, () => {
    assert.equal(lastWordsIn(log), words)
  })
}

test('whoever listens on a port is found', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  try {
    assert.equal((await portHolder(port))?.pid, process.pid)
  } finally {
    server.close()
  }
})

test('what nobody catches ends a part with a line that says why', async () => {
  const module = new URL('./last-words.ts', import.meta.url).href
  const code = `import { sayWhyItEnds } from '${module}'
    sayWhyItEnds('server')
    setTimeout(() => { throw new Error('cannot go on', { cause: new Error('the disk is gone') }) }, 1)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let log = ''
  child.stdout.on('data', (chunk) => {
    log += chunk
  })
  const exitCode = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(exitCode, 1)
  assert.equal(lastWordsIn(log), 'cannot go on\n  because: the disk is gone')
})
