import { entry } from '../copy.strategy.ts'
import { validateIp } from '../meta/ip.validate.ts'
import {
  dnsLabel,
  dnsSubdomain,
  dnsSubdomainWithUnderscore,
  qualifiedName,
  subdomainName,
} from '../meta/names.validate.ts'
import { validateAnnotations, validateLabels } from '../meta/object-meta.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  notFound,
  notSupported,
  oneOf,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import type { Container } from './container.ts'
import {
  type Surroundings,
  validateAnyContainer,
  validateContainerRestart,
  validateEphemeralLimits,
  validateHostPorts,
} from './container.validate.ts'
import type { Pod, PodSpec, PodTemplateSpec } from './pod.ts'
import { validateLifecycle, validateProbes } from './probe.validate.ts'
import { compareText, validateResourceRequirements } from './resources.validate.ts'
import {
  validateAffinity,
  validateSchedulingGates,
  validateSpreading,
  validateTolerations,
} from './scheduling.validate.ts'
import { validatePodSecurityContext } from './security.validate.ts'
import { validateVolumes } from './volume.validate.ts'

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']
const INT32_MAX = 2 ** 31 - 1
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** The rules of a pod's specification, in a pod or (without `pod`) in a template. */
export function validatePodSpec(out: Problems, field: string, spec: PodSpec, pod?: Pod): void {
  const grace = spec.terminationGracePeriodSeconds
  if (grace === undefined) required(out, `${field}.terminationGracePeriodSeconds`)
  const volumes = validateVolumes(out, `${field}.volumes`, spec.volumes ?? [], pod?.metadata.name)
  const around: Surroundings = {
    volumes,
    claimNames: spec.resourceClaims ? new Set(spec.resourceClaims.map((c) => c.name)) : NO_CLAIMS,
    restartPolicy: spec.restartPolicy,
    grace,
    hostUsers: spec.hostUsers !== false,
  }
  if (spec.resourceClaims) validateResourceClaims(out, `${field}.resourceClaims`, spec.resourceClaims)
  validateContainers(out, `${field}.containers`, spec.containers ?? [], around)
  if (spec.initContainers?.length) validateInitContainers(out, `${field}.initContainers`, spec, around)
  if (spec.ephemeralContainers?.length) validateEphemeral(out, `${field}.ephemeralContainers`, spec, around)
  if (spec.resources) validatePodResources(out, `${field}.resources`, spec)
  if (spec.hostNetwork)
    validateHostNetworkPorts(out, `${field}.containers`, spec.containers, pod !== undefined)
  oneOf(out, `${field}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES)
  oneOf(out, `${field}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES)
  if (spec.nodeSelector) validateLabels(out, `${field}.nodeSelector`, spec.nodeSelector)
  validatePodSecurityContext(out, `${field}.securityContext`, spec)
  if (spec.affinity) validateAffinity(out, `${field}.affinity`, spec.affinity)
  if (spec.dnsConfig || spec.dnsPolicy === 'None') validateDns(out, `${field}.dnsConfig`, spec)
  spec.readinessGates?.forEach(({ conditionType }, i) => {
    invalidEach(
      out,
      `${field}.readinessGates[${i}].conditionType`,
      conditionType,
      qualifiedName(conditionType ?? ''),
    )
  })
  if (spec.schedulingGates) validateSchedulingGates(out, `${field}.schedulingGates`, spec.schedulingGates)
  if (spec.topologySpreadConstraints) {
    validateSpreading(out, `${field}.topologySpreadConstraints`, spec.topologySpreadConstraints)
  }
  if (spec.hostUsers === false) validateUserNamespace(out, field, spec)
  validateNames(out, field, spec)
  const deadline = spec.activeDeadlineSeconds
  if (deadline !== undefined && (deadline < 1 || deadline > INT32_MAX)) {
    invalid(out, `${field}.activeDeadlineSeconds`, deadline, `must be between 1 and ${INT32_MAX}, inclusive`)
  }
  if (spec.tolerations) validateTolerations(out, `${field}.tolerations`, spec.tolerations)
  if (spec.hostAliases) validateHostAliases(out, `${field}.hostAliases`, spec.hostAliases)
  oneOfIfSet(out, `${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])
  if (spec.overhead)
    validateResourceRequirements(out, `${field}.overhead`, { limits: spec.overhead }, NO_CLAIMS)
  if (spec.os) validateOs(out, `${field}.os`, spec.os.name)
}

const NO_CLAIMS: ReadonlySet<string> = new Set()

function validateNames(out: Problems, field: string, spec: PodSpec): void {
  const { serviceAccountName, nodeName, hostname, subdomain, priorityClassName, runtimeClassName } = spec
  if (serviceAccountName) {
    invalidEach(
      out,
      `${field}.serviceAccountName`,
      serviceAccountName,
      subdomainName(serviceAccountName, false),
    )
  }
  if (nodeName) invalidEach(out, `${field}.nodeName`, nodeName, subdomainName(nodeName, false))
  if (hostname) invalidEach(out, `${field}.hostname`, hostname, dnsLabel(hostname))
  if (subdomain) invalidEach(out, `${field}.subdomain`, subdomain, dnsLabel(subdomain))
  if (priorityClassName) {
    invalidEach(out, `${field}.priorityClassName`, priorityClassName, subdomainName(priorityClassName, false))
  }
  if (runtimeClassName !== undefined) {
    invalidEach(out, `${field}.runtimeClassName`, runtimeClassName, subdomainName(runtimeClassName, false))
  }
}

function validateOs(out: Problems, field: string, name: string | undefined): void {
  if (!name) required(out, `${field}.name`)
  else if (name !== 'linux' && name !== 'windows') notSupported(out, field, name, ['linux', 'windows'])
}

function validateResourceClaims(
  out: Problems,
  field: string,
  claims: NonNullable<PodSpec['resourceClaims']>,
): void {
  const seen = new Set<string>()
  claims.forEach((claim, i) => {
    const at = `${field}[${i}]`
    if (!claim.name) required(out, `${at}.name`)
    else if (seen.has(claim.name)) duplicate(out, `${at}.name`, claim.name)
    else invalidEach(out, `${at}.name`, claim.name, dnsLabel(claim.name))
    seen.add(claim.name)
    const { resourceClaimName: name, resourceClaimTemplateName: template } = claim
    if (name !== undefined && template !== undefined) {
      invalid(
        out,
        at,
        claim,
        'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
      )
    }
    if (name === undefined && template === undefined) {
      invalid(out, at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`')
    }
    if (name !== undefined) invalidEach(out, `${at}.resourceClaimName`, name, dnsSubdomain(name))
    if (template !== undefined)
      invalidEach(out, `${at}.resourceClaimTemplateName`, template, dnsSubdomain(template))
  })
}

