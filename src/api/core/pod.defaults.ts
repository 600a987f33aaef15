import { each, fill, within } from '../copy.strategy.ts'
import { defaultContainer, requestsFromLimits } from './container.defaults.ts'
import type { Container } from './container.ts'
import type { Pod, PodSpec, PodTemplateSpec } from './pod.ts'
import { defaultVolume } from './volume.defaults.ts'

const SPEC_DEFAULTS = {
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  terminationGracePeriodSeconds: 30,
  securityContext: Object.freeze({}),
} as const

/** What holds for pods and for the templates of pods. */
export function defaultPodSpec(spec: PodSpec): PodSpec {
  let s = fill(spec, SPEC_DEFAULTS)
  s = mirrorServiceAccount(s)
  s = within(s, 'containers', (list) => each(list, defaultContainer))
  s = within(s, 'initContainers', (list) => each(list, defaultContainer))
  s = within(s, 'ephemeralContainers', (list) => each(list, defaultContainer))
  return within(s, 'volumes', (list) => each(list, defaultVolume))
}

export function defaultPodTemplate<T extends PodTemplateSpec>(template: T): T {
  return within<T, 'spec'>(template, 'spec', defaultPodSpec as never)
}

/** `serviceAccount` is the old name of `serviceAccountName`; whoever reads either sees the same. */
export function mirrorServiceAccount(spec: PodSpec): PodSpec {
  const name = spec.serviceAccountName || spec.serviceAccount
  if (!name || (spec.serviceAccountName === name && spec.serviceAccount === name)) return spec
  return { ...spec, serviceAccountName: name, serviceAccount: name }
}

export function defaultPod(pod: Pod): Pod {
  return within(pod, 'spec', (spec) => {
    let s = defaultPodSpec(spec)
    s = fill(s, { enableServiceLinks: true })
    s = within(s, 'resources', requestsFromLimits)
    const host = s.hostNetwork === true
    s = within(s, 'containers', (list) => each(list, host ? defaultHostContainer : defaultRequests))
    return within(s, 'initContainers', (list) => each(list, host ? defaultHostContainer : defaultRequests))
  })
}

const defaultRequests = (container: Container) => within(container, 'resources', requestsFromLimits)

/** In the host's network a port is the host's port. */
function defaultHostContainer(container: Container): Container {
  return within(defaultRequests(container), 'ports', (ports) =>
    each(ports, (port) =>
      port.hostPort || !port.containerPort ? port : { ...port, hostPort: port.containerPort },
    ),
  )
}
