import { type Draft, each, within } from '../copy.strategy.ts'
import { defaultContainer, requestsFromLimits, type Where } from './container.defaults.ts'
import type { Pod, PodSpec, PodTemplateSpec } from './pod.ts'
import { defaultVolume } from './volume.defaults.ts'

const NO_CONTEXT = Object.freeze({})

/** What holds for the specification of pods and of their templates. One copy at most: pod creation is a hot path. */
function defaultSpec(spec: PodSpec, where: Where): PodSpec {
  const container = <C extends PodSpec['containers'][number]>(c: C) => defaultContainer(c, where)
  const containers = spec.containers && each(spec.containers, container)
  const initContainers = spec.initContainers && each(spec.initContainers, container)
  const ephemeralContainers =
    spec.ephemeralContainers && each(spec.ephemeralContainers, (c) => defaultContainer(c))
  const volumes = spec.volumes && each(spec.volumes, defaultVolume)
  const copy: Draft<PodSpec> = { ...mirrorServiceAccount(spec) }
  if (containers) copy.containers = containers
  if (initContainers) copy.initContainers = initContainers
  if (ephemeralContainers) copy.ephemeralContainers = ephemeralContainers
  if (volumes) copy.volumes = volumes
  if (!spec.restartPolicy) copy.restartPolicy = 'Always'
  if (!spec.dnsPolicy) copy.dnsPolicy = 'ClusterFirst'
  if (!spec.schedulerName) copy.schedulerName = 'default-scheduler'
  if (spec.terminationGracePeriodSeconds === undefined) copy.terminationGracePeriodSeconds = 30
  if (!spec.securityContext) copy.securityContext = NO_CONTEXT
  if (where !== 'template') {
    if (spec.enableServiceLinks === undefined) copy.enableServiceLinks = true
    if (spec.resources) copy.resources = requestsFromLimits(spec.resources)
  }
  return unchanged(copy, spec) ? spec : copy
}

function unchanged(copy: PodSpec, spec: PodSpec): boolean {
  for (const key in copy) if (copy[key as keyof PodSpec] !== spec[key as keyof PodSpec]) return false
  return true
}

export function defaultPodTemplate<T extends PodTemplateSpec>(template: T): T {
  return within<T, 'spec'>(template, 'spec', ((spec: PodSpec) => defaultSpec(spec, 'template')) as never)
}

/** `serviceAccount` is the old name of `serviceAccountName`; whoever reads either sees the same. */
export function mirrorServiceAccount(spec: PodSpec): PodSpec {
  const name = spec.serviceAccountName || spec.serviceAccount
  if (!name || (spec.serviceAccountName === name && spec.serviceAccount === name)) return spec
  return { ...spec, serviceAccountName: name, serviceAccount: name }
}

export function defaultPod(pod: Pod): Pod {
  const spec = pod.spec && defaultSpec(pod.spec, pod.spec.hostNetwork ? 'host network' : 'pod')
  return spec === pod.spec ? pod : { ...pod, spec }
}
