import { equalJson } from '../../schema/index.ts'
import { subdomainName } from '../meta/names.validate.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  notSupported,
  oneOf,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import { validateNoBacksteps } from './paths.validate.ts'
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
} from './persistent-volume.ts'
import { compareText, validateResourceName } from './resources.validate.ts'
import { validateNodeSelector } from './scheduling.validate.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']
const RECLAIM = ['Delete', 'Recycle', 'Retain']

function validateAccessModes(out: Problems, field: string, modes: readonly string[] | undefined): void {
  if (!modes?.length) required(out, field, 'at least 1 access mode is required')
  for (const mode of modes ?? [])
    if (!ACCESS_MODES.includes(mode)) notSupported(out, field, mode, ACCESS_MODES)
  if (modes?.includes('ReadWriteOncePod') && modes.length > 1) {
    forbidden(out, field, 'may not use ReadWriteOncePod with other access modes')
  }
}

function validateStorage(out: Problems, field: string, value: string): void {
  if (value.startsWith('-') || value === '0') invalid(out, field, value, 'must be greater than zero')
}

export function validateClaimSpec(out: Problems, field: string, spec: PersistentVolumeClaimSpec): void {
  validateAccessModes(out, `${field}.accessModes`, spec.accessModes)
  validateLabelSelector(out, `${field}.selector`, spec.selector)
  const storage = spec.resources?.requests?.storage
  if (storage === undefined) required(out, `${field}.resources[storage]`)
  else {
    validateResourceName(out, `${field}.resources[storage]`, 'storage')
    validateStorage(out, `${field}.resources[storage]`, storage)
  }
  if (spec.storageClassName) {
    invalidEach(
      out,
      `${field}.storageClassName`,
      spec.storageClassName,
      subdomainName(spec.storageClassName, false),
    )
  }
  oneOfIfSet(out, `${field}.volumeMode`, spec.volumeMode, VOLUME_MODES)
  for (const key of ['dataSource', 'dataSourceRef'] as const) {
    const source = spec[key]
    if (!source) continue
    if (!source.name) required(out, `${field}.${key}.name`)
    if (!source.kind) required(out, `${field}.${key}.kind`)
    if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
      invalid(
        out,
        `${field}.${key}`,
        source.kind,
        "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
      )
    }
  }
}

export function validateClaim(out: Problems, claim: PersistentVolumeClaim): void {
  validateClaimSpec(out, 'spec', claim.spec)
}

export function validateClaimUpdate(
  out: Problems,
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): void {
  const bound = claim.status.phase === 'Bound'
  const size = claim.spec.resources?.requests?.storage
  const before = old.spec.resources?.requests?.storage
  const sameSize = {
    ...claim.spec.resources,
    requests: { ...claim.spec.resources?.requests, storage: before },
  }
  const comparable = {
    ...claim.spec,
    volumeName: old.spec.volumeName ? claim.spec.volumeName : old.spec.volumeName,
    storageClassName: old.spec.storageClassName === undefined ? undefined : claim.spec.storageClassName,
    ...(bound ? { resources: sameSize, volumeAttributesClassName: old.spec.volumeAttributesClassName } : {}),
  }
  if (!equalJson(comparable, old.spec)) {
    const words =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    forbidden(out, 'spec', words)
  }
  if (size !== undefined && before !== undefined && compareText(size, before) < 0) {
    const capacity = old.status.capacity?.storage
    if (capacity === undefined || compareText(size, capacity) <= 0) {
      forbidden(out, 'spec.resources.requests.storage', 'field can not be less than status.capacity')
    }
  }
}

export function validatePersistentVolume(out: Problems, volume: PersistentVolume): void {
  const { spec } = volume
  validateAccessModes(out, 'spec.accessModes', spec.accessModes)
  const storage = spec.capacity?.storage
  if (spec.capacity === undefined || storage === undefined) required(out, 'spec.capacity')
  else validateStorage(out, 'spec.capacity[storage]', storage)
  oneOf(out, 'spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, RECLAIM)
  oneOfIfSet(out, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES)
  if (spec.nodeAffinity) {
    if (!spec.nodeAffinity.required) {
      required(out, 'spec.nodeAffinity.required', 'must specify required node constraints')
    } else validateNodeSelector(out, 'spec.nodeAffinity.required', spec.nodeAffinity.required)
  }
  const sources = SOURCES.filter((key) => spec[key] !== undefined)
  if (sources.length === 0) required(out, 'spec', 'must specify a volume type')
  for (const key of sources.slice(1)) forbidden(out, `spec.${key}`, 'may not specify more than 1 volume type')
  if (spec.hostPath) {
    if (!spec.hostPath.path) required(out, 'spec.hostPath.path')
    else validateNoBacksteps(out, 'spec.hostPath.path', spec.hostPath.path)
  }
  if (spec.local) {
    if (!spec.local.path) required(out, 'spec.local.path')
    else validateNoBacksteps(out, 'spec.local.path', spec.local.path)
    if (!spec.nodeAffinity) required(out, 'spec.nodeAffinity', 'Local volume requires node affinity')
  }
  if (spec.csi) {
    if (!spec.csi.driver) required(out, 'spec.csi.driver')
    if (!spec.csi.volumeHandle) required(out, 'spec.csi.volumeHandle')
  }
}

const SOURCES = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'hostPath',
  'glusterfs',
  'nfs',
  'rbd',
  'iscsi',
  'cinder',
  'cephfs',
  'fc',
  'flocker',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const

export function validatePersistentVolumeUpdate(
  out: Problems,
  volume: PersistentVolume,
  old: PersistentVolume,
): void {
  for (const key of SOURCES) {
    if (!equalJson(volume.spec[key], old.spec[key])) {
      forbidden(out, 'spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')
      break
    }
  }
  if (volume.spec.volumeMode !== old.spec.volumeMode)
    invalid(out, 'volumeMode', volume.spec.volumeMode, IMMUTABLE)
}
