import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/index.ts'
import type { Verdict } from '../plan/facts.ts'
import { podAmount } from '../spec/resources.ts'
import { forbiddenSysctl } from '../spec/security.ts'
import { unsupported } from '../spec/unsupported.ts'

export interface AdmissionFacts {
  readonly node: Node | undefined
  readonly allocatable: { readonly cpuMilli: number; readonly memoryBytes: number; readonly pods: number }
}

/**
 * Why this node refuses a pod that was given to it; undefined: it takes it. The scheduler has checked the same, but it may
 * have known less, and not every pod comes from it.
 */
export function admitPod(pod: Pod, active: readonly Pod[], facts: AdmissionFacts): Verdict | undefined {
  const sysctl = forbiddenSysctl(pod)
  if (sysctl) return refuse('SysctlForbidden', sysctl)
  const missing = unsupported(pod)
  if (missing) return refuse('UnsupportedFeature', missing)
  // Before containerd 2.0 the groups of the image are always added.
  if (pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict')
    return refuse(
      'SupplementalGroupsPolicyNotSupported',
      'SupplementalGroupsPolicy=Strict is not supported in this node',
    )
  if (pod.spec.os && pod.spec.os.name !== 'linux')
    return refuse('PodOSNotSupported', `Failed to admit pod as the OS field doesn't match node OS`)
  const { allocatable } = facts
  if (active.length + 1 > allocatable.pods) {
    return refuse(
      'OutOfpods',
      `Node didn't have enough resource: pods, requested: 1, used: ${active.length}, capacity: ${allocatable.pods}`,
    )
  }
  for (const [resource, name, capacity] of [
    ['cpuMilli', 'cpu', allocatable.cpuMilli],
    ['memoryBytes', 'memory', allocatable.memoryBytes],
  ] as const) {
    const requested = podAmount(pod, 'requests', resource) ?? 0
    const used = active.reduce((sum, p) => sum + (podAmount(p, 'requests', resource) ?? 0), 0)
    if (requested > 0 && used + requested > capacity) {
      return refuse(
        `OutOf${name}`,
        `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
      )
    }
  }
  const taken = new Set(active.flatMap(hostPorts))
  if (hostPorts(pod).some((p) => taken.has(p)))
    return refuse(
      'NodePorts',
      `Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports`,
    )
  if (facts.node && !matchesNode(pod, facts.node))
    return refuse(
      'NodeAffinity',
      `Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector`,
    )
  return undefined
}

/** Why a pod that runs here cannot have what it now asks for: not now, or never. */
export function resizeProblem(
  pod: Pod,
  others: readonly Pod[],
  allocatable: { readonly cpuMilli: number; readonly memoryBytes: number },
): { readonly reason: 'Deferred' | 'Infeasible'; readonly message: string } | undefined {
  for (const [resource, name] of [
    ['cpuMilli', 'cpu'],
    ['memoryBytes', 'memory'],
  ] as const) {
    const requested = podAmount(pod, 'requests', resource) ?? 0
    const capacity = allocatable[resource]
    if (requested > capacity)
      return {
        reason: 'Infeasible',
        message: `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`,
      }
    const used = others.reduce((sum, p) => sum + (podAmount(p, 'requests', resource) ?? 0), 0)
    if (requested > 0 && used + requested > capacity) {
      return {
        reason: 'Deferred',
        message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
      }
    }
  }
  return undefined
}

const refuse = (reason: string, message: string): Verdict => ({
  phase: 'Failed',
  reason,
  message: `Pod was rejected: ${message}`,
  refused: true,
})

function hostPorts(pod: Pod): string[] {
  return pod.spec.containers.flatMap((c) =>
    (c.ports ?? []).flatMap((p) => {
      const port = pod.spec.hostNetwork ? p.containerPort : p.hostPort
      return port
        ? [`${p.protocol ?? 'TCP'}/${p.hostIP && p.hostIP !== '0.0.0.0' ? p.hostIP : '*'}/${port}`]
        : []
    }),
  )
}

/** The node selector, and the node affinity that is required. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {}))
    if (labels[key] !== value) return false
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return terms === undefined || terms.some((t) => matchesTerm(t, labels, node.metadata.name))
}

function matchesTerm(
  term: NodeSelectorTerm,
  labels: Readonly<Record<string, string>>,
  name: string,
): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length === 0 && fields.length === 0) return false
  return (
    expressions.every((e) => holds(e, labels[e.key])) &&
    fields.every((f) => f.key === 'metadata.name' && holds(f, name))
  )
}

function holds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const values = requirement.values ?? []
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0])
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0])
    default:
      return false
  }
}
