import {
  inline,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
} from '../../schema/index.ts'

export const ScopeType = oneOf('Cluster', 'Namespaced', '*')
export type ScopeType = TypeOf<typeof ScopeType>

export const FailurePolicyType = oneOf('Ignore', 'Fail')
export type FailurePolicyType = TypeOf<typeof FailurePolicyType>

export const MatchPolicyType = oneOf('Exact', 'Equivalent')
export type MatchPolicyType = TypeOf<typeof MatchPolicyType>

export const ReinvocationPolicyType = oneOf('Never', 'IfNeeded')
export type ReinvocationPolicyType = TypeOf<typeof ReinvocationPolicyType>

export const OperationType = oneOf('*', 'CREATE', 'UPDATE', 'DELETE', 'CONNECT')
export type OperationType = TypeOf<typeof OperationType>

export const ruleFields = {
  apiGroups: opt(1, listOf(str)),
  apiVersions: opt(2, listOf(str)),
  resources: opt(3, listOf(str)),
  scope: ptr(4, ScopeType),
} as const

export interface Rule extends Shape<typeof ruleFields> {}
export const Rule = struct<Rule>('admissionregistration.v1.Rule', ruleFields)

export const ruleWithOperationsFields = {
  operations: opt(1, listOf(OperationType)),
  ...inline(2, ruleFields),
} as const

export interface RuleWithOperations extends Shape<typeof ruleWithOperationsFields> {}
export const RuleWithOperations = struct<RuleWithOperations>(
  'admissionregistration.v1.RuleWithOperations',
  ruleWithOperationsFields,
)

const matchConditionFields = {
  name: req(1, str),
  expression: req(2, str),
} as const

export interface MatchCondition extends Shape<typeof matchConditionFields> {}
export const MatchCondition = struct<MatchCondition>(
  'admissionregistration.v1.MatchCondition',
  matchConditionFields,
)
