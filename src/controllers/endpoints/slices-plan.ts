import { type Endpoint, EndpointSlice, type Node, type Pod, type Service } from '../../api/index.ts'
import type { Input } from '../../schema/index.ts'
import { type Action, create, type Plan, plan, remove, together, update } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { controllerReference } from '../shared/owners.ts'
import { isReady } from '../shared/pods.ts'
import {
  addressesOf,
  type Family,
  familiesOf,
  familyOf,
  hostnameIn,
  isHeadless,
  isReachable,
  portsKey,
  portsOf,
  type ResolvedPort,
  targetRefOf,
  zoneOf,
} from './members.ts'
import { type Since, sinceBirth, sinceOf, withTriggerTime } from './trigger-time.ts'

export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
export const SLICE_CONTROLLER = 'endpointslice-controller.k8s.io'
export const SERVICE_NAME = 'kubernetes.io/service-name'
export const HEADLESS = 'service.kubernetes.io/headless'

const MAX_ENDPOINTS = 100
const OWN_LABELS = new Set([MANAGED_BY, SERVICE_NAME, HEADLESS])

export interface ObservedSlices {
  readonly service: Service
  readonly pods: readonly Pod[]
  /** Those of this Service that this controller made. */
  readonly slices: readonly EndpointSlice[]
  readonly nodeOf: (name: string) => Node | undefined
}

/** Endpoints that share a family and ports, and so can share slices. */
interface Group {
  readonly family: Family
  readonly ports: readonly ResolvedPort[]
  readonly wanted: Map<string, Endpoint>
}

/** Each pod behind the Service in exactly one slice, with as few slices written as can be. */
export function planSlices(observed: ObservedSlices): Plan {
  const { service } = observed
  if (service.metadata.deletionTimestamp) return plan([])
  const families = familiesOf(service)
  const groups = groupsOf(observed, families)
  const living = observed.slices.filter((s) => s.metadata.deletionTimestamp === undefined)
  const since = sinceOf(observed.pods)
  const actions: Action[] = []
  for (const family of families) {
    const own = [...groups.values()].filter((g) => g.family === family)
    const existing = living.filter((s) => s.addressType === family)
    actions.push(...planFamily(service, family, own, existing, since))
  }
  const foreign = living.filter((s) => !families.includes(s.addressType as Family))
  actions.push(...foreign.map((s) => remove(EndpointSlice, s)))
  return plan([together(actions)])
}

function groupsOf(
  { service, pods, nodeOf }: ObservedSlices,
  families: readonly Family[],
): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const pod of pods) {
    const member = memberOf(service, pod, pod.spec.nodeName ? nodeOf(pod.spec.nodeName) : undefined)
    for (const { id, family, endpoint } of member.entries) {
      if (!families.includes(family)) continue
      let group = groups.get(id)
      if (!group) {
        group = { family, ports: member.ports, wanted: new Map() }
        groups.set(id, group)
      }
      group.wanted.set(pod.metadata.uid, endpoint)
    }
  }
  return groups
}

interface Member {
  readonly node: Node | undefined
  readonly ports: readonly ResolvedPort[]
  readonly entries: readonly { readonly id: string; readonly family: Family; readonly endpoint: Endpoint }[]
}

const NOBODY = { ports: [], entries: [] }

/** What a pod is to a Service follows from these objects, which never change: it is worked out once. */
const members = new WeakMap<Service, WeakMap<Pod, Member>>()

function memberOf(service: Service, pod: Pod, node: Node | undefined): Member {
  let own = members.get(service)
  if (!own) {
    own = new WeakMap()
    members.set(service, own)
  }
  const known = own.get(pod)
  if (known && (known.node === node || zoneOf(known.node) === zoneOf(node))) {
    if ((known.node === undefined) === (node === undefined)) return known
  }
  const member = makeMember(service, pod, node)
  own.set(pod, member)
  return member
}

