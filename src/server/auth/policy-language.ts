import type { PolicyRule } from './rules.ts'

/** A default role, as data. `namespace` makes it a Role. */
export interface RolePolicy {
  readonly namespace?: string
  readonly name: string
  readonly rules: readonly PolicyRule[]
  /** More labels than the one that marks it as a default. */
  readonly labels?: Readonly<Record<string, string>>
  /** Collects the rules of all cluster roles with this label set to "true". */
  readonly aggregates?: string
}

/** A default binding, as data. */
export interface BindingPolicy {
  readonly namespace?: string
  readonly name: string
  readonly role: { readonly kind: 'ClusterRole' | 'Role'; readonly name: string }
  readonly subjects: readonly SubjectPolicy[]
}

export type SubjectPolicy =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }

export const READ = 'get list watch'
export const WRITE = 'create update patch delete deletecollection'

/** `allow('get list', 'apps', 'deployments replicasets', 'web')`: words separated by blanks; the core group is 'core'. */
export function allow(verbs: string, groups: string, resources: string, names = ''): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    ...(names === '' ? {} : { resourceNames: words(names) }),
  }
}

/** `paths('get', '/healthz /version')`. */
export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) }
}

export function role(name: string, ...rules: PolicyRule[]): RolePolicy {
  return { name, rules }
}

/** Writing events, in both of the groups that serve them. */
export const EVENTS = allow('create update patch', 'core events.k8s.io', 'events')

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
