import { equalJson } from '../../schema/index.ts'
import { validateIp } from '../meta/ip.validate.ts'
import { qualifiedName, subdomainName } from '../meta/names.validate.ts'
import { forbidden, IMMUTABLE, invalid, invalidEach, type Problems } from '../meta/report.validate.ts'
import type { Container } from './container.ts'
import { qosClass } from './pod.qos.ts'
import type { ContainerStatus, Pod, PodSpec } from './pod.ts'
import { MIRROR_ANNOTATION, validatePodAlways } from './pod.validate.ts'
import { compareText } from './resources.validate.ts'

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',')
const INT32_MAX = 2 ** 31 - 1

/** A running pod is what it is: little of its specification can change. */
export function validatePodUpdate(out: Problems, pod: Pod, old: Pod): void {
  validatePodAlways(out, pod)
  validateMirror(out, pod, old)
  const { spec } = pod
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list]?.length ?? 0) !== (old.spec[list]?.length ?? 0)) {
      forbidden(out, `spec.${list}`, 'pod updates may not add or remove containers')
      return
    }
  }
  if (!validateDeadline(out, spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)) return
  validateTolerationsUpdate(out, spec, old.spec)
  validateGatesUpdate(out, spec, old.spec)
  if (spec === old.spec || equalJson(spec, old.spec)) return
  let comparable: PodSpec = {
    ...spec,
    containers: withImagesOf(spec.containers, old.spec.containers) ?? [],
    initContainers: withImagesOf(spec.initContainers, old.spec.initContainers),
    activeDeadlineSeconds: old.spec.activeDeadlineSeconds,
    schedulingGates: old.spec.schedulingGates,
    tolerations: old.spec.tolerations,
  }
  if ((old.spec.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    comparable = { ...comparable, terminationGracePeriodSeconds: old.spec.terminationGracePeriodSeconds }
  }
  if (old.spec.schedulingGates?.length) comparable = validateGated(out, comparable, old.spec)
  if (equalJson(comparable, old.spec)) return
  const changed = changedFields(comparable, old.spec)
  forbidden(out, 'spec', `pod updates may not change fields other than ${UPDATABLE}\n${changed}`)
}

/** What differs, one line a field: `  spec.nodeName: "a" -> "b"`. */
function changedFields(spec: PodSpec, old: PodSpec): string {
  const keys = new Set([...Object.keys(spec), ...Object.keys(old)]) as Set<keyof PodSpec>
  const show = (value: unknown) => {
    const text = JSON.stringify(value) ?? 'unset'
    return text.length > 300 ? `${text.slice(0, 300)}…` : text
  }
  return [...keys]
    .filter((key) => !equalJson(spec[key], old[key]))
    .map((key) => `  spec.${key}: ${show(old[key])} -> ${show(spec[key])}`)
    .join('\n')
}

function withImagesOf(list: readonly Container[] | undefined, old: readonly Container[] | undefined) {
  return list?.map((c, i) => (c.image === old?.[i]?.image ? c : { ...c, image: old?.[i]?.image }))
}

function validateMirror(out: Problems, pod: Pod, old: Pod): void {
  const now = pod.metadata.annotations?.[MIRROR_ANNOTATION]
  const before = old.metadata.annotations?.[MIRROR_ANNOTATION]
  if (now === before) return
  const what =
    before === undefined
      ? 'may not add mirror pod annotation'
      : 'may not remove or update mirror pod annotation'
  forbidden(out, `metadata.annotations[${MIRROR_ANNOTATION}]`, what)
}

function validateDeadline(out: Problems, now: number | undefined, before: number | undefined): boolean {
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    if (before !== undefined)
      invalid(out, field, null, 'must not update from a positive integer to nil value')
    return true
  }
  if (now < 0 || now > INT32_MAX) {
    invalid(out, field, now, `must be between 0 and ${INT32_MAX}, inclusive`)
    return false
  }
  if (before !== undefined && before < now) {
    invalid(out, field, now, 'must be less than or equal to previous value')
    return false
  }
  return true
}

