import { type Api, ClusterRole, ClusterRoleBinding, isApiError, Role, RoleBinding } from '../../api/index.ts'
import type { Log } from '../../base/index.ts'
import type { ObjectReader } from '../contracts.ts'
import type { BindingPolicy, RolePolicy, SubjectPolicy } from './policy-language.ts'
import { missingRules } from './rules.ts'

const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'
const ANNOTATIONS = { [AUTO_UPDATE]: 'true' }
const GROUP = 'rbac.authorization.k8s.io'

export type DesiredRole = ReturnType<typeof roleObject>
export type DesiredBinding = ReturnType<typeof bindingObject>

function roleObject(policy: RolePolicy) {
  const { aggregates } = policy
  return {
    apiVersion: `${GROUP}/v1`,
    kind: policy.namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: {
      name: policy.name,
      ...(policy.namespace === undefined ? {} : { namespace: policy.namespace }),
      labels: { ...LABELS, ...policy.labels },
      annotations: ANNOTATIONS,
    },
    ...(aggregates === undefined
      ? {}
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregates]: 'true' } }] } }),
    rules: policy.rules,
  }
}

function bindingObject(policy: BindingPolicy) {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: policy.namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: {
      name: policy.name,
      ...(policy.namespace === undefined ? {} : { namespace: policy.namespace }),
      labels: LABELS,
      annotations: ANNOTATIONS,
    },
    roleRef: { apiGroup: GROUP, ...policy.role },
    subjects: policy.subjects.map((subject) =>
      subject.kind === 'ServiceAccount' ? subject : { apiGroup: GROUP, ...subject },
    ),
  }
}

/**
 * `stored` with what `desired` has and it lacks, or `stored` itself when it lacks nothing or its owner opted out
 * (annotation autoupdate "false"). What was added by hand stays.
 */
function repairedRole<R extends Role | ClusterRole>(stored: R, desired: DesiredRole): R {
  if (stored.metadata.annotations?.[AUTO_UPDATE] !== 'true') return stored
  const missing = desired.rules.filter((rule) => missingRules(stored.rules ?? [], [rule])?.length !== 0)
  const labels = withEntries(stored.metadata.labels, desired.metadata.labels)
  const aggregationRule = (stored as ClusterRole).aggregationRule ?? desired.aggregationRule
  if (
    missing.length === 0 &&
    labels === stored.metadata.labels &&
    aggregationRule === (stored as ClusterRole).aggregationRule
  )
    return stored
  return {
    ...stored,
    metadata: { ...stored.metadata, labels },
    ...(aggregationRule === undefined ? {} : { aggregationRule }),
    rules: [...(stored.rules ?? []), ...missing],
  }
}

/** The same for a binding's subjects. A binding whose role differs cannot be repaired: 'replace' it. */
function repairedBinding<B extends RoleBinding | ClusterRoleBinding>(
  stored: B,
  desired: DesiredBinding,
): B | 'replace' {
  if (stored.metadata.annotations?.[AUTO_UPDATE] !== 'true') return stored
  if (stored.roleRef.kind !== desired.roleRef.kind || stored.roleRef.name !== desired.roleRef.name)
    return 'replace'
  const has = (subject: SubjectPolicy | { kind: string; name: string }) => {
    const namespace = 'namespace' in subject ? subject.namespace : undefined
    return (stored.subjects ?? []).some(
      (s) => s.kind === subject.kind && s.name === subject.name && (s.namespace || undefined) === namespace,
    )
  }
  const missing = desired.subjects.filter((subject) => !has(subject))
  const labels = withEntries(stored.metadata.labels, desired.metadata.labels)
  if (missing.length === 0 && labels === stored.metadata.labels) return stored
  return {
    ...stored,
    metadata: { ...stored.metadata, labels },
    subjects: [...(stored.subjects ?? []), ...missing],
  }
}

function withEntries(
  stored: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  return Object.entries(wanted).every(([key, value]) => stored?.[key] === value)
    ? stored
    : { ...stored, ...wanted }
}

/** Makes the default roles and bindings and repairs those that lost something. */
export async function ensurePolicy(
  api: Api,
  objects: ObjectReader,
  roles: readonly RolePolicy[],
  bindings: readonly BindingPolicy[],
  log: Log,
): Promise<void> {
  await objects.ready(Role, ClusterRole, RoleBinding, ClusterRoleBinding)
  await Promise.all(roles.map((policy) => ensureRole(api, objects, policy, log)))
  await Promise.all(bindings.map((policy) => ensureBinding(api, objects, policy, log)))
}

async function ensureRole(api: Api, objects: ObjectReader, policy: RolePolicy, log: Log): Promise<void> {
  const desired = roleObject(policy)
  const kind = policy.namespace === undefined ? ClusterRole : Role
  const stored = objects.get<Role | ClusterRole>(kind, policy.namespace, policy.name)
  if (stored === undefined) return tolerateExisting(api.create<Role | ClusterRole>(kind, desired))
  const repaired = repairedRole(stored, desired)
  if (repaired === stored) return
  log.info({ role: policy.name, namespace: policy.namespace }, 'adding what a default role lacks')
  await api.update<Role | ClusterRole>(kind, repaired)
}

async function ensureBinding(
  api: Api,
  objects: ObjectReader,
  policy: BindingPolicy,
  log: Log,
): Promise<void> {
  const desired = bindingObject(policy)
  const kind = policy.namespace === undefined ? ClusterRoleBinding : RoleBinding
  const stored = objects.get<RoleBinding | ClusterRoleBinding>(kind, policy.namespace, policy.name)
  if (stored !== undefined) {
    const repaired = repairedBinding(stored, desired)
    if (repaired === stored) return
    log.info({ binding: policy.name, namespace: policy.namespace }, 'repairing a default role binding')
    if (repaired !== 'replace') {
      await api.update<RoleBinding | ClusterRoleBinding>(kind, repaired)
      return
    }
    await api.delete(
      kind,
      { namespace: policy.namespace, name: policy.name },
      { preconditions: { uid: stored.metadata.uid } },
    )
  }
  await tolerateExisting(api.create<RoleBinding | ClusterRoleBinding>(kind, desired))
}

/** Another server may have been faster. */
async function tolerateExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
}
