import { validateContainerResourceName, validateQuantity } from '../core/resources.validate.ts'
import { validateTolerations } from '../core/scheduling.validate.ts'
import { defineStrategy } from '../define.strategy.ts'
import { dnsLabel } from '../meta/names.validate.ts'
import { validateLabels } from '../meta/object-meta.validate.ts'
import { IMMUTABLE, invalid, invalidEach } from '../meta/report.validate.ts'
import { RuntimeClass } from './runtime-class.ts'

export const runtimeClassStrategy = defineStrategy(RuntimeClass, {
  unconditionalUpdate: false,
  validate: (out, object) => {
    invalidEach(out, 'handler', object.handler ?? '', dnsLabel(object.handler ?? ''))
    const fixed = object.overhead?.podFixed
    for (const name in fixed) {
      validateContainerResourceName(out, `overhead.podFixed[${name}]`, name)
      validateQuantity(out, `overhead.podFixed[${name}]`, name, fixed[name]!)
    }
    const { scheduling } = object
    if (scheduling?.nodeSelector) validateLabels(out, 'scheduling.nodeSelector', scheduling.nodeSelector)
    if (scheduling?.tolerations) validateTolerations(out, 'scheduling.tolerations', scheduling.tolerations)
  },
  validateUpdate: (out, object, old) => {
    if (object.handler !== old.handler) invalid(out, 'handler', object.handler, IMMUTABLE)
  },
})
