import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../src/cluster/index.ts'
import { APP_IMAGES } from './app.ts'
import { cannotRun, startCluster, type TestCluster, until } from './harness.ts'

/** The network as real pods on two nodes see it: who reaches whom, under which name, and seen as whom. */

const skip = cannotRun
const PEER = join(import.meta.dirname, 'app/peer.mjs')
const DOMAIN = 'svc.cluster.local'
let cluster: TestCluster
const address = new Map<string, string>()
const clusterIp = new Map<string, string>()

const hostPaths = [dirname(process.execPath), '/lib', ...(existsSync('/lib64') ? ['/lib64'] : [])]
const mountPaths = ['/node', ...hostPaths.slice(1)]

interface PodOptions {
  readonly node: string
  readonly labels?: Record<string, string>
  readonly env?: Record<string, string>
  readonly ports?: readonly object[]
  readonly spec?: object
}

function peer(name: string, { node, labels = {}, env = {}, ports = [], spec = {} }: PodOptions): object {
  const volumes = hostPaths.map((path, i) => ({ name: `host${i}`, hostPath: { path } }))
  const mounts = mountPaths.map((mountPath, i) => ({ name: `host${i}`, mountPath, readOnly: true }))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { name, ...labels } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      terminationGracePeriodSeconds: 1,
      volumes: [...volumes, { name: 'app', configMap: { name: 'peer' } }],
      containers: [
        {
          name: 'peer',
          image: 'example/web:1.0',
          command: ['/node/node', '/app/peer.mjs'],
          env: Object.entries({ POD_NAME: name, ...env }).map(([key, value]) => ({ name: key, value })),
          ports,
          volumeMounts: [...mounts, { name: 'app', mountPath: '/app' }],
          readinessProbe: { tcpSocket: { port: Number(env.PORT ?? 8080) }, periodSeconds: 1 },
        },
      ],
      ...spec,
    },
  }
}

const HTTP = { name: 'http', port: 80, targetPort: 8080 }
const DATAGRAMS = { name: 'datagrams', protocol: 'UDP', port: 80, targetPort: 8080 }
const service = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [HTTP], ...spec },
})

const objects = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'peer' },
    data: { 'peer.mjs': readFileSync(PEER, 'utf8') },
  },
  peer('near', { node: 'node1', labels: { app: 'all' } }),
  peer('beside', { node: 'node1' }),
  peer('far', {
    node: 'node2',
    labels: { app: 'all' },
    ports: [
      { containerPort: 8080, hostPort: 8088 },
      { containerPort: 8080, hostPort: 8088, protocol: 'UDP' },
    ],
    spec: { hostname: 'db-0', subdomain: 'db' },
  }),
  peer('onhost', {
    node: 'node2',
    env: { PORT: '18080' },
    spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
  }),
  service('all', { selector: { app: 'all' }, ports: [HTTP, DATAGRAMS] }),
  service('near', { selector: { name: 'near' } }),
  service('far', { type: 'NodePort', selector: { name: 'far' }, ports: [HTTP, DATAGRAMS] }),
  service('kept', { type: 'NodePort', selector: { name: 'far' }, externalTrafficPolicy: 'Local' }),
  service('inside', { selector: { name: 'far' }, internalTrafficPolicy: 'Local' }),
  service('balanced', { type: 'LoadBalancer', selector: { name: 'far' } }),
  service('onhost', { selector: { name: 'onhost' }, ports: [{ ...HTTP, targetPort: 18_080 }] }),
  service('nobody', { selector: { name: 'nobody' } }),
  service('db', { clusterIP: 'None', selector: { name: 'far' }, ports: [{ ...HTTP, port: 8080 }] }),
  service('alias', { type: 'ExternalName', externalName: `all.default.${DOMAIN}`, ports: [] }),
]

