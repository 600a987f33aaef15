import type { Pod, PodAffinityTerm, Toleration, TopologySpreadConstraint } from '../../api/index.ts'
import { LruMap } from '../../client/index.ts'
import { type Labels, matchesLabels, selectorOf } from '../../schema/index.ts'
import { type PodCondition, podCondition, selectorWithKeys } from './condition.ts'
import { type Amounts, isInfeasible, podRequests, scoredRequests } from './requests.ts'

/** A rule about the pods near a pod: those it wants (affinity) or does not want (anti-affinity) in its domain. */
export interface Term {
  readonly topologyKey: string
  readonly condition: PodCondition
  /** 1 to 100 on preferences; 1 on what is required. */
  readonly weight: number
}

export interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

export interface Claim {
  readonly name: string
  readonly ephemeral: boolean
}

export interface SpreadConstraint {
  readonly maxSkew: number
  readonly topologyKey: string
  readonly hard: boolean
  readonly condition: PodCondition
  /** Whether the pod itself counts. */
  readonly countsItself: boolean
  readonly minDomains: number
  readonly honorAffinity: boolean
  readonly honorTaints: boolean
  /** Equal for constraints whose policies leave out the same nodes. */
  readonly openTo: string
}

/** Whatever decides where a pod may run. Pods of one ReplicaSet have the same shape: the same object. */
export interface PodShape {
  readonly id: number
  /** Equal for shapes that ask the same of a node, whatever their labels and namespace. */
  readonly needs: string
  readonly namespace: string
  readonly labels: Labels
  /** The one node it asks for. */
  readonly nodeName: string | undefined
  readonly priority: number
  readonly requests: Amounts
  readonly scored: Amounts
  readonly hostPorts: readonly HostPort[]
  readonly tolerations: readonly Toleration[]
  readonly images: readonly string[]
  readonly containerCount: number
  /** The claims its volumes refer to; `ephemeral` ones are made for this pod. */
  readonly claims: readonly Claim[]
  readonly affinity: readonly Term[]
  readonly antiAffinity: readonly Term[]
  readonly preferredAffinity: readonly Term[]
  readonly preferredAntiAffinity: readonly Term[]
  readonly hasAffinity: boolean
  readonly spread: readonly SpreadConstraint[]
  /** Its controller, for the default spreading of what belongs together. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined
  /** A pod of this shape: only what is part of the shape may be read from its specification. */
  readonly spec: Pod['spec']
}

const MAX_SHAPES = 20_000

/** Gives pods their shapes. The least recently used are forgotten; a forgotten shape that comes back is a new one. */
export class Shapes {
  readonly #known = new LruMap<string, PodShape>(MAX_SHAPES)
  #next = 1

