import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { ConfigMap, Lease, Node, Pod, Secret, Service } from '../api/index.ts'
import { eventually } from '../client/testing/index.ts'
import { whyNoContainers } from './testing/containerd.ts'
import { BUSYBOX_IMAGE } from './testing/image-archive.ts'
import { TestNode } from './testing/node.ts'

const why = whyNoContainers()
const options = { skip: why ?? false, timeout: 60_000 } as const
let node: TestNode

before(
  async () => {
    if (!why) node = await TestNode.start()
  },
  { timeout: 60_000 },
)
after(
  async () => {
    await node?.close()
  },
  { timeout: 60_000 },
)

const sh = (script: string) => ({ command: ['sh', '-c', script] })

test('a node registers itself, says that it is ready, and renews its lease', options, async () => {
  const found = await eventually('a ready node', async () => {
    const n = await node.api.get(Node, { name: 'n1' })
    return n.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') && n
  })
  assert.equal(found.metadata.labels?.['kubernetes.io/hostname'], 'n1')
  assert.match(found.status.nodeInfo.containerRuntimeVersion, /^containerd:\/\/\d/)
  assert.ok(Number(found.status.capacity?.cpu) >= 1)
  assert.deepEqual(found.status.addresses?.[0], { type: 'InternalIP', address: '127.0.0.1' })
  const lease = await eventually('a lease', () =>
    node.api.get(Lease, { namespace: 'kube-node-lease', name: 'n1' }).catch(() => undefined),
  )
  assert.equal(lease.spec?.holderIdentity, 'n1')
})

test('a pod runs, is reported, and leaves nothing behind when it is deleted', options, async () => {
  const made = await node.create('plain', { containers: [{ name: 'a', ...sh('echo hello; sleep 1000') }] })
  const status = await node.running('plain')
  assert.match(status.podIP ?? '', /^10\./)
  assert.equal(status.containerStatuses?.[0]?.ready, true)
  await eventually('its words', async () => (await node.log('plain')) === 'hello\n')
  await eventually('its events', async () =>
    (await node.events('plain')).some((e) => e === 'Normal Started: Container started'),
  )
  await node.delete('plain')
  await node.gone('plain')
  await eventually('its files gone', () => !existsSync(node.podDir(made.metadata.uid)))
  await eventually(
    'its cgroup gone',
    () => !existsSync(`/sys/fs/cgroup/memory/${node.cgroupBase}/kubepods/besteffort/pod${made.metadata.uid}`),
  )
})

test(
  'the environment comes from fields, resources, ConfigMaps, Secrets, services and other variables',
  options,
  async () => {
    await node.api.create(ConfigMap, {
      metadata: { namespace: 'default', name: 'env' },
      data: { COLOR: 'red', SIZE: 'xl' },
    })
    await node.api.create(Secret, {
      metadata: { namespace: 'default', name: 'env' },
      data: { PASSWORD: Buffer.from('geheim').toString('base64') },
    })
    await node.api.create(Service, {
      metadata: { namespace: 'default', name: 'my-db' },
      spec: { clusterIP: '10.96.3.4', ports: [{ port: 5432, name: 'pg' }] },
    })
    await node.create(
      'env',
      {
        restartPolicy: 'Never',
        containers: [
          {
            name: 'a',
            command: ['sh', '-c', 'env; echo arg $0', '$(GREETING)!'],
            resources: { limits: { cpu: '500m', memory: '64Mi' } },
            envFrom: [{ prefix: 'CM_', configMapRef: { name: 'env' } }],
            env: [
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'TIER', valueFrom: { fieldRef: { fieldPath: "metadata.labels['tier']" } } },
              {
                name: 'MEMORY',
                valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } },
              },
              { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'env', key: 'COLOR' } } },
              { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'env', key: 'PASSWORD' } } },
              { name: 'NONE', valueFrom: { secretKeyRef: { name: 'absent', key: 'x', optional: true } } },
              { name: 'GREETING', value: 'hi $(NAME) $(UNKNOWN) $$(NAME)' },
            ],
          },
        ],
      },
      { labels: { tier: 'gold' } },
    )
    const status = await node.done('env')
    assert.equal(status.phase, 'Succeeded')
    const lines = (await node.log('env')).split('\n')
    for (const line of [
      'NAME=env',
      'TIER=gold',
      'MEMORY=64',
      'COLOR=red',
      'CM_SIZE=xl',
      'PASSWORD=geheim',
      'GREETING=hi env $(UNKNOWN) $(NAME)',
      'MY_DB_SERVICE_HOST=10.96.3.4',
      'MY_DB_SERVICE_PORT_PG=5432',
      'MY_DB_PORT_5432_TCP=tcp://10.96.3.4:5432',
      'arg hi env $(UNKNOWN) $(NAME)!',
    ]) {
      assert.ok(lines.includes(line), `${line} in ${lines.join('\n')}`)
    }
    assert.match(lines.find((l) => l.startsWith('IP='))!, /^IP=10\./)
    assert.ok(!lines.some((l) => l.startsWith('NONE=')))
  },
)

