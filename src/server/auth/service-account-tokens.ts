import { createPublicKey } from 'node:crypto'
import {
  calculateJwkThumbprint,
  exportJWK,
  importPKCS8,
  importSPKI,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import {
  badRequest,
  conflict,
  invalid,
  Node,
  notFound,
  Pod,
  Secret,
  ServiceAccount,
  type TokenRequest,
  type UserInfo,
} from '../../api/index.ts'
import { type Clock, type Random, timestamp } from '../../base/index.ts'
import type { Kind, Problem } from '../../schema/index.ts'
import type { ObjectReader } from '../contracts.ts'

const ALGORITHM = 'ES256'
const DEFAULT_LIFETIME_S = 3600
const MIN_LIFETIME_S = 600
const MAX_LIFETIME_S = 2 ** 32
/** Nothing that we sign comes near it: what is longer is not worth parsing. */
const MAX_TOKEN_LENGTH = 16 * 1024
const MAX_CACHED_TOKENS = 8192
/** Servers that share a key may disagree on the time by this much. */
const CLOCK_TOLERANCE_S = 10
/** A token outlives the start of its object's deletion by this much, so that a pod can end in order. */
const DELETION_LEEWAY_MS = 60_000

export interface TokenOptions {
  readonly objects: Pick<ObjectReader, 'get'>
  readonly clock: Clock
  readonly random: Random
  /** PEM, PKCS #8, P-256. */
  readonly privateKey: string
  readonly publicKey: string
  /** Also what the API server itself accepts as audience. */
  readonly issuer: string
  readonly jwksUri: string
}

/** What a token of ours says about its holder: the claim `kubernetes.io`. */
interface BoundClaims {
  readonly namespace: string
  readonly serviceaccount: Reference
  readonly pod?: Reference
  readonly secret?: Reference
  readonly node?: Reference
}

interface Reference {
  readonly name: string
  readonly uid: string
}

interface VerifiedToken {
  readonly claims: BoundClaims
  readonly audiences: readonly string[]
  readonly expiresAtMs: number
  readonly user: UserInfo
}

/**
 * Issues and checks service account tokens: JSON web tokens bound to a service account and, where asked, to a pod,
 * secret or node; they end when that object is gone. A signature is checked once; whether the bound objects still
 * live is looked up every time.
 */
export class ServiceAccountTokens {
  readonly #options: TokenOptions
  readonly #signingKey: CryptoKey
  readonly #verifyingKey: CryptoKey
  readonly #keyId: string
  readonly #jwks: string
  readonly #verified = new Map<string, VerifiedToken>()

  private constructor(
    options: TokenOptions,
    signingKey: CryptoKey,
    verifyingKey: CryptoKey,
    keyId: string,
    jwks: string,
  ) {
    this.#options = options
    this.#signingKey = signingKey
    this.#verifyingKey = verifyingKey
    this.#keyId = keyId
    this.#jwks = jwks
  }

  static async create(options: TokenOptions): Promise<ServiceAccountTokens> {
    const [signingKey, verifyingKey] = await Promise.all([
      importPKCS8(options.privateKey, ALGORITHM),
      importSPKI(options.publicKey, ALGORITHM),
    ])
    const jwk = await exportJWK(createPublicKey(options.publicKey))
    const keyId = await calculateJwkThumbprint(jwk)
    const jwks = JSON.stringify({ keys: [{ use: 'sig', kid: keyId, alg: ALGORITHM, ...jwk }] })
    return new ServiceAccountTokens(options, signingKey, verifyingKey, keyId, jwks)
  }

  jwks(): string {
    return this.#jwks
  }

  openidConfiguration(): string {
    return JSON.stringify({
      issuer: this.#options.issuer,
      jwks_uri: this.#options.jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [ALGORITHM],
    })
  }

  /** True when the text looks like one of our tokens, good or not: then nobody else can vouch for it. */
  recognizes(token: string): boolean {
    if (token.length > MAX_TOKEN_LENGTH) return false
    const parts = token.split('.')
    if (parts.length !== 3) return false
    try {
      return JSON.parse(Buffer.from(parts[1]!, 'base64url').toString()).iss === this.#options.issuer
    } catch {
      return false
    }
  }

  /** The user of a token for one of `audiences` (default: the API server). Throws with the reason when it is not good. */
  authenticate(token: string, audiences = this.defaultAudiences): UserInfo | Promise<UserInfo> {
    const known = this.#verified.get(token)
    if (known && known.expiresAtMs > this.#options.clock.now()) return this.#check(known, audiences)
    return this.#verify(token).then((verified) => this.#check(verified, audiences))
  }

  /** Of `audiences`, those that the token is for. The token must have been authenticated just before. */
  matchingAudiences(token: string, audiences: readonly string[]): readonly string[] {
    const of = this.#verified.get(token)?.audiences ?? []
    return audiences.filter((audience) => of.includes(audience))
  }

  get defaultAudiences(): readonly string[] {
    return [this.#options.issuer]
  }

  async #verify(token: string): Promise<VerifiedToken> {
    if (token.length > MAX_TOKEN_LENGTH) throw new Error(`token is too long: ${token.length} characters`)
    const { payload } = await jwtVerify(token, this.#verifyingKey, {
      issuer: this.#options.issuer,
      algorithms: [ALGORITHM],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(this.#options.clock.now()),
      requiredClaims: ['exp', 'sub', 'aud'],
    })
    const claims = boundClaims(payload)
    const verified: VerifiedToken = {
      claims,
      audiences: typeof payload.aud === 'string' ? [payload.aud] : (payload.aud ?? []),
      expiresAtMs: payload.exp! * 1000,
      user: userOf(claims, payload.jti),
    }
    if (this.#verified.size >= MAX_CACHED_TOKENS) this.#verified.delete(this.#verified.keys().next().value!)
    this.#verified.set(token, verified)
    return verified
  }

  #check(token: VerifiedToken, audiences: readonly string[]): UserInfo {
    if (!token.audiences.some((audience) => audiences.includes(audience))) {
      throw new Error(
        `token audiences ${JSON.stringify(token.audiences)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      )
    }
    const { claims } = token
    this.#mustLive(ServiceAccount, claims.namespace, claims.serviceaccount)
    if (claims.secret) this.#mustLive(Secret, claims.namespace, claims.secret)
    if (claims.pod) this.#mustLive(Pod, claims.namespace, claims.pod)
    else if (claims.node) this.#mustLive(Node, undefined, claims.node)
    return token.user
  }

  #mustLive(kind: Kind, namespace: string | undefined, ref: Reference): void {
    const object = this.#options.objects.get(kind, namespace, ref.name)
    const what = `${kind.resource.singular} "${namespace === undefined ? '' : `${namespace}/`}${ref.name}"`
    if (object === undefined) throw new Error(`${what} of the token has been deleted`)
    if (object.metadata.uid !== ref.uid)
      throw new Error(`${what} of the token has been replaced by another of the same name`)
    const deletedAt = object.metadata.deletionTimestamp
    if (deletedAt !== undefined && Date.parse(deletedAt) + DELETION_LEEWAY_MS < this.#options.clock.now()) {
      throw new Error(`${what} of the token is being deleted`)
    }
  }

  /** Answers a TokenRequest. Throws ApiError when it cannot be granted. */
  async issue(serviceAccount: ServiceAccount, request: TokenRequest): Promise<TokenRequest> {
    const lifetimeS = Number(request.spec.expirationSeconds ?? DEFAULT_LIFETIME_S)
    const problems = lifetimeProblems(lifetimeS)
    if (problems.length > 0) {
      throw invalid(
        { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' },
        serviceAccount.metadata.name,
        problems,
      )
    }
    const requested = request.spec.audiences ?? []
    const audiences = requested.length > 0 ? requested : this.defaultAudiences
    const { namespace = '', name, uid } = serviceAccount.metadata
    const nowS = Math.floor(this.#options.clock.now() / 1000)
    const claims: BoundClaims = {
      namespace,
      ...this.#boundTo(serviceAccount, request),
      serviceaccount: { name, uid },
    }
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.#keyId })
      .setIssuer(this.#options.issuer)
      .setSubject(userName(namespace, name))
      .setAudience([...audiences])
      .setIssuedAt(nowS)
      .setNotBefore(nowS)
      .setExpirationTime(nowS + lifetimeS)
      .setJti(this.#options.random.uuid())
      .sign(this.#signingKey)
    return {
      ...request,
      spec: { ...request.spec, audiences: [...audiences], expirationSeconds: lifetimeS },
      status: { token, expirationTimestamp: timestamp((nowS + lifetimeS) * 1000) },
    }
  }

  #boundTo(serviceAccount: ServiceAccount, request: TokenRequest): Partial<BoundClaims> {
    const ref = request.spec.boundObjectRef
    if (!ref) return {}
    const { namespace, name } = serviceAccount.metadata
    const kind = BINDABLE[`${ref.apiVersion ?? ''} ${ref.kind ?? ''}`]
    if (!kind) {
      throw badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(name)} to object of type ${ref.apiVersion}, Kind=${ref.kind}: expected a v1 Pod, Secret or Node`,
      )
    }
    const object = this.#options.objects.get(kind, kind === Node ? undefined : namespace, ref.name ?? '')
    if (!object) throw notFound(kind.resource, ref.name ?? '')
    if (ref.uid && ref.uid !== object.metadata.uid) {
      throw conflict(
        kind.resource,
        object.metadata.name,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      )
    }
    const reference: Reference = { name: object.metadata.name, uid: object.metadata.uid }
    if (kind === Secret) return { secret: reference }
    if (kind === Node) return { node: reference }
    const pod = object as Pod
    if ((pod.spec.serviceAccountName ?? '') !== name) {
      throw badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
      )
    }
    const node = pod.spec.nodeName ? this.#options.objects.get(Node, undefined, pod.spec.nodeName) : undefined
    return { pod: reference, ...(node ? { node: { name: node.metadata.name, uid: node.metadata.uid } } : {}) }
  }
}

const BINDABLE: Readonly<Record<string, Kind>> = {
  'v1 Pod': Pod,
  'v1 Secret': Secret,
  'v1 Node': Node,
}

function lifetimeProblems(seconds: number): Problem[] {
  const problem = (detail: string): Problem => ({
    type: 'Invalid',
    field: 'spec.expirationSeconds',
    value: seconds,
    detail,
  })
  if (!(seconds >= MIN_LIFETIME_S)) return [problem('may not specify a duration less than 10 minutes')]
  if (seconds > MAX_LIFETIME_S) return [problem('may not specify a duration larger than 2^32 seconds')]
  return []
}

/** Reads the claim that we wrote; the signature says that it is ours, the shape is checked all the same. */
function boundClaims(payload: JWTPayload): BoundClaims {
  const claims = payload['kubernetes.io'] as Partial<BoundClaims> | undefined
  const account = claims?.serviceaccount
  if (!claims || typeof claims.namespace !== 'string' || !isReference(account))
    throw new Error('token lacks the claim kubernetes.io')
  if (payload.sub !== userName(claims.namespace, account.name))
    throw new Error('token names another subject than its service account')
  for (const bound of [claims.pod, claims.secret, claims.node]) {
    if (bound !== undefined && !isReference(bound))
      throw new Error('token has a malformed claim kubernetes.io')
  }
  return claims as BoundClaims
}

const isReference = (value: unknown): value is Reference =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Reference).name === 'string' &&
  typeof (value as Reference).uid === 'string'

const userName = (namespace: string, name: string) => `system:serviceaccount:${namespace}:${name}`

function userOf(claims: BoundClaims, tokenId: string | undefined): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims
  return {
    username: userName(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    extra: {
      ...(tokenId ? { 'authentication.kubernetes.io/credential-id': [`JTI=${tokenId}`] } : {}),
      ...(pod
        ? {
            'authentication.kubernetes.io/pod-name': [pod.name],
            'authentication.kubernetes.io/pod-uid': [pod.uid],
          }
        : {}),
      ...(node
        ? {
            'authentication.kubernetes.io/node-name': [node.name],
            'authentication.kubernetes.io/node-uid': [node.uid],
          }
        : {}),
    },
  }
}

/** The groups of every service account of a namespace. */
export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}

/** Namespace and name of a service account's user name; undefined for anybody else. */
export function parseServiceAccountUser(username: string): { namespace: string; name: string } | undefined {
  const parts = username.split(':')
  if (parts.length !== 4 || parts[0] !== 'system' || parts[1] !== 'serviceaccount') return undefined
  return parts[2] === '' || parts[3] === '' ? undefined : { namespace: parts[2]!, name: parts[3]! }
}
