import { oneOf, opt, rawObject, req, type Shape, str, struct, type TypeOf } from '../../schema/index.ts'

export const DeviceTaintEffect = oneOf('None', 'NoSchedule', 'NoExecute')
export type DeviceTaintEffect = TypeOf<typeof DeviceTaintEffect>

const deviceSelectorFields = {
  cel: opt(1, () => CELDeviceSelector, { union: 'SelectorType' }),
} as const

export interface DeviceSelector extends Shape<typeof deviceSelectorFields> {}
export const DeviceSelector = struct<DeviceSelector>('resource.v1.DeviceSelector', deviceSelectorFields)

const celDeviceSelectorFields = {
  expression: req(1, str),
} as const

export interface CELDeviceSelector extends Shape<typeof celDeviceSelectorFields> {}
export const CELDeviceSelector = struct<CELDeviceSelector>(
  'resource.v1.CELDeviceSelector',
  celDeviceSelectorFields,
)

export const deviceConfigurationFields = {
  opaque: opt(1, () => OpaqueDeviceConfiguration, { union: 'ConfigurationType' }),
} as const

export interface DeviceConfiguration extends Shape<typeof deviceConfigurationFields> {}
export const DeviceConfiguration = struct<DeviceConfiguration>(
  'resource.v1.DeviceConfiguration',
  deviceConfigurationFields,
)

const opaqueDeviceConfigurationFields = {
  driver: req(1, str),
  parameters: req(2, rawObject),
} as const

export interface OpaqueDeviceConfiguration extends Shape<typeof opaqueDeviceConfigurationFields> {}
export const OpaqueDeviceConfiguration = struct<OpaqueDeviceConfiguration>(
  'resource.v1.OpaqueDeviceConfiguration',
  opaqueDeviceConfigurationFields,
)
