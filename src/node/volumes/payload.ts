import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  Volume,
  VolumeProjection,
} from '../../api/index.ts'
import { fieldOfPod, type PodAddresses, resourceField } from '../spec/fields.ts'
import { allContainers } from '../spec/resources.ts'

/** The files of a volume that the agent writes itself, by path within the volume. */
export type Payload = ReadonlyMap<string, PayloadFile>

export interface PayloadFile {
  readonly data: Uint8Array
  readonly mode: number
  /** The user that must be able to read it whatever the mode says: of service account tokens. */
  readonly uid?: number
}

export interface PayloadSources {
  readonly configMap: (name: string) => ConfigMap | undefined
  readonly secret: (name: string) => Secret | undefined
  /** The current token for a projection. */
  readonly token: (audience: string, expirationSeconds: number) => string
  readonly addresses: PodAddresses
  readonly allocatable: {
    readonly cpuMilli: number
    readonly memoryBytes: number
    readonly ephemeralBytes: number
  }
}

/** The volume cannot be filled now; the message is what a FailedMount event says. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}

const DEFAULT_MODE = 0o644
const TOKEN_MODE = 0o600

export interface VolumeReferences {
  readonly configMaps: ReadonlySet<string>
  readonly secrets: ReadonlySet<string>
  readonly tokens: readonly { readonly audience: string; readonly expirationSeconds: number }[]
}

/** What has to be at hand before the payloads of a pod can be made. */
export function volumeReferences(volumes: readonly Volume[]): VolumeReferences {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  const tokens: { audience: string; expirationSeconds: number }[] = []
  const project = (p: VolumeProjection) => {
    if (p.configMap?.name) configMaps.add(p.configMap.name)
    if (p.secret?.name) secrets.add(p.secret.name)
    if (p.serviceAccountToken) tokens.push(tokenOf(p.serviceAccountToken))
  }
  for (const v of volumes) {
    if (v.configMap?.name) configMaps.add(v.configMap.name)
    if (v.secret?.secretName) secrets.add(v.secret.secretName)
    for (const p of v.projected?.sources ?? []) project(p)
  }
  return { configMaps, secrets, tokens }
}

const tokenOf = (p: NonNullable<VolumeProjection['serviceAccountToken']>) => ({
  audience: p.audience ?? '',
  expirationSeconds: p.expirationSeconds ?? 3600,
})

/** The files of a configMap, secret, downwardAPI or projected volume; undefined for the other kinds. */
export function volumePayload(pod: Pod, volume: Volume, sources: PayloadSources): Payload | undefined {
  const out = new Map<string, PayloadFile>()
  if (volume.configMap) {
    const { name = '', items, optional, defaultMode } = volume.configMap
    addConfigMap(out, pod, sources, { name, items, optional }, defaultMode ?? DEFAULT_MODE)
  } else if (volume.secret) {
    const { secretName = '', items, optional, defaultMode } = volume.secret
    addSecret(out, pod, sources, { name: secretName, items, optional }, defaultMode ?? DEFAULT_MODE)
  } else if (volume.downwardAPI) {
    addDownward(out, pod, sources, volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? DEFAULT_MODE)
  } else if (volume.projected) {
    const mode = volume.projected.defaultMode ?? DEFAULT_MODE
    for (const p of volume.projected.sources ?? []) addProjection(out, pod, sources, p, mode)
  } else return undefined
  return out
}

