import { timingSafeEqual } from 'node:crypto'
import { Secret, type UserInfo } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import type { ObjectReader } from '../contracts.ts'

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/**
 * Bootstrap tokens: secrets `bootstrap-token-<id>` in kube-system, for machines that join
 * (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens).
 */
export interface BootstrapTokenOptions {
  readonly objects: Pick<ObjectReader, 'get'>
  readonly clock: Clock
}

/** True for texts of the form `abcdef.0123456789abcdef`. */
export function isBootstrapToken(token: string): boolean {
  return TOKEN.test(token)
}

/** The user of a good token; throws with the reason otherwise. The reason is for the log: it never goes to the client. */
export function bootstrapTokenUser(token: string, options: BootstrapTokenOptions): UserInfo {
  const [, id = '', password = ''] = TOKEN.exec(token) ?? []
  const secret = options.objects.get(Secret, 'kube-system', `bootstrap-token-${id}`)
  const refuse = (why: string) => new Error(`bootstrap token ${JSON.stringify(id)}: ${why}`)
  if (!secret) throw refuse('no such secret')
  if (secret.metadata.deletionTimestamp !== undefined) throw refuse('the secret is being deleted')
  if (secret.type !== 'bootstrap.kubernetes.io/token') throw refuse('the secret is of another type')
  const field = (name: string) => Buffer.from(String(secret.data?.[name] ?? ''), 'base64').toString()
  if (field('token-id') !== id || !sameText(field('token-secret'), password))
    throw refuse('the secret does not match')
  const expiration = field('expiration')
  if (expiration !== '') {
    const atMs = Date.parse(expiration)
    if (!(atMs > options.clock.now()))
      throw refuse(Number.isNaN(atMs) ? 'its expiration is not a time' : 'it has expired')
  }
  if (field('usage-bootstrap-authentication') !== 'true') throw refuse('it is not for authentication')
  const extra = field('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '')
  const wrong = extra.find((group) => !EXTRA_GROUP.test(group))
  if (wrong !== undefined) throw refuse(`extra group ${JSON.stringify(wrong)} is not allowed`)
  return {
    username: `system:bootstrap:${id}`,
    groups: [...new Set(['system:bootstrappers', ...extra, 'system:authenticated'])],
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
