import {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from '../api/index.ts'
import { type Informer, type InformerEvent, type Informers, keyOf, keyText } from '../client/index.ts'
import type { KubeObject } from '../schema/index.ts'
import type { ClusterEvent } from './queue/events.ts'
import type { Snapshot } from './snapshot/snapshot.ts'

/** Everything but pods that the scheduler watches. */
export interface Followed {
  whenSynced(signal: AbortSignal): Promise<void>
  /** Fills the snapshot, and keeps it up to date until the result is called. */
  start(): () => void
}

/** Keeps the snapshot equal to the cluster, and tells what happened that may help pods that wait. */
export function follow(
  informers: Informers,
  snapshot: Snapshot,
  tell: (event: ClusterEvent) => void,
): Followed {
  const starts: (() => () => void)[] = []
  const all: Informer<never>[] = []
  const on = <T extends KubeObject>(
    informer: Informer<T>,
    handle: (event: InformerEvent<T>, gone: boolean) => void,
  ) => {
    all.push(informer as unknown as Informer<never>)
    starts.push(() => informer.on((event) => handle(event, event.type === 'deleted')))
  }
  on(informers.for(Namespace), ({ object: { metadata } }, gone) => {
    if (gone) snapshot.removeNamespace(metadata.name)
    else snapshot.setNamespace(metadata.name, metadata.labels)
    tell({ type: 'NamespaceChanged', namespace: metadata.name })
  })
  on(informers.for(Node), (event) => onNode(event, snapshot, tell))
  on(informers.for(Service), ({ object: { metadata, spec } }, gone) =>
    snapshot.related.setService(metadata.namespace ?? '', metadata.name, gone ? undefined : spec.selector),
  )
  for (const kind of [ReplicaSet, StatefulSet] as const) {
    on<ReplicaSet | StatefulSet>(informers.for<ReplicaSet | StatefulSet>(kind), ({ object }, gone) => {
      const { namespace = '', name } = object.metadata
      snapshot.related.setOwner(kind.resource.kind, namespace, name, gone ? undefined : object.spec.selector)
    })
  }
  on(informers.for(ReplicationController), ({ object: { metadata, spec } }, gone) => {
    const selector = gone || !spec.selector ? undefined : { matchLabels: spec.selector }
    snapshot.related.setOwner('ReplicationController', metadata.namespace ?? '', metadata.name, selector)
  })
  on(informers.for(PersistentVolumeClaim), ({ object }, gone) => {
    snapshot.volumes.setClaim(object, gone)
    snapshot.volumesChanged()
    tell({ type: 'VolumesChanged', claim: keyOf(object) })
  })
  on(informers.for(PersistentVolume), ({ object }, gone) => {
    snapshot.volumes.setVolume(object, gone)
    snapshot.volumesChanged()
    tell({ type: 'VolumesChanged' })
  })
  on(informers.for(PodDisruptionBudget), ({ object }, gone) => {
    if (gone) snapshot.budgets.delete(keyText(object.metadata))
    else snapshot.budgets.set(keyText(object.metadata), object)
  })
  return {
    async whenSynced(signal) {
      await Promise.all(all.map((informer) => informer.whenSynced(signal)))
    },
    start() {
      const stops = starts.map((start) => start())
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}

function onNode(event: InformerEvent<Node>, snapshot: Snapshot, tell: (event: ClusterEvent) => void): void {
  const node = event.object
  if (event.type === 'deleted') {
    snapshot.removeNode(node.metadata.name)
    tell({ type: 'NodeGone', node })
    return
  }
  const changes = snapshot.putNode(node)
  if (event.type === 'added') tell({ type: 'NodeAdded', node })
  else if (changes.length > 0) tell({ type: 'NodeUpdated', node, old: event.old, changes })
}
