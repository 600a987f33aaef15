import { each, entry, withEntries, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { LimitRange, type LimitRangeItem, ResourceQuota } from './quota.ts'
import {
  validateLimitRange,
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from './quota.validate.ts'

type Amounts = Readonly<Record<string, string>>

/** `base` with what it lacks of `extra`; the same object when that is nothing. */
function completed(base: Amounts | undefined, extra: Amounts | undefined): Amounts | undefined {
  const missing = Object.entries(extra ?? {}).filter(([key]) => entry(base, key) === undefined)
  return missing.length === 0 ? base : withEntries(base, missing)
}

/** Containers that say nothing get the maximum as limit, and as request their limit, else the minimum. */
function defaultItem(item: LimitRangeItem): LimitRangeItem {
  if (item.type !== 'Container') return item
  const limit = completed(item.default, item.max)
  const request = completed(completed(item.defaultRequest, limit), item.min)
  if (limit === item.default && request === item.defaultRequest) return item
  return { ...item, ...(limit ? { default: limit } : {}), ...(request ? { defaultRequest: request } : {}) }
}

export const limitRangeStrategy = defineStrategy(LimitRange, {
  createOnUpdate: true,
  defaults: (range) =>
    within(range, 'spec', (spec) => within(spec, 'limits', (limits) => each(limits, defaultItem))),
  validate: validateLimitRange,
})

export const resourceQuotaStrategy = defineStrategy(ResourceQuota, {
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateSubresource: (out, quota) => validateResourceQuotaStatus(out, quota),
})
