import { invalid, Service } from '../../api/index.ts'
import type { Random } from '../../base/index.ts'
import type { KubeObject, Problem } from '../../schema/index.ts'
import type { Behaviour } from './behaviours.ts'
import { type AddressRange, addressRange, isIPv4 } from './ip-range.ts'
import type { Resources } from './resources.ts'

/** Where cluster IPs and node ports come from. */
export interface ServiceNetwork {
  /** IPv4, for example 10.96.0.0/16. */
  readonly serviceCidr: string
  readonly nodePorts: { readonly from: number; readonly to: number }
}

type Spec = Service['spec']
type Port = NonNullable<Spec['ports']>[number]

/**
 * Gives Services their addresses. What is taken is read off the Services themselves, so it cannot leak or be given
 * twice after a crash; `#held` covers the time between a choice and the moment its write shows.
 */
class ServiceAllocator {
  readonly #range: AddressRange
  readonly #ports: ServiceNetwork['nodePorts']
  readonly #random: Random
  /** How many Services use it: an address is one Service's, a node port may serve TCP and UDP of the same one. */
  readonly #usedIps = new Map<string, string>()
  readonly #usedPorts = new Map<number, string>()
  readonly #held = new Set<string | number>()

  constructor(network: ServiceNetwork, random: Random) {
    this.#range = addressRange(network.serviceCidr)
    this.#ports = network.nodePorts
    this.#random = random
  }

  changed(now: Service | undefined, before: Service | undefined): void {
    if (before) for (const ip of ipsOf(before.spec)) this.#usedIps.delete(ip)
    if (before) for (const port of portsOf(before.spec)) this.#usedPorts.delete(port)
    const owner = now ? ownerOf(now) : ''
    if (now) for (const ip of ipsOf(now.spec)) this.#usedIps.set(ip, owner)
    if (now) for (const port of portsOf(now.spec)) this.#usedPorts.set(port, owner)
  }

