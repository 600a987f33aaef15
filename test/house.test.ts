import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize, relative } from 'node:path'
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

/** Code for tests only: it may lean on anything, and nothing that runs in a cluster may lean on it. */
const isForTests = (file: string) => /\.test(-support)?\.ts$|\/testing(\/|\.ts$)/.test(file)

const read = (file: string) => readFileSync(join(root, file), 'utf8')

function importsOf(file: string): Import[] {
  const text = read(file)
  const folder = file.startsWith('src/') ? file.split('/')[1]! : ''
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
  const wrong = [...sources(), ...globSync('{test,bench,examples}/**/*.ts', { cwd: root })]
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

test('an index.ts names what it exports', () => {
  const wrong = sources().filter((f) => basename(f) === 'index.ts' && /^export \*/m.test(read(f)))
  assert.deepEqual(wrong, [])
})

test('what runs in a cluster does not import what is for tests', () => {
  const wrong = sources()
    .filter((f) => !isForTests(f))
    .flatMap(importsOf)
    .filter(({ target }) => isForTests(target))
    .map((i) => `${i.file} imports ${i.target}`)
  assert.deepEqual(wrong, [])
})

/** Folders of decisions: whatever they need of the machine is passed in. */
const PURE = /^src\/(schema|api|controllers|scheduler)\//

test('decisions import nothing of the machine', () => {
  const wrong = sources().filter((f) => PURE.test(f) && !isForTests(f) && /from 'node:/.test(read(f)))
  assert.deepEqual(wrong, [])
})

/** The shells: the only files that may touch the global clock, timers and randomness. */
const SHELLS = [/^src\/base\//, /^src\/cli\//, /\.test\.ts$/, /\/testing\//, /\/worker\.ts$/]
const BANNED =
  /(?<!\.)\b(Date\.now\(|Math\.random\(|setTimeout\(|setInterval\(|new Date\(\)|performance\.now\(|process\.hrtime)/

test('time and randomness come in as arguments', () => {
  const wrong: string[] = []
  for (const file of sources()) {
    if (SHELLS.some((s) => s.test(file))) continue
    const lines = read(file).split('\n')
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
      f !== 'src/base/http.ts' && !isForTests(f) && /^import (?!type )[^']* from 'node:http'/m.test(read(f)),
  )
  assert.deepEqual(wrong, [])
})

test('no file outgrows a reader', () => {
  const long = sources()
    // Declarations of API types, and the list of their names, are as long as the API is.
    .filter((f) => !/^src\/api\/([^/]+\/[^/.]+|index)\.ts$/.test(f))
    .map((f) => ({ file: f, lines: read(f).split('\n').length }))
    .filter(({ lines }) => lines > 600)
    .map(({ file, lines }) => `${file}: ${lines} lines`)
  assert.deepEqual(long, [])
})

test('every folder of src has a page that says what it is', () => {
  const wrong = Object.keys(MAY_IMPORT).filter((folder) => {
    const page = `src/${folder}/README.md`
    return !existsSync(join(root, page)) || read(page).split('\n').length > 60
  })
  assert.deepEqual(wrong, [])
})

test('the files that a README names are there', () => {
  const files = globSync('{src,test,bench,examples}/**/*.ts', { cwd: root })
  const wrong: string[] = []
  for (const page of globSync('{README.md,{src,test,bench,examples}/**/README.md}', { cwd: root })) {
    const folder = dirname(page) === '.' ? '' : `${dirname(page)}/`
    for (const [, name] of read(page).matchAll(/`([\w./*-]+\.ts)`/g)) {
      const pattern = new RegExp(`(^|/)${name!.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`)
      const beside = normalize(join(folder, name!))
      const isThere = files.some(
        (f) => f === name || f === beside || (f.startsWith(folder) && pattern.test(f)),
      )
      if (!isThere) wrong.push(`${page} names ${name}`)
    }
  }
  assert.deepEqual(wrong, [])
})
