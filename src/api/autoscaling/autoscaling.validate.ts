import { pathSegment } from '../meta/names.validate.ts'
import { invalid, invalidEach, notSupported, type Problems, required } from '../meta/report.validate.ts'
import type { HorizontalPodAutoscaler as V1 } from './v1.ts'
import type { HPAScalingRules, MetricSpec, MetricTarget, HorizontalPodAutoscaler as V2 } from './v2.ts'

interface Common {
  readonly minReplicas?: number | undefined
  readonly maxReplicas: number
  readonly scaleTargetRef: { readonly kind: string; readonly name: string }
}

function validateCommon(out: Problems, spec: Common, minimum: number): void {
  const { minReplicas, maxReplicas, scaleTargetRef: ref } = spec
  if (minReplicas !== undefined && minReplicas < minimum) {
    invalid(out, 'spec.minReplicas', minReplicas, `must be greater than or equal to ${minimum}`)
  }
  if (!(maxReplicas >= 1)) invalid(out, 'spec.maxReplicas', maxReplicas ?? 0, 'must be greater than 0')
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    invalid(out, 'spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')
  }
  for (const key of ['kind', 'name'] as const) {
    const value = ref?.[key]
    if (!value) required(out, `spec.scaleTargetRef.${key}`)
    else invalidEach(out, `spec.scaleTargetRef.${key}`, value, pathSegment(value))
  }
}

export function validateAutoscalerV1(out: Problems, { spec }: V1): void {
  validateCommon(out, spec, 1)
  const target = spec.targetCPUUtilizationPercentage
  if (target !== undefined && target < 1) {
    invalid(out, 'spec.targetCPUUtilizationPercentage', target, 'must be greater than 0')
  }
}

const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']
const SOURCE: Readonly<Record<string, 'containerResource' | 'external' | 'object' | 'pods' | 'resource'>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
}

export function validateAutoscaler(out: Problems, { spec }: V2): void {
  const scalesFromZero = spec.metrics?.some((m) => m.type === 'Object' || m.type === 'External') === true
  validateCommon(out, spec, scalesFromZero ? 0 : 1)
  spec.metrics?.forEach((metric, i) => void validateMetric(out, `spec.metrics[${i}]`, metric))
  if (spec.behavior?.scaleUp) validateRules(out, 'spec.behavior.scaleUp', spec.behavior.scaleUp)
  if (spec.behavior?.scaleDown) validateRules(out, 'spec.behavior.scaleDown', spec.behavior.scaleDown)
}

function validateMetric(out: Problems, field: string, metric: MetricSpec): void {
  if (!metric.type) {
    required(out, `${field}.type`, 'must specify a metric source type')
    return
  }
  const source = SOURCE[metric.type]
  if (!source) {
    notSupported(out, `${field}.type`, metric.type, METRIC_TYPES)
    return
  }
  const found = metric[source]
  if (!found) {
    required(out, `${field}.${source}`, `must populate information for the given metric source`)
    return
  }
  for (const other of Object.values(SOURCE)) {
    if (other !== source && metric[other]) {
      out.push({
        type: 'Forbidden',
        field: `${field}.${other}`,
        detail: 'must populate the given metric source only',
      })
    }
  }
  if ('name' in found && !found.name) required(out, `${field}.${source}.name`, 'must specify a resource name')
  if ('metric' in found && !found.metric?.name)
    required(out, `${field}.${source}.metric.name`, 'must specify a metric name')
  validateTarget(out, `${field}.${source}.target`, found.target)
}

function validateTarget(out: Problems, field: string, target: MetricTarget | undefined): void {
  const type = target?.type
  if (!type) {
    required(out, `${field}.type`, 'must specify a metric target type')
    return
  }
  if (type !== 'Utilization' && type !== 'Value' && type !== 'AverageValue') {
    invalid(out, `${field}.type`, type, 'must be either Utilization, Value, or AverageValue')
  }
  const { value, averageValue, averageUtilization } = target
  if (averageUtilization !== undefined && averageUtilization < 1) {
    invalid(out, `${field}.averageUtilization`, averageUtilization, 'must be greater than 0')
  }
  for (const [key, amount] of Object.entries({ value, averageValue })) {
    if (amount !== undefined && (amount === '0' || amount.startsWith('-'))) {
      invalid(out, `${field}.${key}`, amount, 'must be positive')
    }
  }
}

function validateRules(out: Problems, field: string, rules: HPAScalingRules): void {
  const window = rules.stabilizationWindowSeconds
  if (window !== undefined && window < 0) {
    invalid(out, `${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero')
  } else if (window !== undefined && window > 3600) {
    invalid(out, `${field}.stabilizationWindowSeconds`, window, 'must be less than or equal to 3600')
  }
  const { selectPolicy, policies } = rules
  if (selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(selectPolicy)) {
    notSupported(out, `${field}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min'])
  }
  if (!policies?.length) required(out, `${field}.policies`, 'must specify at least one Policy')
  policies?.forEach((policy, i) => {
    const at = `${field}.policies[${i}]`
    if (policy.type !== 'Pods' && policy.type !== 'Percent') {
      notSupported(out, `${at}.type`, policy.type ?? '', ['Percent', 'Pods'])
    }
    if (!(policy.value > 0)) invalid(out, `${at}.value`, policy.value ?? 0, 'must be greater than zero')
    if (!(policy.periodSeconds > 0)) {
      invalid(out, `${at}.periodSeconds`, policy.periodSeconds ?? 0, 'must be greater than zero')
    } else if (policy.periodSeconds > 1800) {
      invalid(out, `${at}.periodSeconds`, policy.periodSeconds, 'must be less than or equal to 1800')
    }
  })
}
