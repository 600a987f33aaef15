import { badRequest, forbidden, type UserInfo } from '../../api/index.ts'
import type { Authorizer, RequestAttributes, RequestFacts } from '../contracts.ts'
import { parseServiceAccountUser, serviceAccountGroups } from './service-account-tokens.ts'

/** Whom the headers ask to be; undefined: nobody else. */
export interface Impersonation {
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

const EXTRA = 'impersonate-extra-'

/** Reads `Impersonate-User`, `-Uid`, `-Group` and `-Extra-*`. Throws ApiError when they make no sense. */
export function impersonationOf(facts: RequestFacts): Impersonation | undefined {
  const username = facts.header('impersonate-user') ?? ''
  const uid = facts.header('impersonate-uid') ?? ''
  const groups = splitValues(facts.header('impersonate-group'))
  const extra: [string, string[]][] = []
  for (const name in facts.headers) {
    if (name.startsWith(EXTRA))
      extra.push([decodeKey(name.slice(EXTRA.length)), splitValues(facts.header(name))])
  }
  if (username !== '') return { username, uid, groups, extra: Object.fromEntries(extra) }
  if (uid === '' && groups.length === 0 && extra.length === 0) return undefined
  throw badRequest(
    'cannot impersonate a uid, groups or extra fields without a user: expected the header Impersonate-User',
  )
}

/** Everything the real user must be allowed to do to become the other one. */
function impersonationRequests(wanted: Impersonation): RequestAttributes[] {
  const ask = (group: string, resource: string, name: string, more: Partial<RequestAttributes> = {}) => ({
    verb: 'impersonate',
    isResource: true,
    path: '',
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name,
    ...more,
  })
  const account = parseServiceAccountUser(wanted.username)
  return [
    account
      ? ask('', 'serviceaccounts', account.name, { namespace: account.namespace })
      : ask('', 'users', wanted.username),
    ...wanted.groups.map((group) => ask('', 'groups', group)),
    ...(wanted.uid === '' ? [] : [ask('authentication.k8s.io', 'uids', wanted.uid)]),
    ...Object.entries(wanted.extra).flatMap(([key, values]) =>
      values.map((value) => ask('authentication.k8s.io', 'userextras', value, { subresource: key })),
    ),
  ]
}

/** The user that the request goes on as. */
function impersonatedUser(wanted: Impersonation): UserInfo {
  const account = parseServiceAccountUser(wanted.username)
  const base = wanted.groups.length === 0 && account ? serviceAccountGroups(account.namespace) : wanted.groups
  const known = wanted.username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'
  return {
    username: wanted.username,
    ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
    groups: base.includes('system:unauthenticated') ? base : [...new Set([...base, known])],
    ...(Object.keys(wanted.extra).length === 0 ? {} : { extra: wanted.extra }),
  }
}

/** `user`, or the user it may act as. Throws ApiError Forbidden when it may not. */
export async function impersonate(
  user: UserInfo,
  wanted: Impersonation,
  authorizer: Authorizer,
): Promise<UserInfo> {
  for (const attributes of impersonationRequests(wanted)) {
    const decision = await authorizer.authorize(user, attributes)
    if (!decision.allowed) {
      throw forbidden(
        { group: attributes.group, plural: attributes.resource, kind: '' },
        attributes.name,
        decision.reason,
      )
    }
  }
  return impersonatedUser(wanted)
}

const splitValues = (text: string | undefined) =>
  text === undefined ? [] : text.split(/,\s*/).filter((value) => value !== '')

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    throw badRequest(`cannot read header Impersonate-Extra-${key}: expected a percent-encoded name`)
  }
}
