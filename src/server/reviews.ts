import type { UserInfo } from '../api/index.ts'
import type { KubeObject } from '../schema/index.ts'
import type { RequestAttributes, Security } from './contracts.ts'

/**
 * Kinds that are asked, not stored: a create answers the body with its status filled. `namespace` is that of the
 * path.
 */
export async function answerReview(
  security: Security,
  kind: string,
  body: KubeObject,
  user: UserInfo,
  namespace: string | undefined,
): Promise<KubeObject> {
  switch (kind) {
    case 'TokenReview':
      return security.tokens.review(body)
    case 'SelfSubjectReview':
      return { ...body, status: { userInfo: userInfoOf(user) } } as KubeObject
    case 'SelfSubjectAccessReview':
      return accessReview(security, body, user)
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return accessReview(security, body, subjectOf(body), namespace)
    case 'SelfSubjectRulesReview': {
      const within = (body as Review).spec?.namespace ?? ''
      return { ...body, status: security.authorizer.rulesFor(user, within) } as unknown as KubeObject
    }
    default:
      throw new Error(`bug: ${kind} is not a review`)
  }
}

export const REVIEW_KINDS: ReadonlySet<string> = new Set([
  'TokenReview',
  'SelfSubjectReview',
  'SelfSubjectAccessReview',
  'SubjectAccessReview',
  'LocalSubjectAccessReview',
  'SelfSubjectRulesReview',
])

interface Review extends KubeObject {
  readonly spec?: {
    readonly namespace?: string
    readonly user?: string
    readonly uid?: string
    readonly groups?: readonly string[]
    readonly extra?: Readonly<Record<string, readonly string[]>>
    readonly resourceAttributes?: Partial<
      Record<'namespace' | 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'name', string>
    >
    readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string }
  }
}

async function accessReview(
  security: Security,
  body: KubeObject,
  subject: UserInfo,
  namespace?: string,
): Promise<KubeObject> {
  const decision = await security.authorizer.authorize(subject, attributesOf(body as Review, namespace))
  const reason = decision.more ?? decision.reason
  return {
    ...body,
    status: { allowed: decision.allowed, ...(reason ? { reason } : {}) },
  } as unknown as KubeObject
}

function attributesOf(review: Review, namespace: string | undefined): RequestAttributes {
  const { resourceAttributes: r, nonResourceAttributes: n } = review.spec ?? {}
  const none = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' }
  if (!r) return { ...none, verb: n?.verb ?? '', isResource: false, path: n?.path ?? '' }
  return {
    verb: r.verb ?? '',
    isResource: true,
    path: '',
    group: r.group ?? '',
    version: r.version ?? '',
    resource: r.resource ?? '',
    subresource: r.subresource ?? '',
    namespace: r.namespace ?? namespace ?? '',
    name: r.name ?? '',
  }
}

function subjectOf(body: KubeObject): UserInfo {
  const { user = '', uid, groups = [], extra } = (body as Review).spec ?? {}
  return { username: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
}

function userInfoOf(user: UserInfo): object {
  const { username, uid, groups, extra } = user
  return { username, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) }
}
