import {
  always,
  anyOf,
  bool,
  bytes,
  kind,
  mapOf,
  opt,
  ptr,
  type Shape,
  str,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const SecretType = anyOf(
  'Opaque',
  'kubernetes.io/service-account-token',
  'kubernetes.io/dockercfg',
  'kubernetes.io/dockerconfigjson',
  'kubernetes.io/basic-auth',
  'kubernetes.io/ssh-auth',
  'kubernetes.io/tls',
  'bootstrap.kubernetes.io/token',
)

const secretFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  immutable: ptr(5, bool, { doc: 'When true, data can no longer change.' }),
  data: opt(2, mapOf(bytes), { doc: 'Values in base64.' }),
  stringData: opt(4, mapOf(str), { doc: 'Plain text that is written into data. Never read back.' }),
  type: opt(3, SecretType),
} as const

export interface Secret extends Shape<typeof secretFields> {}
export const Secret = kind<Secret>('core.v1.Secret', secretFields, {
  doc: 'Confidential values for pods; at most 1 MiB in all.',
  group: '',
  plural: 'secrets',
})

const configMapFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  immutable: ptr(4, bool, { doc: 'When true, data can no longer change.' }),
  data: opt(2, mapOf(str)),
  binaryData: opt(3, mapOf(bytes), { doc: 'Values in base64, for what is not UTF-8.' }),
} as const

export interface ConfigMap extends Shape<typeof configMapFields> {}
export const ConfigMap = kind<ConfigMap>('core.v1.ConfigMap', configMapFields, {
  doc: 'Configuration values for pods; at most 1 MiB in all.',
  group: '',
  plural: 'configmaps',
  shortNames: ['cm'],
})
