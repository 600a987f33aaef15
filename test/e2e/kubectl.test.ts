import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCommand } from '../../src/cluster/index.ts'
import { cannotRun, dhow, kubectls, startCluster, type TestCluster, until } from './harness.ts'
import { ask } from './load.ts'

const skip = cannotRun
const root = join(import.meta.dirname, '..', '..')
const dir = mkdtempSync(join(tmpdir(), 'dhow-kubectl-'))

let cluster: TestCluster

before(async () => {
  if (skip) return
  cluster = await startCluster()
  await cluster.dhow('image', 'build', join(root, 'examples/web/images/images.yaml'))
  writeFileSync(join(dir, 'images.yaml'), TOOLS)
  await cluster.dhow('image', 'build', join(dir, 'images.yaml'))
})

/** A shell with what `kubectl cp` needs. */
const TOOLS = `
images:
  - name: test/tools:1
    files:
      - { path: /bin/busybox, from: "program:busybox" }
      - { path: /bin/sh, link: busybox }
      - { path: /bin/tar, link: busybox }
      - { path: /bin/cat, link: busybox }
      - { path: /bin/sleep, link: busybox }
      - { path: /init, from: "program:catatonit" }
      - { path: /tmp, directory: true, mode: "1777" }
    entrypoint: [/init, --, sleep, "1000"]
`

after(async () => {
  await cluster?.remove()
  rmSync(dir, { recursive: true, force: true })
})

