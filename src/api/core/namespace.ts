import {
  always,
  anyOf,
  kind,
  listOf,
  oneOf,
  opt,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { ObjectMeta } from '../meta/object-meta.ts'
import { ConditionStatus } from './common.ts'

export const FinalizerName = anyOf('kubernetes')

export const NamespacePhase = oneOf('Active', 'Terminating')
export type NamespacePhase = TypeOf<typeof NamespacePhase>

export const NamespaceConditionType = anyOf(
  'NamespaceDeletionDiscoveryFailure',
  'NamespaceDeletionContentFailure',
  'NamespaceDeletionGroupVersionParsingFailure',
  'NamespaceContentRemaining',
  'NamespaceFinalizersRemaining',
)

const namespaceSpecFields = {
  finalizers: opt(1, listOf(FinalizerName)),
} as const

export interface NamespaceSpec extends Shape<typeof namespaceSpecFields> {}
export const NamespaceSpec = struct<NamespaceSpec>('core.v1.NamespaceSpec', namespaceSpecFields)

const namespaceStatusFields = {
  phase: opt(1, NamespacePhase),
  conditions: opt(
    2,
    listOf(() => NamespaceCondition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface NamespaceStatus extends Shape<typeof namespaceStatusFields> {}
export const NamespaceStatus = struct<NamespaceStatus>('core.v1.NamespaceStatus', namespaceStatusFields)

const namespaceConditionFields = {
  type: req(1, NamespaceConditionType),
  status: req(2, ConditionStatus),
  lastTransitionTime: opt(4, time),
  reason: opt(5, str),
  message: opt(6, str),
} as const

export interface NamespaceCondition extends Shape<typeof namespaceConditionFields> {}
export const NamespaceCondition = struct<NamespaceCondition>(
  'core.v1.NamespaceCondition',
  namespaceConditionFields,
)

const namespaceFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => NamespaceSpec),
  status: always(3, () => NamespaceStatus),
} as const

export interface Namespace extends Shape<typeof namespaceFields> {}
export const Namespace = kind<Namespace>('core.v1.Namespace', namespaceFields, {
  doc: 'A scope for names, access rules and quotas.',
  group: '',
  plural: 'namespaces',
  shortNames: ['ns'],
  cluster: true,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: {
    finalize: { kind: 'Namespace', verbs: ['update'] },
    status: { kind: 'Namespace', verbs: ['get', 'patch', 'update'] },
  },
})
