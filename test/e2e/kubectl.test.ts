import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { cannotRun, kubectls, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'

const skip = cannotRun
const root = join(import.meta.dirname, '..', '..')
const dir = mkdtempSync(join(tmpdir(), 'dhow-kubectl-'))

let cluster: TestCluster

before(async () => {
  if (skip) return
  cluster = await startCluster()
  await cluster.dhow('image', 'build', join(root, 'examples/web/images/images.yaml'))
})

after(async () => {
  await cluster?.remove()
  rmSync(dir, { recursive: true, force: true })
})

/** Each kubectl works in a namespace of its own, on an application that it made. */
for (const program of kubectls) {
  describe(`with ${program}`, { skip }, () => {
    const namespace = `k${kubectls.indexOf(program)}`
    const run = async (args: readonly string[], input?: string): Promise<string> => {
      const result = await cluster.tryKubectl(['-n', namespace, ...args], {
        program,
        ...(input === undefined ? {} : { input }),
      })
      assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`)
      return result.stdout
    }
    const pod = async () =>
      (await run(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}'])).trim()

    before(async () => {
      await run(['create', 'namespace', namespace])
      const manifest = readFileSync(join(root, 'examples/web/web.yaml'), 'utf8').replace(
        /^ +nodePort:.*$/m,
        '',
      )
      writeFileSync(join(dir, `${namespace}.yaml`), manifest)
      await run(['apply', '-f', join(dir, `${namespace}.yaml`)])
      await run(['rollout', 'status', 'deployment/web', '--timeout=90s'])
    })

    const cases: [string[], RegExp][] = [
      [['get', 'pods', '-o', 'wide'], /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/],
      [['get', 'deployment', 'web', '-o', 'yaml'], /^kind: Deployment$/m],
      [['get', 'all', '-l', 'app=web'], /pod\/web-/],
      [['get', 'pods', '--field-selector', 'status.phase=Running', '-o', 'name'], /^pod\/web-/],
      [['get', 'nodes'], /node1 +Ready/],
      [['describe', 'deployment', 'web'], /Replicas: +2 desired/],
      [['describe', 'pods'], /Status: +Running/],
      [['describe', 'node', 'node1'], /Allocatable:/],
      [['describe', 'service', 'web'], /Endpoints: +10\./],
      [['label', 'deployment', 'web', 'team=a'], /labeled/],
      [['annotate', 'deployment', 'web', 'note=b'], /annotated/],
      [['patch', 'deployment', 'web', '-p', '{"spec":{"minReadySeconds":1}}'], /patched/],
      [
        [
          'patch',
          'deployment',
          'web',
          '--type=json',
          '-p',
          '[{"op":"replace","path":"/spec/minReadySeconds","value":0}]',
        ],
        /patched/,
      ],
      [['scale', 'deployment', 'web', '--replicas=3'], /scaled/],
      [['rollout', 'status', 'deployment/web', '--timeout=60s'], /successfully rolled out/],
      [['rollout', 'restart', 'deployment/web'], /restarted/],
      [['rollout', 'status', 'deployment/web', '--timeout=90s'], /successfully rolled out/],
      [['rollout', 'history', 'deployment/web'], /REVISION +CHANGE-CAUSE\n1/],
      [['rollout', 'pause', 'deployment/web'], /paused/],
      [['set', 'image', 'deployment/web', 'web=example/web:1.0'], /^$|updated/],
      [['rollout', 'resume', 'deployment/web'], /resumed/],
      [['rollout', 'undo', 'deployment/web'], /rolled back/],
      [['rollout', 'status', 'deployment/web', '--timeout=90s'], /successfully rolled out/],
      [['explain', 'pod.spec.containers'], /Container|containers/],
      [['api-resources'], /deployments +deploy +apps\/v1/],
      [['api-versions'], /^apps\/v1$/m],
      [['auth', 'can-i', 'create', 'pods'], /yes/],
      [['auth', 'can-i', '--list', '--as=system:serviceaccount:default:default'], /selfsubjectaccessreviews/],
      [['cluster-info'], /is running at/],
      [['events'], /Scheduled|Started/],
      [['wait', 'deployment/web', '--for=condition=Available', '--timeout=30s'], /condition met/],
      [['expose', 'deployment', 'web', '--name=again', '--port=80', '--target-port=8080'], /exposed/],
      [['run', 'once', '--image=example/web:1.0', '--restart=Never'], /created/],
      [['wait', 'pod/once', '--for=condition=Ready', '--timeout=30s'], /condition met/],
      [['delete', 'pod', 'once', '--now'], /deleted/],
      [['delete', 'service', 'again'], /deleted/],
      [['cordon', 'node1'], /cordoned/],
      [['uncordon', 'node1'], /uncordoned/],
      [['taint', 'node', 'node1', `check-${namespace}=x:PreferNoSchedule`], /tainted/],
      [['taint', 'node', 'node1', `check-${namespace}-`], /untainted/],
      [['create', 'configmap', 'c', '--from-literal=a=b'], /created/],
      [['get', 'configmap', 'c', '-o', 'jsonpath={.data.a}'], /^b$/],
    ]
    for (const [args, expected] of cases) {
      test(args.join(' '), async () => {
        assert.match(await run(args), expected)
      })
    }

    test('diff tells what an apply would change', async () => {
      const file = join(dir, `${namespace}.yaml`)
      const changed = join(dir, `${namespace}-changed.yaml`)
      writeFileSync(changed, readFileSync(file, 'utf8').replace('replicas: 2', 'replicas: 4'))
      const { code, stdout } = await cluster.tryKubectl(['-n', namespace, 'diff', '-f', changed], { program })
      assert.equal(code, 1)
      assert.match(stdout, /\+ {2}replicas: 4/)
    })

    test('exec passes input, output and the exit code; input ends', async () => {
      const name = await pod()
      assert.equal(await run(['exec', name, '--', 'sh', '-c', 'echo hello']), 'hello\n')
      assert.equal(await run(['exec', '-i', name, '--', '/bin/busybox', 'cat'], 'line\n'), 'line\n')
      const { code } = await cluster.tryKubectl(['-n', namespace, 'exec', name, '--', 'sh', '-c', 'exit 7'], {
        program,
      })
      assert.equal(code, 7)
    })

    test('logs are printed, also only their end', async () => {
      await run([
        'run',
        'talk',
        '--image=example/web:1.0',
        '--restart=Never',
        '--command',
        '--',
        'sh',
        '-c',
        'echo one; echo two',
      ])
      await until('its output', async () => (await run(['logs', 'talk'])) === 'one\ntwo\n')
      assert.equal(await run(['logs', 'talk', '--tail=1']), 'two\n')
      await run(['delete', 'pod', 'talk', '--now'])
    })

    test('port-forward reaches a pod', async () => {
      const { spawn } = await import('node:child_process')
      const forward = spawn(program, ['-n', namespace, 'port-forward', `pod/${await pod()}`, ':8080'], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      })
      let output = ''
      forward.stdout.on('data', (chunk) => {
        output += chunk
      })
      try {
        const port = await until('a local port', async () => /127\.0\.0\.1:(\d+)/.exec(output)?.[1])
        assert.equal((await ask(`http://127.0.0.1:${port}/cgi-bin/whoami`)).status, 200)
      } finally {
        forward.kill()
      }
    })

    test('a drained node is empty of ordinary pods, and takes them again', async () => {
      await run([
        'drain',
        'node1',
        '--ignore-daemonsets',
        '--delete-emptydir-data',
        '--force',
        '--grace-period=1',
        '--timeout=60s',
      ])
      await run(['uncordon', 'node1'])
      await run(['rollout', 'status', 'deployment/web', '--timeout=90s'])
    })

    test('deleting the namespace deletes what is in it', async () => {
      await run(['delete', 'namespace', namespace, '--timeout=90s'])
      const { code } = await cluster.tryKubectl(['get', 'namespace', namespace], { program })
      assert.equal(code, 1)
    })
  })
}
