import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Service } from '../../api/index.ts'
import { anEndpoint, aService, aSlice } from '../testing/objects.ts'
import { type DnsRecord, TYPES } from './records.ts'
import { lookUp, resolveInZone, type ZoneOptions, type ZoneView } from './zone.ts'

const OPTIONS: ZoneOptions = {
  domain: 'cluster.local',
  address: '10.96.0.10',
  isOurs: (ip) => ip.startsWith('10.96.') || ip.startsWith('10.244.'),
}

const named = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'dns', port: 53, targetPort: 5353, protocol: 'UDP' as const },
]
const SERVICES: Service[] = [
  aService('web', '10.96.1.1', named),
  aService('plain', '10.96.1.2'),
  aService('db', 'None', named),
  aService('nobody', 'None', named),
  aService('alias', '', [], { type: 'ExternalName', externalName: 'www.example.com', clusterIPs: [] }),
  aService('inner', '', [], {
    type: 'ExternalName',
    externalName: 'web.default.svc.cluster.local',
    clusterIPs: [],
  }),
  aService('circle', '', [], {
    type: 'ExternalName',
    externalName: 'circle.default.svc.cluster.local',
    clusterIPs: [],
  }),
]
const SLICES: EndpointSlice[] = [
  aSlice('web', [anEndpoint('10.244.0.5')], named),
  aSlice(
    'db',
    [
      anEndpoint('10.244.0.11', { hostname: 'db-0' }),
      anEndpoint('10.244.0.12'),
      anEndpoint('10.244.0.13', { hostname: 'db-2', conditions: { ready: false } }),
    ],
    named,
  ),
  aSlice('nobody', [anEndpoint('10.244.0.14', { conditions: { ready: false } })], named),
]
const VIEW: ZoneView = {
  service: (namespace, name) =>
    namespace === 'default' ? SERVICES.find((s) => s.metadata.name === name) : undefined,
  slices: (_namespace, service) =>
    SLICES.filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === service),
  hasNamespace: (namespace) => namespace === 'default',
  servicesByIp: (ip) => SERVICES.filter((s) => s.spec.clusterIP === ip),
  slicesByIp: (ip) => SLICES.filter((s) => s.endpoints?.some((e) => e.addresses.includes(ip))),
}

function text(record: DnsRecord): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return `${record.type} ${record.address}`
    case 'CNAME':
    case 'PTR':
    case 'NS':
      return `${record.type} ${record.target}`
    case 'SRV':
      return `SRV ${record.port} ${record.target}`
    case 'TXT':
      return `TXT ${record.text}`
    case 'SOA':
      return `SOA ${record.primary}`
    default:
      return record satisfies never
  }
}

function ask(name: string, type: keyof typeof TYPES): string {
  const resolved = resolveInZone(name, TYPES[type], VIEW, OPTIONS)
  if (resolved.is === 'foreign')
    return [
      'foreign',
      ...resolved.aliases.map(text),
      ...(resolved.aliases.length ? [resolved.name] : []),
    ].join(', ')
  const { rcode, answers, authority } = resolved.answer
  if (answers.length > 0) return answers.map(text).join(', ')
  return rcode === 'NOERROR' && authority.length > 0 ? 'NODATA' : rcode
}

