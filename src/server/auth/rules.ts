import type { RequestAttributes } from '../contracts.ts'

/** The part of an RBAC PolicyRule that evaluation reads. */
export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[] | undefined
  readonly resources?: readonly string[] | undefined
  readonly resourceNames?: readonly string[] | undefined
  readonly nonResourceURLs?: readonly string[] | undefined
}

/** A rule with what granted it, prepared for fast matching. */
export interface Grant {
  readonly rule: PolicyRule
  /** null: every verb. */
  readonly verbs: ReadonlySet<string> | null
  /** null: every API group. */
  readonly groups: ReadonlySet<string> | null
  /** null: every name. */
  readonly names: ReadonlySet<string> | null
  /** `RBAC: allowed by RoleBinding "read/default" of Role "reader" to User "ann"`. */
  readonly reason: string
}

/** All rules that a user has in one scope, by the resource they are about: a request looks at few of them. */
export interface GrantTable {
  readonly all: Grant[]
  readonly byResource: Map<string, Grant[]>
  readonly anyResource: Grant[]
  /** Rules for `*` + `/subresource`, by subresource. */
  readonly bySubresource: Map<string, Grant[]>
  readonly urls: Grant[]
}

export function newGrantTable(): GrantTable {
  return { all: [], byResource: new Map(), anyResource: [], bySubresource: new Map(), urls: [] }
}

export function addGrant(table: GrantTable, rule: PolicyRule, reason: string): void {
  const grant: Grant = {
    rule,
    verbs: setOrAll(rule.verbs),
    groups: setOrAll(rule.apiGroups ?? []),
    names: (rule.resourceNames ?? []).length === 0 ? null : new Set(rule.resourceNames),
    reason,
  }
  table.all.push(grant)
  if ((rule.nonResourceURLs ?? []).length > 0) table.urls.push(grant)
  for (const resource of new Set(rule.resources ?? [])) {
    if (resource === '*') table.anyResource.push(grant)
    else if (resource.startsWith('*/')) push(table.bySubresource, resource.slice(2), grant)
    else push(table.byResource, resource, grant)
  }
}

/** The first rule that allows the request. Namespaced tables have no say on paths: the caller leaves those out. */
export function findGrant(table: GrantTable, attributes: RequestAttributes): Grant | undefined {
  if (!attributes.isResource) return findUrlGrant(table.urls, attributes)
  const { resource, subresource } = attributes
  const wanted = subresource === '' ? resource : `${resource}/${subresource}`
  return (
    findIn(table.byResource.get(wanted), attributes) ??
    findIn(table.anyResource, attributes) ??
    (subresource === '' ? undefined : findIn(table.bySubresource.get(subresource), attributes))
  )
}

function findIn(grants: readonly Grant[] | undefined, attributes: RequestAttributes): Grant | undefined {
  if (grants === undefined) return undefined
  for (const grant of grants) {
    if (grant.verbs !== null && !grant.verbs.has(attributes.verb)) continue
    if (grant.groups !== null && !grant.groups.has(attributes.group)) continue
    if (grant.names !== null && !grant.names.has(attributes.name)) continue
    return grant
  }
  return undefined
}

function findUrlGrant(grants: readonly Grant[], attributes: RequestAttributes): Grant | undefined {
  for (const grant of grants) {
    if (grant.verbs !== null && !grant.verbs.has(attributes.verb)) continue
    if (grant.rule.nonResourceURLs?.some((pattern) => urlMatches(pattern, attributes.path))) return grant
  }
  return undefined
}

/** `*` matches every path, `/healthz/*` all that begin with `/healthz/`, anything else itself. */
export function urlMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))
}

/** More single permissions than this in one role are not compared one by one. */
const MAX_SINGLE_RULES = 10_000

/**
 * What of `wanted` is not covered by `owned`, as single permissions; undefined when there are too many to compare.
 * Nothing is known about what a name pattern may match later, so `*` is covered by `*` only.
 */
