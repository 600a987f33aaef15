import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadKubeconfig } from './kubeconfig.ts'

const dir = mkdtempSync(join(tmpdir(), 'dhow-kubeconfig-'))
after(() => rmSync(dir, { recursive: true }))
let serial = 0
function file(content: string): string {
  const path = join(dir, `config-${serial++}`)
  writeFileSync(path, content)
  return path
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const CONFIG = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c, cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: ${base64('CA')}}}
users:
- {name: u, user: {client-certificate-data: ${base64('CERT')}, client-key: key.pem}}
- {name: t, user: {token: secret}}
- {name: f, user: {tokenFile: token}}
- {name: x, user: {exec: {command: aws}}}
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: two, context: {cluster: c, user: t, namespace: shop}}
- {name: file, context: {cluster: c, user: f}}
- {name: exec, context: {cluster: c, user: x}}
- {name: lost, context: {cluster: gone, user: u}}
`
writeFileSync(join(dir, 'key.pem'), 'KEY')
const config = file(CONFIG)

test('the current context gives server, authority and certificate; files are found beside the kubeconfig', () => {
  assert.deepEqual(loadKubeconfig([config]), {
    context: 'one',
    namespace: 'default',
    server: 'https://127.0.0.1:6443',
    tls: { ca: Buffer.from('CA'), cert: Buffer.from('CERT'), key: Buffer.from('KEY') },
  })
})

test('a context by name gives its namespace and token; a token file is read each time', () => {
  const two = loadKubeconfig([config], 'two')
  assert.deepEqual([two.namespace, two.token], ['shop', 'secret'])
  const { token } = loadKubeconfig([config], 'file')
  for (const text of ['first', 'second']) {
    writeFileSync(join(dir, 'token'), `${text}\n`)
    assert.equal((token as () => string)(), text)
  }
})

test('of several files the first that names an entry wins, and one that is not there is passed over', () => {
  const other = file('current-context: two\nusers:\n- {name: t, user: {token: other}}\n')
  const merged = loadKubeconfig([join(dir, 'absent'), other, config])
  assert.deepEqual([merged.context, merged.token, merged.server], ['two', 'other', 'https://127.0.0.1:6443'])
})

for (const [what, files, context, words] of [
  ['no file', [join(dir, 'absent')], undefined, /cannot find a kubeconfig/],
  ['an unknown context', [config], 'three', /cannot find context "three" in the kubeconfig: it has one, two/],
  ['a context whose cluster is missing', [config], 'lost', /cannot find cluster "gone"/],
  ['an exec plugin', [config], 'exec', /cannot use user "x": "exec" is not supported/],
  ['something that is no YAML', [file('a: [')], undefined, /cannot parse kubeconfig/],
  ['nothing in it', [file('')], undefined, /no current-context/],
] as const) {
  test(`${what} is refused with the reason`, () => {
    assert.throws(() => loadKubeconfig(files, context), words)
  })
}
