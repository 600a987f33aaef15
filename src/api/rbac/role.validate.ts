import { equalJson } from '../../schema/index.ts'
import { pathSegment, subdomainName } from '../meta/names.validate.ts'
import { invalid, invalidEach, notSupported, type Problems, required } from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from './role.ts'

const GROUP = 'rbac.authorization.k8s.io'

function validateRules(out: Problems, rules: readonly PolicyRule[] | undefined, namespaced: boolean): void {
  rules?.forEach((rule, i) => {
    const at = `rules[${i}]`
    if (!rule.verbs?.length) required(out, `${at}.verbs`, 'verbs must contain at least one value')
    if (rule.nonResourceURLs?.length) {
      if (namespaced) {
        const why = 'namespaced rules cannot apply to non-resource URLs'
        invalid(out, `${at}.nonResourceURLs`, rule.nonResourceURLs, why)
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const why = 'rules cannot apply to both regular resources and non-resource URLs'
        invalid(out, `${at}.nonResourceURLs`, rule.nonResourceURLs, why)
      }
      return
    }
    if (!rule.apiGroups?.length)
      required(out, `${at}.apiGroups`, 'resource rules must supply at least one api group')
    if (!rule.resources?.length)
      required(out, `${at}.resources`, 'resource rules must supply at least one resource')
  })
}

export function validateRole(out: Problems, role: Role): void {
  validateRules(out, role.rules, true)
}

export function validateClusterRole(out: Problems, role: ClusterRole): void {
  validateRules(out, role.rules, false)
  const selectors = role.aggregationRule?.clusterRoleSelectors
  if (!role.aggregationRule) return
  const field = 'aggregationRule.clusterRoleSelectors'
  if (!selectors?.length) {
    required(out, field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')
  }
  selectors?.forEach((selector, i) => void validateLabelSelector(out, `${field}[${i}]`, selector))
}

type Binding = RoleBinding | ClusterRoleBinding

function validateRoleRef(out: Problems, binding: Binding, kinds: readonly string[]): void {
  const { apiGroup, kind, name } = binding.roleRef
  if (apiGroup !== GROUP) notSupported(out, 'roleRef.apiGroup', apiGroup ?? '', [GROUP])
  if (!kinds.includes(kind)) notSupported(out, 'roleRef.kind', kind ?? '', kinds)
  if (!name) required(out, 'roleRef.name')
  else invalidEach(out, 'roleRef.name', name, pathSegment(name))
}

function validateSubject(out: Problems, field: string, subject: Subject, namespaced: boolean): void {
  const { kind, name, apiGroup = '', namespace } = subject
  if (!name) required(out, `${field}.name`)
  if (kind === 'ServiceAccount') {
    if (name) invalidEach(out, `${field}.name`, name, subdomainName(name, false))
    if (apiGroup !== '') notSupported(out, `${field}.apiGroup`, apiGroup, [''])
    if (!namespaced && !namespace) required(out, `${field}.namespace`)
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== GROUP) notSupported(out, `${field}.apiGroup`, apiGroup, [GROUP])
  } else notSupported(out, `${field}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group'])
}

export function validateRoleBinding(out: Problems, binding: RoleBinding): void {
  validateRoleRef(out, binding, ['Role', 'ClusterRole'])
  binding.subjects?.forEach((subject, i) => void validateSubject(out, `subjects[${i}]`, subject, true))
}

export function validateClusterRoleBinding(out: Problems, binding: ClusterRoleBinding): void {
  validateRoleRef(out, binding, ['ClusterRole'])
  binding.subjects?.forEach((subject, i) => void validateSubject(out, `subjects[${i}]`, subject, false))
}

/** What is granted stays what it was: a binding to another role is another binding. */
export function validateBindingUpdate(out: Problems, binding: Binding, old: Binding): void {
  if (!equalJson(binding.roleRef, old.roleRef))
    invalid(out, 'roleRef', binding.roleRef, 'cannot change roleRef')
}
