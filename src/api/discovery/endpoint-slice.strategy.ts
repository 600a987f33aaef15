import { each, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { type EndpointPort, EndpointSlice } from './endpoint-slice.ts'
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice.validate.ts'

const defaultPort = (port: EndpointPort): EndpointPort =>
  port.name !== undefined && port.protocol !== undefined
    ? port
    : { ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }

export const endpointSliceStrategy = defineStrategy(EndpointSlice, {
  generation: true,
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  defaults: (slice) => within(slice, 'ports', (ports) => each(ports, defaultPort)),
})
