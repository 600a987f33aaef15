import {
  always,
  anyOf,
  bytes,
  int32,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ConditionStatus } from '../core/common.ts'
import { ObjectMeta } from '../meta/object-meta.ts'

export const RequestConditionType = anyOf('Approved', 'Denied', 'Failed')

export const KeyUsage = oneOf(
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
)
export type KeyUsage = TypeOf<typeof KeyUsage>

const certificateSigningRequestFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: req(2, () => CertificateSigningRequestSpec),
  status: always(3, () => CertificateSigningRequestStatus),
} as const

export interface CertificateSigningRequest extends Shape<typeof certificateSigningRequestFields> {}
export const CertificateSigningRequest = kind<CertificateSigningRequest>(
  'certificates.v1.CertificateSigningRequest',
  certificateSigningRequestFields,
  {
    doc: 'A request for a certificate, to be approved and signed.',
    group: 'certificates.k8s.io',
    plural: 'certificatesigningrequests',
    shortNames: ['csr'],
    cluster: true,
    subresources: {
      approval: { kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] },
      status: { kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const certificateSigningRequestSpecFields = {
  request: req(1, bytes),
  signerName: req(7, str),
  expirationSeconds: ptr(8, int32),
  usages: opt(5, listOf(KeyUsage)),
  username: opt(2, str),
  uid: opt(3, str),
  groups: opt(4, listOf(str)),
  extra: opt(6, mapOf(listOf(str, { boxed: true }))),
} as const

export interface CertificateSigningRequestSpec extends Shape<typeof certificateSigningRequestSpecFields> {}
export const CertificateSigningRequestSpec = struct<CertificateSigningRequestSpec>(
  'certificates.v1.CertificateSigningRequestSpec',
  certificateSigningRequestSpecFields,
)

const certificateSigningRequestStatusFields = {
  conditions: opt(
    1,
    listOf(() => CertificateSigningRequestCondition, { mapKeys: ['type'] }),
  ),
  certificate: opt(2, bytes),
} as const

export interface CertificateSigningRequestStatus
  extends Shape<typeof certificateSigningRequestStatusFields> {}
export const CertificateSigningRequestStatus = struct<CertificateSigningRequestStatus>(
  'certificates.v1.CertificateSigningRequestStatus',
  certificateSigningRequestStatusFields,
)

const certificateSigningRequestConditionFields = {
  type: req(1, RequestConditionType),
  status: req(6, ConditionStatus),
  reason: opt(2, str),
  message: opt(3, str),
  lastUpdateTime: opt(4, time),
  lastTransitionTime: opt(5, time),
} as const

export interface CertificateSigningRequestCondition
  extends Shape<typeof certificateSigningRequestConditionFields> {}
export const CertificateSigningRequestCondition = struct<CertificateSigningRequestCondition>(
  'certificates.v1.CertificateSigningRequestCondition',
  certificateSigningRequestConditionFields,
)
