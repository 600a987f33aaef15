import {
  always,
  anyOf,
  inline,
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
  typeMeta,
} from '../../schema/index.ts'
import { StatusReason } from '../meta/common.ts'
import { Condition, LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import {
  FailurePolicyType,
  MatchCondition,
  MatchPolicyType,
  ReinvocationPolicyType,
  ruleWithOperationsFields,
} from './common.ts'

export const ParameterNotFoundActionType = anyOf('Allow', 'Deny')

export const ValidationAction = oneOf('Deny', 'Warn', 'Audit')
export type ValidationAction = TypeOf<typeof ValidationAction>

export const PatchType = oneOf('ApplyConfiguration', 'JSONPatch')
export type PatchType = TypeOf<typeof PatchType>

const validatingAdmissionPolicyFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => ValidatingAdmissionPolicySpec),
  status: always(3, () => ValidatingAdmissionPolicyStatus),
} as const

export interface ValidatingAdmissionPolicy extends Shape<typeof validatingAdmissionPolicyFields> {}
export const ValidatingAdmissionPolicy = kind<ValidatingAdmissionPolicy>(
  'admissionregistration.v1.ValidatingAdmissionPolicy',
  validatingAdmissionPolicyFields,
  {
    doc: 'Expressions that may refuse requests.',
    group: 'admissionregistration.k8s.io',
    plural: 'validatingadmissionpolicies',
    categories: ['api-extensions'],
    cluster: true,
    subresources: {
      status: { kind: 'ValidatingAdmissionPolicy', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const validatingAdmissionPolicyStatusFields = {
  observedGeneration: opt(1, int64),
  typeChecking: opt(2, () => TypeChecking),
  conditions: opt(
    3,
    listOf(() => Condition, { mapKeys: ['type'] }),
  ),
} as const

export interface ValidatingAdmissionPolicyStatus
  extends Shape<typeof validatingAdmissionPolicyStatusFields> {}
export const ValidatingAdmissionPolicyStatus = struct<ValidatingAdmissionPolicyStatus>(
  'admissionregistration.v1.ValidatingAdmissionPolicyStatus',
  validatingAdmissionPolicyStatusFields,
)

const typeCheckingFields = {
  expressionWarnings: opt(
    1,
    listOf(() => ExpressionWarning),
  ),
} as const

export interface TypeChecking extends Shape<typeof typeCheckingFields> {}
export const TypeChecking = struct<TypeChecking>('admissionregistration.v1.TypeChecking', typeCheckingFields)

const expressionWarningFields = {
  fieldRef: req(2, str),
  warning: req(3, str),
} as const

export interface ExpressionWarning extends Shape<typeof expressionWarningFields> {}
export const ExpressionWarning = struct<ExpressionWarning>(
  'admissionregistration.v1.ExpressionWarning',
  expressionWarningFields,
)

const validatingAdmissionPolicySpecFields = {
  paramKind: opt(1, () => ParamKind),
  matchConstraints: opt(2, () => MatchResources),
  validations: opt(
    3,
    listOf(() => Validation),
  ),
  failurePolicy: ptr(4, FailurePolicyType),
  auditAnnotations: opt(
    5,
    listOf(() => AuditAnnotation),
  ),
  matchConditions: opt(
    6,
    listOf(() => MatchCondition, { mapKeys: ['name'], merge: 'name' }),
  ),
  variables: opt(
    7,
    listOf(() => Variable, { mapKeys: ['name'], merge: 'name' }),
  ),
} as const

export interface ValidatingAdmissionPolicySpec extends Shape<typeof validatingAdmissionPolicySpecFields> {}
export const ValidatingAdmissionPolicySpec = struct<ValidatingAdmissionPolicySpec>(
  'admissionregistration.v1.ValidatingAdmissionPolicySpec',
  validatingAdmissionPolicySpecFields,
)

const paramKindFields = {
  apiVersion: opt(1, str),
  kind: opt(2, str),
} as const

export interface ParamKind extends Shape<typeof paramKindFields> {}
export const ParamKind = struct<ParamKind>('admissionregistration.v1.ParamKind', paramKindFields, {
  atomic: true,
})

const validationFields = {
  expression: req(1, str),
  message: opt(2, str),
  reason: ptr(3, StatusReason),
  messageExpression: opt(4, str),
} as const

export interface Validation extends Shape<typeof validationFields> {}
export const Validation = struct<Validation>('admissionregistration.v1.Validation', validationFields)

const variableFields = {
  name: req(1, str),
  expression: req(2, str),
} as const

export interface Variable extends Shape<typeof variableFields> {}
export const Variable = struct<Variable>('admissionregistration.v1.Variable', variableFields, {
  atomic: true,
})

const auditAnnotationFields = {
  key: req(1, str),
  valueExpression: req(2, str),
} as const

export interface AuditAnnotation extends Shape<typeof auditAnnotationFields> {}
export const AuditAnnotation = struct<AuditAnnotation>(
  'admissionregistration.v1.AuditAnnotation',
  auditAnnotationFields,
)

const validatingAdmissionPolicyBindingFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => ValidatingAdmissionPolicyBindingSpec),
} as const

export interface ValidatingAdmissionPolicyBinding
  extends Shape<typeof validatingAdmissionPolicyBindingFields> {}
export const ValidatingAdmissionPolicyBinding = kind<ValidatingAdmissionPolicyBinding>(
  'admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  validatingAdmissionPolicyBindingFields,
  {
    doc: 'Where a ValidatingAdmissionPolicy applies, and with which parameters.',
    group: 'admissionregistration.k8s.io',
    plural: 'validatingadmissionpolicybindings',
    categories: ['api-extensions'],
    cluster: true,
  },
)

const validatingAdmissionPolicyBindingSpecFields = {
  policyName: req(1, str, { omitEmpty: true }),
  paramRef: opt(2, () => ParamRef),
  matchResources: opt(3, () => MatchResources),
  validationActions: req(4, listOf(ValidationAction, { set: true }), { omitEmpty: true }),
} as const

export interface ValidatingAdmissionPolicyBindingSpec
  extends Shape<typeof validatingAdmissionPolicyBindingSpecFields> {}
export const ValidatingAdmissionPolicyBindingSpec = struct<ValidatingAdmissionPolicyBindingSpec>(
  'admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec',
  validatingAdmissionPolicyBindingSpecFields,
)

const paramRefFields = {
  name: opt(1, str),
  namespace: opt(2, str),
  selector: opt(3, () => LabelSelector),
  parameterNotFoundAction: ptr(4, ParameterNotFoundActionType),
} as const

export interface ParamRef extends Shape<typeof paramRefFields> {}
export const ParamRef = struct<ParamRef>('admissionregistration.v1.ParamRef', paramRefFields, {
  atomic: true,
})

const matchResourcesFields = {
  namespaceSelector: opt(1, () => LabelSelector),
  objectSelector: opt(2, () => LabelSelector),
  resourceRules: opt(
    3,
    listOf(() => NamedRuleWithOperations),
  ),
  excludeResourceRules: opt(
    4,
    listOf(() => NamedRuleWithOperations),
  ),
  matchPolicy: ptr(7, MatchPolicyType),
} as const

export interface MatchResources extends Shape<typeof matchResourcesFields> {}
export const MatchResources = struct<MatchResources>(
  'admissionregistration.v1.MatchResources',
  matchResourcesFields,
  { atomic: true },
)

const namedRuleWithOperationsFields = {
  resourceNames: opt(1, listOf(str)),
  ...inline(2, ruleWithOperationsFields),
} as const

export interface NamedRuleWithOperations extends Shape<typeof namedRuleWithOperationsFields> {}
export const NamedRuleWithOperations = struct<NamedRuleWithOperations>(
  'admissionregistration.v1.NamedRuleWithOperations',
  namedRuleWithOperationsFields,
  { atomic: true },
)

const mutatingAdmissionPolicyFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => MutatingAdmissionPolicySpec),
} as const

