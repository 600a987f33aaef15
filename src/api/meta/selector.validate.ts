import { entry } from '../copy.strategy.ts'
import { labelValue, qualifiedName } from './names.validate.ts'
import type { LabelSelector } from './object-meta.ts'
import { validateLabels } from './object-meta.validate.ts'
import { forbidden, invalid, invalidEach, type Problems, required } from './report.validate.ts'

export function validateLabelSelector(
  out: Problems,
  field: string,
  selector: LabelSelector | undefined,
): void {
  if (!selector) return
  if (selector.matchLabels) validateLabels(out, `${field}.matchLabels`, selector.matchLabels)
  const list = selector.matchExpressions ?? []
  for (let i = 0; i < list.length; i++) {
    const { key, operator, values } = list[i]!
    const at = `${field}.matchExpressions[${i}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (!values?.length)
        required(out, `${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values?.length) {
        forbidden(out, `${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      }
    } else invalid(out, `${at}.operator`, operator ?? '', 'not a valid selector operator')
    invalidEach(out, `${at}.key`, key ?? '', qualifiedName(key ?? ''))
    const all = values ?? []
    for (let j = 0; j < all.length; j++) invalidEach(out, `${at}.values[${j}]`, all[j], labelValue(all[j]!))
  }
}

/** Whether a selector has no requirement and so selects everything. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0
}

/** Whether it matches these labels. Unknown operators match nothing. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const key in selector.matchLabels) if (entry(labels, key) !== selector.matchLabels[key]) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = entry(labels, key)
    if (operator === 'In') return value !== undefined && values?.includes(value) === true
    if (operator === 'NotIn') return value === undefined || values?.includes(value) !== true
    if (operator === 'Exists') return value !== undefined
    return operator === 'DoesNotExist' && value === undefined
  })
}
