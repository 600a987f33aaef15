import { AGE, isDefault, orUnset, table } from '../table.columns.ts'
import { CSIDriver, CSINode, CSIStorageCapacity } from './csi.ts'
import { StorageClass, VolumeAttributesClass } from './storage-class.ts'
import { VolumeAttachment } from './volume-attachment.ts'

export const csiDriverTable = table(
  CSIDriver,
  ['AttachRequired', (d) => d.spec.attachRequired ?? true, 'boolean'],
  ['PodInfoOnMount', (d) => d.spec.podInfoOnMount ?? false, 'boolean'],
  ['StorageCapacity', (d) => d.spec.storageCapacity ?? false, 'boolean'],
  [
    'TokenRequests',
    (d) => (d.spec.tokenRequests ? d.spec.tokenRequests.map((t) => t.audience).join(',') : '<unset>'),
  ],
  ['RequiresRepublish', (d) => d.spec.requiresRepublish ?? false, 'boolean'],
  ['Modes', (d) => d.spec.volumeLifecycleModes?.join(',') || '<none>'],
  AGE,
)

export const csiNodeTable = table(CSINode, ['Drivers', (n) => n.spec.drivers?.length ?? 0, 'integer'], AGE)

export const csiStorageCapacityTable = table(
  CSIStorageCapacity,
  ['StorageClassName', (c) => c.storageClassName],
  ['Capacity', (c) => orUnset(c.capacity)],
)

const classes = table(
  StorageClass,
  ['Provisioner', (c) => c.provisioner],
  ['ReclaimPolicy', (c) => c.reclaimPolicy ?? 'Delete'],
  ['VolumeBindingMode', (c) => c.volumeBindingMode ?? 'Immediate'],
  ['AllowVolumeExpansion', (c) => c.allowVolumeExpansion ?? false],
  AGE,
)

const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

export const storageClassTable: typeof classes = {
  ...classes,
  cells: (object, now) => {
    const [name, ...rest] = classes.cells(object, now)
    return [`${name}${isDefault(object.metadata, ...DEFAULT_CLASS) ? ' (default)' : ''}`, ...rest]
  },
}

export const volumeAttachmentTable = table(
  VolumeAttachment,
  ['Attacher', (a) => a.spec.attacher, 'string', 0, 'name'],
  ['PV', (a) => a.spec.source.persistentVolumeName ?? ''],
  ['Node', (a) => a.spec.nodeName],
  ['Attached', (a) => a.status.attached ?? false, 'boolean'],
  AGE,
)

export const volumeAttributesClassTable = table(
  VolumeAttributesClass,
  ['DriverName', (c) => c.driverName],
  AGE,
)