test('a container whose Secret is missing waits, says why, and starts when it appears', options, async () => {
  await node.create('late', {
    containers: [{ name: 'a', ...sh('sleep 1000'), envFrom: [{ secretRef: { name: 'late' } }] }],
  })
  const waiting = await node.until(
    'late',
    'waiting',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'CreateContainerConfigError',
  )
  assert.equal(waiting.containerStatuses![0]!.state.waiting!.message, 'secret "late" not found')
  await node.api.create(Secret, { metadata: { namespace: 'default', name: 'late' }, data: {} })
  await node.running('late')
  await node.delete('late')
})

test(
  'volumes: emptyDir is shared, ConfigMaps follow changes, sub-paths, modes and groups hold',
  options,
  async () => {
    await node.api.create(ConfigMap, {
      metadata: { namespace: 'default', name: 'files' },
      data: { 'a.txt': 'one', 'b.txt': 'bee' },
    })
    const made = await node.create(
      'volumes',
      {
        securityContext: { fsGroup: 2000, runAsUser: 1000 },
        volumes: [
          { name: 'shared', emptyDir: {} },
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
          {
            name: 'config',
            configMap: { name: 'files', items: [{ key: 'a.txt', path: 'deep/a.txt' }], defaultMode: 0o440 },
          },
          { name: 'plain', configMap: { name: 'files' } },
          {
            name: 'downward',
            downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
          },
          {
            name: 'token',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
                { configMap: { name: 'files', items: [{ key: 'b.txt', path: 'ca' }] } },
              ],
            },
          },
        ],
        containers: [
          {
            name: 'a',
            ...sh(
              'echo written > /shared/file; id -G; cat /config/deep/a.txt; echo; stat -c %a:%g /config/deep/..data 2>/dev/null; stat -Lc %a:%g /config/deep/a.txt; cat /one; echo; cat /token/token /token/ca; echo; touch /plain/x 2>&1; stat -c %a /shared; sleep 1000',
            ),
            volumeMounts: [
              { name: 'shared', mountPath: '/shared' },
              { name: 'config', mountPath: '/config' },
              { name: 'plain', mountPath: '/plain' },
              { name: 'plain', mountPath: '/one', subPath: 'b.txt' },
              { name: 'token', mountPath: '/token' },
            ],
          },
          {
            name: 'b',
            ...sh(
              'until test -s /in/file; do sleep 0.1; done; cat /in/file; cat /labels/labels; echo; dd if=/dev/zero of=/mem/x bs=1M count=3 2>&1 | grep -c full; sleep 1000',
            ),
            volumeMounts: [
              { name: 'shared', mountPath: '/in' },
              { name: 'memory', mountPath: '/mem' },
              { name: 'downward', mountPath: '/labels' },
            ],
          },
        ],
      },
      { labels: { app: 'x' } },
    )
    await node.running('volumes')
    await eventually('what a saw', async () => (await node.log('volumes')).split('\n').length >= 8)
    const a = await node.log('volumes')
    assert.match(a, /(^| )2000( |\n)/m)
    assert.match(a, /\none\n440:2000\nbee\ntoken-\d+ of defaultbee\n/)
    assert.match(a, /touch: \/plain\/x: Read-only file system/)
    assert.match(a, /\n2777\n/)
    await eventually('what b saw', async () =>
      (await node.log('volumes', 'b')).startsWith('written\napp="x"\n'),
    )
    const { uid } = made.metadata
    const file = `${node.podDir(uid)}/volumes/kubernetes.io~configmap/plain/a.txt`
    await node.api.patch(
      ConfigMap,
      { namespace: 'default', name: 'files' },
      { type: 'merge', body: { data: { 'a.txt': 'two' } } },
    )
    await eventually('the new text', async () => (await readFile(file, 'utf8')) === 'two')
    await node.delete('volumes')
    await node.gone('volumes')
    await eventually('all of it gone', () => !existsSync(node.podDir(uid)))
  },
)

