import type { Deployment } from '../api/index.ts'

export interface RolloutView {
  readonly done: boolean
  /** It cannot go on by itself. */
  readonly failed: boolean
  readonly text: string
  readonly updated: number
  readonly wanted: number
}

/** How far a Deployment's rollout is, in kubectl's words. */
export function rolloutOf(deployment: Deployment): RolloutView {
  const { status, spec, metadata } = deployment
  const wanted = spec.replicas ?? 1
  const updated = status.updatedReplicas ?? 0
  const view = (text: string, done = false, failed = false): RolloutView => ({
    done,
    failed,
    text,
    updated: Math.min(updated, status.availableReplicas ?? 0),
    wanted,
  })
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0))
    return view('Waiting for deployment spec update to be observed...')
  const progressing = status.conditions?.find((c) => c.type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded')
    return view(`error: deployment "${metadata.name}" exceeded its progress deadline`, false, true)
  const waiting = `Waiting for deployment "${metadata.name}" rollout to finish:`
  if (updated < wanted)
    return view(`${waiting} ${updated} out of ${wanted} new replicas have been updated...`)
  const old = (status.replicas ?? 0) - updated
  if (old > 0) return view(`${waiting} ${old} old replicas are pending termination...`)
  const available = status.availableReplicas ?? 0
  if (available < updated)
    return view(`${waiting} ${available} of ${updated} updated replicas are available...`)
  return view(`deployment "${metadata.name}" successfully rolled out`, true)
}
