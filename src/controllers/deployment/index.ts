import { Deployment, Pod, ReplicaSet } from '../../api/index.ts'
import { keyText } from '../../client/index.ts'
import { defineController, each, index, ownedBy, trigger, type View } from '../runtime/index.ts'
import { matcherOf } from '../shared/labels.ts'
import { byController, controllerOf, orphansOf } from '../shared/owners.ts'
import { planDeployment } from './plan.ts'
import { nameForNew } from './template.ts'

const BY_CONTROLLER = 'controller'

/** Rolls each Deployment's template out over ReplicaSets. */
export const deployments = defineController({
  name: 'deployment',
  reads: [Deployment, ReplicaSet, Pod],
  writes: [
    { kind: ReplicaSet, verbs: ['create', 'update', 'patch', 'delete'] },
    { kind: Deployment, verbs: ['update'] },
    { kind: Deployment, subresource: 'status', verbs: ['update'] },
  ],
  indexes: [index(ReplicaSet, BY_CONTROLLER, byController), index(Pod, BY_CONTROLLER, byController)],
  on: [
    each(Deployment),
    ownedBy(Deployment, ReplicaSet),
    trigger(ReplicaSet, takers),
    trigger(Pod, lastPodOf, ends),
  ],
  observe: (key, view) => {
    const deployment = view.get(Deployment, key)
    return (
      deployment && {
        deployment,
        controlled: [...view.byIndex(ReplicaSet, BY_CONTROLLER, deployment.metadata.uid)],
        orphans: [...view.byIndex(ReplicaSet, BY_CONTROLLER, orphansOf(key.namespace))],
        namesake: view.get(ReplicaSet, { namespace: key.namespace, name: nameForNew(deployment) }),
        podsOf: (replicaSet) => view.byIndex(Pod, BY_CONTROLLER, replicaSet.metadata.uid),
      }
    )
  },
  plan: planDeployment,
})

/** A ReplicaSet that nobody controls concerns every Deployment that would take it in. */
function* takers(replicaSet: ReplicaSet, view: View): Iterable<string> {
  if (controllerOf(replicaSet)) return
  for (const deployment of view.list(Deployment, replicaSet.metadata.namespace)) {
    if (matcherOf(deployment.spec.selector)(replicaSet.metadata.labels)) yield keyText(deployment.metadata)
  }
}

/** Recreate waits for the last old pod to be gone; nothing else of a pod matters here. */
function* lastPodOf(pod: Pod, view: View): Iterable<string> {
  const { namespace } = pod.metadata
  const owner = controllerOf(pod)
  if (owner?.kind !== 'ReplicaSet') return
  const replicaSet = view.get(ReplicaSet, { namespace, name: owner.name })
  const top = replicaSet && controllerOf(replicaSet)
  if (top?.kind !== 'Deployment') return
  const deployment = view.get(Deployment, { namespace, name: top.name })
  if (deployment?.spec.strategy.type === 'Recreate') yield keyText(deployment.metadata)
}

function ends(now: Pod, old: Pod): boolean {
  return now.status.phase !== old.status.phase
}
