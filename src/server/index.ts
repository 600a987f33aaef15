export { type CertificateFacts, type CertifiedKey, certificateFacts } from './auth/certificates.ts'
export { ensurePki, type NodeCertificates, type NodeIdentity, type Pki, type PkiOptions } from './auth/pki.ts'
export { createSecurity, type SecurityOptions } from './security.ts'
