import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

/** What each folder of src may import besides itself; src/base may be imported by all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  schema: ['base'],
  api: ['base', 'schema'],
  store: ['base'],
  server: ['base', 'schema', 'api', 'store'],
  client: ['base', 'schema', 'api'],
  controllers: ['base', 'schema', 'api', 'client'],
  scheduler: ['base', 'schema', 'api', 'client'],
  node: ['base', 'schema', 'api', 'client'],
  net: ['base', 'schema', 'api', 'client'],
  cluster: ['base', 'schema', 'api', 'store', 'server', 'client', 'controllers', 'scheduler', 'node', 'net'],
  cli: [
    'base',
    'schema',
    'api',
    'store',
    'server',
    'client',
    'controllers',
    'scheduler',
    'node',
    'net',
    'cluster',
  ],
}

interface Import {
  readonly file: string
  readonly folder: string
  readonly target: string
}

function sources(): string[] {
  return globSync('src/**/*.ts', { cwd: root }).sort()
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const folder = file.split('/')[1]!
  const found: Import[] = []
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    found.push({ file, folder, target: relative(root, normalize(join(root, dirname(file), target!))) })
  }
  return found
}

test('imports between the folders of src point one way', () => {
  const wrong = sources()
    .filter((f) => !f.endsWith('.test.ts'))
    .flatMap(importsOf)
    .filter(({ folder, target }) => {
      const to = target.split('/')[1]!
      return target.startsWith('src/') && to !== folder && !MAY_IMPORT[folder]?.includes(to)
    })
    .map((i) => `${i.file} imports ${i.target}`)
  assert.deepEqual(wrong, [])
})

test('outsiders import a folder only through its index.ts', () => {
  const wrong = sources()
    .flatMap(importsOf)
    .filter(({ folder, target }) => {
      const [top, to, ...rest] = target.split('/')
      return (
        top === 'src' &&
        to !== folder &&
        rest.join('/') !== 'index.ts' &&
        !rest.join('/').startsWith('testing')
      )
    })
    .map((i) => `${i.file} imports ${i.target}`)
  assert.deepEqual(wrong, [])
})

/** The shells: the only files that may touch the global clock, timers and randomness. */
const SHELLS = [/^src\/base\//, /^src\/cli\//, /\.test\.ts$/, /\/testing\//, /\/worker\.ts$/]
const BANNED = /(?<!\.)\b(Date\.now\(|Math\.random\(|setTimeout\(|setInterval\(|new Date\(\))/

test('time and randomness come in as arguments', () => {
  const wrong: string[] = []
  for (const file of sources()) {
    if (SHELLS.some((s) => s.test(file))) continue
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    lines.forEach((line, i) => {
      const code = line.replace(/^\s*(\*|\/\/|\/\*).*$/, '')
      if (BANNED.test(code)) wrong.push(`${file}:${i + 1}: ${line.trim()}`)
    })
  }
  assert.deepEqual(wrong, [])
})

test('node:http is asked for, not imported: an import loads megabytes that nobody uses', () => {
  const wrong = sources().filter(
    (f) =>
      f !== 'src/base/http.ts' &&
      !/\.test(-support)?\.ts$|\/testing\//.test(f) &&
      /^import (?!type )[^']* from 'node:http'/m.test(readFileSync(join(root, f), 'utf8')),
  )
  assert.deepEqual(wrong, [])
})

test('no file outgrows a reader', () => {
  const long = sources()
    // Declarations of API types, and the list of their names, are as long as the API is.
    .filter((f) => !/^src\/api\/([^/]+\/[^/.]+|index)\.ts$/.test(f))
    .map((f) => ({ file: f, lines: readFileSync(join(root, f), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 600)
    .map(({ file, lines }) => `${file}: ${lines} lines`)
  assert.deepEqual(long, [])
})
