import type { Node, Pod, PodAffinityTerm, Taint, Toleration } from '../../api/index.ts'
import type { NodeAnswer } from '../decide.ts'

/**
 * The rules of the built-in plugins once more, as plainly as they can be said: loops over all nodes and all pods, nothing
 * remembered, nothing shared with the plugins. What the scheduler answers must be what this does.
 */
export interface World {
  readonly nodes: readonly Node[]
  /** With spec.nodeName. */
  readonly pods: readonly Pod[]
  readonly namespaces: Readonly<Record<string, Labels>>
}

type Labels = Readonly<Record<string, string>>
type Selector = NonNullable<PodAffinityTerm['labelSelector']>

const UNITS: Record<string, number> = { m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

function amount(text: string | undefined): number {
  if (text === undefined) return 0
  const [, digits, unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(text)!
  return Number(digits) * (unit === '' ? 1 : UNITS[unit]!)
}

const requests = (pod: Pod, resource: string) =>
  pod.spec.containers.reduce((sum, c) => sum + amount(c.resources?.requests?.[resource]), 0)
const scored = (pod: Pod, resource: 'cpu' | 'memory') =>
  pod.spec.containers.reduce((sum, c) => {
    const text = c.resources?.requests?.[resource]
    return sum + (text === undefined ? (resource === 'cpu' ? 0.1 : 200 * 2 ** 20) : amount(text))
  }, 0)

function selects(selector: Selector | undefined, labels: Labels = {}): boolean {
  if (!selector) return false
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    if (labels[key] !== value) return false
  return (selector.matchExpressions ?? []).every((e) => holds(e.key, e.operator, e.values ?? [], labels))
}

function holds(key: string, operator: string, values: readonly string[], labels: Labels): boolean {
  const value = labels[key]
  if (operator === 'In') return value !== undefined && values.includes(value)
  if (operator === 'NotIn') return value === undefined || !values.includes(value)
  if (operator === 'Exists') return value !== undefined
  if (operator === 'DoesNotExist') return value === undefined
  if (operator === 'Gt') return value !== undefined && Number(value) > Number(values[0])
  return value !== undefined && Number(value) < Number(values[0])
}

function tolerated(taint: Taint, tolerations: readonly Toleration[] = []): boolean {
  return tolerations.some((t) => {
    if (t.effect && t.effect !== taint.effect) return false
    if (t.key && t.key !== taint.key) return false
    return t.operator === 'Exists' || (t.value ?? '') === (taint.value ?? '')
  })
}

const labelsOf = (o: Node | Pod): Labels => o.metadata.labels ?? {}
const on = (world: World, node: Node) => world.pods.filter((p) => p.spec.nodeName === node.metadata.name)

function matchesNodeAffinity(pod: Pod, node: Node): boolean {
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {}))
    if (labelsOf(node)[key] !== value) return false
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (!required) return true
  return required.nodeSelectorTerms.some((term) =>
    (term.matchExpressions ?? []).every((e) => holds(e.key, e.operator, e.values ?? [], labelsOf(node))),
  )
}

const firstTaint = (pod: Pod, node: Node) =>
  node.spec.taints?.find((t) => t.effect !== 'PreferNoSchedule' && !tolerated(t, pod.spec.tolerations))

// --- (anti-)affinity between pods ---

/** Whether `term`, a rule of `owner`, is about `other`. */
function isAbout(term: PodAffinityTerm, owner: Pod, other: Pod, world: World): boolean {
  const namespace = other.metadata.namespace!
  const named = term.namespaces ?? []
  const inside =
    named.length === 0 && !term.namespaceSelector
      ? namespace === owner.metadata.namespace
      : named.includes(namespace) ||
        (term.namespaceSelector !== undefined &&
          selects(term.namespaceSelector, world.namespaces[namespace] ?? {}))
  return inside && selects(term.labelSelector, labelsOf(other))
}

const required = (pod: Pod, kind: 'podAffinity' | 'podAntiAffinity') =>
  pod.spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? []
const preferred = (pod: Pod, kind: 'podAffinity' | 'podAntiAffinity') =>
  pod.spec.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? []

/** The pods on nodes that are in the same domain as `node`. */
function inDomain(world: World, node: Node, key: string): readonly Pod[] {
  const domain = labelsOf(node)[key]
  if (domain === undefined) return []
  return world.nodes.filter((n) => labelsOf(n)[key] === domain).flatMap((n) => on(world, n))
}

