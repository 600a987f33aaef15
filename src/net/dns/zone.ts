import type { Endpoint, EndpointSlice, Service } from '../../api/index.ts'
import { type DnsAnswer, type DnsRecord, type Rcode, TYPES } from './records.ts'

/** What the zone is made of. */
export interface ZoneView {
  service(namespace: string, name: string): Service | undefined
  slices(namespace: string, service: string): Iterable<EndpointSlice>
  /** Is there any Service in it? */
  hasNamespace(namespace: string): boolean
  servicesByIp(ip: string): Iterable<Service>
  /** Slices that have an endpoint with this address. */
  slicesByIp(ip: string): Iterable<EndpointSlice>
}

export interface ZoneOptions {
  /** cluster.local */
  readonly domain: string
  /** Where this DNS itself answers. */
  readonly address: string
  /** Networks whose reverse names nobody else knows: those of Services and pods. */
  readonly isOurs: (ip: string) => boolean
}

/** Either what to answer, or an alias whose target has to be looked up elsewhere, or a name that is not the cluster's. */
export type Looked =
  | { readonly is: 'answer'; readonly answer: DnsAnswer }
  | { readonly is: 'alias'; readonly record: DnsRecord; readonly target: string }
  | { readonly is: 'foreign' }

const TTL_SECONDS = 5
const NEGATIVE_TTL_SECONDS = 5
const VERSION_TTL_SECONDS = 28_800
const SCHEMA_VERSION = '1.1.0'
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const REVERSE = '.in-addr.arpa'
const REVERSE_IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/
const MAX_ALIASES = 8

/**
 * Answers for the cluster's zone, as the specification "Kubernetes DNS-Based Service Discovery" 1.1.0 says: a name that
 * exists without records of the type that was asked for is not the same as a name that does not exist.
 */
export function lookUp(name: string, type: number, view: ZoneView, options: ZoneOptions): Looked {
  const lower = name.toLowerCase()
  const { domain } = options
  if (lower === domain || lower.endsWith(`.${domain}`)) {
    const labels = lower === domain ? [] : lower.slice(0, -domain.length - 1).split('.')
    return new Lookup(name, type, view, options).inZone(labels)
  }
  if (lower.endsWith(REVERSE)) {
    const octets = REVERSE_IPV4.exec(lower)?.slice(1).reverse()
    if (octets?.every((o) => Number(o) < 256))
      return new Lookup(name, type, view, options).reverse(octets.join('.'))
  }
  return { is: 'foreign' }
}

class Lookup {
  readonly #name: string
  readonly #type: number
  readonly #view: ZoneView
  readonly #options: ZoneOptions

  constructor(name: string, type: number, view: ZoneView, options: ZoneOptions) {
    this.#name = name
    this.#type = type
    this.#view = view
    this.#options = options
  }

  /** `labels` are those below the zone, the leftmost first. */
  inZone(labels: readonly string[]): Looked {
    const [last, ...before] = labels.toReversed()
    switch (last) {
      case undefined:
        return this.#found([this.#soa(this.#name), this.#record('NS', `ns.dns.${this.#options.domain}`)])
      case 'dns-version':
        return before.length > 0 ? this.#missing() : this.#found([this.#version()])
      case 'dns':
        if (before.length === 0) return this.#found([])
        return before.length === 1 && before[0] === 'ns'
          ? this.#found([this.#address(this.#options.address)])
          : this.#missing()
      case 'svc':
        return this.#service(before)
      case 'pod':
        return this.#pod(before)
      default:
        return this.#missing()
    }
  }

  reverse(ip: string): Looked {
    const { domain, isOurs } = this.#options
    const names = new Set<string>()
    for (const { metadata } of this.#view.servicesByIp(ip))
      names.add(`${metadata.name}.${metadata.namespace}.svc.${domain}`)
    if (names.size === 0) {
      for (const slice of this.#view.slicesByIp(ip)) {
        const service = this.#serviceOf(slice)
        if (!service || !isHeadless(service)) continue
        for (const endpoint of slice.endpoints ?? []) {
          if (endpoint.addresses.includes(ip) && isUsable(endpoint))
            names.add(
              `${hostOf(endpoint, ip)}.${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`,
            )
        }
      }
    }
    if (names.size > 0) return this.#found([...names].sort().map((target) => this.#record('PTR', target)))
    return isOurs(ip) ? this.#missing() : { is: 'foreign' }
  }

  #serviceOf(slice: EndpointSlice): Service | undefined {
    const name = slice.metadata.labels?.['kubernetes.io/service-name']
    return name === undefined ? undefined : this.#view.service(slice.metadata.namespace ?? '', name)
  }

