import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  type Api,
  EndpointSlice,
  isApiError,
  Namespace,
  PriorityClass,
  Service,
} from '../../src/api/index.ts'
import { systemClock } from '../../src/base/index.ts'
import type { Input } from '../../src/schema/index.ts'
import { openMemoryStore } from '../../src/store/index.ts'
import { type Binding, bindings } from './bindings.ts'

const open = bindings[0]![1]
const namespace = 'default'
const at = (name: string) => ({ namespace, name })
const service = (name: string, spec: Input<Service>['spec'] = {}): Input<Service> => ({
  metadata: at(name),
  spec: { ports: [{ port: 80 }], ...spec },
})

let binding: Binding
let api: Api
beforeEach(async () => {
  binding = await open()
  api = binding.api
})
afterEach(() => binding.close())

async function refused(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (!isApiError(error, 'Invalid')) throw error
    return error.message
  }
  throw new Error('expected the Service to be refused')
}

describe('cluster IPs', () => {
  test('are given once, however many are asked for at a time', async () => {
    const made = await Promise.all(
      Array.from({ length: 100 }, (_, i) => api.create(Service, service(`s${i}`))),
    )
    const ips = made.map((s) => s.spec.clusterIP!)
    assert.equal(new Set(ips).size, 100)
    for (const s of made) {
      assert.match(s.spec.clusterIP!, /^10\.96\.0\.\d+$/)
      assert.deepEqual(s.spec.clusterIPs, [s.spec.clusterIP])
      assert.deepEqual(s.spec.ipFamilies, ['IPv4'])
    }
  })

  test('can be asked for by number, unless taken or elsewhere', async () => {
    await api.create(Service, service('dns', { clusterIP: '10.96.0.10' }))
    assert.match(
      await refused(api.create(Service, service('two', { clusterIP: '10.96.0.10' }))),
      /spec\.clusterIPs: Invalid value: \["10\.96\.0\.10"\]: failed to allocate IP 10\.96\.0\.10: provided IP is already allocated/,
    )
    assert.match(
      await refused(api.create(Service, service('far', { clusterIP: '10.97.0.1' }))),
      /is not in the valid range/,
    )
    await api.delete(Service, at('dns'))
    await api.create(Service, service('two', { clusterIP: '10.96.0.10' }))
  })

  test('run out with a clear word, and come back when a Service goes', async () => {
    for (let i = 0; i < 254; i++) await api.create(Service, service(`s${i}`))
    const full = await refused(api.create(Service, service('more'))).catch((e: Error) => e.message)
    assert.match(full, /range is full \(10\.96\.0\.0\/24\)/)
    const freed = await api.delete(Service, at('s7'))
    const next = await api.create(Service, service('more'))
    assert.equal(next.spec.clusterIP, freed!.spec.clusterIP)
  })

  test('stay when an update leaves them out, and are not needed by headless and external ones', async () => {
    const made = await api.create(Service, service('s'))
    const updated = await api.update(Service, service('s', { ports: [{ port: 81 }] }))
    assert.equal(updated.spec.clusterIP, made.spec.clusterIP)
    const headless = await api.create(Service, service('h', { clusterIP: 'None' }))
    assert.deepEqual(headless.spec.clusterIPs, ['None'])
    const external = await api.create(Service, {
      metadata: at('e'),
      spec: { type: 'ExternalName', externalName: 'example.com' },
    })
    assert.equal(external.spec.clusterIP, undefined)
    const now = await api.update(Service, {
      ...service('s', { type: 'ExternalName', externalName: 'example.com' }),
    })
    assert.equal(now.spec.clusterIP, undefined)
    await api.create(Service, service('again', { clusterIP: made.spec.clusterIP! }))
    // Who takes the address away need not know of the families that went with it.
    const spec = { type: 'ExternalName', externalName: 'example.com', clusterIP: null, clusterIPs: null }
    const gone = await api.patch(Service, at('again'), { type: 'merge', body: { spec } })
    assert.deepEqual([gone.spec.clusterIP, gone.spec.ipFamilies], [undefined, undefined])
  })

  test('tried on a dry run are not kept', async () => {
    await api.create(Service, service('t', { clusterIP: '10.96.0.77' }), { dryRun: true })
    await api.create(Service, service('t', { clusterIP: '10.96.0.77' }))
  })
})

