import { equalJson } from '../../schema/index.ts'
import { assign, each } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { defaultPod, mirrorServiceAccount } from './pod.defaults.ts'
import { qosClass } from './pod.qos.ts'
import { Pod, type PodSpec, type PodStatus } from './pod.ts'
import { validatePod } from './pod.validate.ts'
import { podWarnings } from './pod.warnings.ts'
import {
  validateEphemeralContainersUpdate,
  validatePodStatusUpdate,
  validatePodUpdate,
  validateResize,
} from './pod-update.validate.ts'

export const podStrategy = defineStrategy(Pod, {
  defaults: defaultPod,
  generation: true,
  create: (pod) => {
    const spec = mirrorServiceAccount(pod.spec)
    const gates = (spec.schedulingGates?.length ?? 0) > 0
    const status: PodStatus = {
      phase: 'Pending',
      qosClass: qosClass(spec),
      ...(gates ? { conditions: [GATED] } : {}),
    }
    return { ...pod, spec, status }
  },
  update: (pod, old, subresource) => {
    if (subresource === 'status') return assign(pod, { status: mirrorIps(pod.status) })
    if (subresource === 'ephemeralcontainers') {
      const spec = { ...old.spec, ephemeralContainers: pod.spec.ephemeralContainers }
      return assign(pod, {
        spec: equalJson(pod.spec.ephemeralContainers, old.spec.ephemeralContainers) ? old.spec : spec,
      })
    }
    if (subresource === 'resize') return assign(pod, { spec: resized(pod.spec, old.spec) })
    return assign(pod, { spec: mirrorServiceAccount(pod.spec) })
  },
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validatesUpdatesAlone: true,
  warnings: podWarnings,
  validateSubresource: (out, pod, old, subresource) => {
    if (subresource === 'status') validatePodStatusUpdate(out, pod, old)
    else if (subresource === 'ephemeralcontainers') validateEphemeralContainersUpdate(out, pod, old)
    else if (subresource === 'resize') validateResize(out, pod, old)
  },
  fields: {
    'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec.hostNetwork === true),
    'status.phase': (pod) => pod.status.phase ?? '',
    'status.podIP': (pod) => pod.status.podIPs?.[0]?.ip ?? pod.status.podIP ?? '',
    'status.nominatedNodeName': (pod) => pod.status.nominatedNodeName ?? '',
  },
  /** Nothing runs of a pod that was never bound or has ended, so there is nothing to wait for. */
  gracePeriodSeconds: (pod, requested) => {
    const { phase } = pod.status
    if (!pod.spec.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0
    const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0
    return seconds < 0 ? 1 : seconds
  },
})

/** The old specification with the new resources of the containers it has. */
function resized(spec: PodSpec, old: PodSpec): PodSpec {
  const take = (list: PodSpec['containers'] | undefined, before: PodSpec['containers'] | undefined) =>
    before &&
    each(before, (c) => {
      const wanted = list?.find((w) => w.name === c.name)
      return wanted ? assign(c, { resources: wanted.resources, resizePolicy: wanted.resizePolicy }) : c
    })
  return assign(old, {
    containers: take(spec.containers, old.containers) ?? [],
    initContainers: take(spec.initContainers, old.initContainers),
  })
}

const GATED = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
} as const

/** The single and the plural form of addresses say the same. */
function mirrorIps(status: PodStatus): PodStatus {
  const podIPs = status.podIPs?.length ? status.podIPs : status.podIP ? [{ ip: status.podIP }] : undefined
  const hostIPs = status.hostIPs?.length
    ? status.hostIPs
    : status.hostIP
      ? [{ ip: status.hostIP }]
      : undefined
  return assign(status, {
    podIPs,
    podIP: podIPs?.[0]?.ip,
    hostIPs,
    hostIP: status.hostIP ?? hostIPs?.[0]?.ip,
  })
}