function validateContainers(
  out: Problems,
  field: string,
  containers: readonly Container[],
  pod: Surroundings,
): void {
  if (containers.length === 0) {
    required(out, field)
    return
  }
  const names = new Set<string>()
  for (let i = 0; i < containers.length; i++) {
    const c = containers[i]!
    const at = `${field}[${i}]`
    validateAnyContainer(out, at, c, pod)
    if (names.has(c.name)) duplicate(out, `${at}.name`, c.name)
    names.add(c.name)
    if (c.lifecycle) validateLifecycle(out, `${at}.lifecycle`, c.lifecycle, pod.grace)
    validateProbes(out, at, c, pod.grace)
    validateContainerRestart(out, at, c, false)
  }
  validateHostPorts(out, field, containers)
}

const INIT_ONLY = 'may not be set for init containers without restartPolicy=Always'

function validateInitContainers(out: Problems, field: string, spec: PodSpec, pod: Surroundings): void {
  const names = new Set((spec.containers ?? []).map((c) => c.name))
  spec.initContainers?.forEach((c, i) => {
    const at = `${field}[${i}]`
    validateAnyContainer(out, at, c, pod)
    validateContainerRestart(out, at, c, true)
    if (c.name && names.has(c.name)) duplicate(out, `${at}.name`, c.name)
    names.add(c.name)
    validateHostPorts(out, field, [c])
    if (c.restartPolicy === 'Always') {
      if (c.lifecycle) validateLifecycle(out, `${at}.lifecycle`, c.lifecycle, pod.grace)
      validateProbes(out, at, c, pod.grace)
      return
    }
    for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (c[key] !== undefined) forbidden(out, `${at}.${key}`, INIT_ONLY)
    }
  })
}

