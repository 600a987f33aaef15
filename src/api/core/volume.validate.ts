import { dnsLabel, dnsSubdomain, subdomainName } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import { FILE_FIELDS, validateFieldRef, validateResourceFieldRef } from './field-ref.validate.ts'
import { validateFileMode, validateNoBacksteps, validateUnreservedPath } from './paths.validate.ts'
import { validateClaimSpec } from './persistent-volume.validate.ts'
import type {
  CSIVolumeSource,
  DownwardAPIVolumeFile,
  EphemeralVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from './volume.ts'

const ONE_TYPE = 'may not specify more than 1 volume type'

/** The volumes by name, for the containers that mount them. */
export function validateVolumes(
  out: Problems,
  field: string,
  volumes: readonly Volume[],
  podName: string | undefined,
): ReadonlyMap<string, Volume> {
  const byName = new Map<string, Volume>()
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!
    const at = `${field}[${i}]`
    const before = out.length
    validateSource(out, at, volume, podName)
    if (!volume.name) required(out, `${at}.name`)
    else if (byName.has(volume.name)) duplicate(out, `${at}.name`, volume.name)
    else invalidEach(out, `${at}.name`, volume.name, dnsLabel(volume.name))
    // A broken volume counts as absent, so its mounts are reported too, as in Kubernetes.
    if (out.length === before) byName.set(volume.name, volume)
  }
  return byName
}

function validateSource(out: Problems, field: string, volume: Volume, podName: string | undefined): void {
  let count = 0
  for (const key in volume) {
    if (key === 'name' || volume[key as keyof Volume] === undefined) continue
    if (++count > 1) forbidden(out, `${field}.${key}`, ONE_TYPE)
    else validateOneSource(out, `${field}.${key}`, key, volume, podName)
  }
  if (count === 0) required(out, field, 'must specify a volume type')
}

