import { validateCountOrPercent } from '../apps/workload.validate.ts'
import { defineStrategy } from '../define.strategy.ts'
import { invalid, oneOfIfSet, type Problems } from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import { PodDisruptionBudget } from './disruption.ts'

function validate(out: Problems, { spec }: PodDisruptionBudget): void {
  const { minAvailable, maxUnavailable } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    invalid(out, 'spec', spec, 'minAvailable and maxUnavailable cannot be both set')
  }
  for (const key of ['minAvailable', 'maxUnavailable'] as const) {
    const value = spec[key]
    validateCountOrPercent(out, `spec.${key}`, value)
    if (typeof value === 'string' && Number.parseInt(value, 10) > 100) {
      invalid(out, `spec.${key}`, value, 'must not be greater than 100%')
    }
  }
  validateLabelSelector(out, 'spec.selector', spec.selector)
  oneOfIfSet(out, 'spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, [
    'AlwaysAllow',
    'IfHealthyBudget',
  ])
}

export const podDisruptionBudgetStrategy = defineStrategy(PodDisruptionBudget, {
  generation: true,
  unconditionalUpdate: false,
  validate,
})
