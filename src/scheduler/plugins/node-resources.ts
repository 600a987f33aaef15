import type { Node, Pod } from '../../api/index.ts'
import { type Cycle, FITS, MAX_SCORE, type Plugin } from '../framework.ts'
import { interest } from '../queue/events.ts'
import { CPU, MEMORY, PODS } from '../snapshot/nodes.ts'
import { amountOf, podRequests } from '../snapshot/requests.ts'

interface Need {
  readonly name: string
  /** Undefined when no node offers it. */
  readonly column: number | undefined
  readonly amount: number
}

function needsOf(cycle: Cycle): Need[] {
  const needs: Need[] = []
  for (const [name, amount] of cycle.shape.requests) {
    if (amount > 0) needs.push({ name, column: cycle.snapshot.nodes.column(name), amount })
  }
  const order = ['cpu', 'memory', 'ephemeral-storage']
  const rank = (n: Need) => (order.includes(n.name) ? order.indexOf(n.name) : order.length)
  return needs.sort((a, b) => rank(a) - rank(b))
}

/** What pods ask for must fit into what the nodes have left; emptier nodes are preferred. */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  scope: 'node',
  events: [
    interest('PodGone'),
    interest('PodChanged', (_, { pod, old }) => asksForLess(pod, old)),
    interest('NodeAdded', (pod, { node }) => couldHold(pod, node)),
    interest(
      'NodeUpdated',
      (pod, { node, changes }) => changes.includes('Allocatable') && couldHold(pod, node),
    ),
  ],
  preFilter(cycle) {
    const { nodes } = cycle.snapshot
    const needs = needsOf(cycle)
    const fits = (slot: number) => {
      if (nodes.podCount[slot]! + 1 > nodes.allocatable[PODS]![slot]!) return false
      for (const { column, amount } of needs) {
        if (column === undefined) return false
        if (amount > nodes.allocatable[column]![slot]! - nodes.requested[column]![slot]!) return false
      }
      return true
    }
    return { filter: (slot) => (fits(slot) ? FITS : insufficient(cycle, needs, slot)) }
  },
  preScore(cycle) {
    const { nodes } = cycle.snapshot
    const cpu = cycle.shape.scored.get('cpu') ?? 0
    const memory = cycle.shape.scored.get('memory') ?? 0
    const [cpus, memories] = [nodes.allocatable[CPU]!, nodes.allocatable[MEMORY]!]
    return {
      score(slot) {
        let score = 0
        let weights = 0
        const cpuCapacity = cpus[slot]!
        if (cpuCapacity > 0) {
          weights++
          score += shareLeft(nodes.scoredCpu[slot]! + cpu, cpuCapacity)
        }
        const memoryCapacity = memories[slot]!
        if (memoryCapacity > 0) {
          weights++
          score += shareLeft(nodes.scoredMemory[slot]! + memory, memoryCapacity)
        }
        return weights === 0 ? 0 : Math.trunc(score / weights)
      },
    }
  },
}

function shareLeft(requested: number, capacity: number): number {
  return requested > capacity ? 0 : Math.trunc(((capacity - requested) * MAX_SCORE) / capacity)
}

function insufficient(cycle: Cycle, needs: readonly Need[], slot: number): number {
  const { nodes } = cycle.snapshot
  const reasons: string[] = []
  let hopeless = false
  if (nodes.podCount[slot]! + 1 > nodes.allocatable[PODS]![slot]!) reasons.push('Too many pods')
  for (const { name, column, amount } of needs) {
    const capacity = column === undefined ? 0 : nodes.allocatable[column]![slot]!
    const used = column === undefined ? 0 : nodes.requested[column]![slot]!
    if (amount <= capacity - used) continue
    reasons.push(`Insufficient ${name}`)
    if (amount > capacity) hopeless = true
  }
  return cycle.reject(nodeResourcesFit, reasons, hopeless)
}

function asksForLess(pod: Pod, old: Pod): boolean {
  const now = podRequests(pod)
  for (const [name, amount] of podRequests(old)) if ((now.get(name) ?? 0) < amount) return true
  return false
}

function couldHold(pod: Pod, node: Node): boolean {
  const offered = node.status?.allocatable ?? {}
  for (const [name, amount] of podRequests(pod)) {
    if (amount > 0 && amount > amountOf(name, offered[name] ?? '0')) return false
  }
  return true
}

/** Prefers nodes on which CPU and memory would be used to the same share. Pods that ask for neither have no preference. */
export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  scope: 'node',
  preScore(cycle) {
    const { nodes } = cycle.snapshot
    const cpu = cycle.shape.requests.get('cpu') ?? 0
    const memory = cycle.shape.requests.get('memory') ?? 0
    if (cpu === 0 && memory === 0) return undefined
    const [cpus, memories] = [nodes.allocatable[CPU]!, nodes.allocatable[MEMORY]!]
    const [cpuUsed, memoryUsed] = [nodes.requested[CPU]!, nodes.requested[MEMORY]!]
    return {
      score(slot) {
        const [a, b] = [cpus[slot]!, memories[slot]!]
        if (a === 0 || b === 0) return MAX_SCORE
        const x = Math.min(1, (cpuUsed[slot]! + cpu) / a)
        const y = Math.min(1, (memoryUsed[slot]! + memory) / b)
        return Math.trunc((1 - Math.abs((x - y) / 2)) * MAX_SCORE)
      },
    }
  },
}