  /** `rest` is what stands before `svc`, from the right: namespace, service, and what belongs to it. */
  #service([namespace, name, ...rest]: readonly string[]): Looked {
    if (namespace === undefined) return this.#found([])
    if (name === undefined) return this.#view.hasNamespace(namespace) ? this.#found([]) : this.#missing()
    const service = this.#view.service(namespace, name)
    if (!service) return this.#missing()
    const { spec } = service
    if (spec.type === 'ExternalName') {
      const target = (spec.externalName ?? '').replace(/\.$/, '')
      if (rest.length > 0 || target === '') return this.#missing()
      return this.#alias(target)
    }
    const [first, second] = rest
    if (first === undefined) return this.#wholeService(service)
    if (first === '_tcp' || first === '_udp' || first === '_sctp') {
      const ports = this.#ports(service).filter((p) => p.protocol === first.slice(1))
      if (rest.length > 2) return this.#missing()
      const wanted =
        second === undefined ? ports : ports.filter((p) => p.name !== '' && `_${p.name}` === second)
      if (wanted.length === 0) return this.#missing()
      return second === undefined ? this.#found([]) : this.#srv(wanted)
    }
    return rest.length === 1 ? this.#endpoint(service, first) : this.#missing()
  }

  #wholeService(service: Service): Looked {
    if (this.#type === TYPES.SRV) {
      const ports = this.#ports(service)
      return ports.length > 0 ? this.#srv(ports) : this.#existing(service)
    }
    return this.#existing(service)
  }

  /** Its addresses; a headless Service without any does not exist as a name. */
  #existing(service: Service): Looked {
    if (!isHeadless(service)) {
      const { clusterIPs, clusterIP } = service.spec
      return this.#found((clusterIPs?.length ? clusterIPs : [clusterIP!]).map((ip) => this.#address(ip)))
    }
    const addresses = new Set(this.#endpoints(service).flatMap(({ endpoint }) => endpoint.addresses))
    return addresses.size > 0 ? this.#found([...addresses].map((ip) => this.#address(ip))) : this.#missing()
  }

  #endpoint(service: Service, host: string): Looked {
    const addresses = new Set<string>()
    for (const { endpoint } of this.#endpoints(service)) {
      for (const address of endpoint.addresses) if (hostOf(endpoint, address) === host) addresses.add(address)
    }
    return addresses.size > 0 ? this.#found([...addresses].map((ip) => this.#address(ip))) : this.#missing()
  }

  #endpoints(service: Service): { readonly endpoint: Endpoint; readonly slice: EndpointSlice }[] {
    const { namespace = '', name } = service.metadata
    const found: { endpoint: Endpoint; slice: EndpointSlice }[] = []
    for (const slice of this.#view.slices(namespace, name)) {
      if (slice.addressType === 'FQDN') continue
      for (const endpoint of slice.endpoints ?? []) if (isUsable(endpoint)) found.push({ endpoint, slice })
    }
    return found
  }

  /** Each port with where it is: the Service itself, or each of its endpoints. */
  #ports(service: Service): PortTarget[] {
    const { namespace, name } = service.metadata
    const own = `${name}.${namespace}.svc.${this.#options.domain}`
    if (!isHeadless(service)) {
      const { clusterIP = '', ports = [] } = service.spec
      return ports.map((p) => ({
        name: p.name ?? '',
        protocol: (p.protocol ?? 'TCP').toLowerCase(),
        port: p.port,
        target: own,
        address: clusterIP,
      }))
    }
    return this.#endpoints(service).flatMap(({ endpoint, slice }) =>
      (slice.ports ?? []).flatMap((p) =>
        p.port === undefined
          ? []
          : endpoint.addresses.map((address) => ({
              name: p.name ?? '',
              protocol: (p.protocol ?? 'TCP').toLowerCase(),
              port: p.port!,
              target: `${hostOf(endpoint, address)}.${own}`,
              address,
            })),
      ),
    )
  }

  #srv(ports: readonly PortTarget[]): Looked {
    if (this.#type !== TYPES.SRV && this.#type !== TYPES.ANY) return this.#found([])
    const weight = Math.max(1, Math.floor(100 / ports.length))
    const answers = ports.map(
      ({ port, target }): DnsRecord => ({
        type: 'SRV',
        name: this.#name,
        ttl: TTL_SECONDS,
        priority: 0,
        weight,
        port,
        target,
      }),
    )
    const addresses = new Map(ports.map((p) => [`${p.target} ${p.address}`, p]))
    const additional = [...addresses.values()].map(
      ({ target, address }): DnsRecord => ({
        type: address.includes(':') ? 'AAAA' : 'A',
        name: target,
        ttl: TTL_SECONDS,
        address,
      }),
    )
    return { is: 'answer', answer: { rcode: 'NOERROR', answers, authority: [], additional } }
  }

  #pod([namespace, address, ...rest]: readonly string[]): Looked {
    if (namespace === undefined) return this.#found([])
    if (!LABEL.test(namespace) || rest.length > 0) return this.#missing()
    if (address === undefined) return this.#view.hasNamespace(namespace) ? this.#found([]) : this.#missing()
    const octets = /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(address)?.slice(1)
    if (!octets?.every((o) => Number(o) < 256)) return this.#missing()
    return this.#found([this.#address(octets.map(Number).join('.'))])
  }

  #alias(target: string): Looked {
    const record = this.#record('CNAME', target)
    if (this.#type === TYPES.CNAME) return this.#found([record])
    return { is: 'alias', record, target }
  }

  /** The name exists: those of `records` that were asked for, or none (and who says so). */
  #found(records: readonly DnsRecord[]): Looked {
    const answers = records.filter((r) => this.#type === TYPES.ANY || TYPES[r.type] === this.#type)
    return answers.length > 0 ? this.#answer('NOERROR', answers) : this.#answer('NOERROR', [])
  }

  #missing(): Looked {
    return this.#answer('NXDOMAIN', [])
  }

  #answer(rcode: Rcode, answers: readonly DnsRecord[]): Looked {
    const authority = answers.length > 0 ? [] : [this.#soa(this.#options.domain)]
    return { is: 'answer', answer: { rcode, answers, authority, additional: [] } }
  }

  #record(type: 'CNAME' | 'PTR' | 'NS', target: string): DnsRecord {
    return { type, name: this.#name, ttl: TTL_SECONDS, target }
  }

  #address(address: string): DnsRecord {
    return { type: address.includes(':') ? 'AAAA' : 'A', name: this.#name, ttl: TTL_SECONDS, address }
  }

  #version(): DnsRecord {
    return { type: 'TXT', name: this.#name, ttl: VERSION_TTL_SECONDS, text: SCHEMA_VERSION }
  }

  #soa(name: string): DnsRecord {
    const { domain } = this.#options
    return {
      type: 'SOA',
      name,
      ttl: NEGATIVE_TTL_SECONDS,
      primary: `ns.dns.${domain}`,
      contact: `hostmaster.${domain}`,
      negativeTtl: NEGATIVE_TTL_SECONDS,
    }
  }
}

