import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pod } from '../testing/pods.ts'
import { expand } from './expand.ts'
import { hostsFile, type NodeNaming, parseResolver, podResolver, sandboxHostname } from './names.ts'
import { quantityNumber } from './quantity.ts'
import {
  containerResources,
  cpuQuota,
  cpuShares,
  cpuWeight,
  oomScoreAdj,
  podAmount,
  podCgroup,
  podCgroupWrites,
  qosCgroupWrites,
  qosClassOf,
} from './resources.ts'
import { containerSecurity, forbiddenSysctl, namespaceOptions, SecurityError } from './security.ts'
import { signalNumber } from './signals.ts'

for (const [text, expected] of [
  ['$(A)', 'one'],
  ['x$(A)y$(B)z', 'xoneytwoz'],
  ['$(NOPE)', '$(NOPE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$(A', '$(A'],
  ['$A $', '$A $'],
  ['', ''],
] as const) {
  test(`expand: ${JSON.stringify(text)} becomes ${JSON.stringify(expected)}`, () => {
    const values: Record<string, string> = { A: 'one', B: 'two' }
    assert.equal(
      expand(text, (name) => values[name]),
      expected,
    )
  })
}

for (const [text, expected] of [
  ['1', 1],
  ['250m', 0.25],
  ['64Mi', 64 * 2 ** 20],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['2k', 2000],
  ['1e3', 1000],
  ['1E', 1e18],
] as const) {
  test(`quantity: ${text} is ${expected}`, () => assert.equal(quantityNumber(text), expected))
}

const amounts = (requests?: Record<string, string>, limits?: Record<string, string>) => ({
  resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) },
})
const qos = [
  ['nothing asked for', [{}], 'BestEffort'],
  ['zero asked for', [amounts({ cpu: '0' })], 'BestEffort'],
  ['limits only', [amounts(undefined, { cpu: '1', memory: '1Gi' })], 'Guaranteed'],
  [
    'requests equal limits',
    [amounts({ cpu: '1', memory: '1Gi' }, { cpu: '1000m', memory: '1024Mi' })],
    'Guaranteed',
  ],
  [
    'requests below limits',
    [amounts({ cpu: '500m', memory: '1Gi' }, { cpu: '1', memory: '1Gi' })],
    'Burstable',
  ],
  ['no limit on memory', [amounts({ cpu: '1' }, { cpu: '1' })], 'Burstable'],
  ['one of two without any', [amounts(undefined, { cpu: '1', memory: '1Gi' }), {}], 'Burstable'],
] as const
for (const [name, containers, expected] of qos) {
  test(`quality of service: ${name} is ${expected}`, () => {
    assert.equal(
      qosClassOf(pod({ containers: containers.map((c, i) => ({ name: `c${i}`, ...c })) })),
      expected,
    )
  })
}

test('what a pod asks for: all containers and sidecars, or the largest init container with the sidecars before it', () => {
  const cpu = (name: string, n: string, more = {}) => ({ name, ...amounts({ cpu: n }), ...more })
  const p = pod({
    initContainers: [cpu('i1', '3'), cpu('s', '1', { restartPolicy: 'Always' }), cpu('i2', '2500m')],
    containers: [cpu('a', '1'), cpu('b', '1')],
  })
  assert.equal(podAmount(p, 'requests', 'cpuMilli'), 3500)
  assert.equal(
    podAmount(pod({ containers: [cpu('a', '1')], overhead: { cpu: '250m' } }), 'requests', 'cpuMilli'),
    1250,
  )
})

test('a pod has a limit only when all of its containers have one', () => {
  const limited = { name: 'a', ...amounts(undefined, { memory: '1Gi' }) }
  assert.equal(podAmount(pod({ containers: [limited] }), 'limits', 'memoryBytes'), 2 ** 30)
  assert.equal(podAmount(pod({ containers: [limited, { name: 'b' }] }), 'limits', 'memoryBytes'), undefined)
})

test('shares, quotas and weights', () => {
  assert.deepEqual([0, 1, 250, 1000].map(cpuShares), [2, 2, 256, 1024])
  assert.deepEqual([0, 1, 500, 2000].map(cpuQuota), [0, 1000, 50_000, 200_000])
  assert.deepEqual([2, 1024, 262_144].map(cpuWeight), [1, 39, 10_000])
})

test('who is killed first when memory runs out', () => {
  const memory = 8 * 2 ** 30
  const score = (c: object, spec = {}) => {
    const p = pod({ containers: [{ name: 'a', ...c }], ...spec })
    return oomScoreAdj(p, p.spec.containers[0]!, memory)
  }
  assert.equal(score({}), 1000)
  assert.equal(score(amounts(undefined, { cpu: '1', memory: '1Gi' })), -997)
  assert.equal(score(amounts({ memory: '4Gi' })), 500)
  assert.equal(score(amounts({ memory: '8Gi' })), 3)
  assert.equal(score(amounts({ cpu: '1' })), 999)
  assert.equal(score({}, { priority: 2_000_001_000 }), -997)
})

