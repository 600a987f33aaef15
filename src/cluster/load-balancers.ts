import { Service } from '../api/index.ts'
import {
  type Controller,
  defineController,
  each,
  event,
  mergePatch,
  nothingToDo,
  plan,
  trigger,
} from '../controllers/index.ts'
import { addressIn } from './layout.ts'

/** Addresses of the node network that no node takes: nodes have the first fifty. */
const FIRST = 100
const LAST = 249

interface Observed {
  readonly service: Service
  /** Addresses of the other Services, and whether theirs is the older claim. */
  readonly others: ReadonlyMap<string, { readonly isOlder: boolean }>
}

/**
 * Gives each Service of type LoadBalancer an address of its own out of the network of this machine's nodes: the service
 * rules of every node answer there, so it is reachable from the machine and from all pods, and never `<pending>`.
 */
export function loadBalancers(nodeCidr: string): Controller {
  const pool = Array.from({ length: LAST - FIRST + 1 }, (_, i) => addressIn(nodeCidr, FIRST + i))
  return defineController<Observed>({
    name: 'service',
    reads: [Service],
    writes: [{ kind: Service, verbs: ['patch'], subresource: 'status' }],
    on: [
      each(Service),
      // Two that chose the same address at the same moment: the younger one chooses again.
      trigger(Service, (service, view) => {
        const own = new Set(addressesOf(service))
        return [...view.list(Service)].filter((s) => addressesOf(s).some((ip) => own.has(ip))).map(keyOf)
      }),
    ],
    concurrency: 1,
    observe(key, view) {
      const service = view.get(Service, key)
      return service && { service, others: claimsOfOthers(service, view.list(Service)) }
    },
    plan: (observed) => planAddress(observed, pool),
  })
}

const keyOf = (s: Service) => `${s.metadata.namespace}/${s.metadata.name}`
const addressesOf = (s: Service) =>
  (s.status.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []))
const isAsked = (s: Service) => s.spec.type === 'LoadBalancer' && s.spec.loadBalancerClass === undefined

function claimsOfOthers(service: Service, all: Iterable<Service>): Map<string, { isOlder: boolean }> {
  const rank = (s: Service) => `${s.metadata.creationTimestamp}/${s.metadata.uid}`
  const others = new Map<string, { isOlder: boolean }>()
  for (const other of all) {
    if (other.metadata.uid === service.metadata.uid) continue
    for (const ip of addressesOf(other)) others.set(ip, { isOlder: rank(other) < rank(service) })
  }
  return others
}

/** What one Service's address should be; exported for its tests. */
export function planAddress({ service, others }: Observed, pool: readonly string[]) {
  const set = (ips: readonly string[]) => {
    const status = { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } }
    return plan([mergePatch(Service, service, { status }, { subresource: 'status', exact: true })])
  }
  if (service.metadata.deletionTimestamp) return nothingToDo
  const current = addressesOf(service)
  const isOurs = current.length === 1 && pool.includes(current[0]!)
  // An address that somebody else gave is not ours to take.
  if (!isAsked(service)) return isOurs && service.spec.type !== 'LoadBalancer' ? set([]) : nothingToDo
  if (current.length > 0 && (!isOurs || others.get(current[0]!)?.isOlder !== true)) return nothingToDo
  const free = pool.filter((ip) => !others.has(ip))
  const wish = service.spec.loadBalancerIP
  if (wish && !free.includes(wish))
    return refuse(service, `address ${wish} is taken or outside of ${pool[0]} to ${pool.at(-1)}`)
  const chosen = wish ?? free[0]
  return chosen
    ? set([chosen])
    : refuse(service, `all ${pool.length} addresses from ${pool[0]} to ${pool.at(-1)} are taken`)
}

function refuse(service: Service, message: string) {
  const text = `cannot give an address: ${message}`
  return plan([event(service, 'Warning', 'SyncLoadBalancerFailed', text)], {
    waits: [message],
    againAfterMs: 60_000,
  })
}
