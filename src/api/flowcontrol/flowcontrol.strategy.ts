import { assign, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { invalid, notSupported, required } from '../meta/report.validate.ts'
import { FlowSchema } from './flow-schema.ts'
import { PriorityLevelConfiguration } from './priority-level.ts'

export const flowSchemaStrategy = defineStrategy(FlowSchema, {
  generation: true,
  unconditionalUpdate: false,
  defaults: (object) =>
    within(object, 'spec', (spec) => assign(spec, { matchingPrecedence: spec.matchingPrecedence || 1000 })),
  validate: (out, { spec }) => {
    const { matchingPrecedence: precedence } = spec
    if (precedence <= 0) invalid(out, 'spec.matchingPrecedence', precedence, 'must be a positive value')
    else if (precedence > 10_000) {
      invalid(out, 'spec.matchingPrecedence', precedence, 'must not be greater than 10000')
    }
    if (!spec.priorityLevelConfiguration?.name)
      required(out, 'spec.priorityLevelConfiguration.name', 'must reference a priority level')
  },
})

export const priorityLevelStrategy = defineStrategy(PriorityLevelConfiguration, {
  generation: true,
  unconditionalUpdate: false,
  defaults: (object) =>
    within(object, 'spec', (spec) => {
      const s = within(spec, 'limited', (limited) => {
        const filled = fill(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 })
        return within(filled, 'limitResponse', (response) =>
          within(response, 'queuing', (q) =>
            assign(q, {
              queues: q.queues || 64,
              handSize: q.handSize || 8,
              queueLengthLimit: q.queueLengthLimit || 50,
            }),
          ),
        )
      })
      return within(s, 'exempt', (exempt) =>
        fill(exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 }),
      )
    }),
  validate: (out, { spec }) => {
    if (spec.type === 'Limited') {
      if (!spec.limited) required(out, 'spec.limited', 'must not be empty when type is Limited')
    } else if (spec.type !== 'Exempt') notSupported(out, 'spec.type', spec.type ?? '', ['Exempt', 'Limited'])
    else if (spec.limited)
      invalid(out, 'spec.limited', spec.limited, 'must be nil if the type is not Limited')
  },
})
