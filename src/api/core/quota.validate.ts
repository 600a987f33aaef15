import { equalJson } from '../../schema/index.ts'
import { entry } from '../copy.strategy.ts'
import { qualifiedName } from '../meta/names.validate.ts'
import {
  duplicate,
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import type { LimitRange, LimitRangeItem, ResourceQuota } from './quota.ts'
import {
  compareText,
  validateContainerResourceName,
  validateQuantity,
  validateQuotaResourceName,
  validateResourceName,
} from './resources.validate.ts'

const TYPES = new Set(['Pod', 'Container', 'PersistentVolumeClaim'])
const SCOPES = new Set([
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
])

export function validateLimitRange(out: Problems, range: LimitRange): void {
  const seen = new Set<string>()
  range.spec.limits?.forEach((item, i) => {
    const at = `spec.limits[${i}]`
    invalidEach(out, `${at}.type`, item.type ?? '', qualifiedName(item.type ?? ''))
    if (item.type && !item.type.includes('/') && !TYPES.has(item.type)) {
      invalid(out, `${at}.type`, item.type, 'must be a standard limit type or fully qualified')
    }
    if (seen.has(item.type)) duplicate(out, `${at}.type`, item.type)
    seen.add(item.type)
    validateItem(out, at, item)
  })
}

/** What an amount is called in a message, and the amount. */
type Named = readonly [name: string, amount: string | undefined]

function validateItem(out: Problems, field: string, item: LimitRangeItem): void {
  const nameRule =
    item.type === 'Pod' || item.type === 'Container' ? validateContainerResourceName : validateResourceName
  for (const key of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    const list = item[key]
    if (
      item.type === 'Pod' &&
      (key === 'default' || key === 'defaultRequest') &&
      list &&
      Object.keys(list).length > 0
    ) {
      forbidden(out, `${field}.${key}`, "may not be specified when `type` is 'Pod'")
      continue
    }
    for (const name in list) nameRule(out, `${field}.${key}[${name}]`, name)
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.storage && !item.max?.storage) {
    required(
      out,
      `${field}.limits`,
      'either minimum or maximum storage value is required, but neither was provided',
    )
  }
  const { max, min, default: limit, defaultRequest: request } = item
  const inOrder = (key: string, shown: string | undefined, low: Named, high: Named, name: string) => {
    if (low[1] === undefined || high[1] === undefined || compareText(low[1], high[1]) <= 0) return
    const why = `${low[0]} value ${low[1]} is greater than ${high[0]} value ${high[1]}`
    invalid(out, `${field}.${key}[${name}]`, shown, why)
  }
  const names = new Set([max, min, limit, request].flatMap((list) => Object.keys(list ?? {})))
  for (const name of names) {
    inOrder('min', entry(min, name), ['min', entry(min, name)], ['max', entry(max, name)], name)
    inOrder(
      'defaultRequest',
      entry(request, name),
      ['min', entry(min, name)],
      ['default request', entry(request, name)],
      name,
    )
    inOrder(
      'defaultRequest',
      entry(request, name),
      ['default request', entry(request, name)],
      ['max', entry(max, name)],
      name,
    )
    inOrder(
      'defaultRequest',
      entry(request, name),
      ['default request', entry(request, name)],
      ['default limit', entry(limit, name)],
      name,
    )
    inOrder('default', entry(min, name), ['min', entry(min, name)], ['default', entry(limit, name)], name)
    inOrder('default', entry(max, name), ['default', entry(limit, name)], ['max', entry(max, name)], name)
  }
}

function validateAmounts(
  out: Problems,
  field: string,
  amounts: Readonly<Record<string, string>> | undefined,
): void {
  for (const name in amounts) {
    validateQuotaResourceName(out, `${field}[${name}]`, name)
    validateQuantity(out, `${field}[${name}]`, name, amounts[name]!)
  }
}

export function validateResourceQuota(out: Problems, { spec }: ResourceQuota): void {
  validateAmounts(out, 'spec.hard', spec.hard)
  const scopes = spec.scopes ?? []
  for (const scope of scopes) if (!SCOPES.has(scope)) invalid(out, 'spec.scopes', scopes, 'unsupported scope')
  for (const pair of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (pair.every((scope) => scopes.includes(scope)))
      invalid(out, 'spec.scopes', scopes, 'conflicting scopes')
  }
  const at = 'spec.scopeSelector.matchExpressions'
  for (const { scopeName, operator, values } of spec.scopeSelector?.matchExpressions ?? []) {
    if (!SCOPES.has(scopeName)) invalid(out, `${at}.scopeName`, scopeName, 'unsupported scope')
    if (operator === 'In' || operator === 'NotIn') {
      if (!values?.length) {
        required(
          out,
          `${at}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        )
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values?.length) {
        invalid(
          out,
          `${at}.values`,
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        )
      }
    } else invalid(out, `${at}.operator`, operator ?? '', 'not a valid selector operator')
  }
}

export function validateResourceQuotaUpdate(out: Problems, quota: ResourceQuota, old: ResourceQuota): void {
  const sorted = (scopes: readonly string[] | undefined) => [...(scopes ?? [])].sort()
  if (!equalJson(sorted(quota.spec.scopes), sorted(old.spec.scopes))) {
    invalid(out, 'spec.scopes', quota.spec.scopes ?? [], IMMUTABLE)
  }
}

export function validateResourceQuotaStatus(out: Problems, { status }: ResourceQuota): void {
  validateAmounts(out, 'status.hard', status.hard)
  validateAmounts(out, 'status.used', status.used)
}