const cases: readonly [string, string, keyof typeof TYPES, string][] = [
  ['a Service', 'web.default.svc.cluster.local', 'A', 'A 10.96.1.1'],
  ['a Service in other letters', 'WEB.Default.svc.Cluster.LOCAL', 'A', 'A 10.96.1.1'],
  ['a Service has no IPv6 address', 'web.default.svc.cluster.local', 'AAAA', 'NODATA'],
  ['a missing Service', 'wep.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['a missing namespace', 'web.nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['a namespace', 'default.svc.cluster.local', 'A', 'NODATA'],
  ['another namespace', 'nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['svc', 'svc.cluster.local', 'A', 'NODATA'],
  ['the zone', 'cluster.local', 'SOA', 'SOA ns.dns.cluster.local'],
  ['the server of the zone', 'cluster.local', 'NS', 'NS ns.dns.cluster.local'],
  ['its address', 'ns.dns.cluster.local', 'A', 'A 10.96.0.10'],
  ['another name of the zone', 'foo.cluster.local', 'A', 'NXDOMAIN'],
  ['the version', 'dns-version.cluster.local', 'TXT', 'TXT 1.1.0'],
  ['a named port', '_http._tcp.web.default.svc.cluster.local', 'SRV', 'SRV 80 web.default.svc.cluster.local'],
  ['a port by its other protocol', '_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['the address of a port', '_http._tcp.web.default.svc.cluster.local', 'A', 'NODATA'],
  ['ports of a protocol', '_udp.web.default.svc.cluster.local', 'SRV', 'NODATA'],
  ['ports of no protocol', '_sctp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['an unnamed port', '_._tcp.plain.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['a headless Service', 'db.default.svc.cluster.local', 'A', 'A 10.244.0.11, A 10.244.0.12'],
  ['a headless Service has no IPv6 address', 'db.default.svc.cluster.local', 'AAAA', 'NODATA'],
  ['a headless Service without ready endpoints', 'nobody.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['a pod by its hostname', 'db-0.db.default.svc.cluster.local', 'A', 'A 10.244.0.11'],
  ['a pod by its address', '10-244-0-12.db.default.svc.cluster.local', 'A', 'A 10.244.0.12'],
  ['a pod that is not ready', 'db-2.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['below a pod', 'x.db-0.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  [
    'a port of a headless Service',
    '_http._tcp.db.default.svc.cluster.local',
    'SRV',
    'SRV 8080 db-0.db.default.svc.cluster.local, SRV 8080 10-244-0-12.db.default.svc.cluster.local',
  ],
  [
    'an external name',
    'alias.default.svc.cluster.local',
    'A',
    'foreign, CNAME www.example.com, www.example.com',
  ],
  ['the alias itself', 'alias.default.svc.cluster.local', 'CNAME', 'CNAME www.example.com'],
  [
    'an alias inside of the cluster',
    'inner.default.svc.cluster.local',
    'A',
    'CNAME web.default.svc.cluster.local, A 10.96.1.1',
  ],
  ['an alias of itself', 'circle.default.svc.cluster.local', 'A', 'SERVFAIL'],
  ['below an alias', 'x.alias.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['an address as a name', '10-244-0-99.default.pod.cluster.local', 'A', 'A 10.244.0.99'],
  ['no address as a name', '10-244-0-999.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['the name of a Service address', '1.1.96.10.in-addr.arpa', 'PTR', 'PTR web.default.svc.cluster.local'],
  ['the name of a pod', '11.0.244.10.in-addr.arpa', 'PTR', 'PTR db-0.db.default.svc.cluster.local'],
  ['the name of a pod behind a cluster IP', '5.0.244.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
  ['the name of somebody else', '1.1.168.192.in-addr.arpa', 'PTR', 'foreign'],
  ['not a whole address', '1.168.192.in-addr.arpa', 'PTR', 'foreign'],
  ['the rest of the world', 'www.example.com', 'A', 'foreign'],
  ['a name that only ends alike', 'mycluster.local', 'A', 'foreign'],
  ['the root', '', 'NS', 'foreign'],
]
for (const [what, name, type, expected] of cases) {
  test(`${what}: ${name || '.'} ${type}`, () => assert.equal(ask(name, type), expected))
}

test('answers keep the letters of the question, and SRV answers bring addresses', () => {
  const looked = lookUp('_HTTP._tcp.db.default.svc.cluster.local', TYPES.SRV, VIEW, OPTIONS)
  assert.ok(looked.is === 'answer')
  assert.ok(looked.answer.answers.every((a) => a.name === '_HTTP._tcp.db.default.svc.cluster.local'))
  assert.deepEqual(looked.answer.additional.map(text), ['A 10.244.0.11', 'A 10.244.0.12'])
})
