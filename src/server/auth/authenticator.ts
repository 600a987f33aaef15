import { createHash, X509Certificate } from 'node:crypto'
import { ApiError, type TokenReview, type UserInfo } from '../../api/index.ts'
import type { Clock, Log } from '../../base/index.ts'
import type { Authenticator, Authorizer, ObjectReader, RequestFacts } from '../contracts.ts'
import { bootstrapTokenUser, isBootstrapToken } from './bootstrap-tokens.ts'
import { factsOf } from './certificates.ts'
import { impersonate, impersonationOf } from './impersonation.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'

/** Who asks when nobody says. */
export const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }

export interface AuthenticatorOptions {
  readonly tokens: ServiceAccountTokens
  readonly authorizer: Authorizer
  readonly objects: Pick<ObjectReader, 'get'>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Client certificates, then bearer tokens (service accounts, bootstrap tokens), then impersonation. Everything wrong
 * answers the same bare 401: the reason goes to the log only.
 */
export class RequestAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions
  /** Connections hand in the same bytes for every request. */
  readonly #certificates = new WeakMap<Uint8Array, { user: UserInfo; notAfterMs: number }>()

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  authenticate(facts: RequestFacts): UserInfo | undefined | Promise<UserInfo | undefined> {
    const user = this.#credentials(facts)
    const wanted = impersonationOf(facts)
    if (wanted === undefined) return user
    return Promise.resolve(user).then((real) =>
      impersonate(real ?? ANONYMOUS, wanted, this.#options.authorizer),
    )
  }

  /** For a TokenReview: like a bearer token, for other audiences. Throws with the reason. */
  authenticateToken(token: string, audiences?: readonly string[]): UserInfo | Promise<UserInfo> {
    const { tokens, objects, clock } = this.#options
    if (tokens.recognizes(token)) return tokens.authenticate(token, audiences)
    if (
      audiences !== undefined &&
      !audiences.some((audience) => tokens.defaultAudiences.includes(audience))
    ) {
      throw new Error('token is not for the requested audiences')
    }
    if (isBootstrapToken(token)) return bootstrapTokenUser(token, { objects, clock })
    throw new Error('nobody here issues tokens like this')
  }

  #credentials(facts: RequestFacts): UserInfo | undefined | Promise<UserInfo | undefined> {
    if (facts.peerCertificate !== undefined) return this.#certificateUser(facts.peerCertificate)
    const authorization = facts.header('authorization')
    if (authorization === undefined) return undefined
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    if (token === undefined) throw this.#unauthorized('expected the header Authorization: Bearer TOKEN')
    try {
      const user = this.authenticateToken(token)
      return user instanceof Promise ? user.catch((error) => Promise.reject(this.#unauthorized(error))) : user
    } catch (error) {
      throw this.#unauthorized(error)
    }
  }

  #certificateUser(der: Uint8Array): UserInfo {
    const known = this.#certificates.get(der)
    if (known) return this.#stillValid(known)
    const facts = factsOf(new X509Certificate(der))
    if (facts.commonName === '') throw this.#unauthorized('the client certificate has no common name')
    const fingerprint = createHash('sha256').update(der).digest('hex')
    const user: UserInfo = {
      username: facts.commonName,
      groups: [...new Set([...facts.organizations, 'system:authenticated'])],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    }
    const entry = { user, notAfterMs: facts.notAfterMs }
    this.#certificates.set(der, entry)
    return this.#stillValid(entry)
  }

  /** TLS looked at the dates once, when the connection began; connections may last. */
  #stillValid(entry: { user: UserInfo; notAfterMs: number }): UserInfo {
    if (entry.notAfterMs > this.#options.clock.now()) return entry.user
    throw this.#unauthorized(`the client certificate expired on ${new Date(entry.notAfterMs).toISOString()}`)
  }

  #unauthorized(cause: unknown): ApiError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.#options.log.info({ reason }, 'refused credentials')
    return new ApiError('Unauthorized', 'Unauthorized', undefined, { cause })
  }
}

/** Fills a TokenReview's status. A bad token is an answer, not an error. */
export async function reviewToken(
  request: TokenReview,
  authenticator: RequestAuthenticator,
  tokens: ServiceAccountTokens,
): Promise<TokenReview> {
  const { token = '', audiences: requested } = request.spec
  const audiences = requested && requested.length > 0 ? requested : tokens.defaultAudiences
  try {
    const user = await authenticator.authenticateToken(token, audiences)
    const matching = tokens.recognizes(token)
      ? tokens.matchingAudiences(token, audiences)
      : audiences.filter((audience) => tokens.defaultAudiences.includes(audience))
    return { ...request, status: { authenticated: true, user, audiences: matching } }
  } catch (error) {
    return {
      ...request,
      status: {
        user: {},
        error: `invalid bearer token: ${error instanceof Error ? error.message : String(error)}`,
      },
    }
  }
}
