import { each, fill, within } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { pathSegmentName } from '../meta/names.validate.ts'
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type RoleRef, type Subject } from './role.ts'
import * as rules from './role.validate.ts'

const GROUP = 'rbac.authorization.k8s.io'

const defaultRoleRef = (ref: RoleRef) => fill(ref, { apiGroup: GROUP })
const defaultSubject = (subject: Subject) =>
  subject.kind === 'User' || subject.kind === 'Group' ? fill(subject, { apiGroup: GROUP }) : subject

function defaultBinding<B extends RoleBinding | ClusterRoleBinding>(binding: B): B {
  const b = within<RoleBinding | ClusterRoleBinding, 'roleRef'>(binding, 'roleRef', defaultRoleRef)
  return within<RoleBinding | ClusterRoleBinding, 'subjects'>(b, 'subjects', (list) =>
    each(list, defaultSubject),
  ) as B
}

const common = { name: pathSegmentName, createOnUpdate: true } as const

export const roleStrategy = defineStrategy(Role, { ...common, validate: rules.validateRole })
export const clusterRoleStrategy = defineStrategy(ClusterRole, {
  ...common,
  validate: rules.validateClusterRole,
})
export const roleBindingStrategy = defineStrategy(RoleBinding, {
  ...common,
  defaults: defaultBinding,
  validate: rules.validateRoleBinding,
  validateUpdate: rules.validateBindingUpdate,
})
export const clusterRoleBindingStrategy = defineStrategy(ClusterRoleBinding, {
  ...common,
  defaults: defaultBinding,
  validate: rules.validateClusterRoleBinding,
  validateUpdate: rules.validateBindingUpdate,
})
