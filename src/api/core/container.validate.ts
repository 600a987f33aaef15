import {
  configMapKey,
  dnsLabel,
  envVarName,
  portName,
  portNumber,
  subdomainName,
} from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  notFound,
  oneOf,
  oneOfIfSet,
  type Problems,
  required,
  tooMany,
} from '../meta/report.validate.ts'
import type { Container, ContainerPort, EnvFromSource, EnvVar, VolumeMount } from './container.ts'
import { ENV_FIELDS, validateFieldRef, validateResourceFieldRef } from './field-ref.validate.ts'
import { validateDescendingPath, validateNoBacksteps, validateUnreservedPath } from './paths.validate.ts'
import type { EphemeralContainer } from './pod.ts'
import { validateResourceRequirements } from './resources.validate.ts'
import { validateSecurityContext } from './security.validate.ts'
import type { Volume } from './volume.ts'

/** What the rules of a container ask of the pod around it. */
export interface Surroundings {
  readonly volumes: ReadonlyMap<string, Volume>
  readonly claimNames: ReadonlySet<string>
  readonly restartPolicy: string | undefined
  readonly grace: number | undefined
  readonly hostUsers: boolean
}

type AnyContainer = Container | EphemeralContainer

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError']

/** The rules that hold for regular, init and ephemeral containers alike. */
export function validateAnyContainer(out: Problems, field: string, c: AnyContainer, pod: Surroundings): void {
  if (!c.name) required(out, `${field}.name`)
  else invalidEach(out, `${field}.name`, c.name, dnsLabel(c.name))
  if (!c.image) required(out, `${field}.image`)
  oneOf(out, `${field}.terminationMessagePolicy`, c.terminationMessagePolicy, MESSAGE_POLICIES)
  if (c.ports) validatePorts(out, `${field}.ports`, c.ports)
  if (c.env) validateEnv(out, `${field}.env`, c.env)
  if (c.envFrom) validateEnvFrom(out, `${field}.envFrom`, c.envFrom)
  if (c.volumeMounts) validateMounts(out, `${field}.volumeMounts`, c, pod)
  if (c.volumeDevices) validateDevices(out, `${field}.volumeDevices`, c, pod)
  oneOf(out, `${field}.imagePullPolicy`, c.imagePullPolicy, PULL_POLICIES)
  validateResourceRequirements(out, `${field}.resources`, c.resources, pod.claimNames)
  if (c.resizePolicy) validateResizePolicy(out, `${field}.resizePolicy`, c.resizePolicy, pod.restartPolicy)
  validateSecurityContext(out, `${field}.securityContext`, c.securityContext, pod.hostUsers)
}

function validatePorts(out: Problems, field: string, ports: readonly ContainerPort[]): void {
  const names = new Set<string>()
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort, hostPort, protocol } = ports[i]!
    const at = `${field}[${i}]`
    if (name) {
      const messages = portName(name)
      if (messages.length > 0) invalidEach(out, `${at}.name`, name, messages)
      else if (names.has(name)) duplicate(out, `${at}.name`, name)
      names.add(name)
    }
    if (!containerPort) required(out, `${at}.containerPort`)
    else invalidEach(out, `${at}.containerPort`, containerPort, portNumber(containerPort))
    if (hostPort) invalidEach(out, `${at}.hostPort`, hostPort, portNumber(hostPort))
    oneOf(out, `${at}.protocol`, protocol, PROTOCOLS)
  }
}

const ENV_SOURCES = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'
const ONE_SOURCE = 'may not have more than one field specified at a time'

function validateEnv(out: Problems, field: string, env: readonly EnvVar[]): void {
  for (let i = 0; i < env.length; i++) {
    const { name, value, valueFrom } = env[i]!
    const at = `${field}[${i}]`
    if (!name) required(out, `${at}.name`)
    else invalidEach(out, `${at}.name`, name, envVarName(name))
    if (valueFrom) validateEnvSource(out, `${at}.valueFrom`, valueFrom, value)
  }
}

function validateEnvSource(
  out: Problems,
  field: string,
  source: NonNullable<EnvVar['valueFrom']>,
  value: string | undefined,
): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  let sources = 0
  if (fieldRef && ++sources) validateFieldRef(out, `${field}.fieldRef`, fieldRef, ENV_FIELDS)
  if (resourceFieldRef && ++sources) {
    validateResourceFieldRef(out, `${field}.resourceFieldRef`, resourceFieldRef, false)
  }
  if (configMapKeyRef && ++sources) validateKeyRef(out, `${field}.configMapKeyRef`, configMapKeyRef)
  if (secretKeyRef && ++sources) validateKeyRef(out, `${field}.secretKeyRef`, secretKeyRef)
  if (fileKeyRef && ++sources) {
    if (!fileKeyRef.key) required(out, `${field}.fileKeyRef.key`)
    else invalidEach(out, `${field}.fileKeyRef.key`, fileKeyRef.key, envVarName(fileKeyRef.key))
    if (!fileKeyRef.volumeName) required(out, `${field}.fileKeyRef.volumeName`)
    if (!fileKeyRef.path) required(out, `${field}.fileKeyRef.path`)
    else validateUnreservedPath(out, `${field}.fileKeyRef.path`, fileKeyRef.path)
  }
  if (sources === 0) invalid(out, field, '', `must specify one of: ${ENV_SOURCES}`)
  else if (value) invalid(out, field, '', 'may not be specified when `value` is not empty')
  else if (sources > 1) invalid(out, field, '', ONE_SOURCE)
}

