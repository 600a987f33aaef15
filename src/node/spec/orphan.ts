import type { Pod } from '../../api/index.ts'
import type { ObservedPod } from '../runtime/runtime.ts'
import { GRACE_PERIOD } from './labels.ts'

/** What can be said of a pod from what is left of it in the runtime: enough to end it. */
export function orphanPod(seen: ObservedPod): Pod {
  const names = [...new Set(seen.containers.map((c) => c.name))]
  const grace = Number(seen.containers[0]?.annotations[GRACE_PERIOD] ?? 30)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: seen.name,
      namespace: seen.namespace,
      uid: seen.uid,
      resourceVersion: '0',
      creationTimestamp: '1970-01-01T00:00:00Z',
    },
    spec: {
      containers: names.map((name) => ({ name, resources: {} })),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: Number.isFinite(grace) ? grace : 30,
    },
    status: {},
  }
}