function addProjection(
  out: Map<string, PayloadFile>,
  pod: Pod,
  sources: PayloadSources,
  p: VolumeProjection,
  mode: number,
): void {
  if (p.configMap)
    addConfigMap(
      out,
      pod,
      sources,
      { name: p.configMap.name ?? '', items: p.configMap.items, optional: p.configMap.optional },
      mode,
    )
  else if (p.secret)
    addSecret(
      out,
      pod,
      sources,
      { name: p.secret.name ?? '', items: p.secret.items, optional: p.secret.optional },
      mode,
    )
  else if (p.downwardAPI) addDownward(out, pod, sources, p.downwardAPI.items, mode)
  else if (p.serviceAccountToken) {
    const { audience, expirationSeconds } = tokenOf(p.serviceAccountToken)
    const fsGroup = pod.spec.securityContext?.fsGroup
    const uid = commonUser(pod)
    out.set(checkedPath(p.serviceAccountToken.path), {
      data: Buffer.from(sources.token(audience, expirationSeconds)),
      // Readable by the pod's group or by its only user, and by nobody else.
      mode: fsGroup !== undefined || uid !== undefined ? TOKEN_MODE : mode,
      ...(fsGroup === undefined && uid !== undefined ? { uid } : {}),
    })
  } else
    throw new VolumeError(
      `cannot project a source of pod "${pod.metadata.namespace}/${pod.metadata.name}": expected configMap, secret, downwardAPI or serviceAccountToken`,
    )
}

/** The one user that all containers run as, when the spec says so. */
function commonUser(pod: Pod): number | undefined {
  const users = new Set(
    allContainers(pod).map((c) => c.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser),
  )
  return users.size === 1 ? [...users][0] : undefined
}

interface Source {
  readonly name: string
  readonly items: readonly KeyToPath[] | undefined
  readonly optional: boolean | undefined
}

function addConfigMap(
  out: Map<string, PayloadFile>,
  _pod: Pod,
  sources: PayloadSources,
  source: Source,
  mode: number,
): void {
  const found = sources.configMap(source.name)
  if (!found) {
    if (source.optional) return
    throw new VolumeError(`configmap "${source.name}" not found`)
  }
  const data = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(found.data ?? {})) data.set(key, Buffer.from(value))
  for (const [key, value] of Object.entries(found.binaryData ?? {}))
    data.set(key, Buffer.from(value, 'base64'))
  addKeys(out, data, source, mode, `configmap references non-existent config key: `)
}

function addSecret(
  out: Map<string, PayloadFile>,
  _pod: Pod,
  sources: PayloadSources,
  source: Source,
  mode: number,
): void {
  const found = sources.secret(source.name)
  if (!found) {
    if (source.optional) return
    throw new VolumeError(`secret "${source.name}" not found`)
  }
  const data = new Map(
    Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64') as Uint8Array]),
  )
  addKeys(out, data, source, mode, `references non-existent secret key: `)
}

function addKeys(
  out: Map<string, PayloadFile>,
  data: ReadonlyMap<string, Uint8Array>,
  source: Source,
  mode: number,
  missing: string,
): void {
  if (!source.items || source.items.length === 0) {
    for (const [key, value] of data) out.set(checkedPath(key), { data: value, mode })
    return
  }
  for (const item of source.items) {
    const value = data.get(item.key)
    if (value === undefined) {
      if (source.optional) continue
      throw new VolumeError(`${missing}${item.key}`)
    }
    out.set(checkedPath(item.path), { data: value, mode: item.mode ?? mode })
  }
}

function addDownward(
  out: Map<string, PayloadFile>,
  pod: Pod,
  sources: PayloadSources,
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number,
): void {
  for (const item of items ?? []) {
    const text = item.fieldRef
      ? fieldOfPod(pod, item.fieldRef.fieldPath, sources.addresses)
      : item.resourceFieldRef
        ? resourceField(pod, pod.spec.containers[0]!, item.resourceFieldRef, sources.allocatable)
        : ''
    out.set(checkedPath(item.path), { data: Buffer.from(text), mode: item.mode ?? mode })
  }
}

/** Paths come from whoever may write a pod: they stay within the volume and clear of the names that updates use. */
function checkedPath(path: string): string {
  const parts = path.split('/')
  if (
    path === '' ||
    path.startsWith('/') ||
    path.length > 4096 ||
    parts.some((p) => p === '..' || p === '' || p === '.') ||
    parts[0]!.startsWith('..')
  ) {
    throw new VolumeError(`invalid path "${path}": expected a relative path without ".."`)
  }
  return path
}
