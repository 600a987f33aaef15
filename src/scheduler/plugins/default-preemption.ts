import type { Pod, PodDisruptionBudget } from '../../api/index.ts'
import { matchesLabels, type Selector, selectorOf } from '../../schema/index.ts'
import { notAvailable } from '../decide.ts'
import { type Cycle, FITS, type Plugin, type PostFilter, type Unplaced } from '../framework.ts'
import type { PlacedPod } from '../snapshot/snapshot.ts'

const NOT_HELPFUL = 'Preemption is not helpful for scheduling'
const NO_VICTIMS = 'No preemption victims found for incoming pod'
/** Nodes that are tried: a tenth of them, at least 100, from a random one on. */
const MIN_CANDIDATES = 100
const CANDIDATE_SHARE = 0.1
/** Once there is a candidate, the search ends after so many looks at nodes. */
const MAX_CHECKS = 2000

/** What one node would have to give up. */
interface Candidate {
  readonly slot: number
  /** The most important first. */
  readonly victims: readonly PlacedPod[]
  /** Evictions that a PodDisruptionBudget does not allow. */
  readonly violations: number
}

/** Makes room for important pods: the fewest and least important pods of a node have to go. Source: KEP-564. */
export const defaultPreemption: Plugin = {
  name: 'DefaultPreemption',
  events: [],
  postFilter(cycle, unplaced) {
    const why = notEligible(cycle, unplaced)
    if (why !== undefined) return { message: `preemption: ${why}`, keepNomination: true }
    return search(cycle, unplaced)
  },
}

function notEligible({ pod, shape, snapshot }: Cycle, unplaced: Unplaced): string | undefined {
  if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const promised = snapshot.nodes.slotOf(pod.status.nominatedNodeName ?? '')
  if (promised === undefined || !unplaced.hopeful.includes(promised)) return undefined
  for (const other of snapshot.podsOn(promised)) {
    if (other.shape.priority < shape.priority && isPreempted(other.pod)) {
      return 'not eligible due to a terminating pod on the nominated node.'
    }
  }
  return undefined
}

function isPreempted(pod: Pod): boolean {
  if (!pod.metadata.deletionTimestamp) return false
  const condition = pod.status.conditions?.find((c) => c.type === 'DisruptionTarget')
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler'
}

