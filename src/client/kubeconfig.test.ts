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

for (const [what, cluster, expected] of [
  ['trusts the authority it names', '', undefined],
  ['asks for another name', ', tls-server-name: api.example', { serverName: 'api.example' }],
  ['trusts anybody when it says so', ', insecure-skip-tls-verify: true', { insecure: true }],
  ['trusts nobody for a word', ', insecure-skip-tls-verify: "yes"', undefined],
  ['trusts nobody for a no', ', insecure-skip-tls-verify: false', undefined],
] as const) {
  test(`a cluster ${what}`, () => {
    const { tls } = loadKubeconfig([
      file(`
current-context: one
clusters:
- {name: c, cluster: {server: 'https://h', certificate-authority-data: ${base64('CA')}${cluster}}}
contexts:
- {name: one, context: {cluster: c}}
`),
    ])
    assert.deepEqual(tls, { ca: Buffer.from('CA'), ...expected })
  })
}

for (const [what, content, expected] of [
  ['without a context', 'clusters: []\n', /name no current-context/],
  [
    'whose cluster has no server',
    'current-context: a\nclusters:\n- {name: c, cluster: {}}\ncontexts:\n- {name: a, context: {cluster: c}}\n',
    /cannot use context "a": its cluster has no server/,
  ],
  [
    'that goes through a proxy',
    "current-context: a\nclusters:\n- {name: c, cluster: {server: 'https://h', proxy-url: 'http://p'}}\ncontexts:\n- {name: a, context: {cluster: c}}\n",
    /"proxy-url" is not supported/,
  ],
  [
    'whose key is not there',
    "current-context: a\nclusters:\n- {name: c, cluster: {server: 'https://h'}}\nusers:\n- {name: u, user: {client-key: gone.pem}}\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n",
    /cannot read client-key .*gone\.pem/,
  ],
] as const) {
  test(`a kubeconfig ${what} is refused`, () => {
    assert.throws(() => loadKubeconfig([file(content)]), { name: 'KubeconfigError', message: expected })
  })
}
