import {
  always,
  inline,
  kind,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { DeviceSelector, deviceConfigurationFields } from './common.ts'

const deviceClassFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => DeviceClassSpec),
} as const

export interface DeviceClass extends Shape<typeof deviceClassFields> {}
export const DeviceClass = kind<DeviceClass>('resource.v1.DeviceClass', deviceClassFields, {
  doc: 'A kind of device that claims can ask for.',
  group: 'resource.k8s.io',
  plural: 'deviceclasses',
  cluster: true,
})

const deviceClassSpecFields = {
  selectors: opt(
    1,
    listOf(() => DeviceSelector),
  ),
  config: opt(
    2,
    listOf(() => DeviceClassConfiguration),
  ),
  extendedResourceName: ptr(4, str, { gates: ['DRAExtendedResource'] }),
} as const

export interface DeviceClassSpec extends Shape<typeof deviceClassSpecFields> {}
export const DeviceClassSpec = struct<DeviceClassSpec>('resource.v1.DeviceClassSpec', deviceClassSpecFields)

const deviceClassConfigurationFields = {
  ...inline(1, deviceConfigurationFields),
} as const

export interface DeviceClassConfiguration extends Shape<typeof deviceClassConfigurationFields> {}
export const DeviceClassConfiguration = struct<DeviceClassConfiguration>(
  'resource.v1.DeviceClassConfiguration',
  deviceClassConfigurationFields,
)
