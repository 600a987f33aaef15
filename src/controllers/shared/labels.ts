import type { LabelSelector } from '../../api/index.ts'

export type Labels = Readonly<Record<string, string>>
export type LabelMatcher = (labels: Labels | undefined) => boolean

const matchers = new WeakMap<LabelSelector, LabelMatcher>()

/**
 * The test that a selector stands for, made once per selector object. An absent selector matches nothing, an empty
 * one everything (API doc: LabelSelector). An operator that is not known makes it match nothing.
 */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return () => false
  let matcher = matchers.get(selector)
  if (!matcher) {
    matcher = compile(selector)
    matchers.set(selector, matcher)
  }
  return matcher
}

export function selectsEverything(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return false
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  )
}

function compile(selector: LabelSelector): LabelMatcher {
  const equal = Object.entries(selector.matchLabels ?? {})
  const expressions = selector.matchExpressions ?? []
  return (labels = {}) => {
    for (const [key, value] of equal) if (labels[key] !== value) return false
    return expressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
        default:
          return false
      }
    })
  }
}

/** Every pair of `wanted` is in `labels`. */
export function hasLabels(labels: Labels | undefined, wanted: Labels): boolean {
  for (const [key, value] of Object.entries(wanted)) if (labels?.[key] !== value) return false
  return true
}
