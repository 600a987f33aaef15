import {
  always,
  bytes,
  int32,
  kind,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  typeMeta,
} from '../../schema/index.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import {
  FailurePolicyType,
  MatchCondition,
  MatchPolicyType,
  ReinvocationPolicyType,
  RuleWithOperations,
} from './common.ts'

export const SideEffectClass = oneOf('Unknown', 'None', 'Some', 'NoneOnDryRun')
export type SideEffectClass = TypeOf<typeof SideEffectClass>

const validatingWebhookConfigurationFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  webhooks: opt(
    2,
    listOf(() => ValidatingWebhook, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface ValidatingWebhookConfiguration extends Shape<typeof validatingWebhookConfigurationFields> {}
export const ValidatingWebhookConfiguration = kind<ValidatingWebhookConfiguration>(
  'admissionregistration.v1.ValidatingWebhookConfiguration',
  validatingWebhookConfigurationFields,
  {
    doc: 'Webhooks that may refuse requests.',
    group: 'admissionregistration.k8s.io',
    plural: 'validatingwebhookconfigurations',
    categories: ['api-extensions'],
    cluster: true,
  },
)

const mutatingWebhookConfigurationFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  webhooks: opt(
    2,
    listOf(() => MutatingWebhook, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface MutatingWebhookConfiguration extends Shape<typeof mutatingWebhookConfigurationFields> {}
export const MutatingWebhookConfiguration = kind<MutatingWebhookConfiguration>(
  'admissionregistration.v1.MutatingWebhookConfiguration',
  mutatingWebhookConfigurationFields,
  {
    doc: 'Webhooks that may change objects on their way in.',
    group: 'admissionregistration.k8s.io',
    plural: 'mutatingwebhookconfigurations',
    categories: ['api-extensions'],
    cluster: true,
  },
)

const validatingWebhookFields = {
  name: req(1, str),
  clientConfig: req(2, () => WebhookClientConfig),
  rules: opt(
    3,
    listOf(() => RuleWithOperations),
  ),
  failurePolicy: ptr(4, FailurePolicyType),
  matchPolicy: ptr(9, MatchPolicyType),
  namespaceSelector: opt(5, () => LabelSelector),
  objectSelector: opt(10, () => LabelSelector),
  sideEffects: req(6, SideEffectClass, { pointer: true }),
  timeoutSeconds: ptr(7, int32),
  admissionReviewVersions: req(8, listOf(str)),
  matchConditions: opt(
    11,
    listOf(() => MatchCondition, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface ValidatingWebhook extends Shape<typeof validatingWebhookFields> {}
export const ValidatingWebhook = struct<ValidatingWebhook>(
  'admissionregistration.v1.ValidatingWebhook',
  validatingWebhookFields,
)

const mutatingWebhookFields = {
  name: req(1, str),
  clientConfig: req(2, () => WebhookClientConfig),
  rules: opt(
    3,
    listOf(() => RuleWithOperations),
  ),
  failurePolicy: ptr(4, FailurePolicyType),
  matchPolicy: ptr(9, MatchPolicyType),
  namespaceSelector: opt(5, () => LabelSelector),
  objectSelector: opt(11, () => LabelSelector),
  sideEffects: req(6, SideEffectClass, { pointer: true }),
  timeoutSeconds: ptr(7, int32),
  admissionReviewVersions: req(8, listOf(str)),
  reinvocationPolicy: ptr(10, ReinvocationPolicyType),
  matchConditions: opt(
    12,
    listOf(() => MatchCondition, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface MutatingWebhook extends Shape<typeof mutatingWebhookFields> {}
export const MutatingWebhook = struct<MutatingWebhook>(
  'admissionregistration.v1.MutatingWebhook',
  mutatingWebhookFields,
)

const webhookClientConfigFields = {
  url: ptr(3, str),
  service: opt(1, () => ServiceReference),
  caBundle: opt(2, bytes),
} as const

export interface WebhookClientConfig extends Shape<typeof webhookClientConfigFields> {}
export const WebhookClientConfig = struct<WebhookClientConfig>(
  'admissionregistration.v1.WebhookClientConfig',
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
  'admissionregistration.v1.ServiceReference',
  serviceReferenceFields,
)