function startKubectl(program: string, args: readonly string[]): { output(): string; stop(): void } {
  const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return { output: () => output, stop: () => child.kill() }
}

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
      [['rollout', 'history', 'deployment/web', '--revision=1'], /revision #1\nPod Template:/],
      [['logs', '-l', 'app=web', '--all-containers', '--prefix', '--tail=1'], /^(\[pod\/web-|$)/],
      [['rollout', 'pause', 'deployment/web'], /paused/],
      [['set', 'image', 'deployment/web', 'web=example/web:1.0'], /^$|updated/],
      [['rollout', 'resume', 'deployment/web'], /resumed/],
      [['rollout', 'undo', 'deployment/web'], /rolled back/],
      [['rollout', 'status', 'deployment/web', '--timeout=90s'], /successfully rolled out/],
      [['explain', 'pod.spec.containers'], /Container|containers/],
      [['api-resources'], /deployments +deploy +apps\/v1/],
      [['api-versions'], /^apps\/v1$/m],
      [['auth', 'can-i', 'create', 'pods'], /yes/],
      [['auth', 'whoami'], /system:masters/],
      [['auth', 'can-i', '--list', '--as=system:serviceaccount:default:default'], /selfsubjectaccessreviews/],
      [['cluster-info'], /is running at/],
      [['events'], /Scheduled|Started/],
      [['wait', 'deployment/web', '--for=condition=Available', '--timeout=30s'], /condition met/],
      [['wait', 'deployment/web', '--for=jsonpath={.spec.replicas}=3', '--timeout=30s'], /condition met/],
      [['set', 'env', 'deployment/web', '--list'], /# Deployment web, container web/],
      [['explain', 'deployment.spec.strategy', '--recursive'], /rollingUpdate/],
      [['api-resources', '--api-group=apps', '-o', 'wide'], /deployments .*create,delete/],
      [['expose', 'deployment', 'web', '--name=again', '--port=80', '--target-port=8080'], /exposed/],
      [['run', 'once', '--image=example/web:1.0', '--restart=Never'], /created/],
      [['wait', 'pod/once', '--for=condition=Ready', '--timeout=30s'], /condition met/],
      [['delete', 'pod', 'once', '--now'], /deleted/],
      [['delete', 'service', 'again'], /deleted/],
      [
        ['drain', 'node1', '--dry-run=server', '--ignore-daemonsets', '--force', '--delete-emptydir-data'],
        /drained \(server dry run\)/,
      ],
      [['get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'], /^3$/],
      [['cordon', 'node1'], /cordoned/],
      [['uncordon', 'node1'], /uncordoned/],
      [['taint', 'node', 'node1', `check-${namespace}=x:PreferNoSchedule`], /tainted/],
      [['taint', 'node', 'node1', `check-${namespace}-`], /untainted/],
      [['create', 'configmap', 'c', '--from-literal=a=b'], /created/],
      [['get', 'configmap', 'c', '-o', 'jsonpath={.data.a}'], /^b$/],
      [['get', 'configmap', 'c', '-o', 'json'], /"a": "b"/],
      [['create', 'deployment', 'other', '--image=test/tools:1'], /created/],
      [['rollout', 'status', 'deployment/other', '--timeout=60s'], /successfully rolled out/],
      [['autoscale', 'deployment', 'other', '--min=1', '--max=3'], /autoscaled/],
      [['get', 'hpa'], /other +Deployment\/other/],
      [['create', 'secret', 'generic', 's', '--from-literal=k=v'], /created/],
      [['create', 'serviceaccount', 'robot'], /created/],
      [['create', 'token', 'robot'], /^ey/],
      [['create', 'role', 'reader', '--verb=get', '--resource=pods'], /created/],
      [['get', 'events', '--sort-by=.metadata.creationTimestamp'], /REASON/],
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

    test('exec -it gives a terminal of the size of the own one', async () => {
      const name = await pod()
      const command = `stty rows 33 cols 77; ${program} -n ${namespace} exec -it ${name} -- sh -c 'test -t 0 && echo terminal; /bin/busybox stty size'`
      const result = await runCommand(['script', '-qec', command, '/dev/null'], {
        env: { KUBECONFIG: cluster.kubeconfig },
      })
      assert.match(result.stdout, /terminal\r?\n33 77/)
    })

    test('cp copies a folder into a pod, and back', async () => {
      const tools = await run(['get', 'pods', '-l', 'app=other', '-o', 'jsonpath={.items[0].metadata.name}'])
      const from = join(dir, `${namespace}-from`)
      const to = join(dir, `${namespace}-to`)
      mkdirSync(join(from, 'sub'), { recursive: true })
      writeFileSync(join(from, 'sub', 'big'), Buffer.alloc(3_000_000, 'x'))
      await run(['cp', from, `${tools}:/tmp/there`])
      await run(['cp', `${tools}:/tmp/there`, to])
      assert.deepEqual(readFileSync(join(to, 'sub', 'big')), readFileSync(join(from, 'sub', 'big')))
    })

    test('edit changes an object in an editor', async () => {
      const env = { KUBECONFIG: cluster.kubeconfig, KUBE_EDITOR: "sed -i 's/^  a: b$/  a: edited/'" }
      const result = await runCommand([program, '-n', namespace, 'edit', 'configmap', 'c'], { env })
      assert.equal(result.exitCode, 0, result.stderr)
      assert.equal(await run(['get', 'configmap', 'c', '-o', 'jsonpath={.data.a}']), 'edited')
    })

    test('get -w prints what changes, logs -f what comes, logs --previous what was', async () => {
      const loop = 'echo start; /bin/busybox sleep 1; echo end; exit 3'
      await run(['run', 'again', '--image=example/web:1.0', '--command', '--', 'sh', '-c', loop])
      const watching = startKubectl(program, ['-n', namespace, 'get', 'pod', 'again', '-w'])
      try {
        await until('the watch to show a restart', async () => /again +\S+ +\S+ +1 /.test(watching.output()))
      } finally {
        watching.stop()
      }
      assert.equal(await run(['logs', 'again', '--previous']), 'start\nend\n')
      await run(['delete', 'pod', 'again', '--now'])
      await run([
        'run',
        'count',
        '--image=example/web:1.0',
        '--restart=Never',
        '--command',
        '--',
        'sh',
        '-c',
        'for i in 1 2 3; do echo $i; /bin/busybox sleep 1; done',
      ])
      await run(['wait', 'pod/count', '--for=condition=Ready', '--timeout=30s'])
      assert.equal(await run(['logs', '-f', 'count']), '1\n2\n3\n')
    })

    test('port-forward reaches a pod', async () => {
      const forward = startKubectl(program, ['-n', namespace, 'port-forward', `pod/${await pod()}`, ':8080'])
      try {
        const port = await until('a local port', async () => /127\.0\.0\.1:(\d+)/.exec(forward.output())?.[1])
        const answers = await Promise.all(
          Array.from({ length: 5 }, () => ask(`http://127.0.0.1:${port}/cgi-bin/whoami`)),
        )
        assert.deepEqual(
          answers.map((a) => a.status),
          [200, 200, 200, 200, 200],
        )
      } finally {
        forward.stop()
      }
    })

    test('a load balancer has an address that answers', async () => {
      await run([
        'expose',
        'deployment',
        'web',
        '--name=balanced',
        '--type=LoadBalancer',
        '--port=80',
        '--target-port=8080',
      ])
      const path = 'jsonpath={.status.loadBalancer.ingress[0].ip}'
      const ip = await until('its address', () => run(['get', 'service', 'balanced', '-o', path]))
      await until('an answer', async () => (await ask(`http://${ip}/cgi-bin/whoami`)).status === 200)
    })

    test('run --rm -i runs a pod once, passes its output and exit code on, and removes it', async () => {
      const image = ['--image=example/web:1.0', '--restart=Never', '--rm', '-i', '--command']
      const { code, stdout } = await cluster.tryKubectl(
        ['-n', namespace, 'run', 'brief', ...image, '--', 'sh', '-c', 'echo in a pod; exit 4'],
        { program },
      )
      assert.equal(code, 4)
      assert.match(stdout, /^in a pod\n/)
      assert.equal(await run(['get', 'pod', 'brief', '--ignore-not-found']), '')
    })

    test('delete --cascade=orphan leaves what it owned', async () => {
      await run(['delete', 'deployment', 'other', '--cascade=orphan'])
      assert.match(
        await run(['get', 'replicasets', '-l', 'app=other', '-o', 'name']),
        /^replicaset\.apps\/other-/,
      )
      await run(['delete', 'replicasets', '-l', 'app=other', '--cascade=foreground'])
      assert.equal(await run(['get', 'pods', '-l', 'app=other', '-o', 'name']), '')
    })

    test('an edit that makes an object invalid is refused, and changes nothing', async () => {
      const env = {
        KUBECONFIG: cluster.kubeconfig,
        KUBE_EDITOR: "sed -i 's/^  replicas: .*/  replicas: -1/'",
      }
      const result = await runCommand([program, '-n', namespace, 'edit', 'deployment', 'web'], { env })
      assert.equal(result.exitCode, 1)
      assert.match(result.stderr, /deployments\.apps "web" is invalid/)
      assert.equal(await run(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']), '3')
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

describe('without kubectl', { skip }, () => {
  const namespace = 'own'
  /** What `dhow COMMAND` prints and how it ends; options of the cluster come first, as `exec` needs it. */
  const attempt = ([command = '', ...rest]: readonly string[]) => {
    const { name, dataDir } = cluster.layout.config
    const options = ['--name', name, '--data-dir', dataDir, '-n', namespace]
    return runCommand([dhow, command, ...options, ...rest], { timeoutMs: 120_000 })
  }
  const cases: [string[], RegExp, number?][] = [
    [['apply', '-f', join(dir, 'own.yaml')], /deployment\.apps\/web created/],
    [['apply', '-f', join(dir, 'own.yaml')], /deployment\.apps\/web unchanged/],
    [['rollout', 'status', 'deployment/web'], /successfully rolled out/],
    [['wait', 'deployment/web', '--for', 'condition=Available'], /condition met/],
    [['get', 'pods'], /^NAME +READY +STATUS +RESTARTS +AGE\nweb-\S+ +1\/1 +Running/],
    [['get', 'pods', '-o', 'wide'], /node1/],
    [['get', 'deployment/web', '-o', 'yaml'], /^kind: Deployment$/m],
    [['get', 'nothing'], /cannot find a resource type "nothing"/, 1],
    [['get', 'pod', 'nobody'], /pods "nobody" not found/, 1],
    [['describe', 'deployment', 'web'], /ScalingReplicaSet/],
    [['describe', 'pods', '-l', 'app=web'], /Kind: Pod\nName: web-/],
    [['exec', 'deployment/web', '--', 'sh', '-c', 'echo hello; exit 4'], /^hello\n$/, 4],
    [['rollout', 'restart', 'deployment/web'], /restarted/],
    [['rollout', 'status', 'deployment/web'], /successfully rolled out/],
    [['rollout', 'history', 'deployment/web'], /^2 +<none>$/m],
    [['rollout', 'undo', 'deployment/web'], /rolled back/],
    [['rollout', 'pause', 'deployment/web'], /paused/],
    [['rollout', 'resume', 'deployment/web'], /resumed/],
    [['apply', '-f', join(dir, 'talk.yaml')], /created/],
    [['wait', 'pod/talk', '--for', 'condition=Ready'], /condition met/],
    [['logs', 'talk', '--tail', '1'], /^two\n$/],
    [['delete', 'pod', 'talk', '--force'], /deleted/],
    [['get', 'pod', 'talk'], /pods "talk" not found/, 1],
    [
      ['apply', '-f', join(dir, 'wrong.yaml')],
      /^dhow: cannot use ".*": ConfigMap "c" is not.*:\n {2}line 4: unknown field "dta"/,
      1,
    ],
    [['delete', 'configmap', 'none'], /configmaps "none" not found/, 1],
  ]
  const ending: [string[], RegExp, number?][] = [
    [['delete', '-f', join(dir, 'own.yaml')], /deployment "web" deleted/],
    [['get', 'deployment', 'web'], /deployments.apps "web" not found/, 1],
    [['wait', 'deployment/web', '--for', 'delete'], /deleted/],
  ]
  const talk = ['sh', '-c', 'echo one; echo two; /bin/busybox sleep 1000']

  before(async () => {
    const web = readFileSync(join(root, 'examples/web/web.yaml'), 'utf8').replace(/^ +nodePort:.*$/m, '')
    writeFileSync(join(dir, 'own.yaml'), web)
    const containers = [{ name: 'talk', image: 'example/web:1.0', command: talk }]
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'talk' }, spec: { containers } }
    writeFileSync(join(dir, 'talk.yaml'), JSON.stringify(pod))
    writeFileSync(
      join(dir, 'wrong.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndta: {}\n',
    )
    await cluster.kubectl('create', 'namespace', namespace)
  })

  const tryCommand = ([args, expected, code = 0]: (typeof cases)[number]) =>
    test(`dhow ${args.map((arg) => arg.replace(`${dir}/`, '')).join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await attempt(args)
      assert.equal(exitCode, code, stderr || stdout)
      assert.match(code === 1 ? stderr : stdout, expected)
    })
  for (const one of cases) tryCommand(one)

  test('dhow exec passes much input and output on, however slowly it is read', async () => {
    const { name, dataDir } = cluster.layout.config
    const exec = `${dhow} exec --name ${name} --data-dir ${dataDir} -n ${namespace}`
    const busybox = 'deployment/web -- /bin/busybox'
    const script = `head -c 30000000 /dev/zero | ${exec} -i ${busybox} wc -c
      ${exec} ${busybox} head -c 30000000 /dev/zero | (sleep 1; wc -c)`
    const { stdout, stderr } = await runCommand(['bash', '-o', 'pipefail', '-ec', script], {
      timeoutMs: 60_000,
    })
    assert.equal(stdout, '30000000\n30000000\n', stderr)
  })

  for (const one of ending) tryCommand(one)

  const upWith = (image: string, ...args: string[]) => {
    const { name, dataDir } = cluster.layout.config
    const selector = { app: 'stuck' }
    const containers = [{ name: 'c', image, command: ['sh', '-c', 'exit 3'] }]
    const template = {
      metadata: { labels: selector },
      spec: { terminationGracePeriodSeconds: 0, containers },
    }
    // A container without probes is ready for as long as it runs: on a fast machine the rollout could end just then.
    const spec = { replicas: 2, minReadySeconds: 60, selector: { matchLabels: selector }, template }
    const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'stuck' }, spec }
    writeFileSync(join(dir, 'stuck.yaml'), JSON.stringify(manifest))
    return [
      'up',
      '--no-kubeconfig',
      '--name',
      name,
      '--data-dir',
      dataDir,
      '-f',
      join(dir, 'stuck.yaml'),
      ...args,
    ]
  }

  test('up ends with the reason when an image cannot be had, told once for all its pods', async () => {
    const { exitCode, stderr } = await runCommand([dhow, ...upWith('localhost:1/none:1', '--timeout', '8')])
    assert.equal(exitCode, 1)
    assert.match(stderr, /cannot finish the rollout of deployment default\/stuck: not done after 8 s/)
    assert.match(
      stderr,
      /\n! pod default\/stuck-\S+ \(and 1 more like it\) container "c" gets no image: .*refused\n {2}→ name an image/,
    )
  })

  test('Ctrl-C ends up alone, which says what goes on', async () => {
    const child = spawn(dhow, upWith('example/web:1.0'))
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await until('the trouble to be told', async () => /ends again and again: exit code 3/.test(said))
    child.kill('SIGINT')
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 130)
    assert.match(said, /interrupted: what was started goes on running/)
    await cluster.kubectl('delete', 'deployment', 'stuck')
  })

  test('an archive of an image is written, imported and listed; the image is removed', async () => {
    const { name, dataDir } = cluster.layout.config
    const image = (...args: string[]) => cluster.dhow('image', ...args)
    const recipe = join(dir, 'imported.yaml')
    writeFileSync(recipe, TOOLS.replace('test/tools:1', 'test/imported:1'))
    // Building into a folder needs no cluster.
    const built = await runCommand([dhow, 'image', 'build', '-o', join(dir, 'archives'), recipe])
    assert.equal(built.exitCode, 0, built.stderr)
    const [file] = readdirSync(join(dir, 'archives'))
    const identity = ['--name', name, '--data-dir', dataDir]
    const imported = await runCommand([dhow, 'image', 'import', join(dir, 'archives', file!), ...identity])
    assert.equal(imported.exitCode, 0, imported.stderr)
    assert.match(await image('list'), /^node1 +docker\.io\/test\/imported:1$/m)
    await image('remove', 'test/imported:1')
    assert.doesNotMatch(await image('list'), /imported/)
  })

  test('the command works from any directory, also through a link, and prints the kubeconfig alone', async () => {
    const link = join(dir, 'dhow')
    symlinkSync(dhow, link)
    const { name, dataDir } = cluster.layout.config
    const printed = await runCommand([link, 'kubeconfig', '--name', name, '--data-dir', dataDir], {
      cwd: '/',
    })
    assert.equal(printed.exitCode, 0, printed.stderr)
    writeFileSync(join(dir, 'kubeconfig'), printed.stdout)
    const asked = await runCommand([kubectls[0]!, 'get', 'nodes', '-o', 'name'], {
      env: { KUBECONFIG: join(dir, 'kubeconfig') },
    })
    assert.equal(asked.stdout, 'node/node1\n', asked.stderr)
  })

  test('up refuses manifests that it cannot read before it starts anything', async () => {
    const { exitCode, stderr } = await runCommand([dhow, 'up', '--name', 'never', '-f', join(dir, 'absent')])
    assert.equal(exitCode, 1)
    assert.match(stderr, /^dhow: cannot read ".*absent"/)
    assert.equal(existsSync('/var/lib/dhow/never'), false)
  })

  test('up --no-install names the packages that are missing, with their reasons', async () => {
    // In a mount namespace of its own, where nobody has plugins of CNI.
    const hide = `for d in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do [ ! -d $d ] || mount -t tmpfs none $d; done`
    const { exitCode, stderr } = await runCommand([
      'unshare',
      '--mount',
      'sh',
      '-c',
      `${hide}; exec ${dhow} up --name never --no-install`,
    ])
    assert.equal(exitCode, 1)
    assert.match(stderr, /--no-install/)
    assert.match(stderr, /^ +containernetworking-plugins +CNI plugins give each pod its network interface$/m)
    assert.match(stderr, /apt-get install containernetworking-plugins$/m)
    assert.equal(existsSync('/var/lib/dhow/never'), false)
  })

  test('a reader that has seen enough ends the command without noise', async () => {
    const { name, dataDir } = cluster.layout.config
    const get = `${dhow} get clusterroles -o yaml --name ${name} --data-dir ${dataDir}`
    const { stdout, stderr } = await runCommand(['sh', '-c', `${get} | head -n 1`])
    assert.equal(stdout, 'apiVersion: v1\n')
    assert.equal(stderr, '')
  })
})
