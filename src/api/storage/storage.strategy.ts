import { equalJson } from '../../schema/index.ts'
import { fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { dnsSubdomain, qualifiedName } from '../meta/names.validate.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { CSIDriver, CSINode, CSIStorageCapacity } from './csi.ts'
import { StorageClass, VolumeAttributesClass } from './storage-class.ts'
import { VolumeAttachment } from './volume-attachment.ts'

function validateDriverName(out: Problems, field: string, name: string | undefined): void {
  if (!name) required(out, field)
  else invalidEach(out, field, name, dnsSubdomain(name.toLowerCase()))
}

export const storageClassStrategy = defineStrategy(StorageClass, {
  defaults: (object) => fill(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  validate: (out, object) => {
    if (!object.provisioner) required(out, 'provisioner')
    else invalidEach(out, 'provisioner', object.provisioner, qualifiedName(object.provisioner.toLowerCase()))
    oneOfIfSet(out, 'reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'])
    oneOfIfSet(out, 'volumeBindingMode', object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'])
    for (const key in object.parameters)
      if (key === '') invalid(out, 'parameters', '', 'field can not be empty.')
  },
  validateUpdate: (out, object, old) => {
    if (!equalJson(object.parameters ?? {}, old.parameters ?? {})) {
      forbidden(out, 'parameters', 'updates to parameters are forbidden.')
    }
    if (object.provisioner !== old.provisioner)
      forbidden(out, 'provisioner', 'updates to provisioner are forbidden.')
    if (object.reclaimPolicy !== old.reclaimPolicy) {
      forbidden(out, 'reclaimPolicy', 'updates to reclaimPolicy are forbidden.')
    }
    if (object.volumeBindingMode !== old.volumeBindingMode) {
      invalid(out, 'volumeBindingMode', object.volumeBindingMode ?? null, IMMUTABLE)
    }
  },
})

export const volumeAttributesClassStrategy = defineStrategy(VolumeAttributesClass, {
  validate: (out, object) => validateDriverName(out, 'driverName', object.driverName),
  validateUpdate: (out, object, old) => {
    if (object.driverName !== old.driverName)
      forbidden(out, 'driverName', 'updates to driverName are forbidden.')
    if (!equalJson(object.parameters, old.parameters))
      forbidden(out, 'parameters', 'updates to parameters are forbidden.')
  },
})

const DRIVER_DEFAULTS = {
  attachRequired: true,
  podInfoOnMount: false,
  storageCapacity: false,
  fsGroupPolicy: 'ReadWriteOnceWithFSType',
  requiresRepublish: false,
  seLinuxMount: false,
} as const

export const csiDriverStrategy = defineStrategy(CSIDriver, {
  generation: true,
  unconditionalUpdate: false,
  defaults: (object) =>
    within(object, 'spec', (spec) => {
      const s = fill(spec, DRIVER_DEFAULTS)
      return s.volumeLifecycleModes?.length ? s : { ...s, volumeLifecycleModes: ['Persistent'] as const }
    }),
  validate: (out, object) => {
    validateDriverName(out, 'metadata.name', object.metadata.name)
    const modes = object.spec.volumeLifecycleModes ?? []
    for (const mode of modes) oneOfIfSet(out, 'spec.volumeLifecycleModes', mode, ['Ephemeral', 'Persistent'])
    oneOfIfSet(out, 'spec.fsGroupPolicy', object.spec.fsGroupPolicy, [
      'File',
      'None',
      'ReadWriteOnceWithFSType',
    ])
  },
  validateUpdate: (out, object, old) => {
    if (object.spec.attachRequired !== old.spec.attachRequired) {
      invalid(out, 'spec.attachedRequired', object.spec.attachRequired ?? null, IMMUTABLE)
    }
    if (!equalJson(object.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes)) {
      invalid(out, 'spec.volumeLifecycleModes', object.spec.volumeLifecycleModes ?? [], IMMUTABLE)
    }
  },
})

export const csiNodeStrategy = defineStrategy(CSINode, {
  unconditionalUpdate: false,
  validate: (out, object) => {
    const names = new Set<string>()
    object.spec.drivers?.forEach((driver, i) => {
      const at = `spec.drivers[${i}]`
      validateDriverName(out, `${at}.name`, driver.name)
      if (names.has(driver.name))
        out.push({ type: 'Duplicate', field: `${at}.name`, value: driver.name, detail: '' })
      names.add(driver.name)
      if (!driver.nodeID) required(out, `${at}.nodeID`)
    })
  },
})

export const csiStorageCapacityStrategy = defineStrategy(CSIStorageCapacity, {
  unconditionalUpdate: false,
  validate: (out, object) => {
    if (!object.storageClassName) required(out, 'storageClassName')
    else invalidEach(out, 'storageClassName', object.storageClassName, dnsSubdomain(object.storageClassName))
  },
  validateUpdate: (out, object, old) => {
    if (object.storageClassName !== old.storageClassName) {
      invalid(out, 'storageClassName', object.storageClassName, IMMUTABLE)
    }
    if (!equalJson(object.nodeTopology, old.nodeTopology))
      invalid(out, 'nodeTopology', object.nodeTopology ?? null, IMMUTABLE)
  },
})

export const volumeAttachmentStrategy = defineStrategy(VolumeAttachment, {
  unconditionalUpdate: false,
  validate: (out, { spec }) => {
    validateDriverName(out, 'spec.attacher', spec.attacher)
    const { persistentVolumeName, inlineVolumeSpec } = spec.source ?? {}
    if (!persistentVolumeName && !inlineVolumeSpec) {
      required(out, 'spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')
    }
    if (!spec.nodeName) required(out, 'spec.nodeName')
  },
  validateUpdate: (out, object, old) => {
    if (!equalJson(object.spec, old.spec)) invalid(out, 'spec', object.spec, IMMUTABLE)
  },
})
