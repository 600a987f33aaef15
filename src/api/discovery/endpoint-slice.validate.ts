import { ipFamily, validateNonSpecialIp } from '../meta/ip.validate.ts'
import {
  dnsLabel,
  dnsSubdomain,
  labelValue,
  portNumber,
  qualifiedName,
  subdomainName,
} from '../meta/names.validate.ts'
import {
  duplicate,
  IMMUTABLE,
  invalid,
  invalidEach,
  notSupported,
  oneOf,
  type Problems,
  required,
  tooMany,
} from '../meta/report.validate.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from './endpoint-slice.ts'

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const MAX_ENDPOINTS = 1000
const MAX_ADDRESSES = 100
const MAX_PORTS = 20_000
const MAX_HINTS = 8

export function validateEndpointSlice(out: Problems, slice: EndpointSlice): void {
  if (!slice.addressType) required(out, 'addressType')
  else if (!ADDRESS_TYPES.includes(slice.addressType)) {
    notSupported(out, 'addressType', slice.addressType, ADDRESS_TYPES)
  }
  const endpoints = slice.endpoints ?? []
  if (endpoints.length > MAX_ENDPOINTS) tooMany(out, 'endpoints', endpoints.length, MAX_ENDPOINTS)
  else endpoints.forEach((e, i) => void validateEndpoint(out, `endpoints[${i}]`, e, slice.addressType))
  const ports = slice.ports ?? []
  if (ports.length > MAX_PORTS) tooMany(out, 'ports', ports.length, MAX_PORTS)
  else validatePorts(out, ports)
}

function validateEndpoint(out: Problems, field: string, endpoint: Endpoint, type: string): void {
  const addresses = endpoint.addresses ?? []
  if (addresses.length === 0) required(out, `${field}.addresses`, 'must contain at least 1 address')
  else if (addresses.length > MAX_ADDRESSES)
    tooMany(out, `${field}.addresses`, addresses.length, MAX_ADDRESSES)
  const seen = new Set<string>()
  addresses.forEach((address, i) => {
    const at = `${field}.addresses[${i}]`
    if (seen.has(address)) duplicate(out, at, address)
    seen.add(address)
    validateAddress(out, at, address, type)
  })
  if (endpoint.nodeName !== undefined) {
    invalidEach(out, `${field}.nodeName`, endpoint.nodeName, subdomainName(endpoint.nodeName, false))
  }
  for (const key in endpoint.deprecatedTopology) {
    const at = `${field}.deprecatedTopology`
    invalidEach(out, at, key, qualifiedName(key))
    invalidEach(
      out,
      `${at}[${key}]`,
      endpoint.deprecatedTopology[key],
      labelValue(endpoint.deprecatedTopology[key]!),
    )
  }
  if (endpoint.hostname !== undefined) {
    invalidEach(out, `${field}.hostname`, endpoint.hostname, dnsLabel(endpoint.hostname))
  }
  const zones = endpoint.hints?.forZones ?? []
  if (zones.length > MAX_HINTS) tooMany(out, `${field}.hints.forZones`, zones.length, MAX_HINTS)
  zones.forEach(({ name }, i) => {
    if (zones.findIndex((z) => z.name === name) < i)
      duplicate(out, `${field}.hints.forZones[${i}].name`, name)
  })
}

function validateAddress(out: Problems, field: string, address: string, type: string): void {
  if (type === 'FQDN') {
    const name = address.replace(/\.$/, '')
    invalidEach(out, field, address, dnsSubdomain(name))
    if (!name.includes('.'))
      invalid(out, field, address, 'should be a domain with at least two segments separated by dots')
    return
  }
  if (type !== 'IPv4' && type !== 'IPv6') return
  if (ipFamily(address) !== type) {
    invalid(
      out,
      field,
      address,
      type === 'IPv4' ? 'must be a valid IPv4 address' : 'must be a valid IPv6 address',
    )
  } else validateNonSpecialIp(out, field, address)
}

function validatePorts(out: Problems, ports: readonly EndpointPort[]): void {
  const names = new Set<string>()
  ports.forEach(({ name = '', protocol, port, appProtocol }, i) => {
    const at = `ports[${i}]`
    if (name !== '') invalidEach(out, `${at}.name`, name, dnsLabel(name))
    if (names.has(name)) duplicate(out, `${at}.name`, name)
    names.add(name)
    oneOf(out, `${at}.protocol`, protocol, PROTOCOLS)
    if (port !== undefined) invalidEach(out, `${at}.port`, port, portNumber(port))
    if (appProtocol !== undefined)
      invalidEach(out, `${at}.appProtocol`, appProtocol, qualifiedName(appProtocol))
  })
}

export function validateEndpointSliceUpdate(out: Problems, slice: EndpointSlice, old: EndpointSlice): void {
  if (slice.addressType !== old.addressType) invalid(out, 'addressType', slice.addressType, IMMUTABLE)
}
