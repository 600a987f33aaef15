import type { Plugin } from '../framework.ts'

/** The more important pod first, then the one that has waited longer. */
export const prioritySort: Plugin = {
  name: 'PrioritySort',
  queueSort: (a, b) => b.priority - a.priority || a.queuedAt - b.queuedAt,
}

/** A pod with gates waits until whoever put them there has taken them away. */
export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  events: [],
  preEnqueue(pod) {
    const gates = pod.spec.schedulingGates
    if (!gates || gates.length === 0) return undefined
    return `waiting for scheduling gates: [${gates.map((g) => g.name).join(' ')}]`
  },
}
