import { AGE, table } from '../table.columns.ts'
import { ResourceClaim, ResourceClaimTemplate } from './claim.ts'
import { DeviceClass } from './device-class.ts'
import { ResourceSlice } from './slice.ts'

function state(claim: ResourceClaim): string {
  const words: string[] = []
  const deleted = claim.metadata.deletionTimestamp !== undefined
  if (deleted) words.push('deleted')
  if (claim.status.allocation) {
    words.push('allocated')
    if (claim.status.reservedFor?.length) words.push('reserved')
  } else if (!deleted) words.push('pending')
  return words.join(',')
}

export const deviceClassTable = table(DeviceClass, AGE)
export const resourceClaimTable = table(ResourceClaim, ['State', state], AGE)
export const resourceClaimTemplateTable = table(ResourceClaimTemplate, AGE)
export const resourceSliceTable = table(
  ResourceSlice,
  ['Node', (s) => s.spec.nodeName ?? ''],
  ['Driver', (s) => s.spec.driver],
  ['Pool', (s) => s.spec.pool?.name ?? ''],
  AGE,
)
