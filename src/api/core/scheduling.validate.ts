import { labelName, labelValue, qualifiedName, subdomainName } from '../meta/names.validate.ts'
import type { LabelSelector } from '../meta/object-meta.ts'
import {
  duplicate,
  forbidden,
  invalid,
  invalidEach,
  notSupported,
  oneOfIfSet,
  type Problems,
  required,
} from '../meta/report.validate.ts'
import { validateLabelSelector } from '../meta/selector.validate.ts'
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Taint,
  Toleration,
} from './affinity.ts'
import type { PodSchedulingGate, TopologySpreadConstraint } from './pod.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const
const NO_OPERATOR = 'not a valid selector operator'
const RANGE = 'must be in the range 1-100'

export function validateNodeSelector(out: Problems, field: string, selector: NodeSelector): void {
  const terms = selector.nodeSelectorTerms ?? []
  const at = `${field}.nodeSelectorTerms`
  if (terms.length === 0) required(out, at, 'must have at least one node selector term')
  for (let i = 0; i < terms.length; i++) validateNodeSelectorTerm(out, `${at}[${i}]`, terms[i]!, true)
}

function validateNodeSelectorTerm(
  out: Problems,
  field: string,
  term: NodeSelectorTerm,
  values: boolean,
): void {
  const { matchExpressions = [], matchFields = [] } = term
  for (let i = 0; i < matchExpressions.length; i++) {
    validateRequirement(out, `${field}.matchExpressions[${i}]`, matchExpressions[i]!, values)
  }
  for (let i = 0; i < matchFields.length; i++) {
    validateFieldRequirement(out, `${field}.matchFields[${i}]`, matchFields[i]!)
  }
}

function validateRequirement(
  out: Problems,
  field: string,
  r: NodeSelectorRequirement,
  checkValues: boolean,
): void {
  const values = r.values ?? []
  switch (r.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        required(out, `${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        forbidden(
          out,
          `${field}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )
      }
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        required(out, `${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")
      }
      break
    default:
      invalid(out, `${field}.operator`, r.operator ?? '', NO_OPERATOR)
  }
  invalidEach(out, `${field}.key`, r.key ?? '', qualifiedName(r.key ?? ''))
  if (!checkValues) return
  for (let i = 0; i < values.length; i++)
    invalidEach(out, `${field}.values[${i}]`, values[i], labelValue(values[i]!))
}

function validateFieldRequirement(out: Problems, field: string, r: NodeSelectorRequirement): void {
  const values = r.values ?? []
  if (r.operator !== 'In' && r.operator !== 'NotIn')
    invalid(out, `${field}.operator`, r.operator ?? '', NO_OPERATOR)
  else if (values.length !== 1) {
    required(
      out,
      `${field}.values`,
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    )
  }
  if (r.key !== 'metadata.name') invalid(out, `${field}.key`, r.key ?? '', 'not a valid field selector key')
  else values.forEach((v, i) => void invalidEach(out, `${field}.values[${i}]`, v, subdomainName(v, false)))
}

export function validateAffinity(out: Problems, field: string, affinity: Affinity): void {
  if (affinity.nodeAffinity) validateNodeAffinity(out, `${field}.nodeAffinity`, affinity.nodeAffinity)
  if (affinity.podAffinity) validatePodAffinity(out, `${field}.podAffinity`, affinity.podAffinity)
  if (affinity.podAntiAffinity) validatePodAffinity(out, `${field}.podAntiAffinity`, affinity.podAntiAffinity)
}

function validateNodeAffinity(out: Problems, field: string, affinity: NodeAffinity): void {
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution
  if (must) validateNodeSelector(out, `${field}.requiredDuringSchedulingIgnoredDuringExecution`, must)
  const soft = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (let i = 0; i < soft.length; i++) {
    const at = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
    validateWeight(out, at, soft[i]!.weight)
    validateNodeSelectorTerm(out, `${at}.preference`, soft[i]!.preference ?? {}, false)
  }
}

function validateWeight(out: Problems, field: string, weight: number): void {
  if (!(weight > 0 && weight <= 100)) invalid(out, `${field}.weight`, weight ?? 0, RANGE)
}

function validatePodAffinity(out: Problems, field: string, affinity: PodAffinity): void {
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []
  for (let i = 0; i < must.length; i++) {
    validatePodAffinityTerm(out, `${field}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, must[i]!)
  }
  const soft = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (let i = 0; i < soft.length; i++) {
    const at = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
    validateWeight(out, at, soft[i]!.weight)
    validatePodAffinityTerm(out, `${at}.podAffinityTerm`, soft[i]!.podAffinityTerm ?? { topologyKey: '' })
  }
}

