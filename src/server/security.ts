import type { Api, ServiceAccount, TokenRequest, TokenReview } from '../api/index.ts'
import {
  ConfigMap,
  isApiError,
  Node,
  PersistentVolume,
  Pod,
  Secret,
  ServiceAccount as ServiceAccountKind,
} from '../api/index.ts'
import type { KubeObject } from '../schema/index.ts'
import { createAdmission } from './admission/chain.ts'
import { RoleAggregation } from './auth/aggregation.ts'
import { RequestAuthenticator, reviewToken } from './auth/authenticator.ts'
import { follow, followRbac, RequestAuthorizer } from './auth/authorizer.ts'
import type { CertifiedKey } from './auth/certificates.ts'
import { DEFAULT_BINDINGS, DEFAULT_ROLES } from './auth/default-policy.ts'
import { NodeAuthorizer } from './auth/node-authorizer.ts'
import { NodeGraph } from './auth/node-graph.ts'
import { ensurePolicy } from './auth/policy-reconcile.ts'
import { ServiceAccountTokens } from './auth/service-account-tokens.ts'
import type { Security, SecurityContext } from './contracts.ts'
import { createNodeProxy } from './nodes/proxy.ts'

export interface SecurityOptions {
  /** Signs and checks service account tokens (PEM, P-256). */
  readonly serviceAccountKey: { readonly privateKey: string; readonly publicKey: string }
  /** What the server shows to node agents (a function where it is renewed), and the authority (PEM) it checks theirs against. */
  readonly kubeletClient: CertifiedKey | (() => CertifiedKey)
  readonly nodeAuthority: string
  /** Default: https://kubernetes.default.svc.cluster.local */
  readonly issuer?: string
}

/** The cluster's real security: certificates and tokens, RBAC and the node authorizer, the admission chain, the node proxy. */
export async function createSecurity(context: SecurityContext, options: SecurityOptions): Promise<Security> {
  const { objects, api, clock, random, log } = context
  const issuer = options.issuer ?? 'https://kubernetes.default.svc.cluster.local'
  await objects.ready(Pod, PersistentVolume, Secret, ServiceAccountKind, Node)
  const { rbac, stop: stopRbac } = await followRbac(objects)
  const graph = new NodeGraph()
  const stops = [
    stopRbac,
    follow(objects, Pod, (pod, deleted, previous) => graph.setPod(previous, deleted ? undefined : pod)),
    follow(objects, PersistentVolume, (volume, deleted, previous) =>
      graph.setVolume(previous, deleted ? undefined : volume),
    ),
  ]
  const nodes = new NodeAuthorizer(graph)
  const authorizer = new RequestAuthorizer(rbac, nodes)
  const tokens = await ServiceAccountTokens.create({
    objects,
    clock,
    random,
    ...options.serviceAccountKey,
    issuer,
    jwksUri: `${issuer}/openid/v1/jwks`,
  })
  const authenticator = new RequestAuthenticator({ tokens, authorizer, objects, clock, log })
  const { kubeletClient } = options
  const nodeProxy = await createNodeProxy({
    objects,
    clock,
    random,
    log,
    client: typeof kubeletClient === 'function' ? kubeletClient : () => kubeletClient,
    authority: options.nodeAuthority,
  })
  let aggregation: RoleAggregation | undefined
  return {
    authenticator,
    authorizer,
    admission: await createAdmission({ objects, clock, random, authorizer, rbac, nodes }),
    tokens: {
      issue: (account, request) => tokens.issue(account as ServiceAccount, request as TokenRequest),
      review: (request): Promise<KubeObject> => reviewToken(request as TokenReview, authenticator, tokens),
      openidConfiguration: () => tokens.openidConfiguration(),
      jwks: () => tokens.jwks(),
    },
    nodeProxy,
    async start() {
      await ensurePolicy(api, objects, DEFAULT_ROLES, DEFAULT_BINDINGS, log)
      await publishAuthority(api, options.nodeAuthority)
      aggregation = new RoleAggregation({ api, objects, clock, log })
      await aggregation.settled()
    },
    async close() {
      for (const stop of stops) stop()
      nodeProxy.close()
      await aggregation?.stop()
    },
  }
}

const PUBLISHED = { namespace: 'kube-system', name: 'extension-apiserver-authentication' }

/** Servers beside this one (metrics, custom APIs) read here whose client certificates to trust. */
async function publishAuthority(api: Api, authority: string): Promise<void> {
  const data = { 'client-ca-file': authority }
  try {
    const stored = await api.get(ConfigMap, PUBLISHED)
    if (stored.data?.['client-ca-file'] !== authority)
      await api.patch(ConfigMap, PUBLISHED, { type: 'merge', body: { data } })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    await api.create(ConfigMap, { metadata: PUBLISHED, data })
  }
}