function affinityReason(pod: Pod, node: Node, world: World): string | undefined {
  const wanted = required(pod, 'podAffinity')
  if (wanted.length > 0) {
    const isWanted = (other: Pod) => wanted.every((t) => isAbout(t, pod, other, world))
    const inReach = (n: Node) => wanted.some((t) => labelsOf(n)[t.topologyKey] !== undefined)
    const anywhere = world.nodes.some((n) => inReach(n) && on(world, n).some(isWanted))
    const labelled = wanted.every((t) => labelsOf(node)[t.topologyKey] !== undefined)
    const near = wanted.every((t) => inDomain(world, node, t.topologyKey).some(isWanted))
    if (!labelled || (!near && (anywhere || !isWanted(pod)))) return "node(s) didn't match pod affinity rules"
  }
  for (const term of required(pod, 'podAntiAffinity')) {
    if (inDomain(world, node, term.topologyKey).some((p) => isAbout(term, pod, p, world))) {
      return "node(s) didn't match pod anti-affinity rules"
    }
  }
  for (const other of world.nodes.flatMap((n) => on(world, n))) {
    for (const term of required(other, 'podAntiAffinity')) {
      if (isAbout(term, other, pod, world) && inDomain(world, node, term.topologyKey).includes(other)) {
        return "node(s) didn't satisfy existing pods anti-affinity rules"
      }
    }
  }
  return undefined
}

function attraction(pod: Pod, node: Node, world: World): number {
  let sum = 0
  for (const other of world.nodes.flatMap((n) => on(world, n))) {
    const near = (key: string) => inDomain(world, node, key).includes(other)
    const count = (term: PodAffinityTerm, owner: Pod, about: Pod, weight: number) => {
      if (isAbout(term, owner, about, world) && near(term.topologyKey)) sum += weight
    }
    for (const t of preferred(pod, 'podAffinity')) count(t.podAffinityTerm, pod, other, t.weight)
    for (const t of preferred(pod, 'podAntiAffinity')) count(t.podAffinityTerm, pod, other, -t.weight)
    for (const t of required(other, 'podAffinity')) count(t, other, pod, 1)
    for (const t of preferred(other, 'podAffinity')) count(t.podAffinityTerm, other, pod, t.weight)
    for (const t of preferred(other, 'podAntiAffinity')) count(t.podAffinityTerm, other, pod, -t.weight)
  }
  return sum
}

// --- spreading ---

type Constraint = NonNullable<Pod['spec']['topologySpreadConstraints']>[number]

const constraints = (pod: Pod, when: Constraint['whenUnsatisfiable']) =>
  (pod.spec.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === when)

function counted(c: Constraint, pod: Pod, world: World, node: Node): number {
  return on(world, node).filter(
    (p) =>
      p.metadata.namespace === pod.metadata.namespace &&
      !p.metadata.deletionTimestamp &&
      selects(c.labelSelector, labelsOf(p)),
  ).length
}

function counts(c: Constraint, all: readonly Constraint[], pod: Pod, node: Node): boolean {
  if (all.some((x) => labelsOf(node)[x.topologyKey] === undefined)) return false
  if (c.nodeAffinityPolicy !== 'Ignore' && !matchesNodeAffinity(pod, node)) return false
  return c.nodeTaintsPolicy !== 'Honor' || firstTaint(pod, node) === undefined
}

function spreadReason(pod: Pod, node: Node, world: World): string | undefined {
  const hard = constraints(pod, 'DoNotSchedule')
  for (const c of hard) {
    const domain = labelsOf(node)[c.topologyKey]
    if (domain === undefined)
      return "node(s) didn't match pod topology spread constraints (missing required label)"
    const byDomain = new Map<string, number>()
    for (const n of world.nodes.filter((x) => counts(c, hard, pod, x))) {
      const key = labelsOf(n)[c.topologyKey]!
      byDomain.set(key, (byDomain.get(key) ?? 0) + counted(c, pod, world, n))
    }
    const least = byDomain.size < (c.minDomains ?? 1) ? 0 : Math.min(...byDomain.values())
    const self = selects(c.labelSelector, labelsOf(pod)) ? 1 : 0
    if ((byDomain.get(domain) ?? 0) + self - least > c.maxSkew)
      return "node(s) didn't match pod topology spread constraints"
  }
  return undefined
}

function spreadScores(pod: Pod, feasible: readonly Node[], world: World): readonly number[] | undefined {
  const soft = constraints(pod, 'ScheduleAnyway')
  if (soft.length === 0) return undefined
  const isScored = (n: Node) => soft.every((c) => labelsOf(n)[c.topologyKey] !== undefined)
  const scoredNodes = feasible.filter(isScored)
  const raw = feasible.map((node) => {
    if (!isScored(node)) return undefined
    let sum = 0
    for (const c of soft) {
      const perNode = c.topologyKey === 'kubernetes.io/hostname'
      const domains = new Set(scoredNodes.map((n) => labelsOf(n)[c.topologyKey]))
      const weight = Math.log((perNode ? scoredNodes.length : domains.size) + 2)
      const same = world.nodes.filter(
        (n) => labelsOf(n)[c.topologyKey] === labelsOf(node)[c.topologyKey] && counts(c, soft, pod, n),
      )
      const pods = perNode
        ? counted(c, pod, world, node)
        : same.reduce((s, n) => s + counted(c, pod, world, n), 0)
      sum += pods * weight + c.maxSkew - 1
    }
    return Math.round(sum)
  })
  const known = raw.filter((r) => r !== undefined)
  const [least, most] = [Math.min(...known), Math.max(0, ...known)]
  return raw.map((r) =>
    r === undefined ? 0 : most === 0 ? 100 : Math.trunc((100 * (most + least - r)) / most),
  )
}

