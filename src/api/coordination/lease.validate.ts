import { qualifiedName } from '../meta/names.validate.ts'
import {
  forbidden,
  invalid,
  invalidEach,
  notNegative,
  notSupported,
  type Problems,
} from '../meta/report.validate.ts'
import type { Lease } from './lease.ts'

const STRATEGY = 'OldestEmulationVersion'

/** An empty holder is how a leader gives its Lease back. */
export function validateLease(out: Problems, { spec }: Lease): void {
  const { leaseDurationSeconds: duration, leaseTransitions, preferredHolder, strategy } = spec
  if (duration !== undefined && duration <= 0) {
    invalid(out, 'spec.leaseDurationSeconds', duration, 'must be greater than 0')
  }
  notNegative(out, 'spec.leaseTransitions', leaseTransitions)
  if (strategy?.includes('/')) invalidEach(out, 'spec.strategy', strategy, qualifiedName(strategy))
  else if (strategy !== undefined && strategy !== STRATEGY)
    notSupported(out, 'spec.strategy', strategy, [STRATEGY])
  if (preferredHolder && !strategy) {
    forbidden(out, 'spec.preferredHolder', 'may only be specified if `strategy` is defined')
  }
}
