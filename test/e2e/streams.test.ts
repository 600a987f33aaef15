import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { cannotRun, kubectls, startCluster, type TestCluster } from './harness.ts'

const APPLETS = ['sh', 'cat', 'echo', 'sleep', 'tar', 'stty', 'tee', 'mkdir', 'httpd']
const dir = mkdtempSync(join(tmpdir(), 'dhow-streams-'))
const big = randomBytes(30_000_000)

const IMAGES = `images:
  - name: test/streams:1
    files:
      - { path: /bin/busybox, from: "program:busybox", mode: "0755" }
      - { path: /init, from: "program:catatonit", mode: "0755" }
${APPLETS.map((a) => `      - { path: /bin/${a}, link: busybox }`).join('\n')}
    entrypoint: [/init, --]
`

const POD = `apiVersion: v1
kind: Pod
metadata: { name: streams }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: a, image: test/streams:1, args: [sleep, "100000"] }
    - { name: www, image: test/streams:1, args: [httpd, -f, -p, "127.0.0.1:8080", -h, /bin] }
    - { name: shell, image: test/streams:1, args: [sh], stdin: true, tty: true }
    - { name: lines, image: test/streams:1, stdin: true, args: [sh, -c, 'while read l; do echo "got $l"; done'] }
`

let cluster: TestCluster

before(async () => {
  if (cannotRun) return
  cluster = await startCluster()
  writeFileSync(join(dir, 'images.yaml'), IMAGES)
  writeFileSync(join(dir, 'pod.yaml'), POD)
  writeFileSync(join(dir, 'big'), big)
  await cluster.dhow('image', 'build', join(dir, 'images.yaml'))
  await cluster.kubectl('apply', '-f', join(dir, 'pod.yaml'))
  await cluster.kubectl('wait', 'pod/streams', '--for=condition=Ready', '--timeout=60s')
})

after(async () => {
  await cluster?.remove()
  rmSync(dir, { recursive: true, force: true })
})

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const program of kubectls) {
  describe(`streams with ${program}`, { skip: cannotRun, timeout: 120_000 }, () => {
    const start = (args: readonly string[]): ChildProcess =>
      spawn(program, args, { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } })

    async function run(
      args: readonly string[],
      input?: Buffer,
    ): Promise<{ code: number; out: Buffer; err: string }> {
      const child = start(args)
      child.stdin!.on('error', () => {})
      child.stdin!.end(input)
      const ended = once(child, 'close')
      const [out, err] = await Promise.all([buffer(child.stdout!), text(child.stderr!)])
      const [code] = (await ended) as [number]
      return { code, out, err }
    }
    const exec = (command: readonly string[], flags: readonly string[] = [], input?: Buffer) =>
      run(['exec', ...flags, 'streams', '-c', 'a', '--', ...command], input)

    test('a file goes into a container and comes out of it, byte by byte', async () => {
      const written = await exec(['sh', '-c', 'cat > /big'], ['-i'], big)
      assert.deepEqual([written.code, written.err], [0, ''])
      const read = await exec(['cat', '/big'])
      assert.equal(digest(read.out), digest(big))
    })

    test('output, errors and exit codes are the command’s', async () => {
      const { code, out, err } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 42'])
      assert.deepEqual([code, out.toString()], [42, 'out\n'])
      assert.match(err, /^err\n/m)
      const missing = await exec(['nosuchcommand'])
      assert.notEqual(missing.code, 0)
      assert.match(missing.err, /executable file not found/)
    })

    test('cp copies both ways', async () => {
      const there = await run(['cp', join(dir, 'big'), 'streams:/copied', '-c', 'a'])
      assert.equal(there.code, 0, there.err)
      const back = await run(['cp', 'streams:/copied', join(dir, 'back'), '-c', 'a'])
      assert.equal(back.code, 0, back.err)
      assert.equal(digest(readFileSync(join(dir, 'back'))), digest(big))
    })

    test('a terminal has the size of the user’s', async () => {
      const line = `stty cols 91 rows 33; ${program} exec -it streams -c a -- sh -c 'stty size; echo $TERM'`
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      assert.match(await text(child.stdout!), /33 91\r?\nxterm/)
    })

    test('attach reaches the running process', async () => {
      const child = start(['attach', '-i', 'streams', '-c', 'lines'])
      child.stdin!.write(`from ${program}\n`)
      const seen = await until(child, new RegExp(`got from ${program}\n`))
      assert.match(seen, /got from/)
      child.kill()
      await once(child, 'close')
    })

    test('port-forward carries many connections at once', async () => {
      const child = start(['port-forward', 'streams', ':8080'])
      const port = Number(
        /127\.0\.0\.1:(\d+)/.exec(await until(child, /Forwarding from 127\.0\.0\.1:\d+/))![1],
      )
      const fetch = () =>
        new Promise<Buffer>((resolve, reject) => {
          get({ host: '127.0.0.1', port, path: '/busybox', agent: false }, (res) => resolve(buffer(res))).on(
            'error',
            reject,
          )
        })
      const bodies = await Promise.all(Array.from({ length: 20 }, fetch))
      assert.deepEqual([...new Set(bodies.map(digest))], [digest(readFileSync('/bin/busybox'))])
      child.kill()
      await once(child, 'close')
    })
  })
}

/** What the program has printed, once that matches. */
async function until(child: ChildProcess, pattern: RegExp): Promise<string> {
  let seen = ''
  const errors = text(child.stderr!)
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    seen += chunk
    if (pattern.test(seen)) return seen
  }
  throw new Error(`expected ${pattern}, got ${JSON.stringify(seen)}: ${await errors}`)
}
