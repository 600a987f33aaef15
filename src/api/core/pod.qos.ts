import { compareQuantities, parseQuantity } from '../../schema/index.ts'
import type { Container } from './container.ts'
import type { PodSpec } from './pod.ts'

const COMPUTE = ['cpu', 'memory'] as const

/** How firmly a pod's resources are promised to it: decides what is killed first when a node runs out. */
export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let asks = false
  let guaranteed = true
  const look = (resources: Container['resources'] | undefined) => {
    for (const name of COMPUTE) {
      const request = positive(resources?.requests?.[name])
      const limit = positive(resources?.limits?.[name])
      if (request || limit) asks = true
      if (guaranteed) guaranteed = limit !== undefined && (!request || sameQuantity(request, limit))
    }
  }
  if (spec.resources && (spec.resources.requests || spec.resources.limits)) look(spec.resources)
  else {
    for (const c of spec.containers) look(c.resources)
    for (const c of spec.initContainers ?? []) look(c.resources)
  }
  return !asks ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable'
}

const positive = (quantity: string | undefined) => (quantity && quantity !== '0' ? quantity : undefined)

export function sameQuantity(a: string, b: string): boolean {
  return a === b || compareQuantities(parseQuantity(a), parseQuantity(b)) === 0
}
