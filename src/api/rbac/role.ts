import { always, kind, listOf, opt, req, type Shape, str, struct, typeMeta } from '../../schema/index.ts'
import { LabelSelector, ObjectMeta } from '../meta/object-meta.ts'

const policyRuleFields = {
  verbs: req(1, listOf(str)),
  apiGroups: opt(2, listOf(str)),
  resources: opt(3, listOf(str)),
  resourceNames: opt(4, listOf(str)),
  nonResourceURLs: opt(5, listOf(str)),
} as const

export interface PolicyRule extends Shape<typeof policyRuleFields> {}
export const PolicyRule = struct<PolicyRule>('rbac.v1.PolicyRule', policyRuleFields)

const subjectFields = {
  kind: req(1, str),
  apiGroup: opt(2, str),
  name: req(3, str),
  namespace: opt(4, str),
} as const

export interface Subject extends Shape<typeof subjectFields> {}
export const Subject = struct<Subject>('rbac.v1.Subject', subjectFields, { atomic: true })

const roleRefFields = {
  apiGroup: always(1, str),
  kind: req(2, str),
  name: req(3, str),
} as const

export interface RoleRef extends Shape<typeof roleRefFields> {}
export const RoleRef = struct<RoleRef>('rbac.v1.RoleRef', roleRefFields, { atomic: true })

const roleFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  rules: always(
    2,
    listOf(() => PolicyRule),
  ),
} as const

export interface Role extends Shape<typeof roleFields> {}
export const Role = kind<Role>('rbac.v1.Role', roleFields, {
  doc: 'Permissions within a namespace.',
  group: 'rbac.authorization.k8s.io',
  plural: 'roles',
})

const roleBindingFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  subjects: opt(
    2,
    listOf(() => Subject),
  ),
  roleRef: req(3, () => RoleRef),
} as const

export interface RoleBinding extends Shape<typeof roleBindingFields> {}
export const RoleBinding = kind<RoleBinding>('rbac.v1.RoleBinding', roleBindingFields, {
  doc: 'Grants a Role or ClusterRole to users, groups and service accounts within a namespace.',
  group: 'rbac.authorization.k8s.io',
  plural: 'rolebindings',
})

const clusterRoleFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  rules: always(
    2,
    listOf(() => PolicyRule),
  ),
  aggregationRule: opt(3, () => AggregationRule),
} as const

export interface ClusterRole extends Shape<typeof clusterRoleFields> {}
export const ClusterRole = kind<ClusterRole>('rbac.v1.ClusterRole', clusterRoleFields, {
  doc: 'Permissions in the whole cluster.',
  group: 'rbac.authorization.k8s.io',
  plural: 'clusterroles',
  cluster: true,
})

const aggregationRuleFields = {
  clusterRoleSelectors: opt(
    1,
    listOf(() => LabelSelector),
  ),
} as const

export interface AggregationRule extends Shape<typeof aggregationRuleFields> {}
export const AggregationRule = struct<AggregationRule>('rbac.v1.AggregationRule', aggregationRuleFields)

const clusterRoleBindingFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  subjects: opt(
    2,
    listOf(() => Subject),
  ),
  roleRef: req(3, () => RoleRef),
} as const

export interface ClusterRoleBinding extends Shape<typeof clusterRoleBindingFields> {}
export const ClusterRoleBinding = kind<ClusterRoleBinding>(
  'rbac.v1.ClusterRoleBinding',
  clusterRoleBindingFields,
  {
    doc: 'Grants a ClusterRole to users, groups and service accounts in the whole cluster.',
    group: 'rbac.authorization.k8s.io',
    plural: 'clusterrolebindings',
    cluster: true,
  },
)
