import { Pod } from '../../api/index.ts'
import { timestamp } from '../../base/index.ts'
import { keyText } from '../../client/index.ts'
import { defineController, mergePatch, nothingToDo, type Plan, plan, trigger } from '../runtime/index.ts'
import { podCondition } from '../shared/pods.ts'

const TYPE = 'DisruptionTarget'
const STALE_MS = 120_000
/** The node ends such a pod itself, and may take its time. */
const BY_THE_NODE = 'TerminationByKubelet'

/** A pod that was to be disrupted two minutes ago and still is not on its way out has been spared. */
export function planSpared(pod: Pod, now: number): Plan {
  const marked = podCondition(pod, TYPE)
  if (marked?.status !== 'True' || marked.reason === BY_THE_NODE || pod.metadata.deletionTimestamp) {
    return nothingToDo
  }
  const left = (Date.parse(marked.lastTransitionTime ?? '') || 0) + STALE_MS - now
  if (left > 0) return plan([], { againAfterMs: left })
  const { generation } = pod.metadata
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  const conditions = [
    ...(pod.status.conditions ?? []).filter((c) => c !== marked),
    { type: TYPE, status: 'False', lastTransitionTime: timestamp(now), ...observed },
  ]
  return plan([mergePatch(Pod, pod, { status: { conditions } }, { exact: true, subresource: 'status' })])
}

/** Takes back what pods say of a disruption that did not come. */
export const sparedPods = defineController({
  name: 'spared-pods',
  serviceAccount: 'disruption-controller',
  reads: [Pod],
  writes: [{ kind: Pod, subresource: 'status', verbs: ['patch'] }],
  on: [
    trigger(
      Pod,
      (pod) => (podCondition(pod, TYPE) ? [keyText(pod.metadata)] : []),
      (now, old) => podCondition(now, TYPE)?.status !== podCondition(old, TYPE)?.status,
    ),
  ],
  observe: (key, view) => {
    const pod = view.get(Pod, key)
    return pod && podCondition(pod, TYPE) ? pod : undefined
  },
  plan: (pod, { now }) => planSpared(pod, now),
})