before(async () => {
  if (skip) return
  cluster = await startCluster({ nodes: 2 })
  await cluster.dhow('image', 'build', APP_IMAGES)
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const applied = await cluster.tryKubectl(['apply', '-f', '-'], { input })
  assert.equal(applied.code, 0, applied.stderr)
  await cluster.kubectl('wait', 'pod', '--all', '--for=condition=Ready', '--timeout=60s')
  const { items } = JSON.parse(await cluster.kubectl('get', 'pods,services', '-o', 'json'))
  for (const { kind, metadata, status, spec } of items) {
    if (kind === 'Pod') address.set(metadata.name, status.podIP)
    else clusterIp.set(metadata.name, spec.clusterIP)
  }
})

after(async () => {
  await cluster?.remove()
})

type Ask = readonly [kind: 'tcp' | 'udp' | 'big' | 'lookup' | 'dns', target: string]

/** What the pod is told, in the order of its questions. */
async function from(pod: string, ...asks: readonly Ask[]): Promise<unknown[]> {
  const printed = await cluster.kubectl(
    'exec',
    pod,
    '--',
    '/node/node',
    '/app/peer.mjs',
    JSON.stringify(asks),
  )
  return JSON.parse(printed)
}

/** As a program on this machine, or on another node: in no pod. */
async function fromNode(node: number, ...asks: readonly Ask[]): Promise<unknown[]> {
  const { netns } = cluster.layout.nodes[node]!
  const enter = netns ? ['nsenter', `--net=${netns}`] : []
  const { stdout } = await runCommand([...enter, process.execPath, PEER, JSON.stringify(asks)])
  return JSON.parse(stdout)
}

const ip = (pod: string) => address.get(pod)!
/** An answer of that pod, to somebody whom it saw as `who`. */
const seen = (by: string, who: string) => ({ by, from: who })
const refused = { error: 'ECONNREFUSED' }
const silence = { error: 'silence' }
/** The bridge's own address: who reaches itself through a Service is seen as that. */
const hidden = (pod: string) => ip(pod).replace(/\d+$/, '1')

test('pods see each other by their own addresses, on one node and across nodes, over TCP and UDP', {
  skip,
}, async () => {
  const far = `${ip('far')}:8080`
  assert.deepEqual(await from('near', ['tcp', `${ip('beside')}:8080`], ['tcp', far], ['udp', far]), [
    seen('beside', ip('near')),
    seen('far', ip('near')),
    seen('far', ip('near')),
  ])
  assert.deepEqual(await from('far', ['tcp', `${ip('near')}:8080`], ['udp', `${ip('beside')}:8080`]), [
    seen('near', ip('far')),
    seen('beside', ip('far')),
  ])
  // Whole packets fit through all links between them.
  assert.deepEqual(await from('near', ['big', far], ['big', `${ip('beside')}:8080`]), [4 << 20, 4 << 20])
})

test('a Service shows its pods who asks; the same port is another thing over UDP', { skip }, async () => {
  assert.deepEqual(
    await from('near', ['tcp', 'far'], ['udp', `${clusterIp.get('far')}:80`], ['tcp', 'near.default']),
    [seen('far', ip('near')), seen('far', ip('near')), seen('near', hidden('near'))],
  )
  assert.deepEqual(await from('far', ['tcp', 'near'], ['tcp', 'far.default'], ['tcp', 'balanced']), [
    seen('near', ip('far')),
    seen('far', hidden('far')),
    seen('far', hidden('far')),
  ])
})

test('without endpoints connections are refused; where the policy keeps them on a node without, they are dropped', {
  skip,
}, async () => {
  assert.deepEqual(await from('near', ['tcp', 'nobody'], ['tcp', 'far:81'], ['tcp', 'inside']), [
    refused,
    refused,
    silence,
  ])
  assert.deepEqual(await from('far', ['tcp', 'inside']), [seen('far', hidden('far'))])
})

