import { type Endpoint, type EndpointAddress, EndpointSlice, Endpoints, Service } from '../../api/index.ts'
import { keyText } from '../../client/index.ts'
import type { Input } from '../../schema/index.ts'
import {
  type Action,
  create,
  defineController,
  each,
  index,
  type Plan,
  plan,
  remove,
  together,
  trigger,
  update,
} from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { controllerReference } from '../shared/owners.ts'
import { familyOf, portsKey, type ResolvedPort } from './members.ts'
import { MANAGED_BY, SERVICE_NAME } from './slices-plan.ts'

/** Endpoints that a person keeps by hand, for a Service without selector, as the slices that proxies and DNS read. */

const MIRROR_CONTROLLER = 'endpointslicemirroring-controller.k8s.io'
const SKIP = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
const MAX_ENDPOINTS = 1000
const NOT_COPIED = new Set([
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
])
const BY_SERVICE = 'mirrored-service'

export interface ObservedMirror {
  /** undefined: nothing is to be mirrored (any more). */
  readonly endpoints: Endpoints | undefined
  readonly slices: readonly EndpointSlice[]
}

interface Wanted {
  readonly family: 'IPv4' | 'IPv6'
  readonly ports: readonly ResolvedPort[]
  readonly endpoints: readonly Endpoint[]
}

export function planMirror({ endpoints, slices }: ObservedMirror): Plan {
  const living = slices.filter((s) => s.metadata.deletionTimestamp === undefined)
  if (!endpoints) return plan([together(living.map((s) => remove(EndpointSlice, s)))])
  const left = new Set(living)
  const actions = wantedSlices(endpoints).map((wanted): Action | undefined => {
    const key = groupKey(wanted.family, wanted.ports)
    const candidates = [...left].filter(
      (s) => groupKey(s.addressType, s.ports as readonly ResolvedPort[]) === key,
    )
    const slice = candidates.find((s) => equal(s.endpoints, wanted.endpoints)) ?? candidates[0]
    const made = sliceFor(endpoints, wanted)
    if (!slice) return create(EndpointSlice, made)
    left.delete(slice)
    const { annotations: _, ...metadata } = slice.metadata
    const { labels, annotations } = made.metadata as Pick<EndpointSlice['metadata'], 'labels' | 'annotations'>
    const next = {
      ...slice,
      metadata: { ...metadata, labels, ...(annotations ? { annotations } : {}) },
      endpoints: wanted.endpoints,
    } as EndpointSlice
    return equal(next, slice) ? undefined : update(EndpointSlice, next)
  })
  const rest = [...left].map((s) => remove(EndpointSlice, s))
  return plan([together([...actions.filter((a) => a !== undefined), ...rest])])
}

function groupKey(family: string, ports: readonly ResolvedPort[] = []): string {
  return `${family} ${portsKey(ports.map((p) => ({ ...p, name: p.name ?? '', protocol: p.protocol ?? 'TCP' })))}`
}

function wantedSlices(endpoints: Endpoints): Wanted[] {
  return (endpoints.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((a) => endpointOf(a, true)),
      ...notReadyAddresses.map((a) => endpointOf(a, false)),
    ].slice(0, MAX_ENDPOINTS)
    const resolved = ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })) as ResolvedPort[]
    return (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const own = all.filter((e) => familyOf(e.addresses[0]!) === family)
      return own.length > 0 ? [{ family, ports: resolved, endpoints: own }] : []
    })
  })
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  }
}

function sliceFor(
  endpoints: Endpoints,
  { family, ports, endpoints: members }: Wanted,
): Input<EndpointSlice> & { metadata: object } {
  const { namespace, name, labels, annotations = {} } = endpoints.metadata
  const copied = Object.entries(annotations).filter(([key]) => !NOT_COPIED.has(key))
  return {
    metadata: {
      namespace,
      generateName: `${name}-`,
      labels: { ...labels, [SERVICE_NAME]: name, [MANAGED_BY]: MIRROR_CONTROLLER },
      ...(copied.length > 0 ? { annotations: Object.fromEntries(copied) } : {}),
      ownerReferences: [controllerReference(endpoints)],
    },
    addressType: family,
    endpoints: members,
    ports,
  }
}

function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels, annotations, deletionTimestamp } = endpoints.metadata
  if (deletionTimestamp || labels?.[SKIP] === 'true' || annotations?.[LEADER] !== undefined) return false
  return service !== undefined && service.spec.selector === undefined
}

function mirroredService({ metadata: { namespace, labels } }: EndpointSlice): readonly string[] {
  const name = labels?.[SERVICE_NAME]
  return name && labels[MANAGED_BY] === MIRROR_CONTROLLER ? [keyText({ namespace, name })] : []
}

/** Keeps EndpointSlices for hand-kept Endpoints. */
export const endpointMirror = defineController({
  name: 'endpointslicemirroring',
  reads: [Service, Endpoints, EndpointSlice],
  writes: [{ kind: EndpointSlice, verbs: ['create', 'update', 'delete'] }],
  indexes: [index(EndpointSlice, BY_SERVICE, mirroredService)],
  on: [each(Endpoints), each(Service), trigger(EndpointSlice, mirroredService)],
  observe: (key, view) => {
    const endpoints = view.get(Endpoints, key)
    const slices = [...view.byIndex(EndpointSlice, BY_SERVICE, keyText(key))]
    const mirrored = endpoints && isMirrored(endpoints, view.get(Service, key))
    if (!mirrored && slices.length === 0) return undefined
    return { endpoints: mirrored ? endpoints : undefined, slices }
  },
  plan: planMirror,
})
