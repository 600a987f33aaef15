import {
  always,
  bool,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  type TypeOf,
  typeMeta,
} from '../../schema/index.ts'
import { TopologySelectorTerm } from '../core/affinity.ts'
import { PersistentVolumeReclaimPolicy } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const VolumeBindingMode = oneOf('Immediate', 'WaitForFirstConsumer')
export type VolumeBindingMode = TypeOf<typeof VolumeBindingMode>

const storageClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  provisioner: req(2, str),
  parameters: opt(3, mapOf(str)),
  reclaimPolicy: ptr(4, PersistentVolumeReclaimPolicy),
  mountOptions: opt(5, listOf(str)),
  allowVolumeExpansion: ptr(6, bool),
  volumeBindingMode: ptr(7, VolumeBindingMode),
  allowedTopologies: opt(
    8,
    listOf(() => TopologySelectorTerm),
  ),
} as const

export interface StorageClass extends Shape<typeof storageClassFields> {}
export const StorageClass = kind<StorageClass>('storage.v1.StorageClass', storageClassFields, {
  doc: 'A kind of storage that claims can ask for, and how volumes of it are made.',
  group: 'storage.k8s.io',
  plural: 'storageclasses',
  shortNames: ['sc'],
  cluster: true,
})

const volumeAttributesClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  driverName: req(2, str),
  parameters: opt(3, mapOf(str)),
} as const

export interface VolumeAttributesClass extends Shape<typeof volumeAttributesClassFields> {}
export const VolumeAttributesClass = kind<VolumeAttributesClass>(
  'storage.v1.VolumeAttributesClass',
  volumeAttributesClassFields,
  {
    doc: 'Parameters of a volume that can be changed after it was made.',
    group: 'storage.k8s.io',
    plural: 'volumeattributesclasses',
    shortNames: ['vac'],
    cluster: true,
  },
)
