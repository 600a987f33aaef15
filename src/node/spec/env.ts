import type { ConfigMap, Container, EnvVarSource, Pod, Secret, Service } from '../../api/index.ts'
import { expand } from './expand.ts'
import { fieldOfPod, type PodAddresses, resourceField } from './fields.ts'

/** What the variables of a container may refer to. A missing ConfigMap or Secret is undefined. */
export interface EnvSources {
  readonly configMap: (name: string) => ConfigMap | undefined
  readonly secret: (name: string) => Secret | undefined
  /** Services of the pod's namespace, and `kubernetes` of default. */
  readonly services: readonly Service[]
  readonly addresses: PodAddresses
  readonly allocatable: {
    readonly cpuMilli: number
    readonly memoryBytes: number
    readonly ephemeralBytes: number
  }
}

/** The container cannot be configured: the pod waits with reason CreateContainerConfigError. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
}

export interface EnvVarValue {
  readonly name: string
  readonly value: string
}

/** Names of the ConfigMaps and Secrets that the container's environment needs, optional ones included. */
export function envReferences(container: Container): {
  configMaps: ReadonlySet<string>
  secrets: ReadonlySet<string>
} {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  for (const from of container.envFrom ?? []) {
    if (from.configMapRef?.name) configMaps.add(from.configMapRef.name)
    if (from.secretRef?.name) secrets.add(from.secretRef.name)
  }
  for (const env of container.env ?? []) {
    if (env.valueFrom?.configMapKeyRef?.name) configMaps.add(env.valueFrom.configMapKeyRef.name)
    if (env.valueFrom?.secretKeyRef?.name) secrets.add(env.valueFrom.secretKeyRef.name)
  }
  return { configMaps, secrets }
}

/** The environment of a container: services first, then envFrom, then env; later ones win. */
export function containerEnv(pod: Pod, container: Container, sources: EnvSources): readonly EnvVarValue[] {
  const result = new Map<string, string>()
  const serviceEnv = serviceVariables(pod, sources.services)
  for (const from of container.envFrom ?? []) {
    for (const [key, value] of envFromValues(pod, from, sources))
      result.set(`${from.prefix ?? ''}${key}`, value)
  }
  for (const env of container.env ?? []) {
    if (env.valueFrom) {
      const value = resolve(pod, container, env.valueFrom, sources)
      if (value !== undefined) result.set(env.name, value)
    } else {
      result.set(
        env.name,
        expand(env.value ?? '', (name) => result.get(name) ?? serviceEnv.get(name)),
      )
    }
  }
  for (const [name, value] of serviceEnv) if (!result.has(name)) result.set(name, value)
  return [...result].map(([name, value]) => ({ name, value }))
}

function envFromValues(
  pod: Pod,
  from: NonNullable<Container['envFrom']>[number],
  sources: EnvSources,
): [string, string][] {
  if (from.configMapRef) {
    const name = from.configMapRef.name ?? ''
    const found = sources.configMap(name)
    if (found) return Object.entries(found.data ?? {})
    if (from.configMapRef.optional) return []
    throw new EnvError(`configmap "${name}" not found`)
  }
  if (from.secretRef) {
    const name = from.secretRef.name ?? ''
    const found = sources.secret(name)
    if (found) return Object.entries(found.data ?? {}).map(([key, value]) => [key, decodeBase64(value)])
    if (from.secretRef.optional) return []
    throw new EnvError(`secret "${name}" not found`)
  }
  throw new EnvError(
    `cannot read envFrom of pod "${pod.metadata.namespace}/${pod.metadata.name}": expected configMapRef or secretRef`,
  )
}

function resolve(
  pod: Pod,
  container: Container,
  from: EnvVarSource,
  sources: EnvSources,
): string | undefined {
  if (from.fieldRef) return fieldOfPod(pod, from.fieldRef.fieldPath, sources.addresses)
  if (from.resourceFieldRef) return resourceField(pod, container, from.resourceFieldRef, sources.allocatable)
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef
    const found = sources.configMap(name)
    if (!found && !optional) throw new EnvError(`configmap "${name}" not found`)
    const value = found?.data?.[key]
    if (found && value === undefined && !optional) {
      throw new EnvError(`couldn't find key ${key} in ConfigMap ${pod.metadata.namespace}/${name}`)
    }
    return value
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef
    const found = sources.secret(name)
    if (!found && !optional) throw new EnvError(`secret "${name}" not found`)
    const value = found?.data?.[key]
    if (found && value === undefined && !optional) {
      throw new EnvError(`couldn't find key ${key} in Secret ${pod.metadata.namespace}/${name}`)
    }
    return value === undefined ? undefined : decodeBase64(value)
  }
  throw new EnvError(
    'cannot read valueFrom: expected fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef',
  )
}

function decodeBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}

/** The docker-links variables of each Service with a cluster IP. */
function serviceVariables(pod: Pod, services: readonly Service[]): ReadonlyMap<string, string> {
  const env = new Map<string, string>()
  const seen = new Map<string, Service>()
  for (const s of services) {
    const ip = s.spec.clusterIP
    if (!ip || ip === 'None') continue
    const isApi = s.metadata.namespace === 'default' && s.metadata.name === 'kubernetes'
    if (isApi && !seen.has('kubernetes')) seen.set('kubernetes', s)
    else if (s.metadata.namespace === pod.metadata.namespace && (pod.spec.enableServiceLinks ?? true))
      seen.set(s.metadata.name, s)
  }
  for (const s of seen.values()) {
    const prefix = s.metadata.name.toUpperCase().replaceAll('-', '_')
    const ip = s.spec.clusterIP!
    const ports = s.spec.ports ?? []
    const first = ports[0]
    if (!first) continue
    env.set(`${prefix}_SERVICE_HOST`, ip)
    env.set(`${prefix}_SERVICE_PORT`, String(first.port))
    for (const p of ports)
      if (p.name)
        env.set(`${prefix}_SERVICE_PORT_${p.name.toUpperCase().replaceAll('-', '_')}`, String(p.port))
    const host = ip.includes(':') ? `[${ip}]` : ip
    const url = (p: (typeof ports)[number]) => `${(p.protocol ?? 'TCP').toLowerCase()}://${host}:${p.port}`
    env.set(`${prefix}_PORT`, url(first))
    for (const p of ports) {
      const name = `${prefix}_PORT_${p.port}_${(p.protocol ?? 'TCP').toUpperCase()}`
      env.set(name, url(p))
      env.set(`${name}_PROTO`, (p.protocol ?? 'TCP').toLowerCase())
      env.set(`${name}_PORT`, String(p.port))
      env.set(`${name}_ADDR`, ip)
    }
  }
  return env
}
