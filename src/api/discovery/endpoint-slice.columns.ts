import { AGE, firstFew, orUnset, table } from '../table.columns.ts'
import { EndpointSlice } from './endpoint-slice.ts'

const ports = (slice: EndpointSlice) =>
  (slice.ports ?? []).map((p) => (p.port !== undefined ? String(p.port) : p.name || '*'))
const addresses = (slice: EndpointSlice) => (slice.endpoints ?? []).flatMap((e) => e.addresses)

export const endpointSliceTable = table(
  EndpointSlice,
  ['AddressType', (s) => s.addressType],
  ['Ports', (s) => orUnset(firstFew(ports(s), 3))],
  ['Endpoints', (s) => orUnset(firstFew(addresses(s), 3))],
  AGE,
)