test(
  'init containers and sidecars start in order; the sidecar outlives the work and then ends',
  options,
  async () => {
    const volume = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
    await node.create('ordered', {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        { name: 'first', ...sh('echo first >> /v/order'), ...volume },
        {
          name: 'side',
          restartPolicy: 'Always',
          ...sh("echo side >> /v/order; trap 'exit 0' TERM; while true; do sleep 0.1; done"),
          ...volume,
        },
        { name: 'second', ...sh('sleep 0.3; echo second >> /v/order'), ...volume },
      ],
      containers: [{ name: 'a', ...sh('cat /v/order'), ...volume }],
    })
    const status = await node.done('ordered')
    assert.equal(status.phase, 'Succeeded')
    assert.equal(await node.log('ordered'), 'first\nside\nsecond\n')
    const done = await node.until(
      'ordered',
      'sidecar ended',
      (s) => s.initContainerStatuses?.[1]?.state.terminated,
    )
    assert.equal(done.initContainerStatuses![1]!.restartCount, 0)
  },
)

test('a container that fails is started again, and its last words are kept', options, async () => {
  await node.create('failing', {
    restartPolicy: 'OnFailure',
    containers: [{ name: 'a', ...sh('echo because > /dev/termination-log; exit 3') }],
  })
  const status = await node.until(
    'failing',
    'held back',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff',
  )
  assert.equal(status.containerStatuses![0]!.restartCount, 1)
  assert.equal(status.containerStatuses![0]!.lastState.terminated!.exitCode, 3)
  assert.equal(status.containerStatuses![0]!.lastState.terminated!.message, 'because\n')
  await eventually('the event', async () =>
    (await node.events('failing')).some((e) =>
      e.startsWith('Warning BackOff: Back-off restarting failed container a in pod failing_default('),
    ),
  )
  await node.delete('failing')
})

test('an image that is not there: the pull fails, waits, and says so', options, async () => {
  await node.create('no-image', { containers: [{ name: 'a', image: '127.0.0.1:1/nothing:1' }] })
  const status = await node.until(
    'no-image',
    'failing',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
  )
  assert.equal(status.phase, 'Pending')
  const waiting = await node.until(
    'no-image',
    'waiting',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'ImagePullBackOff',
  )
  assert.match(
    waiting.containerStatuses![0]!.state.waiting!.message!,
    /^Back-off pulling image "127.0.0.1:1\/nothing:1": ErrImagePull: /,
  )
  await node.delete('no-image')
  await node.gone('no-image')
})

test('readiness follows its probe, and a failed liveness probe restarts', options, async () => {
  const probe = { periodSeconds: 1, failureThreshold: 1 }
  await node.create('probed', {
    containers: [
      {
        name: 'a',
        ...sh(
          'mkdir /www; echo ok > /www/index.html; httpd -p 8080 -h /www; sleep 1; touch /tmp/ready; sleep 1000',
        ),
        ports: [{ name: 'http', containerPort: 8080 }],
        startupProbe: { ...probe, failureThreshold: 30, tcpSocket: { port: 'http' } },
        readinessProbe: { ...probe, exec: { command: ['cat', '/tmp/ready'] } },
        livenessProbe: { ...probe, failureThreshold: 2, httpGet: { port: 'http', path: '/index.html' } },
      },
    ],
  })
  const unready = await node.until('probed', 'started', (s) => s.containerStatuses?.[0]?.started)
  assert.equal(unready.containerStatuses![0]!.ready, false)
  const ready = await node.until('probed', 'ready', (s) =>
    s.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
  )
  const id = ready.containerStatuses![0]!.containerID!.replace('containerd://', '')
  await node.exec(id, ['rm', '/www/index.html'])
  await node.until(
    'probed',
    'restarted',
    (s) => s.containerStatuses?.[0]?.restartCount === 1 && s.containerStatuses[0].ready,
  )
  await eventually('the event', async () =>
    (await node.events('probed')).includes(
      'Warning Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 404',
    ),
  )
  await node.delete('probed')
})

