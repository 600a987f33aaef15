import { AGE, orUnset, table } from '../table.columns.ts'
import { HorizontalPodAutoscaler as V1 } from './v1.ts'
import { type MetricSpec, type MetricStatus, HorizontalPodAutoscaler as V2 } from './v2.ts'

const UNKNOWN = '<unknown>'
const percent = (n: number | undefined, absent: string) => (n === undefined ? absent : `${n}%`)

interface Value {
  readonly value?: string | undefined
  readonly averageValue?: string | undefined
  readonly averageUtilization?: number | undefined
}

/** `current/target` in the unit the target is given in. */
function utilization(name: string, target: Value | undefined, current: Value | undefined): string {
  if (target?.averageValue !== undefined)
    return `${name}: ${current?.averageValue ?? UNKNOWN}/${target.averageValue}`
  return `${name}: ${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`
}

function averageOrValue(target: Value | undefined, current: Value | undefined): string {
  if (target?.averageValue !== undefined)
    return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`
  return `${current?.value ?? UNKNOWN}/${target?.value ?? ''}`
}

function targetText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return averageOrValue(
        metric.external?.metric ? metric.external.target : undefined,
        status?.external?.current,
      )
    case 'Object':
      return averageOrValue(metric.object?.target, status?.object?.current)
    case 'Pods':
      return `${status?.pods?.current?.averageValue ?? UNKNOWN}/${metric.pods?.target?.averageValue ?? ''}`
    case 'Resource':
      return utilization(metric.resource?.name ?? '', metric.resource?.target, status?.resource?.current)
    case 'ContainerResource':
      return utilization(
        metric.containerResource?.name ?? '',
        metric.containerResource?.target,
        status?.containerResource?.current,
      )
    default:
      return '<unknown type>'
  }
}

function targets({ spec, status }: V2): string {
  const metrics = spec.metrics ?? []
  if (metrics.length === 0) return '<none>'
  const texts = metrics.slice(0, 2).map((metric, i) => targetText(metric, status?.currentMetrics?.[i]))
  const more = metrics.length > 2 ? ` + ${metrics.length - 2} more...` : ''
  return texts.join(', ') + more
}

const reference = (hpa: V1 | V2) => `${hpa.spec.scaleTargetRef.kind}/${hpa.spec.scaleTargetRef.name}`

export const autoscalerTable = table(
  V2,
  ['Reference', reference],
  ['Targets', targets],
  ['MinPods', (h) => orUnset(h.spec.minReplicas)],
  ['MaxPods', (h) => h.spec.maxReplicas],
  ['Replicas', (h) => h.status.currentReplicas ?? 0],
  AGE,
)

export const autoscalerV1Table = table(
  V1,
  ['Reference', reference],
  [
    'Targets',
    ({ spec, status }) =>
      spec.targetCPUUtilizationPercentage === undefined
        ? '<none>'
        : utilization(
            'cpu',
            { averageUtilization: spec.targetCPUUtilizationPercentage },
            { averageUtilization: status?.currentCPUUtilizationPercentage },
          ),
  ],
  ['MinPods', (h) => orUnset(h.spec.minReplicas)],
  ['MaxPods', (h) => h.spec.maxReplicas],
  ['Replicas', (h) => h.status.currentReplicas ?? 0],
  AGE,
)