interface KeyRef {
  readonly name?: string | undefined
  readonly key?: string | undefined
}

function validateKeyRef(out: Problems, field: string, { name = '', key = '' }: KeyRef): void {
  invalidEach(out, `${field}.name`, name, subdomainName(name, false))
  if (key === '') required(out, `${field}.key`)
  else invalidEach(out, `${field}.key`, key, configMapKey(key))
}

function validateEnvFrom(out: Problems, field: string, sources: readonly EnvFromSource[]): void {
  sources.forEach(({ prefix, configMapRef, secretRef }, i) => {
    const at = `${field}[${i}]`
    if (prefix) invalidEach(out, `${at}.prefix`, prefix, envVarName(prefix))
    if (configMapRef) validateEnvFromName(out, `${at}.configMapRef.name`, configMapRef.name)
    if (secretRef) validateEnvFromName(out, `${at}.secretRef.name`, secretRef.name)
    if (configMapRef && secretRef) invalid(out, field, '', ONE_SOURCE)
    else if (!configMapRef && !secretRef)
      invalid(out, field, '', 'must specify one of: `configMapRef` or `secretRef`')
  })
}

function validateEnvFromName(out: Problems, field: string, name: string | undefined): void {
  if (!name) required(out, field)
  else invalidEach(out, field, name, subdomainName(name, true))
}

