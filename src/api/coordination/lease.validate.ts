import { domainPath, qualifiedName } from '../meta/names.validate.ts'
import { forbidden, invalid, invalidEach, notNegative, type Problems } from '../meta/report.validate.ts'
import type { Lease } from './lease.ts'

const STRATEGY = 'OldestEmulationVersion'

export function validateLease(out: Problems, { spec }: Lease): void {
  const { leaseDurationSeconds: duration, leaseTransitions, holderIdentity, preferredHolder, strategy } = spec
  if (duration !== undefined && duration <= 0) {
    invalid(out, 'spec.leaseDurationSeconds', duration, 'must be greater than 0')
  }
  notNegative(out, 'spec.leaseTransitions', leaseTransitions)
  if (strategy !== undefined) {
    if (strategy !== STRATEGY) {
      const messages = strategy.includes('/') ? domainPath(strategy) : qualifiedName(strategy)
      invalidEach(out, 'spec.strategy', strategy, messages)
    }
  } else if (preferredHolder)
    forbidden(out, 'spec.preferredHolder', 'may only be specified if `strategy` is defined')
  if (holderIdentity === '') invalid(out, 'spec.holderIdentity', holderIdentity, 'must not be empty')
}
