import { AGE, orUnset, table, wide } from '../table.columns.ts'
import { PersistentVolume, PersistentVolumeClaim } from './persistent-volume.ts'

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const MODES = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const

const accessModes = (modes: readonly string[] | undefined) =>
  MODES.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',')

const phase = (o: PersistentVolume | PersistentVolumeClaim) =>
  o.metadata.deletionTimestamp ? 'Terminating' : (o.status.phase ?? '')

const storageClass = (o: PersistentVolume | PersistentVolumeClaim) =>
  o.metadata.annotations?.[CLASS_ANNOTATION] ?? o.spec.storageClassName ?? ''

export const persistentVolumeTable = table(
  PersistentVolume,
  ['Capacity', (v) => v.spec.capacity?.storage ?? ''],
  ['Access Modes', (v) => accessModes(v.spec.accessModes)],
  ['Reclaim Policy', (v) => v.spec.persistentVolumeReclaimPolicy ?? ''],
  ['Status', phase],
  [
    'Claim',
    (v) => (v.spec.claimRef ? `${v.spec.claimRef.namespace ?? ''}/${v.spec.claimRef.name ?? ''}` : ''),
  ],
  ['StorageClass', storageClass],
  ['VolumeAttributesClass', (v) => orUnset(v.spec.volumeAttributesClassName)],
  ['Reason', (v) => v.status.reason ?? ''],
  AGE,
  wide('VolumeMode', (v) => orUnset(v.spec.volumeMode)),
)

export const persistentVolumeClaimTable = table(
  PersistentVolumeClaim,
  ['Status', phase],
  ['Volume', (c) => c.spec.volumeName ?? ''],
  ['Capacity', (c) => (c.spec.volumeName ? (c.status.capacity?.storage ?? '0') : '')],
  ['Access Modes', (c) => (c.spec.volumeName ? accessModes(c.status.accessModes) : '')],
  ['StorageClass', storageClass],
  ['VolumeAttributesClass', (c) => orUnset(c.spec.volumeAttributesClassName)],
  AGE,
  wide('VolumeMode', (c) => orUnset(c.spec.volumeMode)),
)
