import type { UserInfo } from '../../api/index.ts'
import type { Decision, RequestAttributes } from '../contracts.ts'
import { addGrant, findGrant, type GrantTable, newGrantTable, type PolicyRule } from './rules.ts'

export interface RoleRef {
  readonly kind: string
  readonly name: string
}

export interface Subject {
  readonly kind: string
  readonly name: string
  readonly namespace?: string | undefined
}

/** A RoleBinding, or with namespace '' a ClusterRoleBinding. */
export interface Binding {
  readonly namespace: string
  readonly name: string
  readonly roleRef: RoleRef
  readonly subjects: readonly Subject[]
}

/** What RBAC knows of one user; valid until a role or a binding changes. */
interface UserGrants {
  readonly cluster: GrantTable
  readonly namespaces: Map<string, GrantTable>
  /** Roles that bindings name and that are not there. */
  readonly missing: Map<string, string[]>
}

/** Users whose grants are kept prepared at the same time. */
const MAX_CACHED_USERS = 2048
/** Namespaces kept prepared for one user. */
const MAX_CACHED_NAMESPACES = 1024

/**
 * Role-based access control over an index of roles and bindings. The owner feeds it every change; a change drops
 * what was prepared for users, so that the next request of each user prepares it again.
 */
export class Rbac {
  readonly #roles = new Map<string, readonly PolicyRule[]>()
  readonly #bindings = new Map<string, Binding>()
  /** namespace ('' for cluster bindings) → subject → bindings by name. */
  readonly #bySubject = new Map<string, Map<string, Map<string, Binding>>>()
  readonly #byUserKey = new Map<string, UserGrants>()
  #byUser = new WeakMap<UserInfo, UserGrants>()

  /** A Role, or with namespace '' a ClusterRole; undefined rules: it was deleted. */
  setRole(namespace: string, name: string, rules: readonly PolicyRule[] | undefined): void {
    const key = `${namespace}/${name}`
    if (rules === undefined) this.#roles.delete(key)
    else this.#roles.set(key, rules)
    this.#forget()
  }

  setBinding(namespace: string, name: string, binding: Binding | undefined): void {
    const key = `${namespace}/${name}`
    const old = this.#bindings.get(key)
    if (old) {
      for (const subject of old.subjects)
        this.#bySubject.get(namespace)?.get(subjectKey(subject, namespace))?.delete(name)
    }
    if (binding === undefined) this.#bindings.delete(key)
    else {
      this.#bindings.set(key, binding)
      const subjects = this.#bySubject.get(namespace) ?? new Map<string, Map<string, Binding>>()
      this.#bySubject.set(namespace, subjects)
      for (const subject of binding.subjects) {
        const subjectId = subjectKey(subject, namespace)
        const bindings = subjects.get(subjectId)
        if (bindings) bindings.set(name, binding)
        else subjects.set(subjectId, new Map([[name, binding]]))
      }
    }
    this.#forget()
  }

  /** The rules of a role that a binding in `namespace` refers to; undefined when it is not there. */
  roleRules(namespace: string, ref: RoleRef): readonly PolicyRule[] | undefined {
    return this.#roles.get(ref.kind === 'ClusterRole' ? `/${ref.name}` : `${namespace}/${ref.name}`)
  }

