import { fill } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { forbidden, invalid, oneOfIfSet, type Problems } from '../meta/report.validate.ts'
import { PriorityClass } from './priority-class.ts'

/** Above this only the system's own classes reach. */
const HIGHEST_USER_PRIORITY = 1_000_000_000
const SYSTEM: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
}

function validate(out: Problems, object: PriorityClass): void {
  const { name } = object.metadata
  const { value = 0 } = object
  if (name.startsWith('system-')) {
    if (SYSTEM[name] !== value || object.globalDefault) {
      const why =
        'priority class names with `system-` prefix are reserved for system use only. error: ' +
        (SYSTEM[name] === undefined
          ? `${name} is not a known system priority class`
          : `value of ${name} priority class must be ${SYSTEM[name]}`)
      forbidden(out, 'metadata.name', why)
    }
  } else if (value > HIGHEST_USER_PRIORITY) {
    forbidden(out, 'value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`)
  }
  oneOfIfSet(out, 'preemptionPolicy', object.preemptionPolicy, ['Never', 'PreemptLowerPriority'])
}

export const priorityClassStrategy = defineStrategy(PriorityClass, {
  generation: true,
  defaults: (object) => fill(object, { preemptionPolicy: 'PreemptLowerPriority' }),
  validate,
  validateUpdate: (out, object, old) => {
    if (object.value !== old.value) forbidden(out, 'value', 'may not be changed in an update.')
    if (object.preemptionPolicy !== old.preemptionPolicy) {
      invalid(out, 'preemptionPolicy', object.preemptionPolicy ?? null, 'field is immutable')
    }
  },
})