export interface MutatingAdmissionPolicy extends Shape<typeof mutatingAdmissionPolicyFields> {}
export const MutatingAdmissionPolicy = kind<MutatingAdmissionPolicy>(
  'admissionregistration.v1.MutatingAdmissionPolicy',
  mutatingAdmissionPolicyFields,
  {
    doc: 'Expressions that change objects on their way in.',
    group: 'admissionregistration.k8s.io',
    plural: 'mutatingadmissionpolicies',
    categories: ['api-extensions'],
    cluster: true,
  },
)

const mutatingAdmissionPolicySpecFields = {
  paramKind: opt(1, () => ParamKind),
  matchConstraints: opt(2, () => MatchResources),
  variables: opt(
    3,
    listOf(() => Variable),
  ),
  mutations: opt(
    4,
    listOf(() => Mutation),
  ),
  failurePolicy: ptr(5, FailurePolicyType),
  matchConditions: opt(
    6,
    listOf(() => MatchCondition, { mapKeys: ['name'], merge: 'name' }),
  ),
  reinvocationPolicy: opt(7, ReinvocationPolicyType),
} as const

export interface MutatingAdmissionPolicySpec extends Shape<typeof mutatingAdmissionPolicySpecFields> {}
export const MutatingAdmissionPolicySpec = struct<MutatingAdmissionPolicySpec>(
  'admissionregistration.v1.MutatingAdmissionPolicySpec',
  mutatingAdmissionPolicySpecFields,
)

