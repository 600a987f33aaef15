import {
  int32,
  int64,
  listOf,
  oneOf,
  opt,
  ptr,
  req,
  type Shape,
  str,
  struct,
  type TypeOf,
  time,
} from '../../schema/index.ts'
import { LabelSelector } from '../meta/object-meta.ts'

export const NodeSelectorOperator = oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt')
export type NodeSelectorOperator = TypeOf<typeof NodeSelectorOperator>

export const TaintEffect = oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute')
export type TaintEffect = TypeOf<typeof TaintEffect>

export const TolerationOperator = oneOf('Exists', 'Equal', 'Lt', 'Gt')
export type TolerationOperator = TypeOf<typeof TolerationOperator>

const nodeSelectorFields = {
  nodeSelectorTerms: req(
    1,
    listOf(() => NodeSelectorTerm),
  ),
} as const

export interface NodeSelector extends Shape<typeof nodeSelectorFields> {}
export const NodeSelector = struct<NodeSelector>('core.v1.NodeSelector', nodeSelectorFields, { atomic: true })

const nodeSelectorTermFields = {
  matchExpressions: opt(
    1,
    listOf(() => NodeSelectorRequirement),
  ),
  matchFields: opt(
    2,
    listOf(() => NodeSelectorRequirement),
  ),
} as const

export interface NodeSelectorTerm extends Shape<typeof nodeSelectorTermFields> {}
export const NodeSelectorTerm = struct<NodeSelectorTerm>('core.v1.NodeSelectorTerm', nodeSelectorTermFields, {
  atomic: true,
})

const nodeSelectorRequirementFields = {
  key: req(1, str),
  operator: req(2, NodeSelectorOperator),
  values: opt(3, listOf(str)),
} as const

export interface NodeSelectorRequirement extends Shape<typeof nodeSelectorRequirementFields> {}
export const NodeSelectorRequirement = struct<NodeSelectorRequirement>(
  'core.v1.NodeSelectorRequirement',
  nodeSelectorRequirementFields,
)

const topologySelectorTermFields = {
  matchLabelExpressions: opt(
    1,
    listOf(() => TopologySelectorLabelRequirement),
  ),
} as const

export interface TopologySelectorTerm extends Shape<typeof topologySelectorTermFields> {}
export const TopologySelectorTerm = struct<TopologySelectorTerm>(
  'core.v1.TopologySelectorTerm',
  topologySelectorTermFields,
  { atomic: true },
)

const topologySelectorLabelRequirementFields = {
  key: req(1, str),
  values: req(2, listOf(str)),
} as const

export interface TopologySelectorLabelRequirement
  extends Shape<typeof topologySelectorLabelRequirementFields> {}
export const TopologySelectorLabelRequirement = struct<TopologySelectorLabelRequirement>(
  'core.v1.TopologySelectorLabelRequirement',
  topologySelectorLabelRequirementFields,
)

const affinityFields = {
  nodeAffinity: opt(1, () => NodeAffinity),
  podAffinity: opt(2, () => PodAffinity),
  podAntiAffinity: opt(3, () => PodAntiAffinity),
} as const

export interface Affinity extends Shape<typeof affinityFields> {}
export const Affinity = struct<Affinity>('core.v1.Affinity', affinityFields, {
  doc: 'On which nodes, and near or far from which pods, a pod should run.',
})

const podAffinityFields = {
  requiredDuringSchedulingIgnoredDuringExecution: opt(
    1,
    listOf(() => PodAffinityTerm),
  ),
  preferredDuringSchedulingIgnoredDuringExecution: opt(
    2,
    listOf(() => WeightedPodAffinityTerm),
  ),
} as const

export interface PodAffinity extends Shape<typeof podAffinityFields> {}
export const PodAffinity = struct<PodAffinity>('core.v1.PodAffinity', podAffinityFields)

const podAntiAffinityFields = {
  requiredDuringSchedulingIgnoredDuringExecution: opt(
    1,
    listOf(() => PodAffinityTerm),
  ),
  preferredDuringSchedulingIgnoredDuringExecution: opt(
    2,
    listOf(() => WeightedPodAffinityTerm),
  ),
} as const

export interface PodAntiAffinity extends Shape<typeof podAntiAffinityFields> {}
export const PodAntiAffinity = struct<PodAntiAffinity>('core.v1.PodAntiAffinity', podAntiAffinityFields)

const weightedPodAffinityTermFields = {
  weight: req(1, int32),
  podAffinityTerm: req(2, () => PodAffinityTerm),
} as const

export interface WeightedPodAffinityTerm extends Shape<typeof weightedPodAffinityTermFields> {}
export const WeightedPodAffinityTerm = struct<WeightedPodAffinityTerm>(
  'core.v1.WeightedPodAffinityTerm',
  weightedPodAffinityTermFields,
)

const podAffinityTermFields = {
  labelSelector: opt(1, () => LabelSelector),
  namespaces: opt(2, listOf(str)),
  topologyKey: req(3, str),
  namespaceSelector: opt(4, () => LabelSelector),
  matchLabelKeys: opt(5, listOf(str)),
  mismatchLabelKeys: opt(6, listOf(str)),
} as const

export interface PodAffinityTerm extends Shape<typeof podAffinityTermFields> {}
export const PodAffinityTerm = struct<PodAffinityTerm>('core.v1.PodAffinityTerm', podAffinityTermFields)

const nodeAffinityFields = {
  requiredDuringSchedulingIgnoredDuringExecution: opt(1, () => NodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: opt(
    2,
    listOf(() => PreferredSchedulingTerm),
  ),
} as const

export interface NodeAffinity extends Shape<typeof nodeAffinityFields> {}
export const NodeAffinity = struct<NodeAffinity>('core.v1.NodeAffinity', nodeAffinityFields)

const preferredSchedulingTermFields = {
  weight: req(1, int32),
  preference: req(2, () => NodeSelectorTerm),
} as const

export interface PreferredSchedulingTerm extends Shape<typeof preferredSchedulingTermFields> {}
export const PreferredSchedulingTerm = struct<PreferredSchedulingTerm>(
  'core.v1.PreferredSchedulingTerm',
  preferredSchedulingTermFields,
)

const taintFields = {
  key: req(1, str),
  value: opt(2, str),
  effect: req(3, TaintEffect),
  timeAdded: ptr(4, time),
} as const

export interface Taint extends Shape<typeof taintFields> {}
export const Taint = struct<Taint>('core.v1.Taint', taintFields, {
  doc: 'Keeps pods off a node that do not tolerate it.',
})

const tolerationFields = {
  key: opt(1, str),
  operator: opt(2, TolerationOperator),
  value: opt(3, str),
  effect: opt(4, TaintEffect),
  tolerationSeconds: ptr(5, int64),
} as const

export interface Toleration extends Shape<typeof tolerationFields> {}
export const Toleration = struct<Toleration>('core.v1.Toleration', tolerationFields, {
  doc: 'Lets a pod run on nodes that have a matching taint.',
})
