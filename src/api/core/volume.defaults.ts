import { each, fill, within } from '../copy.strategy.ts'
import { pullPolicyOf } from './container.defaults.ts'
import type { DownwardAPIVolumeFile, Volume, VolumeProjection } from './volume.ts'

const MODE = { defaultMode: 0o644 } as const
const FIELD_REF_DEFAULTS = { apiVersion: 'v1' } as const

/** A volume without a source is an emptyDir. */
export function defaultVolume(volume: Volume): Volume {
  for (const key in volume) {
    if (key === 'name' || volume[key as keyof Volume] === undefined) continue
    return defaultSource(volume, key)
  }
  return { ...volume, emptyDir: {} }
}

function defaultSource(volume: Volume, source: string): Volume {
  switch (source) {
    case 'secret':
      return within(volume, 'secret', (s) => fill(s, MODE))
    case 'configMap':
      return within(volume, 'configMap', (s) => fill(s, MODE))
    case 'downwardAPI':
      return within(volume, 'downwardAPI', (s) =>
        within(fill(s, MODE), 'items', (items) => each(items, defaultFile)),
      )
    case 'projected':
      return within(volume, 'projected', (s) =>
        within(fill(s, MODE), 'sources', (list) => each(list, defaultProjection)),
      )
    case 'hostPath':
      return within(volume, 'hostPath', (s) => (s.type === undefined ? { ...s, type: '' as const } : s))
    case 'image':
      return within(volume, 'image', (s) => fill(s, { pullPolicy: pullPolicyOf(s.reference) }))
    case 'ephemeral':
      return within(volume, 'ephemeral', (s) =>
        within(s, 'volumeClaimTemplate', (t) =>
          within(t, 'spec', (spec) => fill(spec, { volumeMode: 'Filesystem' })),
        ),
      )
    case 'iscsi':
      return within(volume, 'iscsi', (s) => fill(s, { iscsiInterface: 'default' }))
    case 'rbd':
      return within(volume, 'rbd', (s) =>
        fill(s, { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' }),
      )
    case 'azureDisk':
      return within(volume, 'azureDisk', (s) =>
        fill(s, { cachingMode: 'ReadWrite', kind: 'Shared', fsType: 'ext4', readOnly: false }),
      )
    case 'scaleIO':
      return within(volume, 'scaleIO', (s) => fill(s, { storageMode: 'ThinProvisioned', fsType: 'xfs' }))
    default:
      return volume
  }
}

const defaultFile = (file: DownwardAPIVolumeFile) =>
  within(file, 'fieldRef', (ref) => fill(ref, FIELD_REF_DEFAULTS))

function defaultProjection(projection: VolumeProjection): VolumeProjection {
  let p = within(projection, 'serviceAccountToken', (t) => fill(t, { expirationSeconds: 3600 }))
  p = within(p, 'downwardAPI', (d) => within(d, 'items', (items) => each(items, defaultFile)))
  return within(p, 'podCertificate', (c) => fill(c, { maxExpirationSeconds: 86400 }))
}