  reserve(service: Service): { object: Service; release: () => void } {
    const taken: (string | number)[] = []
    const release = () => {
      for (const t of taken) this.#held.delete(t)
    }
    const hold = <T extends string | number>(value: T): T => {
      if (!this.#held.has(value)) taken.push(value)
      this.#held.add(value)
      return value
    }
    try {
      const spec = this.#withPorts(service, this.#withIp(service, service.spec, hold), hold)
      return { object: spec === service.spec ? service : { ...service, spec }, release }
    } catch (error) {
      release()
      throw error
    }
  }

  #withIp(service: Service, spec: Spec, hold: <T extends string | number>(v: T) => T): Spec {
    if (spec.type === 'ExternalName' || spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None')
      return spec
    const owner = ownerOf(service)
    const asked = spec.clusterIP || spec.clusterIPs?.[0]
    if (asked) {
      const refuse = (why: string) =>
        this.#refuse(service, {
          type: 'Invalid',
          field: 'spec.clusterIPs',
          value: spec.clusterIPs ?? [asked],
          detail: `failed to allocate IP ${asked}: ${why}`,
        })
      if (this.#usedIps.get(asked) === owner) return spec
      if (!isIPv4(asked) || !this.#range.contains(asked))
        throw refuse(
          `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${this.#range.cidr}`,
        )
      if (this.#usedIps.has(asked) || this.#held.has(asked)) throw refuse('provided IP is already allocated')
      hold(asked)
      return { ...spec, clusterIP: asked, clusterIPs: spec.clusterIPs?.length ? spec.clusterIPs : [asked] }
    }
    const ip = this.#range.pick(
      this.#random,
      (candidate) => !this.#usedIps.has(candidate) && !this.#held.has(candidate),
    )
    if (!ip)
      throw this.#refuse(service, {
        type: 'InternalError',
        field: 'spec.clusterIPs',
        detail: `failed to allocate a serviceIP: range is full (${this.#range.cidr})`,
      })
    hold(ip)
    return { ...spec, clusterIP: ip, clusterIPs: [ip] }
  }

  #withPorts(service: Service, spec: Spec, hold: <T extends string | number>(v: T) => T): Spec {
    if (!needsNodePorts(spec)) return spec
    const owner = ownerOf(service)
    // TCP and UDP may share, so no more than two can have one; each one below looks at all others.
    if ((spec.ports?.length ?? 0) > 2 * (this.#ports.to - this.#ports.from + 1)) throw this.#full(service)
    const own = new Set<number>()
    // What is asked for by number comes first: a choice of ours must not take it.
    for (const [i, port] of (spec.ports ?? []).entries()) {
      if (!port.nodePort) continue
      this.#checkPort(service, port.nodePort, `spec.ports[${i}].nodePort`, owner, own)
      own.add(hold(port.nodePort))
    }
    const chosen = new Map<string, number>()
    const ports = (spec.ports ?? []).map((port): Port => {
      if (port.nodePort) return port
      // The same port number over TCP and UDP gets the same node port, as users expect of DNS.
      const sibling =
        (spec.ports ?? []).find((p) => p.nodePort && p.port === port.port && p.protocol !== port.protocol)
          ?.nodePort ?? chosen.get(`${port.port}`)
      const nodePort =
        sibling && !(spec.ports ?? []).some((p) => p.nodePort === sibling && p.protocol === port.protocol)
          ? sibling
          : this.#pickPort(service)
      own.add(hold(nodePort))
      chosen.set(`${port.port}`, nodePort)
      return { ...port, nodePort }
    })
    const withPorts = ports.some((p, i) => p !== spec.ports?.[i]) ? { ...spec, ports } : spec
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return withPorts
    if (spec.healthCheckNodePort) {
      this.#checkPort(service, spec.healthCheckNodePort, 'spec.healthCheckNodePort', owner, own)
      hold(spec.healthCheckNodePort)
      return withPorts
    }
    return { ...withPorts, healthCheckNodePort: hold(this.#pickPort(service)) }
  }

  #checkPort(service: Service, port: number, field: string, owner: string, own: ReadonlySet<number>): void {
    const { from, to } = this.#ports
    if (this.#usedPorts.get(port) === owner || own.has(port)) return
    if (port < from || port > to) {
      throw this.#refuse(service, {
        type: 'Invalid',
        field,
        value: port,
        detail: `provided port is not in the valid range. The range of valid ports is ${from}-${to}`,
      })
    }
    if (this.#usedPorts.has(port) || this.#held.has(port)) {
      throw this.#refuse(service, {
        type: 'Invalid',
        field,
        value: port,
        detail: 'provided port is already allocated',
      })
    }
  }

  #pickPort(service: Service): number {
    const { from, to } = this.#ports
    const size = to - from + 1
    const start = Math.floor(this.#random.next() * size)
    for (let i = 0; i < size; i++) {
      const port = from + ((start + i) % size)
      if (!this.#usedPorts.has(port) && !this.#held.has(port)) return port
    }
    throw this.#full(service)
  }

  #full(service: Service): Error {
    const detail = `failed to allocate a nodePort: range is full (${this.#ports.from}-${this.#ports.to})`
    return this.#refuse(service, { type: 'InternalError', field: 'spec.ports', detail })
  }

  #refuse(service: Service, problem: Problem): Error {
    return invalid(Service.resource, service.metadata.name, [problem])
  }
}

function needsNodePorts(spec: Spec): boolean {
  return (
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
  )
}

function ownerOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`
}

function ipsOf(spec: Spec): readonly string[] {
  return (spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : []).filter(
    (ip) => ip !== 'None',
  )
}

function portsOf(spec: Spec): number[] {
  const ports = (spec.ports ?? []).map((p) => p.nodePort ?? 0)
  return [...ports, spec.healthCheckNodePort ?? 0].filter((p) => p > 0)
}

export function serviceBehaviour(network: ServiceNetwork, resources: Resources, random: Random): Behaviour {
  const allocator = new ServiceAllocator(network, random)
  resources
    .of(Service)
    .cache.listen((now, before) =>
      allocator.changed(now?.object as Service | undefined, before?.object as Service | undefined),
    )
  return {
    kind: 'Service',
    group: '',
    async reserve(object: KubeObject, _old, dryRun) {
      const reserved = allocator.reserve(object as Service)
      if (dryRun) reserved.release()
      return reserved
    },
  }
}