test('pods on the network of their node reach and are reached, by Service and by name', {
  skip,
}, async () => {
  assert.deepEqual(await from('near', ['tcp', `${ip('onhost')}:18080`], ['tcp', 'onhost']), [
    seen('onhost', ip('near')),
    seen('onhost', ip('near')),
  ])
  const asks: Ask[] = [
    ['tcp', 'near'],
    ['tcp', 'onhost'],
    ['lookup', 'db-0.db'],
  ]
  assert.deepEqual(await from('onhost', ...asks), [
    seen('near', ip('onhost')),
    seen('onhost', ip('onhost')),
    [ip('far')],
  ])
})

test('a host port leads to its pod, over TCP and UDP, on its node alone', { skip }, async () => {
  const port = `${ip('onhost')}:8088`
  const asks: Ask[] = [
    ['tcp', port],
    ['udp', port],
  ]
  assert.deepEqual(await from('near', ...asks), [seen('far', ip('near')), seen('far', ip('near'))])
  const node1 = cluster.layout.nodes[0]!.ip
  assert.deepEqual(await fromNode(0, ...asks, ['tcp', `${node1}:8088`]), [
    seen('far', node1),
    seen('far', node1),
    refused,
  ])
})

test('names are found by the search domains, of every kind that there is', { skip }, async () => {
  const reverse = ip('far').split('.').reverse().join('.')
  const cases: readonly [Ask, unknown][] = [
    [['lookup', 'far'], [clusterIp.get('far')]],
    [['lookup', 'far.default'], [clusterIp.get('far')]],
    [['lookup', `far.default.${DOMAIN}.`], [clusterIp.get('far')]],
    [['lookup', 'db'], [ip('far')]],
    [['lookup', 'db-0.db'], [ip('far')]],
    [['lookup', 'alias'], [clusterIp.get('all')]],
    [['lookup', 'nothing'], { error: 'ENOTFOUND' }],
    [['dns', `CNAME alias.default.${DOMAIN}`], [`all.default.${DOMAIN}`]],
    [['dns', `SRV _http._tcp.db.default.${DOMAIN}`], [`8080 db-0.db.default.${DOMAIN}`]],
    [['dns', `SRV _datagrams._udp.all.default.${DOMAIN}`], [`80 all.default.${DOMAIN}`]],
    [['dns', `PTR ${reverse}.in-addr.arpa`], [`db-0.db.default.${DOMAIN}`]],
    [['dns', `AAAA far.default.${DOMAIN}`], { error: 'ENODATA' }],
    [['dns', `A ${ip('near').replaceAll('.', '-')}.default.pod.cluster.local`], [ip('near')]],
  ]
  for (const pod of ['near', 'onhost']) {
    const answers = await from(pod, ...cases.map(([ask]) => ask))
    for (const [i, [ask, expected]] of cases.entries()) {
      assert.deepEqual(answers[i], expected, `${ask.join(' ')} from ${pod}`)
    }
  }
})

const nodePort = async (name: string) =>
  cluster.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.ports[0].nodePort}')

test('a node port answers on every node for the other nodes and for pods, wherever the endpoint is', {
  skip,
}, async () => {
  const port = await nodePort('far')
  const asks = cluster.layout.nodes.map((n): Ask => ['tcp', `${n.ip}:${port}`])
  for (const answers of [
    await fromNode(0, ...asks),
    await fromNode(1, ...asks),
    await from('far', ...asks),
  ]) {
    assert.deepEqual(
      answers.map((a) => (a as { by?: string }).by),
      ['far', 'far'],
    )
  }
})

