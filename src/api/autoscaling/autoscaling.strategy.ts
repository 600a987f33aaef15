import { assign, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { validateAutoscaler, validateAutoscalerV1 } from './autoscaling.validate.ts'
import { HorizontalPodAutoscaler as V1 } from './v1.ts'
import { type HPAScalingRules, type MetricSpec, HorizontalPodAutoscaler as V2 } from './v2.ts'

const DEFAULT_METRIC: MetricSpec = {
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
}
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
}
const SCALE_DOWN: HPAScalingRules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
}

function defaultRules(given: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  return given ? fill(given, defaults) : defaults
}

export const autoscalerStrategy = defineStrategy(V2, {
  unconditionalUpdate: false,
  defaults: (object) =>
    within(object, 'spec', (spec) => {
      let s = fill(spec, { minReplicas: 1 })
      if (!s.metrics?.length) s = { ...s, metrics: [DEFAULT_METRIC] }
      return within(s, 'behavior', (b) => {
        const scaleUp = defaultRules(b.scaleUp, SCALE_UP)
        return assign(b, { scaleUp, scaleDown: defaultRules(b.scaleDown, SCALE_DOWN) })
      })
    }),
  validate: validateAutoscaler,
})

export const autoscalerV1Strategy = defineStrategy(V1, {
  unconditionalUpdate: false,
  defaults: (object) => within(object, 'spec', (spec) => fill(spec, { minReplicas: 1 })),
  validate: validateAutoscalerV1,
})