function validateEphemeral(out: Problems, field: string, spec: PodSpec, pod: Surroundings): void {
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name))
  const names = new Set(others)
  spec.ephemeralContainers?.forEach((c, i) => {
    const at = `${field}[${i}]`
    validateAnyContainer(out, at, c, pod)
    validateImageSpace(out, at, c.image)
    if (names.has(c.name)) duplicate(out, `${at}.name`, c.name)
    names.add(c.name)
    if (c.targetContainerName && !others.has(c.targetContainerName)) {
      notFound(out, `${at}.targetContainerName`, c.targetContainerName)
    }
    validateEphemeralLimits(out, at, c)
  })
}

function validateImageSpace(out: Problems, field: string, image: string | undefined): void {
  if (image && image.trim() !== image) {
    invalid(out, `${field}.image`, image, 'must not have leading or trailing whitespace')
  }
}

function validatePodResources(out: Problems, field: string, spec: PodSpec): void {
  const { resources } = spec
  if (resources?.claims) forbidden(out, `${field}.claims`, 'claims cannot be set for Resources at pod-level')
  const supported = ['cpu', 'memory']
  validateResourceRequirements(
    out,
    field,
    { ...resources, claims: undefined },
    NO_CLAIMS,
    (problems, at, name) => {
      if (!supported.includes(name) && !name.startsWith('hugepages-'))
        notSupported(problems, at, name, supported)
    },
  )
  spec.containers?.forEach((c, i) => {
    for (const name in c.resources?.limits) {
      const limit = c.resources.limits[name]!
      const whole = entry(resources?.limits, name)
      if (whole === undefined || compareText(limit, whole) <= 0) continue
      const at = `${field}.containers[${i}][${name}].limits`
      invalid(out, at, limit, `must be less than or equal to pod limits of ${whole}`)
    }
  })
}

function validateHostNetworkPorts(
  out: Problems,
  field: string,
  containers: readonly Container[],
  isPod: boolean,
): void {
  containers.forEach((c, i) => {
    c.ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if (hostPort === containerPort || (!isPod && hostPort === 0)) return
      const at = `${field}[${i}].ports[${j}].hostPort`
      invalid(out, at, hostPort, 'must match `containerPort` when `hostNetwork` is true')
    })
  })
}

function validateUserNamespace(out: Problems, field: string, spec: PodSpec): void {
  const why = 'when `pod.Spec.HostUsers` is false'
  if (spec.hostNetwork) forbidden(out, `${field}.hostNetwork`, why)
  if (spec.hostPID) forbidden(out, `${field}.HostPID`, why)
  if (spec.hostIPC) forbidden(out, `${field}.HostIPC`, why)
}

const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARACTERS = 2048

