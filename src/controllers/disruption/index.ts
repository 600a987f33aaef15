import { Pod, PodDisruptionBudget } from '../../api/index.ts'
import { keyText } from '../../client/index.ts'
import type { KubeObject } from '../../schema/index.ts'
import { defineController, each, trigger, type View } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'
import { matcherOf } from '../shared/labels.ts'
import { isReady } from '../shared/pods.ts'
import { planBudget } from './plan.ts'
import { SCALED, scaleOf } from './scale.ts'

export { sparedPods } from './stale.ts'

/** Keeps in each PodDisruptionBudget's status how many of its pods an eviction may take. */
export const disruptionBudgets = defineController({
  name: 'disruption',
  reads: [PodDisruptionBudget, Pod, ...SCALED],
  writes: [{ kind: PodDisruptionBudget, subresource: 'status', verbs: ['update'] }],
  on: [
    each(PodDisruptionBudget),
    trigger(Pod, selecting, countsDifferently),
    ...SCALED.map((kind) => trigger(kind, allOf, (now, old) => now.spec?.replicas !== old.spec?.replicas)),
  ],
  observe: (key, view) => {
    const budget = view.get(PodDisruptionBudget, key)
    if (!budget) return undefined
    const selects = matcherOf(budget.spec.selector)
    const pods = [...view.list(Pod, key.namespace)].filter((pod) => selects(pod.metadata.labels))
    return { budget, pods, scaleOf: (pod: Pod) => scaleOf(pod, view) }
  },
  plan: (observed, { now }) => planBudget(observed, now),
})

function* selecting(pod: Pod, view: View): Iterable<string> {
  for (const budget of view.list(PodDisruptionBudget, pod.metadata.namespace)) {
    if (matcherOf(budget.spec.selector)(pod.metadata.labels)) yield keyText(budget.metadata)
  }
}

function countsDifferently(now: Pod, old: Pod): boolean {
  return (
    isReady(now) !== isReady(old) ||
    now.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    !equal(now.metadata.labels, old.metadata.labels) ||
    !equal(now.metadata.ownerReferences, old.metadata.ownerReferences)
  )
}

/** Whose pods they are is found out when it is looked at: few namespaces have more than some budgets. */
function* allOf({ metadata: { namespace } }: KubeObject, view: View): Iterable<string> {
  for (const budget of view.list(PodDisruptionBudget, namespace)) yield keyText(budget.metadata)
}
