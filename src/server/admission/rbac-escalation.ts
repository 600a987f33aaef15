import {
  ClusterRole,
  ClusterRoleBinding,
  notFound,
  Role,
  RoleBinding,
  type UserInfo,
} from '../../api/index.ts'
import type { RequestAuthorizer } from '../auth/authorizer.ts'
import type { Rbac } from '../auth/rbac.ts'
import { describeRules, missingRules, type PolicyRule } from '../auth/rules.ts'
import type { AdmissionRequest } from '../contracts.ts'
import { type AdmissionPlugin, isAbout, refuse } from './plugin.ts'

const GROUP = 'rbac.authorization.k8s.io'
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/**
 * Nobody grants what they do not hold: a role may be written with rules that its writer has (or with the verb
 * `escalate`), a binding to a role whose rules its writer has (or with the verb `bind`).
 */
export function rbacEscalation(authorizer: RequestAuthorizer, rbac: Rbac): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    validate(request) {
      if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return
      if (isAbout(request, Role) || isAbout(request, ClusterRole)) checkRole(request, authorizer)
      else if (isAbout(request, RoleBinding) || isAbout(request, ClusterRoleBinding))
        checkBinding(request, authorizer, rbac)
    },
  }
}

function checkRole(request: AdmissionRequest, authorizer: RequestAuthorizer): void {
  const role = request.object as ClusterRole
  const old = request.old as ClusterRole | undefined
  const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
  if (old && same(old.rules, role.rules) && same(old.aggregationRule, role.aggregationRule)) return
  if (mayUse(request, authorizer, 'escalate', request.kind.resource.plural, role.metadata.name)) return
  // What an aggregating role will come to hold, nobody knows.
  const rules = role.aggregationRule ? EVERYTHING : (role.rules ?? [])
  mustHold(request, authorizer, rules)
}

function checkBinding(request: AdmissionRequest, authorizer: RequestAuthorizer, rbac: Rbac): void {
  const binding = request.object as RoleBinding
  const old = request.old as RoleBinding | undefined
  const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
  if (old && same(old.roleRef, binding.roleRef) && same(old.subjects, binding.subjects)) return
  const { roleRef } = binding
  const kind = roleRef.kind === 'ClusterRole' ? ClusterRole : Role
  if (mayUse(request, authorizer, 'bind', kind.resource.plural, roleRef.name)) return
  const rules = rbac.roleRules(request.namespace ?? '', roleRef)
  if (rules === undefined) throw notFound(kind.resource, roleRef.name)
  mustHold(request, authorizer, rules)
}

function mayUse(
  request: AdmissionRequest,
  authorizer: RequestAuthorizer,
  verb: string,
  resource: string,
  name: string,
): boolean {
  const attributes = {
    verb,
    isResource: true,
    path: '',
    group: GROUP,
    version: 'v1',
    resource,
    subresource: '',
    namespace: request.namespace ?? '',
    name,
  }
  return authorizer.authorize(request.user, attributes).allowed
}

function mustHold(
  request: AdmissionRequest,
  authorizer: RequestAuthorizer,
  rules: readonly PolicyRule[],
): void {
  const held = authorizer.heldRules(request.user, request.namespace ?? '')
  const missing = missingRules(held.rules, rules)
  if (missing?.length === 0) return
  const what = missing === undefined ? 'more rules than can be compared' : describeRules(missing).join('\n')
  const errors = held.errors === '' ? '' : `; resolution errors: ${held.errors}`
  throw refuse(
    request,
    `user ${describeUser(request.user)} is attempting to grant RBAC permissions not currently held:\n${what}${errors}`,
  )
}

const describeUser = (user: UserInfo) =>
  `${JSON.stringify(user.username)} (groups=[${user.groups.map((group) => JSON.stringify(group)).join(' ')}])`
