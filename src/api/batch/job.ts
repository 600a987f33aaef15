import {
  always,
  anyOf,
  bool,
  int32,
  int64,
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
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus, PodConditionType } from '../core/common.ts'
import { PodTemplateSpec } from '../core/pod.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

export const CompletionMode = oneOf('NonIndexed', 'Indexed')
export type CompletionMode = TypeOf<typeof CompletionMode>

export const PodFailurePolicyAction = oneOf('FailJob', 'FailIndex', 'Ignore', 'Count')
export type PodFailurePolicyAction = TypeOf<typeof PodFailurePolicyAction>

export const PodFailurePolicyOnExitCodesOperator = oneOf('In', 'NotIn')
export type PodFailurePolicyOnExitCodesOperator = TypeOf<typeof PodFailurePolicyOnExitCodesOperator>

export const PodReplacementPolicy = oneOf('TerminatingOrFailed', 'Failed')
export type PodReplacementPolicy = TypeOf<typeof PodReplacementPolicy>

export const JobConditionType = anyOf(
  'Suspended',
  'Complete',
  'Failed',
  'FailureTarget',
  'SuccessCriteriaMet',
)

const jobFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => JobSpec),
  status: always(3, () => JobStatus),
} as const

export interface Job extends Shape<typeof jobFields> {}
export const Job = kind<Job>('batch.v1.Job', jobFields, {
  doc: 'Runs pods until enough of them have succeeded.',
  group: 'batch',
  plural: 'jobs',
  categories: ['all'],
  subresources: {
    status: { kind: 'Job', verbs: ['get', 'patch', 'update'] },
  },
})

const podFailurePolicyOnExitCodesRequirementFields = {
  containerName: ptr(1, str),
  operator: req(2, PodFailurePolicyOnExitCodesOperator),
  values: req(3, listOf(int32, { set: true })),
} as const

export interface PodFailurePolicyOnExitCodesRequirement
  extends Shape<typeof podFailurePolicyOnExitCodesRequirementFields> {}
export const PodFailurePolicyOnExitCodesRequirement = struct<PodFailurePolicyOnExitCodesRequirement>(
  'batch.v1.PodFailurePolicyOnExitCodesRequirement',
  podFailurePolicyOnExitCodesRequirementFields,
)

const podFailurePolicyOnPodConditionsPatternFields = {
  type: req(1, PodConditionType),
  status: always(2, ConditionStatus),
} as const

export interface PodFailurePolicyOnPodConditionsPattern
  extends Shape<typeof podFailurePolicyOnPodConditionsPatternFields> {}
export const PodFailurePolicyOnPodConditionsPattern = struct<PodFailurePolicyOnPodConditionsPattern>(
  'batch.v1.PodFailurePolicyOnPodConditionsPattern',
  podFailurePolicyOnPodConditionsPatternFields,
)

const podFailurePolicyRuleFields = {
  action: req(1, PodFailurePolicyAction),
  onExitCodes: opt(2, () => PodFailurePolicyOnExitCodesRequirement),
  onPodConditions: opt(
    3,
    listOf(() => PodFailurePolicyOnPodConditionsPattern),
  ),
} as const

export interface PodFailurePolicyRule extends Shape<typeof podFailurePolicyRuleFields> {}
export const PodFailurePolicyRule = struct<PodFailurePolicyRule>(
  'batch.v1.PodFailurePolicyRule',
  podFailurePolicyRuleFields,
)

const podFailurePolicyFields = {
  rules: req(
    1,
    listOf(() => PodFailurePolicyRule),
  ),
} as const

export interface PodFailurePolicy extends Shape<typeof podFailurePolicyFields> {}
export const PodFailurePolicy = struct<PodFailurePolicy>('batch.v1.PodFailurePolicy', podFailurePolicyFields)

const successPolicyFields = {
  rules: req(
    1,
    listOf(() => SuccessPolicyRule),
  ),
} as const

export interface SuccessPolicy extends Shape<typeof successPolicyFields> {}
export const SuccessPolicy = struct<SuccessPolicy>('batch.v1.SuccessPolicy', successPolicyFields)

const successPolicyRuleFields = {
  succeededIndexes: ptr(1, str),
  succeededCount: ptr(2, int32),
} as const

export interface SuccessPolicyRule extends Shape<typeof successPolicyRuleFields> {}
export const SuccessPolicyRule = struct<SuccessPolicyRule>(
  'batch.v1.SuccessPolicyRule',
  successPolicyRuleFields,
)

const jobSpecFields = {
  parallelism: ptr(1, int32),
  completions: ptr(2, int32),
  activeDeadlineSeconds: ptr(3, int64),
  podFailurePolicy: opt(11, () => PodFailurePolicy),
  successPolicy: opt(16, () => SuccessPolicy),
  backoffLimit: ptr(7, int32),
  backoffLimitPerIndex: ptr(12, int32),
  maxFailedIndexes: ptr(13, int32),
  selector: opt(4, () => LabelSelector),
  manualSelector: ptr(5, bool),
  template: req(6, () => PodTemplateSpec),
  ttlSecondsAfterFinished: ptr(8, int32),
  completionMode: ptr(9, CompletionMode),
  suspend: ptr(10, bool),
  podReplacementPolicy: ptr(14, PodReplacementPolicy),
  managedBy: ptr(15, str),
} as const

export interface JobSpec extends Shape<typeof jobSpecFields> {}
export const JobSpec = struct<JobSpec>('batch.v1.JobSpec', jobSpecFields)

const jobStatusFields = {
  conditions: opt(
    1,
    listOf(() => JobCondition, { merge: 'type' }),
  ),
  startTime: ptr(2, time),
  completionTime: ptr(3, time),
  active: opt(4, int32),
  succeeded: opt(5, int32),
  failed: opt(6, int32),
  terminating: ptr(11, int32),
  completedIndexes: opt(7, str),
  failedIndexes: ptr(10, str),
  uncountedTerminatedPods: opt(8, () => UncountedTerminatedPods),
  ready: ptr(9, int32),
} as const

export interface JobStatus extends Shape<typeof jobStatusFields> {}
export const JobStatus = struct<JobStatus>('batch.v1.JobStatus', jobStatusFields)

const uncountedTerminatedPodsFields = {
  succeeded: opt(1, listOf(str, { set: true })),
  failed: opt(2, listOf(str, { set: true })),
} as const

export interface UncountedTerminatedPods extends Shape<typeof uncountedTerminatedPodsFields> {}
export const UncountedTerminatedPods = struct<UncountedTerminatedPods>(
  'batch.v1.UncountedTerminatedPods',
  uncountedTerminatedPodsFields,
)

const jobConditionFields = {
  type: req(1, JobConditionType),
  status: req(2, ConditionStatus),
  lastProbeTime: opt(3, time),
  lastTransitionTime: opt(4, time),
  reason: opt(5, str),
  message: opt(6, str),
} as const

export interface JobCondition extends Shape<typeof jobConditionFields> {}
export const JobCondition = struct<JobCondition>('batch.v1.JobCondition', jobConditionFields)

const jobTemplateSpecFields = {
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => JobSpec),
} as const

export interface JobTemplateSpec extends Shape<typeof jobTemplateSpecFields> {}
export const JobTemplateSpec = struct<JobTemplateSpec>('batch.v1.JobTemplateSpec', jobTemplateSpecFields)
