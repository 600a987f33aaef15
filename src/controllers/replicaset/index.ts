import { Pod, ReplicaSet } from '../../api/index.ts'
import { keyText } from '../../client/index.ts'
import { defineController, each, index, ownedBy, trigger, type View } from '../runtime/index.ts'
import { matcherOf } from '../shared/labels.ts'
import { byController, controllerOf, orphansOf } from '../shared/owners.ts'
import { planReplicaSet } from './plan.ts'

const BY_CONTROLLER = 'controller'

/** Keeps as many pods as each ReplicaSet asks for. */
export const replicaSets = defineController({
  name: 'replicaset',
  reads: [ReplicaSet, Pod],
  writes: [
    { kind: Pod, verbs: ['create', 'delete', 'patch'] },
    { kind: ReplicaSet, subresource: 'status', verbs: ['update'] },
  ],
  indexes: [index(Pod, BY_CONTROLLER, byController), index(ReplicaSet, BY_CONTROLLER, byController)],
  on: [each(ReplicaSet), ownedBy(ReplicaSet, Pod), trigger(Pod, takers)],
  observe: (key, view) => {
    const replicaSet = view.get(ReplicaSet, key)
    return (
      replicaSet && {
        replicaSet,
        controlled: [...view.byIndex(Pod, BY_CONTROLLER, replicaSet.metadata.uid)],
        orphans: [...view.byIndex(Pod, BY_CONTROLLER, orphansOf(key.namespace))],
        siblings: () => siblingsOf(replicaSet, view),
      }
    )
  },
  plan: planReplicaSet,
})

/** A pod that nobody controls concerns every ReplicaSet that would take it in. */
function* takers(pod: Pod, view: View): Iterable<string> {
  if (controllerOf(pod)) return
  for (const replicaSet of view.list(ReplicaSet, pod.metadata.namespace)) {
    if (matcherOf(replicaSet.spec.selector)(pod.metadata.labels)) yield keyText(replicaSet.metadata)
  }
}

function* siblingsOf(replicaSet: ReplicaSet, view: View): Iterable<Pod> {
  const owner = controllerOf(replicaSet)
  const related = owner ? view.byIndex(ReplicaSet, BY_CONTROLLER, owner.uid) : [replicaSet]
  for (const { metadata } of related) yield* view.byIndex(Pod, BY_CONTROLLER, metadata.uid)
}
