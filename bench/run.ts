/** Runs every `bench/*.bench.ts` in turn, each in a process of its own: `npm run bench`, or `npm run bench store`. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const wanted = process.argv.slice(2)
const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.bench.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .sort()

const failed = files.filter((name) => {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' })
  return status !== 0
})

if (files.length === 0) console.error(`no benchmark is called ${wanted.join(' or ')}`)
if (failed.length > 0) console.error(`\nnot finished: ${failed.join(', ')}`)
process.exitCode = failed.length > 0 || files.length === 0 ? 1 : 0
