import { each, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { validateEndpoints } from './cluster.validate.ts'
import { Endpoints } from './endpoints.ts'

export const endpointsStrategy = defineStrategy(Endpoints, {
  createOnUpdate: true,
  validate: validateEndpoints,
  defaults: (endpoints) =>
    within(endpoints, 'subsets', (subsets) =>
      each(subsets, (subset) =>
        within(subset, 'ports', (ports) => each(ports, (p) => fill(p, { protocol: 'TCP' }))),
      ),
    ),
})
