import { defineStrategy } from '../define.strategy.ts'
import { Lease } from './lease.ts'

export const leaseStrategy = defineStrategy(Lease, { createOnUpdate: true, unconditionalUpdate: false })