function search(cycle: Cycle, unplaced: Unplaced): PostFilter {
  const { snapshot } = cycle
  const { hopeful, random } = unplaced
  if (snapshot.leastPriority >= cycle.shape.priority) return nobodyToGo(snapshot.nodes.count, hopeful.length)
  const budgets = budgetsOf([...snapshot.budgets.values()])
  const wanted = Math.max(MIN_CANDIDATES, Math.floor(hopeful.length * CANDIDATE_SHARE))
  const start = Math.floor(random.next() * hopeful.length)
  const candidates: Candidate[] = []
  const reasons = new Map<string, number>()
  const effort = { checks: 0 }
  let looked = 0
  for (; looked < hopeful.length && candidates.length < wanted; looked++) {
    if (candidates.length > 0 && effort.checks > MAX_CHECKS) break
    const found = tryNode(cycle, unplaced, hopeful[(start + looked) % hopeful.length]!, budgets, effort)
    if ('slot' in found) candidates.push(found)
    else for (const reason of found.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  if (candidates.length > 0) {
    const best = candidates.reduce((a, b) => (isBetter(b, a) ? b : a))
    return { nominate: snapshot.nodes.nameOf(best.slot), evict: best.victims }
  }
  const rest = snapshot.nodes.count - hopeful.length
  if (rest > 0) reasons.set(NOT_HELPFUL, rest)
  return { message: `preemption: ${notAvailable(snapshot.nodes.count, reasons)}`, keepNomination: false }
}

/** Nobody in the whole cluster is less important. */
function nobodyToGo(nodes: number, hopeful: number): PostFilter {
  const reasons = new Map<string, number>()
  if (hopeful > 0) reasons.set(NO_VICTIMS, hopeful)
  if (nodes > hopeful) reasons.set(NOT_HELPFUL, nodes - hopeful)
  return { message: `preemption: ${notAvailable(nodes, reasons)}`, keepNomination: false }
}

/** Takes all less important pods off the node; if that helps, lets those back that need not go, important ones first. */
function tryNode(
  cycle: Cycle,
  unplaced: Unplaced,
  slot: number,
  budgets: readonly Budget[],
  effort: { checks: number },
): Candidate | { readonly reasons: readonly string[] } {
  const { snapshot, shape } = cycle
  const lower = [...snapshot.podsOn(slot)].filter((p) => p.shape.priority < shape.priority).sort(byImportance)
  if (lower.length === 0) return { reasons: [NO_VICTIMS] }
  const fits = () => {
    effort.checks++
    return unplaced.verdictOn(slot)
  }
  const lifted = new Set(lower)
  try {
    for (const pod of lower) snapshot.lift(pod)
    const verdict = fits()
    if (verdict !== FITS) return { reasons: unplaced.reasonsOf(verdict) }
    const isProtected = violating(lower, budgets)
    const order = [...lower.filter((p) => isProtected.has(p)), ...lower.filter((p) => !isProtected.has(p))]
    const victims = new Set<PlacedPod>()
    for (const pod of order) {
      snapshot.putBack(pod)
      lifted.delete(pod)
      if (fits() === FITS) continue
      snapshot.lift(pod)
      lifted.add(pod)
      victims.add(pod)
    }
    const violations = order.filter((p) => victims.has(p) && isProtected.has(p)).length
    return { slot, victims: lower.filter((p) => victims.has(p)), violations }
  } finally {
    for (const pod of lifted) snapshot.putBack(pod)
  }
}

const startedAt = ({ pod }: PlacedPod) => pod.status.startTime ?? '9999'

/** More important: of higher priority, then running for longer. */
function byImportance(a: PlacedPod, b: PlacedPod): number {
  return (
    b.shape.priority - a.shape.priority ||
    (startedAt(a) < startedAt(b) ? -1 : startedAt(a) > startedAt(b) ? 1 : 0)
  )
}

/** Fewer broken budgets, then less important victims, then fewer, then those that have run for less time. */
function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.violations !== b.violations) return a.violations < b.violations
  const top = (c: Candidate) => c.victims[0]?.shape.priority ?? Number.NEGATIVE_INFINITY
  if (top(a) !== top(b)) return top(a) < top(b)
  // Shifted to be positive, so that more victims are never better because their priorities are negative.
  const sum = (c: Candidate) => c.victims.reduce((total, v) => total + v.shape.priority + 2 ** 31, 0)
  if (sum(a) !== sum(b)) return sum(a) < sum(b)
  if (a.victims.length !== b.victims.length) return a.victims.length < b.victims.length
  const earliest = (c: Candidate) => {
    const important = c.victims.filter((v) => v.shape.priority === top(c)).map(startedAt)
    return important.sort()[0] ?? ''
  }
  return earliest(a) > earliest(b)
}

interface Budget {
  readonly budget: PodDisruptionBudget
  readonly selector: Selector
}

function budgetsOf(budgets: readonly PodDisruptionBudget[]): Budget[] {
  return budgets.flatMap((budget) => {
    const selector = selectorOf(budget.spec.selector)
    return selector.nothing || selector.requirements.length === 0 ? [] : [{ budget, selector }]
  })
}

/** The pods, most important first, whose eviction their budgets do not allow. */
function violating(pods: readonly PlacedPod[], budgets: readonly Budget[]): ReadonlySet<PlacedPod> {
  const allowed = new Map(budgets.map((b) => [b, b.budget.status?.disruptionsAllowed ?? 0]))
  const found = new Set<PlacedPod>()
  for (const placed of pods) {
    const { namespace, name, labels } = placed.pod.metadata
    for (const b of budgets) {
      if (b.budget.metadata.namespace !== namespace || !matchesLabels(b.selector, labels)) continue
      if (Object.hasOwn(b.budget.status?.disruptedPods ?? {}, name)) continue
      const left = allowed.get(b)! - 1
      allowed.set(b, left)
      if (left < 0) found.add(placed)
    }
  }
  return found
}