describe('node ports', () => {
  test('are given once, also those asked for by number', async () => {
    const asked = await api.create(
      Service,
      service('asked', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_005 }] }),
    )
    assert.equal(asked.spec.ports?.[0]?.nodePort, 30_005)
    const rest = await Promise.all(
      Array.from({ length: 15 }, (_, i) => api.create(Service, service(`n${i}`, { type: 'NodePort' }))),
    )
    assert.equal(new Set(rest.map((s) => s.spec.ports![0]!.nodePort)).size, 15)
    assert.ok(!rest.some((s) => s.spec.ports![0]!.nodePort === 30_005))
    assert.match(
      await refused(api.create(Service, service('x', { type: 'NodePort' }))).catch((e: Error) => e.message),
      /range is full/,
    )
    assert.match(
      await refused(
        api.create(Service, service('y', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_005 }] })),
      ),
      /spec\.ports\[0\]\.nodePort: Invalid value: 30005: provided port is already allocated/,
    )
    assert.match(
      await refused(
        api.create(Service, service('z', { type: 'NodePort', ports: [{ port: 80, nodePort: 8080 }] })),
      ),
      /The range of valid ports is 30000-30015/,
    )
  })

  test('go when the type no longer has them, and TCP and UDP of one port share theirs', async () => {
    const both = await api.create(
      Service,
      service('dns', {
        type: 'NodePort',
        ports: [
          { name: 'u', port: 53, protocol: 'UDP' },
          { name: 't', port: 53, protocol: 'TCP' },
        ],
      }),
    )
    const [u, t] = both.spec.ports!
    assert.equal(u!.nodePort, t!.nodePort)
    const plain = await api.update(Service, { ...both, spec: { ...both.spec, type: 'ClusterIP' } })
    assert.ok(plain.spec.ports!.every((p) => p.nodePort === undefined))
    await api.create(
      Service,
      service('next', { type: 'NodePort', ports: [{ port: 80, nodePort: u!.nodePort! }] }),
    )
  })

  test('that an update took are free again when another gives them up', async () => {
    const ports = (nodePort: number) => ({ type: 'NodePort' as const, ports: [{ port: 80, nodePort }] })
    const made = await api.create(Service, service('a', {}))
    const open = await api.update(Service, { ...made, spec: { ...made.spec, ...ports(30_003) } })
    assert.equal(open.spec.ports?.[0]?.nodePort, 30_003)
    await api.update(Service, { ...open, spec: { ...open.spec, type: 'ClusterIP', ports: made.spec.ports } })
    const next = await api.create(Service, service('b', ports(30_003)))
    assert.equal(next.spec.ports?.[0]?.nodePort, 30_003)
  })
})

test('after a restart what was given is still taken', async () => {
  const clock = systemClock({ background: true })
  const store = openMemoryStore({ clock })
  const keepOpen = { ...store, close: async () => {} }
  const bound = {
    revision: () => store.revision(),
    range: store.range.bind(store),
    commit: store.commit.bind(store),
    watch: store.watch.bind(store),
    compact: store.compact.bind(store),
    stats: store.stats.bind(store),
    close: keepOpen.close,
  }
  const first = await open({ store: bound })
  const made = await first.api.create(Service, service('s', { type: 'NodePort' }))
  await first.close()
  const second = await open({ store: bound })
  const ip = made.spec.clusterIP!
  const nodePort = made.spec.ports![0]!.nodePort!
  assert.match(
    await refused(second.api.create(Service, service('t', { clusterIP: ip }))),
    /already allocated/,
  )
  assert.match(
    await refused(
      second.api.create(Service, service('t', { type: 'NodePort', ports: [{ port: 80, nodePort }] })),
    ),
    /already allocated/,
  )
  await second.close()
  await store.close()
})

describe('a new cluster', () => {
  test('has its namespaces and priorities', async () => {
    const names = (await api.list(Namespace)).items.map((n) => n.metadata.name)
    assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system'])
    assert.equal((await api.get(PriorityClass, { name: 'system-node-critical' })).value, 2_000_001_000)
  })

  test('publishes its server, again when somebody deletes that', async () => {
    const own = await open({ advertise: { address: '192.0.2.7', port: 6443 } })
    const { spec } = await own.api.get(Service, at('kubernetes'))
    assert.equal(spec.clusterIP, '10.96.0.1')
    assert.deepEqual(spec.ports, [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }])
    const slice = await own.api.get(EndpointSlice, at('kubernetes'))
    assert.deepEqual(slice.endpoints[0]?.addresses, ['192.0.2.7'])
    await own.api.delete(Service, at('kubernetes'))
    const deadline = performance.now() + 10_000
    for (let back = false; !back; ) {
      assert.ok(performance.now() < deadline, 'it did not come back')
      back = await own.api.get(Service, at('kubernetes')).then(
        (s) => s.spec.clusterIP === '10.96.0.1',
        () => false,
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await own.close()
  })
})