  /** Of a pod that is `placed` it does not matter where: it has the shape of one that waits. */
  of(pod: Pod, placed = false): PodShape {
    const { spec, metadata } = pod
    const nodeName = (placed ? undefined : spec.nodeName) || undefined
    const needs = needsOf(pod, nodeName)
    const owner = ownerOf(pod)
    const signature = JSON.stringify([
      metadata.namespace,
      metadata.labels,
      owner,
      spec.affinity?.podAffinity,
      spec.affinity?.podAntiAffinity,
      spec.topologySpreadConstraints,
      spec.priority,
      spec.preemptionPolicy,
      needs,
    ])
    let shape = this.#known.get(signature)
    if (!shape) {
      shape = shapeOf(pod, this.#next++, needs, owner, nodeName)
      this.#known.set(signature, shape)
    }
    return shape
  }
}

function needsOf(pod: Pod, nodeName: string | undefined): string {
  const { spec } = pod
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  return JSON.stringify([
    containers.map((c) => [c.resources?.requests, c.restartPolicy, c.image, hostPortsOf(c)]),
    spec.containers.length,
    spec.overhead,
    spec.resources?.requests,
    spec.nodeSelector,
    spec.affinity?.nodeAffinity,
    spec.tolerations,
    nodeName,
    spec.nodeName ? resizing(pod) : 0,
    spec.volumes?.map(
      (v) => v.persistentVolumeClaim?.claimName ?? (v.ephemeral ? ephemeralClaim(pod, v.name) : 0),
    ),
  ])
}

/** What containers have that is not what they ask for: 0 for a pod that is not being resized. */
function resizing(pod: Pod): unknown {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  if (containerStatuses.length === 0) return 0
  const { containers, initContainers = [] } = pod.spec
  const differing = [...containerStatuses, ...initContainerStatuses].flatMap((status) => {
    const has = [status.allocatedResources, status.resources?.requests]
    const container = [...containers, ...initContainers].find((c) => c.name === status.name)
    const asked = JSON.stringify(container?.resources?.requests ?? {})
    const differs = has.some((r) => r !== undefined && JSON.stringify(r) !== asked)
    return differs ? [[status.name, ...has]] : []
  })
  return differing.length === 0 ? 0 : [isInfeasible(pod), ...differing]
}

function ownerOf(pod: Pod): PodShape['owner'] {
  const owner = pod.metadata.ownerReferences?.find((o) => o.controller)
  return owner && { kind: owner.kind, name: owner.name }
}

function shapeOf(
  pod: Pod,
  id: number,
  needs: string,
  owner: PodShape['owner'],
  nodeName: string | undefined,
): PodShape {
  const { spec, metadata } = pod
  const namespace = metadata.namespace ?? ''
  const labels = metadata.labels
  const all = [...spec.containers, ...(spec.initContainers ?? [])]
  const running = all.filter((c, i) => i < spec.containers.length || c.restartPolicy === 'Always')
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  const term = (t: PodAffinityTerm, weight = 1) => termOf(t, namespace, labels, weight)
  return {
    id,
    needs,
    namespace,
    labels,
    nodeName,
    priority: spec.priority ?? 0,
    requests: podRequests(pod),
    scored: scoredRequests(pod),
    hostPorts: running.flatMap(hostPortsOf),
    tolerations: spec.tolerations ?? [],
    images: all.map((c) => normalImageName(c.image ?? '')),
    containerCount: all.length,
    claims: (spec.volumes ?? []).flatMap((v): Claim[] => {
      if (v.persistentVolumeClaim) return [{ name: v.persistentVolumeClaim.claimName, ephemeral: false }]
      return v.ephemeral ? [{ name: ephemeralClaim(pod, v.name), ephemeral: true }] : []
    }),
    affinity: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => term(t)),
    antiAffinity: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => term(t)),
    preferredAffinity: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) =>
      term(t.podAffinityTerm, t.weight),
    ),
    preferredAntiAffinity: (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) =>
      term(t.podAffinityTerm, t.weight),
    ),
    hasAffinity: podAffinity !== undefined || podAntiAffinity !== undefined,
    spread: (spec.topologySpreadConstraints ?? []).map((c) => {
      const selector = selectorWithKeys(c.labelSelector, labels, c.matchLabelKeys)
      return spreadConstraint(c, podCondition([namespace], selector), labels, spec)
    }),
    owner,
    spec,
  }
}

export function spreadConstraint(
  c: Pick<TopologySpreadConstraint, 'maxSkew' | 'topologyKey' | 'whenUnsatisfiable'> &
    Partial<TopologySpreadConstraint>,
  condition: PodCondition,
  labels: Labels,
  spec: Pod['spec'],
): SpreadConstraint {
  const honorAffinity = (c.nodeAffinityPolicy ?? 'Honor') === 'Honor'
  const honorTaints = c.nodeTaintsPolicy === 'Honor'
  return {
    maxSkew: c.maxSkew,
    topologyKey: c.topologyKey,
    hard: c.whenUnsatisfiable === 'DoNotSchedule',
    condition,
    countsItself: matchesLabels(condition.selector, labels),
    minDomains: c.minDomains ?? 1,
    honorAffinity,
    honorTaints,
    openTo: JSON.stringify([
      honorAffinity ? [spec.nodeSelector, spec.affinity?.nodeAffinity] : 0,
      honorTaints ? spec.tolerations : 0,
    ]),
  }
}

function termOf(term: PodAffinityTerm, namespace: string, labels: Labels, weight: number): Term {
  const selector = selectorWithKeys(term.labelSelector, labels, term.matchLabelKeys, term.mismatchLabelKeys)
  const own = (term.namespaces?.length ?? 0) === 0 && term.namespaceSelector === undefined
  const namespaces = own ? [namespace] : (term.namespaces ?? [])
  const namespaceSelector = term.namespaceSelector && selectorOf(term.namespaceSelector)
  return {
    topologyKey: term.topologyKey,
    condition: podCondition(namespaces, selector, namespaceSelector),
    weight,
  }
}

function hostPortsOf(container: Pod['spec']['containers'][number]): HostPort[] {
  return (container.ports ?? [])
    .filter((p) => (p.hostPort ?? 0) > 0)
    .map((p) => ({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol || 'TCP', port: p.hostPort! }))
}

/** Images are known to nodes with their tag. */
function normalImageName(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name
}

const ephemeralClaim = (pod: Pod, volume: string) => `${pod.metadata.name}-${volume}`
