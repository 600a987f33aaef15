export { type CertificateFacts, type CertifiedKey, certificateFacts } from './auth/certificates.ts'
export { DEFAULT_BINDINGS, DEFAULT_ROLES } from './auth/default-policy.ts'
export { ensurePki, type NodeCertificates, type NodeIdentity, type Pki, type PkiOptions } from './auth/pki.ts'
export { describeRules, missingRules, type PolicyRule } from './auth/rules.ts'
export type {
  Admission,
  AdmissionRequest,
  Authenticator,
  Authorizer,
  NodeProxy,
  ObjectReader,
  RequestAttributes,
  Security,
  SecurityContext,
  TokenService,
} from './contracts.ts'
export type { HealthCheck } from './http/health.ts'
export type { Listener, TlsFiles } from './http/listener.ts'
export type { ServiceNetwork } from './registry/services.ts'
export { createSecurity, type SecurityOptions } from './security.ts'
export { type ApiServer, type ApiServerOptions, createApiServer, type ListenOptions } from './server.ts'
export { VERSION } from './version.ts'
