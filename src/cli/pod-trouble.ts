import type { Pod } from '../api/index.ts'

/** Why a pod is not running as it should, a line a reason; none for a pod that is well (or done). */
export function podTroubles(pod: Pod): string[] {
  const name = `pod ${pod.metadata.namespace}/${pod.metadata.name}`
  if (pod.metadata.deletionTimestamp || pod.status.phase === 'Succeeded') return []
  if (pod.status.phase === 'Failed')
    return [`${name} failed: ${pod.status.message ?? pod.status.reason ?? 'see its logs'}`]
  const scheduled = pod.status.conditions?.find((c) => c.type === 'PodScheduled')
  if (scheduled?.status === 'False') return [`${name} has no node: ${scheduled.message ?? scheduled.reason}`]
  if (!pod.spec.nodeName) return [`${name} has no node yet`]
  const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]
  const waiting = statuses.flatMap(({ name: container, state, lastState }) => {
    const { reason, message } = state?.waiting ?? {}
    if (!reason || reason === 'PodInitializing' || reason === 'ContainerCreating') return []
    const last = lastState?.terminated
    const ended = last
      ? ` (it last ended with exit code ${last.exitCode}${last.reason ? `, ${last.reason}` : ''})`
      : ''
    return [`${name}: container "${container}" waits: ${reason}${message ? `: ${message}` : ''}${ended}`]
  })
  if (waiting.length > 0) return waiting
  const unready = statuses.filter((c) => c.state?.running && !c.ready).map((c) => c.name)
  return unready.length > 0 ? [`${name}: not ready: ${unready.map((c) => `"${c}"`).join(', ')}`] : []
}