const mutationFields = {
  patchType: req(2, PatchType),
  applyConfiguration: opt(3, () => ApplyConfiguration),
  jsonPatch: opt(4, () => JSONPatch),
} as const

export interface Mutation extends Shape<typeof mutationFields> {}
export const Mutation = struct<Mutation>('admissionregistration.v1.Mutation', mutationFields)

const applyConfigurationFields = {
  expression: opt(1, str),
} as const

export interface ApplyConfiguration extends Shape<typeof applyConfigurationFields> {}
export const ApplyConfiguration = struct<ApplyConfiguration>(
  'admissionregistration.v1.ApplyConfiguration',
  applyConfigurationFields,
)

const jsonPatchFields = {
  expression: opt(1, str),
} as const

export interface JSONPatch extends Shape<typeof jsonPatchFields> {}
export const JSONPatch = struct<JSONPatch>('admissionregistration.v1.JSONPatch', jsonPatchFields)

const mutatingAdmissionPolicyBindingFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => MutatingAdmissionPolicyBindingSpec),
} as const

export interface MutatingAdmissionPolicyBinding extends Shape<typeof mutatingAdmissionPolicyBindingFields> {}
export const MutatingAdmissionPolicyBinding = kind<MutatingAdmissionPolicyBinding>(
  'admissionregistration.v1.MutatingAdmissionPolicyBinding',
  mutatingAdmissionPolicyBindingFields,
  {
    doc: 'Where a MutatingAdmissionPolicy applies, and with which parameters.',
    group: 'admissionregistration.k8s.io',
    plural: 'mutatingadmissionpolicybindings',
    categories: ['api-extensions'],
    cluster: true,
  },
)

const mutatingAdmissionPolicyBindingSpecFields = {
  policyName: opt(1, str),
  paramRef: opt(2, () => ParamRef),
  matchResources: opt(3, () => MatchResources),
} as const

export interface MutatingAdmissionPolicyBindingSpec
  extends Shape<typeof mutatingAdmissionPolicyBindingSpecFields> {}
export const MutatingAdmissionPolicyBindingSpec = struct<MutatingAdmissionPolicyBindingSpec>(
  'admissionregistration.v1.MutatingAdmissionPolicyBindingSpec',
  mutatingAdmissionPolicyBindingSpecFields,
)
