import {
  Deployment,
  type ObjectMeta,
  type OwnerReference,
  type Pod,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '../../api/index.ts'
import type { Kind, KubeObject } from '../../schema/index.ts'
import type { View } from '../runtime/index.ts'
import { controllerOf } from '../shared/owners.ts'

/** What can control pods and says how many there should be. */
export const SCALED: readonly Kind<Scaled>[] = [Deployment, ReplicaSet, ReplicationController, StatefulSet]

type Scaled = KubeObject & {
  readonly metadata: ObjectMeta
  readonly spec?: { readonly replicas?: number | undefined }
}

/** Who stands behind a pod, and how many pods that one is to have. */
export interface Scale {
  readonly uid: string
  readonly replicas: number
}

/** undefined: the pod's controller is not there, or of a kind that says no number. A Deployment speaks for its ReplicaSets. */
export function scaleOf(pod: Pod, view: View): Scale | undefined {
  const { namespace } = pod.metadata
  const owner = find(controllerOf(pod), namespace, view)
  const top = owner && controllerOf(owner)
  const decides = top?.kind === 'Deployment' ? find(top, namespace, view) : owner
  return decides && { uid: decides.metadata.uid, replicas: decides.spec?.replicas ?? 1 }
}

function find(
  reference: OwnerReference | undefined,
  namespace: string | undefined,
  view: View,
): Scaled | undefined {
  const kind = SCALED.find(({ resource: { group, kind } }) => {
    return reference?.kind === kind && reference.apiVersion.startsWith(group === '' ? 'v' : `${group}/`)
  })
  const found = kind && view.get(kind, { namespace, name: reference!.name })
  return found?.metadata.uid === reference?.uid ? found : undefined
}