test('a Service with none left but pods that end goes on with these', { skip }, async () => {
  const preStop = { sleep: { seconds: 3 } }
  const ending = peer('ending', { node: 'node2', spec: { terminationGracePeriodSeconds: 4 } }) as {
    spec: { containers: object[] }
  }
  ending.spec.containers[0] = { ...ending.spec.containers[0], lifecycle: { preStop } }
  const items = [ending, service('ending', { selector: { name: 'ending' } })]
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  assert.equal((await cluster.tryKubectl(['apply', '-f', '-'], { input })).code, 0)
  await cluster.kubectl('wait', 'pod', 'ending', '--for=condition=Ready', '--timeout=30s')
  await until('its rules', async () => 'by' in ((await from('near', ['tcp', 'ending']))[0] as object))
  await cluster.kubectl('delete', 'pod', 'ending', '--wait=false')
  assert.deepEqual(await from('near', ['tcp', 'ending']), [seen('ending', ip('near'))])
  await cluster.kubectl('wait', 'pod', 'ending', '--for=delete', '--timeout=30s')
  await until('an end of it', async () => {
    const [answer] = await from('near', ['tcp', 'ending'])
    return (answer as { error?: string }).error === 'ECONNREFUSED'
  })
})

/** A network of four addresses that other runs of this test do not have: node 1's end of it, and the other one. */
const net = `198.18.${(process.pid >> 6) & 255}.`
const [gateway, stranger] = [1, 2].map((n) => `${net}${(process.pid & 63) * 4 + n}`) as [string, string]

/** A machine outside of the cluster, which only knows the way to node 1. */
async function outside(body: (ask: typeof from, name: string) => Promise<void>): Promise<void> {
  const name = `out${process.pid}`
  const run = async (...command: string[]) => {
    const { exitCode, stderr } = await runCommand(command)
    assert.equal(exitCode, 0, `${command.join(' ')}: ${stderr}`)
  }
  await run('ip', 'netns', 'add', name)
  try {
    await run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await run('ip', 'address', 'add', `${gateway}/30`, 'dev', name)
    await run('ip', 'link', 'set', name, 'up')
    await run('ip', '-n', name, 'address', 'add', `${stranger}/30`, 'dev', 'eth0')
    await run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
    await run('ip', '-n', name, 'route', 'add', 'default', 'via', gateway)
    await body(async (_, ...asks) => {
      const command = ['ip', 'netns', 'exec', name, process.execPath, PEER, JSON.stringify(asks)]
      return JSON.parse((await runCommand(command)).stdout)
    }, name)
  } finally {
    await run('ip', 'netns', 'delete', name)
    await runCommand(['ip', 'link', 'delete', name])
  }
}

test('clients from outside keep their address where the policy says so; pods that go out are hidden', {
  skip,
}, async () => {
  const { status } = JSON.parse(await cluster.kubectl('get', 'service', 'balanced', '-o', 'json'))
  const [first, second] = cluster.layout.nodes.map((n) => n.ip)
  const kept = await nodePort('kept')
  await outside(async (ask, name) => {
    const asks: Ask[] = [
      ['tcp', `${first}:${await nodePort('far')}`],
      ['tcp', `${first}:${kept}`],
      ['tcp', `${second}:${kept}`],
      ['tcp', status.loadBalancer.ingress[0].ip],
    ]
    assert.deepEqual(await ask(name, ...asks), [
      seen('far', first!),
      silence,
      seen('far', stranger),
      seen('far', first!),
    ])
    const env = { ...process.env, POD_NAME: 'outside', PORT: '8089' }
    const server = spawn('ip', ['netns', 'exec', name, process.execPath, PEER], { env, stdio: 'ignore' })
    try {
      await until('a server outside', async () => {
        const answers = await fromNode(0, ['tcp', `${stranger}:8089`])
        return (answers[0] as { by?: string }).by === 'outside'
      })
      for (const pod of ['near', 'far']) {
        const answers = await from(pod, ['tcp', `${stranger}:8089`], ['udp', `${stranger}:8089`])
        const asTheMachine = seen('outside', gateway)
        assert.deepEqual(answers, [asTheMachine, asTheMachine], pod)
      }
    } finally {
      server.kill()
    }
  })
})
