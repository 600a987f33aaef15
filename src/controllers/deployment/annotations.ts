import type { Deployment, ReplicaSet } from '../../api/index.ts'
import { bounds, wantedReplicas } from './sizes.ts'

/** What a Deployment notes on its ReplicaSets. kubectl's rollout commands read these. */
export const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED = 'deployment.kubernetes.io/desired-replicas'
export const MAX = 'deployment.kubernetes.io/max-replicas'
export const HASH_LABEL = 'pod-template-hash'

const OWN = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
])

const MAX_HISTORY_LENGTH = 2000

export type Annotations = Readonly<Record<string, string>>

export function numberIn(annotations: Annotations | undefined, name: string): number | undefined {
  const text = annotations?.[name]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

export function revisionOf(replicaSet: ReplicaSet): number {
  return numberIn(replicaSet.metadata.annotations, REVISION) ?? 0
}

/** The sizes that later tell a change of scale from a step of the rollout. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const wanted = wantedReplicas(deployment)
  return { [DESIRED]: String(wanted), [MAX]: String(wanted + bounds(deployment).surge) }
}

/** What the new ReplicaSet carries: the Deployment's own annotations, and its revision, which only grows. */
export function newAnnotations(deployment: Deployment, before: Annotations, revision: number): Annotations {
  const after: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!OWN.has(name)) after[name] = value
  }
  const old = numberIn(before, REVISION)
  if (old !== undefined && old >= revision) return after
  after[REVISION] = String(revision)
  // It served before, and serves again (a rollback): its old numbers stay known.
  if (old !== undefined) {
    const history = [...(before[REVISION_HISTORY] ?? '').split(',').filter(Boolean), String(old)]
    while (history.join(',').length > MAX_HISTORY_LENGTH) history.shift()
    after[REVISION_HISTORY] = history.join(',')
  }
  return after
}