function validatePodAffinityTerm(out: Problems, field: string, term: PodAffinityTerm): void {
  validateLabelSelector(out, `${field}.labelSelector`, term.labelSelector)
  validateLabelSelector(out, `${field}.namespaceSelector`, term.namespaceSelector)
  for (const name of term.namespaces ?? [])
    invalidEach(out, `${field}.namespace`, name, labelName(name, false))
  validateLabelKeys(out, `${field}.matchLabelKeys`, term.matchLabelKeys, term.labelSelector)
  validateLabelKeys(out, `${field}.mismatchLabelKeys`, term.mismatchLabelKeys, term.labelSelector)
  const { matchLabelKeys = [], mismatchLabelKeys = [] } = term
  matchLabelKeys.forEach((key, i) => {
    if (!mismatchLabelKeys.includes(key)) return
    invalid(out, `${field}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys')
  })
  if (!term.topologyKey) required(out, `${field}.topologyKey`, 'can not be empty')
  invalidEach(out, `${field}.topologyKey`, term.topologyKey ?? '', qualifiedName(term.topologyKey ?? ''))
}

function validateLabelKeys(
  out: Problems,
  field: string,
  keys: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): void {
  if (!keys?.length) return
  if (!selector) forbidden(out, field, 'must not be specified when labelSelector is not set')
  else keys.forEach((key, i) => void invalidEach(out, `${field}[${i}]`, key, qualifiedName(key)))
}

export function validateTaints(out: Problems, field: string, taints: readonly Taint[]): void {
  const seen = new Set<string>()
  taints.forEach((taint, i) => {
    const at = `${field}[${i}]`
    invalidEach(out, `${at}.key`, taint.key ?? '', qualifiedName(taint.key ?? ''))
    const messages = labelValue(taint.value ?? '')
    if (messages.length > 0) invalid(out, `${at}.value`, taint.value, messages.join(';'))
    if (!taint.effect) required(out, `${at}.effect`)
    else if (!EFFECTS.includes(taint.effect)) notSupported(out, `${at}.effect`, taint.effect, EFFECTS)
    const id = `${taint.effect} ${taint.key}`
    if (seen.has(id)) {
      out.push({
        type: 'Duplicate',
        field: at,
        value: taint,
        detail: 'taints must be unique by key and effect pair',
      })
    }
    seen.add(id)
  })
}

export function validateTolerations(out: Problems, field: string, tolerations: readonly Toleration[]): void {
  for (let i = 0; i < tolerations.length; i++) {
    const { key, operator, value, effect, tolerationSeconds } = tolerations[i]!
    const at = `${field}[${i}]`
    if (key) invalidEach(out, `${at}.key`, key, qualifiedName(key))
    else if (operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      invalid(out, `${at}.operator`, operator ?? '', why)
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      invalid(out, `${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")
    }
    if (!operator || operator === 'Equal') {
      const messages = labelValue(value ?? '')
      if (messages.length > 0) invalid(out, `${at}.operator`, value, messages.join(';'))
    } else if (operator === 'Exists') {
      if (value) invalid(out, `${at}.operator`, value, "value must be empty when `operator` is 'Exists'")
    } else notSupported(out, `${at}.operator`, operator, ['Equal', 'Exists'])
    if (effect && !EFFECTS.includes(effect)) notSupported(out, `${at}.effect`, effect, EFFECTS)
  }
}

const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway']
const INCLUSION = ['Honor', 'Ignore']

export function validateSpreading(
  out: Problems,
  field: string,
  constraints: readonly TopologySpreadConstraint[],
): void {
  const last = new Map<string, number>()
  constraints.forEach((c, i) => void last.set(`${c.topologyKey}, ${c.whenUnsatisfiable}`, i))
  constraints.forEach((c, i) => {
    const at = `${field}[${i}]`
    if (!(c.maxSkew > 0)) invalid(out, `${at}.maxSkew`, c.maxSkew ?? 0, 'must be greater than zero')
    if (!c.topologyKey) required(out, `${at}.topologyKey`, 'can not be empty')
    if (!ACTIONS.includes(c.whenUnsatisfiable)) {
      notSupported(out, `${at}.whenUnsatisfiable`, c.whenUnsatisfiable ?? '', ACTIONS)
    }
    const id = `${c.topologyKey}, ${c.whenUnsatisfiable}`
    if (last.get(id)! > i) duplicate(out, `${at}.{topologyKey, whenUnsatisfiable}`, `{${id}}`)
    if (c.minDomains !== undefined) {
      if (c.minDomains <= 0) invalid(out, `${at}.minDomains`, c.minDomains, 'must be greater than zero')
      if (c.whenUnsatisfiable !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`
        invalid(out, `${at}.minDomains`, c.minDomains, why)
      }
    }
    oneOfIfSet(out, `${at}.nodeAffinityPolicy`, c.nodeAffinityPolicy, INCLUSION)
    oneOfIfSet(out, `${at}.nodeTaintsPolicy`, c.nodeTaintsPolicy, INCLUSION)
    validateSpreadKeys(out, `${at}.matchLabelKeys`, c)
    validateLabelSelector(out, `${at}.labelSelector`, c.labelSelector)
  })
}

function validateSpreadKeys(out: Problems, field: string, c: TopologySpreadConstraint): void {
  const keys = c.matchLabelKeys ?? []
  if (keys.length === 0) return
  if (!c.labelSelector) forbidden(out, field, 'must not be specified when labelSelector is not set')
  const selected = new Set([
    ...Object.keys(c.labelSelector?.matchLabels ?? {}),
    ...(c.labelSelector?.matchExpressions ?? []).map((e) => e.key),
  ])
  keys.forEach((key, i) => {
    invalidEach(out, `${field}[${i}]`, key, qualifiedName(key))
    if (selected.has(key))
      invalid(out, `${field}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector')
  })
}

export function validateSchedulingGates(
  out: Problems,
  field: string,
  gates: readonly PodSchedulingGate[],
): void {
  const seen = new Set<string>()
  gates.forEach(({ name }, i) => {
    invalidEach(out, `${field}[${i}]`, name ?? '', qualifiedName(name ?? ''))
    if (seen.has(name)) duplicate(out, `${field}[${i}]`, name)
    seen.add(name)
  })
}