const burstable = pod({
  containers: [{ name: 'a', ...amounts({ cpu: '100m', memory: '32Mi' }, { cpu: '500m', memory: '64Mi' }) }],
})

test('the cgroup of a pod, on both versions', () => {
  const path = podCgroup('dhow', burstable)
  assert.equal(path, '/dhow/kubepods/burstable/poduid-1')
  assert.equal(
    podCgroup(
      'dhow',
      pod({ containers: [{ name: 'a', ...amounts(undefined, { cpu: '1', memory: '1Gi' }) }] }),
    ),
    '/dhow/kubepods/poduid-1',
  )
  const text = (version: 1 | 2) =>
    podCgroupWrites(burstable, path, version).map((w) => `${w.controller}/${w.file}=${w.value}`)
  assert.deepEqual(text(1), [
    'cpu/cpu.shares=102',
    'cpu/cpu.cfs_period_us=100000',
    'cpu/cpu.cfs_quota_us=50000',
    `memory/memory.limit_in_bytes=${64 * 2 ** 20}`,
  ])
  assert.deepEqual(text(2), ['/cpu.weight=4', '/cpu.max=50000 100000', `/memory.max=${64 * 2 ** 20}`])
  assert.deepEqual(
    qosCgroupWrites('dhow', [burstable, burstable], 1).map((w) => `${w.path} ${w.value}`),
    ['/dhow/kubepods/burstable 204', '/dhow/kubepods/besteffort 2'],
  )
})

test('on cgroup version 2 a container dies as a whole when memory runs out', () => {
  const values = containerResources(burstable, burstable.spec.containers[0]!, {
    memoryCapacity: 2 ** 30,
    cgroupVersion: 2,
  })
  assert.deepEqual(values, {
    cpuShares: 102,
    cpuQuota: 50_000,
    cpuPeriod: 100_000,
    memoryLimitInBytes: 64 * 2 ** 20,
    oomScoreAdj: 969,
    unified: { 'memory.oom.group': '1' },
  })
})

const naming: NodeNaming = {
  nodeName: 'n1',
  clusterDomain: 'cluster.local',
  clusterDNS: ['10.96.0.10'],
  hostResolver: parseResolver('# c\nnameserver 192.0.2.53\nsearch corp.example. lan\noptions rotate\n'),
  hostHosts: '127.0.0.1 localhost\n',
}

for (const [name, spec, expected] of [
  [
    'ClusterFirst asks the cluster',
    {},
    {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'lan'],
      options: ['ndots:5'],
    },
  ],
  [
    "on the host's network, ClusterFirst asks whom the host asks",
    { hostNetwork: true },
    { servers: ['192.0.2.53'], searches: ['corp.example', 'lan'], options: ['rotate'] },
  ],
  [
    'ClusterFirstWithHostNet asks the cluster all the same',
    { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
    {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'lan'],
      options: ['ndots:5'],
    },
  ],
  [
    'Default asks whom the host asks',
    { dnsPolicy: 'Default' },
    { servers: ['192.0.2.53'], searches: ['corp.example', 'lan'], options: ['rotate'] },
  ],
  [
    'None has only what the pod says',
    {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.1'], searches: ['x'], options: [{ name: 'edns0' }] },
    },
    { servers: ['192.0.2.1'], searches: ['x'], options: ['edns0'] },
  ],
  [
    'at most three servers',
    {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'] },
    },
    { servers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'], searches: [], options: [] },
  ],
] as const) {
  test(`name resolution: ${name}`, () => assert.deepEqual(podResolver(pod(spec as never), naming), expected))
}

test('host names: of the pod, cut to what the kernel takes, or the full name where it is wanted', () => {
  assert.equal(sandboxHostname(pod(), naming), 'web')
  assert.equal(sandboxHostname(pod({ hostname: 'db' }), naming), 'db')
  assert.equal(
    sandboxHostname(pod({}, { metadata: { name: `${'a'.repeat(62)}-${'b'.repeat(20)}` } }), naming),
    'a'.repeat(62),
  )
  assert.equal(
    sandboxHostname(pod({ hostname: 'db', subdomain: 'dbs', setHostnameAsFQDN: true }), naming),
    'db.dbs.default.svc.cluster.local',
  )
  assert.throws(
    () => sandboxHostname(pod({ subdomain: 'x'.repeat(60), setHostnameAsFQDN: true }), naming),
    /FQDN .* is too long/,
  )
})