function makeMember(service: Service, pod: Pod, node: Node | undefined): Member {
  if (!isReachable(pod)) return { node, ...NOBODY }
  // A pod on a node that is gone is not sent to; unless the Service wants all it ever had.
  if (pod.spec.nodeName && !node && !service.spec.publishNotReadyAddresses) return { node, ...NOBODY }
  const ports = portsOf(service, pod)
  if (ports.length === 0 && (service.spec.ports ?? []).length > 0) return { node, ...NOBODY }
  const key = portsKey(ports)
  const entries = FAMILIES.flatMap((family) => {
    const addresses = addressesOf(pod).filter((a) => familyOf(a) === family)
    if (addresses.length === 0) return []
    return [{ id: `${family} ${key}`, family, endpoint: endpointOf(service, pod, node, addresses) }]
  })
  return { node, ports, entries }
}

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6']

function endpointOf(
  service: Service,
  pod: Pod,
  node: Node | undefined,
  addresses: readonly string[],
): Endpoint {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const hostname = hostnameIn(service, pod)
  const zone = zoneOf(node)
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: targetRefOf(pod),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone === undefined ? {} : { zone }),
    ...hintsFor(service, ready, zone, pod.spec.nodeName),
  }
}

/** Where the Service wants its traffic to stay close: for whom this endpoint is the close one. */
function hintsFor(service: Service, ready: boolean, zone: string | undefined, nodeName: string | undefined) {
  const { trafficDistribution } = service.spec
  if (!ready || trafficDistribution === undefined) return {}
  const forNodes = trafficDistribution === 'PreferSameNode' && nodeName ? [{ name: nodeName }] : []
  const forZones = zone === undefined ? [] : [{ name: zone }]
  if (forNodes.length === 0 && forZones.length === 0) return {}
  return {
    hints: { ...(forZones.length > 0 ? { forZones } : {}), ...(forNodes.length > 0 ? { forNodes } : {}) },
  }
}

function planFamily(
  service: Service,
  family: Family,
  groups: readonly Group[],
  existing: readonly EndpointSlice[],
  since: Since,
): Action[] {
  const actions: Action[] = []
  const byPorts = Map.groupBy(existing, (s) => portsKey((s.ports ?? []) as readonly ResolvedPort[]))
  let left = 0
  for (const group of groups) {
    const key = portsKey(group.ports)
    const fitted = fit(group.wanted, byPorts.get(key) ?? [])
    byPorts.delete(key)
    left += fitted.filled.length
    for (const { slice, endpoints } of fitted.filled) {
      if (!slice)
        actions.push(create(EndpointSlice, newSlice(service, family, group.ports, endpoints, since)))
      else actions.push(...updated(service, slice, endpoints, since))
    }
    actions.push(...fitted.empty.map((s) => remove(EndpointSlice, s)))
  }
  const strays = [...byPorts.values()].flat()
  if (left > 0) return [...actions, ...strays.map((s) => remove(EndpointSlice, s))]
  // One empty slice says: this Service has no endpoints. That is not the same as not knowing.
  const [kept, ...rest] = strays.sort(
    (a, b) => Number((a.ports ?? []).length > 0) - Number((b.ports ?? []).length > 0),
  )
  if (!kept) return [...actions, create(EndpointSlice, newSlice(service, family, [], [], since))]
  const { endpoints: _, ports: __, ...bare } = kept
  const emptied = { ...bare, endpoints: [], ports: [] } as unknown as EndpointSlice
  const writes = equal(withLabels(service, emptied), kept)
    ? []
    : [update(EndpointSlice, withLabels(service, emptied))]
  return [...actions, ...writes, ...rest.map((s) => remove(EndpointSlice, s))]
}

interface Fitted {
  /** Slices with what they are to hold; those without a slice are to be made. */
  readonly filled: readonly {
    readonly slice: EndpointSlice | undefined
    readonly endpoints: readonly Endpoint[]
  }[]
  readonly empty: readonly EndpointSlice[]
}

/**
 * Leaves each endpoint where it is, drops those that are gone, and puts the new ones where a slice is written anyway,
 * else where they fit best, else into new slices.
 */
