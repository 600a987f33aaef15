import {
  always,
  anyOf,
  bool,
  bytes,
  int32,
  int64,
  kind,
  listOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { JSONSchemaProps } from './json-schema.ts'

export const ConversionStrategyType = anyOf('None', 'Webhook')

export const ResourceScope = anyOf('Cluster', 'Namespaced')

export const ConditionStatus = anyOf('True', 'False', 'Unknown')

export const CustomResourceDefinitionConditionType = anyOf(
  'Established',
  'NamesAccepted',
  'NonStructuralSchema',
  'Terminating',
  'KubernetesAPIApprovalPolicyConformant',
  'StorageMigrating',
)

const customResourceDefinitionSpecFields = {
  group: req(1, str),
  names: req(3, () => CustomResourceDefinitionNames),
  scope: req(4, ResourceScope),
  versions: req(
    7,
    listOf(() => CustomResourceDefinitionVersion),
  ),
  conversion: opt(9, () => CustomResourceConversion),
  preserveUnknownFields: opt(10, bool, { deprecated: true }),
} as const

export interface CustomResourceDefinitionSpec extends Shape<typeof customResourceDefinitionSpecFields> {}
export const CustomResourceDefinitionSpec = struct<CustomResourceDefinitionSpec>(
  'apiextensions.v1.CustomResourceDefinitionSpec',
  customResourceDefinitionSpecFields,
)

const customResourceConversionFields = {
  strategy: req(1, ConversionStrategyType),
  webhook: opt(2, () => WebhookConversion),
} as const

export interface CustomResourceConversion extends Shape<typeof customResourceConversionFields> {}
export const CustomResourceConversion = struct<CustomResourceConversion>(
  'apiextensions.v1.CustomResourceConversion',
  customResourceConversionFields,
)

const webhookConversionFields = {
  clientConfig: opt(2, () => WebhookClientConfig),
  conversionReviewVersions: req(3, listOf(str)),
} as const

export interface WebhookConversion extends Shape<typeof webhookConversionFields> {}
export const WebhookConversion = struct<WebhookConversion>(
  'apiextensions.v1.WebhookConversion',
  webhookConversionFields,
)

const webhookClientConfigFields = {
  url: ptr(3, str),
  service: opt(1, () => ServiceReference),
  caBundle: opt(2, bytes),
} as const

export interface WebhookClientConfig extends Shape<typeof webhookClientConfigFields> {}
export const WebhookClientConfig = struct<WebhookClientConfig>(
  'apiextensions.v1.WebhookClientConfig',
  webhookClientConfigFields,
)

const serviceReferenceFields = {
  namespace: req(1, str),
  name: req(2, str),
  path: ptr(3, str),
  port: ptr(4, int32),
} as const

export interface ServiceReference extends Shape<typeof serviceReferenceFields> {}
export const ServiceReference = struct<ServiceReference>(
  'apiextensions.v1.ServiceReference',
  serviceReferenceFields,
)

const customResourceDefinitionVersionFields = {
  name: req(1, str),
  served: req(2, bool),
  storage: req(3, bool),
  deprecated: opt(7, bool),
  deprecationWarning: ptr(8, str),
  schema: opt(4, () => CustomResourceValidation),
  subresources: opt(5, () => CustomResourceSubresources),
  additionalPrinterColumns: opt(
    6,
    listOf(() => CustomResourceColumnDefinition),
  ),
  selectableFields: opt(
    9,
    listOf(() => SelectableField),
    { gates: ['CustomResourceFieldSelectors'] },
  ),
} as const

export interface CustomResourceDefinitionVersion
  extends Shape<typeof customResourceDefinitionVersionFields> {}
export const CustomResourceDefinitionVersion = struct<CustomResourceDefinitionVersion>(
  'apiextensions.v1.CustomResourceDefinitionVersion',
  customResourceDefinitionVersionFields,
)

const selectableFieldFields = {
  jsonPath: req(1, str),
} as const

export interface SelectableField extends Shape<typeof selectableFieldFields> {}
export const SelectableField = struct<SelectableField>(
  'apiextensions.v1.SelectableField',
  selectableFieldFields,
)

const customResourceColumnDefinitionFields = {
  name: req(1, str),
  type: req(2, str),
  format: opt(3, str),
  description: opt(4, str),
  priority: opt(5, int32),
  jsonPath: req(6, str),
} as const

export interface CustomResourceColumnDefinition extends Shape<typeof customResourceColumnDefinitionFields> {}
export const CustomResourceColumnDefinition = struct<CustomResourceColumnDefinition>(
  'apiextensions.v1.CustomResourceColumnDefinition',
  customResourceColumnDefinitionFields,
)

const customResourceDefinitionNamesFields = {
  plural: req(1, str),
  singular: opt(2, str),
  shortNames: opt(3, listOf(str)),
  kind: req(4, str),
  listKind: opt(5, str),
  categories: opt(6, listOf(str)),
} as const

export interface CustomResourceDefinitionNames extends Shape<typeof customResourceDefinitionNamesFields> {}
export const CustomResourceDefinitionNames = struct<CustomResourceDefinitionNames>(
  'apiextensions.v1.CustomResourceDefinitionNames',
  customResourceDefinitionNamesFields,
)

const customResourceDefinitionConditionFields = {
  type: req(1, CustomResourceDefinitionConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
  observedGeneration: opt(6, int64, { gates: ['CRDObservedGenerationTracking'] }),
} as const

export interface CustomResourceDefinitionCondition
  extends Shape<typeof customResourceDefinitionConditionFields> {}
export const CustomResourceDefinitionCondition = struct<CustomResourceDefinitionCondition>(
  'apiextensions.v1.CustomResourceDefinitionCondition',
  customResourceDefinitionConditionFields,
)

const customResourceDefinitionStatusFields = {
  conditions: always(
    1,
    listOf(() => CustomResourceDefinitionCondition, { mapKeys: ['type'] }),
  ),
  acceptedNames: always(2, () => CustomResourceDefinitionNames),
  storedVersions: always(3, listOf(str)),
  observedGeneration: opt(4, int64, { gates: ['CRDObservedGenerationTracking'] }),
} as const

export interface CustomResourceDefinitionStatus extends Shape<typeof customResourceDefinitionStatusFields> {}
export const CustomResourceDefinitionStatus = struct<CustomResourceDefinitionStatus>(
  'apiextensions.v1.CustomResourceDefinitionStatus',
  customResourceDefinitionStatusFields,
)

const customResourceDefinitionFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => CustomResourceDefinitionSpec),
  status: always(3, () => CustomResourceDefinitionStatus),
} as const