// --- everything together ---

function reasonsOf(pod: Pod, node: Node, world: World): readonly string[] {
  const unschedulable = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as Taint
  if (node.spec.unschedulable && !tolerated(unschedulable, pod.spec.tolerations))
    return ['node(s) were unschedulable']
  const taint = firstTaint(pod, node)
  if (taint) return ['node(s) had untolerated taint(s)']
  if (!matchesNodeAffinity(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"]
  const ports = (p: Pod) =>
    p.spec.containers.flatMap((c) => (c.ports ?? []).map((x) => x.hostPort)).filter(Boolean)
  const taken = on(world, node).flatMap(ports)
  if (ports(pod).some((p) => taken.includes(p)))
    return ["node(s) didn't have free ports for the requested pod ports"]
  const lacking: string[] = []
  if (on(world, node).length + 1 > amount(node.status.allocatable?.pods)) lacking.push('Too many pods')
  for (const resource of ['cpu', 'memory', 'example.com/gpu']) {
    const used = on(world, node).reduce((sum, p) => sum + requests(p, resource), 0)
    const wanted = requests(pod, resource)
    // Thousandths, so that decimal fractions do not decide.
    const left = Math.round((amount(node.status.allocatable?.[resource]) - used) * 1000)
    if (wanted > 0 && Math.round(wanted * 1000) > left) lacking.push(`Insufficient ${resource}`)
  }
  if (lacking.length > 0) return lacking
  const reason = spreadReason(pod, node, world) ?? affinityReason(pod, node, world)
  return reason === undefined ? [] : [reason]
}

const toHundred = (raw: readonly number[], reverse: boolean) => {
  const most = Math.max(0, ...raw)
  return raw.map((r) => {
    const part = most === 0 ? 0 : Math.trunc((100 * r) / most)
    return reverse ? 100 - part : part
  })
}

function resourceScores(pod: Pod, node: Node, world: World): number {
  const capacity = {
    cpu: amount(node.status.allocatable?.cpu),
    memory: amount(node.status.allocatable?.memory),
  }
  const others = on(world, node)
  const shares = (['cpu', 'memory'] as const)
    .filter((r) => capacity[r] > 0)
    .map((r) => {
      const wanted = others.reduce((s, p) => s + scored(p, r), scored(pod, r))
      const [w, c] = [Math.round(wanted * 1000), Math.round(capacity[r] * 1000)]
      return w > c ? 0 : Math.trunc(((c - w) * 100) / c)
    })
  const least = shares.length === 0 ? 0 : Math.trunc(shares.reduce((a, b) => a + b) / shares.length)
  if (requests(pod, 'cpu') === 0 && requests(pod, 'memory') === 0) return least
  const used = (['cpu', 'memory'] as const)
    .filter((r) => capacity[r] > 0)
    .map((r) => {
      const wanted = Math.round(others.reduce((s, p) => s + requests(p, r), requests(pod, r)) * 1000)
      return Math.min(1, wanted / Math.round(capacity[r] * 1000))
    })
  const spread = used.length === 2 ? Math.abs(used[0]! - used[1]!) / 2 : 0
  return least + Math.trunc((1 - spread) * 100)
}

export function oracle(pod: Pod, world: World): readonly NodeAnswer[] {
  const reasons = new Map(world.nodes.map((n) => [n, reasonsOf(pod, n, world)]))
  const feasible = world.nodes.filter((n) => reasons.get(n)!.length === 0)
  const total = feasible.map((n) => resourceScores(pod, n, world))
  const add = (scores: readonly number[] | undefined, weight: number) =>
    scores?.forEach((s, i) => {
      total[i]! += weight * s
    })
  const disliked = (n: Node) =>
    (n.spec.taints ?? []).filter(
      (t) => t.effect === 'PreferNoSchedule' && !tolerated(t, pod.spec.tolerations),
    ).length
  add(toHundred(feasible.map(disliked), true), 3)
  const wishes = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const liked = (n: Node) =>
    wishes
      .filter((w) =>
        w.preference.matchExpressions!.every((e) => holds(e.key, e.operator, e.values ?? [], labelsOf(n))),
      )
      .reduce((s, w) => s + w.weight, 0)
  if (wishes.length > 0) add(toHundred(feasible.map(liked), false), 2)
  add(spreadScores(pod, feasible, world), 2)
  const pull = feasible.map((n) => attraction(pod, n, world))
  const [low, high] = [Math.min(...pull), Math.max(...pull)]
  add(
    pull.map((p) => (high > low ? Math.trunc(100 * ((p - low) / (high - low))) : 0)),
    2,
  )
  return world.nodes.map((n) => {
    const node = n.metadata.name
    const at = feasible.indexOf(n)
    return at >= 0 ? { node, score: total[at]! } : { node, reasons: reasons.get(n)! }
  })
}
