import { always, bool, kind, listOf, opt, ptr, type Shape, typeMeta } from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { LocalObjectReference, ObjectReference } from './common.ts'

const serviceAccountFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  secrets: opt(
    2,
    listOf(() => ObjectReference, { mapKeys: ['name'], merge: 'name' }),
  ),
  imagePullSecrets: opt(
    3,
    listOf(() => LocalObjectReference),
  ),
  automountServiceAccountToken: ptr(4, bool),
} as const

export interface ServiceAccount extends Shape<typeof serviceAccountFields> {}
export const ServiceAccount = kind<ServiceAccount>('core.v1.ServiceAccount', serviceAccountFields, {
  doc: 'The identity of the processes in a pod.',
  group: '',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  subresources: {
    token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
  },
})
