import type { LabelSelector } from '../../api/index.ts'
import {
  type Labels,
  matchesLabels,
  type Requirement,
  type Selector,
  selectorOf,
} from '../../schema/index.ts'

/** Which pods are meant: those of some namespaces that a selector matches. Equal text, equal meaning. */
export interface PodCondition {
  readonly text: string
  readonly namespaces: ReadonlySet<string>
  /** Namespaces by their labels, besides those named. */
  readonly namespaceSelector: Selector | undefined
  readonly selector: Selector
}

export type NamespaceLabels = (namespace: string) => Labels

export function podCondition(
  namespaces: readonly string[],
  selector: Selector,
  namespaceSelector?: Selector,
): PodCondition {
  const sorted = [...new Set(namespaces)].sort()
  const text = JSON.stringify([
    sorted,
    canonical(selector),
    namespaceSelector ? canonical(namespaceSelector) : 0,
  ])
  return { text, namespaces: new Set(sorted), namespaceSelector, selector }
}

export function meets(
  condition: PodCondition,
  namespace: string,
  labels: Labels,
  namespaceLabels: NamespaceLabels,
): boolean {
  if (!condition.namespaces.has(namespace)) {
    const { namespaceSelector } = condition
    if (!namespaceSelector || !matchesLabels(namespaceSelector, namespaceLabels(namespace))) return false
  }
  return matchesLabels(condition.selector, labels)
}

/**
 * The selector of a term that also names label keys: the pod's own values of these must be equal (`matchLabelKeys`) or
 * must differ (`mismatchLabelKeys`). Keys that the pod does not have are left out.
 */
export function selectorWithKeys(
  selector: LabelSelector | undefined,
  labels: Labels,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
): Selector {
  const base = selectorOf(selector)
  if (base.nothing || (match.length === 0 && mismatch.length === 0)) return base
  const more: Requirement[] = []
  const add = (keys: readonly string[], operator: 'in' | 'notin') => {
    for (const key of keys) {
      const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
      if (value !== undefined) more.push({ key, operator, values: [value] })
    }
  }
  add(match, 'in')
  add(mismatch, 'notin')
  return { requirements: [...base.requirements, ...more], nothing: false }
}

function canonical(selector: Selector): unknown {
  if (selector.nothing) return 'nothing'
  return selector.requirements.map((r) => [r.key, r.operator, r.values]).sort(byText)
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