test('the hosts file has the pod, and what the pod adds', () => {
  const text = hostsFile(
    pod({ hostAliases: [{ ip: '192.0.2.9', hostnames: ['nine'] }] }),
    ['10.1.0.5', 'fd00::5'],
    naming,
  )
  assert.ok(text.startsWith('# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n'))
  assert.ok(
    text.endsWith('10.1.0.5\tweb\nfd00::5\tweb\n\n# Entries added by HostAliases.\n192.0.2.9\tnine\n'),
  )
  assert.equal(
    hostsFile(pod({ hostNetwork: true }), [], naming),
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n',
  )
})

const rootImage = { uid: 0, username: '' }
const secured = (
  shared: object,
  own: object,
  image: { uid: number | undefined; username: string } = rootImage,
) => {
  const p = pod({ containers: [{ name: 'a', securityContext: own }], securityContext: shared } as never)
  return containerSecurity(p, p.spec.containers[0]!, image, { seccompRoot: '/seccomp' })
}

for (const [name, shared, own, image, refused] of [
  [
    'user zero of the container',
    { runAsNonRoot: true },
    { runAsUser: 0 },
    rootImage,
    /breaks non-root policy/,
  ],
  ['user zero of the image', {}, { runAsNonRoot: true }, rootImage, /image will run as root/],
  [
    'an image user that is only a name',
    { runAsNonRoot: true },
    {},
    { uid: undefined, username: 'app' },
    /non-numeric user \(app\)/,
  ],
  ['another user than root', { runAsNonRoot: true, runAsUser: 5 }, {}, rootImage, undefined],
  ['a container that takes it back', { runAsNonRoot: true }, { runAsNonRoot: false }, rootImage, undefined],
] as const) {
  test(`must not be root: ${name} is ${refused ? 'refused' : 'fine'}`, () => {
    if (refused)
      assert.throws(
        () => secured(shared, own, image),
        (e: Error) => e instanceof SecurityError && refused.test(e.message),
      )
    else assert.ok(secured(shared, own, image))
  })
}

test("the container's settings beat the pod's, and those the image's", () => {
  const s = secured(
    {
      runAsUser: 1,
      runAsGroup: 2,
      fsGroup: 3,
      supplementalGroups: [4],
      seccompProfile: { type: 'RuntimeDefault' },
    },
    { runAsUser: 9, seccompProfile: { type: 'Localhost', localhostProfile: 'p/x.json' } },
  )
  assert.deepEqual([s.runAsUser, s.runAsGroup, s.supplementalGroups], [{ value: 9 }, { value: 2 }, [4, 3]])
  assert.deepEqual(s.seccomp, { profileType: 2, localhostRef: '/seccomp/p/x.json' })
  assert.deepEqual(secured({}, {}, { uid: 7, username: '' }).runAsUser, { value: 7 })
  assert.equal(secured({}, {}, { uid: undefined, username: 'app' }).runAsUsername, 'app')
})

test('a profile outside its folder is refused', () => {
  assert.throws(
    () => secured({}, { seccompProfile: { type: 'Localhost', localhostProfile: '../../etc/x' } }),
    SecurityError,
  )
})

test('kernel interfaces are hidden unless the pod may see them', () => {
  assert.ok(secured({}, {}).maskedPaths!.includes('/proc/kcore'))
  assert.equal(secured({}, { procMount: 'Unmasked' }).maskedPaths, undefined)
  assert.equal(secured({}, { privileged: true }).readonlyPaths, undefined)
})

for (const [name, number] of [
  ['SIGTERM', 15],
  ['SIGUSR1', 10],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['SIGRTMAX-4', 60],
] as const) {
  test(`${name} is signal ${number}`, () => assert.equal(signalNumber(name), number))
}

for (const name of ['TERM', 'SIGRTMIN+31', 'SIGRTMAX+1', 'SIGNOTHING', 'SIGRTMIN+x', '']) {
  test(`${JSON.stringify(name)} is no signal`, () =>
    assert.throws(() => signalNumber(name), /cannot send signal/))
}

test('namespaces: of the pod, of the container, of the node', () => {
  assert.deepEqual(namespaceOptions(pod()), { network: 0, ipc: 0, pid: 1 })
  assert.deepEqual(namespaceOptions(pod({ shareProcessNamespace: true })), { network: 0, ipc: 0, pid: 0 })
  assert.deepEqual(namespaceOptions(pod({ hostNetwork: true, hostPID: true, hostIPC: true })), {
    network: 2,
    ipc: 2,
    pid: 2,
  })
  assert.deepEqual(namespaceOptions(pod(), 'x'), { network: 0, ipc: 0, pid: 3, targetId: 'x' })
})

test('only sysctls that stay within the pod are allowed', () => {
  const sysctls = (name: string, spec = {}) =>
    forbiddenSysctl(pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...spec }))
  assert.equal(sysctls('net.ipv4.ip_unprivileged_port_start'), undefined)
  assert.match(sysctls('kernel.panic')!, /not allowlisted/)
  assert.match(sysctls('net/ipv4/tcp_syncookies', { hostNetwork: true })!, /not allowed with host net/)
})
