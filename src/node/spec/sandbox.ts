import type { Pod } from '../../api/index.ts'
import type { PodSandboxConfig } from '../cri/index.ts'
import { podLogDirectory, sandboxLabels } from './labels.ts'
import { type NodeNaming, podResolver, sandboxHostname } from './names.ts'
import { isPrivilegedPod, namespaceOptions, podGroups, podSysctls } from './security.ts'

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 }

/** The configuration of a pod's sandbox; the same one goes with every container created in it. */
export function sandboxConfig(
  pod: Pod,
  attempt: number,
  options: { readonly naming: NodeNaming; readonly podDir: string; readonly cgroupParent: string },
): PodSandboxConfig {
  const resolver = podResolver(pod, options.naming)
  const shared = pod.spec.securityContext
  const ports = [
    ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
    ...pod.spec.containers,
  ].flatMap((c) => c.ports ?? [])
  return {
    metadata: { name: pod.metadata.name, uid: pod.metadata.uid, namespace: pod.metadata.namespace, attempt },
    hostname: pod.spec.hostNetwork ? '' : sandboxHostname(pod, options.naming),
    logDirectory: podLogDirectory(options.podDir),
    dnsConfig: resolver,
    portMappings: pod.spec.hostNetwork
      ? []
      : ports.map((p) => ({
          protocol: PROTOCOLS[p.protocol ?? 'TCP'] ?? 0,
          containerPort: p.containerPort,
          hostPort: p.hostPort ?? 0,
          hostIp: p.hostIP ?? '',
        })),
    labels: sandboxLabels(pod),
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroupParent: options.cgroupParent,
      sysctls: podSysctls(pod),
      securityContext: {
        namespaceOptions: namespaceOptions(pod),
        supplementalGroups: podGroups(pod),
        privileged: isPrivilegedPod(pod),
        seccomp: { profileType: 0 },
        ...(shared?.runAsUser !== undefined ? { runAsUser: { value: shared.runAsUser } } : {}),
        ...(shared?.runAsUser !== undefined && shared.runAsGroup !== undefined
          ? { runAsGroup: { value: shared.runAsGroup } }
          : {}),
      },
    },
  }
}