test('hooks: postStart runs beside the container, preStop before it is told to end', options, async () => {
  const volume = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
  const made = await node.create('hooked', {
    terminationGracePeriodSeconds: 10,
    volumes: [{ name: 'v', hostPath: { path: `${node.containerd.dir}/hooked`, type: 'DirectoryOrCreate' } }],
    containers: [
      {
        name: 'a',
        ...sh("trap 'echo term >> /v/log; exit 0' TERM; while true; do sleep 0.1; done"),
        ...volume,
        lifecycle: {
          postStart: { exec: { command: ['sh', '-c', 'echo post >> /v/log'] } },
          preStop: { exec: { command: ['sh', '-c', 'echo pre >> /v/log'] } },
        },
      },
    ],
  })
  await node.running('hooked')
  await eventually(
    'postStart',
    async () => (await readFile(`${node.containerd.dir}/hooked/log`, 'utf8').catch(() => '')) === 'post\n',
  )
  await node.delete('hooked')
  await node.gone('hooked')
  assert.equal(await readFile(`${node.containerd.dir}/hooked/log`, 'utf8'), 'post\npre\nterm\n')
  assert.ok(made)
})

test(
  'security: users, groups, capabilities, read-only root and no new privileges reach the process',
  options,
  async () => {
    await node.create('secure', {
      restartPolicy: 'Never',
      securityContext: {
        runAsUser: 1234,
        runAsGroup: 2345,
        supplementalGroups: [3456],
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'a',
          ...sh(
            'id -u; id -g; id -G; touch /x 2>&1; grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status; hostname',
          ),
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
          },
        },
      ],
    })
    await node.done('secure')
    const text = await node.log('secure')
    assert.match(text, /^1234\n2345\n2345 3456\ntouch: \/x: Read-only file system\n/)
    assert.match(text, /CapBnd:\t0000000000000400\n/)
    assert.match(text, /NoNewPrivs:\t1\nSeccomp:\t2\n/)
    assert.match(text, /secure\n$/)
  },
)

test('a pod that must not run as root does not', options, async () => {
  await node.create('root', {
    containers: [{ name: 'a', ...sh('sleep 1000') }],
    securityContext: { runAsNonRoot: true },
  })
  const status = await node.until(
    'root',
    'refused',
    (s) => s.containerStatuses?.[0]?.state.waiting?.reason === 'CreateContainerConfigError',
  )
  assert.match(
    status.containerStatuses![0]!.state.waiting!.message!,
    /^container has runAsNonRoot and image will run as root/,
  )
  await node.delete('root')
})

test('limits reach the cgroups of the container and of the pod', options, async () => {
  const made = await node.create('limited', {
    containers: [
      {
        name: 'a',
        ...sh('sleep 1000'),
        resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } },
      },
    ],
  })
  const status = await node.running('limited')
  assert.equal(status.qosClass, 'Burstable')
  const dir = `/sys/fs/cgroup/memory/${node.cgroupBase}/kubepods/burstable/pod${made.metadata.uid}`
  if (existsSync('/sys/fs/cgroup/memory')) {
    assert.equal((await readFile(`${dir}/memory.limit_in_bytes`, 'utf8')).trim(), String(64 * 2 ** 20))
    const id = status.containerStatuses![0]!.containerID!.replace('containerd://', '')
    assert.equal((await readFile(`${dir}/${id}/memory.limit_in_bytes`, 'utf8')).trim(), String(64 * 2 ** 20))
    assert.equal(
      (await readFile(`${dir.replace('/memory/', '/cpu/')}/${id}/cpu.cfs_quota_us`, 'utf8')).trim(),
      '50000',
    )
    assert.equal((await readFile(`${dir.replace('/memory/', '/cpu/')}/cpu.shares`, 'utf8')).trim(), '102')
  }
  await node.delete('limited')
})

test(
  'names: /etc/hosts and resolv.conf are those of the cluster, with what the pod adds',
  options,
  async () => {
    await node.create('named', {
      restartPolicy: 'Never',
      hostname: 'box',
      subdomain: 'sub',
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven', 'sept'] }],
      dnsConfig: { searches: ['extra.example'], options: [{ name: 'ndots', value: '2' }] },
      containers: [{ name: 'a', ...sh('cat /etc/hosts /etc/resolv.conf; hostname') }],
    })
    const { podIP } = await node.done('named')
    const text = await node.log('named')
    assert.ok(text.includes(`${podIP}\tbox.sub.default.svc.cluster.local\tbox\n`), text)
    assert.ok(text.includes('192.0.2.7\tseven\tsept\n'))
    assert.match(
      text,
      /search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local .*extra\.example\n/,
    )
    assert.match(text, /nameserver 10\.96\.0\.10\noptions ndots:2\n/)
    assert.match(text, /\nbox\n$/)
  },
)

