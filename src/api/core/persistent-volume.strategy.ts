import { fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { PersistentVolume, PersistentVolumeClaim } from './persistent-volume.ts'
import {
  validateClaim,
  validateClaimUpdate,
  validatePersistentVolume,
  validatePersistentVolumeUpdate,
} from './persistent-volume.validate.ts'

export const persistentVolumeStrategy = defineStrategy(PersistentVolume, {
  defaults: (volume) =>
    within(volume, 'spec', (spec) => {
      const s = fill(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' })
      const typed = within(s, 'hostPath', (h) => (h.type === undefined ? { ...h, type: '' as const } : h))
      const referenced = within(typed, 'claimRef', (ref) =>
        fill(ref, { kind: 'PersistentVolumeClaim', apiVersion: 'v1' }),
      )
      return within(referenced, 'iscsi', (i) => fill(i, { iscsiInterface: 'default' }))
    }),
  create: (volume) => ({ ...volume, status: { phase: 'Pending' as const } }),
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  fields: { name: (volume) => volume.metadata.name },
})

export const persistentVolumeClaimStrategy = defineStrategy(PersistentVolumeClaim, {
  defaults: (claim) =>
    within(claim, 'spec', (spec) => {
      const s = fill(spec, { volumeMode: 'Filesystem' })
      const { dataSource, dataSourceRef } = s
      // Two ways to say the same; the older knows no namespace.
      if (dataSource && !dataSourceRef) return { ...s, dataSourceRef: dataSource }
      if (!dataSourceRef || dataSource || dataSourceRef.namespace !== undefined) return s
      return { ...s, dataSource: dataSourceRef }
    }),
  create: (claim) => ({ ...claim, status: { phase: 'Pending' as const } }),
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  fields: { name: (claim) => claim.metadata.name },
})
