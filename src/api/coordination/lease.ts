import {
  always,
  anyOf,
  int32,
  kind,
  microTime,
  ptr,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const CoordinatedLeaseStrategy = anyOf('OldestEmulationVersion')

const leaseFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => LeaseSpec),
} as const

export interface Lease extends Shape<typeof leaseFields> {}
export const Lease = kind<Lease>('coordination.v1.Lease', leaseFields, {
  doc: 'A claim on something, to be renewed in time: leadership, or that a node is alive.',
  group: 'coordination.k8s.io',
  plural: 'leases',
})

const leaseSpecFields = {
  holderIdentity: ptr(1, str),
  leaseDurationSeconds: ptr(2, int32),
  acquireTime: ptr(3, microTime),
  renewTime: ptr(4, microTime),
  leaseTransitions: ptr(5, int32),
  strategy: ptr(6, CoordinatedLeaseStrategy, { gates: ['CoordinatedLeaderElection'] }),
  preferredHolder: ptr(7, str, { gates: ['CoordinatedLeaderElection'] }),
} as const

export interface LeaseSpec extends Shape<typeof leaseSpecFields> {}
export const LeaseSpec = struct<LeaseSpec>('coordination.v1.LeaseSpec', leaseSpecFields)