test("on the host's network a pod has the host's address, name and resolver", options, async () => {
  await node.create('host', {
    restartPolicy: 'Never',
    hostNetwork: true,
    containers: [{ name: 'a', ...sh('hostname; cat /etc/hosts') }],
  })
  const status = await node.done('host')
  assert.deepEqual(status.podIPs, [{ ip: '127.0.0.1' }])
  const text = await node.log('host')
  assert.match(text, /# Kubernetes-managed hosts file \(host network\)\./)
})

test('containers of a pod see the processes of the others where it wants that', options, async () => {
  const containers = [
    { name: 'a', ...sh('sleep 12345') },
    { name: 'b', ...sh('until ps | grep -q "sleep 1234[5]"; do sleep 0.1; done; echo seen; sleep 1000') },
  ]
  await node.create('together', { shareProcessNamespace: true, containers })
  await eventually('b to see a', async () => (await node.log('together', 'b').catch(() => '')) === 'seen\n')
  await node.delete('together')
})

test(
  'an ephemeral container joins a pod that runs, and sees the processes of its target',
  options,
  async () => {
    await node.create('debugged', { containers: [{ name: 'a', ...sh('sleep 54321') }] })
    await node.running('debugged')
    const ephemeral = {
      name: 'debug',
      image: BUSYBOX_IMAGE,
      targetContainerName: 'a',
      ...sh('ps | grep -q "sleep 5432[1]" && echo found'),
    }
    await node.api.patch(
      Pod,
      { namespace: 'default', name: 'debugged' },
      { type: 'merge', body: { spec: { ephemeralContainers: [ephemeral] } } },
    )
    const status = await node.until(
      'debugged',
      'looked at',
      (s) => s.ephemeralContainerStatuses?.[0]?.state.terminated,
    )
    assert.equal(status.phase, 'Running')
    assert.equal(await node.log('debugged', 'debug'), 'found\n')
    await node.delete('debugged')
  },
)

test('a pod that fills its emptyDir beyond the limit is evicted', options, async () => {
  const made = await node.create('filling', {
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '64Ki' } }],
    containers: [
      {
        name: 'a',
        ...sh('dd if=/dev/zero of=/v/x bs=1k count=200; sleep 1000'),
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
  })
  const status = await node.until('filling', 'evicted', (s) => s.phase === 'Failed', 30_000)
  assert.deepEqual(
    [status.reason, status.message],
    ['Evicted', 'Usage of EmptyDir volume "v" exceeds the limit "64Ki". '],
  )
  await node.delete('filling')
  await eventually('all of it gone', () => !existsSync(node.podDir(made.metadata.uid)))
})

test('a container gets other limits while it runs', options, async () => {
  const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } })
  await node.create('resized', {
    containers: [{ name: 'a', ...sh('sleep 1000'), resources: resources('100m', '32Mi') }],
  })
  const before = await node.running('resized')
  await node.api.patch(
    Pod,
    { namespace: 'default', name: 'resized' },
    {
      type: 'json',
      body: [{ op: 'replace', path: '/spec/containers/0/resources', value: resources('200m', '64Mi') }],
    },
  )
  const after = await node.until(
    'resized',
    'resized',
    (s) => s.containerStatuses?.[0]?.resources?.limits?.memory === '64Mi',
  )
  const { containerID, restartCount } = after.containerStatuses![0]!
  assert.deepEqual([containerID, restartCount], [before.containerStatuses![0]!.containerID, 0])
  const { uid } = (await node.api.get(Pod, { namespace: 'default', name: 'resized' })).metadata
  const dir = `/sys/fs/cgroup/memory/${node.cgroupBase}/kubepods/pod${uid}`
  if (existsSync(dir)) {
    for (const d of [dir, `${dir}/${containerID!.replace('containerd://', '')}`])
      assert.equal((await readFile(`${d}/memory.limit_in_bytes`, 'utf8')).trim(), String(64 * 2 ** 20))
  }
  assert.ok(!after.conditions?.some((c) => c.type.startsWith('PodResize')))
  await node.delete('resized')
})