function fit(wanted: ReadonlyMap<string, Endpoint>, slices: readonly EndpointSlice[]): Fitted {
  const toPlace = new Map(wanted)
  const kept = slices.map((slice) => {
    const endpoints: Endpoint[] = []
    for (const endpoint of slice.endpoints ?? []) {
      const uid = endpoint.targetRef?.uid ?? ''
      const now = toPlace.get(uid)
      if (now && endpoints.length < MAX_ENDPOINTS) {
        endpoints.push(isSame(now, endpoint) ? endpoint : now)
        toPlace.delete(uid)
      }
    }
    const touched =
      endpoints.length !== (slice.endpoints ?? []).length ||
      endpoints.some((e, i) => e !== slice.endpoints[i])
    return { slice, endpoints, touched }
  })
  const rest = [...toPlace.values()]
  for (const place of kept.filter((k) => k.touched)) {
    place.endpoints.push(...rest.splice(0, MAX_ENDPOINTS - place.endpoints.length))
  }
  const created: { slice: undefined; endpoints: Endpoint[] }[] = []
  while (rest.length > 0) {
    const chunk = rest.splice(0, MAX_ENDPOINTS)
    const roomy = kept
      .filter((k) => !k.touched && k.endpoints.length + chunk.length <= MAX_ENDPOINTS)
      .sort((a, b) => b.endpoints.length - a.endpoints.length)[0]
    if (roomy) {
      roomy.endpoints.push(...chunk)
      roomy.touched = true
    } else created.push({ slice: undefined, endpoints: chunk })
  }
  return {
    filled: [...kept.filter((k) => k.endpoints.length > 0), ...created],
    empty: kept.filter((k) => k.endpoints.length === 0).map((k) => k.slice),
  }
}

/** Pairs that were found equal: neither can change. */
const sameAs = new WeakMap<Endpoint, Endpoint>()

function isSame(wanted: Endpoint, written: Endpoint): boolean {
  if (sameAs.get(written) === wanted) return true
  if (!equal(wanted, written)) return false
  sameAs.set(written, wanted)
  return true
}

function labelsFor(service: Service): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [name, value] of Object.entries(service.metadata.labels ?? {}))
    if (!OWN_LABELS.has(name)) labels[name] = value
  labels[MANAGED_BY] = SLICE_CONTROLLER
  labels[SERVICE_NAME] = service.metadata.name
  if (isHeadless(service)) labels[HEADLESS] = ''
  return labels
}

function newSlice(
  service: Service,
  family: Family,
  ports: readonly ResolvedPort[],
  endpoints: readonly Endpoint[],
  since: Since,
): Input<EndpointSlice> {
  return {
    metadata: {
      namespace: service.metadata.namespace,
      generateName: `${service.metadata.name}-`,
      labels: labelsFor(service),
      annotations: withTriggerTime({}, sinceBirth(service, since(uidsOf(endpoints)))),
      ownerReferences: [controllerReference(service)],
    },
    addressType: family,
    endpoints,
    ports: ports.map((p) => ({ ...p })),
  }
}

function updated(
  service: Service,
  slice: EndpointSlice,
  endpoints: readonly Endpoint[],
  since: Since,
): Action[] {
  const before = new Set(slice.endpoints)
  const changed = endpoints.filter((e) => !before.has(e))
  const same = changed.length === 0 && endpoints.length === slice.endpoints.length
  const next = withLabels(service, same ? slice : withEndpoints(slice, endpoints, since(uidsOf(changed))))
  return next === slice ? [] : [update(EndpointSlice, next)]
}

const uidsOf = (endpoints: readonly Endpoint[]) => endpoints.map((e) => e.targetRef?.uid ?? '')

function withEndpoints(
  slice: EndpointSlice,
  endpoints: readonly Endpoint[],
  at: string | undefined,
): EndpointSlice {
  const annotations = withTriggerTime(slice.metadata.annotations, at)
  return { ...slice, metadata: { ...slice.metadata, annotations }, endpoints }
}

function withLabels(service: Service, slice: EndpointSlice): EndpointSlice {
  const labels = labelsFor(service)
  return equal(labels, slice.metadata.labels) ? slice : { ...slice, metadata: { ...slice.metadata, labels } }
}
