import {
  type EndpointAddress,
  type EndpointSubset,
  Endpoints,
  type Pod,
  type Service,
} from '../../api/index.ts'
import { create, type Plan, plan, remove, update } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { isReady } from '../shared/pods.ts'
import {
  addressesOf,
  familiesOf,
  familyOf,
  hostnameIn,
  isHeadless,
  isReachable,
  portsKey,
  portsOf,
  type ResolvedPort,
  targetRefOf,
} from './members.ts'
import { HEADLESS } from './slices-plan.ts'
import { changedBetween, sinceBirth, sinceOf, withTriggerTime } from './trigger-time.ts'

export const ENDPOINTS_MANAGED_BY = 'endpoints.kubernetes.io/managed-by'
export const ENDPOINTS_CONTROLLER = 'endpoint-controller'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'
const MAX_ADDRESSES = 1000

export interface ObservedEndpoints {
  /** undefined: the Service is gone. */
  readonly service: Service | undefined
  readonly pods: readonly Pod[]
  readonly endpoints: Endpoints | undefined
}

/** The older form of what EndpointSlices say: one object a Service, one family, at most 1,000 addresses. */
export function planEndpoints({ service, pods, endpoints }: ObservedEndpoints): Plan {
  if (!service) return plan([endpoints && remove(Endpoints, endpoints)])
  if (service.metadata.deletionTimestamp) return plan([])
  const { subsets, truncated } = subsetsOf(service, pods)
  const labels = labelsFor(service)
  const annotations = annotationsFor(endpoints, truncated)
  const content = { ...(subsets.length > 0 ? { subsets } : {}) }
  if (!endpoints) {
    const { namespace, name } = service.metadata
    const at = sinceBirth(service, sinceOf(pods)(changedBetween([], subsets)))
    const metadata = { namespace, name, labels, annotations: withTriggerTime(annotations, at) }
    return plan([create(Endpoints, { metadata, ...content })])
  }
  const { subsets: _, ...rest } = endpoints
  const { annotations: __, ...metadata } = endpoints.metadata
  const next = {
    ...rest,
    metadata: { ...metadata, labels, ...annotated(annotations) },
    ...content,
  } as Endpoints
  if (equal(next, endpoints)) return plan([])
  const at = sinceOf(pods)(changedBetween(endpoints.subsets, subsets))
  const noted = { ...next.metadata, annotations: withTriggerTime(annotations, at) }
  return plan([update(Endpoints, { ...next, metadata: noted })])
}

function annotated(annotations: Readonly<Record<string, string>>) {
  return Object.keys(annotations).length > 0 ? { annotations } : {}
}

function labelsFor(service: Service): Record<string, string> {
  const labels = { ...service.metadata.labels, [ENDPOINTS_MANAGED_BY]: ENDPOINTS_CONTROLLER }
  return isHeadless(service) ? { ...labels, [HEADLESS]: '' } : labels
}

function annotationsFor(endpoints: Endpoints | undefined, truncated: boolean): Record<string, string> {
  const { [OVER_CAPACITY]: _, ...rest } = endpoints?.metadata.annotations ?? {}
  return truncated ? { ...rest, [OVER_CAPACITY]: 'truncated' } : rest
}

interface Member {
  readonly address: EndpointAddress
  readonly ready: boolean
  readonly ports: readonly ResolvedPort[]
  readonly portsKey: string
}

function subsetsOf(
  service: Service,
  pods: readonly Pod[],
): { subsets: EndpointSubset[]; truncated: boolean } {
  const family = familiesOf(service)[0]!
  const all = pods
    .flatMap((pod) => knownMember(service, pod, family))
    .sort((a, b) => Number(b.ready) - Number(a.ready) || compareAddresses(a.address, b.address))
  const kept = all.slice(0, MAX_ADDRESSES)
  const groups = Map.groupBy(kept, (m) => m.portsKey)
  const subsets = [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const addresses = group.filter((m) => m.ready).map((m) => m.address)
      const notReadyAddresses = group.filter((m) => !m.ready).map((m) => m.address)
      const ports = group[0]!.ports.map(({ name, ...port }) => ({
        ...(name === '' ? {} : { name }),
        ...port,
      }))
      return {
        ...(addresses.length > 0 ? { addresses } : {}),
        ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
        ...(ports.length > 0 ? { ports } : {}),
      }
    })
  return { subsets, truncated: all.length > MAX_ADDRESSES }
}

/** What a pod is to a Service follows from these objects, which never change: it is worked out once. */
const members = new WeakMap<Service, WeakMap<Pod, readonly Member[]>>()

function knownMember(service: Service, pod: Pod, family: string): readonly Member[] {
  let own = members.get(service)
  if (!own) {
    own = new WeakMap()
    members.set(service, own)
  }
  let member = own.get(pod)
  if (!member) {
    member = memberOf(service, pod, family)
    own.set(pod, member)
  }
  return member
}

function memberOf(service: Service, pod: Pod, family: string): Member[] {
  const anyhow = service.spec.publishNotReadyAddresses === true
  if (!isReachable(pod) || (pod.metadata.deletionTimestamp && !anyhow)) return []
  const ip = addressesOf(pod).find((a) => familyOf(a) === family)
  const ports = portsOf(service, pod)
  if (ip === undefined || (ports.length === 0 && !(isHeadless(service) && !service.spec.ports?.length)))
    return []
  const hostname = hostnameIn(service, pod)
  const { nodeName } = pod.spec
  const address = {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName ? { nodeName } : {}),
    targetRef: targetRefOf(pod),
  }
  return [{ address, ready: anyhow || isReady(pod), ports, portsKey: portsKey(ports) }]
}

function compareAddresses(a: EndpointAddress, b: EndpointAddress): number {
  return a.ip === b.ip ? ((a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1) : a.ip < b.ip ? -1 : 1
}
