import type { Duplex, Readable, Writable } from 'node:stream'
import type { Api, UserInfo } from '../api/index.ts'
import type { Clock, Log, Random } from '../base/index.ts'
import type { Kind, KubeObject } from '../schema/index.ts'

/**
 * What the server's core asks of its security and of the road to the nodes. The core calls, in this order:
 * authenticate, (impersonate), authorize, admit, validate; proxied subresources go to the NodeProxy after that.
 */
export interface Security {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly admission: Admission
  readonly tokens: TokenService
  readonly nodeProxy: NodeProxy
  /** Once the in-process API works, before the server says it is ready: makes what the cluster's security needs in it. */
  start?(): Promise<void>
  close?(): Promise<void>
}

/** What the core hands to whoever builds a `Security`; nothing of it may be used before `createSecurity` resolves but to read. */
export interface SecurityContext {
  readonly objects: ObjectReader
  /** The API as user `system:apiserver` (group `system:masters`): past authorization, through admission. */
  readonly api: Api
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Objects as the server's watch caches hold them: shared, immutable, as new as the last acknowledged write. */
export interface ObjectReader {
  /** Starts the caches of these kinds and resolves when they are loaded. Reading a kind before that throws. */
  ready(...kinds: readonly Kind[]): Promise<void>
  get<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): T | undefined
  /** All objects, or those of one namespace. */
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): readonly T[]
  /** Calls `fn` for every later change, synchronously while it is applied; the returned function ends it. */
  subscribe<T extends KubeObject>(kind: Kind<T>, fn: (change: ObjectChange<T>) => void): () => void
}

export interface ObjectChange<T> {
  /** undefined: it was deleted. */
  readonly object: T | undefined
  /** undefined: it is new. */
  readonly previous: T | undefined
}

/** What authentication may look at. */
export interface RequestFacts {
  /** The client certificate in DER, only when TLS verified it against the client CA. */
  readonly peerCertificate: Uint8Array | undefined
  /** A header by lower-case name; several values are joined by ', '. */
  header(name: string): string | undefined
  /** All headers by lower-case name; absent for a caller that has none beyond what `header` gives. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly path: string
}

export interface Authenticator {
  /**
   * undefined: no credentials were offered (the request goes on as system:anonymous).
   * Throws ApiError Unauthorized when credentials were offered and are wrong.
   */
  authenticate(facts: RequestFacts): UserInfo | undefined | Promise<UserInfo | undefined>
}

/** What is asked for. Strings are '' where they do not apply. */
export interface RequestAttributes {
  /** get, list, watch, create, update, patch, delete, deletecollection, or the lower-case HTTP method of a non-resource path. */
  readonly verb: string
  readonly isResource: boolean
  readonly path: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** The query parameter of the same name, on list, watch and deletecollection; '' when there is none. */
  readonly fieldSelector?: string
}

export interface Decision {
  readonly allowed: boolean
  /** Why; for a refusal Kubernetes' wording: `User "x" cannot list resource "pods" in API group "" in the namespace "default"`. */
  readonly reason: string
  /** Of a refusal: what there is to say beyond it ('' usually); access reviews show this in place of `reason`. */
  readonly more?: string
}

export interface Authorizer {
  /** Synchronous in the common case: it runs once a request. */
  authorize(user: UserInfo, attributes: RequestAttributes): Decision | Promise<Decision>
  /** For SelfSubjectRulesReview. */
  rulesFor(user: UserInfo, namespace: string): SubjectRules
}

export interface SubjectRules {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[]
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly resourceNames?: readonly string[]
  }[]
  readonly nonResourceRules: readonly {
    readonly verbs: readonly string[]
    readonly nonResourceURLs?: readonly string[]
  }[]
  readonly incomplete: boolean
  readonly evaluationError?: string
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  /** The kind that is served at the path (for a subresource: the parent's kind, e.g. Pod for pods/eviction). */
  readonly kind: Kind
  /** '' for the main resource. */
  readonly subresource: string
  readonly namespace: string | undefined
  /** '' when the name is still to be generated. */
  readonly name: string
  /** The new object (for `binding`, `eviction`, `token`: the body); undefined on DELETE. */
  readonly object: KubeObject | undefined
  /** The stored object; undefined on CREATE. */
  readonly old: KubeObject | undefined
  readonly user: UserInfo
  readonly dryRun: boolean
  /** Adds a `Warning:` header to the answer. */
  warn(text: string): void
}

export interface Admission {
  /** Mutating admission: returns the object to go on with, the same one when nothing changes. Throws ApiError to refuse. */
  admit(request: AdmissionRequest): KubeObject | undefined | Promise<KubeObject | undefined>
  /** Validating admission, after defaults and validation: throws ApiError to refuse. */
  validate(request: AdmissionRequest): void | Promise<void>
}

export interface TokenService {
  /** serviceaccounts/token: `request` is an authentication.k8s.io/v1 TokenRequest; answers it with its status filled. */
  issue(serviceAccount: KubeObject, request: KubeObject, user: UserInfo): Promise<KubeObject>
  /** authentication.k8s.io/v1 TokenReview: answers it with its status filled. */
  review(request: KubeObject): Promise<KubeObject>
  /** The JSON documents at /.well-known/openid-configuration and /openid/v1/jwks. */
  openidConfiguration(): string
  jwks(): string
}

/** Proxied subresources: pods/{log,exec,attach,portforward,proxy}, nodes/proxy, services/proxy. Already authorized and admitted. */
export interface NodeProxy {
  handle(request: ProxyRequest): Promise<void>
}

export interface ProxyRequest {
  readonly attributes: RequestAttributes
  readonly user: UserInfo
  readonly method: string
  /** What follows `…/proxy` in the path (begins with '/' or is empty); '' for the other subresources. */
  readonly proxyPath: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Aborts when the client is gone or the server closes. */
  readonly signal: AbortSignal
  readonly connection: PlainExchange | UpgradedConnection
}

/** An ordinary request. Before `respond` the handler may throw ApiError: the core answers with its Status. */
export interface PlainExchange {
  readonly type: 'plain'
  readonly body: Readable
  /** Sends the head (hop-by-hop headers are left out) and gives the stream of the answer's body. */
  respond(status: number, headers: Readonly<Record<string, string | readonly string[]>>): Writable
}

/** A request with `Connection: Upgrade`: the handler writes the answer's head itself. Before it wrote anything it may throw ApiError. */
export interface UpgradedConnection {
  readonly type: 'upgrade'
  readonly socket: Duplex
  /** What the client sent after the head; it belongs before what `socket` gives. */
  readonly head: Uint8Array
}
