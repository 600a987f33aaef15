import { EndpointSlice, Service } from '../api/index.ts'
import type { Informer, Informers } from '../client/index.ts'

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** Index of EndpointSlices by Service (`default/web`), and of both by address. */
export const BY_SERVICE = 'service'
export const BY_ADDRESS = 'address'

/** The Service that a slice belongs to: none or one. */
export const serviceOf = (slice: EndpointSlice): readonly string[] => {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL]
  return name ? [`${slice.metadata.namespace}/${name}`] : []
}

export const endpointAddresses = (slice: EndpointSlice): readonly string[] =>
  slice.addressType === 'FQDN' ? [] : (slice.endpoints ?? []).flatMap((e) => e.addresses)

export const serviceAddresses = ({ spec }: Service): readonly string[] =>
  (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? 'None']).filter((ip) => ip !== 'None' && ip)

/** The EndpointSlices of the node's informers, by Service. */
export function slicesIn(informers: Informers): Informer<EndpointSlice> {
  const slices = informers.for(EndpointSlice)
  slices.addIndex(BY_SERVICE, serviceOf)
  return slices
}

/** Adds what only reverse lookups need. */
export function indexAddresses(informers: Informers): void {
  informers.for(EndpointSlice).addIndex(BY_ADDRESS, endpointAddresses)
  informers.for(Service).addIndex(BY_ADDRESS, serviceAddresses)
}
