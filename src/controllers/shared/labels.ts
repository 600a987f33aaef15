import type { LabelSelector } from '../../api/index.ts'
import { type Labels, matchesLabels, SelectorError, selectorOf } from '../../schema/index.ts'

export type LabelMatcher = (labels: Labels) => boolean

const matchers = new WeakMap<LabelSelector, LabelMatcher>()

/** The test that a selector stands for, made once per selector object. An absent one matches nothing, an empty one all. */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return () => false
  let matcher = matchers.get(selector)
  if (!matcher) {
    matcher = compiled(selector)
    matchers.set(selector, matcher)
  }
  return matcher
}

/** One that cannot be read (the server refuses those) matches nothing, rather than hold up all others. */
function compiled(selector: LabelSelector): LabelMatcher {
  try {
    const parsed = selectorOf(selector)
    return (labels) => matchesLabels(parsed, labels)
  } catch (error) {
    if (error instanceof SelectorError) return () => false
    throw error
  }
}

export function selectsEverything(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return false
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  )
}

/** Every pair of `wanted` is in `labels`. */
export function hasLabels(labels: Labels, wanted: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(wanted)) if (labels?.[key] !== value) return false
  return true
}
