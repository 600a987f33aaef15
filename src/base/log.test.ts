import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const program = `
  const { processLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))})
  for (let i = 0; i < 3; i++) processLog('test').child({ i }).info({ text: 'x'.repeat(100_000) }, 'said')
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.stderr.write('lives')
`
const run = (stdout: number | 'pipe') =>
  spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
    timeout: 30_000,
  })

test('a log is a JSON object a line', () => {
  const { stdout, status } = run('pipe')
  assert.equal(status, 0)
  const lines = stdout.trim().split('\n')
  assert.deepEqual(
    lines.map((line) => {
      const { level, component, i, msg } = JSON.parse(line)
      return { level, component, i, msg }
    }),
    [0, 1, 2].map((i) => ({ level: 'info', component: 'test', i, msg: 'said' })),
  )
})

test('a process outlives a log that cannot be written', {
  skip: existsSync('/dev/full') ? false : 'needs /dev/full',
}, () => {
  const full = openSync('/dev/full', 'w')
  const { stderr, status } = run(full)
  closeSync(full)
  assert.deepEqual([status, stderr], [0, 'lives'])
})