export interface CustomResourceDefinition extends Shape<typeof customResourceDefinitionFields> {}
export const CustomResourceDefinition = kind<CustomResourceDefinition>(
  'apiextensions.v1.CustomResourceDefinition',
  customResourceDefinitionFields,
  {
    doc: 'A resource type that users add to the API.',
    group: 'apiextensions.k8s.io',
    plural: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    cluster: true,
    subresources: {
      status: { kind: 'CustomResourceDefinition', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const customResourceValidationFields = {
  openAPIV3Schema: opt(1, () => JSONSchemaProps),
} as const

export interface CustomResourceValidation extends Shape<typeof customResourceValidationFields> {}
export const CustomResourceValidation = struct<CustomResourceValidation>(
  'apiextensions.v1.CustomResourceValidation',
  customResourceValidationFields,
)

const customResourceSubresourcesFields = {
  status: opt(1, () => CustomResourceSubresourceStatus),
  scale: opt(2, () => CustomResourceSubresourceScale),
} as const

export interface CustomResourceSubresources extends Shape<typeof customResourceSubresourcesFields> {}
export const CustomResourceSubresources = struct<CustomResourceSubresources>(
  'apiextensions.v1.CustomResourceSubresources',
  customResourceSubresourcesFields,
)

const customResourceSubresourceStatusFields = {} as const

export interface CustomResourceSubresourceStatus
  extends Shape<typeof customResourceSubresourceStatusFields> {}
export const CustomResourceSubresourceStatus = struct<CustomResourceSubresourceStatus>(
  'apiextensions.v1.CustomResourceSubresourceStatus',
  customResourceSubresourceStatusFields,
)

const customResourceSubresourceScaleFields = {
  specReplicasPath: req(1, str),
  statusReplicasPath: req(2, str),
  labelSelectorPath: ptr(3, str),
} as const

export interface CustomResourceSubresourceScale extends Shape<typeof customResourceSubresourceScaleFields> {}
export const CustomResourceSubresourceScale = struct<CustomResourceSubresourceScale>(
  'apiextensions.v1.CustomResourceSubresourceScale',
  customResourceSubresourceScaleFields,
)
