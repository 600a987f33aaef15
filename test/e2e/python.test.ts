import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../src/cluster/index.ts'
import { cannotRun, startCluster, type TestCluster } from './harness.ts'

/** The official Python client, as distributions package it. */
const python = process.env.DHOW_PYTHON ?? '/usr/bin/python3'
const hasClient = spawnSync(python, ['-c', 'import kubernetes']).status === 0
const skip = cannotRun || (hasClient ? false : `needs ${python} with the package kubernetes`)

const APPLETS = ['sh', 'echo', 'sleep', 'httpd', 'mkdir']
const IMAGES = `images:
  - name: test/python:1
    files:
      - { path: /bin/busybox, from: "program:busybox", mode: "0755" }
      - { path: /init, from: "program:catatonit", mode: "0755" }
${APPLETS.map((a) => `      - { path: /bin/${a}, link: busybox }`).join('\n')}
    entrypoint: [/init, --]
`
const SERVE = 'mkdir -p /www; echo "a page" > /www/page; exec httpd -f -p 127.0.0.1:8080 -h /www'
const TALK = 'n=0; while n=$((n + 1)); do echo line $n; sleep 1; done'
const POD = `apiVersion: v1
kind: Pod
metadata: { name: python }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: a, image: test/python:1, args: [sh, -c, '${SERVE}'] }
    - { name: talk, image: test/python:1, args: [sh, -c, '${TALK}'] }
`

let cluster: TestCluster
const dir = mkdtempSync(join(tmpdir(), 'dhow-python-'))

before(async () => {
  if (skip) return
  cluster = await startCluster()
  writeFileSync(join(dir, 'images.yaml'), IMAGES)
  writeFileSync(join(dir, 'pod.yaml'), POD)
  await cluster.dhow('image', 'build', join(dir, 'images.yaml'))
  await cluster.kubectl('apply', '-f', join(dir, 'pod.yaml'))
  await cluster.kubectl('wait', 'pod/python', '--for=condition=Ready', '--timeout=60s')
})

after(async () => {
  await cluster?.remove()
  rmSync(dir, { recursive: true, force: true })
})

async function run(what: string): Promise<void> {
  const script = join(import.meta.dirname, 'python', 'client.py')
  const env = { KUBECONFIG: cluster.kubeconfig, DHOW_POD: 'default/python', PYTHONDONTWRITEBYTECODE: '1' }
  const result = await runCommand([python, script, what], { env, timeoutMs: 120_000 })
  assert.equal(result.exitCode, 0, result.stderr + result.stdout)
}

test('the Python client writes, patches, pages and watches objects', { skip }, () => run('Objects'))

test('the Python client runs commands, follows logs and forwards ports', { skip }, () => run('Streams'))
