import { AGE, humanDuration, orNone, table } from '../table.columns.ts'
import { CertificateSigningRequest } from './signing-request.ts'

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status.conditions?.some((c) => c.type === type) === true
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return `${decision}${has('Failed') ? ',Failed' : ''}${status.certificate ? ',Issued' : ''}`
}

export const signingRequestTable = table(
  CertificateSigningRequest,
  AGE,
  ['SignerName', (r) => orNone(r.spec.signerName)],
  ['Requestor', (r) => r.spec.username ?? ''],
  [
    'RequestedDuration',
    (r) =>
      r.spec.expirationSeconds === undefined ? '<none>' : humanDuration(r.spec.expirationSeconds * 1000),
  ],
  ['Condition', condition],
)