function validateMounts(out: Problems, field: string, c: AnyContainer, pod: Surroundings): void {
  const mounts = c.volumeMounts ?? []
  const devices = c.volumeDevices ?? []
  const paths = new Set<string>()
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!
    const at = `${field}[${i}]`
    const { name = '', mountPath = '' } = mount
    if (name === '') required(out, `${at}.name`)
    const volume = pod.volumes.get(name)
    if (!volume) notFound(out, `${at}.name`, name)
    if (mountPath === '') required(out, `${at}.mountPath`)
    if (paths.has(mountPath)) invalid(out, `${at}.mountPath`, mountPath, 'must be unique')
    paths.add(mountPath)
    if (devices.some((d) => d.name === name)) {
      invalid(out, `${at}.name`, name, 'must not already exist in volumeDevices')
    }
    if (devices.some((d) => d.devicePath === mountPath)) {
      invalid(out, `${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices')
    }
    validateSubPath(out, field, at, mount, volume)
    if (mount.mountPropagation)
      validatePropagation(out, `${field}.mountPropagation`, mount.mountPropagation, c)
    if (mount.recursiveReadOnly) validateRecursive(out, `${field}.recursiveReadOnly`, mount)
  }
}

function validateSubPath(
  out: Problems,
  field: string,
  at: string,
  mount: VolumeMount,
  volume: Volume | undefined,
): void {
  const { subPath, subPathExpr } = mount
  if (volume?.image) {
    if (subPath) invalid(out, `${at}.subPath`, subPath, 'not allowed in image volume sources')
    if (subPathExpr) invalid(out, `${at}.subPathExpr`, subPathExpr, 'not allowed in image volume sources')
  }
  // Kubernetes names the list here, not the element.
  if (subPath) validateDescendingPath(out, `${field}.subPath`, subPath)
  if (!subPathExpr) return
  if (subPath)
    invalid(out, `${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')
  validateDescendingPath(out, `${field}.subPathExpr`, subPathExpr)
}

function validatePropagation(out: Problems, field: string, mode: string, c: AnyContainer): void {
  oneOfIfSet(out, field, mode, ['Bidirectional', 'HostToContainer', 'None'])
  if (mode === 'Bidirectional' && c.securityContext?.privileged !== true) {
    forbidden(out, field, 'Bidirectional mount propagation is available only to privileged containers')
  }
}

function validateRecursive(out: Problems, field: string, mount: VolumeMount): void {
  oneOfIfSet(out, field, mount.recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible'])
  if (mount.recursiveReadOnly === 'Disabled') return
  if (!mount.readOnly) forbidden(out, field, 'may only be specified when readOnly is true')
  if (mount.mountPropagation && mount.mountPropagation !== 'None') {
    forbidden(out, field, 'may only be specified when mountPropagation is None or not specified')
  }
}

function validateDevices(out: Problems, field: string, c: AnyContainer, pod: Surroundings): void {
  const mounts = c.volumeMounts ?? []
  const names = new Set<string>()
  const paths = new Set<string>()
  c.volumeDevices?.forEach(({ name = '', devicePath = '' }, i) => {
    const at = `${field}[${i}]`
    const volume = pod.volumes.get(name)
    if (name === '') required(out, `${at}.name`)
    if (names.has(name)) invalid(out, `${at}.name`, name, 'must be unique')
    if (!volume) notFound(out, `${at}.name`, name)
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const why = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
      invalid(out, `${at}.name`, name, why)
    }
    if (devicePath === '') required(out, `${at}.devicePath`)
    if (paths.has(devicePath)) invalid(out, `${at}.devicePath`, devicePath, 'must be unique')
    validateNoBacksteps(out, `${at}.devicePath`, devicePath)
    if (mounts.some((m) => m.name === name))
      invalid(out, `${at}.name`, name, 'must not already exist in volumeMounts')
    if (mounts.some((m) => m.mountPath === devicePath)) {
      invalid(out, `${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts')
    }
    names.add(name)
    paths.add(devicePath)
  })
}

function validateResizePolicy(
  out: Problems,
  field: string,
  policies: NonNullable<Container['resizePolicy']>,
  restartPolicy: string | undefined,
): void {
  const seen = new Set<string>()
  policies.forEach(({ resourceName, restartPolicy: policy }, i) => {
    if (seen.has(resourceName)) duplicate(out, `${field}[${i}]`, resourceName)
    seen.add(resourceName)
    oneOf(out, field, resourceName, ['cpu', 'memory'])
    oneOf(out, field, policy, ['NotRequired', 'RestartContainer'])
    if (restartPolicy === 'Never' && policy !== 'NotRequired') {
      invalid(out, field, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'")
    }
  })
}

const NOT_EPHEMERAL = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
] as const
const CANNOT = 'cannot be set for an Ephemeral Container'

/** What a debugging aid may not have: pods must not come to rely on it. */
export function validateEphemeralLimits(out: Problems, field: string, c: EphemeralContainer): void {
  for (const key of NOT_EPHEMERAL) if (c[key] !== undefined) forbidden(out, `${field}.${key}`, CANNOT)
  if (c.resources && Object.keys(c.resources).length > 0) forbidden(out, `${field}.resources`, CANNOT)
  c.volumeMounts?.forEach((mount, i) => {
    if (mount.subPath) forbidden(out, `${field}.volumeMounts[${i}].subPath`, CANNOT)
    if (mount.subPathExpr) forbidden(out, `${field}.volumeMounts[${i}].subPathExpr`, CANNOT)
  })
}

/** Containers that run at the same time cannot share a port of the node. */
export function validateHostPorts(out: Problems, field: string, containers: readonly Container[]): void {
  let seen: Set<string> | undefined
  for (let i = 0; i < containers.length; i++) {
    const ports = containers[i]!.ports ?? []
    for (let j = 0; j < ports.length; j++) {
      const { hostPort, hostIP, protocol } = ports[j]!
      if (!hostPort) continue
      seen ??= new Set()
      const id = `${protocol}/${hostIP ?? ''}/${hostPort}`
      if (seen.has(id)) duplicate(out, `${field}[${i}].ports[${j}].hostPort`, id)
      seen.add(id)
    }
  }
}

const CONTAINER_POLICIES = ['Always', 'OnFailure', 'Never']
const MAX_RESTART_RULES = 20
const MAX_EXIT_CODES = 255

/** When a container starts again, where it says so itself instead of its pod (KEP-5307; for sidecars KEP-753). */
export function validateContainerRestart(out: Problems, field: string, c: Container, isInit: boolean): void {
  const { restartPolicy: policy, restartPolicyRules: rules } = c
  if (policy !== undefined) oneOf(out, `${field}.restartPolicy`, policy, CONTAINER_POLICIES)
  if (!rules?.length) return
  const at = `${field}.restartPolicyRules`
  if (policy === undefined) required(out, `${field}.restartPolicy`, 'must be set where there are rules')
  if (isInit && policy === 'Always')
    forbidden(out, at, 'may not be set for init containers that always restart')
  if (rules.length > MAX_RESTART_RULES) tooMany(out, at, rules.length, MAX_RESTART_RULES)
  rules.slice(0, MAX_RESTART_RULES).forEach(({ action, exitCodes }, i) => {
    oneOf(out, `${at}[${i}].action`, action, ['Restart'])
    if (!exitCodes) {
      required(out, `${at}[${i}].exitCodes`, 'must be specified')
      return
    }
    oneOf(out, `${at}[${i}].exitCodes.operator`, exitCodes.operator, ['In', 'NotIn'])
    const count = exitCodes.values?.length ?? 0
    const values = `${at}[${i}].exitCodes.values`
    if (count === 0) required(out, values)
    if (count > MAX_EXIT_CODES) tooMany(out, values, count, MAX_EXIT_CODES)
  })
}
