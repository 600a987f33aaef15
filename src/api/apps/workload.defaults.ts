import { assign, each, fill, within } from '../copy.strategy.ts'
import type { PersistentVolumeClaim } from '../core/persistent-volume.ts'
import { defaultPodTemplate } from '../core/pod.defaults.ts'
import type { DaemonSet } from './daemon-set.ts'
import type { Deployment } from './deployment.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { StatefulSet } from './stateful-set.ts'

export function defaultDeployment(deployment: Deployment): Deployment {
  return within(deployment, 'spec', (spec) => {
    let s = fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 })
    const strategy = fill(s.strategy ?? {}, { type: 'RollingUpdate' })
    s = assign(s, {
      strategy:
        strategy.type === 'RollingUpdate'
          ? assign(strategy, {
              rollingUpdate: fill(strategy.rollingUpdate ?? {}, { maxUnavailable: '25%', maxSurge: '25%' }),
            })
          : strategy,
    })
    return within(s, 'template', defaultPodTemplate)
  })
}

export function defaultReplicaSet(set: ReplicaSet): ReplicaSet {
  return within(set, 'spec', (spec) => within(fill(spec, { replicas: 1 }), 'template', defaultPodTemplate))
}

export function defaultDaemonSet(set: DaemonSet): DaemonSet {
  return within(set, 'spec', (spec) => {
    let s = fill(spec, { revisionHistoryLimit: 10 })
    const strategy = fill(s.updateStrategy ?? {}, { type: 'RollingUpdate' })
    s = assign(s, {
      updateStrategy:
        strategy.type === 'RollingUpdate'
          ? assign(strategy, {
              rollingUpdate: fill(strategy.rollingUpdate ?? {}, { maxUnavailable: 1, maxSurge: 0 }),
            })
          : strategy,
    })
    return within(s, 'template', defaultPodTemplate)
  })
}

const defaultClaimSpec = (spec: PersistentVolumeClaim['spec']) => fill(spec, { volumeMode: 'Filesystem' })
const defaultClaimStatus = (status: PersistentVolumeClaim['status']) => fill(status, { phase: 'Pending' })
const RETAIN = { whenDeleted: 'Retain', whenScaled: 'Retain' } as const

export function defaultStatefulSet(set: StatefulSet): StatefulSet {
  return within(set, 'spec', (spec) => {
    let s = fill(spec, { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady' })
    const strategy = fill(s.updateStrategy ?? {}, { type: 'RollingUpdate' })
    s = assign(s, {
      updateStrategy:
        strategy.type === 'RollingUpdate'
          ? assign(strategy, { rollingUpdate: fill(strategy.rollingUpdate ?? {}, { partition: 0 }) })
          : strategy,
      persistentVolumeClaimRetentionPolicy: fill(s.persistentVolumeClaimRetentionPolicy ?? {}, RETAIN),
    })
    s = within(s, 'volumeClaimTemplates', (claims) =>
      each(claims, (claim) => {
        const c = fill(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', status: {} })
        return within(within(c, 'spec', defaultClaimSpec), 'status', defaultClaimStatus)
      }),
    )
    return within(s, 'template', defaultPodTemplate)
  })
}
