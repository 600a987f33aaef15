import {
  always,
  anyOf,
  bool,
  int32,
  kind,
  listOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { ConditionStatus } from './common.ts'

export const FlowDistinguisherMethodType = anyOf('ByUser', 'ByNamespace')

export const SubjectKind = anyOf('User', 'Group', 'ServiceAccount')

const flowSchemaFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => FlowSchemaSpec),
  status: always(3, () => FlowSchemaStatus),
} as const

export interface FlowSchema extends Shape<typeof flowSchemaFields> {}
export const FlowSchema = kind<FlowSchema>('flowcontrol.v1.FlowSchema', flowSchemaFields, {
  doc: 'Which requests share a priority level.',
  group: 'flowcontrol.apiserver.k8s.io',
  plural: 'flowschemas',
  cluster: true,
  subresources: {
    status: { kind: 'FlowSchema', verbs: ['get', 'patch', 'update'] },
  },
})

const flowSchemaSpecFields = {
  priorityLevelConfiguration: req(1, () => PriorityLevelConfigurationReference),
  matchingPrecedence: always(2, int32),
  distinguisherMethod: opt(3, () => FlowDistinguisherMethod),
  rules: opt(
    4,
    listOf(() => PolicyRulesWithSubjects),
  ),
} as const

export interface FlowSchemaSpec extends Shape<typeof flowSchemaSpecFields> {}
export const FlowSchemaSpec = struct<FlowSchemaSpec>('flowcontrol.v1.FlowSchemaSpec', flowSchemaSpecFields)

const flowDistinguisherMethodFields = {
  type: req(1, FlowDistinguisherMethodType),
} as const

export interface FlowDistinguisherMethod extends Shape<typeof flowDistinguisherMethodFields> {}
export const FlowDistinguisherMethod = struct<FlowDistinguisherMethod>(
  'flowcontrol.v1.FlowDistinguisherMethod',
  flowDistinguisherMethodFields,
)

const priorityLevelConfigurationReferenceFields = {
  name: req(1, str),
} as const

export interface PriorityLevelConfigurationReference
  extends Shape<typeof priorityLevelConfigurationReferenceFields> {}
export const PriorityLevelConfigurationReference = struct<PriorityLevelConfigurationReference>(
  'flowcontrol.v1.PriorityLevelConfigurationReference',
  priorityLevelConfigurationReferenceFields,
)

const policyRulesWithSubjectsFields = {
  subjects: req(
    1,
    listOf(() => Subject),
  ),
  resourceRules: opt(
    2,
    listOf(() => ResourcePolicyRule),
  ),
  nonResourceRules: opt(
    3,
    listOf(() => NonResourcePolicyRule),
  ),
} as const

export interface PolicyRulesWithSubjects extends Shape<typeof policyRulesWithSubjectsFields> {}
export const PolicyRulesWithSubjects = struct<PolicyRulesWithSubjects>(
  'flowcontrol.v1.PolicyRulesWithSubjects',
  policyRulesWithSubjectsFields,
)

const subjectFields = {
  kind: req(1, SubjectKind),
  user: opt(2, () => UserSubject),
  group: opt(3, () => GroupSubject),
  serviceAccount: opt(4, () => ServiceAccountSubject),
} as const

export interface Subject extends Shape<typeof subjectFields> {}
export const Subject = struct<Subject>('flowcontrol.v1.Subject', subjectFields)

const userSubjectFields = {
  name: req(1, str),
} as const

export interface UserSubject extends Shape<typeof userSubjectFields> {}
export const UserSubject = struct<UserSubject>('flowcontrol.v1.UserSubject', userSubjectFields)

const groupSubjectFields = {
  name: req(1, str),
} as const

export interface GroupSubject extends Shape<typeof groupSubjectFields> {}
export const GroupSubject = struct<GroupSubject>('flowcontrol.v1.GroupSubject', groupSubjectFields)

const serviceAccountSubjectFields = {
  namespace: req(1, str),
  name: req(2, str),
} as const

export interface ServiceAccountSubject extends Shape<typeof serviceAccountSubjectFields> {}
export const ServiceAccountSubject = struct<ServiceAccountSubject>(
  'flowcontrol.v1.ServiceAccountSubject',
  serviceAccountSubjectFields,
)

const resourcePolicyRuleFields = {
  verbs: req(1, listOf(str, { set: true })),
  apiGroups: req(2, listOf(str, { set: true })),
  resources: req(3, listOf(str, { set: true })),
  clusterScope: opt(4, bool),
  namespaces: always(5, listOf(str, { set: true })),
} as const

export interface ResourcePolicyRule extends Shape<typeof resourcePolicyRuleFields> {}
export const ResourcePolicyRule = struct<ResourcePolicyRule>(
  'flowcontrol.v1.ResourcePolicyRule',
  resourcePolicyRuleFields,
)

const nonResourcePolicyRuleFields = {
  verbs: req(1, listOf(str, { set: true })),
  nonResourceURLs: req(6, listOf(str, { set: true })),
} as const

export interface NonResourcePolicyRule extends Shape<typeof nonResourcePolicyRuleFields> {}
export const NonResourcePolicyRule = struct<NonResourcePolicyRule>(
  'flowcontrol.v1.NonResourcePolicyRule',
  nonResourcePolicyRuleFields,
)

const flowSchemaStatusFields = {
  conditions: opt(
    1,
    listOf(() => FlowSchemaCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface FlowSchemaStatus extends Shape<typeof flowSchemaStatusFields> {}
export const FlowSchemaStatus = struct<FlowSchemaStatus>(
  'flowcontrol.v1.FlowSchemaStatus',
  flowSchemaStatusFields,
)

const flowSchemaConditionFields = {
  type: opt(1, str),
  status: opt(2, ConditionStatus),
  lastTransitionTime: opt(3, time),
  reason: opt(4, str),
  message: opt(5, str),
} as const

export interface FlowSchemaCondition extends Shape<typeof flowSchemaConditionFields> {}
export const FlowSchemaCondition = struct<FlowSchemaCondition>(
  'flowcontrol.v1.FlowSchemaCondition',
  flowSchemaConditionFields,
)
