import {
  always,
  bool,
  int32,
  kind,
  mapOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { PersistentVolumeSpec } from '../core/persistent-volume.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

const volumeAttachmentFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => VolumeAttachmentSpec),
  status: always(3, () => VolumeAttachmentStatus),
} as const

export interface VolumeAttachment extends Shape<typeof volumeAttachmentFields> {}
export const VolumeAttachment = kind<VolumeAttachment>(
  'storage.v1.VolumeAttachment',
  volumeAttachmentFields,
  {
    doc: 'The intent to attach a volume to a node.',
    group: 'storage.k8s.io',
    plural: 'volumeattachments',
    cluster: true,
    subresources: {
      status: { kind: 'VolumeAttachment', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const volumeAttachmentSpecFields = {
  attacher: req(1, str),
  source: req(2, () => VolumeAttachmentSource),
  nodeName: req(3, str),
} as const

export interface VolumeAttachmentSpec extends Shape<typeof volumeAttachmentSpecFields> {}
export const VolumeAttachmentSpec = struct<VolumeAttachmentSpec>(
  'storage.v1.VolumeAttachmentSpec',
  volumeAttachmentSpecFields,
)

const volumeAttachmentSourceFields = {
  persistentVolumeName: ptr(1, str),
  inlineVolumeSpec: opt(2, () => PersistentVolumeSpec),
} as const

export interface VolumeAttachmentSource extends Shape<typeof volumeAttachmentSourceFields> {}
export const VolumeAttachmentSource = struct<VolumeAttachmentSource>(
  'storage.v1.VolumeAttachmentSource',
  volumeAttachmentSourceFields,
)

const volumeAttachmentStatusFields = {
  attached: req(1, bool),
  attachmentMetadata: opt(2, mapOf(str)),
  attachError: opt(3, () => VolumeError),
  detachError: opt(4, () => VolumeError),
} as const

export interface VolumeAttachmentStatus extends Shape<typeof volumeAttachmentStatusFields> {}
export const VolumeAttachmentStatus = struct<VolumeAttachmentStatus>(
  'storage.v1.VolumeAttachmentStatus',
  volumeAttachmentStatusFields,
)

const volumeErrorFields = {
  time: opt(1, time),
  message: opt(2, str),
  errorCode: ptr(3, int32, { gates: ['MutableCSINodeAllocatableCount'] }),
} as const

export interface VolumeError extends Shape<typeof volumeErrorFields> {}
export const VolumeError = struct<VolumeError>('storage.v1.VolumeError', volumeErrorFields)
