import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type UserInfo } from '../../api/index.ts'
import type { KubeObject } from '../../schema/index.ts'
import type { Authorizer, Decision, ObjectReader, RequestAttributes, SubjectRules } from '../contracts.ts'
import type { NodeAuthorizer } from './node-authorizer.ts'
import { Rbac } from './rbac.ts'
import type { PolicyRule } from './rules.ts'

const MASTERS: Decision = { allowed: true, reason: 'the group system:masters may do everything' }

/** Asks, in this order: the group system:masters, the node's own rights, RBAC. The first yes counts. */
export class RequestAuthorizer implements Authorizer {
  readonly #rbac: Rbac
  readonly #nodes: NodeAuthorizer

  constructor(rbac: Rbac, nodes: NodeAuthorizer) {
    this.#rbac = rbac
    this.#nodes = nodes
  }

  authorize(user: UserInfo, attributes: RequestAttributes): Decision {
    if (user.groups.includes('system:masters')) return MASTERS
    const node = this.#nodes.authorize(user, attributes)
    if (node?.allowed) return node
    const decision = this.#rbac.authorize(user, attributes)
    if (decision.allowed) return decision
    const more = [node?.reason ?? '', decision.reason].filter((text) => text !== '').join(', ')
    return { allowed: false, reason: refusalText(user, attributes, more), more }
  }

  rulesFor(user: UserInfo, namespace: string): SubjectRules {
    const { rules, errors } = user.groups.includes('system:masters')
      ? { rules: EVERYTHING, errors: '' }
      : this.#rbac.rulesFor(user, namespace)
    const isNode = this.#nodes.nodeOf(user) !== undefined
    const why = [errors, isNode ? 'node authorizer does not support user rule resolution' : ''].filter(
      (text) => text !== '',
    )
    return {
      resourceRules: rules.filter((rule) => (rule.resources ?? []).length > 0).map(resourceRule),
      nonResourceRules: rules
        .filter((rule) => (rule.nonResourceURLs ?? []).length > 0)
        .map((rule) => ({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs ?? [] })),
      incomplete: why.length > 0,
      ...(why.length > 0 ? { evaluationError: why.join(', ') } : {}),
    }
  }

  /** What the user may hand on in a namespace ('' for the cluster scope). */
  heldRules(user: UserInfo, namespace: string): { rules: readonly PolicyRule[]; errors: string } {
    return user.groups.includes('system:masters')
      ? { rules: EVERYTHING, errors: '' }
      : this.#rbac.rulesFor(user, namespace)
  }
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

const resourceRule = (rule: PolicyRule) => ({
  verbs: rule.verbs,
  apiGroups: rule.apiGroups ?? [],
  resources: rule.resources ?? [],
  ...((rule.resourceNames ?? []).length > 0 ? { resourceNames: rule.resourceNames ?? [] } : {}),
})

/** Kubernetes' wording, which users search for: `User "ann" cannot list resource "pods" in API group "" in the namespace "default"`. */
function refusalText(user: UserInfo, attributes: RequestAttributes, why: string): string {
  const quote = JSON.stringify
  const who = `User ${quote(user.username)} cannot ${attributes.verb}`
  const more = why === '' ? '' : `: ${why}`
  if (!attributes.isResource) return `${who} path ${quote(attributes.path)}${more}`
  const resource =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`
  const where =
    attributes.namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(attributes.namespace)}`
  return `${who} resource ${quote(resource)} in API group ${quote(attributes.group)} ${where}${more}`
}

/** Keeps an RBAC index in step with the server's roles and bindings; the returned function ends it. */
export async function followRbac(objects: ObjectReader): Promise<{ rbac: Rbac; stop: () => void }> {
  await objects.ready(Role, ClusterRole, RoleBinding, ClusterRoleBinding)
  const rbac = new Rbac()
  const setRole = (object: Role | ClusterRole, deleted: boolean) =>
    rbac.setRole(
      object.metadata.namespace ?? '',
      object.metadata.name,
      deleted ? undefined : (object.rules ?? []),
    )
  const setBinding = (object: RoleBinding | ClusterRoleBinding, deleted: boolean) => {
    const { namespace = '', name } = object.metadata
    rbac.setBinding(
      namespace,
      name,
      deleted ? undefined : { namespace, name, roleRef: object.roleRef, subjects: object.subjects ?? [] },
    )
  }
  const stops = [
    follow(objects, Role, setRole),
    follow(objects, ClusterRole, setRole),
    follow(objects, RoleBinding, setBinding),
    follow(objects, ClusterRoleBinding, setBinding),
  ]
  return { rbac, stop: () => stops.forEach((stop) => void stop()) }
}

/** Hands over what is there, then every change. Reading and subscribing happen in one turn: nothing is missed. */
export function follow<T extends KubeObject>(
  objects: ObjectReader,
  kind: Parameters<typeof objects.list<T>>[0],
  apply: (object: T, deleted: boolean, previous: T | undefined) => void,
): () => void {
  const stop = objects.subscribe(kind, ({ object, previous }) => {
    if (object) apply(object, false, previous)
    else if (previous) apply(previous, true, previous)
  })
  for (const object of objects.list(kind)) apply(object, false, undefined)
  return stop
}