export function missingRules(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] | undefined {
  if (
    owned.some(coversEverything) &&
    owned.some((rule) => includesAll(rule.verbs) && (rule.nonResourceURLs ?? []).includes('*'))
  ) {
    return []
  }
  const missing: PolicyRule[] = []
  let count = 0
  for (const rule of wanted) {
    if (owned.some((own) => coversWhole(own, rule))) continue
    count += sizeOf(rule)
    if (count > MAX_SINGLE_RULES) return undefined
    for (const single of singleRules(rule)) {
      if (!owned.some((own) => coversSingle(own, single))) missing.push(single)
    }
  }
  return missing
}

const coversEverything = (rule: PolicyRule) =>
  includesAll(rule.verbs) &&
  includesAll(rule.apiGroups) &&
  includesAll(rule.resources) &&
  (rule.resourceNames ?? []).length === 0

/** A cheap sufficient test: `own` covers each list of `rule`. */
function coversWhole(own: PolicyRule, rule: PolicyRule): boolean {
  if ((rule.nonResourceURLs ?? []).length > 0) return false
  return (
    covers(own.verbs, rule.verbs) &&
    covers(own.apiGroups, rule.apiGroups) &&
    covers(own.resources, rule.resources) &&
    (own.resourceNames ?? []).length === 0
  )
}

function covers(own: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  if (includesAll(own)) return true
  const set = new Set(own ?? [])
  return (wanted ?? []).every((value) => set.has(value))
}

function sizeOf(rule: PolicyRule): number {
  const resources =
    (rule.apiGroups?.length ?? 0) *
    (rule.resources?.length ?? 0) *
    Math.max(1, rule.resourceNames?.length ?? 0)
  return rule.verbs.length * (resources + (rule.nonResourceURLs?.length ?? 0))
}

function* singleRules(rule: PolicyRule): Generator<PolicyRule> {
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [url] }
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const single = { verbs: [verb], apiGroups: [group], resources: [resource] }
        const names = rule.resourceNames ?? []
        if (names.length === 0) yield single
        for (const name of names) yield { ...single, resourceNames: [name] }
      }
    }
  }
}

function coversSingle(own: PolicyRule, single: PolicyRule): boolean {
  if (!includes(own.verbs, single.verbs[0]!)) return false
  const url = single.nonResourceURLs?.[0]
  if (url !== undefined) return (own.nonResourceURLs ?? []).some((pattern) => urlMatches(pattern, url))
  if (!includes(own.apiGroups, single.apiGroups![0]!)) return false
  const resource = single.resources![0]!
  const slash = resource.indexOf('/')
  const covered =
    includes(own.resources, resource) ||
    (slash > 0 && (own.resources ?? []).includes(`*${resource.slice(slash)}`))
  if (!covered) return false
  const names = own.resourceNames ?? []
  return (
    names.length === 0 || (single.resourceNames !== undefined && names.includes(single.resourceNames[0]!))
  )
}

/** Rules in few words, those that differ in their verb only joined: for messages. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  const joined = new Map<string, { rule: PolicyRule; verbs: Set<string> }>()
  for (const rule of rules) {
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs])
    const entry = joined.get(key)
    if (entry) for (const verb of rule.verbs) entry.verbs.add(verb)
    else joined.set(key, { rule, verbs: new Set(rule.verbs) })
  }
  const list = (name: string, values: readonly string[] | undefined) =>
    values === undefined || values.length === 0
      ? []
      : [`${name}:[${values.map((v) => JSON.stringify(v)).join(' ')}]`]
  return [...joined.values()].map(({ rule, verbs }) => {
    const parts = [
      ...list('NonResourceURLs', rule.nonResourceURLs),
      ...list('APIGroups', rule.apiGroups),
      ...list('Resources', rule.resources),
      ...list('ResourceNames', rule.resourceNames),
      ...list('Verbs', [...verbs]),
    ]
    return `{${parts.join(', ')}}`
  })
}

const includesAll = (values: readonly string[] | undefined) => (values ?? []).includes('*')
const includes = (values: readonly string[] | undefined, value: string) =>
  (values ?? []).includes('*') || (values ?? []).includes(value)
const setOrAll = (values: readonly string[]) => (values.includes('*') ? null : new Set(values))

function push(map: Map<string, Grant[]>, key: string, grant: Grant): void {
  const list = map.get(key)
  if (list) list.push(grant)
  else map.set(key, [grant])
}
