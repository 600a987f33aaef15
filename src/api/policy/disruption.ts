import {
  always,
  body,
  int32,
  int64,
  intOrString,
  kind,
  listOf,
  mapOf,
  oneOf,
  opt,
  ptr,
  type Shape,
  struct,
  type TypeOf,
  time,
  typeMeta,
} from '../../schema/index.ts'
import { Condition, LabelSelector, ObjectMeta } from '../meta/object-meta.ts'
import { DeleteOptions } from '../meta/options.ts'

export const UnhealthyPodEvictionPolicyType = oneOf('IfHealthyBudget', 'AlwaysAllow')
export type UnhealthyPodEvictionPolicyType = TypeOf<typeof UnhealthyPodEvictionPolicyType>

const podDisruptionBudgetSpecFields = {
  minAvailable: ptr(1, intOrString),
  selector: opt(2, () => LabelSelector, { replace: true }),
  maxUnavailable: ptr(3, intOrString),
  unhealthyPodEvictionPolicy: ptr(4, UnhealthyPodEvictionPolicyType),
} as const

export interface PodDisruptionBudgetSpec extends Shape<typeof podDisruptionBudgetSpecFields> {}
export const PodDisruptionBudgetSpec = struct<PodDisruptionBudgetSpec>(
  'policy.v1.PodDisruptionBudgetSpec',
  podDisruptionBudgetSpecFields,
)

const podDisruptionBudgetStatusFields = {
  observedGeneration: opt(1, int64),
  disruptedPods: opt(2, mapOf(time)),
  disruptionsAllowed: always(3, int32),
  currentHealthy: always(4, int32),
  desiredHealthy: always(5, int32),
  expectedPods: always(6, int32),
  conditions: opt(
    7,
    listOf(() => Condition, { mapKeys: ['type'], merge: 'type' }),
  ),
} as const

export interface PodDisruptionBudgetStatus extends Shape<typeof podDisruptionBudgetStatusFields> {}
export const PodDisruptionBudgetStatus = struct<PodDisruptionBudgetStatus>(
  'policy.v1.PodDisruptionBudgetStatus',
  podDisruptionBudgetStatusFields,
)

const podDisruptionBudgetFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  spec: always(2, () => PodDisruptionBudgetSpec),
  status: always(3, () => PodDisruptionBudgetStatus),
} as const

export interface PodDisruptionBudget extends Shape<typeof podDisruptionBudgetFields> {}
export const PodDisruptionBudget = kind<PodDisruptionBudget>(
  'policy.v1.PodDisruptionBudget',
  podDisruptionBudgetFields,
  {
    doc: 'How many of the selected pods an eviction may take down at a time.',
    group: 'policy',
    plural: 'poddisruptionbudgets',
    shortNames: ['pdb'],
    subresources: {
      status: { kind: 'PodDisruptionBudget', verbs: ['get', 'patch', 'update'] },
    },
  },
)

const evictionFields = {
  ...typeMeta,
  metadata: always(1, () => ObjectMeta),
  deleteOptions: opt(2, () => DeleteOptions),
} as const

export interface Eviction extends Shape<typeof evictionFields> {}
export const Eviction = body<Eviction>('policy.v1.Eviction', evictionFields, {
  doc: 'Asks for a pod to be deleted, unless a PodDisruptionBudget forbids it.',
  group: 'policy',
})