function validateOneSource(
  out: Problems,
  field: string,
  key: string,
  v: Volume,
  podName: string | undefined,
): void {
  switch (key) {
    case 'emptyDir':
      if (v.emptyDir?.sizeLimit?.startsWith('-')) {
        forbidden(out, `${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')
      }
      return
    case 'hostPath':
      validateHostPath(out, field, v.hostPath!)
      return
    case 'secret':
      if (!v.secret!.secretName) required(out, `${field}.secretName`)
      validateKeyFiles(out, field, v.secret!)
      return
    case 'configMap':
      if (!v.configMap!.name) required(out, `${field}.name`)
      validateKeyFiles(out, field, v.configMap!)
      return
    case 'downwardAPI':
      validateFileMode(out, `${field}.defaultMode`, v.downwardAPI!.defaultMode)
      for (const file of v.downwardAPI!.items ?? []) validateDownwardFile(out, field, file)
      return
    case 'projected':
      validateProjected(out, field, v.projected!)
      return
    case 'persistentVolumeClaim':
      if (!v.persistentVolumeClaim!.claimName) required(out, `${field}.claimName`)
      return
    case 'ephemeral':
      validateEphemeral(out, field, v.ephemeral!, v.name, podName)
      return
    case 'csi':
      validateCsi(out, field, v.csi!)
      return
    case 'image':
      if (!v.image!.reference) required(out, `${field}.reference`)
      oneOfIfSet(out, `${field}.pullPolicy`, v.image!.pullPolicy, ['Always', 'IfNotPresent', 'Never'])
      return
    case 'nfs':
      if (!v.nfs!.server) required(out, `${field}.server`)
      if (!v.nfs!.path) required(out, `${field}.path`)
      else if (!v.nfs!.path.startsWith('/'))
        invalid(out, `${field}.path`, v.nfs!.path, 'must be an absolute path')
  }
}

export function validateHostPath(
  out: Problems,
  field: string,
  source: NonNullable<Volume['hostPath']>,
): void {
  if (!source.path) {
    required(out, `${field}.path`)
    return
  }
  validateNoBacksteps(out, `${field}.path`, source.path)
  oneOfIfSet(out, `${field}.type`, source.type, HOST_PATH_TYPES)
}

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]

interface KeyFiles {
  readonly defaultMode?: number | undefined
  readonly items?: readonly KeyToPath[] | undefined
}

function validateKeyFiles(out: Problems, field: string, source: KeyFiles): void {
  validateFileMode(out, `${field}.defaultMode`, source.defaultMode)
  source.items?.forEach((item, i) => void validateKeyToPath(out, `${field}.items[${i}]`, item))
}

function validateKeyToPath(out: Problems, field: string, { key, path, mode }: KeyToPath): void {
  if (!key) required(out, `${field}.key`)
  if (!path) required(out, `${field}.path`)
  validateUnreservedPath(out, `${field}.path`, path ?? '')
  validateFileMode(out, `${field}.mode`, mode)
}

function validateDownwardFile(out: Problems, field: string, file: DownwardAPIVolumeFile): void {
  if (!file.path) required(out, `${field}.path`)
  validateUnreservedPath(out, `${field}.path`, file.path ?? '')
  if (file.fieldRef) {
    validateFieldRef(out, `${field}.fieldRef`, file.fieldRef, FILE_FIELDS)
    if (file.resourceFieldRef) {
      invalid(out, field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
    }
  } else if (file.resourceFieldRef)
    validateResourceFieldRef(out, `${field}.resourceFieldRef`, file.resourceFieldRef, true)
  else required(out, field, 'one of fieldRef and resourceFieldRef is required')
  validateFileMode(out, `${field}.mode`, file.mode)
}

function validateProjected(out: Problems, field: string, source: ProjectedVolumeSource): void {
  validateFileMode(out, `${field}.defaultMode`, source.defaultMode)
  const paths = new Set<string>()
  const claim = (path: string | undefined, value: unknown) => {
    if (!path) return
    if (paths.has(path)) invalid(out, field, value, 'conflicting duplicate paths')
    paths.add(path)
  }
  source.sources?.forEach((projection, i) => {
    const at = `${field}.sources[${i}]`
    validateProjection(out, field, at, projection, claim)
    if (Object.values(projection).filter((v) => v !== undefined).length > 1) {
      forbidden(out, at, 'may not specify more than 1 volume type per source')
    }
  })
}

function validateProjection(
  out: Problems,
  field: string,
  at: string,
  projection: VolumeProjection,
  claim: (path: string | undefined, value: unknown) => void,
): void {
  for (const key of ['secret', 'configMap'] as const) {
    const source = projection[key]
    if (!source) continue
    if (!source.name) required(out, `${at}.${key}.name`)
    source.items?.forEach((item, i) => {
      validateKeyToPath(out, `${at}.${key}.items[${i}]`, item)
      claim(item.path, source.name)
    })
  }
  for (const file of projection.downwardAPI?.items ?? []) {
    validateDownwardFile(out, `${at}.downwardAPI`, file)
    claim(file.path, file.path)
  }
  const token = projection.serviceAccountToken
  if (token) {
    const seconds = token.expirationSeconds ?? 0
    const seconds_ = `${at}.serviceAccountToken.expirationSeconds`
    if (seconds < 600) invalid(out, seconds_, seconds, 'may not specify a duration less than 10 minutes')
    if (seconds > 2 ** 32)
      invalid(out, seconds_, seconds, 'may not specify a duration larger than 2^32 seconds')
    // Kubernetes names the volume here, not the source.
    if (!token.path) required(out, `${field}.path`)
    else validateUnreservedPath(out, `${field}.path`, token.path)
  }
  const bundle = projection.clusterTrustBundle
  if (!bundle) return
  const own = `${at}.clusterTrustBundle`
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    invalid(out, own, bundle, 'only one of name and signerName may be used')
  } else if (bundle.name !== undefined) {
    if (bundle.name === '') required(out, `${own}.name`, 'must be a valid object name')
    if (bundle.labelSelector) {
      invalid(
        out,
        `${own}.labelSelector`,
        bundle.labelSelector,
        'labelSelector must be unset if name is specified',
      )
    }
  } else if (bundle.signerName === undefined)
    required(out, own, 'either name or signerName must be specified')
  validateLabelSelector(out, `${own}.labelSelector`, bundle.labelSelector)
  if (!bundle.path) required(out, `${own}.path`)
  validateUnreservedPath(out, `${own}.path`, bundle.path ?? '')
  claim(bundle.path, bundle.path)
}

function validateEphemeral(
  out: Problems,
  field: string,
  source: EphemeralVolumeSource,
  name: string,
  podName: string | undefined,
): void {
  if (!source.volumeClaimTemplate) required(out, `${field}.volumeClaimTemplate`)
  else validateClaimSpec(out, `${field}.volumeClaimTemplate.spec`, source.volumeClaimTemplate.spec)
  if (!podName || !name) return
  const claim = `${podName}-${name}`
  const at = `${field.slice(0, field.lastIndexOf('.'))}.name`
  for (const message of subdomainName(claim, false))
    invalid(out, at, name, `PVC name ${JSON.stringify(claim)}: ${message}`)
}

function validateCsi(out: Problems, field: string, source: CSIVolumeSource): void {
  if (!source.driver) required(out, `${field}.driver`)
  else invalidEach(out, `${field}.driver`, source.driver, dnsSubdomain(source.driver.toLowerCase()))
  if (source.nodePublishSecretRef && !source.nodePublishSecretRef.name) {
    required(out, `${field}.nodePublishSecretRef.name`)
  }
}