  /** A refusal's reason is '' unless roles that bindings name are missing. */
  authorize(user: UserInfo, attributes: RequestAttributes): Decision {
    const grants = this.#grantsOf(user)
    const cluster = findGrant(grants.cluster, attributes)
    if (cluster) return { allowed: true, reason: cluster.reason }
    if (attributes.isResource && attributes.namespace !== '') {
      const grant = findGrant(this.#namespaceTable(user, grants, attributes.namespace), attributes)
      if (grant) return { allowed: true, reason: grant.reason }
    }
    return { allowed: false, reason: missingText(grants, attributes.namespace) }
  }

  /** Every rule that applies to the user in the namespace ('' for the cluster scope alone). */
  rulesFor(user: UserInfo, namespace: string): { rules: readonly PolicyRule[]; errors: string } {
    const grants = this.#grantsOf(user)
    const tables = [
      grants.cluster,
      ...(namespace === '' ? [] : [this.#namespaceTable(user, grants, namespace)]),
    ]
    return { rules: tables.flatMap((t) => t.all.map((g) => g.rule)), errors: missingText(grants, namespace) }
  }

  #grantsOf(user: UserInfo): UserGrants {
    const known = this.#byUser.get(user)
    if (known) return known
    const key = JSON.stringify([user.username, user.groups])
    let grants = this.#byUserKey.get(key)
    if (!grants) {
      grants = { cluster: newGrantTable(), namespaces: new Map(), missing: new Map() }
      this.#fill(grants.cluster, user, grants, '')
      if (this.#byUserKey.size >= MAX_CACHED_USERS) this.#byUserKey.clear()
      this.#byUserKey.set(key, grants)
    }
    this.#byUser.set(user, grants)
    return grants
  }

  #namespaceTable(user: UserInfo, grants: UserGrants, namespace: string): GrantTable {
    let table = grants.namespaces.get(namespace)
    if (!table) {
      table = newGrantTable()
      this.#fill(table, user, grants, namespace)
      if (grants.namespaces.size >= MAX_CACHED_NAMESPACES) {
        grants.namespaces.clear()
        const clusterMissing = grants.missing.get('')
        grants.missing.clear()
        if (clusterMissing) grants.missing.set('', clusterMissing)
      }
      grants.namespaces.set(namespace, table)
    }
    return table
  }

  #fill(table: GrantTable, user: UserInfo, grants: UserGrants, namespace: string): void {
    const subjects = this.#bySubject.get(namespace)
    if (!subjects) return
    const keys = [`User/${user.username}`, ...user.groups.map((group) => `Group/${group}`)]
    for (const key of new Set(keys)) {
      for (const binding of subjects.get(key)?.values() ?? []) {
        const rules = this.roleRules(namespace, binding.roleRef)
        if (rules === undefined) {
          const text = `${binding.roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io ${quote(binding.roleRef.name)} not found`
          grants.missing.set(namespace, [...(grants.missing.get(namespace) ?? []), text])
          continue
        }
        const subject = binding.subjects.find((s) => subjectKey(s, namespace) === key)!
        const reason = `RBAC: allowed by ${describeBinding(binding)} to ${describeSubject(subject, namespace)}`
        for (const rule of rules) addGrant(table, rule, reason)
      }
    }
  }

  #forget(): void {
    this.#byUserKey.clear()
    this.#byUser = new WeakMap()
  }
}

/** A service account is the user that its tokens name. */
function subjectKey(subject: Subject, bindingNamespace: string): string {
  if (subject.kind !== 'ServiceAccount') return `${subject.kind}/${subject.name}`
  return `User/system:serviceaccount:${subject.namespace || bindingNamespace}:${subject.name}`
}

function describeBinding(binding: Binding): string {
  const role = `of ${binding.roleRef.kind} ${quote(binding.roleRef.name)}`
  return binding.namespace === ''
    ? `ClusterRoleBinding ${quote(binding.name)} ${role}`
    : `RoleBinding ${quote(`${binding.name}/${binding.namespace}`)} ${role}`
}

function describeSubject(subject: Subject, bindingNamespace: string): string {
  if (subject.kind !== 'ServiceAccount') return `${subject.kind} ${quote(subject.name)}`
  return `ServiceAccount ${quote(`${subject.name}/${subject.namespace || bindingNamespace}`)}`
}

function missingText(grants: UserGrants, namespace: string): string {
  const texts = [
    ...(grants.missing.get('') ?? []),
    ...(namespace === '' ? [] : (grants.missing.get(namespace) ?? [])),
  ]
  if (texts.length === 0) return ''
  return `RBAC: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`
}

const quote = (text: string) => JSON.stringify(text)