function validateTolerationsUpdate(out: Problems, spec: PodSpec, old: PodSpec): void {
  const now = spec.tolerations ?? []
  for (const before of old.tolerations ?? []) {
    const kept = now.some((t) => equalJson({ ...t, tolerationSeconds: before.tolerationSeconds }, before))
    if (kept) continue
    forbidden(out, 'spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')
    return
  }
}

function validateGatesUpdate(out: Problems, spec: PodSpec, old: PodSpec): void {
  const before = new Set(old.schedulingGates?.map((g) => g.name))
  spec.schedulingGates?.forEach(({ name }, i) => {
    if (before.has(name)) return
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`
    forbidden(out, `spec.schedulingGates[${i}].name`, why)
  })
}

/** A gated pod is not placed yet: where it may go can still be narrowed. */
function validateGated(out: Problems, spec: PodSpec, old: PodSpec): PodSpec {
  let result = spec
  if (!equalJson(spec.nodeSelector, old.nodeSelector)) {
    for (const key in old.nodeSelector) {
      if (spec.nodeSelector?.[key] === old.nodeSelector[key]) continue
      const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
      invalid(out, 'spec.nodeSelector', spec.nodeSelector ?? {}, why)
      break
    }
    result = { ...result, nodeSelector: old.nodeSelector }
  }
  const before = old.affinity?.nodeAffinity
  if (equalJson(spec.affinity?.nodeAffinity, before)) return result
  validateNodeAffinityUpdate(out, spec, old)
  const affinity = { ...result.affinity, nodeAffinity: before }
  const empty = !before && !affinity.podAffinity && !affinity.podAntiAffinity
  return { ...result, affinity: empty ? old.affinity : affinity }
}

function validateNodeAffinityUpdate(out: Problems, spec: PodSpec, old: PodSpec): void {
  const field = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  const before =
    old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const now =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  if (before.length === 0) return
  if (before.length !== now.length) {
    invalid(out, field, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')
    return
  }
  before.forEach((term, i) => {
    const grown = (['matchExpressions', 'matchFields'] as const).every((key) =>
      equalJson((now[i]![key] ?? []).slice(0, term[key]?.length ?? 0), term[key] ?? []),
    )
    const wasEmpty = !term.matchExpressions?.length && !term.matchFields?.length
    const filled = now[i]!.matchExpressions?.length || now[i]!.matchFields?.length
    if (!grown || (wasEmpty && filled)) {
      invalid(out, `${field}[${i}]`, now[i], 'only additions are allowed (no mutations or deletions)')
    }
  })
}

export function validateEphemeralContainersUpdate(out: Problems, pod: Pod, old: Pod): void {
  validatePodAlways(out, pod)
  if (old.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    forbidden(out, '', 'static pods do not support ephemeral containers')
    return
  }
  const now = new Map(pod.spec.ephemeralContainers?.map((c) => [c.name, c]))
  for (const before of old.spec.ephemeralContainers ?? []) {
    const after = now.get(before.name)
    const what = `existing ephemeral containers ${JSON.stringify(before.name)}`
    if (!after) forbidden(out, 'spec.ephemeralContainers', `${what} may not be removed\n`)
    else if (!equalJson(after, before))
      forbidden(out, 'spec.ephemeralContainers', `${what} may not be changed\n`)
  }
}

export function validateResize(out: Problems, pod: Pod, old: Pod): void {
  validatePodAlways(out, pod)
  if (old.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined)
    forbidden(out, '', 'static pods cannot be resized')
  if (qosClass(pod.spec) !== qosClass(old.spec)) {
    invalid(out, 'spec', old.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing')
  }
  const lists = ['containers', 'initContainers'] as const
  for (const list of lists) {
    pod.spec[list]?.forEach((c, i) => {
      const before = old.spec[list]?.[i]
      if (!before || equalJson(c.resources, before.resources)) return
      if (list === 'initContainers' && before.restartPolicy !== 'Always') {
        forbidden(out, 'spec', 'resources for non-sidecar init containers are immutable')
        return
      }
      validateContainerResize(out, `spec.${list}[${i}].resources`, c, before)
    })
  }
}

function validateContainerResize(out: Problems, field: string, c: Container, old: Container): void {
  for (const key of ['requests', 'limits'] as const) {
    const now = c.resources[key] ?? {}
    const before = old.resources[key] ?? {}
    if (Object.keys(before).some((name) => now[name] === undefined)) {
      forbidden(out, `${field}.${key}`, `resource ${key} cannot be removed`)
    }
    for (const name of new Set([...Object.keys(now), ...Object.keys(before)])) {
      if (name !== 'cpu' && name !== 'memory' && now[name] !== before[name]) {
        forbidden(out, 'spec', 'only cpu and memory resources are mutable')
      }
    }
  }
  const restarts = c.resizePolicy?.some(
    (p) => p.resourceName === 'memory' && p.restartPolicy === 'RestartContainer',
  )
  const limit = c.resources.limits?.memory
  const before = old.resources.limits?.memory
  if (restarts || limit === undefined) return
  if (before === undefined) {
    forbidden(
      out,
      `${field}.limits[memory]`,
      'memory limits cannot be added unless resizePolicy is RestartContainer',
    )
  } else if (compareText(limit, before) < 0) {
    forbidden(
      out,
      `${field}.limits[memory]`,
      'memory limits cannot be decreased unless resizePolicy is RestartContainer',
    )
  }
}

const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized'])

export function validatePodStatusUpdate(out: Problems, pod: Pod, old: Pod): void {
  validateMirror(out, pod, old)
  const { status } = pod
  status.conditions?.forEach(({ type }, i) => {
    if (!SYSTEM_CONDITIONS.has(type)) {
      invalidEach(out, `metadata.conditions[${i}].Type`, type, qualifiedName(type ?? ''))
    }
  })
  if (status.nominatedNodeName && status.nominatedNodeName !== old.status.nominatedNodeName) {
    const name = status.nominatedNodeName
    invalidEach(out, 'status.nominatedNodeName', name, subdomainName(name, false))
  }
  if (status.qosClass !== old.status.qosClass)
    invalid(out, 'status.qosClass', status.qosClass ?? '', IMMUTABLE)
  validateTransitions(out, 'containerStatuses', pod, old)
  validateTransitions(out, 'initContainerStatuses', pod, old)
  validateTransitions(out, 'ephemeralContainerStatuses', pod, old)
  if (status.podIPs) validateIps(out, 'status.podIPs', status.podIPs)
  if (status.hostIPs?.length && status.hostIP !== status.hostIPs[0]!.ip) {
    invalid(out, 'status.hostIPs[0].ip', status.hostIPs[0]!.ip, 'must be equal to `hostIP`')
  }
  if (status.hostIPs) validateIps(out, 'status.hostIPs', status.hostIPs)
}

/** One address, or one of each family. */
function validateIps(out: Problems, field: string, ips: readonly { readonly ip: string }[]): void {
  ips.forEach(({ ip }, i) => void validateIp(out, `${field}[${i}]`, ip))
  const families = new Set(ips.map(({ ip }) => ip.includes(':')))
  if (ips.length > families.size)
    invalid(out, field, ips, 'may specify no more than one IP for each IP family')
}

type StatusList = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'

/** What has ended for good does not run again. */
function validateTransitions(out: Problems, list: StatusList, pod: Pod, old: Pod): void {
  const now = pod.status[list] ?? []
  old.status[list]?.forEach((before: ContainerStatus, i) => {
    const ended = before.state?.terminated
    if (!ended || mayRestart(list, before.name, old.spec, ended.exitCode)) return
    if (now.some((s) => s.name === before.name && !s.state?.terminated)) {
      forbidden(out, `status.${list}[${i}].state`, 'may not be transitioned to non-terminated state')
    }
  })
}

/** Whether a container that ended may run again, by its own rules and policy or by its pod's. */
function mayRestart(list: StatusList, name: string, spec: PodSpec, exitCode: number): boolean {
  if (list === 'ephemeralContainerStatuses') return false
  const containers = list === 'containerStatuses' ? spec.containers : spec.initContainers
  const container = containers?.find((c) => c.name === name)
  // Which rule holds is the node's to say; here it is enough that one may.
  if (container?.restartPolicyRules?.length) return true
  const policy = container?.restartPolicy ?? spec.restartPolicy
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}
