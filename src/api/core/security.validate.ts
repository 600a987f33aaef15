import { userId } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  notSupported,
  oneOfIfSet,
  type Problems,
  required,
  tooLong,
} from '../meta/report.validate.ts'
import type { AppArmorProfile, SeccompProfile, WindowsSecurityContextOptions } from './common.ts'
import type { SecurityContext } from './container.ts'
import { validateDescendingPath } from './paths.validate.ts'
import type { PodSecurityContext, PodSpec } from './pod.ts'

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined']
const PATH_MAX = 4095

function validateSeccomp(out: Problems, field: string, profile: SeccompProfile | undefined): void {
  if (!profile) return
  const { type, localhostProfile } = profile
  if (!type) required(out, `${field}.type`, 'type is required when seccompProfile is set')
  else if (!PROFILES.includes(type)) notSupported(out, `${field}.type`, type, PROFILES)
  const at = `${field}.localhostProfile`
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined)
      invalid(out, at, profile, 'can only be set when seccomp type is Localhost')
  } else if (localhostProfile === undefined) required(out, at, 'must be set when seccomp type is Localhost')
  else validateDescendingPath(out, at, localhostProfile)
}

function validateAppArmor(out: Problems, field: string, profile: AppArmorProfile | undefined): void {
  if (!profile) return
  const { type, localhostProfile: local } = profile
  const at = `${field}.localhostProfile`
  if (!type) required(out, `${field}.type`, 'type is required when appArmorProfile is set')
  else if (!PROFILES.includes(type)) notSupported(out, `${field}.type`, type, PROFILES)
  else if (type !== 'Localhost') {
    if (local !== undefined) invalid(out, at, local, 'can only be set when AppArmor type is Localhost')
  } else if (local === undefined) required(out, at, 'must be set when AppArmor type is Localhost')
  else {
    if (local.trim() !== local) invalid(out, at, local, 'must not be padded with whitespace')
    else if (local === '') required(out, at, 'must be set when AppArmor type is Localhost')
    if (local.length > PATH_MAX) tooLong(out, at, PATH_MAX)
  }
}

/** Windows containers do not run here; the one rule that concerns others is that they stay away. */
function validateWindowsOptions(
  out: Problems,
  field: string,
  options: WindowsSecurityContextOptions | undefined,
): void {
  if (options?.hostProcess === true)
    forbidden(out, `${field}.hostProcess`, 'Windows containers are not supported')
}

export function validateSecurityContext(
  out: Problems,
  field: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (!context) return
  const { runAsUser, runAsGroup, procMount, privileged, allowPrivilegeEscalation } = context
  if (runAsUser !== undefined) invalidEach(out, `${field}.runAsUser`, runAsUser, userId(runAsUser))
  if (runAsGroup !== undefined) invalidEach(out, `${field}.runAsGroup`, runAsGroup, userId(runAsGroup))
  oneOfIfSet(out, `${field}.procMount`, procMount, ['Default', 'Unmasked'])
  if (hostUsers && procMount === 'Unmasked') {
    invalid(out, `${field}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  validateSeccomp(out, `${field}.seccompProfile`, context.seccompProfile)
  if (allowPrivilegeEscalation === false) {
    const cannot = 'cannot set `allowPrivilegeEscalation` to false and'
    if (privileged === true) invalid(out, field, context, `${cannot} \`privileged\` to true`)
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      invalid(out, field, context, `${cannot} \`capabilities.Add\` CAP_SYS_ADMIN`)
    }
  }
  validateWindowsOptions(out, `${field}.windowsOptions`, context.windowsOptions)
  validateAppArmor(out, `${field}.appArmorProfile`, context.appArmorProfile)
}

export function validatePodSecurityContext(out: Problems, field: string, spec: PodSpec): void {
  const context: PodSecurityContext = spec.securityContext ?? {}
  const { fsGroup, runAsUser, runAsGroup, supplementalGroups = [] } = context
  if (fsGroup !== undefined) invalidEach(out, `${field}.fsGroup`, fsGroup, userId(fsGroup))
  if (runAsUser !== undefined) invalidEach(out, `${field}.runAsUser`, runAsUser, userId(runAsUser))
  if (runAsGroup !== undefined) invalidEach(out, `${field}.runAsGroup`, runAsGroup, userId(runAsGroup))
  supplementalGroups.forEach(
    (id, i) => void invalidEach(out, `${field}.supplementalGroups[${i}]`, id, userId(id)),
  )
  if (spec.shareProcessNamespace && spec.hostPID) {
    invalid(
      out,
      `${field}.shareProcessNamespace`,
      true,
      'ShareProcessNamespace and HostPID cannot both be enabled',
    )
  }
  if (context.sysctls) validateSysctls(out, `${field}.sysctls`, context.sysctls, spec)
  oneOfIfSet(out, `${field}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'])
  validateSeccomp(out, `${field}.seccompProfile`, context.seccompProfile)
  validateWindowsOptions(out, `${field}.windowsOptions`, context.windowsOptions)
  validateAppArmor(out, `${field}.appArmorProfile`, context.appArmorProfile)
  oneOfIfSet(out, `${field}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict'])
  oneOfIfSet(out, `${field}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['MountOption', 'Recursive'])
}

const SYSCTL = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/
const SYSCTL_WORDS =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'

function validateSysctls(
  out: Problems,
  field: string,
  sysctls: NonNullable<PodSecurityContext['sysctls']>,
  spec: PodSpec,
): void {
  const seen = new Set<string>()
  sysctls.forEach(({ name }, i) => {
    const at = `${field}[${i}].name`
    if (!name) required(out, at)
    else if (name.length > 253 || !SYSCTL.test(name)) invalid(out, at, name, SYSCTL_WORDS)
    else if (seen.has(name)) duplicate(out, at, name)
    const dotted = (name ?? '').replaceAll('/', '.')
    if (spec.hostNetwork && dotted.startsWith('net.'))
      invalid(out, at, name, "may not be specified when 'hostNetwork' is true")
    if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) {
      invalid(out, at, name, "may not be specified when 'hostIPC' is true")
    }
    seen.add(name)
  })
}
