import type { Pod } from '../../api/index.ts'
import { milliValue, wholeValue } from '../../schema/index.ts'

/** Amounts by resource name: CPU in thousandths of a core, everything else in whole units (bytes, devices). */
export type Amounts = ReadonlyMap<string, number>

type Quantities = Readonly<Record<string, string>> | undefined
type Container = Pod['spec']['containers'][number]

/** What a container counts with in scores when it asks for nothing: 0.1 cores and 200 MiB. */
const SCORED_AT_LEAST: Amounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
])
const POD_LEVEL = /^(cpu|memory|hugepages-.*)$/

export function amountOf(resource: string, quantity: string): number {
  return resource === 'cpu' ? milliValue(quantity) : wholeValue(quantity)
}

function amountsOf(quantities: Quantities): Map<string, number> {
  const amounts = new Map<string, number>()
  if (quantities)
    for (const name of Object.keys(quantities)) amounts.set(name, amountOf(name, quantities[name]!))
  return amounts
}

/**
 * What a pod needs on a node: its containers and sidecars together, or the largest of its init containers with the
 * sidecars started before it, whichever is more; then its overhead. Source: KEP-753, KEP-2837.
 */
export function podRequests(pod: Pod): Amounts {
  return total(pod, (container) => containerRequests(pod, container))
}

/** As podRequests, but a container that names no CPU or memory counts with a small default: used for scores only. */
export function scoredRequests(pod: Pod): Amounts {
  return total(pod, (container) => {
    const amounts = containerRequests(pod, container)
    for (const [name, amount] of SCORED_AT_LEAST) if (!amounts.has(name)) amounts.set(name, amount)
    return amounts
  })
}

function total(pod: Pod, requestsOf: (container: Container) => Map<string, number>): Amounts {
  const { spec } = pod
  const sum = new Map<string, number>()
  const sidecars = new Map<string, number>()
  const starting = new Map<string, number>()
  for (const container of spec.containers) add(sum, requestsOf(container))
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container)
    if (container.restartPolicy === 'Always') {
      add(sum, own)
      add(sidecars, own)
      raise(starting, sidecars)
    } else {
      add(own, sidecars)
      raise(starting, own)
    }
  }
  raise(sum, starting)
  for (const [name, amount] of amountsOf(spec.resources?.requests)) {
    if (POD_LEVEL.test(name)) sum.set(name, amount)
  }
  add(sum, amountsOf(spec.overhead))
  return sum
}

/** While a resize is under way, the larger of what is asked for and what the container has. */
function containerRequests(pod: Pod, container: Container): Map<string, number> {
  const amounts = amountsOf(container.resources?.requests)
  if (!pod.spec.nodeName) return amounts
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const isIt = (s: { readonly name: string }) => s.name === container.name
  const status = containerStatuses.find(isIt) ?? initContainerStatuses.find(isIt)
  if (!status?.resources) return amounts
  const counted = isInfeasible(pod) ? new Map<string, number>() : amounts
  raise(counted, amountsOf(status.allocatedResources))
  raise(counted, amountsOf(status.resources.requests))
  return counted
}

/** It asks for what its node can never give: that is not kept for it. */
export function isInfeasible(pod: Pod): boolean {
  return (
    pod.status.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible') ?? false
  )
}

function add(to: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) to.set(name, (to.get(name) ?? 0) + amount)
}

function raise(to: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) if (amount > (to.get(name) ?? 0)) to.set(name, amount)
}