interface PortTarget {
  readonly name: string
  readonly protocol: string
  readonly port: number
  readonly target: string
  readonly address: string
}

const isHeadless = ({ spec }: Service) => spec.clusterIP === 'None'

/** Slices of Services that publish addresses before they are ready say that these are ready. */
const isUsable = ({ conditions }: Endpoint) => conditions?.ready ?? true

/** The name of an endpoint below its Service: its pod's hostname, or its address. */
function hostOf(endpoint: Endpoint, address: string): string {
  return endpoint.hostname || address.replaceAll(/[.:]/g, '-')
}

/** Follows aliases inside of the zone; the result never is one to a name of the cluster. */
export function resolveInZone(name: string, type: number, view: ZoneView, options: ZoneOptions): Resolved {
  const aliases: DnsRecord[] = []
  let next = name
  for (let i = 0; i < MAX_ALIASES; i++) {
    const looked = lookUp(next, type, view, options)
    switch (looked.is) {
      case 'foreign':
        return { is: 'foreign', aliases, name: next }
      case 'answer': {
        const { answer } = looked
        return { is: 'answer', answer: { ...answer, answers: [...aliases, ...answer.answers] } }
      }
      case 'alias':
        aliases.push(looked.record)
        next = looked.target
        break
      default:
        return looked satisfies never
    }
  }
  return { is: 'answer', answer: { rcode: 'SERVFAIL', answers: [], authority: [], additional: [] } }
}

export type Resolved =
  | { readonly is: 'answer'; readonly answer: DnsAnswer }
  /** `name` is for an upstream to answer, after the aliases that lead to it. */
  | { readonly is: 'foreign'; readonly aliases: readonly DnsRecord[]; readonly name: string }
