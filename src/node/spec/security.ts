import type { Container, Pod, SeccompProfile } from '../../api/index.ts'
import type { LinuxContainerSecurityContext } from '../cri/index.ts'

/** What the image says about its user: from its configuration. */
export interface ImageUser {
  readonly uid: number | undefined
  readonly username: string
}

/** The container may not run as it is configured: it waits with reason CreateContainerConfigError. */
export class SecurityError extends Error {
  override readonly name = 'SecurityError'
}

const PROFILE = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const
const NAMESPACE = { pod: 0, container: 1, node: 2, target: 3 } as const

/** Kernel interfaces that a container with the default proc mount may not read, and those it may not write. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export function namespaceOptions(pod: Pod, targetId?: string) {
  const { spec } = pod
  return {
    network: spec.hostNetwork ? NAMESPACE.node : NAMESPACE.pod,
    ipc: spec.hostIPC ? NAMESPACE.node : NAMESPACE.pod,
    pid: targetId
      ? NAMESPACE.target
      : spec.hostPID
        ? NAMESPACE.node
        : spec.shareProcessNamespace
          ? NAMESPACE.pod
          : NAMESPACE.container,
    ...(targetId ? { targetId } : {}),
  }
}

/** Paths of `Localhost` profiles are below this folder of the node's. */
function profile(p: SeccompProfile | undefined, seccompRoot: string) {
  if (!p) return { profileType: PROFILE.Unconfined }
  if (p.type !== 'Localhost') return { profileType: PROFILE[p.type as 'RuntimeDefault' | 'Unconfined'] }
  const path = p.localhostProfile ?? ''
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new SecurityError(`localhostProfile "${path}" must be a path below ${seccompRoot}`)
  return { profileType: PROFILE.Localhost, localhostRef: `${seccompRoot}/${path}` }
}

/** Refuses root where the pod says so; the user is the container's, else the pod's, else the image's. */
function checkNonRoot(pod: Pod, container: Container, image: ImageUser): void {
  const own = container.securityContext
  const shared = pod.spec.securityContext
  if (!(own?.runAsNonRoot ?? shared?.runAsNonRoot ?? false)) return
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`
  const uid = own?.runAsUser ?? shared?.runAsUser
  if (uid !== undefined) {
    if (uid === 0) throw new SecurityError(`container's runAsUser breaks non-root policy ${where}`)
    return
  }
  if (image.uid !== undefined) {
    if (image.uid === 0)
      throw new SecurityError(`container has runAsNonRoot and image will run as root ${where}`)
    return
  }
  if (image.username !== '') {
    throw new SecurityError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    )
  }
  throw new SecurityError(`container has runAsNonRoot and image will run as root ${where}`)
}

export function containerSecurity(
  pod: Pod,
  container: Container,
  image: ImageUser,
  options: { readonly seccompRoot: string; readonly targetId?: string },
): LinuxContainerSecurityContext {
  checkNonRoot(pod, container, image)
  const own = container.securityContext
  const shared = pod.spec.securityContext
  const user = own?.runAsUser ?? shared?.runAsUser
  const group = own?.runAsGroup ?? shared?.runAsGroup
  const runAsUser = user ?? image.uid
  const appArmor = own?.appArmorProfile ?? shared?.appArmorProfile
  const seLinux = own?.seLinuxOptions ?? shared?.seLinuxOptions
  const privileged = own?.privileged ?? false
  return {
    capabilities: {
      addCapabilities: own?.capabilities?.add ?? [],
      dropCapabilities: own?.capabilities?.drop ?? [],
    },
    privileged,
    namespaceOptions: namespaceOptions(pod, options.targetId),
    ...(seLinux
      ? {
          selinuxOptions: {
            user: seLinux.user,
            role: seLinux.role,
            type: seLinux.type,
            level: seLinux.level,
          },
        }
      : {}),
    ...(runAsUser !== undefined ? { runAsUser: { value: runAsUser } } : {}),
    ...(runAsUser === undefined && image.username !== '' ? { runAsUsername: image.username } : {}),
    // A group without a user is refused by runtimes; the image's user is then root.
    ...(group !== undefined
      ? {
          runAsGroup: { value: group },
          ...(runAsUser === undefined && image.username === '' ? { runAsUser: { value: 0 } } : {}),
        }
      : {}),
    readonlyRootfs: own?.readOnlyRootFilesystem ?? false,
    supplementalGroups: podGroups(pod),
    noNewPrivs: own?.allowPrivilegeEscalation === false,
    ...(own?.procMount === 'Unmasked' || privileged
      ? {}
      : { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
    seccomp: profile(own?.seccompProfile ?? shared?.seccompProfile, options.seccompRoot),
    ...(appArmor
      ? {
          apparmor: {
            profileType: PROFILE[appArmor.type as keyof typeof PROFILE],
            ...(appArmor.localhostProfile ? { localhostRef: appArmor.localhostProfile } : {}),
          },
        }
      : {}),
  }
}

/** supplementalGroups and fsGroup: what every process of the pod belongs to besides its own group. */
export function podGroups(pod: Pod): readonly number[] {
  const shared = pod.spec.securityContext
  const groups = new Set(shared?.supplementalGroups ?? [])
  if (shared?.fsGroup !== undefined) groups.add(shared.fsGroup)
  return [...groups]
}

/** Sysctls that are namespaced and cannot hurt other pods. Source: the API documentation on sysctls. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])

const sysctlName = (name: string): string => name.replaceAll('/', '.')

/** The first sysctl that a pod may not set on this node, with why; undefined when all are fine. */
export function forbiddenSysctl(pod: Pod): string | undefined {
  for (const { name } of pod.spec.securityContext?.sysctls ?? []) {
    const known = sysctlName(name)
    if (!SAFE_SYSCTLS.has(known)) return `forbidden sysctl: "${name}" not allowlisted`
    if (known.startsWith('net.') && pod.spec.hostNetwork)
      return `forbidden sysctl: "${name}" not allowed with host net enabled`
    if (known.startsWith('kernel.') && pod.spec.hostIPC)
      return `forbidden sysctl: "${name}" not allowed with host ipc enabled`
  }
  return undefined
}

export function podSysctls(pod: Pod): Record<string, string> {
  return Object.fromEntries(
    (pod.spec.securityContext?.sysctls ?? []).map((s) => [sysctlName(s.name), s.value]),
  )
}

export const isPrivilegedPod = (pod: Pod): boolean =>
  [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(
    (c) => c.securityContext?.privileged === true,
  )