function validateDns(out: Problems, field: string, spec: PodSpec): void {
  const { dnsConfig, dnsPolicy } = spec
  const nameservers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None') {
    if (!dnsConfig) {
      required(out, field, 'must provide `dnsConfig` when `dnsPolicy` is None')
      return
    }
    if (nameservers.length === 0) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      required(out, `${field}.nameservers`, why)
      return
    }
  }
  if (nameservers.length > MAX_NAMESERVERS) {
    invalid(
      out,
      `${field}.nameservers`,
      nameservers,
      `must not have more than ${MAX_NAMESERVERS} nameservers`,
    )
  }
  nameservers.forEach((ip, i) => void validateIp(out, `${field}.nameservers[${i}]`, ip))
  const searches = dnsConfig?.searches ?? []
  if (searches.length > MAX_SEARCHES) {
    invalid(out, `${field}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`)
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const why = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`
    invalid(out, `${field}.searches`, searches, why)
  }
  searches.forEach((search, i) => {
    if (search === '.') return
    const name = search.endsWith('.') ? search.slice(0, -1) : search
    invalidEach(out, `${field}.searches[${i}]`, name, dnsSubdomainWithUnderscore(name))
  })
  dnsConfig?.options?.forEach(({ name }, i) => {
    if (!name) required(out, `${field}.options[${i}]`, 'must not be empty')
  })
}

function validateHostAliases(
  out: Problems,
  field: string,
  aliases: NonNullable<PodSpec['hostAliases']>,
): void {
  aliases.forEach(({ ip, hostnames }, i) => {
    validateIp(out, `${field}[${i}].ip`, ip ?? '')
    hostnames?.forEach(
      (name, j) => void invalidEach(out, `${field}[${i}].hostnames[${j}]`, name, dnsSubdomain(name)),
    )
  })
}

/** What holds for a pod on creation and on every update, metadata aside. */
export function validatePodAlways(out: Problems, pod: Pod): void {
  const { annotations } = pod.metadata
  if (annotations) validatePodAnnotations(out, 'metadata.annotations', annotations, pod.spec)
  validatePodSpec(out, 'spec', pod.spec, pod)
  if (!pod.spec.serviceAccountName) {
    pod.spec.volumes?.forEach((volume, i) => {
      volume.projected?.sources?.forEach((source, j) => {
        if (!source.serviceAccountToken) return
        const at = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`
        forbidden(out, at, 'must not be specified when serviceAccountName is not set')
      })
    })
  }
  pod.spec.containers?.forEach((c, i) => void validateImageSpace(out, `spec.containers[${i}]`, c.image))
  pod.spec.initContainers?.forEach(
    (c, i) => void validateImageSpace(out, `spec.initContainers[${i}]`, c.image),
  )
}

export function validatePod(out: Problems, pod: Pod): void {
  validatePodAlways(out, pod)
  if (pod.spec.ephemeralContainers?.length)
    forbidden(out, 'spec.ephemeralContainers', 'cannot be set on create')
  if (pod.spec.nodeName && pod.spec.schedulingGates?.length) {
    forbidden(out, 'spec.nodeName', 'cannot be set until all schedulingGates have been cleared')
  }
}

function validatePodAnnotations(
  out: Problems,
  field: string,
  annotations: Readonly<Record<string, string>>,
  spec: PodSpec,
): void {
  const mirror = annotations[MIRROR_ANNOTATION]
  if (mirror !== undefined && !spec.nodeName) {
    invalid(
      out,
      `${field}[${MIRROR_ANNOTATION}]`,
      mirror,
      'must set spec.nodeName if mirror pod annotation is set',
    )
  }
  const cost = annotations[DELETION_COST]
  if (cost !== undefined && !(/^(0|-?[1-9]\d{0,9})$/.test(cost) && Math.abs(Number(cost)) <= INT32_MAX)) {
    invalid(out, `${field}[${DELETION_COST}]`, cost, 'must be a 32bit integer')
  }
}

/** A template's own rules; those of its owner (restart policy, selector) come on top. */
export function validatePodTemplate(out: Problems, field: string, template: PodTemplateSpec): void {
  const { metadata, spec } = template
  if (metadata?.labels) validateLabels(out, `${field}.labels`, metadata.labels)
  if (metadata?.annotations) {
    validateAnnotations(out, `${field}.annotations`, metadata.annotations)
    if (spec) validatePodAnnotations(out, `${field}.annotations`, metadata.annotations, spec)
  }
  validatePodSpec(out, `${field}.spec`, spec ?? { containers: [] })
  if (spec?.ephemeralContainers?.length) {
    forbidden(out, `${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')
  }
}
