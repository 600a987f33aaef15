import { defineStrategy } from '../define.strategy.ts'
import { Lease } from './lease.ts'
import { validateLease } from './lease.validate.ts'

export const leaseStrategy = defineStrategy(Lease, {
  createOnUpdate: true,
  unconditionalUpdate: false,
  validate: validateLease,
})
